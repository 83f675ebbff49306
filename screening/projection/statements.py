"""Running a statement of the projection, planned once for each connection."""

from collections.abc import Sequence
from typing import Any

from django.db import connection

from healthhub.postgresql.prepared import execute_prepared


def fetch(sql: str, params: Sequence[Any]) -> list[tuple[Any, ...]]:
    """All rows of a statement."""
    with connection.cursor() as cursor:
        execute_prepared(cursor, sql, params)
        return cursor.fetchall()


def run(sql: str, params: Sequence[Any]) -> None:
    """Run a statement that gives nothing back."""
    with connection.cursor() as cursor:
        execute_prepared(cursor, sql, params)


def columns(rows: Sequence[Sequence[Any]]) -> list[list[Any]]:
    """Rows as columns, for ``unnest``."""
    return [list(column) for column in zip(*rows, strict=True)]
