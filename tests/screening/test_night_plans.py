"""A night reads nobody's list once for each person: the plans of its statements, where nothing fits into memory.

With ``IN (SELECT …)`` under an OR or in a CASE, and ``NOT IN (SELECT …)`` anywhere, PostgreSQL reads the whole list
again for each person as soon as it fits into no hash table. A city of millions has such lists; here memory is small.
"""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection, transaction

from bench.people import make_people
from screening.recall.night import forget_rules
from screening.recall.run import carry_on, start_run
from screening.recall.stale import mark_people

pytestmark = pytest.mark.django_db
ON = date(2026, 11, 23)
PEOPLE = 6000
MANY = 300  # rows of a list that must not be read for each person
_STATEMENT = re.compile(r"\s*(WITH|SELECT|INSERT|UPDATE|DELETE)\b")


def lists_read_again(node: dict[str, Any]) -> Iterator[str]:
    """Each part of a plan that reads many rows anew for every row of another, said shortly."""
    for part in node.get("Plans", []):
        again = part.get("Parent Relationship") == "SubPlan" and f"(hashed {part['Subplan Name']}" not in json.dumps(
            node
        )
        if again and not part["Subplan Name"].startswith("CTE "):
            yield from (f"{node['Node Type']}: {part['Subplan Name']}: {read}" for read in _read_whole(part))
        yield from lists_read_again(part)


def _read_whole(node: dict[str, Any]) -> Iterator[str]:
    if "Index Cond" not in node and node["Node Type"].endswith("Scan") and node["Plan Rows"] > MANY:
        yield f"{node['Node Type']} of {node.get('Relation Name') or node.get('CTE Name')}"
    for part in node.get("Plans", []):
        yield from _read_whole(part)


@contextmanager
def plans_watched(found: list[str]) -> Iterator[None]:
    """Explains every statement before it runs."""

    def explain(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        if _STATEMENT.match(sql) and not many:
            with connection.connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}", params)
                found.extend(lists_read_again(cursor.fetchone()[0][0]["Plan"]))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(explain):
        yield


def test_no_statement_of_a_night_reads_a_whole_list_for_each_person() -> None:
    make_people(PEOPLE)
    found: list[str] = []
    with transaction.atomic(), connection.cursor() as cursor:
        carry_on(start_run(ON))
        cursor.execute("ANALYZE")
        cursor.execute("SET LOCAL work_mem = '64kB'")
        cursor.execute("SET LOCAL hash_mem_multiplier = 1")
        with plans_watched(found):
            carry_on(start_run(ON + timedelta(days=1)))
            forget_rules()
            mark_people([f"bench-{number}" for number in range(1, 2000)])
            cursor.execute("ANALYZE screening_staleperson")
            carry_on(start_run(ON + timedelta(days=2)))
    assert found == []


def test_the_watch_sees_a_list_that_is_read_for_each_person() -> None:
    make_people(PEOPLE)
    found: list[str] = []
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL work_mem = '64kB'")
        cursor.execute("SET LOCAL hash_mem_multiplier = 1")
        with plans_watched(found):
            called = "SELECT patient_id FROM screening_invitation"
            cursor.execute(f"SELECT count(*) FROM records_citizen WHERE patient_id NOT IN ({called})")
    assert found
