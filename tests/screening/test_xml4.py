"""Health insurance's XML4: plain and wrapped, with and without XML1, friendly and hostile."""

import base64
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from pytest_django import Settings

from healthhub.accounts.actors import Role
from records.models import Citizen, Facility
from screening.imports import xml4
from screening.imports.batches import batch_of_path
from screening.imports.reading import Unreadable
from screening.imports.running import run_batch
from screening.models import CodeMapping, ImportBatch, ScreeningResult, UnmatchedResult
from tests.screening.clinic_room import signed_in
from tests.screening.importing import run_on

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _media(settings: Settings, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "xml4.xml"


def xml1(**changes: str) -> str:
    fields = {
        "MA_LK": "LK001",
        "STT": "1",
        "MA_BN": "BN77",
        "HO_TEN": "Nguyễn Thị Lan",
        "SO_CCCD": "000160000001",
        "NGAY_SINH": "196003120000",
        "GIOI_TINH": "2",
        "MA_THE_BHYT": "HN4010123456789",
        "DIEN_THOAI": "0912345678",
        "MA_CSKCB": "01901",
        "NGAY_VAO": "202405060800",
        "NGAY_RA": "202405061000",
    } | changes
    return f"<TONG_HOP>{tags(fields)}</TONG_HOP>"


def cls(**changes: str) -> str:
    fields = {
        "MA_LK": "LK001",
        "STT": "1",
        "MA_DICH_VU": "23.0101.1506",
        "MA_CHI_SO": "FOB-Q",
        "TEN_CHI_SO": "Định lượng máu ẩn trong phân",
        "GIA_TRI": "12,5",
        "DON_VI_DO": "µg/g",
        "MO_TA": "",
        "KET_LUAN": "Trong giới hạn",
        "NGAY_KQ": "202405081430",
        "MA_BS_DOC_KQ": "001234/HNO-CCHN",
        "DU_PHONG": "",
    } | changes
    return f"<CHI_TIET_CLS>{tags(fields)}</CHI_TIET_CLS>"


def tags(fields: dict[str, str]) -> str:
    return "".join(f"<{name}><![CDATA[{value}]]></{name}>" for name, value in fields.items())


def table(*rows: str) -> str:
    return (
        "<CHITIEU_CHITIET_DICHVUCANLAMSANG><DSACH_CHI_TIET_CLS>"
        f"{''.join(rows)}</DSACH_CHI_TIET_CLS></CHITIEU_CHITIET_DICHVUCANLAMSANG>"
    )


def plain(*parts: str) -> bytes:
    return f'<?xml version="1.0" encoding="utf-8"?><HOSO>{"".join(parts)}</HOSO>'.encode()


def wrapped(*parts: tuple[str, str]) -> bytes:
    files = "".join(
        f"<FILEHOSO><LOAIHOSO>{kind}</LOAIHOSO>"
        f"<NOIDUNGFILE>{base64.encodebytes(text.encode()).decode()}</NOIDUNGFILE></FILEHOSO>"
        for kind, text in parts
    )
    return (
        '<?xml version="1.0" encoding="utf-8"?><GIAMDINHHS><THONGTINDONVI><MACSKCB>01901</MACSKCB></THONGTINDONVI>'
        "<THONGTINHOSO><NGAYLAP>20240509</NGAYLAP><SOLUONGHOSO>1</SOLUONGHOSO>"
        f"<DANHSACHHOSO><HOSO>{files}</HOSO></DANHSACHHOSO></THONGTINHOSO></GIAMDINHHS>"
    ).encode()


def known(station: Facility, **codes: str) -> None:
    for code, test in ({"23.0101.1506/FOB-Q": "fit"} | codes).items():
        CodeMapping.objects.create(facility=station.pk, system="xml4", code=code, test=test)


def take(path: Path, content: bytes, station: Facility) -> ImportBatch:
    path.write_bytes(content)
    batch = run_batch(batch_of_path(path, facility=station.pk).pk)
    assert batch
    return batch


GLUCOSE: dict[str, Any] = {"MA_CHI_SO": "GLU", "TEN_CHI_SO": "Glucose", "GIA_TRI": "5.4", "DON_VI_DO": "mmol/L"}


@pytest.mark.parametrize(
    "content",
    [
        plain(xml1(), table(cls())),
        plain(table(cls()), xml1()),
        wrapped(("XML1", xml1()), ("XML4", table(cls())), ("XML2", "<x>no XML2 of ours</x>")),
        wrapped(("XML4", table(cls())), ("XML1", xml1())),
    ],
)
def test_a_visits_result_is_stored(station: Facility, path: Path, content: bytes) -> None:
    known(station)
    batch = take(path, content, station)
    assert (batch.state, batch.form, batch.new, batch.failed) == ("done", "xml4", 1, 0), batch.problem
    result = ScreeningResult.objects.get()
    assert (result.specimen_id, f"{result.value:.1f}", result.unit) == ("LK001", "12.5", "ug/g")
    assert (str(result.collected_on), str(result.resulted_on)) == ("2024-05-06", "2024-05-08")
    citizen = Citizen.objects.get()
    assert (citizen.full_name, citizen.cccd, citizen.sex) == ("Nguyễn Thị Lan", "000160000001", "female")
    assert take(path, content, station).unchanged == 1


def test_codes_are_asked_for_once_in_the_review_and_others_are_left_out(station: Facility) -> None:
    technician = signed_in(Role.LABORATORY, station)
    content = plain(xml1(), table(cls(), cls(**GLUCOSE), cls(**GLUCOSE)))
    technician.post("/clinic/imports/", {"file": SimpleUploadedFile("xml4.xml", content)})
    batch = ImportBatch.objects.get()
    assert run_on(batch.pk).state == "mapping"
    address = f"/clinic/imports/{batch.pk}/columns/"
    page = technician.get(address)
    assert [field.label for field in page.context["form"]] == [
        "23.0101.1506/GLU Glucose",
        "23.0101.1506/FOB-Q Định lượng máu ẩn trong phân",
    ]
    assert "2 dòng, ví dụ: 5.4 mmol/L" in page.content.decode()
    assert [field.initial for field in page.context["form"]] == ["", ""]  # nothing is left out by one click
    assert list(technician.post(address, {"code_0": ""}).context["form"].errors) == ["code_0", "code_1"]
    assert "code_1" in technician.post(address, {"code_0": "-"}).context["form"].errors
    technician.post(address, {"code_0": "-", "code_1": "fit"})
    found = run_batch(batch.pk)
    assert found
    assert (found.state, found.new, found.notices[0]["text"]) == (
        "review",
        1,
        "2 kết quả không thuộc sàng lọc đã được bỏ qua.",
    )
    technician.post(f"/clinic/imports/{batch.pk}/approve/", {"kinds": ["new"]})
    run_batch(batch.pk)
    assert ScreeningResult.objects.get().specimen_id == "LK001"
    again = SimpleUploadedFile("xml4.xml", plain(xml1(MA_LK="LK002"), table(cls(MA_LK="LK002"))))
    technician.post("/clinic/imports/", {"file": again})
    assert run_on(ImportBatch.objects.latest("id").pk).state == "review"


HBSAG = {"MA_CHI_SO": "HBSAG", "TEN_CHI_SO": "HBsAg", "DON_VI_DO": ""}
OURS, POSITIVE = "Tên giống một xét nghiệm sàng lọc.", "Có kết quả đọc được là dương tính"


@pytest.mark.parametrize(
    ("rows", "ours", "positive"),
    [
        ([cls(**GLUCOSE)], False, False),
        ([cls()], True, False),
        ([cls(), cls(GIA_TRI="300")], True, True),
        ([cls(**HBSAG, GIA_TRI="Âm tính")], False, False),
        ([cls(**HBSAG, GIA_TRI="Âm tính"), cls(**HBSAG, GIA_TRI="DƯƠNG TÍNH")], False, True),
        ([cls(MA_CHI_SO="X7", TEN_CHI_SO="HPV genotype PCR", GIA_TRI="~")], True, False),
    ],
)
def test_what_speaks_for_a_code_stands_beside_the_question(
    station: Facility, rows: list[str], ours: bool, positive: bool
) -> None:
    technician = signed_in(Role.LABORATORY, station)
    technician.post("/clinic/imports/", {"file": SimpleUploadedFile("xml4.xml", plain(xml1(), table(*rows)))})
    batch = ImportBatch.objects.get()
    run_batch(batch.pk)
    page = technician.get(f"/clinic/imports/{batch.pk}/columns/").content.decode()
    assert (OURS in page, POSITIVE in page) == (ours, positive)


def test_results_without_their_visit_or_a_full_birth_date_are_parked(station: Facility, path: Path) -> None:
    known(station)
    half = xml1(MA_LK="LK2", NGAY_SINH="196000000000")
    batch = take(path, plain(half, table(cls(MA_LK="LK2"), cls(MA_LK="LK3"))), station)
    assert (batch.new, batch.nobody, batch.parked) == (0, 2, 2)
    parked = {one.fields["specimen_id"]: one for one in UnmatchedResult.objects.all()}
    assert (parked["LK2"].source, parked["LK2"].fields["full_name"]) == ("xml4", "Nguyễn Thị Lan")
    assert "full_name" not in parked["LK3"].fields


def test_a_conclusion_stands_in_for_a_value(station: Facility, path: Path) -> None:
    known(station)
    take(path, plain(xml1(), table(cls(GIA_TRI="", DON_VI_DO="", KET_LUAN="Âm tính", MO_TA="không thấy"))), station)
    assert ScreeningResult.objects.get().outcome == "negative"


def test_another_facilitys_visit_is_refused(station: Facility, laboratory: Facility, path: Path) -> None:
    known(station)
    batch = take(path, plain(xml1(MA_CSKCB="01902"), table(cls())), station)
    assert (batch.new, batch.failed) == (0, 1)


BOMB = '<!DOCTYPE a [<!ENTITY b "x"><!ENTITY c "&b;&b;&b;">]><TONG_HOP><MA_LK>&c;</MA_LK></TONG_HOP>'
OUTSIDE = '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><TONG_HOP><MA_LK>&b;</MA_LK></TONG_HOP>'


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (BOMB.encode(), "DTD"),
        (OUTSIDE.encode(), "DTD"),
        (wrapped(("XML1", BOMB)), "DTD"),
        (wrapped(("XML4", OUTSIDE)), "DTD"),
        (plain(xml1(), table(cls()))[:-20], "bị hỏng"),
        (plain(xml1()), "không có kết quả"),
        (b"<a>" * 5000 + b"</a>" * 5000, "quá sâu"),
        (wrapped(("XML4", "x")).replace(b"eA==", b"e!A="), "base64"),
        (b"<html><body>404</body></html>", "không có kết quả"),
        (b'<?xml version="1.0" encoding="klingon"?><a/>', "bị hỏng"),
    ],
)
def test_hostile_and_broken_files_are_refused(station: Facility, path: Path, content: bytes, reason: str) -> None:
    batch = take(path, content, station)
    assert (batch.state, reason in batch.problem) == ("failed", True), batch.problem
    assert "root:" not in batch.problem


def test_a_wrapped_table_that_would_fill_the_memory_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xml4, "LARGEST", 1000)
    path.write_bytes(wrapped(("XML4", table(*[cls()] * 20))))
    with pytest.raises(Unreadable, match="quá lớn"):
        xml4.survey(path)


def test_a_wrapper_within_a_wrapper_is_not_opened(path: Path) -> None:
    path.write_bytes(wrapped(("XML4", wrapped(("XML4", table(cls()))).decode())))
    with pytest.raises(Unreadable, match="không có kết quả"):
        xml4.survey(path)


def test_formulas_in_a_file_do_nothing_in_the_download(station: Facility, path: Path, tmp_path: Path) -> None:
    known(station)
    path.write_bytes(plain(xml1(HO_TEN="=HYPERLINK(1)"), table(cls(GIA_TRI="@SUM(1)", KET_LUAN="+1"))))
    call_command("import_results", path, "--facility", "01901", "--errors", tmp_path / "bad.csv")
    line = (tmp_path / "bad.csv").read_text(encoding="utf-8-sig").splitlines()[1]
    assert "'=HYPERLINK(1)" in line
    assert "'@SUM(1)" in line
    assert ",=HYPERLINK" not in line
