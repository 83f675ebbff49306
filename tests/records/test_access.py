"""Default deny: what each role may read and write, and the ways around it that must not work."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext

from fhir import reader, store
from fhir.access import Write as PolicyWrite
from fhir.outcomes import Refused
from healthhub.accounts.actors import SYSTEM, Actor, Role
from healthhub.accounts.models import User
from healthhub.web.context import role_name
from records import memberships
from records.access import RecordPolicy, can_see, visible_to
from records.models import Consent, Membership
from tests.records.conftest import Write, glucose

pytestmark = pytest.mark.django_db

OFFICER = Actor("user:1", "Cán bộ", Role.OFFICER)
ANALYST = Actor("user:2", "Phân tích", Role.ANALYST)


def readable(actor: Actor) -> set[tuple[str, str]]:
    """Everything of the store that the policy lets the actor read."""
    condition = RecordPolicy().readable(actor)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT r.type, r.id FROM fhir_resource r WHERE {condition.sql}", condition.params)
        return set(cursor.fetchall())


def people_read(actor: Actor) -> set[str]:
    return {id_ for type_, id_ in readable(actor) if type_ not in {"Organization", "Practitioner"}}


def refusal(write: Write, type_: str, *, by: Actor, **elements: Any) -> list[str]:
    """The expressions of the issues with which a write is forbidden."""
    with pytest.raises(Refused) as refused:
        write(type_, by=by, **elements)
    assert refused.value.status == 403
    return [issue.expression for issue in refused.value.issues]


@pytest.fixture
def hers(patient: Write, write: Write, clinic: Actor) -> set[str]:
    """A person of the first clinic and a measurement: their two ids, the person's first in `person`."""
    person = patient("Nguyễn Thị Hoa", by=clinic)
    return {person, write("Observation", by=clinic, **glucose(person))}


@pytest.fixture
def person(patient: Write, clinic: Actor) -> str:
    return patient("Trần Văn Bình", by=clinic)


def test_a_clinic_reads_the_people_it_wrote_about_and_no_others(hers: set[str], clinic: Actor, stranger: Actor) -> None:
    assert people_read(clinic) == hers
    assert people_read(stranger) == set()
    assert visible_to(clinic).count() == 1
    assert visible_to(stranger).count() == 0


def test_staff_read_what_their_facility_reads(hers: set[str], hoa_binh: str) -> None:
    for role in (Role.CLINICIAN, Role.LABORATORY):
        assert people_read(Actor("user:9", "Bác sĩ", role, facility=hoa_binh)) == hers


@pytest.mark.parametrize("role", list(Role))
def test_a_role_without_facility_or_person_reads_nobody(role: Role, hers: set[str]) -> None:
    actor = Actor("user:9", "?", role)
    if role is not Role.SYSTEM:
        assert people_read(actor) == set()
        assert not visible_to(actor).exists()


def test_officers_and_analysts_read_the_directory_only(hers: set[str], hoa_binh: str) -> None:
    for actor in (OFFICER, ANALYST):
        assert readable(actor) == {("Organization", hoa_binh)}
        assert not visible_to(actor).exists()


def test_every_role_has_a_name_for_pages_and_the_access_log() -> None:
    assert [role for role in Role if not role_name(role)] == []


def test_a_citizen_reads_her_own_record_only(patient: Write, write: Write, clinic: Actor, hoa_binh: str) -> None:
    own, other = patient("Nguyễn Thị Hoa", by=clinic), patient("Nguyễn Thị Hoa", by=clinic)
    mine = write("Observation", by=clinic, **glucose(own))
    write("Observation", by=clinic, **glucose(other))
    citizen = Actor("user:3", "Hoa", Role.CITIZEN, patient=own)

    assert readable(citizen) == {("Patient", own), ("Observation", mine), ("Organization", hoa_binh)}
    assert [visible.pk for visible in visible_to(citizen)] == [own]
    assert not can_see(citizen, other)


def test_consent_opens_a_record_until_it_is_withdrawn(hers: set[str], person: str, stranger: Actor) -> None:
    now = datetime.now(UTC)
    consent = Consent.objects.create(patient_id=person, facility_id=stranger.facility, granted_at=now)
    assert people_read(stranger) == {person}
    assert can_see(stranger, person)

    consent.withdrawn_at = now
    consent.save()
    assert people_read(stranger) == set()
    assert not can_see(stranger, person)


def test_who_presented_herself_may_be_read_there_and_nowhere_else(person: str, stranger: Actor, clinic: Actor) -> None:
    RecordPolicy().record_presented(frozenset({person}), actor=stranger)
    RecordPolicy().record_presented(frozenset({person}), actor=stranger)

    assert people_read(stranger) == {person}
    assert people_read(Actor("client:x", "X", Role.CLIENT, facility="elsewhere")) == set()


def test_presenting_to_an_officer_or_citizen_opens_nothing(person: str, thang_long: str) -> None:
    for role in (Role.OFFICER, Role.ANALYST, Role.CITIZEN):
        actor = Actor("user:4", "?", role, facility=thang_long)
        RecordPolicy().record_presented(frozenset({person}), actor=actor)

    assert people_read(Actor("client:t", "T", Role.CLIENT, facility=thang_long)) == set()


@pytest.mark.parametrize(
    ("type_", "elements"),
    [
        ("Observation", {"status": "final", "code": {"text": "Người không rõ tên"}}),
        ("Binary", {"contentType": "text/plain", "data": "SGVsbG8="}),
        ("Group", {"type": "person", "actual": True}),
        ("Bundle", {"type": "collection"}),
    ],
)
def test_a_clinical_resource_without_a_patient_is_its_writers_only(
    write: Write, clinic: Actor, stranger: Actor, type_: str, elements: dict[str, Any]
) -> None:
    id_ = write(type_, by=clinic, **elements)

    assert people_read(clinic) == {id_}
    for actor in (stranger, OFFICER, ANALYST, Actor("user:3", "Hoa", Role.CITIZEN, patient="p")):
        assert people_read(actor) == set()


def test_old_versions_are_as_closed_as_the_current_one(person: str, clinic: Actor, stranger: Actor) -> None:
    store.save({"resourceType": "Patient", "id": person, "name": [{"text": "Trần Văn Bính"}]}, actor=clinic)

    for read in (
        lambda: reader.read_version(type="Patient", id=person, version=1, actor=stranger),
        lambda: reader.history(type="Patient", id=person, actor=stranger),
    ):
        with pytest.raises(Refused) as refused:
            read()
        assert refused.value.status == 404


def test_nobody_writes_about_strangers(write: Write, person: str, stranger: Actor) -> None:
    assert refusal(write, "Observation", by=stranger, **glucose(person)) == ["Observation"]
    assert people_read(stranger) == set()


def test_an_id_that_nobody_has_yet_cannot_be_claimed_ahead_of_time(
    write: Write, patient: Write, clinic: Actor, stranger: Actor
) -> None:
    assert refusal(write, "Observation", by=stranger, **glucose("citizen-1")) == ["Observation"]
    patient("Trần Văn Bình", by=clinic, id="citizen-1")

    assert people_read(stranger) == set()


def test_the_refusal_does_not_tell_whether_a_person_exists(write: Write, person: str, stranger: Actor) -> None:
    def answer(id_: str) -> str:
        with pytest.raises(Refused) as refused:
            write("Observation", by=stranger, **glucose(id_))
        return str(refused.value).replace(id_, "?")

    assert answer(person) == answer("nobody")


def test_a_resource_is_not_moved_to_or_from_a_stranger(
    write: Write, patient: Write, person: str, clinic: Actor, stranger: Actor
) -> None:
    other = patient("Lê Thị Ánh", by=stranger)
    observation = write("Observation", by=clinic, **glucose(person))

    assert refusal(write, "Observation", by=clinic, id=observation, **glucose(other)) == ["Observation"]
    assert people_read(clinic) == {person, observation}


def test_only_the_facility_that_wrote_it_changes_or_deletes_a_resource(
    write: Write, person: str, clinic: Actor, stranger: Actor
) -> None:
    observation = write("Observation", by=clinic, **glucose(person))
    RecordPolicy().record_presented(frozenset({person}), actor=stranger)

    assert refusal(write, "Observation", by=stranger, id=observation, **glucose(person)) == ["Observation"]
    assert refusal(write, "Patient", by=stranger, id=person, gender="other") == ["Patient"]
    with pytest.raises(Refused) as refused:
        store.delete(type="Observation", id=observation, actor=stranger)
    assert refused.value.status == 403
    store.delete(type="Observation", id=observation, actor=clinic)


def test_what_the_system_keeps_is_changed_by_no_clinic(write: Write, clinic: Actor, hoa_binh: str) -> None:
    assert refusal(write, "Organization", by=clinic, id=hoa_binh, name="Bệnh viện của tôi") == ["Organization"]


@pytest.mark.parametrize(
    ("type_", "elements", "expression"),
    [
        ("Observation", {"performer": ["@"]}, "Observation.performer[0]"),
        ("DiagnosticReport", {"performer": ["@"]}, "DiagnosticReport.performer[0]"),
        ("Procedure", {"status": "completed", "performer": [{"actor": "@"}]}, "Procedure.performer[0].actor"),
        (
            "Encounter",
            {"status": "finished", "class": {"code": "AMB"}, "serviceProvider": "@"},
            "Encounter.serviceProvider",
        ),
        ("ServiceRequest", {"status": "active", "intent": "order", "requester": "@"}, "ServiceRequest.requester"),
    ],
)
@pytest.mark.parametrize("how", ["reference", "absolute", "version", "identifier", "contained"])
def test_nobody_writes_in_the_name_of_another_facility(
    write: Write,
    person: str,
    clinic: Actor,
    thang_long: str,
    type_: str,
    elements: dict[str, Any],
    expression: str,
    how: str,
) -> None:
    code = {"system": settings.FHIR_SYSTEMS["facility"], "value": "01902"}
    name: dict[str, Any] = {
        "reference": {"reference": f"Organization/{thang_long}"},
        "absolute": {"reference": f"https://healthhub.example/fhir/Organization/{thang_long}"},
        "version": {"reference": f"Organization/{thang_long}/_history/1"},
        "identifier": {"type": "Organization", "identifier": code},
        "contained": {"reference": "#lab"},
    }[how]
    body = glucose(person) | _filled(elements, name)
    if how == "contained":
        body["contained"] = [{"resourceType": "Organization", "id": "lab", "identifier": [code]}]
    if type_ == "Encounter":
        del body["code"]

    assert refusal(write, type_, by=clinic, **body) == [expression]


def _filled(node: Any, name: dict[str, Any]) -> Any:
    if isinstance(node, dict):
        return {key: _filled(value, name) for key, value in node.items()}
    if isinstance(node, list):
        return [_filled(value, name) for value in node]
    return name if node == "@" else node


def test_a_clinic_names_itself_and_parties_without_a_facility_code(
    write: Write, person: str, clinic: Actor, hoa_binh: str
) -> None:
    hospital = write("Organization", by=clinic, name="Marlborough Hospital")

    for organization in (hoa_binh, hospital):
        body = glucose(person, performer=[{"reference": f"Organization/{organization}"}])
        assert write("Observation", by=clinic, **body)


def test_a_clinic_gives_nobody_a_facility_code(write: Write, clinic: Actor) -> None:
    code = {"system": settings.FHIR_SYSTEMS["facility"], "value": "01999"}

    assert refusal(write, "Organization", by=clinic, identifier=[code]) == ["Organization.identifier"]


@pytest.mark.parametrize("role", [Role.OFFICER, Role.ANALYST, Role.CITIZEN])
def test_others_than_care_write_nothing(write: Write, person: str, hoa_binh: str, role: Role) -> None:
    actor = Actor("user:5", "?", role, facility=hoa_binh, patient=person)

    assert refusal(write, "Observation", by=actor, **glucose(person)) == ["Observation"]
    assert refusal(write, "Organization", by=actor, name="?") == ["Organization"]


def test_a_facility_does_not_write_for_another(hoa_binh: str, thang_long: str, clinic: Actor) -> None:
    write = PolicyWrite("Basic", "b", {"resourceType": "Basic"}, None, thang_long, None, None, False, "Basic")

    issues = RecordPolicy().check_writes([write], actor=clinic, presented=frozenset())
    assert [issue.code for issue in issues] == ["forbidden"]


def test_a_batch_is_judged_in_as_many_statements_as_one(person: str, clinic: Actor, hoa_binh: str) -> None:
    body = {"resourceType": "Observation", **glucose(person, performer=[{"reference": f"Organization/{hoa_binh}"}])}
    write = PolicyWrite("Observation", "o", body, person, hoa_binh, None, None, False, "Observation")

    with CaptureQueriesContext(connection) as queries:
        assert RecordPolicy().check_writes([write] * 500, actor=clinic, presented=frozenset()) == []
    assert len(queries) == 2


def test_a_signed_in_user_is_what_the_active_membership_says(hoa_binh: str) -> None:
    user = User.objects.create_user("bs@healthhub.example", name="Bác sĩ Ánh")
    assert memberships.actor_for_user(user) is None

    membership = Membership.objects.create(user=user, role=Role.CLINICIAN, facility_id=hoa_binh)
    assert memberships.actor_for_user(user) == Actor(f"user:{user.pk}", "Bác sĩ Ánh", Role.CLINICIAN, facility=hoa_binh)

    user.is_active = False
    assert memberships.actor_for_user(user) is None
    user.is_active, membership.active = True, False
    membership.save()
    assert memberships.actor_for_user(user) is None


def test_nobody_signs_in_as_the_system(hoa_binh: str) -> None:
    user = User.objects.create_user("root@healthhub.example")
    Membership.objects.create(user=user, role=Role.SYSTEM)

    assert memberships.actor_for_user(user) is None


def test_a_client_is_named_after_its_facility(hoa_binh: str) -> None:
    Membership.objects.create(client_id="his", role=Role.CLIENT, facility_id=hoa_binh)

    actor = memberships.actor_for_client("his")
    assert actor == Actor("client:his", "Trạm y tế Hòa Bình", Role.CLIENT, facility=hoa_binh)
    assert memberships.actor_for_client("unknown") is None


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Bearer nonsense", "Basic abc", "nonsense"])
def test_without_a_valid_token_there_is_no_actor(header: str | None) -> None:
    request = RequestFactory().get("/fhir/Patient", headers={"Authorization": header} if header is not None else {})

    assert RecordPolicy().authenticate(request) is None


def test_the_system_reads_and_writes_everything(hers: set[str], write: Write, person: str) -> None:
    assert people_read(SYSTEM) == hers | {person}
    assert write("Observation", by=SYSTEM, **glucose(person))
