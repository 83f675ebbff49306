"""Sending by real gateways on this machine: delivery, tries, refusals, throttling, crashes, two workers."""

import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.utils import timezone
from pytest_django import Settings

from fhir import store
from fhir.models import Resource
from healthhub.accounts.actors import SYSTEM
from records.models import CareRelation, Facility
from screening.messages import Outgoing, queue, queue_messages, sending, unreachable
from screening.messages.bad_contacts import report
from screening.messages.gateways.smsgateway import SmsGateway
from screening.messages.outbox import cancel_messages
from screening.messages.sending import HANDFUL, TRIES, claim, sweep
from screening.models import BadContact, Decision, Invitation, Message, MessagePreference
from tests.screening.conftest import make_patient
from tests.screening.local_gateways import Office, Postbox, http_office, smtp_office

NUMBER = "+84912345678"
PHONE = [{"system": "phone", "value": NUMBER}]
EMAIL = [{"system": "email", "value": "duc@example.vn"}]
NOON = "2026-11-23T12:00:00+07:00"


@pytest.fixture(autouse=True)
def _noon() -> Iterator[None]:
    with time_machine.travel(NOON, tick=True):
        yield


@pytest.fixture
def sms(settings: Settings) -> Iterator[Office]:
    """An SMS gateway."""
    with http_office() as office:
        settings.MESSAGES = settings.MESSAGES | {"sms_url": office.url, "sms_token": "secret"}
        yield office


@pytest.fixture
def zalo(settings: Settings) -> Iterator[Office]:
    """A Zalo gateway."""
    with http_office() as office:
        ours = {"zalo_url": office.url, "zalo_token": "secret", "zalo_templates": '{"invitation": "4711"}'}
        settings.MESSAGES = settings.MESSAGES | ours
        yield office


@pytest.fixture
def postbox(settings: Settings) -> Iterator[Postbox]:
    """A mail server."""
    with smtp_office() as box:
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", box.port
        yield box


def person(station: Facility, telecom: Any = PHONE, **extra: Any) -> str:
    return make_patient(station, name="Nguyễn Văn Đức", gender="male", born="1960-03-12", telecom=telecom, **extra)


def invite(patient: str, count: int = 1, facility: str | None = None) -> None:
    rows = [
        Outgoing(patient, "invitation", f"campaign/{patient}/{number}", programme="colorectal", facility=facility)
        for number in range(count)
    ]
    assert queue(rows, actor=SYSTEM) == count


def states() -> list[tuple[str, str, str]]:
    """Channel, state and reason of all messages, oldest first."""
    return list(Message.objects.order_by("id").values_list("channel", "state", "reason"))


def test_an_sms_goes_out_once_and_leaves_its_id_text_and_size(station: Facility, sms: Office) -> None:
    invite(person(station), facility=station.pk)
    assert sweep() == {"sent": 1}
    assert sweep() == {}
    message = Message.objects.get()
    link = f"http://localhost:8000/m/{message.token}"
    text = f"Trạm y tế Dịch Vọng mời bạn đến khám sàng lọc. Chọn ngày khám và xem chi tiết: {link}"
    key = f"hh-{message.pk}-{message.token}"
    assert sms.taken == [{"to": NUMBER, "from": "HealthHub", "text": text, "reference": key}]
    assert (sms.headers[0]["Authorization"], sms.headers[0]["Idempotency-Key"]) == ("Bearer secret", key)
    assert (message.state, message.provider_id, message.text) == ("sent", "gw-1", text)
    assert (message.segments, message.template, message.attempts) == (2, "invitation.vi.1", 1)


def test_without_diacritics_an_sms_costs_less(station: Facility, sms: Office, settings: Settings) -> None:
    settings.MESSAGES = settings.MESSAGES | {"sms_plain": True}
    invite(person(station), facility=station.pk)
    sweep()
    assert sms.taken[0]["text"].startswith("Tram y te Dich Vong moi ban den kham sang loc.")
    assert Message.objects.get().segments == 1


def test_an_email_goes_out_with_its_own_message_id(station: Facility, postbox: Postbox) -> None:
    invite(person(station, EMAIL))
    assert sweep() == {"sent": 1}
    (letter,) = postbox.letters
    message = Message.objects.get()
    assert letter["To"] == "duc@example.vn"
    assert letter["Subject"] == "Mời bạn đến khám sàng lọc"
    assert letter["Message-ID"] == message.provider_id == f"<hh-{message.pk}-{message.token}@localhost>"
    assert f"http://localhost:8000/m/{message.token}" in letter.get_content()


def test_zalo_gets_its_template_and_a_number_as_it_likes_it(station: Facility, zalo: Office) -> None:
    patient = person(station)
    MessagePreference.objects.create(patient_id=patient, zalo=True)
    invite(patient)
    sweep()
    assert (zalo.taken[0]["phone"], zalo.taken[0]["template_id"]) == ("84912345678", "4711")
    assert states() == [("zalo", "sent", "")]


def test_a_number_without_zalo_gets_an_sms_instead(station: Facility, zalo: Office, sms: Office) -> None:
    zalo.rules.append(lambda body: (200, {"error": -118, "message": "Zalo account not existed"}, {}))
    patient = person(station)
    MessagePreference.objects.create(patient_id=patient, zalo=True)
    invite(patient)
    sweep()
    sweep()
    assert states() == [("zalo", "failed", "zalo:-118"), ("sms", "sent", "")]
    assert unreachable([patient]) == set()


def test_a_gateway_that_stumbles_is_tried_again_later_and_later(station: Facility, sms: Office) -> None:
    sms.rules.append(lambda body: (500, {}, {}))
    invite(person(station))
    waits = []
    for _ in range(TRIES):
        before = timezone.now()
        sweep()
        message = Message.objects.get(channel="sms")
        waits.append(round((message.next_try_at - before) / timedelta(minutes=1)))
        Message.objects.filter(state="queued", channel="sms").update(next_try_at=timezone.now())
    assert len(sms.taken) == TRIES
    assert [1 <= waits[0] <= 2, 4 <= waits[1] <= 5, 16 <= waits[2] <= 18, 360 <= waits[6] <= 396] == [True] * 4
    # The eighth was the last; the letter takes over, for the person must hear of it.
    assert states() == [("sms", "failed", "gave_up"), ("letter", "queued", "")]
    assert not BadContact.objects.exists()


def test_a_number_that_does_not_exist_is_never_tried_again(station: Facility, sms: Office) -> None:
    sms.rules.append(lambda body: (422, {"error": "invalid_number"}, {}))
    patient = person(station, address=[{"use": "home", "period": {"start": "2010-01-01"}}])
    invite(patient)
    assert sweep() == {"failed": 1}
    assert states() == [("sms", "failed", "invalid_number")]
    assert set(BadContact.objects.values_list("channel", "address", "source")) == {
        ("sms", NUMBER, "provider"),
        ("zalo", NUMBER, "provider"),
    }
    assert unreachable([patient]) == {patient}


def test_an_unknown_mailbox_is_a_bad_contact_and_a_full_one_is_not(station: Facility, postbox: Postbox) -> None:
    replies = {"gone@example.vn": "550 5.1.1 no such user", "full@example.vn": "452 4.2.2 mailbox full"}
    postbox.refuse = replies.get
    for address in replies:
        invite(person(station, [{"system": "email", "value": address}]))
    sweep()
    assert sorted(states()) == [
        ("email", "failed", "smtp:550"),
        ("email", "queued", "smtp:452"),
        ("letter", "queued", ""),
    ]
    assert list(BadContact.objects.values_list("address", flat=True)) == ["gone@example.vn"]


def test_a_busy_gateway_makes_the_whole_channel_wait_and_counts_no_try(station: Facility, sms: Office) -> None:
    sms.rules.append(lambda body: (429, {}, {"Retry-After": "120"}) if len(sms.taken) > 2 else None)
    invite(person(station), count=10)
    assert sweep() == {"sent": 2, "queued": 1}
    assert len(sms.taken) == 3
    waiting = Message.objects.filter(state="queued")
    assert set(waiting.values_list("attempts", flat=True)) == {0}
    assert min(message.next_try_at for message in waiting) > timezone.now() + timedelta(seconds=110)
    assert sweep() == {}
    sms.rules.clear()
    Message.objects.filter(state="queued").update(next_try_at=timezone.now())
    assert sweep() == {"sent": 8}


def test_refused_credentials_fail_nobody(station: Facility, sms: Office) -> None:
    sms.rules.append(lambda body: (401, {"error": "invalid_number"}, {}))
    invite(person(station), count=3)
    assert sweep() == {"queued": 1}
    assert {state for _, state, _ in states()} == {"queued"}


def test_a_gateway_that_is_down_fails_nobody(station: Facility, settings: Settings) -> None:
    settings.MESSAGES = settings.MESSAGES | {"sms_url": "http://127.0.0.1:9/send"}
    invite(person(station))
    assert sweep() == {"queued": 1}
    assert states() == [("sms", "queued", "unreachable")]


class Killed(BaseException):
    """The worker's process is gone."""


class DiesAfterSending(SmsGateway):
    """Hands over, and never comes back."""

    def send(self, parcel: Any) -> Any:
        super().send(parcel)
        raise Killed


@pytest.mark.django_db(transaction=True)
def test_a_worker_killed_between_sending_and_recording_costs_no_message_and_doubles_none(
    station: Facility, sms: Office
) -> None:
    invite(person(station))
    with pytest.raises(Killed):
        sweep(gateways={"sms": DiesAfterSending(url=sms.url, token="", sender="HealthHub")})
    assert states() == [("sms", "sending", "")]
    assert sweep() == {}  # the claim still holds
    Message.objects.update(claimed_at=timezone.now() - timedelta(minutes=6))
    assert sweep() == {"sent": 1}
    # Handed over twice under one key: the gateway delivered once.
    assert (len(sms.taken), len(sms.delivered)) == (2, 1)
    assert Message.objects.get().attempts == 2


@pytest.mark.django_db(transaction=True)
def test_two_workers_send_nothing_twice(station: Facility, sms: Office) -> None:
    invite(person(station), count=HANDFUL * 4)
    start = threading.Barrier(3)

    def work() -> None:
        start.wait()
        try:
            sweep()
        finally:
            connection.close()

    workers = [threading.Thread(target=work) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(sms.taken) == HANDFUL * 4
    assert {state for _, state, _ in states()} == {"sent"}
    assert Resource.objects.filter(type="Communication").count() == HANDFUL * 4


@pytest.mark.django_db(transaction=True)
def test_a_worker_that_was_too_slow_does_not_send_what_another_took_over(station: Facility, sms: Office) -> None:
    invite(person(station))
    (slow,) = claim("sms", 1)
    Message.objects.update(claimed_at=timezone.now() - timedelta(minutes=6))
    assert sweep() == {"sent": 1}
    assert sending._send_all([slow], SmsGateway(url=sms.url, token="", sender="")) == []
    assert len(sms.taken) == 1


def test_nobody_is_written_to_after_death(station: Facility, sms: Office) -> None:
    patient = person(station)
    invite(patient)
    store.save(
        {"resourceType": "Patient", "id": patient, "telecom": PHONE, "deceasedDateTime": "2026-11-20"}, actor=SYSTEM
    )
    assert sweep() == {"cancelled": 1}
    assert (states(), sms.taken) == ([("sms", "cancelled", "deceased")], [])


@pytest.mark.parametrize(
    ("kind", "until", "undone", "state"),
    [
        ("cease", None, False, "cancelled"),
        ("opt_out", None, False, "cancelled"),
        ("defer", "2027-03-01", False, "cancelled"),
        ("defer", "2026-11-01", False, "sent"),
        ("cease", None, True, "sent"),
    ],
)
def test_whoever_is_not_called_any_more_gets_no_invitation(
    station: Facility, sms: Office, kind: str, until: str | None, undone: bool, state: str
) -> None:
    patient = person(station)
    invite(patient)
    Decision.objects.create(
        request_id="decision-1",
        patient_id=patient,
        programme="colorectal",
        kind=kind,
        reason="x",
        made_on="2026-11-20",
        until=until,
        undone=undone,
        actor="user:1",
        version=1,
    )
    sweep()
    assert Message.objects.get().state == state


def test_whoever_came_meanwhile_is_not_reminded(station: Facility, sms: Office) -> None:
    patient = person(station)
    call = Invitation.objects.create(
        patient_id=patient,
        programme="colorectal",
        due_on="2026-12-01",
        kind="call",
        facility=station,
        planned_on="2026-11-23",
    )
    assert queue_messages([call.pk], "reminder", actor=SYSTEM) == 1
    assert queue_messages([call.pk], "reminder", actor=SYSTEM) == 0
    Invitation.objects.update(state="responded")
    assert sweep() == {"cancelled": 1}
    assert states() == [("sms", "cancelled", "not_needed")]


def test_an_appointment_that_is_over_is_not_announced(station: Facility, sms: Office) -> None:
    patient = person(station)
    row = Outgoing(patient, "appointment_reminder", "Appointment/a1", data={"date": "2026-11-22", "time": "08:30"})
    queue([row], actor=SYSTEM)
    assert sweep() == {"cancelled": 1}


def test_a_cancelled_appointment_takes_its_messages_with_it(station: Facility, sms: Office) -> None:
    queue([Outgoing(person(station), "appointment", "Appointment/a1", data={"date": "2026-12-01"})], actor=SYSTEM)
    assert cancel_messages(["Appointment/a1"]) == 1
    assert sweep() == {}


def test_a_contact_reported_wrong_while_waiting_is_left_for_the_next_way(station: Facility, sms: Office) -> None:
    patient = person(station)
    invite(patient)
    report(patient=patient, channel="sms", address=NUMBER, source="staff", reason="wrong_number", actor=SYSTEM)
    assert sweep() == {"failed": 1}
    assert states() == [("sms", "failed", "bad_address"), ("letter", "queued", "")]


def test_telephones_do_not_ring_at_night(station: Facility, sms: Office, postbox: Postbox) -> None:
    invite(person(station))
    invite(person(station, EMAIL))
    with time_machine.travel("2026-11-23T22:30:00+07:00"):
        Message.objects.update(next_try_at=timezone.now())
        assert sweep() == {"sent": 1}
    assert (len(sms.taken), len(postbox.letters)) == (0, 1)


def test_without_a_gateway_messages_go_into_a_file(station: Facility, settings: Settings, tmp_path: Any) -> None:
    settings.VAR_DIR = tmp_path
    invite(person(station))
    assert sweep() == {"sent": 1}
    lines = (tmp_path / "outbox" / "sms-2026-11-23.jsonl").read_text().splitlines()
    assert len(lines) == 1
    assert NUMBER in lines[0]


def test_what_was_sent_is_a_communication_that_opens_no_record_to_its_sender(
    station: Facility, laboratory: Facility, sms: Office
) -> None:
    patient = person(station)
    row = Outgoing(patient, "appointment", "Appointment/a1#7", facility=laboratory.pk, data={"date": "2026-12-01"})
    queue([row], actor=SYSTEM)
    sweep()
    message = Message.objects.get()
    found = json.loads(Resource.objects.get(type="Communication", id=message.communication).content)
    assert found["status"] == "completed"
    assert found["medium"][0]["coding"][0]["code"] == "SMSWRIT"
    assert found["subject"] == {"reference": f"Patient/{patient}"}
    assert found["sender"] == {"reference": f"Organization/{laboratory.pk}"}
    assert found["about"] == [{"reference": "Appointment/a1"}]
    assert "Observation" not in json.dumps(found)
    assert list(CareRelation.objects.filter(patient_id=patient).values_list("facility_id", flat=True)) == [station.pk]
