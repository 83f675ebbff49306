"""The answer to a search: stored texts joined into a Bundle, none of them parsed."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

from django.db import connection

from fhir.access import Condition
from fhir.outcomes import operation_outcome, refuse
from fhir.search.conditions import about_one_person
from fhir.search.grammar import parse
from fhir.search.plan import count_sql, estimate_sql, page_sql
from fhir.search.query import Query
from fhir.search.sorting import sort_keys


class Row(NamedTuple):
    """A match, as ``page_sql`` selects it."""

    type: str
    id: str
    version: int
    last_updated: datetime
    patient: str | None
    content: str


@dataclass(frozen=True, slots=True)
class Page:
    """The rows of one page; ``more`` when others follow; ``total`` only when it was asked for."""

    rows: Sequence[Row]
    more: bool
    total: int | None


def page_of(query: Query, fetched: Sequence[Sequence[Any]], total: int | None) -> Page:
    """A page from the rows that a ``page_sql`` statement gave, one more than it holds if there are more."""
    rows = [Row(*row) for row in fetched[: query.count]]
    return Page(rows, len(fetched) > query.count, total)


def fetch_page(query: Query, condition: Condition) -> Page:
    """Run a search. ``Refused(410)`` when the row that the page starts behind is no longer there."""
    total = fetch_total(query, condition)
    if query.count == 0:
        return Page([], False, total)
    with connection.cursor() as cursor:
        cursor.execute(*page_sql(query, condition))
        fetched = cursor.fetchall()
        if not fetched:
            check_place(query, condition)
    return page_of(query, fetched, total)


def find(resource_type: str, pairs: Sequence[tuple[str, str]], condition: Condition, *, limit: int = 2) -> list[Row]:
    """The first few matches of search criteria that stand in a request, such as ``identifier=system|value``."""
    query = replace(parse(resource_type, pairs), count=limit)
    with connection.cursor() as cursor:
        cursor.execute(*page_sql(query, condition))
        return [Row(*row) for row in cursor.fetchmany(limit)]


def check_place(query: Query, condition: Condition) -> None:
    """For an empty page: ``Refused(410)`` when the row that it starts behind has gone, so that its place is unknown."""
    if not query.after or not sort_keys(query):  # an id has its place even when its row has gone
        return
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT 1 FROM fhir_resource r WHERE r.type = %s AND r.id = %s AND NOT r.deleted AND ({condition.sql})",
            [query.type, query.after, *condition.params],
        )
        if cursor.fetchone() is None:
            raise refuse(410, "not-found", "This page is no longer there. Search again from the start.", "http._after")


def fetch_total(query: Query, condition: Condition) -> int | None:
    """The number of matches, if the client asked for it: exactly, or as the planner expects it."""
    if query.count > 0 and query.total == "none":
        return None
    # What the planner knows of one person comes from everybody's rows, readable or not; and few are counted fast.
    if query.count > 0 and query.total == "estimate" and not about_one_person(query):
        with connection.cursor() as cursor:
            cursor.execute(*estimate_sql(query, condition))
            plan = cursor.fetchone()[0]
            plan = json.loads(plan) if isinstance(plan, str) else plan
            return int(plan[0]["Plan"]["Plan Rows"])
    with connection.cursor() as cursor:
        cursor.execute(*count_sql(query, condition))
        return int(cursor.fetchone()[0])


def search_url(query: Query, base_url: str) -> str:
    """The address of a search, percent-encoded."""
    encoded = urlencode(query.pairs(), quote_via=quote, safe=":/,|")
    address = f"{base_url.rstrip('/')}/{query.type}"
    return f"{address}?{encoded}" if encoded else address


def searchset(query: Query, page: Page, base_url: str) -> str:
    """The Bundle's text. Problems that a lenient client accepted come as an OperationOutcome, the last entry."""
    base = base_url.rstrip("/")
    links = [{"relation": "self", "url": search_url(query, base)}]
    if page.more:
        links.append({"relation": "next", "url": search_url(query.behind(page.rows[-1].id), base)})
    head = ['"resourceType":"Bundle","type":"searchset"']
    if page.total is not None:
        head.append(f'"total":{page.total}')
    head.append(f'"link":{json.dumps(links, separators=(",", ":"), ensure_ascii=False)}')
    entries = [
        f'{{"fullUrl":"{base}/{row.type}/{row.id}","resource":{row.content},"search":{{"mode":"match"}}}}'
        for row in page.rows
    ]
    if query.ignored:
        outcome = json.dumps(operation_outcome(query.ignored), ensure_ascii=False)
        entries.append(f'{{"resource":{outcome},"search":{{"mode":"outcome"}}}}')
    if entries:  # FHIR has no empty arrays
        head.append(f'"entry":[{",".join(entries)}]')
    return "{" + ",".join(head) + "}"


def search(
    resource_type: str,
    pairs: Sequence[tuple[str, str]],
    *,
    condition: Condition,
    base_url: str,
    lenient: bool = False,
) -> str:
    """Parse, run and answer a search: the text of a searchset Bundle.

    It writes no access log: who answers people's requests wraps ``page_sql`` in the statement that does, and makes the
    Bundle with ``page_of`` and ``searchset``. Raises ``Refused`` for what cannot be understood or answered.
    """
    query = parse(resource_type, pairs, lenient=lenient, base_url=base_url)
    return searchset(query, fetch_page(query, condition), base_url)
