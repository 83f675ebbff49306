"""One rule at every door: what the table says is what `may`, the lists of people, the rows of the store and writes do.

The people are such that something could leak: each has a record, an appointment and a name, and two facilities and two
citizens stand around them.
"""

from collections.abc import Mapping
from datetime import UTC, datetime

import pytest
from django.db import connection

from fhir.access import Write as PolicyWrite
from healthhub.accounts.actors import Actor, Role
from records.access import Action, RecordPolicy, Thing, What, Whose, about_visible, may, opened_to, visible_to
from records.access.document import access_page
from records.access.table import TABLE
from records.management.commands.access_table import PAGE
from records.models import Area, Citizen, Consent
from tests.records.conftest import Write, glucose

pytestmark = pytest.mark.django_db

CARED = {"wrote", "presented", "consented", "deceased"}
EVERYBODY = {*CARED, "own", "other", "withdrawn", "emergency"}
#: Whose results each role reads, and whose name and appointments, in plain words; nobody's where nothing is said.
RESULTS = {
    **dict.fromkeys((Role.CLINICIAN, Role.LABORATORY, Role.CLIENT), CARED),
    Role.CITIZEN: {"own"},
    Role.GUARDIAN: {"own"},
    Role.SYSTEM: EVERYBODY,
}
NAMES: Mapping[Role, set[str]] = {**RESULTS, Role.REGISTRAR: CARED}
#: Whom each role reads besides, without finding her on a list.
OPENED: Mapping[Role, set[str]] = {Role.CLINICIAN: {"emergency"}}
PART = {"Observation": What.RECORD, "Patient": What.IDENTITY, "Appointment": What.APPOINTMENTS}


@pytest.fixture
def people(patient: Write, write: Write, clinic: Actor, stranger: Actor) -> dict[str, str]:
    """By what connects them to the first clinic: their ids."""
    found = {}
    for kind in sorted(EVERYBODY):
        here = clinic if kind in ("wrote", "deceased") else stranger
        died = {"deceasedBoolean": True} if kind == "deceased" else {}
        found[kind] = person = patient(f"Nguyễn Thị {kind}", by=here, **died)
        write("Observation", by=here, **glucose(person))
        with_her = [{"actor": {"reference": f"Patient/{person}"}, "status": "needs-action"}]
        write("Appointment", by=here, status="proposed", participant=with_her)
    RecordPolicy().record_presented(frozenset({found["presented"]}), actor=clinic)
    now = datetime.now(UTC)
    for kind, withdrawn in (("consented", None), ("withdrawn", now)):
        Consent.objects.create(
            patient_id=found[kind], facility_id=clinic.facility, granted_at=now, withdrawn_at=withdrawn
        )
    return found


def actor_of(role: Role, clinic: Actor, people: Mapping[str, str]) -> Actor:
    """Somebody with this role and with all that a membership could name, to see that no more than its own counts."""
    opened = ((people["emergency"], "life"),)
    return Actor("user:1", "?", role, facility=clinic.facility, patient=people["own"], emergencies=opened)


def told(role: Role, action: Action, what: What, kind: str) -> bool:
    """What the table says of a person of this kind, read line by line."""
    relations = {Whose.ALL}
    if kind == "own":
        relations.add(Whose.OWN)
    if kind == "emergency":
        relations.add(Whose.EMERGENCY)
    if kind in CARED:
        relations.add(Whose.CARED_FOR)
    return any(
        role in grant.roles and action in grant.actions and what in grant.covers and grant.whose in relations
        for grant in TABLE
    )


def rows_read(actor: Actor, type_: str) -> set[str]:
    """Of whom the actor reads resources of this type."""
    condition = RecordPolicy().readable(actor)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT r.patient FROM fhir_resource r WHERE r.type = '{type_}' AND ({condition.sql})", condition.params
        )
        return {person for (person,) in cursor.fetchall()}


@pytest.mark.parametrize("role", list(Role))
def test_the_table_says_who_reads_results_and_names_in_plain_words(role: Role) -> None:
    for action, more in ((Action.READ, OPENED.get(role, set())), (Action.SEARCH, set())):
        assert {kind for kind in EVERYBODY if told(role, action, What.RECORD, kind)} == RESULTS.get(role, set()) | more
        for part in (What.IDENTITY, What.APPOINTMENTS):
            assert {kind for kind in EVERYBODY if told(role, action, part, kind)} == NAMES.get(role, set()) | more


@pytest.mark.parametrize("role", list(Role))
def test_the_rule_decides_as_the_table_says(role: Role, people: dict[str, str], clinic: Actor) -> None:
    actor = actor_of(role, clinic, people)
    for action in Action:
        for what in (What.RECORD, What.IDENTITY, What.APPOINTMENTS, What.LOOKS):
            allowed = {kind for kind, id_ in people.items() if may(actor, action, Thing(what, patient=id_))}
            assert allowed == {kind for kind in people if told(role, action, what, kind)}, (action, what)


@pytest.mark.parametrize("role", list(Role))
def test_lists_of_people_and_rows_of_the_store_are_those_of_the_table(
    role: Role, people: dict[str, str], clinic: Actor
) -> None:
    actor = actor_of(role, clinic, people)
    kinds = {id_: kind for kind, id_ in people.items()}

    found = {kinds[one.pk] for one in visible_to(actor)}
    assert {kinds[one.pk] for one in Citizen.objects.filter(about_visible(actor, "pk"))} == found
    assert found == {kind for kind in people if told(role, Action.SEARCH, What.IDENTITY, kind)}
    opened = {kinds[one.pk] for one in opened_to(actor)}
    assert opened == {kind for kind in people if told(role, Action.READ, What.IDENTITY, kind)}
    for type_, what in PART.items():
        assert {kinds[id_] for id_ in rows_read(actor, type_)} == {
            kind for kind in people if told(role, Action.READ, what, kind)
        }, type_


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.SYSTEM])
def test_what_is_written_over_the_api_is_what_the_table_lets_a_facility_write(
    role: Role, people: dict[str, str], clinic: Actor
) -> None:
    actor = actor_of(role, clinic, people)
    for type_, what in PART.items():
        for kind, person in people.items():
            body = {"resourceType": type_}
            one = PolicyWrite(type_, "new", body, person, actor.facility, None, None, False, type_)
            refused = bool(RecordPolicy().check_writes([one], actor=actor, presented=frozenset()))
            cared = kind in CARED and told(role, Action.WRITE, what, kind)
            assert refused != cared, (type_, kind)


@pytest.mark.parametrize("role", list(Role))
def test_the_directory_is_everybodys_and_what_names_nobody_its_writers(
    role: Role, people: dict[str, str], write: Write, clinic: Actor, stranger: Actor, hoa_binh: str, thang_long: str
) -> None:
    for here in (clinic, stranger):
        write("Observation", by=here, status="final", code={"text": "Không rõ tên"})
    actor = actor_of(role, clinic, people)
    condition = RecordPolicy().readable(actor)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT r.type, r.facility FROM fhir_resource r WHERE r.patient IS NULL AND ({condition.sql})",
            condition.params,
        )
        found = cursor.fetchall()
    own = {hoa_binh} if role in (Role.CLINICIAN, Role.LABORATORY, Role.CLIENT) else set()
    if role is Role.SYSTEM:
        own = {hoa_binh, thang_long}
    assert {facility for type_, facility in found if type_ == "Observation"} == own
    assert len([type_ for type_, _ in found if type_ == "Organization"]) == 2


def test_a_decision_says_why(people: dict[str, str], clinic: Actor) -> None:
    def why(role: Role, kind: str, action: Action = Action.READ) -> tuple[bool, str]:
        decision = may(actor_of(role, clinic, people), action, Thing(What.RECORD, patient=people[kind]))
        return decision.allowed, decision.reason

    assert why(Role.CLINICIAN, "wrote") == (True, "care")
    assert why(Role.CLINICIAN, "consented") == (True, "consent")
    assert why(Role.CLINICIAN, "withdrawn") == (False, "relation")
    assert why(Role.CLINICIAN, "emergency") == (True, "emergency")
    assert why(Role.CLINICIAN, "emergency", Action.WRITE) == (False, "relation")
    assert why(Role.LABORATORY, "emergency") == (False, "relation")
    assert why(Role.CITIZEN, "own") == (True, "own")
    assert why(Role.CITIZEN, "other") == (False, "relation")
    assert why(Role.REGISTRAR, "wrote") == (False, "role")
    assert why(Role.ADMIN, "own") == (False, "role")
    assert why(Role.SYSTEM, "other", Action.EXPORT) == (True, "all")


def test_staff_are_managed_by_their_own_facility_and_the_waiting_by_their_own_officer(
    clinic: Actor, hoa_binh: str, thang_long: str
) -> None:
    manager = Actor("user:1", "?", Role.FACILITY_ADMIN, facility=hoa_binh)
    assert may(manager, Action.MANAGE, Thing(What.STAFF, facility=hoa_binh))
    assert not may(manager, Action.MANAGE, Thing(What.STAFF, facility=thang_long))
    assert not may(clinic, Action.MANAGE, Thing(What.STAFF, facility=hoa_binh))

    here, there = Area.objects.filter(kind="district").order_by("code")[:2]
    ward = Area.objects.filter(parent=here)[0]
    officer = Actor("user:2", "?", Role.OFFICER, area=here.pk)
    waiting = {area: bool(may(officer, Action.READ, Thing(What.WAITING, area=area.pk))) for area in (here, ward, there)}
    assert waiting == {here: True, ward: True, there: False}
    assert may(Actor("user:3", "?", Role.OFFICER), Action.READ, Thing(What.WAITING, area=there.pk))
    assert not may(Actor("user:4", "?", Role.ANALYST, area=here.pk), Action.READ, Thing(What.WAITING, area=here.pk))


def test_the_written_page_is_that_of_the_code() -> None:
    assert PAGE.read_text(encoding="utf-8") == access_page(), "run manage.py access_table"
