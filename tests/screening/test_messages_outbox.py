"""The outbox: which way each person is written to, and that nothing is queued twice."""

from typing import Any

import pytest

from fhir import store
from healthhub.accounts.actors import SYSTEM
from records.models import Facility
from screening.messages import Outgoing, emails, queue, queue_messages, unreachable
from screening.models import BadContact, EmailAddress, Invitation, Message, MessagePreference
from tests.screening.conftest import make_patient

PHONE = [{"system": "phone", "value": "0912 345 678"}]
EMAIL = [{"system": "email", "value": "duc@example.vn"}]
NOWHERE = [{"use": "home", "period": {"start": "2010-01-01"}}]


def person(station: Facility, telecom: Any = (), **extra: Any) -> str:
    """The id of somebody with these contacts."""
    contacts = {"telecom": list(telecom)} if telecom else {}
    return make_patient(station, name="Nguyễn Văn Đức", gender="male", born="1960-03-12", **contacts, **extra)


def invite(patient: str, about: str = "invitation/1") -> int:
    return queue([Outgoing(patient, "invitation", about, programme="colorectal")], actor=SYSTEM)


def way(patient: str) -> tuple[str, str, str, str]:
    """Channel, address, state and reason of the newest message."""
    found = Message.objects.filter(patient_id=patient).latest("id")
    return found.channel, found.address, found.state, found.reason


@pytest.mark.parametrize(
    ("telecom", "channel", "address"),
    [
        ((), "letter", "Hà Nội"),
        (EMAIL, "email", "duc@example.vn"),
        (EMAIL + PHONE, "sms", "+84912345678"),
    ],
)
def test_the_best_known_way_is_taken(station: Facility, telecom: Any, channel: str, address: str) -> None:
    patient = person(station, telecom)
    assert invite(patient) == 1
    assert way(patient) == (channel, address, "queued", "")


def test_the_persons_wish_comes_first(station: Facility) -> None:
    patient = person(station, PHONE + EMAIL)
    MessagePreference.objects.create(patient_id=patient, channel="letter", language="en")
    invite(patient)
    assert way(patient)[0] == "letter"
    assert Message.objects.get().language == "en"


def test_zalo_only_for_those_who_asked_for_it(station: Facility) -> None:
    asked, silent = person(station, PHONE), person(station, PHONE)
    MessagePreference.objects.create(patient_id=asked, zalo=True)
    queue([Outgoing(one, "invitation", f"invitation/{one}") for one in (asked, silent)], actor=SYSTEM)
    assert (way(asked)[0], way(silent)[0]) == ("zalo", "sms")


def test_no_messages_leaves_a_row_that_says_so(station: Facility) -> None:
    patient = person(station, PHONE)
    MessagePreference.objects.create(patient_id=patient, no_messages=True)
    assert invite(patient) == 0
    assert way(patient)[2:] == ("cancelled", "declined")


def test_without_any_contact_the_message_is_born_failed_and_the_person_unreachable(station: Facility) -> None:
    nobody, somebody = person(station, address=NOWHERE), person(station, EMAIL, address=NOWHERE)
    assert invite(nobody) == 0
    assert way(nobody)[2:] == ("failed", "no_contact")
    assert unreachable([nobody, somebody]) == {nobody}


def test_a_contact_found_wrong_is_not_used_again(station: Facility) -> None:
    patient = person(station, PHONE)
    BadContact.objects.create(
        patient_id=patient,
        channel="sms",
        address="+84912345678",
        source="staff",
        reason="wrong_number",
        reported_at="2026-11-23T08:00:00Z",
        reported_by="user:1",
    )
    invite(patient)
    assert way(patient)[:2] == ("letter", "Hà Nội")


def test_the_dead_are_not_written_to(station: Facility) -> None:
    patient = person(station, PHONE, deceasedBoolean=True)
    assert invite(patient) == 0
    assert way(patient)[2:] == ("cancelled", "deceased")


def test_the_same_is_queued_once(station: Facility) -> None:
    patient = person(station, PHONE)
    assert [invite(patient), invite(patient), invite(patient, "invitation/2")] == [1, 0, 1]


def test_what_no_text_may_tell_is_refused(station: Facility) -> None:
    patient = person(station, PHONE)
    with pytest.raises(ValueError, match="result"):
        queue([Outgoing(patient, "invitation", "x", data={"result": "dương tính"})], actor=SYSTEM)


def test_addresses_are_read_from_the_patient_and_follow_it(station: Facility) -> None:
    patient = person(station, EMAIL)
    resource = {"resourceType": "Patient", "id": patient, "name": [{"text": "Nguyễn Văn Đức"}]}
    store.save(resource, actor=SYSTEM)
    assert unreachable([patient]) == {patient}


def test_a_thousand_invitations_are_one_statement(station: Facility, django_assert_num_queries: Any) -> None:
    patient = person(station, PHONE)
    rows = [Outgoing(patient, "invitation", f"invitation/{number}") for number in range(1000)]
    with django_assert_num_queries(1):
        assert queue(rows, actor=SYSTEM) == 1000


def test_a_further_reminder_is_a_message_of_its_own(station: Facility) -> None:
    patient = person(station, PHONE)
    call = Invitation.objects.create(
        patient_id=patient,
        programme="colorectal",
        due_on="2026-12-01",
        kind="call",
        facility=station,
        planned_on="2026-11-23",
    )
    counts = [queue_messages([call.pk], "reminder", actor=SYSTEM) for _ in range(2)]
    Invitation.objects.update(reminders=1)
    counts += [queue_messages([call.pk], "reminder", actor=SYSTEM) for _ in range(2)]
    assert counts == [1, 0, 1, 0]


def test_rebuilding_reads_the_same_addresses(station: Facility) -> None:
    patient = person(station, EMAIL)
    EmailAddress.objects.update(address="something@else.vn")
    emails.rebuild()
    assert EmailAddress.objects.get() == EmailAddress(patient_id=patient, address="duc@example.vn")
    assert EmailAddress.objects.get().address == "duc@example.vn"
