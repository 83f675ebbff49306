"""Result files for tests, made by hand or from a row that is right."""

import csv
import io
from pathlib import Path
from typing import Any

from screening.imports.batches import batch_of_path, run_batch
from screening.imports.columns import VIETNAMESE, Column
from screening.models import ImportBatch

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
}
ENGLISH = [column.value for column in Column]
HEADINGS = [VIETNAMESE[column] for column in Column]


def row(**changes: Any) -> list[Any]:
    """A good row, with changes, in the order of the columns."""
    return list((GOOD | changes).values())


def person(number: int, **changes: Any) -> list[Any]:
    """A good row of the ``number``th person."""
    return row(**{"specimen_id": f"S{number:03d}", "citizen_id": f"000160{number:06d}"} | changes)


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
    """(new, corrected, unchanged, repeated, failed)."""
    return batch.new, batch.corrected, batch.unchanged, batch.repeated, batch.failed
