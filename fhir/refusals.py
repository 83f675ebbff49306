"""Refusals in the access log: whoever asks for what is not hers leaves a line, whether or not it exists."""

from django.db import connection

from fhir.ids import is_id
from fhir.outcomes import Refused
from healthhub.accounts.actors import Actor
from healthhub.audit.log import entry_params, entry_sql
from healthhub.postgresql.wall import unwalled

_LOG = entry_sql(
    "unnest(%s::text[], %s::text[], %s::text[]) AS asked(type, id, patient) "
    "LEFT JOIN fhir_resource r ON r.type = asked.type AND r.id = asked.id",
    resource_type="asked.type",
    resource_id="asked.id",
    patient="coalesce(asked.patient, r.patient)",
)


@unwalled()
def log_refusal(error: Refused, *, actor: Actor) -> None:
    """One line for each thing that is not the actor's (``Refused.asked``); nothing for other mistakes.

    Whether there is such a thing costs no time of its own: it is one statement either way. Called outside of the
    transaction that the refusal has undone.
    """
    asked = [one for one in error.asked if one.id == "" or is_id(one.id)]
    if not asked:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            _LOG,
            [
                *entry_params(actor, "refused"),
                [one.type for one in asked],
                [one.id for one in asked],
                [one.patient if one.patient and is_id(one.patient) else None for one in asked],
            ],
        )
