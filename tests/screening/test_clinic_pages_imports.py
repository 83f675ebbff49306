"""Uploading a file of results in the clinic, and reading what became of it."""

import io
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.template.loader import render_to_string
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.translation import override
from pytest_django import Settings

from healthhub.accounts.actors import Role
from healthhub.audit.models import AccessEntry
from records.models import Facility
from screening.imports.running import run_batch
from screening.models import ImportBatch, ScreeningResult, StagedRow
from screening.protocol import current, named_test, programmes
from tests.screening.clinic_room import signed_in
from tests.screening.conftest import make_patient
from tests.screening.importing import csv_text, row, run_on

pytestmark = pytest.mark.django_db

HEADER = "Mã cơ sở,Mã mẫu,Số định danh,Họ và tên,Ngày sinh,Giới tính,Xét nghiệm,Ngày lấy mẫu,Kết quả,Đơn vị"
GOOD = '01901,M-1,000060000001,Nguyễn Văn Đức,12/03/1960,Nam,fit,06/05/2024,"12,5",µg/g'
BAD = "01901,M-2,000060000002,Lê Văn Bình,12/03/1960,Nam,fit,06/05/2024,nhiều,µg/g"


@pytest.fixture(autouse=True)
def _media(settings: Settings, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def technician(station: Facility) -> Client:
    return signed_in(Role.LABORATORY, station)


def send_file(client: Client, text: str, name: str = "ket-qua.csv") -> Any:
    return client.post("/clinic/imports/", {"file": SimpleUploadedFile(name, text.encode())})


def test_an_uploaded_file_is_read_reviewed_approved_and_reported(technician: Client) -> None:
    answer = send_file(technician, "\n".join([HEADER, GOOD, BAD]))
    batch = ImportBatch.objects.get()
    address = f"/clinic/imports/{batch.pk}/"
    assert answer.headers["Location"] == address
    page = technician.get(address)
    assert 'hx-trigger="every 2s"' in page.content.decode()

    run_batch(batch.pk)
    page = technician.get(address)
    assert 'hx-trigger="every 2s"' not in page.content.decode()
    assert [(tab["label"], tab["count"]) for tab in page.context["tabs"]] == [
        ("Người mới", 1),
        ("Người đã có hồ sơ", 0),
        ("Sai", 1),
    ]
    wrong = technician.get(f"{address}?tab=error")
    (line,) = wrong.context["review"].lines
    assert [(cell.heading, cell.text) for cell in line.cells if cell.reason] == [("Kết quả", "nhiều")]
    assert ("Xét nghiệm", "FIT (máu ẩn trong phân)") in [(cell.heading, cell.text) for cell in line.cells]
    assert 'class="is-faulty"' in wrong.content.decode()
    assert not ScreeningResult.objects.exists()

    technician.post(f"{address}approve/", {"kinds": ["new"]})
    assert 'hx-trigger="every 2s"' in technician.get(address).content.decode()
    run_batch(batch.pk)
    page = technician.get(address, headers={"hx-request": "true"})
    assert page.headers["HX-Refresh"] == "true"
    done = page.context["batch"]
    assert (done.new, done.stored, done.failed) == (1, 1, 1)
    assert ScreeningResult.objects.get().specimen_id == "M-1"

    errors = technician.get(f"/clinic/imports/{batch.pk}/errors.csv")
    assert errors.headers["Content-Disposition"] == f'attachment; filename="healthhub-errors-{batch.pk}.csv"'
    assert errors.getvalue().decode("utf-8-sig").splitlines()[1].startswith("3,Kết quả,")

    technician.post(f"{address}undo/")
    assert ScreeningResult.objects.exists()  # not without a reason
    technician.post(f"{address}undo/", {"reason": "wrong_file"})
    run_batch(batch.pk)
    assert "Đã hoàn tác" in technician.get(address).content.decode()
    assert not ScreeningResult.objects.exists()


def test_a_file_with_headings_of_a_program_is_shown_in_words(technician: Client) -> None:
    send_file(technician, csv_text([row()]))  # "full_name", as an English file has it
    batch = run_batch(ImportBatch.objects.get().pk)
    assert batch
    headings = technician.get(f"/clinic/imports/{batch.pk}/").context["review"].headings
    assert headings[:3] == ["Họ và tên", "Ngày sinh", "Số định danh"]


def test_columns_are_told_once_and_remembered(technician: Client) -> None:
    text = "Barcode,Kết luận,Tên,NS,Phái,CCCD\nM-1,âm tính,Nguyễn Văn Đức,12/03/1960,Nam,000060000001"
    send_file(technician, text)
    batch = ImportBatch.objects.get()
    assert run_on(batch.pk).state == "mapping"
    address = f"/clinic/imports/{batch.pk}/columns/"
    assert technician.get(f"/clinic/imports/{batch.pk}/").headers["Location"] == address
    page = technician.get(address).content.decode()
    assert "3. Tên (Nguyễn Văn Đức)" in page
    told = {
        "at_specimen_id": "0",
        "at_result": "1",
        "at_full_name": "2",
        "at_birth_date": "3",
        "at_sex": "4",
        "always_facility_code": "01901",
        "always_test": "hpv",
        "always_collected_on": "06/05/2024",
    }
    missing = technician.post(address, told)
    assert list(missing.context["form"].errors) == ["at_citizen_id"]
    twice = technician.post(address, told | {"at_citizen_id": "4"})
    assert twice.context["form"].errors["at_sex"] == ["Cột này đã được chọn cho mục khác."]
    technician.post(address, told | {"at_citizen_id": "5", "always_test": "fit"})
    assert run_on(batch.pk).state == "review"
    assert technician.get(f"/clinic/imports/{batch.pk}/").context["batch"].new == 1

    send_file(technician, text.replace("M-1", "M-2"))
    second = run_batch(ImportBatch.objects.exclude(pk=batch.pk).get().pk)
    assert second
    assert (second.state, second.new) == ("review", 1)
    assert 'value="01901"' in technician.get(f"/clinic/imports/{second.pk}/columns/").content.decode()


def test_a_close_row_is_decided_among_people_whom_one_may_see(
    technician: Client, station: Facility, laboratory: Facility
) -> None:
    mine = make_patient(station, name="Nguyễn Văn Đức", gender="male", born="1960-03-12")
    make_patient(laboratory, name="Lê Văn Bình", gender="male", born="1960-03-12")
    send_file(technician, "\n".join([HEADER, GOOD, BAD.replace("nhiều", "5")]))
    batch = ImportBatch.objects.get()
    run_batch(batch.pk)
    address = f"/clinic/imports/{batch.pk}/"
    page = technician.get(f"{address}?tab=close")
    first, second = page.context["review"].lines
    assert ([one.name for one in first.candidates], first.hidden) == (["Nguyễn Văn Đức"], 0)
    assert ([one.name for one in second.candidates], second.hidden) == ([], 1)
    assert AccessEntry.objects.filter(patient=mine, action="find", reason=address).count() == 1

    stranger = StagedRow.objects.get(row=3)
    technician.post(f"{address}decide/", {"row": stranger.pk, "decision": f"person:{stranger.candidates[0]}"})
    stranger.refresh_from_db()
    assert stranger.decision == ""
    technician.post(f"{address}decide/", {"row": first.id, "decision": f"person:{mine}"})
    technician.post(f"{address}approve/", {"kinds": ["close"]})
    done = run_batch(batch.pk)
    assert done
    assert (done.new, done.matched, done.close, done.stored, done.parked) == (0, 1, 1, 1, 1)
    assert ScreeningResult.objects.get().patient_id == mine


def test_a_file_can_be_given_up(technician: Client) -> None:
    send_file(technician, "\n".join([HEADER, GOOD]))
    batch = ImportBatch.objects.get()
    run_batch(batch.pk)
    asked = technician.post(f"/clinic/imports/{batch.pk}/cancel/", {"reason": "other"})
    assert list(asked.context["give_up"].errors) == ["note"]
    technician.post(f"/clinic/imports/{batch.pk}/cancel/", {"reason": "other", "note": "Tệp của năm ngoái"})
    page = technician.get(f"/clinic/imports/{batch.pk}/")
    assert page.context["batch"].state == "cancelled"
    technician.post(f"/clinic/imports/{batch.pk}/approve/", {"kinds": ["new"]})
    run_batch(batch.pk)
    assert not ScreeningResult.objects.exists()
    assert StagedRow.objects.values_list("state", "left_note").get() == ("left", "Tệp của năm ngoái")


def test_a_file_of_which_nothing_was_read_is_given_up_at_once(technician: Client) -> None:
    send_file(technician, "Barcode,Kết luận,Tên,NS\nM-1,âm tính,Nguyễn Văn Đức,12/03/1960")
    batch = ImportBatch.objects.get()
    assert run_on(batch.pk).state == "mapping"
    technician.post(f"/clinic/imports/{batch.pk}/cancel/")
    batch.refresh_from_db()
    assert batch.state == "cancelled"


def test_a_left_positive_is_listed_until_a_second_person_has_seen_it(technician: Client, station: Facility) -> None:
    send_file(technician, "\n".join([HEADER, GOOD.replace("12,5", "80"), BAD]))
    batch = ImportBatch.objects.get()
    run_batch(batch.pk)
    row = batch.rows.get(row=2)
    address = f"/clinic/imports/{batch.pk}/"
    settle = f"/clinic/imports/left/{row.pk}/"
    assert "Nguyễn Văn Đức" in technician.get(settle).content.decode()
    assert technician.post(settle, {"act": "leave"}).context["leave"].errors["reason"]
    answer = technician.post(settle, {"act": "leave", "reason": "control"})
    assert answer.headers["Location"] == f"{address}?tab=new&after=1"
    assert "Mẫu thử hoặc mẫu kiểm chuẩn" in technician.get(f"{address}?tab=new").content.decode()
    technician.post(f"{address}approve/", {"kinds": ["new"]})
    run_batch(batch.pk)
    assert technician.get("/clinic/imports/").context["waiting"] == 2

    shown = technician.get(f"{address}?tab=left").content.decode()
    assert ("Dương tính" in shown, "Vẫn lưu dòng này" in shown) == (True, True)

    page = technician.get("/clinic/imports/left/")
    assert [(one["line"].flag, one["wrong"], one["mine"]) for one in page.context["lines"]] == [
        ("Dương tính", False, True),
        ("Không đọc được", True, False),
    ]
    assert "Bạn đã loại dòng này khỏi tệp: người khác phải xem." in page.content.decode()
    tabs = technician.get("/clinic/bench/matching/").context["tabs"]
    assert [tab["count"] for tab in tabs if tab["href"] == "/clinic/imports/left/"] == [2]

    technician.post(settle, {"act": "confirm"})
    assert technician.get("/clinic/imports/").context["waiting"] == 2
    colleague = signed_in(Role.CLINICIAN, station)
    assert "Tôi đã xem, đồng ý không lưu" in colleague.get("/clinic/imports/left/").content.decode()
    colleague.post(settle, {"act": "confirm"})
    assert technician.get("/clinic/imports/").context["waiting"] == 1
    (kept,) = technician.get("/clinic/imports/left/?tab=all").context["lines"]
    assert (kept["line"].left, bool(kept["seen"])) == ("Mẫu thử hoặc mẫu kiểm chuẩn", True)
    technician.post(settle, {"act": "restore"})
    assert ScreeningResult.objects.get().outcome == "positive"

    wrong = batch.rows.get(row=3)
    technician.post(f"/clinic/imports/left/{wrong.pk}/", {"act": "leave", "reason": "other"})
    assert technician.get("/clinic/imports/").context["waiting"] == 1  # words are missing
    technician.post(f"/clinic/imports/left/{wrong.pk}/", {"act": "queue"})
    assert technician.get("/clinic/imports/").context["waiting"] == 0
    assert technician.get("/clinic/bench/matching/").context["rows"][0]["value"] == "nhiều µg/g"


def test_rows_that_wait_are_the_facilitys_own_and_cost_the_same_for_many(
    technician: Client, laboratory: Facility
) -> None:
    counts = []
    for size in (2, 22):
        send_file(technician, "\n".join([HEADER, *[BAD.replace("M-2", f"X-{size}-{n}") for n in range(size)]]))
        batch = ImportBatch.objects.latest("id")
        run_batch(batch.pk)
        technician.post(f"/clinic/imports/{batch.pk}/approve/", {"kinds": []})
        run_batch(batch.pk)
        with CaptureQueriesContext(connection) as queries:
            technician.get("/clinic/imports/left/")
        counts.append(len(queries))
    assert counts[0] == counts[1]
    other = signed_in(Role.LABORATORY, laboratory)
    assert other.get("/clinic/imports/left/").context["lines"] == []
    row = StagedRow.objects.first()
    assert row
    assert other.post(f"/clinic/imports/left/{row.pk}/", {"act": "queue"}).status_code == 404


def test_what_a_page_asks_for_does_not_grow_with_the_rows(technician: Client) -> None:
    counts = []
    for start, size in ((100, 2), (200, 22)):
        rows = [GOOD.replace("M-1", f"M-{start + n}").replace("0001,", f"{start + n:04d},") for n in range(size)]
        send_file(technician, "\n".join([HEADER, *rows]))
        batch = ImportBatch.objects.latest("id")
        run_batch(batch.pk)
        with CaptureQueriesContext(connection) as queries:
            technician.get(f"/clinic/imports/{batch.pk}/")
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_the_task_is_queued_once_the_batch_is_committed(
    technician: Client, django_capture_on_commit_callbacks: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[Any] = []
    monkeypatch.setattr("celery.current_app.send_task", lambda name, args: sent.append((name, args)))
    with django_capture_on_commit_callbacks(execute=True):
        send_file(technician, "\n".join([HEADER, GOOD]))
    assert sent == [("screening.tasks.import_batch", [ImportBatch.objects.get().pk])]


def test_another_facility_sees_nothing_of_it(technician: Client, laboratory: Facility) -> None:
    send_file(technician, "\n".join([HEADER, GOOD, BAD]))
    batch = ImportBatch.objects.get()
    run_batch(batch.pk)
    other = signed_in(Role.LABORATORY, laboratory)
    address = f"/clinic/imports/{batch.pk}/"
    assert [other.get(address + path).status_code for path in ("", "errors.csv", "columns/")] == [404] * 3
    assert [other.post(address + path).status_code for path in ("decide/", "approve/", "cancel/", "undo/")] == [404] * 4
    assert other.get("/clinic/imports/").context["batches"] == []


@pytest.mark.parametrize(
    ("name", "text", "error"),
    [
        ("anh.png", "x", "Chỉ nhận tệp CSV, Excel (.xlsx), XML hoặc ASTM."),
        ("cu.xls", "x", "Đây là tệp Excel kiểu cũ (.xls). Hãy lưu lại thành .xlsx hoặc CSV rồi tải lên."),
        ("trong.csv", "", "Tệp không có nội dung nào."),
    ],
)
def test_wrong_files_are_refused_kindly(technician: Client, name: str, text: str, error: str) -> None:
    page = send_file(technician, text, name)
    assert page.context["form"].errors["file"] == [error]
    assert ImportBatch.objects.count() == 0


def test_a_file_too_large_is_refused(technician: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("screening.forms.files.LARGEST", 10)
    page = send_file(technician, GOOD)
    assert "Tệp quá lớn" in page.context["form"].errors["file"][0]


def test_a_file_that_is_no_table_is_refused_with_a_reason(technician: Client) -> None:
    send_file(technician, "xin chào")
    batch = ImportBatch.objects.get()
    run_batch(batch.pk)
    page = technician.get(f"/clinic/imports/{batch.pk}/").content.decode()
    assert "Không xử lý được tệp này" in page
    assert "Không tìm thấy dòng tiêu đề" in page


def test_the_list_refreshes_itself_while_something_moves(technician: Client) -> None:
    send_file(technician, "\n".join([HEADER, GOOD]))
    part = technician.get("/clinic/imports/", headers={"hx-request": "true"}).content.decode()
    assert "<html" not in part
    assert 'hx-trigger="every 2s"' in part
    run_batch(ImportBatch.objects.get().pk)
    part = technician.get("/clinic/imports/", headers={"hx-request": "true"}).content.decode()
    assert "Chờ bạn duyệt" in part
    assert "hx-trigger" not in part


@pytest.mark.parametrize("language", ["vi", "en"])
@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_the_template_is_a_file_that_is_taken(technician: Client, kind: str, language: str) -> None:
    technician.cookies["django_language"] = language
    content = technician.get(f"/clinic/imports/template.{kind}").content
    if kind == "xlsx":
        sheet = openpyxl.load_workbook(io.BytesIO(content)).active
        assert sheet["C2"].value == "000060000001"
        assert {sheet.cell(900, column).number_format for column in range(1, 15)} == {"@"}
    technician.post("/clinic/imports/", {"file": SimpleUploadedFile(f"mau.{kind}", content)})
    batch = run_batch(ImportBatch.objects.get().pk)
    assert batch
    assert (batch.state, batch.problem) == ("review", "")
    assert (batch.new, batch.failed) == (2, 0)


def test_the_help_names_every_test_of_the_protocols_and_so_does_its_refusal(technician: Client) -> None:
    keys = list(dict.fromkeys(test for programme in programmes() for test in current(programme).tests))
    assert {"fit", "hpv", "mammography", "afp", "ldct"} < set(keys)
    (column,) = (one for one in technician.get("/clinic/imports/").context["columns"] if one.also == "test")
    assert column.hint == f"Một trong: {', '.join(keys)}."
    assert all(named_test(key) for key in keys)
    technician.post(
        "/clinic/imports/", {"file": SimpleUploadedFile("a.csv", f"{HEADER}\n{GOOD}".replace("fit", "máu").encode())}
    )
    run_batch(ImportBatch.objects.get().pk)
    (problem,) = StagedRow.objects.get().problems
    assert problem[-1] == f"Không có xét nghiệm “máu”. Dùng một trong: {', '.join(keys)}."


@pytest.mark.parametrize(("language", "number"), [("vi", "1.234"), ("en", "1,234")])
def test_counts_of_lines_that_wait_are_grouped_as_the_language_does(language: str, number: str) -> None:
    with override(language):
        batch = ImportBatch(
            pk=7, filename="a.csv", processed=1234, failed=1234, state="done", created_at=timezone.now()
        )
        listed = render_to_string("clinic/import_list.html", {"batches": [batch]})
        reminder = render_to_string("clinic/worklist_reminder.html", {"reminder": {"overdue": 1234, "pk": 7}})
    assert (listed.count(number), reminder.count(number)) == (2, 1)
    assert "1234" not in listed + reminder
