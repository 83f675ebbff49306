"""Which rows of the store an actor may read, as an SQL condition."""

from fhir.access import Condition
from healthhub.accounts.actors import Actor, Role
from records.access.rule import CARE

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

_NOTHING = Condition("false")
DIRECTORY = f"r.type IN ({', '.join(repr(name) for name in sorted(DIRECTORY_TYPES))})"
# Not EXISTS: for that the planner reads all of a facility's people first, to hash them, even if 20 rows are asked for.
CARED_FOR = (
    "(SELECT true FROM records_carerelation c WHERE c.patient_id = {person} AND c.facility_id = %s LIMIT 1) IS TRUE"
    " OR (SELECT true FROM records_consent c"
    " WHERE c.patient_id = {person} AND c.facility_id = %s AND c.withdrawn_at IS NULL LIMIT 1) IS TRUE"
)
_CARE_READS = f"((r.patient IS NULL AND ({DIRECTORY} OR r.facility = %s)) OR {CARED_FOR.format(person='r.patient')})"
_CITIZEN_READS = f"(r.patient = %s OR (r.patient IS NULL AND {DIRECTORY}))"
_DIRECTORY_ONLY = f"(r.patient IS NULL AND {DIRECTORY})"
_withheld: list[str] = []  # SQL conditions on `r`: what a citizen may not read of her own record yet


def readable(actor: Actor) -> Condition:
    """Which rows `r` of the store the actor may read."""
    if actor.is_system:
        return Condition("true")
    if actor.role in CARE:
        return Condition(_CARE_READS, (actor.facility,) * 3) if actor.facility else _NOTHING
    if actor.role is Role.CITIZEN:
        if not actor.patient:
            return _NOTHING
        return Condition(" AND NOT ".join([_CITIZEN_READS, *_withheld]), (actor.patient,))
    if actor.role in (Role.OFFICER, Role.ANALYST):
        return Condition(_DIRECTORY_ONLY)
    return _NOTHING


def withhold_from_citizens(condition: str) -> None:
    """Let no citizen read what this SQL condition on ``r`` (a row of the store) finds; called when Django starts.

    An app that holds results back until somebody has spoken to the person says so here. It takes no parameters.
    """
    if condition not in _withheld:
        _withheld.append(f"({condition})")
