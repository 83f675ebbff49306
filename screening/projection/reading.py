"""What is stored of a batch's people: a constant number of statements for any batch."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

import orjson

from screening.projection.shapes import Dated, EpisodeRow, EventRow, Key, Known, Person, ResultRow
from screening.projection.statements import columns, fetch

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
    "t.waived, t.first_due_on, t.district_on, t.city_on, t.waived_on"
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
_RESULTS_OF_PEOPLE = """
SELECT r.observation_id, r.programme, r.test, r.collected_on, r.area_id, r.sex, r.age, c.birth_date, c.sex
FROM screening_screeningresult r JOIN records_citizen c ON c.patient_id = r.patient_id
WHERE r.patient_id = ANY(%s) FOR UPDATE OF r
"""


def _places_of_dates(row: Any) -> list[int]:
    return [place for place, kind in enumerate(row.__annotations__.values()) if kind in (date, date | None)]


_EVENT_DATES, _EPISODE_DATES, _RESULT_DATES = map(_places_of_dates, (EventRow, EpisodeRow, ResultRow))


def lock_people(patients: Iterable[str]) -> dict[str, Person]:
    """These people; their rows stay locked until the transaction ends, in one order so that no two batches deadlock."""
    return {name: Person(*rest) for name, *rest in fetch(_LOCK_PEOPLE, [sorted(patients)])}


def known_of(keys: Iterable[Key], facilities: Iterable[str]) -> Known:
    """All that is stored of these people in these programmes ("" for facts of the person)."""
    pairs = _keyed(keys)
    ((events, episodes, results, codes),) = fetch(_KNOWN, [*pairs, *pairs, *pairs, list(facilities)])
    return Known(
        [EventRow._make(_dated(row, _EVENT_DATES)) for row in _loaded(events, [])],
        {row[0]: EpisodeRow._make(_dated(row, _EPISODE_DATES)) for row in _loaded(episodes, [])},
        {row[0]: ResultRow._make(_dated(row, _RESULT_DATES)) for row in _loaded(results, [])},
        _loaded(codes, {}),
    )


def programmes_of(patients: Iterable[str]) -> set[Key]:
    """The programmes in which anything is known of these people."""
    return {(patient, programme) for patient, programme in fetch(_PROGRAMMES, [list(patients)])}


def events_from(sources: Sequence[tuple[str, str]]) -> list[EventRow]:
    """All events of these (type, id)."""
    found = fetch(_SOURCES, columns(sources)) if sources else []
    return [EventRow._make(_dated(orjson.loads(text), _EVENT_DATES)) for (text,) in found]


def results_of_people(patients: Sequence[str]) -> list[Dated]:
    """The results of these people with what is known of each person now."""
    return [Dated(*row) for row in fetch(_RESULTS_OF_PEOPLE, [list(patients)])]


def _loaded(text: str | None, nothing: Any) -> Any:
    return orjson.loads(text) if text else nothing


def _dated(row: list[Any], places: Sequence[int]) -> list[Any]:
    """The row with its days as dates."""
    for place in places:
        if row[place] is not None:
            row[place] = date.fromisoformat(row[place])
    return row


def _keyed(keys: Iterable[Key]) -> list[list[Any]]:
    """The two columns of the keys, also of none: somebody may have died without ever having been screened."""
    pairs = sorted(keys)
    return [[patient for patient, _ in pairs], [programme for _, programme in pairs]]
