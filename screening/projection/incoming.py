"""Versions of resources, and the events that they add to what is known of their sources."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID, uuid5

from screening.elements import ZONE, Fact
from screening.projection import reading
from screening.projection.shapes import EventRow
from screening.protocol.events import DIED

#: Ids of rounds and events are made from what they are about, so that a rebuild gives the same ones.
NAMESPACE = UUID("6f0c2a52-6f5e-5d0e-9a0b-3d1f8d1f7c11")


@dataclass(frozen=True, slots=True)
class Incoming:
    """One version of a resource and what it says; ``fact`` None takes back whatever an earlier version said.

    ``created`` promises that no earlier version is known. ``recorded_at`` None is the stored version's own time.
    ``area`` is a one-tuple with the area where the person lived when it was recorded, or None for the one of now.
    """

    source_type: str
    source_id: str
    version: int
    patient: str | None
    fact: Fact | None
    created: bool
    actor: str
    recorded_at: datetime | None = None
    area: tuple[int | None] | None = None

    @property
    def source(self) -> str:
        """``Type/id``."""
        return f"{self.source_type}/{self.source_id}"

    @property
    def recorded_on(self) -> date:
        """The day in Hanoi on which it was saved."""
        return (self.recorded_at or datetime.now(UTC)).astimezone(ZONE).date()


Added = Sequence[tuple[EventRow, Incoming]]


def held_of(updates: Sequence[Incoming]) -> dict[str, EventRow]:
    """The newest event of each source that had one; of two of one version, the one that did not take the fact back."""
    newest: dict[str, EventRow] = {}
    for row in reading.events_from([(item.source_type, item.source_id) for item in updates]):
        known = newest.get(row.source)
        if not known or (row.source_version, not row.withdrawn) > (known.source_version, not known.withdrawn):
            newest[row.source] = row
    return newest


def new_events(incoming: Sequence[Incoming], held: Mapping[str, EventRow]) -> list[tuple[EventRow, Incoming]]:
    """The events that these versions add to what is known of their sources, version by version."""
    known = dict(held)
    added: list[tuple[EventRow, Incoming]] = []
    for item in incoming:
        old = known.get(item.source)
        for row in _events_of(item, old if old and not old.withdrawn else None):
            added.append((row, item))
            known[item.source] = row
    return added


def _events_of(item: Incoming, old: EventRow | None) -> list[EventRow]:
    """What a version adds to what its source said until then (``old``; None if nothing that stands)."""
    fact = item.fact if item.patient else None
    if fact is None:
        return [_withdrawn(item, old)] if old else []
    patient = item.patient or ""
    if old and (old.patient, old.programme, old.fact) == (patient, fact.programme, fact.fact):
        undated = fact.fact == DIED or fact.data.get("dated") is False  # the day of the first version stays
        if old.data == fact.data and (undated or old.occurred_on == fact.occurred_on):
            return []
        return [_event(item, "corrected", patient, fact.programme, fact.fact, fact.occurred_on, fact.data)]
    row = _event(item, fact.fact, patient, fact.programme, fact.fact, fact.occurred_on, fact.data)
    return [_withdrawn(item, old), row] if old else [row]


def _withdrawn(item: Incoming, old: EventRow) -> EventRow:
    return _event(item, "withdrawn", old.patient, old.programme, old.fact, old.occurred_on, old.data)


def _event(
    item: Incoming, kind: str, patient: str, programme: str, fact: str, occurred_on: date, data: dict[str, Any]
) -> EventRow:
    name = f"{item.source}/{item.version}/{kind}/{patient}/{programme}"
    return EventRow(
        id=str(uuid5(NAMESPACE, name)),
        patient=patient,
        programme=programme,
        episode=None,
        kind=kind,
        fact=fact,
        occurred_on=occurred_on,
        source_type=item.source_type,
        source_id=item.source_id,
        source_version=item.version,
        recorded_on=item.recorded_on,
        data=data,
    )
