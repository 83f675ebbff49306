"""What machines send in vain is kept where somebody sees it, until she says what became of it."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from pytest_django import Settings

from fhir.outcomes import Refused
from healthhub.accounts.actors import Actor, Role
from healthhub.audit.models import AccessEntry
from records.models import Facility
from screening.machines.dropping import take_folder
from screening.machines.inbox import settle_message, waiting_messages
from screening.machines.receiving import KEEP, forget_messages, receive
from screening.models import MachineConnection, MachineMessage
from tests.screening.machine_messages import OBR, OBX, PID, connection_of, message, parts
from tests.screening.test_astm import RECORDS

pytestmark = pytest.mark.django_db
BAD = message(PID, OBR, OBX.replace("|12.5|", "|nhiều|"))


@pytest.fixture
def analyser(station: Facility) -> MachineConnection:
    return connection_of(station)


@pytest.fixture
def technician(station: Facility) -> Actor:
    return Actor("user:5", "Kỹ thuật viên", Role.LABORATORY, facility=station.pk)


def send(raw: bytes, peer: str = "127.0.0.1") -> str:
    return parts(receive(raw, peer=peer))[0]


def test_a_refused_message_waits_once_however_often_it_comes(analyser: MachineConnection, station: Facility) -> None:
    assert [send(BAD), send(BAD), send(BAD)] == ["AE", "AE", "AE"]
    (waiting,) = waiting_messages(station.pk)
    assert bytes(waiting.raw) == BAD
    assert "OBX^1-5 is no number" in waiting.problem


def test_one_that_is_sent_again_and_taken_waits_no_more(analyser: MachineConnection, station: Facility) -> None:
    send(BAD)
    assert send(message()) == "AA"
    assert not waiting_messages(station.pk).exists()


@pytest.mark.parametrize(
    "raw", [b"hello", b"MSH|^~\\&|A|01901|||20240508||ORU^R01||P|2.5.1\r"], ids=["no HL7", "no control id"]
)
def test_what_cannot_even_be_read_is_shown_to_the_facility_whose_machine_calls(
    analyser: MachineConnection, station: Facility, raw: bytes
) -> None:
    assert send(raw) == "AR"
    assert send(raw) == "AR"
    assert [bytes(one.raw) for one in waiting_messages(station.pk)] == [raw]


def test_an_error_of_ours_is_said_and_the_message_kept(
    analyser: MachineConnection, station: Facility, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_args: object, **_options: object) -> None:
        raise RuntimeError

    monkeypatch.setattr("screening.machines.receiving.take_results", broken)
    assert send(message()) == "AE"
    assert [one.control_id for one in waiting_messages(station.pk)] == ["M1"]


def test_of_an_address_that_two_facilities_share_nothing_is_guessed(station: Facility, laboratory: Facility) -> None:
    connection_of(station)
    connection_of(laboratory, sending_facility="01902")
    assert send(b"hello") == "AR"
    assert not MachineMessage.objects.exists()


def test_a_waiting_message_outlives_the_others(analyser: MachineConnection, technician: Actor) -> None:
    send(BAD)
    send(message(control="M2"))
    MachineMessage.objects.update(received_at=timezone.now() - KEEP - timedelta(days=1))
    assert forget_messages() == 1
    kept = MachineMessage.objects.get()
    settle_message(message=kept, settled_as="by_hand", note="", actor=technician)
    assert not waiting_messages(kept.facility).exists()
    assert forget_messages() == 1


def test_it_is_settled_once_and_with_a_reason(analyser: MachineConnection, technician: Actor) -> None:
    send(BAD)
    kept = MachineMessage.objects.get()
    for wrong in ({"settled_as": "because", "note": ""}, {"settled_as": "other", "note": " "}):
        with pytest.raises(Refused):
            settle_message(message=kept, actor=technician, **wrong)
    settle_message(message=kept, settled_as="other", note="Chạy thử", actor=technician)
    with pytest.raises(Refused):
        settle_message(message=kept, settled_as="by_hand", note="", actor=technician)
    kept.refresh_from_db()
    assert (kept.settled_as, kept.settled_note, kept.settled_by) == ("other", "Chạy thử", technician.id)
    assert AccessEntry.objects.filter(action="settle", resource_id=str(kept.pk)).count() == 1


def test_a_file_that_is_dropped_again_and_taken_waits_no_more(
    station: Facility, settings: Settings, tmp_path: Path
) -> None:
    settings.MEDIA_ROOT, folder = tmp_path / "media", tmp_path / "drop"
    folder.mkdir()
    machine = connection_of(station, protocol="astm", folder=str(folder))
    whole = "\r".join(RECORDS).encode()
    for name, content in (("a.astm", whole[:80]), ("b.astm", whole.replace(b"S00", b"T00")[:250])):
        (folder / name).write_bytes(content)
    take_folder(machine, settled=0)
    assert [one.control_id for one in waiting_messages(station.pk)] == ["a.astm", "b.astm"]
    for name in ("a.astm", "b.astm"):
        (folder / name).write_bytes(whole)
    assert [batch.state for batch in take_folder(machine, settled=0)] == ["done", "done"]
    assert [one.control_id for one in waiting_messages(station.pk)] == ["b.astm"]  # held other results
    settled = MachineMessage.objects.get(control_id="a.astm")
    assert (settled.settled_as, settled.settled_name) == ("sent_again", machine.name)
