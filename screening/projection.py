"""Writes results, events and rounds from facts, a batch at a time. Used by the live hooks and by the rebuild alike."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID, uuid5

import orjson
from django.db import connection

from screening.facts import Fact
from screening.protocol import EpisodeState, Event, age_on, fold_rounds, protocol_for
from screening.statistics.stale import mark_stale

#: Ids of rounds and events are made from what they are about, so that a rebuild gives the same ones.
NAMESPACE = UUID("6f0c2a52-6f5e-5d0e-9a0b-3d1f8d1f7c11")

_KEYS = "JOIN unnest(%s::text[], %s::text[]) AS k(patient, programme) ON t.patient_id = k.patient AND t.programme = k.programme"
_LOCK_PEOPLE = """
SELECT patient_id, birth_date, sex, area_id FROM records_citizen WHERE patient_id = ANY(%s)
ORDER BY patient_id FOR NO KEY UPDATE
"""
_EVENT_COLUMNS = (
    "t.id, t.patient_id, t.programme, t.episode_id, t.kind, t.fact, t.occurred_on, t.source_type, t.source_id, "
    "t.source_version, t.data::text"
)
_EVENTS = f"SELECT {_EVENT_COLUMNS} FROM screening_episodeevent t {_KEYS}"
_SOURCES = f"""
SELECT {_EVENT_COLUMNS} FROM screening_episodeevent t
JOIN unnest(%s::text[], %s::text[]) AS k(type, id) ON t.source_id = k.id AND t.source_type = k.type
"""
_EPISODES = f"""
SELECT t.id, t.patient_id, t.programme, t.protocol_version, t.opened_on, t.state, t.step, t.category, t.due_on, t.limit_on,
  t.owner, t.closed_on, t.outcome, t.detail FROM screening_episode t {_KEYS}
"""
_RESULTS = f"""
SELECT t.observation_id, t.patient_id, t.programme, t.test, t.collected_on, t.area_id, t.episode_id
FROM screening_screeningresult t {_KEYS}
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
_MOVE_EVENTS = """
UPDATE screening_episodeevent t SET episode_id = k.episode
FROM unnest(%s::uuid[], %s::uuid[]) AS k(id, episode) WHERE t.id = k.id
"""
_MOVE_RESULTS = """
UPDATE screening_screeningresult t SET episode_id = k.episode
FROM unnest(%s::text[], %s::uuid[]) AS k(id, episode) WHERE t.observation_id = k.id
"""


@dataclass(frozen=True, slots=True)
class Incoming:
    """One version of a resource and what it says; ``fact`` None takes back whatever an earlier version said.

    ``created`` promises that no earlier version exists. ``recorded_at`` None is the stored version's own time. ``area`` is
    a one-tuple with the area where the person lived when it was recorded, or None to take the one of today.
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


class EventRow(NamedTuple):
    """A row of EpisodeEvent, as far as a re-fold needs it."""

    id: UUID
    patient: str
    programme: str
    episode: UUID | None
    kind: str
    fact: str
    occurred_on: date
    source_type: str
    source_id: str
    source_version: int
    data: dict[str, Any]

    @property
    def source(self) -> str:
        return f"{self.source_type}/{self.source_id}"

    def event(self) -> Event:
        """The event as the fold sees it."""
        return Event(self.fact, self.occurred_on, self.source, self.source_version, self.kind == "withdrawn", self.data)


class EpisodeRow(NamedTuple):
    """A row of Episode, in the order of its columns."""

    id: UUID
    patient_id: str
    programme: str
    protocol_version: str
    opened_on: date
    state: str
    step: str
    category: str
    due_on: date | None
    limit_on: date | None
    owner: str
    closed_on: date | None
    outcome: str
    detail: str


class ResultKey(NamedTuple):
    """What a stored result says about itself: enough to re-count its cell and to keep its area."""

    observation: str
    patient: str
    programme: str
    test: str
    collected_on: date
    area: int | None
    episode: UUID | None


Key = tuple[str, str]  # (patient, programme)


def apply(incoming: Sequence[Incoming]) -> None:
    """Take in a batch: append events, fold the rounds concerned anew, write what changed, mark statistics stale."""
    held = _held([item for item in incoming if not item.created])
    people = _lock_people({item.patient for item in incoming if item.patient} | {row.patient for row in held.values()})
    added = _new_events(incoming, held)
    observations = {item.source_id: item for item in incoming if item.source_type == "Observation"}
    keys = {(row.patient, row.programme) for row, _ in added} | {(row.patient, row.programme) for row in held.values()}
    keys |= {(item.patient, item.fact.programme) for item in observations.values() if item.patient and item.fact}
    if keys:
        _refold(keys, added, observations, people)


def add_staff_event(
    *, patient: str, programme: str, id: UUID, fact: str, occurred_on: date, data: Mapping[str, Any], actor: str
) -> None:
    """Append a decision of staff that no resource carries (a closure with its reason), and fold anew."""
    _lock_people({patient})
    row = EventRow(id, patient, programme, None, fact, fact, occurred_on, "staff", str(id), 1, dict(data))
    _refold({(patient, programme)}, [(row, Incoming("staff", str(id), 1, patient, None, True, actor))], {}, {})


def _held(updates: Sequence[Incoming]) -> dict[str, EventRow]:
    """The newest event of each source that had one."""
    if not updates:
        return {}
    newest: dict[str, EventRow] = {}
    for row in _rows(_SOURCES, [[item.source_type for item in updates], [item.source_id for item in updates]]):
        known = newest.get(row.source)
        if known is None or (row.source_version, row.kind != "withdrawn") > (
            known.source_version,
            known.kind != "withdrawn",
        ):
            newest[row.source] = row
    return newest


def _new_events(incoming: Sequence[Incoming], held: Mapping[str, EventRow]) -> list[tuple[EventRow, Incoming]]:
    """The events that these versions add to what is known of their sources."""
    known = dict(held)
    added: list[tuple[EventRow, Incoming]] = []
    for item in incoming:
        source = f"{item.source_type}/{item.source_id}"
        old, fact = known.get(source), item.fact if item.patient else None
        stands = old is not None and old.kind != "withdrawn"
        if fact is None:
            if stands and old is not None:
                known[source] = _add(
                    added, item, "withdrawn", old.patient, old.programme, old.fact, old.occurred_on, old.data
                )
            continue
        patient = item.patient or ""
        if (
            old is not None
            and stands
            and (old.patient, old.programme, old.fact) != (patient, fact.programme, fact.fact)
        ):
            _add(added, item, "withdrawn", old.patient, old.programme, old.fact, old.occurred_on, old.data)
            stands = False
        if old is not None and stands:
            if (old.occurred_on, old.data) == (fact.occurred_on, fact.data):
                continue
            kind = "corrected"
        else:
            kind = fact.fact
        known[source] = _add(added, item, kind, patient, fact.programme, fact.fact, fact.occurred_on, fact.data)
    return added


def _add(
    added: list[tuple[EventRow, Incoming]],
    item: Incoming,
    kind: str,
    patient: str,
    programme: str,
    fact: str,
    occurred_on: date,
    data: dict[str, Any],
) -> EventRow:
    name = f"{item.source_type}/{item.source_id}/{item.version}/{kind}/{patient}/{programme}"
    row = EventRow(
        uuid5(NAMESPACE, name),
        patient,
        programme,
        None,
        kind,
        fact,
        occurred_on,
        item.source_type,
        item.source_id,
        item.version,
        data,
    )
    added.append((row, item))
    return row


def _lock_people(patients: Iterable[str]) -> dict[str, tuple[date | None, str, int | None]]:
    """(birth date, sex, area) of each; their rows stay locked until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute(_LOCK_PEOPLE, [sorted(patients)])
        return {patient: (birth, sex, area) for patient, birth, sex, area in cursor.fetchall()}


def _refold(
    keys: set[Key],
    added: Sequence[tuple[EventRow, Incoming]],
    observations: Mapping[str, Incoming],
    people: Mapping[str, tuple[date | None, str, int | None]],
) -> None:
    columns = [[key[0] for key in keys], [key[1] for key in keys]]
    stored = _rows(_EVENTS, columns)
    before = {row[0]: ResultKey(*row) for row in _fetch(_RESULTS, columns)}
    events: dict[Key, list[EventRow]] = {key: [] for key in keys}
    for row in stored:
        events[row.patient, row.programme].append(row)
    for row, _ in added:
        events[row.patient, row.programme].append(row)
    episodes: dict[UUID, EpisodeRow] = {}
    episode_of: dict[tuple[str, str, str], UUID] = {}
    for (patient, programme), rows in events.items():
        rounds, _loose = fold_rounds((row.event() for row in rows), rules=_rules(programme))
        for state in rounds:
            episode = _episode(patient, programme, state)
            episodes[episode.id] = episode
            for event in state.events:
                episode_of[patient, programme, event.source] = episode.id
    _write_episodes(episodes, [EpisodeRow(*row) for row in _fetch(_EPISODES, columns)])
    _write_events(added, stored, episode_of)
    after = _write_results(observations, before, episode_of, people)
    _mark_stale({*before.values(), *after.values()})


def _rules(programme: str) -> Callable[[date], Any]:
    return lambda day: protocol_for(programme, day)


def _episode(patient: str, programme: str, state: EpisodeState) -> EpisodeRow:
    return EpisodeRow(
        uuid5(NAMESPACE, f"{patient}/{programme}/{state.key}"),
        patient,
        programme,
        state.protocol_version,
        state.opened_on,
        state.state,
        state.step,
        state.category,
        state.due_on,
        state.limit_on,
        state.owner,
        state.closed_on,
        state.outcome,
        state.detail,
    )


def _write_episodes(episodes: Mapping[UUID, EpisodeRow], stored: Sequence[EpisodeRow]) -> None:
    known = {row.id: row for row in stored}
    if changed := [row._asdict() for row in episodes.values() if known.get(row.id) != row]:
        _upsert("screening_episode", "id", EpisodeRow._fields, changed)
    if gone := [id_ for id_ in known if id_ not in episodes]:
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM screening_episode WHERE id = ANY(%s::uuid[])", [[str(id_) for id_ in gone]])


def _write_events(
    added: Sequence[tuple[EventRow, Incoming]],
    stored: Sequence[EventRow],
    episode_of: Mapping[tuple[str, str, str], UUID],
) -> None:
    rows = [
        {
            "id": row.id,
            "patient_id": row.patient,
            "programme": row.programme,
            "episode_id": episode_of.get((row.patient, row.programme, row.source)),
            "kind": row.kind,
            "fact": row.fact,
            "occurred_on": row.occurred_on,
            "recorded_at": item.recorded_at,
            "source_type": row.source_type,
            "source_id": row.source_id,
            "source_version": row.source_version,
            "data": row.data,
            "actor": item.actor,
        }
        for row, item in added
    ]
    moved = [
        (str(row.id), _text(episode))
        for row in stored
        if (episode := episode_of.get((row.patient, row.programme, row.source))) != row.episode
    ]
    with connection.cursor() as cursor:
        if rows:
            cursor.execute(_ADD_EVENTS, [_json(rows)])
        if moved:
            cursor.execute(_MOVE_EVENTS, _columns(moved))


def _write_results(
    observations: Mapping[str, Incoming],
    before: Mapping[str, ResultKey],
    episode_of: Mapping[tuple[str, str, str], UUID],
    people: Mapping[str, tuple[date | None, str, int | None]],
) -> dict[str, ResultKey]:
    """Upsert the batch's results, delete what was taken back, move others to their round; the results as they are now."""
    after = {name: row for name, row in before.items() if name not in observations}
    standing = {name: item for name, item in observations.items() if item.fact and item.patient}
    codes = _facility_codes(
        {item.fact.result["facility_id"] for item in standing.values() if item.fact and item.fact.result}
    )
    rows = []
    for name, item in standing.items():
        assert item.fact is not None and item.fact.result is not None and item.patient is not None
        birth, sex, area = people.get(item.patient, (None, "", None))
        old = before.get(name)
        if item.area is not None:
            area = item.area[0]
        elif old is not None and old.patient == item.patient:
            area = old.area
        fact = item.fact
        columns = fact.result or {}
        episode = episode_of.get((item.patient, fact.programme, f"Observation/{name}"))
        counted = protocol_for(fact.programme, fact.occurred_on).age_counted
        rows.append(
            {
                **columns,
                "observation_id": name,
                "patient_id": item.patient,
                "episode_id": episode,
                "facility_code": columns["facility_code"] or codes.get(columns["facility_id"], ""),
                "area_id": area,
                "sex": sex,
                "age": age_on(birth, fact.occurred_on, counted) if birth else None,
                "version": item.version,
            }
        )
        after[name] = ResultKey(name, item.patient, fact.programme, columns["test"], fact.occurred_on, area, episode)
    gone = [name for name in observations if name not in standing]
    moved = []
    for name, row in list(after.items()):
        episode = episode_of.get((row.patient, row.programme, f"Observation/{name}"))
        if episode != row.episode:
            moved.append((name, _text(episode)))
            after[name] = row._replace(episode=episode)
    with connection.cursor() as cursor:
        if gone:
            cursor.execute("DELETE FROM screening_screeningresult WHERE observation_id = ANY(%s)", [gone])
        if moved:
            cursor.execute(_MOVE_RESULTS, _columns(moved))
    if rows:
        _upsert("screening_screeningresult", "observation_id", tuple(rows[0]), rows)
    return after


def _facility_codes(ids: set[str | None]) -> dict[str, str]:
    with connection.cursor() as cursor:
        cursor.execute(_FACILITIES, [[id_ for id_ in ids if id_]])
        return dict(cursor.fetchall())


def _mark_stale(results: Iterable[ResultKey]) -> None:
    """Tell statistics which cells (area, programme, test, month) must be counted again."""
    mark_stale({(row.area, row.programme, row.test, row.collected_on.replace(day=1)) for row in results})


def _upsert(table: str, key: str, columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
    names = ", ".join(columns)
    updates = ", ".join(f"{column} = excluded.{column}" for column in columns if column != key)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} ({names}) SELECT {names} FROM json_populate_recordset(NULL::{table}, %s) "
            f"ON CONFLICT ({key}) DO UPDATE SET {updates}",
            [_json(rows)],
        )


def _rows(sql: str, params: list[Any]) -> list[EventRow]:
    return [EventRow(*row[:10], orjson.loads(row[10])) for row in _fetch(sql, params)]


def _fetch(sql: str, params: list[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchall()


def _json(rows: Any) -> str:
    return orjson.dumps(rows, default=str).decode()


def _text(id_: UUID | None) -> str | None:
    return str(id_) if id_ else None


def _columns(rows: Sequence[Sequence[Any]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]
