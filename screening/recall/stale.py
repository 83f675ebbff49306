"""Notes whose standings a write has made out of date."""

from collections.abc import Collection

from django.db import connection


def mark_people(patients: Collection[str]) -> None:
    """Have these people's standings worked out again after commit; called in the write's transaction."""
    if patients:
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO screening_staleperson (patient) SELECT unnest(%s::text[])", [sorted(set(patients))]
            )
