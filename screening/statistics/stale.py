"""Notes which cells a write has made out of date."""

from collections.abc import Collection
from datetime import date

from django.db import connection

Key = tuple[int | None, str, str, date]  # (area, programme, test, first day of the month)

_INSERT = """
INSERT INTO screening_stalecell (area_id, programme, test, month)
SELECT * FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::date[])
"""


def mark_stale(keys: Collection[Key]) -> None:
    """Have these cells counted again after commit. Called in the transaction of the write; it waits for nobody."""
    if keys:
        with connection.cursor() as cursor:
            cursor.execute(_INSERT, [list(column) for column in zip(*set(keys), strict=True)])
