"""ASTM files of analysers: with and without frames, whole or cut, known tubes and strangers."""

import os
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from pytest_django import Settings

from records.models import Citizen, Facility
from screening.imports.batches import batch_of_path
from screening.imports.columns import Column
from screening.imports.reading import Unreadable
from screening.imports.running import run_batch
from screening.machines import astm, dropping
from screening.machines.dropping import take_folder
from screening.machines.inbox import waiting_messages
from screening.models import (
    CodeMapping,
    ImportBatch,
    MachineConnection,
    MachineMessage,
    ScreeningResult,
    Specimen,
    UnmatchedResult,
)
from tests.screening.conftest import make_patient

pytestmark = pytest.mark.django_db

RECORDS = [
    "H|\\^&|||OC-SENSOR^PLEDIA|||||||P|E1394-97|20240508101500",
    "P|1|000160000001|||Nguyễn^Lan^Thị||19600312|F",
    "O|1|S001||^^^FIT|R|20240506083000|20240506083000",
    "R|1|^^^FIT|12.5|ug/g||N||F||||20240508101200",
    "C|1|I|mẫu lỏng|G",
    "P|2",
    "O|1|S002||^^^FIT",
    "R|1|^^^FIT|48.6|ug/g||A||F||||20240508101300",
    "L|1|N",
]


@pytest.fixture(autouse=True)
def _media(settings: Settings, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "oc-sensor.astm"


def framed(records: list[str]) -> bytes:
    frames = []
    for number, record in enumerate(records, 1):
        body = str(number % 8).encode() + record.encode() + b"\r\x03"
        frames.append(b"\x02" + body + f"{sum(body) % 256:02X}".encode() + b"\r\n")
    return b"\x05" + b"".join(frames) + b"\x04"


def take(path: Path, content: bytes, station: Facility) -> ImportBatch:
    path.write_bytes(content)
    batch = run_batch(batch_of_path(path, facility=station.pk).pk)
    assert batch
    return batch


@pytest.mark.parametrize("content", ["\r".join(RECORDS).encode(), "\r\n".join(RECORDS).encode(), framed(RECORDS)])
def test_results_with_a_person_are_stored_and_others_parked(station: Facility, path: Path, content: bytes) -> None:
    batch = take(path, content, station)
    assert (batch.state, batch.form, batch.new, batch.nobody, batch.parked) == ("done", "astm", 1, 1, 1), batch.problem
    result = ScreeningResult.objects.get()
    assert (result.specimen_id, result.outcome, str(result.collected_on)) == ("S001", "negative", "2024-05-06")
    assert Citizen.objects.get().full_name == "Nguyễn Thị Lan"
    parked = UnmatchedResult.objects.get()
    assert (parked.source, parked.fields["specimen_id"], parked.fields["value"]) == ("astm", "S002", "48.6")
    again = take(path, content, station)
    assert (again.new, again.unchanged, UnmatchedResult.objects.count()) == (0, 1, 1)


def test_a_tube_that_the_laboratory_knows_needs_no_name(station: Facility, path: Path) -> None:
    patient = make_patient(station, name="Nguyễn Văn Đức", gender="male", born="1960-03-12")
    Specimen.objects.create(
        specimen_id="x", patient_id=patient, facility=station, barcode="S002", status="available", test="fit"
    )
    batch = take(path, "\r".join(RECORDS).encode(), station)
    assert (batch.new, batch.matched, batch.parked) == (1, 1, 0)
    assert ScreeningResult.objects.get(specimen_id="S002").patient_id == patient


def test_a_remark_about_the_next_patient_is_not_the_last_ones(path: Path) -> None:
    records = [*RECORDS[:6], "C|1|L|đã gọi điện|G", *RECORDS[6:7], "C|1|L|ống vỡ|G", *RECORDS[7:]]
    path.write_bytes("\r".join(records).encode())
    notes = [values.get(Column.NOTE, "") for _code, _name, values in astm.read_file(path).results]
    assert notes == ["mẫu lỏng", ""]


def test_its_own_separators_escapes_and_remarks(station: Facility, path: Path) -> None:
    swapped = [line.replace("|", "!").replace("^", "~") for line in RECORDS]
    swapped[0] = "H!\\~&" + swapped[0][5:]
    swapped[4] = "C!1!I!trên &F& dưới!G"
    path.write_bytes("\r".join(swapped).encode())
    results = astm.read_file(path).results
    numbers = [(code, values[Column.CITIZEN_ID]) for code, _name, values in results]
    assert numbers == [("FIT", "000160000001"), ("FIT", "")]
    assert "trên ! dưới" in results[0][2].values()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("\r".join(RECORDS[:-1]).encode(), "bị cắt"),
        ("\r".join(RECORDS[:-1] + RECORDS).encode(), "bị cắt"),
        ("\r".join([RECORDS[0], RECORDS[-1]]).encode(), "không có kết quả"),
        ("\r".join(["H|\\^&", "L|1", *RECORDS[1:]]).encode(), "ngoài một thông điệp"),
        (framed(RECORDS).replace(b"48.6", b"18.6"), "khung truyền"),
        (framed(RECORDS)[:-30], "khung truyền"),
    ],
)
def test_a_damaged_file_is_refused_as_a_whole(station: Facility, path: Path, content: bytes, reason: str) -> None:
    path.write_bytes(content)
    with pytest.raises(Unreadable, match=reason):
        astm.read_file(path)
    batch = take(path, content, station)
    assert (batch.state, reason in batch.problem) == ("failed", True)
    assert not ScreeningResult.objects.exists()


def test_codes_that_nobody_knows_wait_in_the_queue_and_are_known_once_told(station: Facility, path: Path) -> None:
    content = "\r".join(RECORDS).replace("^^^FIT", "^^^HGB1").encode()
    batch = take(path, content, station)
    assert (batch.state, batch.stored, batch.parked) == ("done", 0, 2)
    parked = UnmatchedResult.objects.order_by("pk")
    assert [(one.reason, one.fields["test"], one.fields["value"]) for one in parked] == [
        ("test_unknown", "HGB1", "12.5"),
        ("test_unknown", "HGB1", "48.6"),
    ]
    CodeMapping.objects.create(facility=station.pk, system="astm", code="HGB1", test="fit")
    assert take(path, content, station).new == 1
    CodeMapping.objects.update(test="")
    other = take(path, content.replace(b"S001", b"S009"), station)
    assert (other.processed, other.notices[0]["text"]) == (0, "2 kết quả không thuộc sàng lọc đã được bỏ qua.")


def test_results_that_are_not_final_are_left_out_and_told(station: Facility, path: Path) -> None:
    content = "\r".join(RECORDS).replace("||N||F", "||N||P").encode()
    batch = take(path, content, station)
    assert (batch.new, batch.notices[0]["text"]) == (0, "1 kết quả chưa chính thức đã được bỏ qua.")


def test_a_drop_folder_is_emptied_into_done_and_failed(station: Facility, tmp_path: Path) -> None:
    folder = tmp_path / "drop"
    folder.mkdir()
    connection = MachineConnection.objects.create(
        name="OC-Sensor", facility=station.pk, protocol="astm", folder=str(folder)
    )
    (folder / "a.astm").write_bytes("\r".join(RECORDS).encode())
    (folder / "b.astm").write_bytes(b"H|cut")
    (folder / "c.astm").write_bytes("\r".join(RECORDS).replace("12.5", "nhiều").replace("S00", "T00").encode())
    (folder / "link.astm").symlink_to("/etc/passwd")
    assert take_folder(connection) == []  # too young: the machine may still be writing
    for path in folder.glob("?.astm"):
        os.utime(path, (1, 1))
    out = StringIO()
    call_command("astm_drop", stdout=out)
    assert "OC-Sensor: a.astm: done, 1 stored" in out.getvalue()
    assert sorted(path.name for path in (folder / "done").iterdir()) == ["a.astm", "c.astm"]
    assert sorted(path.name for path in (folder / "failed").iterdir()) == ["b.astm", "b.astm.txt"]
    assert [path.name for path in folder.iterdir() if path.is_file()] == ["link.astm"]
    assert ScreeningResult.objects.count() == 1
    unread = UnmatchedResult.objects.get(reason="value_unreadable")
    assert (unread.fields["value"], unread.fields["specimen_id"], unread.facility_id) == ("nhiều", "T001", station.pk)
    inbox = MachineMessage.objects.order_by("pk")
    assert [(one.control_id.split(" ")[0], one.accepted, one.stored, one.parked) for one in inbox] == [
        ("a.astm", True, 1, 1),
        ("b.astm", False, 0, 0),
        ("c.astm", True, 0, 2),
    ]
    assert [one.problem for one in waiting_messages(station.pk)] == [
        "Thông điệp bắt đầu ở dòng 1 không có bản ghi kết thúc (L): tệp bị cắt."
    ]


@pytest.mark.parametrize(
    ("record", "outcome", "reason"),
    [
        ("R|1|^^^FIT|300|ug/g|0-1000|N||F", "", "cutoff_differs"),
        ("R|1|^^^FIT|12.5|ug/g|<10 µg/g|N||F", "", "cutoff_differs"),
        ("R|1|^^^FIT|12.5|ug/g|<15 µg/g|N||F", "negative", ""),
        ("R|1|^^^FIT|12.5|ug/g|0-20|N||F", "negative", ""),
        ("R|1|^^^FIT|20|ug/g|0-20|N||F", "", "value_unreadable"),  # normal there, positive here: a person decides
        ("R|1|^^^FIT|12.5|ug/g|âm tính|N||F", "negative", ""),
        ("R|1|^^^FIT|12.5|ng/mL|<10 ug/g|N||F", "", "value_unreadable"),  # no factor without the kit
    ],
)
def test_the_range_of_the_machine_may_only_confirm(
    station: Facility, path: Path, record: str, outcome: str, reason: str
) -> None:
    take(path, "\r".join([*RECORDS[:3], record, "L|1|N"]).encode(), station)
    assert list(ScreeningResult.objects.values_list("outcome", flat=True)) == ([outcome] if outcome else [])
    assert list(UnmatchedResult.objects.values_list("reason", flat=True)) == ([reason] if reason else [])


def test_a_file_too_large_is_put_aside_with_the_reason(
    station: Facility, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dropping, "LARGEST", 100)
    (tmp_path / "a.astm").write_bytes("\r".join(RECORDS).encode())
    told = {"name": "OC-Sensor", "facility": station.pk, "protocol": "astm", "folder": str(tmp_path)}
    assert take_folder(MachineConnection.objects.create(**told), settled=0) == []
    assert sorted(path.name for path in (tmp_path / "failed").iterdir()) == ["a.astm", "a.astm.txt"]
    assert [one.problem for one in waiting_messages(station.pk)] == ["Tệp lớn hơn 100 byte."]
