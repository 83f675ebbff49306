"""FHIR search: ``grammar`` reads a request, ``plan`` writes its SQL, ``bundle`` joins the answer."""

from fhir.search.bundle import (
    Page,
    Row,
    check_place,
    fetch_page,
    fetch_total,
    find,
    page_of,
    search,
    search_url,
    searchset,
)
from fhir.search.conditions import about_one_person, people_named
from fhir.search.grammar import is_text, parse
from fhir.search.plan import count_sql, page_sql
from fhir.search.query import Query

__all__ = [
    "Page",
    "Query",
    "Row",
    "about_one_person",
    "check_place",
    "count_sql",
    "fetch_page",
    "fetch_total",
    "find",
    "is_text",
    "page_of",
    "page_sql",
    "parse",
    "people_named",
    "search",
    "search_url",
    "searchset",
]
