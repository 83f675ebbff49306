"""Notes whose resources must be written again; see ``sweep``."""

from collections.abc import Collection

from django.db import connection

_NOTE = "INSERT INTO screening_unpublishedperson (patient) SELECT unnest(%s::text[])"


def mark_unpublished(patients: Collection[str]) -> None:
    """Have these people's resources written again after commit. Called in the transaction of what changed."""
    if patients:
        with connection.cursor() as cursor:
            cursor.execute(_NOTE, [sorted(set(patients))])
