"""Rows to search in, and the ids that a search finds on all of its pages."""

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from fhir import tables
from fhir.access import Condition
from fhir.parameters import extract
from fhir.search import Query, fetch_page, parse
from tests.fhir.conftest import TESTER

ALL = Condition("TRUE")
LOINC = "http://loinc.org"
UCUM = "http://unitsofmeasure.org"
Json = dict[str, Any]
Pairs = list[tuple[str, str]]


def store(resources: Sequence[Json], *, deleted: Sequence[str] = ()) -> None:
    """Write rows as the store does, without its checks; ``last_updated`` counts minutes in 2024."""
    start = datetime(2024, 1, 1, tzinfo=UTC)
    rows = []
    for number, resource in enumerate(resources):
        entry = extract(resource)
        text = json.dumps(resource, default=str)
        kind, name, gone = resource["resourceType"], resource["id"], resource["id"] in deleted
        when = start + timedelta(minutes=number)
        rows.append(tables.Row(kind, name, 1, when, gone, entry.patient, None, "tests", text, entry))
    tables.insert_rows(rows, actor=TESTER)


def observation(name: str, **members: Any) -> Json:
    """A result with a code."""
    return {"resourceType": "Observation", "id": name, "status": "final", "code": coded("fit"), **members}


def coded(*codes: str) -> Json:
    """A CodeableConcept."""
    return {"coding": [{"system": LOINC, "code": code} for code in codes]}


def found(pairs: Pairs, kind: str = "Observation", condition: Condition = ALL) -> list[str]:
    """The ids of all pages."""
    return list(walk(parse(kind, pairs), condition))


def walk(query: Query, condition: Condition = ALL) -> Iterator[str]:
    """The ids, page by page."""
    while True:
        page = fetch_page(query, condition)
        yield from (row.id for row in page.rows)
        if not page.more:
            return
        query = query.behind(page.rows[-1].id)
