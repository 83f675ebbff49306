"""What the second wall (``healthhub.postgresql.wall``) lets through, and what it is told of who asks.

It is coarser than the rule, and on purpose says it in other words: of a person whatever is hers to whom some relation
leads, whichever it is; names of all to those who work with the names of all. What is narrower (scopes, labels, what is
held back) is the first wall's alone.
"""

from typing import Final

from healthhub.accounts.actors import Actor, Role
from healthhub.postgresql.wall import ROLE, Asker
from records.access.rows import DIRECTORY_TYPES
from records.access.table import Action, What, Whose, roles_with

#: Who works with names of people whom no relation leads to: those who wait in her part of the city, those in the log.
_NAMES: Final = roles_with(Action.READ, What.WAITING, Whose.AREA) | roles_with(Action.READ, What.LOG, Whose.ALL)

_FACILITY: Final = "current_setting('healthhub.facility', true)"
# As in the rule, not EXISTS: the planner would read all of a facility's people first.
_KNOWN: Final = (
    f"(SELECT true FROM records_carerelation c WHERE c.patient_id = {{person}} AND c.facility_id = {_FACILITY} LIMIT 1)"
    f" IS TRUE OR (SELECT true FROM records_consent c WHERE c.patient_id = {{person}} AND c.facility_id = {_FACILITY}"
    " AND c.withdrawn_at IS NULL LIMIT 1) IS TRUE OR {person} = current_setting('healthhub.patient', true)"
    " OR {person} = ANY(string_to_array(current_setting('healthhub.opened', true), ','))"
)
_LISTED: Final = ", ".join(repr(name) for name in sorted(DIRECTORY_TYPES))
_RESOURCE: Final = (
    f"CASE WHEN {{table}}.patient IS NULL THEN {{table}}.type IN ({_LISTED}) OR {{table}}.facility = {_FACILITY}"
    f" ELSE {_KNOWN.format(person='{table}.patient')} END"
)
#: Which rows of which table the asker may read, as SQL.
POLICIES: Final = {
    "fhir_resource": _RESOURCE.format(table="fhir_resource"),
    "fhir_resourceversion": _RESOURCE.format(table="fhir_resourceversion"),
    "records_citizen": "current_setting('healthhub.names', true) = 'on' OR "
    + _KNOWN.format(person="records_citizen.patient_id"),
}


def asker(actor: Actor | None) -> Asker | None:
    """Who asks, for the wall; None for HealthHub itself, which has no wall before it."""
    if actor is None:
        return Asker()
    if actor.role is Role.SYSTEM:
        return None
    opened = tuple(sorted(patient for patient, _reason in actor.emergencies))
    return Asker(actor.facility or "", actor.patient or "", opened, actor.role in _NAMES)


def build_sql() -> str:
    """The statements that raise the wall, or raise it anew where it stands already: for a migration."""
    policies = [
        f"DROP POLICY IF EXISTS walled ON {table}; "
        f"CREATE POLICY walled ON {table} FOR SELECT TO {ROLE} USING ({condition}); "
        f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY; REVOKE ALL ON {table} FROM {ROLE}; "
        f"GRANT SELECT ON {table} TO {ROLE};"
        for table, condition in POLICIES.items()
    ]
    return "\n".join(policies)
