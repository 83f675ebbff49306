"""A batch's results as rows: who she was then, where she lived, in which round they are, when they are released."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from screening.elements import Fact
from screening.projection.incoming import Incoming
from screening.projection.rounds import Placed, Releases
from screening.projection.shapes import Cell, Dated, Known, Move, Person, ResultRow
from screening.protocol import age_on, protocol_for
from screening.protocol.release import Release

NOBODY = Person(None, "", None)
UNKNOWN = Release(None, None)


def results_of(
    observations: Mapping[str, Incoming],
    stored: Known,
    placed: Placed,
    releases: Releases,
    people: Mapping[str, Person],
) -> tuple[list[dict[str, Any]], list[str], list[Move], list[ResultRow]]:
    """(columns of the batch's results, Observations whose result is gone, moves of others, all as they are now)."""
    after: dict[str, ResultRow] = {}
    moves: list[Move] = []
    for name, row in stored.results.items():
        if name not in observations:
            key = (row.patient, row.programme, f"Observation/{name}")
            after[name] = row._replace(episode=placed.get(key), **releases.get(key, UNKNOWN)._asdict())
            if after[name] != row:
                moves.append((name, after[name].episode, after[name].released_on, after[name].hold_until))
    written: list[dict[str, Any]] = []
    for name, item in observations.items():
        if item.fact and item.fact.result and item.patient:
            person = people.get(item.patient, NOBODY)
            row = _result_row(item, item.fact, item.patient, stored.results.get(name), placed, releases, person)
            after[name] = row
            columns = _result_columns(item, item.fact, item.fact.result, row, person)
            code = stored.codes.get(columns["facility_id"] or "", "")
            written.append(columns | {"facility_code": columns["facility_code"] or code})
    return written, [name for name in observations if name not in after], moves, list(after.values())


def _result_row(
    item: Incoming,
    fact: Fact,
    patient: str,
    old: ResultRow | None,
    placed: Placed,
    releases: Releases,
    person: Person,
) -> ResultRow:
    area = person.area
    if item.area is not None:
        area = item.area[0]
    elif old and old.patient == patient:
        area = old.area  # where the person lived when it was recorded first
    key = (patient, fact.programme, item.source)
    return ResultRow(
        item.source_id,
        patient,
        fact.programme,
        fact.data["test"],
        fact.occurred_on,
        area,
        placed.get(key),
        *releases.get(key, UNKNOWN),
    )


def _result_columns(
    item: Incoming, fact: Fact, result: Mapping[str, Any], row: ResultRow, person: Person
) -> dict[str, Any]:
    return {
        **result,
        "observation_id": row.observation,
        "patient_id": row.patient,
        "episode_id": row.episode,
        "area_id": row.area,
        "sex": person.sex,
        "age": age_of(fact.programme, person.birth_date, fact.occurred_on),
        "version": item.version,
        "released_on": row.released_on,
        "hold_until": row.hold_until,
    }


def age_of(programme: str, birth_date: date | None, on: date) -> int | None:
    """The person's age on that day, as the protocol of the day counts it."""
    return age_on(birth_date, on, protocol_for(programme, on).age_counted) if birth_date else None


def cell_of(row: ResultRow | Dated) -> Cell:
    """What statistics must count again because of a result."""
    return (row.area, row.programme, row.test, row.collected_on.replace(day=1))
