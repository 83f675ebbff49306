"""Sending by real gateways on this machine: delivery, tries, refusals, throttling."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings

from fhir.models import Resource
from healthhub.accounts.actors import SYSTEM
from records.models import CareRelation, Facility
from screening.messages import Outgoing, queue, unreachable
from screening.messages.sending import TRIES, sweep
from screening.models import BadContact, Message, MessagePreference
from tests.screening.gateway_room import EMAIL, NUMBER, invite, person, states
from tests.screening.local_gateways import Office, Postbox

pytestmark = pytest.mark.usefixtures("noon")


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
