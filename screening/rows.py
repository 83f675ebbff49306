"""The SQL of the projection: rows in and out of screening's tables, a constant number of statements for any batch."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

import orjson
from django.db import connection

from healthhub.postgresql.prepared import execute_prepared
from screening.protocol import Event

Key = tuple[str, str]  # (patient, programme)

_KEYS = (
    "JOIN unnest(%s::text[], %s::text[]) AS k(patient, programme) "
    "ON t.patient_id = k.patient AND t.programme = k.programme"
)
_LOCK_PEOPLE = """
SELECT patient_id, birth_date, sex, area_id FROM records_citizen WHERE patient_id = ANY(%s)
ORDER BY patient_id FOR NO KEY UPDATE
"""
_EVENT_COLUMNS = (
    "t.id::text, t.patient_id, t.programme, t.episode_id::text, t.kind, t.fact, t.occurred_on, t.source_type, "
    "t.source_id, t.source_version, (t.recorded_at AT TIME ZONE 'Asia/Ho_Chi_Minh')::date, t.data::text"
)
_EVENTS = f"SELECT {_EVENT_COLUMNS} FROM screening_episodeevent t {_KEYS}"
_SOURCES = f"""
SELECT {_EVENT_COLUMNS} FROM screening_episodeevent t
JOIN unnest(%s::text[], %s::text[]) AS k(type, id) ON t.source_id = k.id AND t.source_type = k.type
"""
_EPISODES = f"""
SELECT t.id::text, t.patient_id, t.programme, t.protocol_version, t.opened_on, t.state, t.step, t.category, t.due_on,
  t.due_from, t.due_rule, t.warn_on, t.limit_on, t.owner, t.closed_on, t.outcome, t.detail, t.needs::text
FROM screening_episode t {_KEYS}
"""
_RESULTS = f"""
SELECT t.observation_id, t.patient_id, t.programme, t.test, t.collected_on, t.area_id, t.episode_id::text,
  t.released_on, t.hold_until FROM screening_screeningresult t {_KEYS}
"""
_FACILITIES = "SELECT organization_id, code FROM records_facility WHERE organization_id = ANY(%s) AND code IS NOT NULL"
_ADD_EVENTS = """
INSERT INTO screening_episodeevent (id, patient_id, programme, episode_id, kind, fact, occurred_on, recorded_at,
  source_type, source_id, source_version, data, actor)
SELECT e.id, e.patient_id, e.programme, e.episode_id, e.kind, e.fact, e.occurred_on,
  coalesce(e.recorded_at, r.last_updated, now()), e.source_type, e.source_id, e.source_version, e.data, e.actor
FROM json_populate_recordset(NULL::screening_episodeevent, %s) e
LEFT JOIN fhir_resource r ON r.type = e.source_type AND r.id = e.source_id
ON CONFLICT (id) DO NOTHING
"""
_PROGRAMMES = """
SELECT DISTINCT patient_id, programme FROM screening_episodeevent WHERE patient_id = ANY(%s) AND programme <> ''
"""
_MOVE_EVENTS = """
UPDATE screening_episodeevent t SET episode_id = k.episode
FROM unnest(%s::uuid[], %s::uuid[]) AS k(id, episode) WHERE t.id = k.id
"""
_MOVE_RESULTS = """
UPDATE screening_screeningresult t SET episode_id = k.episode, released_on = k.released, hold_until = k.hold
FROM unnest(%s::text[], %s::uuid[], %s::date[], %s::date[]) AS k(id, episode, released, hold)
WHERE t.observation_id = k.id
"""
_RESULTS_OF_PEOPLE = """
SELECT r.observation_id, r.programme, r.test, r.collected_on, r.area_id, r.sex, r.age, c.birth_date, c.sex
FROM screening_screeningresult r JOIN records_citizen c ON c.patient_id = r.patient_id
WHERE r.patient_id = ANY(%s) FOR UPDATE OF r
"""
_SET_PEOPLE = """
UPDATE screening_screeningresult r SET sex = k.sex, age = k.age
FROM unnest(%s::text[], %s::text[], %s::smallint[]) AS k(id, sex, age) WHERE r.observation_id = k.id
"""


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


def lock_people(patients: Iterable[str]) -> dict[str, Person]:
    """These people; their rows stay locked until the transaction ends, in one order so that no two batches deadlock."""
    return {name: Person(*rest) for name, *rest in _fetch(_LOCK_PEOPLE, [sorted(patients)])}


def events_of(keys: Iterable[Key]) -> list[EventRow]:
    """All events of these people in these programmes."""
    return [_event(row) for row in _fetch(_EVENTS, _keyed(keys))]


def programmes_of(patients: Iterable[str]) -> set[Key]:
    """The programmes in which anything is known of these people."""
    return {(patient, programme) for patient, programme in _fetch(_PROGRAMMES, [list(patients)])}


def events_from(sources: Sequence[tuple[str, str]]) -> list[EventRow]:
    """All events of these (type, id)."""
    return [_event(row) for row in _fetch(_SOURCES, _columns(sources))] if sources else []


def episodes_of(keys: Iterable[Key]) -> dict[str, EpisodeRow]:
    """The stored rounds of these people in these programmes, by id."""
    found = _fetch(_EPISODES, _keyed(keys))
    return {row[0]: EpisodeRow._make([*row[:-1], orjson.loads(row[-1])]) for row in found}


def results_of(keys: Iterable[Key]) -> dict[str, ResultRow]:
    """The stored results of these people in these programmes, by Observation."""
    return {row[0]: ResultRow(*row) for row in _fetch(_RESULTS, _keyed(keys))}


def results_of_people(patients: Sequence[str]) -> list["Dated"]:
    """The results of these people with what is known of each person now."""
    return [Dated(*row) for row in _fetch(_RESULTS_OF_PEOPLE, [list(patients)])]


def set_people(changes: Sequence[tuple[str, str, int | None]]) -> None:
    """Give (Observation, sex, age) to results."""
    if changes:
        _run(_SET_PEOPLE, _columns(changes))


def facility_codes(ids: Iterable[str]) -> dict[str, str]:
    """The codes of these facilities; those without one are left out."""
    return dict(_fetch(_FACILITIES, [list(ids)]))


def add_events(rows: Sequence[Mapping[str, Any]]) -> None:
    """Append events; one that is there already stays as it is."""
    if rows:
        _run(_ADD_EVENTS, [_json(rows)])


def move_events(moves: Sequence[tuple[str, str | None]]) -> None:
    """Give (event, round) a new round."""
    if moves:
        _run(_MOVE_EVENTS, _columns(moves))


def move_results(moves: Sequence[tuple[str, str | None, date | None, date | None]]) -> None:
    """Give results (Observation, round, released on, held until) a new round and release."""
    if moves:
        _run(_MOVE_RESULTS, _columns(moves))


def write_episodes(rows: Sequence[EpisodeRow]) -> None:
    """Insert or replace rounds."""
    _upsert("screening_episode", "id", [row._asdict() for row in rows])


def drop_episodes(ids: Sequence[str]) -> None:
    """Remove rounds that a re-fold no longer finds."""
    if ids:
        _run("DELETE FROM screening_episode WHERE id = ANY(%s::uuid[])", [ids])


def write_results(rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert or replace results, given by column."""
    _upsert("screening_screeningresult", "observation_id", rows)


def drop_results(observations: Sequence[str]) -> None:
    """Remove the results of Observations that were taken back."""
    if observations:
        _run("DELETE FROM screening_screeningresult WHERE observation_id = ANY(%s)", [observations])


def _upsert(table: str, key: str, rows: Sequence[Mapping[str, Any]]) -> None:
    if not rows:
        return
    names = ", ".join(rows[0])
    updates = ", ".join(f"{column} = excluded.{column}" for column in rows[0] if column != key)
    _run(
        f"INSERT INTO {table} ({names}) SELECT {names} FROM json_populate_recordset(NULL::{table}, %s) "
        f"ON CONFLICT ({key}) DO UPDATE SET {updates}",
        [_json(rows)],
    )


def _event(row: Sequence[Any]) -> EventRow:
    *columns, data = row
    return EventRow._make([*columns, orjson.loads(data)])


def _fetch(sql: str, params: Sequence[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        execute_prepared(cursor, sql, params)
        return cursor.fetchall()


def _run(sql: str, params: Sequence[Any]) -> None:
    with connection.cursor() as cursor:
        execute_prepared(cursor, sql, params)


def _json(rows: Any) -> str:
    return orjson.dumps(rows, default=str).decode()  # a Decimal as text: the column makes it exact again


def _columns(rows: Sequence[Sequence[Any]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]


def _keyed(keys: Iterable[Key]) -> list[list[Any]]:
    """The two columns of the keys, also of none: somebody may have died without ever having been screened."""
    pairs = sorted(keys)
    return [[patient for patient, _ in pairs], [programme for _, programme in pairs]]
