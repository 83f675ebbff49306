"""The pages of letters: staff of the sender, and an officer for the department's."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import time_machine
from django.test import Client
from pytest_django import Settings

from fhir import store
from healthhub.accounts.actors import SYSTEM, Role
from healthhub.audit.log import entries_about
from records.models import Facility
from screening.messages import Outgoing, queue
from screening.messages.letters import gather, print_batch
from screening.models import LetterBatch, Message
from tests.screening.clinic_room import signed_in
from tests.screening.conftest import make_patient


@pytest.fixture(autouse=True)
def _here(settings: Settings, tmp_path: Path) -> Iterator[None]:
    settings.MEDIA_ROOT = tmp_path
    with time_machine.travel("2026-11-23T09:00:00+07:00", tick=True):
        yield


@pytest.fixture
def room(station: Facility) -> Client:
    return signed_in(Role.CLINICIAN, station)


def waiting(facility: Facility | None, station: Facility, name: str = "Nguyễn Văn Đức") -> str:
    patient = make_patient(station, name=name, gender="male", born="1960-03-12")
    queue([Outgoing(patient, "invitation", f"campaign/{patient}", facility=facility and facility.pk)], actor=SYSTEM)
    return patient


def printed(station: Facility) -> tuple[LetterBatch, str]:
    patient = waiting(station, station)
    (number,) = gather()
    print_batch(number)
    return LetterBatch.objects.get(pk=number), patient


def test_staff_make_print_and_post_a_batch(station: Facility, room: Client) -> None:
    patient = waiting(station, station)
    assert "1 thư sẽ vào đợt in sáng mai." in room.get("/clinic/letters/").content.decode()
    assert room.post("/clinic/letters/make/").status_code == 302
    batch = LetterBatch.objects.get()
    assert "Tệp in đang được tạo" in room.get(f"/clinic/letters/{batch.pk}/").content.decode()
    print_batch(batch.pk)
    file = room.get(f"/clinic/letters/{batch.pk}/letters.pdf")
    assert b"".join(file.streaming_content).startswith(b"%PDF-")
    assert [(one.action, one.resource_type) for one in entries_about(patient)[:1]] == [("export", "Letter")]
    room.post(f"/clinic/letters/{batch.pk}/printed/")
    assert room.post(f"/clinic/letters/{batch.pk}/", {"on": "23/11/2026"}).status_code == 302
    assert (LetterBatch.objects.get().stage, Message.objects.get().state) == ("posted", "sent")


def test_nobody_opens_anothers_batch(station: Facility, laboratory: Facility) -> None:
    batch, _patient = printed(station)
    stranger, officer = signed_in(Role.CLINICIAN, laboratory), signed_in(Role.OFFICER)
    for client, room in ((stranger, "clinic"), (officer, "city")):
        for page in ("", "letters.pdf"):
            assert client.get(f"/{room}/letters/{batch.pk}/{page}").status_code == 404
        assert client.post(f"/{room}/letters/{batch.pk}/printed/").status_code == 404
    assert signed_in(Role.ANALYST).get("/city/letters/").status_code == 403


def test_the_department_posts_its_own(station: Facility) -> None:
    waiting(None, station)
    officer = signed_in(Role.OFFICER)
    officer.post("/city/letters/make/")
    batch = LetterBatch.objects.get()
    assert batch.facility_id is None
    assert "Sở Y tế" in officer.get(f"/city/letters/{batch.pk}/").content.decode()


def test_pages_to_pull_must_be_pulled_first(station: Facility, room: Client) -> None:
    batch, patient = printed(station)
    store.save({"resourceType": "Patient", "id": patient, "active": False}, actor=SYSTEM)
    page = room.get(f"/clinic/letters/{batch.pk}/").content.decode()
    assert f"Trang 1 (số thư HH-{Message.objects.get().pk}): Hồ sơ không còn dùng" in page
    assert room.post(f"/clinic/letters/{batch.pk}/", {"on": "23/11/2026"}).status_code == 200
    assert room.post(f"/clinic/letters/{batch.pk}/", {"on": "23/11/2026", "pulled": "on"}).status_code == 302
    assert Message.objects.get().state == "cancelled"


def test_a_day_to_come_or_before_the_file_is_refused(station: Facility, room: Client) -> None:
    batch, _patient = printed(station)
    for day in ("24/11/2026", "22/11/2026", "gestern"):
        assert room.post(f"/clinic/letters/{batch.pk}/", {"on": day}).status_code == 200
    assert LetterBatch.objects.get().stage == "ready"


def test_the_alarm_is_on_the_page_of_the_sender_and_of_the_city(station: Facility) -> None:
    printed(station)
    with time_machine.travel("2026-11-27T09:00:00+07:00"):
        room, officer = signed_in(Role.LABORATORY, station), signed_in(Role.OFFICER)
        for client, address in ((room, "/clinic/letters/"), (officer, "/city/letters/")):
            page = client.get(address).content.decode()
            assert "Đợt thư đã tạo nhưng chưa gửi bưu điện" in page
            assert "chờ từ 23/11/2026" in page
        assert "Trạm y tế Dịch Vọng" in page
