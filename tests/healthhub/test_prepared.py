"""Prepared statements answer as plain ones do, whatever happened to their connection."""

import pytest
from django.db import DatabaseError, connection, transaction

from healthhub.postgresql import prepared
from healthhub.postgresql.prepared import execute_prepared

pytestmark = pytest.mark.django_db


def ask(sql: str, *params: object) -> list[tuple[object, ...]]:
    with connection.cursor() as cursor:
        execute_prepared(cursor, sql, params)
        return cursor.fetchall()


def test_types_come_from_casts_and_places() -> None:
    assert ask("SELECT %s::int + 1, %s::text[], now() > %s", 41, ["a", "b"], "2017-01-01") == [(42, ["a", "b"], True)]
    assert ask("SELECT unnest(%s::uuid[])::text", ["3a90227d-4909-5043-b521-e625302a0000"]) == [
        ("3a90227d-4909-5043-b521-e625302a0000",)
    ]


def test_a_failed_statement_leaves_the_prepared_ones_usable() -> None:
    sql = "SELECT 10 / %s::int"
    assert ask(sql, 5) == [(2,)]
    with pytest.raises(DatabaseError), transaction.atomic():
        ask(sql, 0)
    assert ask(sql, 2) == [(5,)]


def test_more_statements_than_a_connection_keeps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepared, "LIMIT", 3)
    for number in [*range(8), *range(8)]:
        assert ask(f"SELECT {number}, %s::int", number) == [(number, number)]


def test_long_batches_are_planned_for_their_own_size() -> None:
    sql = "SELECT count(*) FROM unnest(%s::int[])"
    assert ask(sql, list(range(prepared.LONG + 1))) == [(prepared.LONG + 1,)]
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_prepared_statements WHERE statement = %s", [sql.replace("%s", "$1")])
        assert cursor.fetchone() == (0,)
