"""What may be offered to a person who is here now: at the yearly check, at any visit, when she asks herself.

Opportunistic programmes call nobody and live from this; in the others it reaches those who never answer a letter.
"""

from dataclasses import dataclass
from datetime import date, timedelta

from screening.models import Standing, Status
from screening.protocol import programmes, protocol_for
from screening.protocol.eligibility import age_on
from screening.protocol.shapes import OPPORTUNISTIC, Text
from screening.recall.explain import explain_due

EARLY = timedelta(days=42)  # due so soon that it makes no sense to send her home


@dataclass(frozen=True, slots=True)
class Offer:
    """A programme that is due for a person. ``tests`` are (key, name) of those offered at her age; ``why`` a sentence.

    ``called``: she is (also) called by letter; False for programmes that are offered only.
    """

    programme: str
    name: Text
    status: str
    due_on: date
    tests: list[tuple[str, Text]]
    called: bool
    why: Text


def offers_for(patient: str, on: date) -> list[Offer]:
    """What is due for her on that day or soon after, the longest due first. Two queries. Nothing that was deferred,
    opted out of or ceased, and nothing while a round is open."""
    standings = Standing.objects.filter(
        patient_id=patient,
        programme__in=programmes(),
        status__in=(Status.SCREENED, Status.DUE, Status.OVERDUE, Status.UNREACHABLE),
        due_on__lte=on + EARLY,
    ).select_related("patient")
    return [_offer(standing, on) for standing in standings.order_by("due_on", "programme")]


def _offer(standing: Standing, on: date) -> Offer:
    protocol = protocol_for(standing.programme, on)
    born = standing.patient.birth_date
    age = age_on(born, on, protocol.age_counted) if born else None
    bands = [
        band
        for band in protocol.bands
        if age is not None and band.min_age <= age and (band.max_age is None or age <= band.max_age)
    ]
    keys = (bands or list(protocol.bands))[0].tests
    assert standing.due_on is not None
    return Offer(
        programme=standing.programme,
        name=protocol.name,
        status=standing.status,
        due_on=standing.due_on,
        tests=[(key, protocol.tests[key].name) for key in keys],
        called=protocol.mode != OPPORTUNISTIC,
        why=explain_due(standing),
    )
