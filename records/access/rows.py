"""Which rows of the store an actor may read: the table as an SQL condition."""

from typing import Any

from fhir.access import Condition
from healthhub.accounts.actors import Actor
from records.access.table import TYPES, Action, What, Whose, grants_of

# Types that describe the health service, free times included, or define terms, never a patient. Others without a
# patient stay private.
_DIRECTORY_TYPES = """
ActivityDefinition CapabilityStatement CodeSystem CompartmentDefinition ConceptMap Endpoint GraphDefinition
HealthcareService ImplementationGuide Library Location Measure Medication MedicationKnowledge MessageDefinition
NamingSystem ObservationDefinition OperationDefinition Organization OrganizationAffiliation PlanDefinition
Practitioner PractitionerRole Questionnaire Schedule SearchParameter Slot SpecimenDefinition StructureDefinition
StructureMap Substance TerminologyCapabilities ValueSet
"""
DIRECTORY_TYPES = frozenset(_DIRECTORY_TYPES.split())

#: The access log's lines, as FHIR names them. They are no rows of the store.
LOG_TYPE = "AuditEvent"

NOTHING = Condition("false")
DIRECTORY = f"r.type IN ({', '.join(repr(name) for name in sorted(DIRECTORY_TYPES))})"
# Not EXISTS: for that the planner reads all of a facility's people first, to hash them, even if 20 rows are asked for.
CARED_FOR = (
    "(SELECT true FROM records_carerelation c WHERE c.patient_id = {person} AND c.facility_id = %s LIMIT 1) IS TRUE"
    " OR (SELECT true FROM records_consent c"
    " WHERE c.patient_id = {person} AND c.facility_id = %s AND c.withdrawn_at IS NULL LIMIT 1) IS TRUE"
)
_withheld: list[str] = []  # SQL conditions on `r`: what a citizen may not read of her own record yet


def log_lines(actor: Actor, *, searching: bool) -> Condition | None:
    """Which lines of the access log (audit_accessentry) the actor may read or find; None if the table gives none."""
    action = Action.SEARCH if searching else Action.READ
    whose = {one.what: one.whose for one in grants_of(actor.role) if action in one.actions}
    if whose.get(What.LOG) is Whose.ALL:
        return Condition("true")
    if whose.get(What.LOOKS) is Whose.OWN and actor.patient:
        return Condition("audit_accessentry.patient = %s", (actor.patient,))
    return None


def readable(actor: Actor) -> Condition:
    """Which rows `r` of the store the actor may read: the table as SQL."""
    about: dict[Whose, frozenset[str] | None] = {}  # of whom which types, None: all of them
    others: list[str] = []  # rows about nobody
    params: list[Any] = []
    for grant in grants_of(actor.role):
        if Action.READ not in grant.actions:
            continue
        if grant.what is What.UNNAMED and grant.whose is Whose.FACILITY and actor.facility:
            others.append("r.facility = %s")
            params.append(actor.facility)
        elif grant.what is What.DIRECTORY and grant.whose is Whose.ALL:
            others.insert(0, DIRECTORY)
        elif grant.what is What.RECORD:
            if grant.whose is Whose.ALL:
                return Condition("true")
            about[grant.whose] = None
        elif grant.what in TYPES:
            known = about.get(grant.whose, frozenset())
            about[grant.whose] = None if known is None else known | TYPES[grant.what]
    found = [f"(r.patient IS NULL AND ({' OR '.join(others)}))"] if others else []
    for whose, types in about.items():
        person = _person(whose, actor)
        if person is None:
            if whose is Whose.EMERGENCY:  # as nearly always: the others' condition stays as it is, and costs no more
                continue
            return NOTHING
        narrowed = f"(r.type IN ({_listed(types)}) AND ({person.sql}))" if types else person.sql
        found.append(narrowed)
        params += person.params
    if not found:
        return NOTHING
    return Condition(
        " AND NOT ".join([f"({' OR '.join(found)})", *(_withheld if Whose.OWN in about else ())]), tuple(params)
    )


def _person(whose: Whose, actor: Actor) -> Condition | None:
    """Of whom the row must be; None if the actor has no facility or person to stand for."""
    if whose is Whose.CARED_FOR and actor.facility:
        return Condition(CARED_FOR.format(person="r.patient"), (actor.facility, actor.facility))
    if whose is Whose.OWN and actor.patient:
        return Condition("r.patient = %s", (actor.patient,))
    if whose is Whose.EMERGENCY and actor.emergencies:
        return Condition("r.patient = ANY(%s::text[])", ([patient for patient, _reason in actor.emergencies],))
    return None


def _listed(types: frozenset[str]) -> str:
    return ", ".join(repr(name) for name in sorted(types))


def withhold_from_citizens(condition: str) -> None:
    """Let no citizen read what this SQL condition on ``r`` (a row of the store) finds; called when Django starts.

    An app that holds results back until somebody has spoken to the person says so here. It takes no parameters.
    """
    if condition not in _withheld:
        _withheld.append(f"({condition})")
