"""What screening somebody who is here for a yearly check, or for anything else, is due for."""

from dataclasses import dataclass
from datetime import date

from screening.citizen import here
from screening.models import StalePerson
from screening.recall.offers import offers_for


@dataclass(frozen=True, slots=True)
class Due:
    """A programme that she is due for, why, and the tests (key, name) that may be entered with one click."""

    programme: str
    name: str
    why: str
    due_on: date
    tests: list[tuple[str, str]]


def due_for(patient_id: str, *, on: date) -> list[Due]:
    """The longest due first; nothing that was deferred, declined or ceased."""
    return [
        Due(one.programme, here(one.name), here(one.why), one.due_on, [(key, here(name)) for key, name in one.tests])
        for one in offers_for(patient_id, on)
    ]


def being_worked_out(patient_id: str) -> bool:
    """Whether something was written about her a moment ago that may change what is due."""
    return StalePerson.objects.filter(patient=patient_id).exists()
