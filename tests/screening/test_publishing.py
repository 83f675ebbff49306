"""A clinic's software reads the pathway as EpisodeOfCare, CarePlan and Task, and closes a step as the page does."""

from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from healthhub.accounts.actors import Actor, Role
from records.models import Facility
from screening.failsafe.handover import hand_over
from screening.models import Episode, EpisodeEvent, StandingsNight
from screening.publishing.sweep import publish_noted
from screening.recall.decisions import defer_screening
from screening.recall.reasons import REASONS
from screening.recall.refresh import refresh_noted
from screening.recall.run import carry_on, start_run
from tests.fhir.conftest import FhirClient, make_clinic
from tests.screening.conftest import Sender, make_facility, make_patient

pytestmark = pytest.mark.django_db
LOCAL = "https://healthhub.example/fhir/CodeSystem/screening"


@pytest.fixture
def software(db: None) -> FhirClient:
    """A clinic's software."""
    return make_clinic("clinic", "Trạm y tế Dịch Vọng", "01901")


@pytest.fixture
def send(software: FhirClient) -> Sender:
    return Sender(Facility.objects.get(code="01901"))


@pytest.fixture
def man(send: Sender) -> str:
    return make_patient(send.facility, name="Nguyễn Văn Đức", gender="male", born="1960-03-12")


def publish() -> None:
    refresh_noted(timezone.localdate())
    publish_noted()


def found(software: FhirClient, type_: str, query: str) -> list[dict[str, Any]]:
    answer = software.get(f"/{type_}?{query}")
    assert answer.status_code == 200
    return [entry["resource"] for entry in answer.json().get("entry", ())]


def code_of(concept: dict[str, Any]) -> str:
    assert concept["coding"][0]["system"] == LOCAL
    return str(concept["coding"][0]["code"])


def test_a_positive_result_is_a_task_with_owner_and_due_date(software: FhirClient, send: Sender, man: str) -> None:
    observation = send.fit(man, "48.6", on="2024-05-06", issued="2024-05-08T10:00:00+07:00")
    publish()
    (task,) = found(software, "Task", f"patient=Patient/{man}&status=requested")
    assert (code_of(task["code"]), code_of(task["businessStatus"]), task["priority"]) == (
        "step-colonoscopy",
        "assessment_due",
        "urgent",
    )
    assert task["focus"] == {"reference": f"Observation/{observation}"}
    assert task["owner"] == {"reference": f"Organization/{send.facility.pk}"}
    assert task["restriction"]["period"] == {"start": "2024-05-06", "end": "2024-07-07"}  # 8 May + 60 days
    (care,) = found(software, "EpisodeOfCare", f"patient=Patient/{man}")
    assert (care["status"], code_of(care["type"][0]), care["period"]) == (
        "active",
        "programme-colorectal",
        {"start": "2024-05-06"},
    )
    (plan,) = found(software, "CarePlan", f"patient=Patient/{man}")
    assert plan["activity"] == [{"reference": {"reference": f"Task/{task['id']}"}}]


def test_a_negative_result_is_a_plan_with_the_next_date(software: FhirClient, send: Sender, man: str) -> None:
    day = timezone.localdate().replace(day=1)
    send.fit(man, "3", on=str(day))
    publish()
    (plan,) = found(software, "CarePlan", f"patient=Patient/{man}")
    detail = plan["activity"][0]["detail"]
    assert (plan["status"], detail["status"], detail["scheduledPeriod"]) == (
        "active",
        "scheduled",
        {"start": str(day.replace(year=day.year + 1))},
    )
    assert found(software, "Task", f"patient=Patient/{man}") == []


def test_the_task_is_completed_by_the_outcome_and_the_next_step_is_another_task(
    software: FhirClient, send: Sender, man: str
) -> None:
    send.fit(man, "48.6", on="2024-05-06")
    publish()
    normal = {"outcome": {"coding": [{"system": LOCAL, "code": "normal"}]}}
    send.procedure(man, on="2024-06-01", **normal)
    publish()
    assert [one["status"] for one in found(software, "Task", f"patient=Patient/{man}&_sort=_id")] == ["completed"]


def test_a_cancelled_task_with_a_coded_reason_closes_the_step(software: FhirClient, send: Sender, man: str) -> None:
    send.fit(man, "48.6", on="2024-05-06")
    publish()
    (task,) = found(software, "Task", f"patient=Patient/{man}")
    reason = {"coding": [{"system": LOCAL, "code": "reason-declined"}]}
    cancelled = {**task, "status": "cancelled", "statusReason": reason, "note": [{"text": "Đã tư vấn hai lần"}]}
    assert software.put(f"/Task/{task['id']}", cancelled).status_code == 200
    episode = Episode.objects.get()
    assert (episode.state, episode.outcome, episode.detail) == ("closed", "closed", "declined")
    publish()
    (after,) = found(software, "Task", f"patient=Patient/{man}")
    assert (after["status"], after["statusReason"]) == ("cancelled", reason)


@pytest.mark.parametrize(
    ("change", "expression"),
    [
        ({"status": "completed"}, "Task.status"),
        ({"status": "cancelled"}, "Task.statusReason"),
        ({"status": "rejected", "statusReason": {"text": "Thôi"}}, "Task.statusReason"),
        (
            {"status": "failed", "statusReason": {"coding": [{"system": LOCAL, "code": "reason-?"}]}},
            "Task.statusReason",
        ),
        ({"restriction": {"period": {"end": "2999-01-01"}}}, "Task.restriction"),
    ],
)
def test_a_step_is_not_ended_or_put_off_without_outcome_or_reason(
    software: FhirClient, send: Sender, man: str, change: dict[str, Any], expression: str
) -> None:
    send.fit(man, "48.6", on="2024-05-06")
    publish()
    (task,) = found(software, "Task", f"patient=Patient/{man}")
    refused = software.put(f"/Task/{task['id']}", {**task, **change})
    assert (refused.status_code, refused.json()["issue"][0]["expression"]) == (422, [expression])
    assert software.delete(f"/Task/{task['id']}").status_code == 422
    assert Episode.objects.get().step == "colonoscopy"


def closed(software: FhirClient, send: Sender, man: str) -> dict[str, Any]:
    """The Task of a step that software has closed because she declined."""
    send.fit(man, "48.6", on="2024-05-06")
    publish()
    (task,) = found(software, "Task", f"patient=Patient/{man}")
    reason = {"coding": [{"system": LOCAL, "code": "reason-declined"}]}
    cancelled = {**task, "status": "cancelled", "statusReason": reason, "note": [{"text": "Không đi"}]}
    assert software.put(f"/Task/{task['id']}", cancelled).status_code == 200
    publish()
    (task,) = found(software, "Task", f"patient=Patient/{man}")
    return task


def test_a_closed_step_is_opened_again_with_the_reason_why(software: FhirClient, send: Sender, man: str) -> None:
    task = closed(software, send, man)
    again = {**task, "status": "requested", "note": [*task["note"], {"text": "Người nhà gọi lại, đồng ý khám"}]}
    assert software.put(f"/Task/{task['id']}", again).status_code == 200
    episode = Episode.objects.get()
    assert (episode.state, episode.step, episode.due_on) == ("assessment_due", "colonoscopy", date(2024, 7, 5))
    taken_back = EpisodeEvent.objects.get(fact="closed", kind="withdrawn")
    assert (taken_back.data["note"], taken_back.actor) == ("Người nhà gọi lại, đồng ý khám", "client:clinic")
    publish()
    (after,) = found(software, "Task", f"patient=Patient/{man}")
    assert (after["id"], after["status"], after["note"]) == (task["id"], "requested", again["note"])


@pytest.mark.parametrize(
    ("change", "expression"),
    [
        ({"status": "requested"}, "Task.note"),
        ({"status": "completed"}, "Task.status"),
        ({"status": "requested", "note": [{"text": "Không đi"}, {"text": " vì"}], "for": {}}, "Task.for"),
    ],
)
def test_a_closed_step_stays_closed_without_a_reason(
    software: FhirClient, send: Sender, man: str, change: dict[str, Any], expression: str
) -> None:
    task = closed(software, send, man)
    if change.get("for") == {}:
        change = {**change, "for": {**task["for"], "display": "Ai đó"}}
    refused = software.put(f"/Task/{task['id']}", {**task, **change})
    assert (refused.status_code, refused.json()["issue"][0]["expression"]) == (422, [expression])
    assert software.delete(f"/Task/{task['id']}").status_code == 422
    assert Episode.objects.get().state == "closed"


def test_somebodys_own_task_is_kept_whatever_it_calls_a_round(software: FhirClient, man: str) -> None:
    round_ = {"system": "https://healthhub.example/fhir/sid/round", "value": "đợt 1"}
    own = {"resourceType": "Task", "status": "requested", "intent": "order", "identifier": [round_]}
    assert software.post("/Task", {**own, "for": {"reference": f"Patient/{man}"}}).status_code == 201


def test_a_step_that_ended_by_its_outcome_is_not_opened(software: FhirClient, send: Sender, man: str) -> None:
    send.fit(man, "48.6", on="2024-05-06")
    publish()
    send.procedure(man, on="2024-06-01", outcome={"coding": [{"system": LOCAL, "code": "normal"}]})
    publish()
    (task,) = found(software, "Task", f"patient=Patient/{man}")
    again = {**task, "status": "requested", "note": [{"text": "Vì sao"}]}
    assert (task["status"], software.put(f"/Task/{task['id']}", again).status_code) == ("completed", 422)
    assert Episode.objects.get().state == "closed"


def test_what_the_owner_wrote_on_the_task_stays(software: FhirClient, send: Sender, man: str) -> None:
    send.fit(man, "48.6", on="2024-05-06", specimen="S1")
    publish()
    (task,) = found(software, "Task", f"patient=Patient/{man}")
    taken = {**task, "status": "accepted", "note": [{"text": "Hẹn gọi lại"}]}
    assert software.put(f"/Task/{task['id']}", taken).status_code == 200
    send.fit(man, "50", on="2024-05-07", specimen="S2")  # something else happens in the round
    publish()
    (after,) = found(software, "Task", f"patient=Patient/{man}")
    assert (after["status"], after["note"]) == ("accepted", [{"text": "Hẹn gọi lại"}])
    send.procedure(man, on="2024-06-01", outcome={"coding": [{"system": LOCAL, "code": "normal"}]})
    publish()
    (ended,) = found(software, "Task", f"patient=Patient/{man}")
    assert (ended["status"], ended["note"]) == ("completed", [{"text": "Hẹn gọi lại"}])


def test_only_the_owner_may_change_a_task(software: FhirClient, send: Sender, man: str) -> None:
    other = make_clinic("other", "Bệnh viện khác", "01902")
    Sender(Facility.objects.get(code="01902")).fit(man, "3", on="2023-05-06")  # cares for him too, so may read
    send.fit(man, "48.6", on="2024-05-06")
    publish()
    (task,) = found(other, "Task", f"patient=Patient/{man}")
    reason = {"coding": [{"system": LOCAL, "code": "reason-declined"}]}
    refused = other.put(f"/Task/{task['id']}", {**task, "status": "cancelled", "statusReason": reason})
    assert refused.status_code == 403
    assert Episode.objects.get(opened_on=date(2024, 5, 6)).state == "assessment_due"


def test_a_facility_that_does_not_care_for_the_person_sees_none_of_it(
    software: FhirClient, send: Sender, man: str
) -> None:
    send.fit(man, "48.6", on="2024-05-06")
    publish()
    stranger = make_clinic("stranger", "Bệnh viện khác", "01903")
    assert [found(stranger, type_, f"patient=Patient/{man}") for type_ in ("Task", "CarePlan", "EpisodeOfCare")] == [
        [],
        [],
        [],
    ]


def test_publishing_again_writes_nothing(software: FhirClient, send: Sender, man: str) -> None:
    send.fit(man, "48.6", on="2024-05-06")
    publish()
    before = [one["meta"]["versionId"] for one in found(software, "Task", f"patient=Patient/{man}")]
    send.fit(man, "48.6", on="2024-05-06", code="8302-2", unit="cm")  # not about screening
    publish()
    refresh_noted(timezone.localdate())
    publish_noted()
    assert [one["meta"]["versionId"] for one in found(software, "Task", f"patient=Patient/{man}")] == before


def test_a_deferral_holds_the_plan(software: FhirClient, send: Sender, man: str) -> None:
    send.fit(man, "3", on="2024-05-06")
    defer_screening(
        patient=man,
        programme="colorectal",
        reason="later",
        until=timezone.localdate() + timedelta(days=90),
        actor=Actor("user:1", "BS An", Role.CLINICIAN, facility=send.facility.pk),
    )
    publish()
    (care,) = found(software, "EpisodeOfCare", f"patient=Patient/{man}")
    (plan,) = found(software, "CarePlan", f"patient=Patient/{man}")
    assert (care["status"], plan["status"]) == ("onhold", "on-hold")


def test_the_statements_do_not_grow_with_the_people(send: Sender) -> None:
    def publish_some(number: int) -> int:
        facility = make_facility(f"019{number:02}", "Trạm y tế")
        for one in range(number):
            patient = make_patient(facility, name=f"Lê Văn {one}", gender="male", born="1960-01-01")
            Sender(facility).fit(patient, "48.6", on="2024-05-06")
        refresh_noted(timezone.localdate())
        with CaptureQueriesContext(connection) as queries:
            publish_noted()
        return len(queries)

    publish_some(2)  # and what is asked once
    assert publish_some(5) == publish_some(20)


def test_what_a_night_changes_is_published_too(software: FhirClient, send: Sender, man: str) -> None:
    send.fit(man, "3", on="2026-03-02")
    defer_screening(
        patient=man,
        programme="colorectal",
        reason=next(iter(REASONS["defer"])),
        until=timezone.localdate() + timedelta(days=30),
        actor=Actor("user:1", "Bác sĩ An", Role.CLINICIAN, facility=send.facility.pk),
    )
    publish()
    assert found(software, "CarePlan", f"patient=Patient/{man}")[0]["status"] == "on-hold"
    carry_on(start_run(timezone.localdate() + timedelta(days=31), only=["colorectal"]))
    publish_noted()
    assert found(software, "CarePlan", f"patient=Patient/{man}")[0]["status"] == "active"


def test_a_night_that_counts_everybody_writes_the_tasks_of_the_people_noted(
    software: FhirClient, send: Sender, man: str
) -> None:
    send.fit(man, "48.6", on="2024-05-06", issued="2024-05-08T10:00:00+07:00")
    publish()
    other = make_facility("01902", "Trạm y tế Nghĩa Đô")
    officer = Actor(id="user:9", name="Lê Minh Châu", role=Role.OFFICER)
    on = timezone.localdate()
    hand_over(episode=Episode.objects.get(), facility=other, reason="Trạm đã đóng cửa", on=on, actor=officer)
    StandingsNight.objects.all().delete()  # nothing is known of an earlier night, so everybody is counted
    carry_on(start_run(on))
    publish_noted()
    (task,) = found(software, "Task", f"patient=Patient/{man}&status=requested")
    assert task["owner"] == {"reference": f"Organization/{other.pk}"}
