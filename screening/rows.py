"""The SQL of the projection: rows in and out of screening's tables, a constant number of statements for any batch."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

import orjson
from django.db import connection

from healthhub.postgresql.prepared import execute_prepared
from screening.protocol import Event

Key = tuple[str, str]  # (patient, programme)
Cell = tuple[int | None, str, str, date]  # (area, programme, test, first day of the month)
Move = tuple[str, str | None, date | None, date | None]  # Observation, its round, released on, held until

_KEYS = (
    "JOIN unnest(%s::text[], %s::text[]) AS k(patient, programme) "
    "ON t.patient_id = k.patient AND t.programme = k.programme"
)
_LOCK_PEOPLE = """
SELECT patient_id, birth_date, sex, area_id FROM records_citizen WHERE patient_id = ANY(%s)
ORDER BY patient_id FOR NO KEY UPDATE
"""
_EVENT_COLUMNS = (
    "t.id, t.patient_id, t.programme, t.episode_id, t.kind, t.fact, t.occurred_on, t.source_type, t.source_id, "
    "t.source_version, (t.recorded_at AT TIME ZONE 'Asia/Ho_Chi_Minh')::date, t.data"
)
_EPISODE_COLUMNS = (
    "t.id, t.patient_id, t.programme, t.protocol_version, t.opened_on, t.state, t.step, t.category, t.due_on, "
    "t.due_from, t.due_rule, t.warn_on, t.limit_on, t.owner, t.closed_on, t.outcome, t.detail, t.needs, "
    "t.first_due_on, t.district_on, t.city_on"
)
_RESULT_COLUMNS = (
    "t.observation_id, t.patient_id, t.programme, t.test, t.collected_on, t.area_id, t.episode_id, t.released_on, "
    "t.hold_until"
)
_SOURCES = f"""
SELECT json_build_array({_EVENT_COLUMNS})::text FROM screening_episodeevent t
JOIN unnest(%s::text[], %s::text[]) AS k(type, id) ON t.source_id = k.id AND t.source_type = k.type
"""
# One statement, so one answer from the server, and one state of the database, for all that a fold needs to know.
_KNOWN = f"""
SELECT
  (SELECT json_agg(json_build_array({_EVENT_COLUMNS})) FROM screening_episodeevent t {_KEYS})::text,
  (SELECT json_agg(json_build_array({_EPISODE_COLUMNS})) FROM screening_episode t {_KEYS})::text,
  (SELECT json_agg(json_build_array({_RESULT_COLUMNS})) FROM screening_screeningresult t {_KEYS})::text,
  (SELECT json_object_agg(organization_id, code) FROM records_facility
    WHERE organization_id = ANY(%s::text[]) AND code IS NOT NULL)::text
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


_EVENT_FIELDS = (
    *("id", "patient_id", "programme", "episode_id", "kind", "fact", "occurred_on", "recorded_at"),
    *("source_type", "source_id", "source_version", "data", "actor"),
)
_RESULT_FIELDS = (
    *("observation_id", "patient_id", "programme", "test", "category", "outcome", "value", "comparator", "unit", "kit"),
    *("cutoff", "explanation", "collected_on", "resulted_on", "specimen_id", "facility_id", "facility_code", "status"),
    *("episode_id", "area_id", "sex", "age", "version", "released_on", "hold_until"),
)


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
    first_due_on: date | None
    district_on: date | None
    city_on: date | None


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


def _places_of_dates(row: Any) -> list[int]:
    return [place for place, kind in enumerate(row.__annotations__.values()) if kind in (date, date | None)]


_EVENT_DATES, _EPISODE_DATES, _RESULT_DATES = map(_places_of_dates, (EventRow, EpisodeRow, ResultRow))


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


def lock_people(patients: Iterable[str]) -> dict[str, Person]:
    """These people; their rows stay locked until the transaction ends, in one order so that no two batches deadlock."""
    return {name: Person(*rest) for name, *rest in _fetch(_LOCK_PEOPLE, [sorted(patients)])}


def known_of(keys: Iterable[Key], facilities: Iterable[str]) -> Known:
    """All that is stored of these people in these programmes ("" for facts of the person)."""
    columns = _keyed(keys)
    ((events, episodes, results, codes),) = _fetch(_KNOWN, [*columns, *columns, *columns, list(facilities)])
    return Known(
        [EventRow._make(_dated(row, _EVENT_DATES)) for row in _loaded(events, [])],
        {row[0]: EpisodeRow._make(_dated(row, _EPISODE_DATES)) for row in _loaded(episodes, [])},
        {row[0]: ResultRow._make(_dated(row, _RESULT_DATES)) for row in _loaded(results, [])},
        _loaded(codes, {}),
    )


def programmes_of(patients: Iterable[str]) -> set[Key]:
    """The programmes in which anything is known of these people."""
    return {(patient, programme) for patient, programme in _fetch(_PROGRAMMES, [list(patients)])}


def events_from(sources: Sequence[tuple[str, str]]) -> list[EventRow]:
    """All events of these (type, id)."""
    found = _fetch(_SOURCES, _columns(sources)) if sources else []
    return [EventRow._make(_dated(orjson.loads(text), _EVENT_DATES)) for (text,) in found]


def results_of_people(patients: Sequence[str]) -> list["Dated"]:
    """The results of these people with what is known of each person now."""
    return [Dated(*row) for row in _fetch(_RESULTS_OF_PEOPLE, [list(patients)])]


def set_people(changes: Sequence[tuple[str, str, int | None]]) -> None:
    """Give (Observation, sex, age) to results."""
    if changes:
        _run(_SET_PEOPLE, _columns(changes))


def follow_citizens(patients: Sequence[str]) -> None:
    """People's rounds are on the list of the facility that they belong to now, under the area where they live now."""
    _run(_FOLLOW_CITIZENS, [list(patients)])


def move_events(moves: Sequence[tuple[str, str | None]]) -> None:
    """Give (event, round) a new round."""
    if moves:
        _run(_MOVE_EVENTS, _columns(moves))


def move_results(moves: Sequence[Move]) -> None:
    """Give results (Observation, round, released on, held until) a new round and release."""
    if moves:
        _run(_MOVE_RESULTS, _columns(moves))


def write(
    *,
    episodes: Sequence[EpisodeRow],
    events: Sequence[Mapping[str, Any]],
    results: Sequence[Mapping[str, Any]],
    cells: Collection[Cell],
    patients: Collection[str],
) -> None:
    """Insert or replace rounds and results, append events (one that is there already stays as it is), and note what is
    stale: cells of the statistics, and people's standings. One statement."""
    columns = _columns(list(cells)) or [[], [], [], []]
    _run(_WRITE, [_json([row._asdict() for row in episodes]), _json(events), _json(results), *columns, list(patients)])


def drop_episodes(ids: Sequence[str]) -> None:
    """Remove rounds that a re-fold no longer finds."""
    if ids:
        _run("DELETE FROM screening_episode WHERE id = ANY(%s::uuid[])", [ids])


def drop_results(observations: Sequence[str]) -> None:
    """Remove the results of Observations that were taken back."""
    if observations:
        _run("DELETE FROM screening_screeningresult WHERE observation_id = ANY(%s)", [observations])


def _upsert(table: str, fields: Sequence[str]) -> str:
    names, key = ", ".join(fields), fields[0]
    updates = ", ".join(f"{name} = excluded.{name}" for name in fields[1:])
    return (
        f"INSERT INTO {table} ({names}) SELECT {names} FROM json_populate_recordset(NULL::{table}, %s) "
        f"ON CONFLICT ({key}) DO UPDATE SET {updates}"
    )


# Whose list a round is on, and where the person lives, are facts of now: they follow her (`follow_citizens`).
_HOLDER = "CASE n.owner WHEN 'department' THEN coalesce(c.facility_id, n.owner) ELSE n.owner END"
_EPISODE_FIELDS = (*EpisodeRow._fields, "holder", "area_id")
_UPSERT_EPISODES = f"""
INSERT INTO screening_episode ({", ".join(_EPISODE_FIELDS)})
SELECT {", ".join(f"n.{name}" for name in EpisodeRow._fields)}, {_HOLDER}, c.area_id
FROM json_populate_recordset(NULL::screening_episode, %s) n LEFT JOIN records_citizen c ON c.patient_id = n.patient_id
ON CONFLICT (id) DO UPDATE SET {", ".join(f"{name} = excluded.{name}" for name in _EPISODE_FIELDS[1:])}
"""
_FOLLOW_CITIZENS = f"""
UPDATE screening_episode n SET holder = {_HOLDER}, area_id = c.area_id FROM records_citizen c
WHERE c.patient_id = n.patient_id AND n.patient_id = ANY(%s)
  AND (n.holder, n.area_id) IS DISTINCT FROM ({_HOLDER}, c.area_id)
"""
_WRITE = f"""
WITH episodes AS ({_UPSERT_EPISODES}),
events AS (
  INSERT INTO screening_episodeevent ({", ".join(_EVENT_FIELDS)})
  SELECT id, patient_id, programme, episode_id, kind, fact, occurred_on, coalesce(recorded_at, now()),
    source_type, source_id, source_version, data, actor
  FROM json_populate_recordset(NULL::screening_episodeevent, %s)
  ON CONFLICT (id) DO NOTHING
),
results AS ({_upsert("screening_screeningresult", _RESULT_FIELDS)}),
cells AS (
  INSERT INTO screening_stalecell (area_id, programme, test, month)
  SELECT * FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::date[])
)
INSERT INTO screening_staleperson (patient) SELECT unnest(%s::text[])
"""


def _loaded(text: str | None, nothing: Any) -> Any:
    return orjson.loads(text) if text else nothing


def _dated(row: list[Any], places: Sequence[int]) -> list[Any]:
    """The row with its days as dates."""
    for place in places:
        if row[place] is not None:
            row[place] = date.fromisoformat(row[place])
    return row


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
