"""Messages on pages: a person's log for staff and for herself, wishes, and where links lead."""

from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from django.test import Client
from pytest_django import Settings

from healthhub.accounts.actors import SYSTEM, Role
from healthhub.audit.log import entries_about
from records.models import Facility
from screening.messages import Outgoing, queue, unreachable
from screening.messages.sending import sweep
from screening.models import BadContact, Message, MessagePreference
from tests.screening.clinic_room import signed_in
from tests.screening.conftest import make_patient

PHONE = [{"system": "phone", "value": "0912345678"}]
NOWHERE = [{"use": "home", "period": {"start": "2010-01-01"}}]


@pytest.fixture(autouse=True)
def _noon(settings: Settings, tmp_path: Any) -> Iterator[None]:
    settings.VAR_DIR = tmp_path
    with time_machine.travel("2026-11-23T12:00:00+07:00", tick=True):
        yield


@pytest.fixture
def patient(station: Facility) -> str:
    return make_patient(station, name="Trần Thị Hoa", gender="female", born="1960-03-12", telecom=PHONE)


@pytest.fixture
def sent(station: Facility, patient: str) -> Message:
    """An invitation that went out by SMS."""
    queue([Outgoing(patient, "invitation", "campaign/1", facility=station.pk)], actor=SYSTEM)
    sweep()
    return Message.objects.get()


@pytest.fixture
def room(station: Facility) -> Client:
    return signed_in(Role.CLINICIAN, station)


@pytest.fixture
def herself(patient: str) -> Client:
    return signed_in(Role.CITIZEN, patient=patient)


def test_staff_see_what_was_sent_and_leave_a_trace(room: Client, patient: str, sent: Message) -> None:
    page = room.get(f"/clinic/people/{patient}/messages/").content.decode()
    assert "Thư mời khám sàng lọc" in page
    assert "mời bạn đến khám sàng lọc" in page
    assert "+84912345678" in page
    assert "Thư và tin nhắn đã gửi" in room.get(f"/clinic/people/{patient}/").content.decode()
    assert entries_about(patient).filter(reason=f"/clinic/people/{patient}/messages/").exists()


def test_another_facility_sees_nothing(laboratory: Facility, patient: str, sent: Message) -> None:
    stranger = signed_in(Role.CLINICIAN, laboratory)
    assert stranger.get(f"/clinic/people/{patient}/messages/").status_code == 404
    assert stranger.post(f"/clinic/people/{patient}/messages/act/", {"action": "contact_us"}).status_code == 404
    assert Message.objects.count() == 1


def test_staff_send_once_more(room: Client, patient: str, sent: Message) -> None:
    address = f"/clinic/people/{patient}/messages/act/"
    room.post(address, {"action": "resend", "message": sent.pk})
    assert [one.state for one in Message.objects.order_by("id")] == ["sent", "queued"]
    assert room.post(address, {"action": "resend", "message": "999"}).status_code == 404


def test_staff_ask_to_get_in_touch_once_a_day(room: Client, patient: str) -> None:
    for _ in range(2):
        room.post(f"/clinic/people/{patient}/messages/act/", {"action": "contact_us"})
    assert [one.kind for one in Message.objects.all()] == ["contact_us"]


def test_a_wrong_number_is_noted_and_can_be_put_right(room: Client, patient: str, sent: Message) -> None:
    address = f"/clinic/people/{patient}/messages/act/"
    room.post(address, {"action": "wrong", "message": sent.pk})
    page = room.get(f"/clinic/people/{patient}/messages/").content.decode()
    assert "được nhân viên y tế báo là sai" in page
    queue([Outgoing(patient, "reminder", "campaign/1")], actor=SYSTEM)
    assert Message.objects.latest("id").channel == "letter"
    room.post(address, {"action": "clear", "address": "+84912345678"})
    assert not BadContact.objects.filter(cleared_at__isnull=True).exists()


def test_whom_nothing_reaches_is_shown_to_the_clinic(room: Client, station: Facility, laboratory: Facility) -> None:
    lost = make_patient(station, name="Lê Văn Xa", gender="male", born="1960-03-12", address=NOWHERE)
    queue([Outgoing(lost, "invitation", "campaign/1", facility=station.pk)], actor=SYSTEM)
    page = room.get("/clinic/messages/").content.decode()
    assert "Lê Văn Xa" in page
    assert "Không có số điện thoại" in page
    assert "Lê Văn Xa" not in signed_in(Role.CLINICIAN, laboratory).get("/clinic/messages/").content.decode()


def test_the_list_of_the_unreached_costs_the_same_for_many(
    room: Client, station: Facility, django_assert_max_num_queries: Any
) -> None:
    for number in range(15):
        lost = make_patient(station, name=f"Lê Văn {number}", gender="male", born="1960-03-12", address=NOWHERE)
        queue([Outgoing(lost, "invitation", f"campaign/{number}", facility=station.pk)], actor=SYSTEM)
    with django_assert_max_num_queries(14):
        room.get("/clinic/messages/")


def test_she_sees_what_was_sent_to_her(herself: Client, sent: Message) -> None:
    page = herself.get("/me/messages/").content.decode()
    assert "mời bạn đến khám sàng lọc" in page
    assert "/me/messages/" in herself.get("/me/").content.decode()


def test_she_chooses_how_she_is_written_to(herself: Client, patient: str) -> None:
    page = herself.get("/me/messages/preferences/").content.decode()
    assert "Tin nhắn SMS (+84912345678)" in page
    assert "Thư điện tử" not in page  # no address is known
    herself.post("/me/messages/preferences/", {"channel": "letter", "language": "en"})
    wish = MessagePreference.objects.get()
    assert (wish.channel, wish.language, wish.zalo, wish.no_messages) == ("letter", "en", False, False)
    herself.post("/me/messages/preferences/", {"channel": "zalo", "language": "vi"})
    assert MessagePreference.objects.get().zalo
    herself.post("/me/messages/preferences/", {"channel": "", "language": "vi", "no_messages": "on"})
    assert queue([Outgoing(patient, "invitation", "campaign/9")], actor=SYSTEM) == 0


def test_staff_see_that_she_wants_no_messages(room: Client, patient: str) -> None:
    MessagePreference.objects.create(patient_id=patient, no_messages=True)
    assert "không muốn nhận thư hay tin nhắn" in room.get(f"/clinic/people/{patient}/messages/").content.decode()


def test_a_link_leads_to_the_sign_in_and_says_nothing(sent: Message) -> None:
    real, invented = Client().get(f"/m/{sent.token}"), Client().get("/m/0123456789abcdef")
    assert real.status_code == invented.status_code == 200
    bodies = [
        answer.content.decode().replace(sent.token, "T").replace("0123456789abcdef", "T") for answer in (real, invented)
    ]
    without = [[line for line in body.splitlines() if "csrf" not in line] for body in bodies]
    assert without[0] == without[1]
    assert "Hoa" not in bodies[0]
    assert f"/accounts/login/?next=%2Fme%2Fmessages%2F%3Fm%3D{sent.token}" in real.content.decode()


def test_following_the_link_is_noted_for_her_own_only(herself: Client, station: Facility, sent: Message) -> None:
    other = make_patient(station, name="Lê Văn Ba", gender="male", born="1960-03-12")
    signed_in(Role.CITIZEN, patient=other).get(f"/m/{sent.token}", follow=True)
    assert Message.objects.get().opened_at is None
    assert herself.get(f"/m/{sent.token}", follow=True).status_code == 200
    assert Message.objects.get().opened_at is not None


def test_whoever_got_it_by_mistake_stops_it(patient: str, sent: Message) -> None:
    assert Client().post(f"/m/{sent.token}/not-me").status_code == 200
    assert Client().post("/m/0123456789abcdef/not-me").status_code == 200
    assert set(BadContact.objects.values_list("patient_id", "channel", "source")) == {
        (patient, "sms", "recipient"),
        (patient, "zalo", "recipient"),
    }
    assert unreachable([patient]) == set()  # the letter is left
    queue([Outgoing(patient, "reminder", "campaign/1")], actor=SYSTEM)
    assert Message.objects.latest("id").channel == "letter"


def test_an_old_link_stops_nothing(sent: Message) -> None:
    with time_machine.travel("2026-12-28T12:00:00+07:00"):
        Client().post(f"/m/{sent.token}/not-me")
    assert not BadContact.objects.exists()
