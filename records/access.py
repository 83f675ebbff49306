"""The one place that decides who may see or write whose record. What is not allowed here is forbidden.

Reading. HealthHub itself: everything. Care (clinician, laboratory, a clinic's software): people whom the actor's
facility has written about, who presented themselves there or who consented. A citizen: her own record, except what is
held back (`withhold_from_citizens`). Officers and analysts: nobody's. Everybody signed in: the directory (facilities,
health workers, definitions), which is about no patient. A resource of another type that names no patient is not
thereby public: only its writer's facility reads it.

Writing. HealthHub itself and care only, and care for its own facility only: see `check_writes`.
"""

from collections.abc import Callable, Iterator, Sequence, Set
from typing import Any

from django.db import connection
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.http import HttpRequest

from fhir.access import Condition, Write
from fhir.outcomes import Issue
from healthhub.accounts.actors import Actor, Role
from healthhub.accounts.oauth import client_of_token
from healthhub.postgresql.prepared import execute_prepared
from records.memberships import actor_for_client
from records.models import CareBasis, CareRelation, Citizen, Consent, Facility
from records.naming import named_facilities
from records.reading import facility_code

CARE = frozenset({Role.CLINICIAN, Role.LABORATORY, Role.CLIENT})

# Types that describe the health service, free times included, or define terms, never a patient. Others without a
# patient stay private.
_DIRECTORY_TYPES = """
ActivityDefinition CapabilityStatement CodeSystem CompartmentDefinition ConceptMap Endpoint GraphDefinition
HealthcareService ImplementationGuide Library Location Measure Medication MedicationKnowledge MessageDefinition
NamingSystem ObservationDefinition OperationDefinition Organization OrganizationAffiliation PlanDefinition
Practitioner PractitionerRole Questionnaire Schedule SearchParameter Slot SpecimenDefinition StructureDefinition
StructureMap Substance TerminologyCapabilities ValueSet
"""

_NOTHING = Condition("false")
_DIRECTORY = f"r.type IN ({', '.join(repr(name) for name in _DIRECTORY_TYPES.split())})"
# Not EXISTS: for that the planner reads all of a facility's people first, to hash them, even if 20 rows are asked for.
_CARED_FOR = (
    "(SELECT true FROM records_carerelation c WHERE c.patient_id = {person} AND c.facility_id = %s LIMIT 1) IS TRUE"
    " OR (SELECT true FROM records_consent c"
    " WHERE c.patient_id = {person} AND c.facility_id = %s AND c.withdrawn_at IS NULL LIMIT 1) IS TRUE"
)
_CARE_READS = f"((r.patient IS NULL AND ({_DIRECTORY} OR r.facility = %s)) OR {_CARED_FOR.format(person='r.patient')})"
_CITIZEN_READS = f"(r.patient = %s OR (r.patient IS NULL AND {_DIRECTORY}))"
_DIRECTORY_ONLY = f"(r.patient IS NULL AND {_DIRECTORY})"
_withheld: list[str] = []  # SQL conditions on `r`: what a citizen may not read of her own record yet
_KNOWN_PEOPLE = f"SELECT p.id FROM unnest(%s::text[]) AS p(id) WHERE {_CARED_FOR.format(person='p.id')}"
_PRESENT = """
INSERT INTO records_carerelation (patient_id, facility_id, basis, since)
SELECT p.patient_id, p.facility_id, 'presented', now() FROM unnest(%s::text[], %s::text[]) AS p(patient_id, facility_id)
WHERE NOT EXISTS (
    SELECT FROM records_carerelation c
    WHERE c.patient_id = p.patient_id AND c.facility_id = p.facility_id AND c.basis = 'wrote'
)
ON CONFLICT (patient_id, facility_id, basis) DO NOTHING
"""
_GIVE = """
INSERT INTO records_carerelation (patient_id, facility_id, basis, since)
SELECT p.patient_id, p.facility_id, %s, now() FROM unnest(%s::text[], %s::text[]) AS p(patient_id, facility_id)
ON CONFLICT (patient_id, facility_id, basis) DO NOTHING
"""
_TAKE_BACK = """
DELETE FROM records_carerelation c USING unnest(%s::text[], %s::text[]) AS p(patient_id, facility_id)
WHERE c.patient_id = p.patient_id AND c.facility_id = p.facility_id AND c.basis = 'handed'
"""

Share = Callable[[Set[str], str], Set[str]]
_shared: dict[str, Share] = {}


def share_writing(type_: str, fn: Share) -> None:
    """Let facilities change resources of a type that others wrote: ``fn(ids, facility)`` answers which ones it may."""
    _shared[type_] = fn


class RecordPolicy:
    """HealthHub's `fhir.access.AccessPolicy`."""

    def authenticate(self, request: HttpRequest) -> Actor | None:
        """The client behind a bearer token. A session is no way in: that would open the API to forged requests."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            return None
        client_id = client_of_token(token.strip())
        return actor_for_client(client_id) if client_id else None

    def readable(self, actor: Actor) -> Condition:
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

    def check_writes(self, writes: Sequence[Write], *, actor: Actor, presented: frozenset[str]) -> list[Issue]:
        """Why the actor may not write these; empty if all are allowed. Two queries, whatever the number of writes.

        Care writes about people it may read, who present themselves now or whose Patient comes in the same batch; it
        changes and deletes only what its own facility wrote, or shares (`share_writing`); it speaks in the name of no
        other registered facility.
        """
        if actor.is_system:
            return []
        if actor.role not in CARE or not actor.facility:
            return [_forbidden(write.expression, "You may not write health records.") for write in writes]
        return [
            *_not_own(writes, facility=actor.facility),
            *_about_strangers(writes, facility=actor.facility, presented=presented),
            *_in_others_name(writes, facility=actor.facility),
        ]

    def record_presented(self, patients: frozenset[str], *, actor: Actor) -> None:
        """Remember that these people showed their number and birth date at the actor's facility, which may now read."""
        if actor.role in CARE and actor.facility and patients:
            presented_at({(patient, actor.facility) for patient in patients})


def withhold_from_citizens(condition: str) -> None:
    """Let no citizen read what this SQL condition on ``r`` (a row of the store) finds; called when Django starts.

    An app that holds results back until somebody has spoken to the person says so here. It takes no parameters.
    """
    if condition not in _withheld:
        _withheld.append(f"({condition})")


def presented_at(pairs: Set[tuple[str, str]]) -> None:
    """Remember (patient, facility) of people who presented themselves; the caller has checked it. One statement."""
    if pairs:
        patients, facilities = zip(*sorted(pairs), strict=True)
        with connection.cursor() as cursor:
            cursor.execute(_PRESENT, [list(patients), list(facilities)])


def no_longer_handed(pairs: Set[tuple[str, str]]) -> None:
    """Take back what ``handed_to`` gave, as (patient, facility); whoever may read her for another reason still may."""
    if pairs:
        patients, facilities = zip(*sorted(pairs), strict=True)
        with connection.cursor() as cursor:
            cursor.execute(_TAKE_BACK, [list(patients), list(facilities)])


def handed_to(pairs: Set[tuple[str, str]]) -> None:
    """Let facilities read people whose care the health department gave them, as (patient, facility). One statement."""
    _give(pairs, CareBasis.HANDED)


def called_by(pairs: Set[tuple[str, str]]) -> None:
    """Let facilities read the people whom they call for screening, to book them or ask after them. One statement."""
    _give(pairs, CareBasis.CALLED)


def _give(pairs: Set[tuple[str, str]], basis: CareBasis) -> None:
    if pairs:
        patients, facilities = zip(*sorted(pairs), strict=True)
        with connection.cursor() as cursor:
            cursor.execute(_GIVE, [basis.value, list(patients), list(facilities)])


def visible_to(actor: Actor) -> QuerySet[Citizen]:
    """The people whom the actor may see. Every list or search of people starts here."""
    citizens = Citizen.objects.filter(active=True)
    if actor.is_system:
        return citizens
    if actor.role in CARE and actor.facility:
        here = Q(patient_id=OuterRef("pk"), facility_id=actor.facility)
        consents = Consent.objects.filter(here, withdrawn_at__isnull=True)
        return citizens.filter(Exists(CareRelation.objects.filter(here)) | Exists(consents))
    if actor.role is Role.CITIZEN and actor.patient:
        return citizens.filter(pk=actor.patient)
    return citizens.none()


def visible_ids(actor: Actor) -> QuerySet[Any, Any]:
    """The ids of the people whom the actor may see, for counting many of them, and of some who were merged since.

    The same rule as ``visible_to``, said as a set that the database makes once and not as a question for each person.
    Whoever counts with it leaves out the few who are not active.
    """
    if actor.role in CARE and actor.facility and not actor.is_system:
        cared = CareRelation.objects.filter(facility_id=actor.facility).values("patient_id")
        consented = Consent.objects.filter(facility_id=actor.facility, withdrawn_at__isnull=True).values("patient_id")
        return cared.union(consented)
    return visible_to(actor).values("pk")


def can_see(actor: Actor, patient_id: str) -> bool:
    """Whether the actor may see this person."""
    return visible_to(actor).filter(pk=patient_id).exists()


def _not_own(writes: Sequence[Write], *, facility: str) -> Iterator[Issue]:
    others = [write for write in writes if write.exists and write.owner != facility]
    shared = {
        (type_, name)
        for type_ in {write.type for write in others} & _shared.keys()
        for name in _shared[type_]({write.id for write in others if write.type == type_}, facility)
    }
    for write in writes:
        if write.facility != facility:
            yield _forbidden(write.expression, "You may only write for your own facility.")
        elif write.exists and write.owner != facility and (write.type, write.id) not in shared:
            yield _forbidden(
                write.expression, f"{write.type}/{write.id} is another facility's, which alone may change it."
            )


def _about_strangers(writes: Sequence[Write], *, facility: str, presented: frozenset[str]) -> Iterator[Issue]:
    """A person unknown here and one who does not exist get the same answer, which tells nobody who has a record.

    That also holds for ids nobody has yet: writing about one ahead of time would make its later owner readable.
    """
    asked = {person for write in writes for person in (write.patient, write.previous_patient) if person} - presented
    known: set[str] = set()
    if asked:
        with connection.cursor() as cursor:
            execute_prepared(cursor, _KNOWN_PEOPLE, [sorted(asked), facility, facility])
            known = {person for (person,) in cursor.fetchall()}
    for write in writes:
        strangers = {write.patient, write.previous_patient} & (asked - known)
        sent = {write.patient} if write.resource is not None else set()
        if strangers - sent:  # of what is stored the answer tells nothing, not even whom it is about
            yield _forbidden(write.expression, "It is about a person whom your facility does not care for.")
        for person in strangers & sent:
            yield _forbidden(
                write.expression,
                f"Patient/{person} is not a person your facility cares for. Register her with her identifier and birth "
                "date first (create Patient with If-None-Exist), or ask for her consent.",
            )


def _in_others_name(writes: Sequence[Write], *, facility: str) -> Iterator[Issue]:
    named = [(write, name) for write in writes if write.resource for name in named_facilities(write.resource)]
    if named:
        registered = set(
            Facility.objects.filter(
                Q(pk__in={name.organization for _, name in named}) | Q(code__in={name.code for _, name in named}),
                ~Q(pk=facility),
                code__isnull=False,
            ).values_list(F("organization_id"), F("code"))
        )
        others = {key for pair in registered for key in pair}
        for write, name in named:
            if name.organization in others or name.code in others:
                yield _forbidden(_below(write, name.path), "You may not write in the name of another facility.")
    for write in writes:
        if write.type == "Organization" and write.resource and facility_code(write.resource):
            yield _forbidden(
                _below(write, "identifier"), "Facility codes are given by the health department; leave the code out."
            )


def _below(write: Write, path: str) -> str:
    return f"{write.expression}.{path}"


def _forbidden(expression: str, diagnostics: str) -> Issue:
    return Issue("error", "forbidden", expression, diagnostics)
