"""Uploading a file of results in the clinic, and reading what became of it."""

import io
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pytest_django import Settings

from healthhub.accounts.actors import Role
from records.models import Facility
from screening.imports.batches import run_batch
from screening.models import ImportBatch, ScreeningResult
from tests.screening.clinic_room import signed_in

pytestmark = pytest.mark.django_db

HEADER = "Mã cơ sở,Mã mẫu,Số định danh,Họ và tên,Ngày sinh,Giới tính,Xét nghiệm,Ngày lấy mẫu,Kết quả,Đơn vị"
GOOD = '01901,M-1,000160000001,Nguyễn Văn Đức,12/03/1960,Nam,fit,06/05/2024,"12,5",µg/g'
BAD = "01901,M-2,000160000002,Lê Văn Bình,12/03/1960,Nam,fit,06/05/2024,nhiều,µg/g"


@pytest.fixture(autouse=True)
def _media(settings: Settings, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def technician(station: Facility) -> Client:
    return signed_in(Role.LABORATORY, station)


def send_file(client: Client, text: str, name: str = "ket-qua.csv") -> Any:
    return client.post("/clinic/imports/", {"file": SimpleUploadedFile(name, text.encode())})


def test_an_uploaded_file_is_queued_run_and_reported(technician: Client) -> None:
    answer = send_file(technician, "\n".join([HEADER, GOOD, BAD]))
    batch = ImportBatch.objects.get()
    assert answer.headers["Location"] == f"/clinic/imports/{batch.pk}/"
    page = technician.get(f"/clinic/imports/{batch.pk}/")
    assert 'hx-trigger="every 2s"' in page.content.decode()

    run_batch(batch.pk)
    page = technician.get(f"/clinic/imports/{batch.pk}/")
    assert 'hx-trigger="every 2s"' not in page.content.decode()
    done = page.context["batch"]
    assert (done.new, done.corrected, done.unchanged, done.failed) == (1, 0, 0, 1)
    assert [(row, column) for row, column, _reason in page.context["errors"]] == [("3", "Kết quả")]
    assert ScreeningResult.objects.get().specimen_id == "M-1"

    errors = technician.get(f"/clinic/imports/{batch.pk}/errors.csv")
    assert errors.headers["Content-Disposition"] == f'attachment; filename="healthhub-errors-{batch.pk}.csv"'
    assert errors.content.decode("utf-8-sig").splitlines()[1].startswith("3,Kết quả,")


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
    paths = [f"/clinic/imports/{batch.pk}/", f"/clinic/imports/{batch.pk}/errors.csv"]
    assert [other.get(path).status_code for path in paths] == [404, 404]
    assert other.get("/clinic/imports/").context["batches"] == []


@pytest.mark.parametrize(
    ("name", "text", "error"),
    [
        ("anh.png", "x", "Chỉ nhận tệp CSV hoặc Excel (.xlsx)."),
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


def test_a_file_without_the_columns_says_which(technician: Client) -> None:
    send_file(technician, "Họ và tên,Ngày sinh\nA,B")
    batch = ImportBatch.objects.get()
    run_batch(batch.pk)
    page = technician.get(f"/clinic/imports/{batch.pk}/").content.decode()
    assert "Không xử lý được tệp này" in page
    assert "specimen_id (Mã mẫu)" in page


def test_the_list_refreshes_itself_while_something_moves(technician: Client) -> None:
    send_file(technician, "\n".join([HEADER, GOOD]))
    part = technician.get("/clinic/imports/", headers={"hx-request": "true"}).content.decode()
    assert "<html" not in part
    assert 'hx-trigger="every 2s"' in part
    run_batch(ImportBatch.objects.get().pk)
    part = technician.get("/clinic/imports/", headers={"hx-request": "true"}).content.decode()
    assert "Đã xong" in part
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
    assert (batch.state, batch.problem) == ("done", "")
    assert (batch.new, batch.failed) == (2, 0)
