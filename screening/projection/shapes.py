"""Rows of screening's tables as the projection reads and writes them."""

from datetime import date
from typing import Any, NamedTuple

from screening.protocol import Event

Key = tuple[str, str]  # (patient, programme)
Cell = tuple[int | None, str, str, date]  # (area, programme, test, first day of the month)
Move = tuple[str, str | None, date | None, date | None]  # Observation, its round, released on, held until


class Person(NamedTuple):
    """What a result keeps of the person."""

    birth_date: date | None
    sex: str
    area: int | None


class EventRow(NamedTuple):
    """A row of EpisodeEvent, as far as a re-fold needs it."""

    id: str
    patient: str
    programme: str
    episode: str | None
    kind: str
    fact: str
    occurred_on: date
    source_type: str
    source_id: str
    source_version: int
    recorded_on: date
    data: dict[str, Any]

    @property
    def source(self) -> str:
        """``Type/id`` of the resource that says so."""
        return f"{self.source_type}/{self.source_id}"

    @property
    def withdrawn(self) -> bool:
        """Whether this event takes its source's fact back."""
        return self.kind == "withdrawn"

    def event(self) -> Event:
        """The event as the fold sees it."""
        return Event(self.fact, self.occurred_on, self.source, self.source_version, self.withdrawn, self.data)


class EpisodeRow(NamedTuple):
    """A row of Episode, in the order of its columns."""

    id: str
    patient_id: str
    programme: str
    protocol_version: str
    opened_on: date
    state: str
    step: str
    category: str
    due_on: date | None
    due_from: date | None
    due_rule: str
    warn_on: date | None
    limit_on: date | None
    owner: str
    closed_on: date | None
    outcome: str
    detail: str
    needs: list[dict[str, str]]
    waived: list[dict[str, str]]
    first_due_on: date | None
    district_on: date | None
    city_on: date | None
    waived_on: date | None


class ResultRow(NamedTuple):
    """What a stored result says about itself: enough to count its cell, keep its area, place and release it."""

    observation: str
    patient: str
    programme: str
    test: str
    collected_on: date
    area: int | None
    episode: str | None
    released_on: date | None
    hold_until: date | None


class Known(NamedTuple):
    """What is stored of some people; rounds by id, results by Observation, codes by facility."""

    events: list[EventRow]
    episodes: dict[str, EpisodeRow]
    results: dict[str, ResultRow]
    codes: dict[str, str]


class Dated(NamedTuple):
    """A result with the sex and age that it holds, and the person's birth date and sex of now."""

    observation: str
    programme: str
    test: str
    collected_on: date
    area: int | None
    sex: str
    age: int | None
    birth_date: date | None
    sex_now: str
