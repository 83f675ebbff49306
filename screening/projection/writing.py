"""Rounds, results and events into their tables: a constant number of statements for any batch."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import orjson

from screening.projection.shapes import Cell, EpisodeRow, Move
from screening.projection.statements import columns, run

_MOVE_EVENTS = """
UPDATE screening_episodeevent t SET episode_id = k.episode
FROM unnest(%s::uuid[], %s::uuid[]) AS k(id, episode) WHERE t.id = k.id
"""
_MOVE_RESULTS = """
UPDATE screening_screeningresult t SET episode_id = k.episode, released_on = k.released, hold_until = k.hold
FROM unnest(%s::text[], %s::uuid[], %s::date[], %s::date[]) AS k(id, episode, released, hold)
WHERE t.observation_id = k.id
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
UPDATE screening_episode n SET holder = {_HOLDER}, area_id = c.area_id
FROM unnest(%s::text[]) AS p(id) JOIN records_citizen c ON c.patient_id = p.id
WHERE n.patient_id = p.id AND (n.holder, n.area_id) IS DISTINCT FROM ({_HOLDER}, c.area_id)
"""
# The department's steps move also where the round's first step is a facility's, whose row stays as it is.
_HOLD = """
SELECT screening_hold(found.rounds) FROM (
  SELECT array_agg(id) AS rounds FROM screening_episode WHERE patient_id = ANY(%s) AND state <> 'closed'
) found WHERE found.rounds IS NOT NULL
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


def set_people(changes: Sequence[tuple[str, str, int | None]]) -> None:
    """Give (Observation, sex, age) to results."""
    if changes:
        run(_SET_PEOPLE, columns(changes))


def follow_citizens(patients: Sequence[str]) -> None:
    """People's rounds are on the list of the facility that they belong to now, under the area where they live now."""
    run(_FOLLOW_CITIZENS, [list(patients)])
    run(_HOLD, [list(patients)])


def move_events(moves: Sequence[tuple[str, str | None]]) -> None:
    """Give (event, round) a new round."""
    if moves:
        run(_MOVE_EVENTS, columns(moves))


def move_results(moves: Sequence[Move]) -> None:
    """Give results (Observation, round, released on, held until) a new round and release."""
    if moves:
        run(_MOVE_RESULTS, columns(moves))


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
    stale = columns(list(cells)) or [[], [], [], []]
    run(_WRITE, [_json([row._asdict() for row in episodes]), _json(events), _json(results), *stale, list(patients)])


def drop_episodes(ids: Sequence[str]) -> None:
    """Remove rounds that a re-fold no longer finds."""
    if ids:
        run("DELETE FROM screening_episode WHERE id = ANY(%s::uuid[])", [ids])


def drop_results(observations: Sequence[str]) -> None:
    """Remove the results of Observations that were taken back."""
    if observations:
        run("DELETE FROM screening_screeningresult WHERE observation_id = ANY(%s)", [observations])


def _json(rows: Any) -> str:
    return orjson.dumps(rows, default=str).decode()  # a Decimal as text: the column makes it exact again
