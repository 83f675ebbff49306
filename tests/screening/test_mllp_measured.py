"""Which kit and cut-off a machine's number is read by, and what becomes of it where machine and protocol differ."""

from datetime import date
from decimal import Decimal

import pytest

from healthhub.accounts.actors import SYSTEM, Role
from records.models import Facility
from screening.laboratory.matching import needs_second_person
from screening.machines.ranges import Range, cutoff_in
from screening.machines.receiving import receive
from screening.models import KitLot, MachineConnection, ScreeningResult, UnmatchedResult
from screening.results import correct_result
from tests.screening.clinic_room import signed_in
from tests.screening.machine_messages import OBR, OBX, PID, connection_of, faults, message, parts

pytestmark = pytest.mark.django_db

NG = "OBX|1|NM|29771-3^Hemoglobin^LN||30|ng/mL|{range}||||F|||20240508|||{method}|{device}"


@pytest.fixture(autouse=True)
def analyser(station: Facility) -> MachineConnection:
    return connection_of(station)


def send(*segments: str) -> tuple[str, str]:
    return parts(receive(message(*segments), peer="127.0.0.1"))


def ng(**told: str) -> str:
    return NG.format(**{"range": "", "method": "", "device": ""} | told)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("<20", Range("20", False)),
        ("< 20 ug/g", Range("20 ug/g", False)),
        ("0-20", Range("20", True)),
        ("0.0 - 7,5 µg/g", Range("7,5 µg/g", True)),
        ("≤10", Range("10", True)),
        ("10-20", None),
        (">20", None),
        ("âm tính", None),
        ("20", None),
        ("", None),
    ],
)
def test_a_range_is_a_cut_off_only_where_it_says_where_positive_begins(text: str, found: Range | None) -> None:
    assert cutoff_in(text) == found


@pytest.mark.parametrize(
    ("value", "told", "outcome"),
    [
        *(("12.5", told, "negative") for told in ("<20", "<15^^", "0-1000", "", "âm tính")),
        *(("300", told, "positive") for told in ("<20", "0-10", "")),
    ],
)
def test_a_range_that_makes_no_other_result_confirms_and_the_protocols_cut_off_is_kept(
    value: str, told: str, outcome: str
) -> None:
    assert send(PID, OBR, OBX.replace("|12.5|", f"|{value}|").replace("|<20|", f"|{told}|")) == ("AA", "1 stored")
    result = ScreeningResult.objects.get()
    assert (result.cutoff, result.outcome) == (20, outcome)


@pytest.mark.parametrize(("value", "told"), [("300", "0-1000"), ("300", "<1000"), ("12.5", "<10"), ("<50", "<50")])
def test_a_range_by_which_the_result_would_be_another_is_for_people_to_decide(value: str, told: str) -> None:
    kind = "ST" if "<" in value else "NM"
    obx = OBX.replace("|NM|", f"|{kind}|").replace("|12.5|", f"|{value}|").replace("|<20|N|", f"|{told}||")
    code, text = send(PID, OBR, obx)
    assert (code, text.split(":")[0]) == ("AA", "1 parked")
    assert not ScreeningResult.objects.exists()
    parked = UnmatchedResult.objects.get()
    assert (parked.reason, parked.fields["value"]) == ("cutoff_differs", value)
    assert needs_second_person(parked)


def test_whoever_decides_about_a_lax_range_is_shown_the_protocols_reading(station: Facility, man: str) -> None:
    send(PID, OBR, OBX.replace("|12.5|", "|300|").replace("|<20|N|", "|0-1000||"))
    address = f"/clinic/bench/matching/{UnmatchedResult.objects.get().pk}/{man}/"
    technician = signed_in(Role.LABORATORY, station)
    form = technician.get(address).context["form"]
    assert (form.initial["value"], "cutoff" in form.initial) == ("300", False)
    shown = technician.post(address, {**form.initial, "resulted_on": "08/05/2024", "collected_on": "06/05/2024"})
    assert shown.context["preview"].word == "Dương tính"


def test_a_value_on_a_bound_that_only_the_machine_calls_normal_is_refused_and_kept() -> None:
    code, told = send(PID, OBR, OBX.replace("|12.5|", "|20|").replace("|<20|", "|0-20|"))
    assert (code, "≤ 20" in told) == ("AE", True)
    assert not ScreeningResult.objects.exists()


@pytest.mark.parametrize(
    "segments",
    [
        (ng(method="HM-JACKarc"),),
        (ng(method="J1^HM JACKarc^L"),),
        (ng(device="SN-77^EXTEL HEMO-AUTO MC"),),
        (ng(), "NTE|1||Kit: HM-JACKarc; Lot: 9"),
        (ng(), "INV|HM-JACKarc^HM-JACKarc^L|OK"),
    ],
    ids=["method", "method's name", "device", "note", "reagent"],
)
def test_a_kit_that_the_message_names_brings_its_own_cut_off(segments: tuple[str, ...]) -> None:
    assert send(PID, OBR, *segments) == ("AA", "1 stored")
    result = ScreeningResult.objects.get()
    assert (result.kit, result.cutoff, result.outcome) == ("HM-JACKarc", 20, "positive")  # 100 ng/mL without the kit


@pytest.mark.parametrize("beside", ["NTE|1||Lot: K-22", "INV|R1|OK" + "|" * 14 + "K-22"])
def test_a_lot_that_the_laboratory_has_taken_in_tells_the_kit(station: Facility, beside: str) -> None:
    told = {"facility": station, "programme": "colorectal", "test": "fit", "quantity": 10, "added_by": "user:1"}
    KitLot.objects.create(kit="HM-JACKarc", lot="K-22", expires_on=date(2030, 1, 1), **told)
    KitLot.objects.create(kit="OC-Sensor", lot="K-23", expires_on=date(2030, 1, 1), **told)
    assert send(PID, OBR, ng(), beside) == ("AA", "1 stored")
    assert ScreeningResult.objects.get().kit == "HM-JACKarc"


def test_a_unit_that_cannot_be_compared_without_the_kits_factor_is_refused() -> None:
    answer = receive(message(PID, OBR, ng(range="<20 ug/g")), peer="127.0.0.1")
    assert (parts(answer)[0], faults(answer)[0][0]) == ("AE", "OBX^1^5")
    assert "no published factor" in parts(answer)[1]
    assert not ScreeningResult.objects.exists()
    assert send(PID, OBR, ng(range="<20 ug/g", method="OC-Sensor")) == ("AA", "1 stored")
    assert ScreeningResult.objects.get().cutoff == 100  # 20 / 0.2


@pytest.mark.parametrize(("flag", "parked"), [("A", 1), ("H", 1), ("N", 0), ("", 0)])
def test_a_machine_that_says_abnormal_where_the_protocol_reads_negative_waits_for_a_person(
    flag: str, parked: int
) -> None:
    code, _told = send(PID, OBR, OBX.replace("|<20|N|", f"||{flag}|"))
    assert code == "AA"
    assert (UnmatchedResult.objects.filter(reason="flag_differs").count(), ScreeningResult.objects.count()) == (
        parked,
        1 - parked,
    )


def test_the_same_number_by_another_range_says_nothing_new() -> None:
    assert send(PID, OBR, OBX)[0] == "AA"
    again = message(PID, OBR, OBX.replace("|<20|N|||F|", "|<15|N|||C|"), control="M2")
    assert parts(receive(again, peer="127.0.0.1")) == ("AA", "1 known already, unchanged")
    assert ScreeningResult.objects.get().cutoff == 20


def test_a_correction_that_the_stored_cut_off_alone_calls_positive_is_for_people_to_decide(station: Facility) -> None:
    assert send(PID, OBR, OBX) == ("AA", "1 stored")
    first = ScreeningResult.objects.get()
    correct_result(
        observation_id=first.pk, facility=station, actor=SYSTEM, patient_id=first.patient_id, test="fit", value="15",
        unit="ug/g", cutoff=Decimal(10), cutoff_unit="ug/g", collected_on=first.collected_on, specimen_id="S001",
    )  # fmt: skip
    corrected = OBX.replace("|12.5|", "|16|").replace("||F|", "||C|")
    again = receive(message(PID, OBR, corrected, control="M2"), peer="127.0.0.1")
    assert parts(again)[0] == "AA"
    assert UnmatchedResult.objects.get().reason == "cutoff_differs"
    assert ScreeningResult.objects.get().value == 15
