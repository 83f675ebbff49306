"""Machines are let in and stopped by a command that notices slips of the pen."""

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from records.models import Facility
from screening.machines.receiving import receive
from screening.models import MachineConnection
from tests.screening.machine_messages import OBR, OBX, PID, message, parts

pytestmark = pytest.mark.django_db


def machine(*words: str) -> str:
    out = StringIO()
    call_command("machine", *words, stdout=out)
    return out.getvalue()


def add(*words: str) -> str:
    return machine("add", "OC-Sensor", "--facility", "01901", *words)


def test_a_machine_that_was_added_may_send_until_it_is_stopped(station: Facility) -> None:
    told = add("--sender", "01901", "--from", "127.0.0.0/8", "10.1.0.5", "--tests", "fit")
    only = MachineConnection.objects.get()
    assert told == f"{only.pk}  01901  OC-Sensor: hl7 01901  from 127.0.0.0/8,10.1.0.5/32\n"
    assert parts(receive(message(), peer="127.0.0.1")) == ("AA", "1 stored")
    assert "(stopped)" in machine("stop", str(only.pk))
    assert parts(receive(message(control="M2"), peer="127.0.0.1"))[0] == "AR"


def test_a_code_of_its_own_is_named_once(station: Facility) -> None:
    add("--sender", "01901", "--from", "127.0.0.1")
    machine("code", "HB1", "fit", "--facility", "01901")
    sent = message(PID, OBR, OBX.replace("27396-1^Hemoglobin^LN", "HB1^?^L"))
    assert parts(receive(sent, peer="127.0.0.1")) == ("AA", "1 stored")
    machine("code", "HB1", "-", "--facility", "01901")
    sent = message(PID, OBR, OBX.replace("27396-1^Hemoglobin^LN", "HB1^?^L"), control="M2")
    assert parts(receive(sent, peer="127.0.0.1"))[1].startswith("1 left out")


def test_an_analysers_folder_is_watched(station: Facility, tmp_path: Path) -> None:
    add("--folder", str(tmp_path))
    only = MachineConnection.objects.get()
    assert (only.protocol, only.folder, only.facility) == ("astm", str(tmp_path), station.pk)


@pytest.mark.parametrize(
    "words",
    [
        ("--sender", "01901"),
        ("--sender", "01901", "--from", "10.1.0.300"),
        ("--sender", "01901", "--from", "0.0.0.0/0"),
        ("--sender", "01901", "--from", *(f"10.1.0.{number}" for number in range(45))),
        ("--sender", "01901", "--from", "10.1.0.1", "--tests", "weight"),
        ("--folder", "/nowhere"),
        ("--folder", "/tmp", "--sender", "01901", "--from", "10.1.0.1"),
    ],
)
def test_a_slip_is_refused(station: Facility, words: tuple[str, ...]) -> None:
    with pytest.raises(CommandError):
        add(*words)
    assert not MachineConnection.objects.exists()
    with pytest.raises(CommandError):
        machine("add", "x", "--facility", "99999", "--sender", "01901", "--from", "10.1.0.1")


def test_one_sender_is_one_machine(station: Facility) -> None:
    add("--sender", "01901", "--from", "127.0.0.1")
    with pytest.raises(CommandError, match="already"):
        add("--sender", "01901", "--from", "10.1.0.1")


def test_the_processes_for_machines_run_with_docker_too() -> None:
    compose = (Path(__file__).parents[2] / "docker-compose.yml").read_text()
    for name in ("mllp", "astm_drop"):
        assert f'command: ["python", "manage.py", "{name}"' in compose
