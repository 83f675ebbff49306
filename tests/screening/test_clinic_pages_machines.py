"""What machines have sent, on the laboratory's page; the content only for its own people, and logged."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from healthhub.accounts.actors import Role
from healthhub.audit.models import AccessEntry
from records.models import Facility
from screening.machines.receiving import receive
from screening.models import MachineMessage, ScreeningResult
from tests.screening.clinic_room import signed_in
from tests.screening.machine_messages import OBR, OBX, PID, connection_of, message

pytestmark = pytest.mark.django_db


def test_messages_are_listed_with_their_answer_and_read_one_at_a_time(station: Facility) -> None:
    technician = signed_in(Role.LABORATORY, station)
    assert "Chưa có thông điệp nào" in technician.get("/clinic/machines/").content.decode()
    connection_of(station)
    receive(message(), peer="127.0.0.1")
    receive(message(PID, OBR, OBX.replace("|12.5|", "|x|"), control="M2"), peer="127.0.0.1")
    page = technician.get("/clinic/machines/").content.decode()
    assert ("Đã nhận" in page, "Bị từ chối" in page, "000160000001" in page) == (True, True, False)
    kept = MachineMessage.objects.get(control_id="M1")
    page = technician.get(f"/clinic/machines/{kept.pk}/").content.decode()
    assert ("000160000001" in page, "MSA|AA|M1|1 stored" in page) == (True, True)
    assert AccessEntry.objects.filter(resource_type="MachineMessage", resource_id=str(kept.pk)).count() == 1


def test_whoever_is_in_a_message_finds_its_reader_in_her_log(station: Facility) -> None:
    technician = signed_in(Role.LABORATORY, station)
    connection_of(station)
    receive(message(), peer="127.0.0.1")
    her = ScreeningResult.objects.get().patient_id
    nameless = message("PID|1", OBR, OBX.replace("|12.5|", "|x|"), control="M2")  # told by her tube only
    unread = message(PID, OBR.replace("S001", "S9"), OBX.replace("|12.5|", "|x|"), control="M3")
    stranger = message("PID|1||000160000002^^^VN^NI", OBR.replace("S001", "S9"), OBX, control="M4")
    for sent in (nameless, unread, stranger):
        receive(sent, peer="127.0.0.1")
    seen = {}
    for kept in MachineMessage.objects.all():
        technician.get(f"/clinic/machines/{kept.pk}/")
        lines = AccessEntry.objects.filter(resource_type="MachineMessage", resource_id=str(kept.pk), action="view")
        seen[kept.control_id] = list(lines.values_list("patient", flat=True))
    assert seen == {"M1": [her], "M2": [her], "M3": [her], "M4": [None]}


def test_nobody_else_reads_them(station: Facility, laboratory: Facility) -> None:
    connection_of(station)
    receive(message(), peer="127.0.0.1")
    address = f"/clinic/machines/{MachineMessage.objects.get().pk}/"
    assert signed_in(Role.CLINICIAN, station).get(address).status_code == 403
    assert signed_in(Role.OFFICER).get(address).status_code == 403
    other = signed_in(Role.LABORATORY, laboratory)
    assert other.get(address).status_code == 404
    assert list(other.get("/clinic/machines/").context["found"]) == []


def test_the_list_asks_the_same_of_the_database_for_more_messages(station: Facility) -> None:
    technician = signed_in(Role.LABORATORY, station)
    connection_of(station)
    counts = []
    for start, size in ((0, 1), (10, 12)):
        for number in range(start, start + size):
            receive(message(PID, OBR, OBX.replace("|12.5|", "|x|"), control=f"M{number}"), peer="127.0.0.1")
        with CaptureQueriesContext(connection) as queries:
            technician.get("/clinic/machines/")
        counts.append(len(queries))
    assert counts[0] == counts[1]
