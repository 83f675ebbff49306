"""A round that waits for steps of two facilities is a Task of each, and each ends, moves and is closed by itself."""

from datetime import date
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from healthhub.accounts.actors import SYSTEM, Actor, Role
from records.models import Facility
from screening.clinic.closed import closed_lines
from screening.failsafe.closing import close_step, decide_closure
from screening.failsafe.handover import hand_over
from screening.models import ClosureRequest, Episode, EpisodeEvent, OpenRound
from screening.places import as_held, seen_from
from screening.publishing.noting import mark_unpublished
from screening.publishing.sweep import publish_noted
from screening.rebuild import rebuild
from tests.fhir.conftest import FhirClient, make_clinic
from tests.screening.clinic_room import signed_in
from tests.screening.conftest import Sender, make_facility, make_patient
from tests.screening.test_publishing import LOCAL, code_of, found, publish

pytestmark = pytest.mark.django_db
DECLINED = {"coding": [{"system": LOCAL, "code": "reason-declined"}]}


@pytest.fixture
def here(db: None) -> FhirClient:
    """The software of the station, which waits for a colonoscopy."""
    return make_clinic("clinic", "Trạm y tế Dịch Vọng", "01901")


@pytest.fixture
def there(db: None) -> FhirClient:
    """The software of the laboratory, which waits for a sample to repeat."""
    return make_clinic("laboratory", "Phòng xét nghiệm", "01902")


@pytest.fixture
def station(here: FhirClient) -> Facility:
    return Facility.objects.get(code="01901")


@pytest.fixture
def laboratory(there: FhirClient) -> Facility:
    return Facility.objects.get(code="01902")


@pytest.fixture
def man(station: Facility, laboratory: Facility) -> str:
    """A colonoscopy of the station's, due on 5 July, and a sample of the laboratory's to repeat, due on 7 June."""
    patient = make_patient(station, name="Nguyễn Văn Đức", gender="male", born="1960-03-12")
    Sender(station).fit(patient, "50", on="2024-05-06", specimen="A1")
    Sender(laboratory).fit(patient, None, on="2024-05-08", specimen="B1", valueString="Không đạt")
    publish()
    return patient


def own(software: FhirClient, status: str = "requested") -> list[tuple[str, str]]:
    """Step and due date of the Tasks of a facility."""
    tasks = found(software, "Task", f"owner=Organization/{software.actor.facility}&status={status}")
    return [(code_of(one["code"]), one["restriction"]["period"]["end"]) for one in tasks]


def all_of(software: FhirClient, man: str) -> dict[str, str]:
    """Step -> status of its Task."""
    return {code_of(one["code"]): one["status"] for one in found(software, "Task", f"patient=Patient/{man}")}


def task_of(software: FhirClient, step: str) -> dict[str, Any]:
    (task,) = found(software, "Task", f"code={LOCAL}|step-{step}")
    return task


def held_by(facility: Facility) -> Any:
    return seen_from(Episode.objects.select_related("patient").get(), facility.pk)


def test_each_owner_finds_its_own_task(here: FhirClient, there: FhirClient, man: str) -> None:
    assert own(here) == [("step-colonoscopy", "2024-07-05")]
    assert own(there) == [("step-repeat_fit", "2024-06-07")]
    (plan,) = found(here, "CarePlan", f"patient=Patient/{man}")
    tasks = [task_of(here, "colonoscopy"), task_of(here, "repeat_fit")]
    assert [one["reference"]["reference"] for one in plan["activity"]] == [f"Task/{one['id']}" for one in tasks]
    newest = Episode.objects.get().needs
    assert [one["focus"]["reference"] for one in tasks] == [need["source"] for need in newest]


def test_a_finished_step_is_completed_while_the_other_goes_on(
    here: FhirClient, there: FhirClient, man: str, laboratory: Facility
) -> None:
    before = task_of(here, "colonoscopy")["meta"]["versionId"]
    Sender(laboratory).fit(man, "5", on="2024-05-20", specimen="B2")
    publish()
    assert all_of(here, man) == {"step-colonoscopy": "requested", "step-repeat_fit": "completed"}
    assert int(before) <= int(task_of(here, "colonoscopy")["meta"]["versionId"])


def test_two_positives_of_one_owner_are_one_task(here: FhirClient, man: str, station: Facility) -> None:
    Sender(station).fit(man, "60", on="2024-05-10", specimen="A2")
    publish()
    assert own(here) == [("step-colonoscopy", "2024-07-05")]


def test_a_step_handed_over_is_the_same_task_with_another_owner(
    here: FhirClient, there: FhirClient, man: str, laboratory: Facility
) -> None:
    third = make_clinic("third", "Bệnh viện K", "01903")
    task = task_of(there, "repeat_fit")
    assert (
        there.put(f"/Task/{task['id']}", {**task, "status": "accepted", "note": [{"text": "Gọi"}]}).status_code == 200
    )
    rows = OpenRound.objects.filter(holder=laboratory.pk).select_related("episode__patient")
    (round_,) = as_held(rows)
    facility = Facility.objects.get(code="01903")
    hand_over(episode=round_, facility=facility, reason="Nghỉ", on=timezone.localdate(), actor=SYSTEM)
    publish()
    after = task_of(third, "repeat_fit")
    assert (after["id"], after["status"], after["note"]) == (task["id"], "requested", [{"text": "Gọi"}])
    assert (own(there), own(third)) == ([], [("step-repeat_fit", "2024-06-07")])
    assert third.put(f"/Task/{after['id']}", {**after, "status": "accepted"}).status_code == 200
    assert there.put(f"/Task/{after['id']}", {**after, "status": "requested"}).status_code == 403


def test_steps_that_come_to_one_owner_become_one_task(
    here: FhirClient, there: FhirClient, man: str, station: Facility, laboratory: Facility
) -> None:
    Sender(station).fit(man, None, on="2024-05-09", specimen="A3", valueString="Không đạt")
    publish()
    assert [len(found(here, "Task", f"code={LOCAL}|step-repeat_fit&status=requested"))] == [2]
    hand_over(episode=held_by(laboratory), facility=station, reason="Nghỉ", on=timezone.localdate(), actor=SYSTEM)
    publish()
    repeats = found(here, "Task", f"code={LOCAL}|step-repeat_fit")
    assert sorted(one["status"] for one in repeats) == ["cancelled", "requested"]
    assert [code_of(one["statusReason"]) for one in repeats if one["status"] == "cancelled"] == ["merged"]
    assert sorted(own(here)) == [("step-colonoscopy", "2024-07-05"), ("step-repeat_fit", "2024-06-07")]


def test_publishing_and_a_rebuild_change_no_task(here: FhirClient, man: str) -> None:
    before = [(one["id"], one["meta"]["versionId"]) for one in found(here, "Task", f"patient=Patient/{man}")]
    rebuild()
    mark_unpublished([man])
    publish_noted()
    assert [(one["id"], one["meta"]["versionId"]) for one in found(here, "Task", f"patient=Patient/{man}")] == before


def test_each_owner_closes_its_own_step_by_its_task_and_opens_it_again(
    here: FhirClient, there: FhirClient, man: str
) -> None:
    task = task_of(there, "repeat_fit")
    cancelled = {**task, "status": "cancelled", "statusReason": DECLINED, "note": [{"text": "Không lấy mẫu nữa"}]}
    assert here.put(f"/Task/{task['id']}", cancelled).status_code == 403
    assert there.put(f"/Task/{task['id']}", cancelled).status_code == 200
    publish()
    assert all_of(here, man) == {"step-colonoscopy": "requested", "step-repeat_fit": "cancelled"}
    again = {**task_of(there, "repeat_fit"), "status": "requested"}
    assert there.put(f"/Task/{task['id']}", again).status_code == 422
    again["note"] = [*again["note"], {"text": "Đã đồng ý"}]
    assert there.put(f"/Task/{task['id']}", again).status_code == 200
    publish()
    assert (own(here), own(there)) == ([("step-colonoscopy", "2024-07-05")], [("step-repeat_fit", "2024-06-07")])


def test_of_two_steps_of_one_owner_its_task_closes_only_its_own(here: FhirClient, man: str, station: Facility) -> None:
    Sender(station).fit(man, None, on="2024-05-09", specimen="A3", valueString="Không đạt")
    publish()
    owner = f"owner=Organization/{station.pk}"
    (task,) = found(here, "Task", f"code={LOCAL}|step-repeat_fit&{owner}")
    cancelled = {**task, "status": "cancelled", "statusReason": DECLINED, "note": [{"text": "Đã dương tính"}]}
    assert here.put(f"/Task/{task['id']}", cancelled).status_code == 200
    publish()
    assert own(here) == [("step-colonoscopy", "2024-07-05")]
    assert own(here, "cancelled") == [("step-repeat_fit", task["restriction"]["period"]["end"])]
    assert [need["step"] for need in Episode.objects.get().needs] == ["colonoscopy", "repeat_fit"]


def test_a_step_that_ended_by_its_outcome_stays_so_while_another_is_open(
    here: FhirClient, there: FhirClient, man: str, laboratory: Facility
) -> None:
    Sender(laboratory).fit(man, "5", on="2024-05-20", specimen="B2")
    publish()
    task = task_of(there, "repeat_fit")
    again = {**task, "status": "requested", "note": [{"text": "Vì sao"}]}
    assert there.put(f"/Task/{task['id']}", again).status_code == 422


def test_a_closing_for_good_of_one_places_step_is_asked_by_the_task_of_that_step(
    here: FhirClient, there: FhirClient, man: str, laboratory: Facility
) -> None:
    asker = Actor("user:8", "KTV Bình", Role.CLINICIAN, facility=laboratory.pk)
    close_step(episode=held_by(laboratory), reason="moved_away", on=date(2024, 6, 1), evidence="Giấy", actor=asker)
    publish()
    (asked,) = found(there, "Task", f"code={LOCAL}|closing")
    assert asked["focus"] == {"reference": f"Task/{task_of(there, 'repeat_fit')['id']}"}


def test_the_statements_do_not_grow_with_the_steps(here: FhirClient, man: str, station: Facility) -> None:
    def publish_all() -> int:
        mark_unpublished([man])
        with CaptureQueriesContext(connection) as queries:
            publish_noted()
        return len(queries)

    publish_all()
    before = publish_all()
    Sender(station).fit(man, None, on="2024-05-09", specimen="A3", valueString="Không đạt")
    publish()
    assert publish_all() == before


# The list to review


def closed_by(facility: Facility) -> list[Any]:
    actor = Actor("user:5", "BS An", Role.CLINICIAN, facility=facility.pk)
    return closed_lines(facility.pk, timezone.localdate(), actor=actor, after="").lines


def test_a_closing_of_one_places_step_is_on_its_list_at_once(man: str, station: Facility, laboratory: Facility) -> None:
    client = signed_in(Role.CLINICIAN, laboratory)
    user = client.get("/clinic/").context["user"]
    address = f"/clinic/people/{man}/rounds/{Episode.objects.get().pk}"
    known = client.get(f"{address}/close/").context["form"].initial["known"]
    today = f"{timezone.localdate():%d/%m/%Y}"
    said = {"reason": "declined", "on": today, "note": "Không muốn", "evidence": "", "known": known}
    client.post(f"{address}/close/", said)
    assert Episode.objects.get().state != "closed"
    (line,) = client.get("/clinic/closed/").context["lines"]
    assert (line.person.name, line.reason, line.by) == ("Nguyễn Văn Đức", "Người dân từ chối", user.get_full_name())
    assert (line.note, line.day, line.positive) == ("Không muốn", timezone.localdate(), False)
    assert closed_by(station) == []
    client.post(f"{address}/reopen/?closing={line.closing}", {"why": "Đồng ý rồi"})
    assert client.get("/clinic/closed/").context["lines"] == []
    assert {need["step"] for need in Episode.objects.get().needs} == {"colonoscopy", "repeat_fit"}


def test_it_stays_on_the_list_once_the_round_has_ended(man: str, station: Facility, laboratory: Facility) -> None:
    actor = Actor("user:8", "KTV Bình", Role.CLINICIAN, facility=laboratory.pk)
    close_step(episode=held_by(laboratory), reason="declined", on=timezone.localdate(), actor=actor)
    Sender(station).procedure(man, on=f"{timezone.localdate()}")
    assert (Episode.objects.get().state, Episode.objects.get().outcome) == ("closed", "assessed")
    assert [line.reason for line in closed_by(laboratory)] == ["Người dân từ chối"]


def test_who_asked_and_who_confirmed_stand_with_it(man: str, laboratory: Facility) -> None:
    asker = Actor("user:8", "KTV Bình", Role.CLINICIAN, facility=laboratory.pk)
    on = timezone.localdate()
    close_step(episode=held_by(laboratory), reason="moved_away", on=on, evidence="Giấy chuyển", actor=asker)
    assert closed_by(laboratory) == []
    second = Actor("user:9", "BS Hà", Role.CLINICIAN, facility=laboratory.pk)
    decide_closure(request_id=ClosureRequest.objects.get().pk, accepted=True, actor=second)
    (line,) = closed_by(laboratory)
    assert line.note == "Bằng chứng: Giấy chuyển\nNgười đề nghị: KTV Bình\nNgười xác nhận: BS Hà"


def test_each_closing_is_taken_back_by_itself(man: str, station: Facility, laboratory: Facility) -> None:
    """The second closing does not take over what the first one closed."""
    actor = Actor("user:8", "KTV Bình", Role.CLINICIAN, facility=laboratory.pk)
    close_step(episode=held_by(laboratory), reason="declined", on=timezone.localdate(), actor=actor)
    close_step(episode=held_by(station), reason="unfit", on=timezone.localdate(), evidence="Giấy", actor=actor)
    assert Episode.objects.get().state == "closed"
    (line,) = closed_by(laboratory)
    client = signed_in(Role.CLINICIAN, laboratory)
    client.post(f"/clinic/people/{man}/rounds/{line.episode.pk}/reopen/?closing={line.closing}", {"why": "Nhầm"})
    assert [need["step"] for need in Episode.objects.get().needs] == ["repeat_fit"]
    assert EpisodeEvent.objects.filter(fact="closed", kind="withdrawn").count() == 1
    assert [line.reason for line in closed_by(station)] == ["Không đủ sức khỏe để làm"]


def test_the_list_is_read_in_as_many_statements_for_one_as_for_many(man: str, laboratory: Facility) -> None:
    actor = Actor("user:8", "KTV Bình", Role.CLINICIAN, facility=laboratory.pk)

    client = signed_in(Role.CLINICIAN, laboratory)

    def read() -> int:
        with CaptureQueriesContext(connection) as queries:
            client.get("/clinic/closed/")
        return len(queries)

    close_step(episode=held_by(laboratory), reason="declined", on=timezone.localdate(), actor=actor)
    one = read()
    other = make_facility("01904", "Trạm khác")
    for number in range(5):
        patient = make_patient(laboratory, name=f"Lê Văn {number}", gender="male", born="1960-01-01")
        Sender(laboratory).fit(patient, None, on="2024-05-08", specimen=f"C{number}", valueString="Không đạt")
        Sender(other).fit(patient, "50", on="2024-05-06", specimen=f"D{number}")
        episode = Episode.objects.select_related("patient").get(patient=patient)
        close_step(episode=seen_from(episode, laboratory.pk), reason="declined", on=timezone.localdate(), actor=actor)
    assert (read(), len(closed_by(laboratory))) == (one, 6)
