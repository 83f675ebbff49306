"""What screening somebody who is here for a yearly check, or for anything else, is due for."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from healthhub.accounts.actors import Actor
from records.models import Citizen
from screening.clinic.standing import standings
from screening.results import results_of


@dataclass(frozen=True, slots=True)
class Due:
    """A programme that she is due for: in words why, and the tests that may be entered with one click."""

    programme: str
    name: str
    word: str
    reason: str
    tests: Sequence[tuple[str, str]]


def due_for(citizen: Citizen, *, actor: Actor, on: date) -> list[Due]:
    """Programmes that want something of her now. Two queries."""
    found = standings(citizen, list(results_of(citizen.pk)), on=on)
    return [
        Due(one.programme, one.name, str(one.word), str(one.reason), one.tests[:2])
        for one in found
        if one.kind in ("act", "urgent") and (one.episode is None or one.action in ("", "enter"))
    ]
