"""What has changed since a message was queued: asked once more before it goes."""

import pytest
import time_machine
from django.utils import timezone

from fhir import store
from healthhub.accounts.actors import SYSTEM
from records.models import Facility
from screening.messages import Outgoing, queue, queue_messages
from screening.messages.bad_contacts import report
from screening.messages.outbox import cancel_messages
from screening.messages.sending import sweep
from screening.models import Decision, Invitation, Message
from tests.screening.gateway_room import EMAIL, NUMBER, PHONE, invite, person, states
from tests.screening.local_gateways import Office, Postbox

pytestmark = pytest.mark.usefixtures("noon")


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
