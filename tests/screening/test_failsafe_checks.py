"""The nightly checks: each kind of corruption, made by SQL behind the engine's back, is found, with the name."""

from datetime import date, timedelta

import pytest
from django.db import connection, transaction
from django.db.utils import InternalError
from django.test import Client
from django.utils import timezone

from fhir import store
from fhir.outcomes import Refused
from fhir.reader import read
from fhir.text import parse
from healthhub.accounts.actors import SYSTEM, Role
from healthhub.accounts.models import User
from healthhub.audit.models import AccessEntry
from records.models import Area, Facility, Membership
from screening.failsafe.checks import CHECKS, find_lost
from screening.failsafe.nightly import run_nightly
from screening.failsafe.reviews import review_alarm
from screening.models import AlarmReview, Episode, Escalation, FailsafeAlarm, FailsafeRun
from tests.screening.clinic_room import signed_in
from tests.screening.conftest import Sender

pytestmark = pytest.mark.django_db

TODAY = date(2024, 6, 1)


def corrupt(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for statement in sql.split(";"):
            cursor.execute(statement)


def without_rule(name: str) -> str:
    return f"ALTER TABLE screening_episode DROP CONSTRAINT {name}"


OPEN_RULE = without_rule("screening_episode_open_has_owner_due_step")

CORRUPTIONS = {
    "positive_without_round": "UPDATE screening_episode SET state = 'closed', step = '', closed_on = '2024-05-20', "
    "outcome = 'negative', due_on = NULL, limit_on = NULL",
    "open_without_clock": f"{OPEN_RULE}; UPDATE screening_episode SET due_on = NULL",
    "open_owner_gone": "UPDATE records_facility SET active = false",
    "nobody_sees": "DELETE FROM records_carerelation",
    "result_without_round": "UPDATE screening_screeningresult SET episode_id = NULL",
    "resource_without_result": "DELETE FROM screening_screeningresult",
    "release_overdue": "UPDATE screening_screeningresult SET hold_until = '2024-05-20', released_on = NULL",
    "unreadable": "UPDATE screening_screeningresult SET outcome = 'unclassified', category = 'unclassified'",
}


@pytest.mark.parametrize("check", CORRUPTIONS)
def test_what_would_lose_somebody_is_found_by_name(send: Sender, man: str, check: str) -> None:
    send.fit(man, "50", on="2024-05-06")
    assert {key: people for key, people in find_lost(TODAY).items() if people} == {}
    corrupt(CORRUPTIONS[check])
    assert [one.patient for one in find_lost(TODAY)[check]] == [man]


def test_an_assessment_without_its_finding_is_asked_after(send: Sender, man: str) -> None:
    send.fit(man, "50", on="2024-01-06")
    send.procedure(man, on="2024-02-01")
    assert [one.patient for one in find_lost(date(2024, 3, 5))["assessed_without_finding"]] == [man]
    assert find_lost(date(2024, 2, 20))["assessed_without_finding"] == []


def test_a_finding_that_came_later_ends_the_asking(send: Sender, man: str) -> None:
    send.fit(man, "50", on="2024-01-06")
    send.procedure(man, on="2024-02-01")
    local = "https://healthhub.example/fhir/CodeSystem/screening"
    send.procedure(man, on="2024-02-01", outcome={"coding": [{"system": local, "code": "normal"}]})
    assert find_lost(date(2024, 3, 5))["assessed_without_finding"] == []


def test_a_positive_that_was_taken_back_is_asked_after_until_there_is_another_result(
    send: Sender, man: str, woman: str
) -> None:
    """Taking it back needs no outcome: without this, one click would end the follow-up of a real positive."""
    taken, moved = send.fit(man, "50", on="2024-05-06"), send.fit(woman, "50", on="2024-05-06")
    store.save(send.observation(man, "50", id=taken, status="entered-in-error"), actor=SYSTEM)
    store.save(send.observation(man, "50", id=moved, on="2024-05-01"), actor=SYSTEM)  # it was never hers
    today = timezone.localdate()
    assert [one.patient for one in find_lost(today)["positive_withdrawn"]] == [man]
    assert find_lost(today + timedelta(days=61))["positive_withdrawn"] == []
    send.fit(man, "3", on="2024-05-20")
    assert find_lost(today)["positive_withdrawn"] == []


def test_a_lesion_that_was_taken_back_is_asked_after_where_no_step_waits(send: Sender, man: str) -> None:
    """Found in somebody without a test of ours: with the finding her round is gone, and nothing else would tell."""
    coding = {"system": "https://healthhub.example/fhir/CodeSystem/screening", "code": "lesion-sampled"}
    today = timezone.localdate()
    lesion = {"outcome": {"coding": [coding]}}
    source = send.procedure(man, on=str(today), **lesion)
    assert find_lost(today)["positive_withdrawn"] == []
    stored = parse(read(type="Procedure", id=source, actor=SYSTEM).content).resource
    store.save({**stored, "status": "entered-in-error"}, actor=SYSTEM)
    found = find_lost(today)["positive_withdrawn"]
    assert [(one.patient, one.subject) for one in found] == [(man, f"Procedure/{source}")]
    send.fit(man, "50", on=str(today - timedelta(9)))
    assert find_lost(today)["positive_withdrawn"] == []  # her round is open, with a step that waits


def test_every_check_is_proven_to_find_somebody() -> None:
    assert {check.key for check in CHECKS} == {*CORRUPTIONS, "assessed_without_finding", "positive_withdrawn"}


def test_a_city_without_faults_has_no_alarm(send: Sender, man: str, woman: str) -> None:
    send.fit(man, "50", on="2024-05-06")
    send.fit(woman, "3", on="2024-05-06")
    send.fit(woman, None, on="2024-05-20", valueString="Không đạt")
    assert {key: people for key, people in find_lost(TODAY).items() if people} == {}


def test_alarms_stay_until_a_run_finds_them_gone(send: Sender, man: str) -> None:
    send.fit(man, "50", on="2024-05-06")
    corrupt("UPDATE screening_screeningresult SET episode_id = NULL")
    for day in (1, 2):
        run_nightly(date(2024, 6, day))
    alarm = FailsafeAlarm.objects.get(check_name="result_without_round")
    assert (alarm.patient_id, alarm.first_on, alarm.last_on, alarm.gone_on) == (
        man,
        date(2024, 6, 1),
        date(2024, 6, 2),
        None,
    )
    episode = Episode.objects.get()
    corrupt(f"UPDATE screening_screeningresult SET episode_id = '{episode.pk}'")
    run_nightly(date(2024, 6, 3))
    alarm.refresh_from_db()
    assert alarm.gone_on == date(2024, 6, 3)


def test_a_late_step_is_noted_once_at_each_level(send: Sender, man: str) -> None:
    send.fit(man, "50", on="2024-05-06")
    due = Episode.objects.get().due_on
    assert due
    for days in (1, 1, 14, 30, 31):
        run_nightly(due + timedelta(days=days))
    noted = Escalation.objects.order_by("noted_on").values_list("level", "noted_on")
    assert list(noted) == [
        ("facility", due + timedelta(days=1)),
        ("district", due + timedelta(days=14)),
        ("city", due + timedelta(days=30)),
    ]
    assert FailsafeRun.objects.count() == 5


def test_alarms_stand_with_names_for_officers_and_as_numbers_for_analysts(send: Sender, man: str) -> None:
    send.fit(man, "50", on="2024-05-06")
    corrupt("UPDATE screening_screeningresult SET episode_id = NULL")
    run_nightly(timezone.localdate())
    seen = {}
    for role in (Role.OFFICER, Role.ANALYST):
        page = signed_in(role).get("/city/forgotten/")
        alarm = next(one for one in page.context["alarms"] if one.key == "result_without_round")
        seen[role] = (alarm.count, "Nguyễn Văn Đức" in page.content.decode())
    assert seen == {Role.OFFICER: (1, True), Role.ANALYST: (1, False)}


def test_somebody_who_died_before_the_assessment_is_not_lost(send: Sender, man: str) -> None:
    send.fit(man, "50", on="2024-05-06")
    patient = parse(read(type="Patient", id=man, actor=SYSTEM).content).resource
    store.save({**patient, "deceasedDateTime": "2024-05-20"}, actor=SYSTEM)
    assert Episode.objects.get().detail == "deceased"
    assert {key: people for key, people in find_lost(TODAY).items() if people} == {}


# What a person must judge


@pytest.fixture
def taken_back(send: Sender, man: str) -> FailsafeAlarm:
    """A positive of today's city that was taken back, and found by the night."""
    taken = send.fit(man, "50", on="2024-05-06")
    store.save(send.observation(man, "50", id=taken, status="entered-in-error"), actor=SYSTEM)
    run_nightly(timezone.localdate())
    return FailsafeAlarm.objects.get()


def standing(client: Client, check: str = "positive_withdrawn") -> tuple[int, int]:
    alarm = next(one for one in client.get("/city/forgotten/").context["alarms"] if one.key == check)
    return alarm.count, alarm.settled


def test_an_officer_settles_what_a_person_must_judge(taken_back: FailsafeAlarm, man: str) -> None:
    officer = signed_in(Role.OFFICER)
    assert standing(officer) == (1, 0)
    assert officer.post(f"/city/forgotten/{taken_back.pk}/", {"why": " "}).status_code == 200  # asked again
    officer.post(f"/city/forgotten/{taken_back.pk}/", {"why": "Nhầm người; người đúng đã có kết quả"})
    run_nightly(timezone.localdate() + timedelta(days=1))
    assert standing(officer) == (0, 1)
    page = officer.get("/city/forgotten/").content.decode()
    assert "Nhầm người; người đúng đã có kết quả" in page
    review = AlarmReview.objects.get()
    assert (review.patient_id, review.check_name, review.actor_name) == (man, "positive_withdrawn", "BS Lê Thị Mai")
    assert AccessEntry.objects.filter(patient=man, action="review", reason="positive_withdrawn").count() == 1
    assert officer.get(f"/city/forgotten/{taken_back.pk}/").status_code == 404  # once is enough


def test_a_settled_alarm_is_back_as_soon_as_anything_about_her_changes(
    taken_back: FailsafeAlarm, send: Sender, man: str
) -> None:
    officer = signed_in(Role.OFFICER)
    officer.post(f"/city/forgotten/{taken_back.pk}/", {"why": "Đã hỏi trạm"})
    send.fit(man, "3", on="2024-05-01")  # a result from before: still nothing after the positive
    run_nightly(timezone.localdate())
    assert standing(officer) == (1, 0)
    assert AlarmReview.objects.count() == 1  # what was said stays


def test_what_only_a_repair_can_end_cannot_be_settled(send: Sender, man: str) -> None:
    send.fit(man, "50", on="2024-05-06")
    corrupt("UPDATE screening_screeningresult SET episode_id = NULL")
    run_nightly(timezone.localdate())
    alarm = FailsafeAlarm.objects.get(check_name="result_without_round")
    assert signed_in(Role.OFFICER).post(f"/city/forgotten/{alarm.pk}/", {"why": "x"}).status_code == 404
    with pytest.raises(Refused) as refused:
        review_alarm(alarm=alarm, why="x", actor=SYSTEM)
    assert (refused.value.status, AlarmReview.objects.count()) == (409, 0)


def test_alarms_of_another_district_and_of_clinics_are_not_theirs_to_settle(
    taken_back: FailsafeAlarm, station: Facility
) -> None:
    area = Area.objects.get(code="001", kind="district", valid_from=date(2008, 8, 1))
    user = User.objects.create_user("bd@example.vn", name="Cán bộ Ba Đình")
    Membership.objects.create(user=user, role=Role.OFFICER.value, area=area)
    elsewhere = Client()
    elsewhere.force_login(user)
    assert elsewhere.post(f"/city/forgotten/{taken_back.pk}/", {"why": "x"}).status_code == 404
    assert signed_in(Role.CLINICIAN, station).post(f"/city/forgotten/{taken_back.pk}/", {"why": "x"}).status_code == 403
    assert AlarmReview.objects.count() == 0


def test_a_review_is_never_changed(taken_back: FailsafeAlarm) -> None:
    signed_in(Role.OFFICER).post(f"/city/forgotten/{taken_back.pk}/", {"why": "Đã hỏi trạm"})
    for change in ("UPDATE screening_alarmreview SET why = ''", "DELETE FROM screening_alarmreview"):
        with pytest.raises(InternalError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(change)
