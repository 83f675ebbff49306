"""A record opened in an emergency: who may, for how long, what is logged, and who looks at it afterwards."""

import json
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from fhir import reader, store
from fhir.outcomes import Refused
from fhir.search import parse
from healthhub.accounts.actors import Actor, Role
from healthhub.accounts.models import User
from healthhub.audit.log import entries_about
from records.access import can_open, can_see
from records.access.emergencies import (
    NotOpened,
    end_opening,
    lasting_opening,
    open_record,
    openings_of,
    review_opening,
)
from records.memberships import actor_for_app, actor_for_user
from records.models import CareRelation, EmergencyAccess, Membership
from records.profile import profile, who_looked
from tests.records.conftest import Write, glucose

pytestmark = pytest.mark.django_db
TOLD = "Hôn mê, cần biết thuốc đang dùng."


@pytest.fixture
def lan(patient: Write, write: Write, stranger: Actor) -> str:
    """Somebody whom the first facility does not know, with a result."""
    person = patient("Lê Thị Lan", by=stranger)
    write("Observation", by=stranger, id="lan-glucose", **glucose(person))
    return person


@pytest.fixture
def mai(hoa_binh: str) -> Membership:
    """A doctor of the first facility."""
    user = User.objects.create_user("mai@example.vn", name="BS Lê Thị Mai")
    return Membership.objects.create(user=user, role=Role.CLINICIAN.value, facility_id=hoa_binh)


def now(member: Membership) -> Actor:
    """The doctor as the next request finds her."""
    actor = actor_for_user(User.objects.get(pk=member.user_id))
    assert actor
    return actor


def auditor(user: User | None = None) -> Actor:
    return Actor(f"user:{user.pk if user else 0}", "Hồ Thị Kiểm", Role.AUDITOR)


def open_for(member: Membership, person: str, reason: str = "unconscious") -> EmergencyAccess:
    return open_record(patient=person, reason=reason, told=TOLD, actor=now(member))


def found_by(actor: Actor, **parameters: str) -> list[str]:
    """The ids of the results that the actor's app finds."""
    page = reader.read_page(parse("Observation", list(parameters.items())), actor=actor)
    return [json.loads(row.content)["id"] for row in page.rows]


def test_it_lets_its_opener_read_and_nobody_else(mai: Membership, lan: str, hoa_binh: str) -> None:
    other = User.objects.create_user("ha@example.vn", name="ĐD Hà")
    colleague = Membership.objects.create(user=other, role=Role.CLINICIAN.value, facility_id=hoa_binh)
    with pytest.raises(PermissionDenied):
        profile(lan, actor=now(mai))

    opening = open_for(mai, lan)

    assert [group.key for group in profile(lan, actor=now(mai)).groups] == ["observations"]
    assert (opening.facility_id, opening.role, opening.name) == (hoa_binh, "clinician", "BS Lê Thị Mai")
    with pytest.raises(PermissionDenied):
        profile(lan, actor=now(colleague))


def test_it_holds_for_the_role_and_the_facility_that_it_was_opened_at(
    mai: Membership, lan: str, thang_long: str
) -> None:
    open_for(mai, lan)
    here = actor_for_app(mai.pk, user=mai.user_id or 0)
    beside = [
        Membership.objects.create(user=mai.user, role=role.value, facility_id=facility)
        for role, facility in ((Role.CLINICIAN, thang_long), (Role.LABORATORY, mai.facility_id))
    ]
    assert here
    assert here.emergencies == ((lan, "unconscious"),)
    assert [actor_for_app(one.pk, user=one.user_id or 0).emergencies for one in beside] == [(), ()]  # type: ignore[union-attr]


def test_an_app_that_acts_for_the_doctor_reads_with_her_and_the_log_says_why(
    mai: Membership, lan: str, write: Write, patient: Write, stranger: Actor
) -> None:
    other = patient("Trần Thị Hoa", by=stranger)
    write("Observation", by=stranger, id="hoa-glucose", **glucose(other))
    app = actor_for_app(mai.pk, user=mai.user_id or 0)
    assert app
    with pytest.raises(Refused):
        reader.read(type="Observation", id="lan-glucose", actor=app)

    open_for(mai, lan)

    app = actor_for_app(mai.pk, user=mai.user_id or 0)
    assert app
    assert found_by(app, code="2345-7") == found_by(app, patient=lan) == ["lan-glucose"]
    assert found_by(app, patient=other) == []
    assert '"lan-glucose"' in reader.read(type="Observation", id="lan-glucose", actor=app).content
    lines = [(line.action, line.reason) for line in entries_about(lan)[:4]]
    assert lines == [(action, "emergency:unconscious") for action in ("read", "search", "search", "emergency")]
    with pytest.raises(Refused):
        reader.read(type="Observation", id="hoa-glucose", actor=app)


def test_every_look_under_it_carries_the_reason_and_others_their_own(
    mai: Membership, lan: str, patient: Write, clinic: Actor
) -> None:
    own = patient("Nguyễn Văn Đức", by=clinic)
    open_for(mai, lan, "life")
    for person in (lan, own):
        profile(person, actor=now(mai), reason="/clinic/people/")
    assert [entries_about(person)[0].reason for person in (lan, own)] == ["emergency:life", "/clinic/people/"]
    citizen = Actor("user:9", "Lê Thị Lan", Role.CITIZEN, patient=lan)
    by = {look.actor: look.emergency for look in who_looked(lan, actor=citizen)}
    assert (by[now(mai).id], {emergency for actor, emergency in by.items() if actor != now(mai).id}) == (True, {False})


def test_it_is_for_reading_only_and_puts_nobody_on_a_list(mai: Membership, lan: str) -> None:
    open_for(mai, lan)
    actor = now(mai)
    assert (can_open(actor, lan), can_see(actor, lan)) == (True, False)
    with pytest.raises(Refused) as refused:
        store.save({"resourceType": "Observation", **glucose(lan)}, actor=actor)
    assert refused.value.status == 403
    assert not CareRelation.objects.filter(patient_id=lan, facility_id=actor.facility).exists()


def test_it_is_over_by_itself_after_the_hours_that_are_set(mai: Membership, lan: str, settings: Settings) -> None:
    settings.EMERGENCY_HOURS = 4
    start = timezone.now()
    open_for(mai, lan)
    with time_machine.travel(start + timedelta(hours=3, minutes=59)):
        assert can_open(now(mai), lan)
    with time_machine.travel(start + timedelta(hours=4, seconds=2)):
        assert not can_open(now(mai), lan)
        assert lasting_opening(lan, actor=now(mai)) is None


def test_its_opener_alone_closes_it_before(mai: Membership, lan: str) -> None:
    opening = open_for(mai, lan)
    with pytest.raises(PermissionDenied):
        end_opening(opening=opening, actor=Actor("user:0", "?", Role.CLINICIAN, facility=mai.facility_id))
    assert can_open(now(mai), lan)
    end_opening(opening=opening, actor=now(mai))
    assert not can_open(now(mai), lan)
    assert entries_about(lan)[0].action == "emergency-end"


def test_opening_what_is_open_is_one_opening(mai: Membership, lan: str) -> None:
    assert open_for(mai, lan).pk == open_for(mai, lan).pk
    assert openings_of(now(mai)) == 1


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.CLINICIAN])
def test_no_other_role_opens(role: Role, mai: Membership, lan: str) -> None:
    actor = Actor(f"user:{mai.user_id}", "?", role, facility=mai.facility_id, patient=lan)
    with pytest.raises(PermissionDenied):
        open_record(patient=lan, reason="life", told=TOLD, actor=actor)
    assert not EmergencyAccess.objects.exists()


@pytest.mark.parametrize("change", [{"client": "app"}, {"facility": None}])
def test_no_app_opens_and_nobody_without_a_facility(change: dict[str, Any], mai: Membership, lan: str) -> None:
    at = {"facility": mai.facility_id} | change
    actor = Actor(f"user:{mai.user_id}", "?", Role.CLINICIAN, **at)
    with pytest.raises(PermissionDenied):
        open_record(patient=lan, reason="life", told=TOLD, actor=actor)


def test_the_dead_and_those_who_do_not_exist_get_the_same_answer_and_the_try_is_logged(
    mai: Membership, patient: Write, stranger: Actor
) -> None:
    dead = patient("Lê Thị Mất", by=stranger, deceasedBoolean=True)
    for person in (dead, "nobody"):
        with pytest.raises(NotOpened) as refused:
            open_for(mai, person)
        assert refused.value.code == "unknown"
    assert entries_about(dead)[0].action == "emergency-refused"
    assert not EmergencyAccess.objects.exists()


def test_only_so_many_are_opened_in_a_day(
    mai: Membership, lan: str, patient: Write, stranger: Actor, settings: Settings
) -> None:
    settings.EMERGENCIES_A_DAY = 2
    others = [patient(f"Trần Văn {number}", by=stranger) for number in range(2)]
    for person in others:
        open_for(mai, person)
    with pytest.raises(NotOpened) as refused:
        open_for(mai, lan)
    assert refused.value.code == "too-many"
    assert open_for(mai, others[0]).patient_id == others[0]  # what is open stays so
    EmergencyAccess.objects.update(opened_at=timezone.now() - timedelta(hours=24, seconds=1))
    assert open_for(mai, lan).patient_id == lan


def test_an_auditor_judges_it_once_and_never_her_own(mai: Membership, lan: str) -> None:
    opening = open_for(mai, lan)
    mine = User.objects.get(pk=mai.user_id)
    said = {"opening": opening, "outcome": "justified", "note": "Đã gọi khoa cấp cứu."}
    for actor in (auditor(mine), now(mai), Actor("user:0", "?", Role.ADMIN)):
        with pytest.raises(PermissionDenied):
            review_opening(**said, actor=actor)
    assert review_opening(**said, actor=auditor())
    assert not review_opening(**said | {"outcome": "unjustified"}, actor=auditor())
    opening.refresh_from_db()
    assert (opening.outcome, opening.reviewer_name) == ("justified", "Hồ Thị Kiểm")
    assert entries_about(lan)[0].action == "emergency-review"
    citizen = Actor("user:9", "Lê Thị Lan", Role.CITIZEN, patient=lan)
    looks = {look.actor: look.emergency for look in who_looked(lan, actor=citizen)}
    assert (looks[now(mai).id], looks[auditor().id]) == (True, False)


def test_whoever_has_opened_nothing_asks_the_database_as_before(
    mai: Membership, lan: str, clinic: Actor, stranger: Actor
) -> None:
    from records.access import RecordPolicy

    plain = RecordPolicy().readable(now(mai))
    assert (plain.sql, plain.params) == (RecordPolicy().readable(clinic).sql, RecordPolicy().readable(clinic).params)
    with CaptureQueriesContext(connection) as before:
        actor_for_app(mai.pk, user=mai.user_id or 0)
    open_for(mai, lan)
    with CaptureQueriesContext(connection) as after:
        actor_for_app(mai.pk, user=mai.user_id or 0)
    assert (len(before), len(after)) == (1, 1)
