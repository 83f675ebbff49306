"""Writing and reading the access log.

The log must not cost a round trip on the FHIR API's hot path, so besides ``record_access`` there is ``entry_sql``: an
INSERT to be put as a CTE into the very statement that reads or writes, so that no answer exists without its line.
"""

import json
from collections.abc import Iterable
from typing import Any

from django.db import connection
from django.db.models import QuerySet

from healthhub.accounts.actors import Actor
from healthhub.audit.models import AccessEntry

EMERGENCY = "emergency:"
"""How the reason of a look under an opening in an emergency begins; the coded reason follows."""

_COLUMNS = (
    "at, transaction, actor, actor_name, role, facility, client, address, action, reason, "
    "resource_type, resource_id, patient"
)


def entry_sql(source: str, *, resource_type: str, resource_id: str, patient: str) -> str:
    """``INSERT … SELECT`` over ``source`` (a FROM clause); the other arguments are SQL expressions over it.

    Its parameters are those of ``entry_params``; those of the expressions, if any, come after. Where
    the actor opened the person's record in an emergency, the line's reason is that.
    """
    return (
        f"INSERT INTO audit_accessentry ({_COLUMNS}) "
        f"SELECT clock_timestamp(), pg_current_xact_id()::text::bigint, %s, %s, %s, %s, %s, %s, %s, "
        f"coalesce(%s::jsonb ->> {patient}, %s), {resource_type}, {resource_id}, {patient} FROM {source}"
    )


def entry_params(actor: Actor, action: str, reason: str = "") -> list[Any]:
    """The parameters of ``entry_sql``, in order."""
    return [
        *(actor.id, actor.name, actor.role.value, actor.facility, actor.client, actor.address),
        *(action, _emergencies(actor), reason),
    ]


def record_access(
    *,
    actor: Actor,
    action: str,
    patients: Iterable[str | None],
    resource_type: str = "",
    resource_id: str = "",
    reason: str = "",
) -> None:
    """Log one access to the data of each of these people; one statement, whatever their number.

    ``action`` is a plain verb ("view", "find", "export"); ``reason`` what the citizen should read, such as the page's
    name. Never put clinical content or a search text into it.
    """
    sql = entry_sql("unnest(%s::text[]) AS p(patient)", resource_type="%s", resource_id="%s", patient="p.patient")
    with connection.cursor() as cursor:
        cursor.execute(sql, [*entry_params(actor, action, reason), resource_type, resource_id, list(patients)])


def entries_about(patient: str) -> QuerySet[AccessEntry]:
    """Everything that was done with one person's data, newest first."""
    return AccessEntry.objects.filter(patient=patient).order_by("-id")


def _emergencies(actor: Actor) -> str | None:
    """The reasons by person, as the database reads them; None for nearly everybody."""
    if not actor.emergencies:
        return None
    return json.dumps({patient: f"{EMERGENCY}{reason}" for patient, reason in actor.emergencies})
