"""An HL7 message becomes results, or is refused with the place and the reason; what nobody can place is parked."""

import json
from datetime import timedelta

import pytest
from django.utils import timezone

from fhir.models import Resource, ResourceVersion
from fhir.outcomes import Issue
from records.models import CareRelation, Citizen, Facility
from screening.machines.receiving import KEEP, forget_messages, receive
from screening.models import CodeMapping, MachineConnection, MachineMessage, ScreeningResult, Specimen, UnmatchedResult
from tests.screening.conftest import make_patient
from tests.screening.machine_messages import OBR, OBX, PID, connection_of, faults, message, parts

pytestmark = pytest.mark.django_db


@pytest.fixture
def analyser(station: Facility) -> MachineConnection:
    return connection_of(station)


def send(*segments: str, peer: str = "127.0.0.1", **fields: str) -> bytes:
    return receive(message(*segments, **fields), peer=peer)


def test_a_message_becomes_a_person_and_a_result(analyser: MachineConnection, station: Facility) -> None:
    answer = send()
    assert parts(answer) == ("AA", "1 stored")
    citizen = Citizen.objects.get()
    assert (citizen.full_name, citizen.cccd, citizen.phone) == ("Nguyễn Thị Lan", "000160000001", "+84912345678")
    result = ScreeningResult.objects.get()
    assert (result.specimen_id, result.test, f"{result.value:.1f}", result.unit) == ("S001", "fit", "12.5", "ug/g")
    assert (str(result.collected_on), str(result.resulted_on)) == ("2024-05-06", "2024-05-08")
    stored = Resource.objects.get(type="Observation")
    assert (stored.author, stored.facility) == (f"machine:{analyser.pk}", station.pk)
    head = answer.decode().split("\r")[0].split("|")
    assert (head[2], head[4], head[5], head[8]) == ("HealthHub", "OC-SENSOR", "01901", "ACK^R01^ACK")


def test_the_same_control_id_gets_the_same_answer_and_nothing_is_doubled(analyser: MachineConnection) -> None:
    first = send()
    later = message().replace(b"20240508101500", b"20240508101700")  # sent again with a new time
    assert receive(later, peer="127.0.0.1") == first
    assert (Resource.objects.filter(type="Observation").count(), MachineMessage.objects.count()) == (1, 1)
    other = send(PID, OBR, OBX.replace("12.5", "30"))
    assert parts(other)[0] == "AE"
    assert faults(other)[0][0] == "MSH^1^10"
    assert ScreeningResult.objects.get().outcome == "negative"


def test_the_same_result_in_another_message_changes_nothing(analyser: MachineConnection) -> None:
    send()
    assert parts(send(control="M2")) == ("AA", "1 known already, unchanged")
    assert not ResourceVersion.objects.filter(type="Observation").exists()


def test_a_correction_says_so_or_is_refused(analyser: MachineConnection) -> None:
    send()
    changed = OBX.replace("12.5", "30")
    refused = send(PID, OBR, changed, control="M2")
    assert (parts(refused)[0], faults(refused)[0][0]) == ("AE", "OBX^1^5")
    assert parts(send(PID, OBR, changed.replace("|F|||2024", "|C|||2024"), control="M3")) == ("AA", "1 stored")
    stored = json.loads(Resource.objects.get(type="Observation").content)
    assert (stored["status"], stored["valueQuantity"]["value"]) == ("corrected", 30)
    assert parts(send(PID, OBR.replace("LAB|F", "LAB|C"), OBX.replace("12.5", "40"), control="M4"))[0] == "AA"
    assert ScreeningResult.objects.get().value == 40
    withdrawn = OBX.replace("|F|||2024", "|W|||2024")
    assert parts(send(PID, OBR, withdrawn, control="M5")) == ("AA", "1 withdrawn")
    assert not ScreeningResult.objects.exists()
    assert parts(send(PID, OBR, withdrawn, control="M6"))[0] == "AE"


@pytest.mark.parametrize(
    ("obx", "category", "value"),
    [
        ("OBX|1|NM|27396-1^Hb^LN||48.6|ug/g|||||F", "positive", "48.6"),
        ("OBX|1|SN|27396-1^Hb^LN||<^5|ug/g|||||F", "negative", "<5"),
        ("OBX|1|SN|27396-1^Hb^LN||^30|µg/g|||||F", "positive", "30"),
        ("OBX|1|SN|27396-1^Hb^LN||>^200|ug Hb/g|||||F", "positive", ">200"),
        ("OBX|1|ST|27396-1^Hb^LN||Âm tính||||||F", "negative", ""),
        ("OBX|1|CWE|27396-1^Hb^LN||260385009^Negative^SCT||||||F", "negative", ""),
        ("OBX|1|CE|FIT^Máu ẩn trong phân^99VN||POS^Dương tính^99VN||||||F", "positive", ""),
    ],
)
def test_values_of_every_usual_type(analyser: MachineConnection, obx: str, category: str, value: str) -> None:
    answer = send(PID, OBR, obx)
    assert parts(answer) == ("AA", "1 stored"), answer.decode()
    result = ScreeningResult.objects.get()
    assert result.outcome == category
    assert ("" if result.value is None else f"{result.comparator}{result.value.normalize():f}") == value


@pytest.mark.parametrize(
    ("segments", "place"),
    [
        ((PID, OBR, OBX.replace("ug/g^ug/g^UCUM", "ug/L")), "OBX^1^6"),
        ((PID, OBR, OBX.replace("|12.5|", "|nhiều|")), "OBX^1^5"),
        ((PID, OBR, OBX.replace("|NM|", "|SN|").replace("|12.5|", "|^5^-^10|")), "OBX^1^5"),
        ((PID, OBR, OBX.replace("|NM|", "|ED|")), "OBX^1^2"),
        ((PID, OBR, OBX.replace("|12.5|", "|12.5~13|")), "OBX^1^5"),
        ((PID, OBR.replace("S001^LIS", "").replace("ORD1", ""), OBX), "OBR^1^3"),
        ((PID, OBR.replace("20240506083000", "29990506"), OBX.replace("|20240508", "")), "OBR^1^7"),
        ((PID, OBX), "OBX^1"),
        ((PID, OBR), ""),
    ],
)
def test_what_is_wrong_is_refused_with_its_place_and_nothing_is_stored(
    analyser: MachineConnection, segments: tuple[str, ...], place: str
) -> None:
    answer = send(*segments)
    assert parts(answer)[0] == "AE"
    assert faults(answer)[0][0] == place
    assert not Resource.objects.filter(type__in=("Observation", "Patient")).exists()
    assert (MachineMessage.objects.get().accepted, UnmatchedResult.objects.count()) == (False, 0)


def test_one_bad_result_refuses_the_message_as_a_whole(analyser: MachineConnection) -> None:
    second = OBX.replace("OBX|1", "OBX|2").replace("|12.5|", "|x|")
    other = OBR.replace("OBR|1", "OBR|2").replace("S001", "S002")
    assert parts(send(PID, OBR, OBX, other, second))[0] == "AE"
    assert not ScreeningResult.objects.exists()
    good = second.replace("|x|", "|30|")
    assert parts(send(PID, OBR, OBX, other, good)) == ("AA", "2 stored")  # refused messages may come again
    assert sorted(ScreeningResult.objects.values_list("specimen_id", "outcome")) == [
        ("S001", "negative"),
        ("S002", "positive"),
    ]


def test_a_result_without_a_person_is_parked_and_said_to_be(analyser: MachineConnection, station: Facility) -> None:
    answer = send("PID|1", OBR, OBX)
    code, text = parts(answer)
    assert (code, text.startswith("1 parked")) == ("AA", True)
    parked = UnmatchedResult.objects.get()
    assert (parked.source, parked.reason, parked.facility_id) == ("hl7v2", "person_unknown", station.pk)
    assert (parked.fields["specimen_id"], parked.fields["value"]) == ("S001", "12.5")
    assert send("PID|1", OBR, OBX) == answer
    assert UnmatchedResult.objects.count() == 1


def test_somebody_with_another_birth_date_is_parked_not_merged(analyser: MachineConnection) -> None:
    send()
    other = PID.replace("19600312", "19700312")
    assert parts(send(other, OBR.replace("S001", "S002"), OBX, control="M2"))[1].startswith("1 parked")
    assert UnmatchedResult.objects.get().reason == "person_differs"


def test_a_tube_that_the_laboratory_knows_needs_no_name(analyser: MachineConnection, station: Facility) -> None:
    patient = make_patient(station, name="Nguyễn Văn Đức", gender="male", born="1960-03-12")
    Specimen.objects.create(
        specimen_id="x", patient_id=patient, facility=station, barcode="S001", status="available", test="fit"
    )
    assert parts(send(OBR, OBX)) == ("AA", "1 stored")
    assert ScreeningResult.objects.get().patient_id == patient


def test_codes_are_the_facilitys_own(analyser: MachineConnection, station: Facility) -> None:
    unknown = OBX.replace("27396-1^Hemoglobin^LN", "GLU^Glucose^99OWN")
    assert parts(send(PID, OBR, unknown))[1].startswith("1 parked")
    assert UnmatchedResult.objects.get().reason == "test_unknown"
    CodeMapping.objects.create(facility=station.pk, system="hl7", code="GLU", test="")
    assert parts(send(PID, OBR, unknown, control="M2"))[1].startswith("1 left out")
    CodeMapping.objects.create(facility=station.pk, system="hl7", code="HB", test="fit")
    assert parts(send(PID, OBR, unknown.replace("GLU", "HB"), control="M3")) == ("AA", "1 stored")


def test_preliminary_results_are_left_out_and_said_to_be(analyser: MachineConnection) -> None:
    code, text = parts(send(PID, OBR, OBX.replace("|F|||2024", "|P|||2024")))
    assert (code, "1 left out" in text, "not final" in text) == ("AA", True, True)
    assert not ScreeningResult.objects.exists()


def test_a_machine_sends_only_what_it_may(station: Facility) -> None:
    connection_of(station, tests=["hpv"])
    assert (parts(send())[0], faults(send())[0][0]) == ("AE", "OBX^1^3")


@pytest.mark.parametrize(
    ("changes", "peer"),
    [
        ({}, "10.0.0.9"),
        ({"sending_facility": "01902"}, "127.0.0.1"),
        ({"sending_application": "OTHER"}, "127.0.0.1"),
        ({"addresses": ""}, "127.0.0.1"),
        ({"active": False}, "127.0.0.1"),
        ({"protocol": "astm"}, "127.0.0.1"),
    ],
)
def test_strangers_are_turned_away_and_their_message_is_not_kept(
    station: Facility, changes: dict[str, str], peer: str
) -> None:
    connection_of(station, **changes)
    assert parts(send(peer=peer))[0] == "AR"
    assert not MachineMessage.objects.exists()
    assert not ScreeningResult.objects.exists()


def test_a_network_may_be_named_and_the_likeliest_sender_wins(station: Facility) -> None:
    connection_of(station, addresses="10.1.0.0/16")
    named = connection_of(station, addresses="10.1.0.0/16", sending_application="OC-SENSOR")
    assert parts(send(peer="10.1.2.3")) == ("AA", "1 stored")
    assert MachineMessage.objects.get().connection == named


def test_what_two_facilities_entries_fit_is_given_to_neither(station: Facility, laboratory: Facility) -> None:
    connection_of(station, addresses="10.1.0.0/16")
    connection_of(laboratory, addresses="10.1.2.3", sending_application="OC-SENSOR")
    assert parts(send(peer="10.1.2.3"))[0] == "AR"
    assert not ScreeningResult.objects.exists()
    assert parts(send(peer="10.1.2.4")) == ("AA", "1 stored")


@pytest.mark.parametrize(
    ("charset", "name", "stored"),
    [
        ("UNICODE UTF-8", "Nguyễn^Lan^Thị", "Nguyễn Thị Lan"),
        ("", "Nguyễn^Lan^Thị", "Nguyễn Thị Lan"),
        ("8859/1", "Nguyen^Hoà^", "Nguyen Hoà"),
        ("WINDOWS-1258", "Tr\u00e2\u0300n^H\u01b0\u01a1ng^Thi\u0323", "Trần Thị Hương"),
    ],
)
def test_character_sets(analyser: MachineConnection, charset: str, name: str, stored: str) -> None:
    assert parts(send(PID.replace("Nguyễn^Lan^Thị", name), OBR, OBX, charset=charset))[0] == "AA"
    assert Citizen.objects.get().full_name == stored


@pytest.mark.parametrize("charset", ["VISCII", "ISO IR87"])
def test_a_character_set_that_nobody_can_read_is_refused_not_guessed(analyser: MachineConnection, charset: str) -> None:
    answer = send(charset=charset)
    assert (parts(answer)[0], faults(answer)[0][0]) == ("AR", "MSH^1^18")
    wrong = message().replace("ễ".encode(), b"\xff")
    assert parts(receive(wrong, peer="127.0.0.1"))[0] == "AE"


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"hello",
        b"MSH",
        b"MSH|^~\\&",
        b"MSH||||||||||||||",
        b"MSH|^~\\&|A|01901|||20240508||ADT^A01|M1|P|2.5.1\rPID|1",
        b"MSH|^~\\&|A|01901|||20240508||ORU^R01||P|2.5.1\r",
        b"MSH|^~\\&|A|01901|||20240508||ORU^R01|M1|P|2.5.1",
        b"MSH|^~\\&|A|01901|||20240508||ORU^R01|M1|P|2.5.1\r\x00\x01\x02|\r|||\rOBX",
    ],
)
def test_nonsense_is_answered_and_changes_nothing(analyser: MachineConnection, raw: bytes) -> None:
    assert parts(receive(raw, peer="127.0.0.1"))[0] in ("AR", "AE")
    assert not Resource.objects.filter(type__in=("Observation", "Patient")).exists()


def test_other_separators_and_escapes(analyser: MachineConnection) -> None:
    raw = message(PID, OBR, OBX.replace("|F|||", "|F|||") + "\rNTE|1||5 \\T\\ 6 \\F\\ 7")
    swapped = raw.replace(b"|", b"!").replace(b"\\F\\", b"\\F\\")
    assert parts(receive(swapped, peer="127.0.0.1").replace(b"!", b"|"))[0] == "AA"
    assert json.loads(Resource.objects.get(type="Observation").content)["note"] == [{"text": "5 & 6 ! 7"}]


def test_what_the_store_refuses_is_told(analyser: MachineConnection, monkeypatch: pytest.MonkeyPatch) -> None:
    from fhir.hooks import _validators

    def refuse(changes: list[object]) -> list[tuple[int, Issue]]:
        return [(0, Issue("error", "invalid", "Observation.specimen", "No such bottle."))]

    monkeypatch.setattr("fhir.hooks._validators", [*_validators, (frozenset({"Observation"}), refuse)])
    answer = send()
    assert (parts(answer)[0], "No such bottle." in faults(answer)[0][1]) == ("AE", True)
    assert not Citizen.objects.exists()


def test_raw_messages_are_kept_for_a_while(analyser: MachineConnection) -> None:
    send()
    kept = MachineMessage.objects.get()
    assert bytes(kept.raw) == message()
    assert forget_messages() == 0
    MachineMessage.objects.update(received_at=timezone.now() - KEEP - timedelta(days=1))
    assert forget_messages() == 1


def test_a_person_whom_a_machine_names_is_then_cared_for(analyser: MachineConnection, station: Facility) -> None:
    send()
    assert CareRelation.objects.filter(facility_id=station.pk, patient_id=Citizen.objects.get().pk).exists()


def test_no_personal_data_reaches_the_logs(analyser: MachineConnection, caplog: pytest.LogCaptureFixture) -> None:
    send()
    send(PID, OBR, OBX.replace("|12.5|", "|x|"), control="M2")
    send(peer="10.9.9.9")
    for secret in ("Lan", "000160000001", "0912345678", "12.5"):
        assert secret not in caplog.text


def test_a_withdrawal_needs_no_value_and_names_the_right_person(analyser: MachineConnection) -> None:
    send()
    deleted = "OBX|1|NM|27396-1^Hemoglobin^LN||||||||D"
    stranger = PID.replace("000160000001", "000160000099").replace("Lan", "Mai")
    assert parts(send(stranger, OBR, deleted, control="M2"))[0] == "AE"
    assert ScreeningResult.objects.count() == 1
    assert parts(send(PID, OBR, deleted, control="M3")) == ("AA", "1 withdrawn")
    assert ScreeningResult.objects.count() == 0


def test_a_withdrawn_result_that_comes_again_waits_for_somebody_to_decide(analyser: MachineConnection) -> None:
    send()
    send(PID, OBR, OBX.replace("|F|||2024", "|D|||2024"), control="M2")
    assert parts(send(control="M3"))[1].startswith("1 parked")
    assert (ScreeningResult.objects.count(), UnmatchedResult.objects.get().reason) == (0, "withdrawn_before")


def test_a_sample_that_the_machine_could_not_read_is_parked(analyser: MachineConnection) -> None:
    answer = send(PID, OBR, "OBX|1||27396-1^Hemoglobin^LN||||||||X")
    assert parts(answer)[1].startswith("1 parked")
    parked = UnmatchedResult.objects.get()
    assert (parked.reason, parked.fields["specimen_id"], parked.fields["test"]) == ("value_unreadable", "S001", "fit")


@pytest.mark.parametrize("control", ["M\x001", "M" * 500])
def test_a_control_id_that_cannot_be_kept_is_refused(analyser: MachineConnection, control: str) -> None:
    for _again in range(2):
        assert parts(send(control=control))[0] == "AR"
    assert not ScreeningResult.objects.exists()


def test_an_empty_line_in_front_makes_no_other_message(analyser: MachineConnection) -> None:
    first = receive(b"\r\n" + message(), peer="127.0.0.1")
    later = b"\r\n" + message().replace(b"20240508101500", b"20240508101700")
    assert receive(later, peer="127.0.0.1") == first


def test_a_wrong_escape_writes_nothing_of_the_field_into_the_log(
    analyser: MachineConnection, caplog: pytest.LogCaptureFixture
) -> None:
    send(PID, OBR, OBX, "NTE|1||\\Q\\ Nguyễn Thị Lan")
    assert "Lan" not in caplog.text
