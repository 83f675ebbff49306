"""What gateways report later: signed, at our address, from a real gateway on this machine."""

import hashlib
import hmac
import json
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from fhir.models import Resource
from records.models import Facility
from screening.messages import unreachable
from screening.messages.sending import sweep
from screening.models import BadContact, Message, MessagePreference
from tests.screening.gateway_room import NUMBER, invite, person, states
from tests.screening.local_gateways import Office, Postbox

pytestmark = pytest.mark.usefixtures("noon")
SECRET, APP, OA = "between us", "1234567890", "oa secret"
NO_ADDRESS = [{"use": "home", "period": {"start": "2010-01-01"}}]


@pytest.fixture(autouse=True)
def _secrets(settings: Settings) -> None:
    cache.clear()
    ours = {"sms_report_secret": SECRET, "email_report_secret": SECRET, "zalo_app_id": APP, "zalo_oa_secret": OA}
    settings.MESSAGES = settings.MESSAGES | ours


def post(channel: str, said: Any, *, secret: str = SECRET, **headers: str) -> Any:
    body = json.dumps(said).encode()
    if channel == "zalo":
        made_of = APP.encode() + body + str(said.get("timestamp", "")).encode() + secret.encode()
        signed = {"X-ZEvent-Signature": f"mac={hashlib.sha256(made_of).hexdigest()}"}
    else:
        signed = {"X-Signature": f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"}
    client = Client(enforce_csrf_checks=True)
    return client.post(
        f"/gateways/{channel}/reports", body, content_type="application/json", headers={**signed, **headers}
    )


def key(message: Message) -> str:
    return f"hh-{message.pk}-{message.token}"


def test_a_delivered_message_is_known_as_delivered_once(station: Facility, sms: Office) -> None:
    invite(person(station))
    sweep()
    reference = sms.taken[0]["reference"]  # what the gateway was given is what it reports by
    answers = [post("sms", {"reference": reference, "status": "delivered"}).json() for _ in range(2)]
    assert answers == [{"delivered": 1}, {"known": 1}]
    message = Message.objects.get()
    assert (message.state, message.delivered_at is not None) == ("sent", True)
    assert post("sms", {"reference": reference, "status": "failed"}).json()["known"] == 1
    assert Message.objects.get().state == "sent"


def test_a_failure_goes_by_the_next_way_and_takes_the_communication_back(station: Facility, sms: Office) -> None:
    patient = person(station)
    invite(patient)
    sweep()
    message = Message.objects.get()
    assert message.communication
    answer = post("sms", [{"reference": key(message), "status": "expired"}])
    assert (answer.status_code, answer.json()) == (200, {"failed": 1})
    assert states() == [("sms", "failed", "expired"), ("letter", "queued", "")]
    told = json.loads(Resource.objects.get(type="Communication", id=message.communication).content)
    assert (told["status"], "statusReason" in told) == ("not-done", True)
    assert not BadContact.objects.exists()  # the telephone was off, the number is right
    assert unreachable([patient]) == set()


def test_a_number_that_is_nobodys_makes_unreachable_who_has_no_other_way(station: Facility, sms: Office) -> None:
    patient = person(station, address=NO_ADDRESS)
    invite(patient)
    sweep()
    post("sms", {"reference": key(Message.objects.get()), "status": "failed", "error": "unknown_subscriber"})
    assert states() == [("sms", "failed", "unknown_subscriber")]
    assert set(BadContact.objects.values_list("channel", "address")) == {("sms", NUMBER), ("zalo", NUMBER)}
    assert unreachable([patient]) == {patient}


def test_a_failure_is_noted_although_the_communication_cannot_be_taken_back(station: Facility, sms: Office) -> None:
    invite(person(station))
    sweep()
    message = Message.objects.get()
    told = Resource.objects.get(type="Communication", id=message.communication)
    spoilt = json.dumps(json.loads(told.content) | {"sent": "yesterday"})  # the store refuses to write this again
    Resource.objects.filter(pk=told.pk).update(content=spoilt)
    assert post("sms", {"reference": key(message), "status": "expired"}).json() == {"failed": 1}
    assert states() == [("sms", "failed", "expired"), ("letter", "queued", "")]
    told.refresh_from_db()
    assert told.content == spoilt


def test_a_mail_that_bounced(station: Facility, postbox: Postbox) -> None:
    for address in ("gone@example.vn", "full@example.vn"):
        invite(person(station, [{"system": "email", "value": address}]))
    sweep()
    gone, full = Message.objects.order_by("pk")
    post("email", {"reference": gone.provider_id, "status": "failed", "error": "5.1.1"})
    post("email", {"reference": full.provider_id, "status": "failed", "error": "5.2.2"})
    assert sorted(states()) == [
        ("email", "failed", "5.1.1"),
        ("email", "failed", "5.2.2"),
        ("letter", "queued", ""),
        ("letter", "queued", ""),
    ]
    assert list(BadContact.objects.values_list("address", flat=True)) == ["gone@example.vn"]


def test_zalo_tells_what_reached_a_telephone(station: Facility, zalo: Office) -> None:
    patient = person(station)
    MessagePreference.objects.create(patient_id=patient, zalo=True)
    invite(patient)
    sweep()
    event = {
        "app_id": APP,
        "event_name": "user_received_message",
        "timestamp": "1795410000000",
        "message": {"msg_id": "gw-1", "delivery_time": "1795410000000"},
    }
    assert post("zalo", event | {"event_name": "user_send_text"}, secret=OA).json() == {}
    assert post("zalo", event | {"message": {"msg_id": "gw-1"}}, secret=OA).json() == {}  # a chat
    assert Message.objects.get().delivered_at is None
    assert post("zalo", event, secret=OA).json() == {"delivered": 1}
    assert Message.objects.get().delivered_at is not None
    assert post("zalo", event, secret="guessed").status_code == 403
    assert post("zalo", event | {"app_id": "another"}, secret=OA).status_code == 403


def test_a_report_that_comes_before_our_own_note_is_asked_for_again(station: Facility, sms: Office) -> None:
    invite(person(station))
    Message.objects.update(state="sending", claimed_at=timezone.now())
    answer = post("sms", {"reference": key(Message.objects.get()), "status": "delivered"})
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "10")


@pytest.mark.parametrize(
    ("channel", "said", "secret", "status"),
    [
        ("sms", {"reference": "hh-1-0123456789abcdef", "status": "delivered"}, "guessed", 403),
        ("sms", {"reference": "hh-1", "status": "delivered"}, SECRET, 400),
        ("sms", ["delivered"], SECRET, 400),
        ("sms", [{"reference": "hh-1-0123456789abcdef", "status": "failed"}] * 1001, SECRET, 400),
        ("sms", {"reference": "hh-1-0123456789abcdef", "status": "delivered", "x": "x" * 300_000}, SECRET, 413),
        ("sms", {"reference": "hh-1-0123456789abcdef", "status": "delivered"}, SECRET, 200),  # of nobody's message
        ("sms", {"reference": "hh-1-0123456789abcdef", "status": "on its way"}, SECRET, 200),
        ("letter", {}, SECRET, 404),
    ],
)
def test_what_is_not_a_gateways_report(db: None, channel: str, said: Any, secret: str, status: int) -> None:
    assert post(channel, said, secret=secret).status_code == status


@pytest.mark.parametrize(
    ("said", "answer", "reason"),
    [
        ({"status": ["x"]}, 400, ""),
        ({"status": {"x": 1}}, 400, ""),
        ({"status": "failed", "error": "\ud800"}, 200, "?"),
        ({"status": "failed", "error": "a\x00b"}, 200, "a\ufffdb"),
        ({"status": "failed", "error": ["x"]}, 200, "['x']"),
    ],
)
def test_odd_reports_are_answered(
    station: Facility, sms: Office, said: dict[str, Any], answer: int, reason: str
) -> None:
    invite(person(station))
    sweep()
    assert post("sms", said | {"reference": key(Message.objects.get())}).status_code == answer
    assert Message.objects.filter(channel="sms").values_list("reason", flat=True).get() == reason


@pytest.mark.parametrize("odd", ["a\x00", "\ud800"])
def test_odd_names_of_zalos_are_nobodys(db: None, odd: str) -> None:
    event = {"app_id": APP, "event_name": "user_received_message", "timestamp": "1"}
    assert post("zalo", event | {"message": {"msg_id": odd, "delivery_time": "1"}}, secret=OA).json() == {"unknown": 1}
    body = json.dumps(event | {"timestamp": odd}).encode()
    assert Client().post("/gateways/zalo/reports", body, content_type="application/json").status_code == 403


@pytest.mark.parametrize(("length", "status"), [("x", 400), ("-1", 400), ("٣", 400), ("9" * 5000, 413)])
def test_a_length_that_is_none(db: None, length: str, status: int) -> None:
    answer = Client().generic("POST", "/gateways/sms/reports", b"{}", CONTENT_LENGTH=length)
    assert answer.status_code == status


def test_a_right_number_with_a_wrong_token_is_nobodys_message(station: Facility, sms: Office) -> None:
    invite(person(station))
    sweep()
    message = Message.objects.get()
    assert post("sms", {"reference": f"hh-{message.pk}-{'0' * 16}", "status": "failed"}).json()["unknown"] == 1
    assert states() == [("sms", "sent", "")]


def test_who_guesses_is_slowed_down_and_the_gateway_is_not(
    db: None, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    said = {"reference": "hh-1-0123456789abcdef", "status": "delivered"}
    answers = [post("sms", said, secret="guessed").status_code for _ in range(31)]
    assert (answers[:30], answers[30]) == ([403] * 30, 429)
    assert post("sms", said).status_code == 200
    told = [one.getMessage() for one in caplog.records if one.name == "screening.views.gateways"]
    assert told == ["A report of channel sms was not signed by its gateway"]
    settings.MESSAGES = settings.MESSAGES | {"sms_report_secret": ""}
    assert post("sms", said).status_code == 404
