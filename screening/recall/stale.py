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


def unnoted_sql(patient: str) -> str:
    """A condition on a column that holds a person's id: nobody has noted her, so what stands of her is up to date.

    Not ``NOT IN``: with more notes than fit into a hash table, PostgreSQL would read all of them for each person.
    """
    return f"NOT EXISTS (SELECT FROM screening_staleperson stale WHERE stale.patient = {patient})"
