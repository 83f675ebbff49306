"""A laboratory lets machines send, changes and stops them, and settles what was refused; each step is in the log."""

from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from healthhub.accounts.actors import Role
from healthhub.audit.models import AccessEntry
from records.models import Facility
from screening.machines.dropping import take_folder
from screening.machines.receiving import receive
from screening.models import MachineConnection, MachineMessage
from tests.screening.clinic_room import signed_in
from tests.screening.machine_messages import OBR, OBX, PID, connection_of, message, parts
from tests.screening.test_astm import RECORDS

pytestmark = pytest.mark.django_db

HL7 = {
    "name": "LIS phòng 2",
    "protocol": "hl7",
    "sending_facility": "01901",
    "addresses": "127.0.0.1, 10.1.0.0/24",
    "tests": ["fit"],
}


@pytest.fixture
def technician(station: Facility) -> Client:
    return signed_in(Role.LABORATORY, station)


def send(control: str, peer: str = "127.0.0.1") -> str:
    return parts(receive(message(control=control), peer=peer))[0]


def logged(action: str) -> list[str]:
    return list(
        AccessEntry.objects.filter(resource_type="MachineConnection", action=action).values_list("reason", flat=True)
    )


def test_a_machine_sends_from_its_entry_until_it_is_stopped_and_again(technician: Client, station: Facility) -> None:
    assert send("M1") == "AR"
    technician.post("/clinic/machines/new/", HL7)
    machine = MachineConnection.objects.get()
    assert (machine.facility, machine.addresses, machine.tests) == (station.pk, "127.0.0.1/32,10.1.0.0/24", ["fit"])
    assert send("M1") == "AA"
    switch = f"/clinic/machines/connection/{machine.pk}/switch/"
    technician.post(switch, {"act": "stop"})
    assert send("M2") == "AR"
    technician.post(switch, {"act": "start"})
    assert send("M2") == "AA"
    page = technician.get("/clinic/machines/")
    ((_shown, traffic),) = page.context["connections"]
    assert (traffic.messages, traffic.stored, traffic.refused) == (2, 1, 0)
    assert "127.0.0.1/32" in page.content.decode()
    assert [len(logged(action)) for action in ("create", "stop", "start")] == [1, 1, 1]


def test_a_machine_that_was_replaced_calls_from_its_new_address_only(technician: Client) -> None:
    technician.post("/clinic/machines/new/", HL7)
    machine = MachineConnection.objects.get()
    address = f"/clinic/machines/connection/{machine.pk}/"
    shown = technician.get(address).content.decode()
    assert "127.0.0.1/32, 10.1.0.0/24" in shown
    technician.post(address, HL7 | {"addresses": "10.9.0.7"})
    assert (send("M1"), send("M1", peer="10.9.0.7")) == ("AR", "AA")
    assert logged("change") == ["addresses"]
    technician.post(address, HL7 | {"addresses": "10.9.0.7"})
    assert len(logged("change")) == 1  # nothing changed, nothing said


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"sending_facility": ""}, "sending_facility"),
        ({"addresses": ""}, "addresses"),
        ({"addresses": "10.1.0.300"}, "addresses"),
        ({"addresses": "0.0.0.0/0"}, "addresses"),
        ({"addresses": ",".join(f"10.1.0.{number}" for number in range(10, 55))}, "addresses"),  # longer with "/32"
        ({"encoding": "viscii"}, "encoding"),
        ({"name": ""}, "name"),
        ({"tests": ["weight"]}, "tests"),
    ],
)
def test_a_slip_of_the_pen_is_told(technician: Client, changes: dict[str, Any], field: str) -> None:
    page = technician.post("/clinic/machines/new/", HL7 | changes)
    assert list(page.context["form"].errors) == [field]
    assert not MachineConnection.objects.exists()


def test_one_sender_is_one_machine_and_a_stopped_ones_name_can_be_taken(technician: Client) -> None:
    technician.post("/clinic/machines/new/", HL7)
    first = MachineConnection.objects.get()
    page = technician.post("/clinic/machines/new/", HL7)
    assert list(page.context["form"].errors) == ["sending_facility"]
    switch = f"/clinic/machines/connection/{first.pk}/switch/"
    technician.post(switch, {"act": "stop"})
    technician.post("/clinic/machines/new/", HL7)
    assert MachineConnection.objects.count() == 2
    technician.post(switch, {"act": "start"})
    first.refresh_from_db()
    assert not first.active


def test_an_analyser_gets_a_folder_of_its_own(
    technician: Client, station: Facility, settings: Settings, tmp_path: Path
) -> None:
    settings.MACHINE_FOLDERS, settings.MEDIA_ROOT = str(tmp_path / "machines"), tmp_path / "media"
    told = {"name": "OC-Sensor", "protocol": "astm", "folder": "/etc"}
    technician.post("/clinic/machines/new/", told)
    machine = MachineConnection.objects.get()
    assert machine.folder == f"{tmp_path}/machines/01901-{machine.pk}"  # no page names a folder of the server
    assert take_folder(machine, settled=0) == []
    for name in "ab":
        (Path(machine.folder) / name).write_bytes("\r".join(RECORDS).replace("S00", f"{name}00").encode())
    technician.post(f"/clinic/machines/connection/{machine.pk}/switch/", {"act": "stop"})
    assert take_folder(machine, settled=0) == []  # though it was on when the watcher began
    technician.post(f"/clinic/machines/connection/{machine.pk}/switch/", {"act": "start"})
    assert [batch.stored for batch in take_folder(machine, settled=0)] == [1, 1]
    ((_shown, traffic),) = technician.get("/clinic/machines/").context["connections"]
    assert (traffic.messages, traffic.stored, traffic.parked) == (2, 2, 2)


def test_nobody_else_lets_machines_in(station: Facility, laboratory: Facility) -> None:
    machine = connection_of(station)
    pages = ["/clinic/machines/", "/clinic/machines/new/", f"/clinic/machines/connection/{machine.pk}/"]
    for other in (signed_in(Role.CLINICIAN, station), signed_in(Role.OFFICER)):
        assert [other.get(page).status_code for page in pages] == [403, 403, 403]
        assert other.post("/clinic/machines/new/", HL7).status_code == 403
    stranger = signed_in(Role.LABORATORY, laboratory)
    assert stranger.get(pages[2]).status_code == 404
    assert stranger.post(f"{pages[2]}switch/", {"act": "stop"}).status_code == 404
    assert stranger.get(pages[0]).context["connections"] == []
    machine.refresh_from_db()
    assert (machine.active, MachineConnection.objects.count()) == (True, 1)


@pytest.mark.parametrize(
    ("told", "taken"),
    [
        ({"sending_facility": "01901"}, False),  # the other's code, from wherever
        ({"sending_facility": "01901", "addresses": "10.7.0.1"}, False),
        ({"sending_facility": "LIS", "sending_application": "OC-SENSOR"}, False),
        ({"sending_facility": "lis", "addresses": "10.1.0.0/16"}, False),
        ({"sending_facility": "LIS", "sending_application": "X", "addresses": "10.7.0.1"}, True),
        ({"sending_facility": "01902"}, True),
        ({"sending_facility": "LIS 2"}, True),
    ],
)
def test_no_laboratory_takes_in_what_anothers_machine_sends(
    station: Facility, laboratory: Facility, told: dict[str, str], taken: bool
) -> None:
    connection_of(station, sending_facility="LIS", addresses="127.0.0.1/32,10.1.0.0/24")
    hostile = signed_in(Role.LABORATORY, laboratory)
    page = hostile.post("/clinic/machines/new/", HL7 | told)
    mine = MachineConnection.objects.filter(facility=laboratory.pk)
    assert mine.exists() == taken
    assert taken or list(page.context["form"].errors) == ["sending_facility"]


def test_no_entry_is_changed_into_anothers(station: Facility, laboratory: Facility) -> None:
    connection_of(station, sending_facility="LIS")
    hostile = signed_in(Role.LABORATORY, laboratory)
    hostile.post("/clinic/machines/new/", HL7 | {"sending_facility": "01902"})
    mine = MachineConnection.objects.get(facility=laboratory.pk)
    for name in ("01901", "LIS"):
        told = HL7 | {"sending_facility": name, "sending_application": "OC-SENSOR"}
        page = hostile.post(f"/clinic/machines/connection/{mine.pk}/", told)
        assert list(page.context["form"].errors) == ["sending_facility"]
    mine.refresh_from_db()
    assert mine.sending_facility == "01902"


def test_a_stopped_entry_does_not_start_again_beside_anothers(station: Facility, laboratory: Facility) -> None:
    stopped = connection_of(laboratory, sending_facility="LIS", sending_application="X", active=False)
    connection_of(station, sending_facility="LIS")
    technician = signed_in(Role.LABORATORY, laboratory)
    technician.post(f"/clinic/machines/connection/{stopped.pk}/switch/", {"act": "start"})
    stopped.refresh_from_db()
    assert not stopped.active


def test_what_was_refused_is_shown_until_somebody_settles_it(technician: Client, station: Facility) -> None:
    connection_of(station)
    receive(message(PID, OBR, OBX.replace("|12.5|", "|x|")), peer="127.0.0.1")
    (waiting,) = technician.get("/clinic/machines/").context["waiting"]
    address = f"/clinic/machines/{waiting.pk}/"
    assert "Đã xử lý thông điệp này?" in technician.get(address).content.decode()
    assert technician.post(address, {"settled_as": "other"}).context["settle"].errors["note"]
    technician.post(address, {"settled_as": "by_hand"})
    page = technician.get("/clinic/machines/")
    assert page.context["waiting"] == []
    shown = technician.get(address).content.decode()
    assert ("Kết quả đã được nhập tay" in shown, "Đã xử lý thông điệp này?" in shown) == (True, False)
    assert MachineMessage.objects.get().settled_name == "BS Lê Thị Mai"


def test_the_page_asks_the_same_for_many_machines(technician: Client, station: Facility) -> None:
    counts = []
    for start, size in ((0, 1), (10, 12)):
        for number in range(start, start + size):
            connection_of(station, sending_facility=f"F{number}")
        with CaptureQueriesContext(connection) as queries:
            technician.get("/clinic/machines/")
        counts.append(len(queries))
    assert counts[0] == counts[1]
