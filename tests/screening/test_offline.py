"""Results entered without network come in once, through the same form and store as the pages."""

import json
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from healthhub.accounts.actors import Role
from healthhub.audit.models import AccessEntry
from records.models import Facility
from screening.models import Appointment, OfflineEntry, ScreeningResult, Session, Slot, Standing
from tests.screening.clinic_room import signed_in
from tests.screening.conftest import Sender, make_patient

pytestmark = pytest.mark.django_db


@pytest.fixture
def worker(station: Facility) -> Client:
    """A health worker of the station."""
    return signed_in(Role.CLINICIAN, station)


def entry(patient: str, value: str = "48,6", **fields: Any) -> dict[str, Any]:
    """A FIT as the device sends it."""
    return {
        "id": str(uuid4()),
        "patient_id": patient,
        "test": "fit",
        "value": value,
        "unit": "ug/g",
        "kit": "OC-Sensor",
        "category": "",
        "specimen_id": "S1",
        "collected_on": "2024-05-06",
        "decision": "",
        **fields,
    }


def send(worker: Client, *entries: dict[str, Any]) -> list[dict[str, Any]]:
    answer = worker.post(
        reverse("clinic-station-sync"), json.dumps({"entries": entries}), content_type="application/json"
    )
    assert answer.status_code == 200
    return answer.json()["answers"]


def results() -> list[tuple[str, str, str]]:
    found = ScreeningResult.objects.order_by("specimen_id", "observation_id")
    return [(row.specimen_id, row.category, f"{row.value.normalize():f}" if row.value else "") for row in found]


def test_an_entry_becomes_a_result_read_by_the_protocol(worker: Client, man: str) -> None:
    assert [one["state"] for one in send(worker, entry(man))] == ["saved"]
    assert results() == [("S1", "positive", "48.6")]


def test_an_entry_sent_twice_is_one_result(worker: Client, man: str) -> None:
    one = entry(man)
    assert [[answer["state"] for answer in send(worker, one)] for _ in range(2)] == [["saved"], ["saved"]]
    assert results() == [("S1", "positive", "48.6")]


def test_an_entry_twice_in_one_batch_is_one_result(worker: Client, man: str) -> None:
    one = entry(man)
    assert [answer["state"] for answer in send(worker, one, one)] == ["saved", "saved"]
    assert results() == [("S1", "positive", "48.6")]


def test_what_the_record_says_already_is_not_written_again(worker: Client, send_as: Sender, man: str) -> None:
    observation = send_as.fit(man, "48.6", specimen="S1", device={"display": "OC-Sensor"})
    assert [one["state"] for one in send(worker, entry(man))] == ["held"]
    assert list(OfflineEntry.objects.values_list("observation_id", flat=True)) == [observation]
    assert results() == [("S1", "positive", "48.6")]


@pytest.mark.parametrize(
    ("decision", "state", "after"),
    [
        ("", "conflict", [("S1", "negative", "3")]),
        ("drop", "dropped", [("S1", "negative", "3")]),
        ("correct", "saved", [("S1", "positive", "48.6")]),
        ("save", "conflict", [("S1", "negative", "3")]),  # a specimen has one result: there is nothing to save beside
    ],
)
def test_a_specimen_with_another_result_waits_for_a_decision(
    worker: Client, send_as: Sender, man: str, decision: str, state: str, after: list[Any]
) -> None:
    send_as.fit(man, "3", specimen="S1")
    answer = send(worker, entry(man, decision=decision))[0]
    assert (answer["state"], results()) == (state, after)
    if state == "conflict":
        assert answer["choices"] == ["drop", "correct"]
        assert answer["held"] == "06/05/2024 · S1 · Âm tính (3 ug/g)"


def test_another_specimen_of_the_same_day_may_be_saved_beside(worker: Client, send_as: Sender, man: str) -> None:
    send_as.fit(man, "3", specimen="S0")
    one = entry(man)
    assert send(worker, one)[0]["choices"] == ["drop", "correct", "save"]
    assert send(worker, {**one, "decision": "save"})[0]["state"] == "saved"
    assert results() == [("S0", "negative", "3"), ("S1", "positive", "48.6")]


def test_a_specimen_that_is_somebody_elses_cannot_be_corrected_into_this_person(
    worker: Client, send_as: Sender, station: Facility, man: str
) -> None:
    other = make_patient(station, name="Lê Văn Nam", gender="male", born="1961-01-01")
    send_as.fit(other, "3", specimen="S1")
    answer = send(worker, entry(man, decision="correct"))[0]
    assert (answer["state"], answer["choices"]) == ("conflict", ["drop"])
    assert results() == [("S1", "negative", "3")]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"value": "nhiều"}, "Kết quả: Phải là một số, ví dụ 12,5."),
        ({"value": ""}, "Kết quả: Hãy nhập kết quả."),
        ({"collected_on": "2999-01-01"}, "Ngày lấy mẫu: Ngày này chưa đến. Ngày trả kết quả: Ngày này chưa đến."),
        ({"test": "unknown"}, "Không có xét nghiệm này trong quy trình."),
        ({"id": "1"}, "Mục này không có mã hợp lệ."),
    ],
)
def test_a_bad_entry_is_refused_with_the_reason_and_the_good_ones_are_kept(
    worker: Client, man: str, fields: dict[str, str], said: str
) -> None:
    answers = send(worker, entry(man, specimen_id="S2", **fields), entry(man))
    assert [(one["state"], one["text"]) for one in answers] == [("refused", said), ("saved", "Đã lưu vào hồ sơ.")]
    assert results() == [("S1", "positive", "48.6")]


@pytest.mark.parametrize("damage", [{"value": "4\x008"}, {"patient_id": "a\x00"}, {"note": "\ud800"}, {"test": "\x00"}])
def test_a_damaged_entry_does_not_hold_up_the_others(worker: Client, man: str, damage: dict[str, str]) -> None:
    states = [
        one["state"]
        for one in send(worker, entry(man, **damage), entry(man, specimen_id="S2", collected_on="2024-05-09"))
    ]
    assert states[1] == "saved"
    assert ScreeningResult.objects.filter(specimen_id="S2").count() == 1


def test_a_refused_entry_may_be_mended_and_sent_again(worker: Client, man: str) -> None:
    one = entry(man, "nhiều")
    assert send(worker, one)[0]["state"] == "refused"
    assert send(worker, {**one, "value": "3"})[0]["state"] == "saved"
    assert results() == [("S1", "negative", "3")]


def test_nobody_writes_about_people_whom_the_facility_does_not_care_for(worker: Client, laboratory: Facility) -> None:
    stranger = make_patient(laboratory, name="Lê Văn Nam", gender="male", born="1961-01-01")
    missing = send(worker, entry("no-such-person"))[0]
    assert {**send(worker, entry(stranger))[0], "id": ""} == {**missing, "id": ""}
    assert results() == []


def test_nobody_answers_for_another_ones_entries(worker: Client, laboratory: Facility, man: str) -> None:
    one = entry(man)
    send(worker, one)
    other = signed_in(Role.LABORATORY, laboratory)
    assert send(other, one)[0]["text"] == "Mục này do người khác hoặc cơ sở khác ghi."


def test_what_is_no_list_of_entries_is_refused(worker: Client) -> None:
    address = reverse("clinic-station-sync")
    bodies = ["", "[" * 5000, "[]", '{"entries": 1}', '{"entries": [1]}', json.dumps({"entries": [{}] * 101})]
    answers = [worker.post(address, body, content_type="application/json") for body in bodies]
    assert [answer.status_code for answer in answers] == [400] * len(bodies)


def test_the_list_holds_the_people_who_wait_here_and_the_log_names_them(
    worker: Client, send_as: Sender, station: Facility, laboratory: Facility, man: str
) -> None:
    send_as.fit(man, "48.6", specimen="S1")
    elsewhere = make_patient(laboratory, name="Lê Văn Nam", gender="male", born="1961-01-01")
    Sender(laboratory).fit(elsewhere, "48.6", specimen="S2")
    before = AccessEntry.objects.filter(action="export").count()
    packed = worker.post(reverse("clinic-station-pack")).json()
    assert [(one["id"], one["name"], one["birth"]) for one in packed["people"]] == [
        (man, "Nguyễn Văn Đức", "12/03/1960")
    ]
    assert [due["step"] for due in packed["people"][0]["due"]] == ["Nội soi đại tràng"]
    assert "fit" in packed["people"][0]["tests"]
    assert packed["tests"]["fit"]["units"][0] == {"unit": "ug/g", "label": "µg/g", "cutoff": "20"}
    logged = AccessEntry.objects.filter(action="export")
    assert (logged.count() - before, logged.latest("id").patient) == (1, man)


@pytest.mark.parametrize("name", ["clinic-station-app", "clinic-station-worker", "clinic-station-manifest"])
def test_what_the_device_keeps_names_nobody(worker: Client, name: str) -> None:
    signed, unsigned = worker.get(reverse(name)), Client().get(reverse(name))
    assert (signed.status_code, signed.content) == (200, unsigned.content)


@pytest.mark.parametrize("name", ["clinic-station-session", "clinic-station"])
def test_strangers_are_asked_to_sign_in(db: None, name: str) -> None:
    assert Client().get(reverse(name)).status_code == 302


@pytest.fixture
def send_as(station: Facility) -> Sender:
    """The station's software."""
    return Sender(station)


def test_the_list_begins_with_those_expected_today_and_ends_with_those_due_for_screening(
    worker: Client, send_as: Sender, station: Facility, man: str, woman: str
) -> None:
    send_as.fit(man, "48.6", specimen="S1")
    due = make_patient(station, name="Lê Văn Nam", gender="male", born="1961-01-01")
    today = timezone.localdate()
    Standing.objects.create(
        patient_id=due,
        programme="colorectal",
        facility=station,
        status="overdue",
        due_on=today - timedelta(days=200),
        due_rule="age:40",
        protocol_version="1",
        since=today,
    )
    schedule = Session.objects.create(
        schedule_id="s", facility=station, kind="screening", day=today, starts_at=timezone.now(), ends_at=timezone.now()
    )
    slot = Slot.objects.create(slot_id="t", session=schedule, starts_at=timezone.now(), ends_at=timezone.now())
    Appointment.objects.create(
        appointment_id="a",
        patient_id=woman,
        slot=slot,
        facility=station,
        kind="screening",
        status="booked",
        day=today,
        starts_at=timezone.now(),
        queued_at=timezone.now(),
        version=1,
    )
    people = worker.post(reverse("clinic-station-pack")).json()["people"]
    assert [one["id"] for one in people] == [woman, man, due]
    assert people[2]["due"] == [
        {"step": "Sàng lọc ung thư đại trực tràng", "on": f"{today - timedelta(days=200):%d/%m/%Y}"}
    ]
