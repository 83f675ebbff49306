"""Result files for tests, made by hand or from a row that is right."""

import csv
import io
import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from fhir.models import Resource, ResourceVersion
from records.models import Citizen
from screening.imports import lanes, running
from screening.imports.batches import batch_of_path
from screening.imports.columns import VIETNAMESE, Column
from screening.imports.errors import error_lines
from screening.imports.running import run_batch
from screening.models import ImportBatch, ScreeningResult

GOOD = {
    "facility_code": "01901",
    "specimen_id": "S001",
    "citizen_id": "000160000001",
    "full_name": "Nguyễn Thị Lan",
    "birth_date": "12/03/1960",
    "sex": "Nữ",
    "phone": "0912345678",
    "area_code": "00175",
    "test": "fit",
    "collected_on": "06/05/2024",
    "result": "12,5",
    "unit": "µg/g",
    "resulted_on": "08/05/2024",
    "note": "",
    "kit": "",
    "cutoff": "",
    "density": "",
}
_MIDDLE = [
    "An",
    "Bích",
    "Cẩm",
    "Diệu",
    "Gia",
    "Hà",
    "Khánh",
    "Lệ",
    "Mai",
    "Ngọc",
    "Oanh",
    "Phương",
    "Quỳnh",
    "Sao",
    "Thu",
    "Uyên",
    "Vân",
    "Xuân",
    "Yến",
    "Ánh",
]
_GIVEN = [
    "Bình",
    "Chi",
    "Dung",
    "Giang",
    "Hạnh",
    "Hoa",
    "Hương",
    "Lan",
    "Liên",
    "Loan",
    "Nga",
    "Nhung",
    "Như",
    "Phúc",
    "Tâm",
    "Thảo",
    "Thúy",
    "Trang",
    "Tuyết",
    "Yên",
]
ENGLISH = [column.value for column in Column]
HEADINGS = [VIETNAMESE[column] for column in Column]


def row(**changes: Any) -> list[Any]:
    """A good row, with changes, in the order of the columns."""
    return list((GOOD | changes).values())


def person(number: int, **changes: Any) -> list[Any]:
    """A good row of the ``number``th person, who shares name and birth date with none of the next thousands."""
    who = {
        "specimen_id": f"S{number:03d}",
        "citizen_id": f"000160{number:06d}",
        "full_name": f"Nguyễn Thị {_MIDDLE[number // 365 % 20]} {_GIVEN[number // 7300 % 20]}",
        "birth_date": f"{date(1960, 1, 1) + timedelta(days=number % 365):%d/%m/%Y}",
    }
    return row(**who | changes)


def csv_text(rows: list[list[Any]], *, header: list[str] = ENGLISH, delimiter: str = ",") -> str:
    """Rows as CSV under a header."""
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter).writerows([header, *rows])
    return text.getvalue()


def write_xlsx(path: Path, rows: list[list[Any]], *, header: list[str] = HEADINGS) -> Path:
    """Rows as an Excel file."""
    from openpyxl import Workbook

    book = Workbook()
    assert book.active is not None
    for cells in [header, *rows]:
        book.active.append(cells)
    book.save(path)
    return path


def take(path: Path, content: str | bytes | None = None) -> ImportBatch:
    """Write the content (unless the file is there) and import it as the command does."""
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    batch = run_batch(batch_of_path(path).pk)
    assert batch is not None
    return batch


def told(batch: ImportBatch) -> tuple[int, int, int, int, int]:
    """(results that were not there, whether of somebody new or known; corrected, unchanged, repeated, failed)."""
    return batch.new + batch.matched, batch.corrected, batch.unchanged, batch.repeated, batch.failed


def errors_file(batch: ImportBatch) -> bytes:
    """The file of rows that were not taken."""
    return b"".join(error_lines(batch))


def errors_of(batch: ImportBatch) -> list[list[str]]:
    """[row, columns, reasons] of each of them."""
    return [line[:3] for line in list(csv.reader(io.StringIO(errors_file(batch).decode("utf-8-sig"))))[1:]]


def observations() -> list[dict[str, Any]]:
    """All stored Observations."""
    return [json.loads(text) for text in Resource.objects.filter(type="Observation").values_list("content", flat=True)]


def everything() -> tuple[Any, ...]:
    """What a file may change, as plain values."""
    return (
        sorted(Resource.objects.values_list("type", "id", "version", "content")),
        ResourceVersion.objects.count(),
        sorted(ScreeningResult.objects.values_list("observation_id", "patient_id", "category", "version")),
        sorted(Citizen.objects.values_list("patient_id", "cccd")),
    )


def chunks_of(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    """Have a run work on so many rows at a time."""
    monkeypatch.setattr(running, "CHUNK", size)
    monkeypatch.setattr(lanes, "CHUNK", size)


def run_on(batch_id: int) -> ImportBatch:
    """A batch after its next run, which must find it."""
    batch = run_batch(batch_id)
    assert batch is not None
    return batch
