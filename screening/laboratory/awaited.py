"""Samples of a person that wait for their result, as she reads it: that they are there, and by when she will hear."""

from dataclasses import dataclass
from datetime import date

from django.db.models import F

from screening.citizen import here, language, written
from screening.models import Specimen
from screening.protocol import protocol_for


@dataclass(frozen=True, slots=True)
class Awaited:
    """One sample. ``verdict``, ``meaning`` and ``next`` are the protocol's words for it."""

    programme: str
    test: str
    collected_on: date | None
    facility: str
    verdict: str
    meaning: str
    next: str


def awaited_by(patient: str) -> list[Awaited]:
    """Her samples that a laboratory holds without a result, the one due first on top. One query.

    A tube that went from one facility to another has a row of each: the newest counts, and none if one has a result or
    was rejected.
    """
    rows = Specimen.objects.filter(patient_id=patient).exclude(programme="").select_related("facility")
    tubes: dict[str, list[Specimen]] = {}
    for row in rows.order_by(F("received_at").asc(nulls_first=True), "specimen_id"):
        tubes.setdefault(row.barcode, []).append(row)
    waiting = [
        held[-1]
        for held in tubes.values()
        if held[-1].due_on is not None
        and held[-1].received_at is not None
        and all(one.status == "available" and one.result_id is None for one in held)
    ]
    return [_line(one) for one in sorted(waiting, key=lambda one: (one.due_on, one.specimen_id))]


def _line(row: Specimen) -> Awaited:
    assert row.due_on is not None
    protocol = protocol_for(row.programme, row.due_on)
    test = protocol.tests.get(row.test)
    words, due = protocol.wording["awaiting"][language()], written(row.due_on)
    said = {part: text.replace("{due}", due) for part, text in words.items()}
    return Awaited(
        programme=here(protocol.name),
        test=here(test.name) if test else row.test,
        collected_on=row.collected_on,
        facility=row.facility.name if row.facility else "",
        **said,
    )
