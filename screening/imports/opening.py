"""Opens an uploaded file by its content: a table (CSV, XLSX), health insurance's XML4, an analyser's ASTM records.

Each gives the same: a header and rows of cells. What only its owner can tell (what is in which column, which code means
which test) is asked for once and remembered.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from screening.imports.batches import remembered_columns
from screening.imports.columns import Column, Header, header_key, label
from screening.imports.reading import SourceRow, open_sheet, settle
from screening.models import ImportBatch

SAMPLE = 3


@dataclass(slots=True)
class Opened:
    """A file that can be read."""

    form: str
    header: Header
    rows: Iterator[SourceRow]
    estimate: int
    notices: list[str] = field(default_factory=list)
    sample: list[list[str]] = field(default_factory=list)


class Needs(Exception):
    """A file that cannot be read before its owner has told something."""

    def __init__(self, text: str, *, form: str, header: Header, sample: list[list[str]], codes: list[Any]) -> None:
        super().__init__(text)
        self.form, self.header, self.sample, self.codes = form, header, sample, codes


class NeedsColumns(Needs):
    """Required columns were not recognised."""


class NeedsCodes(Needs):
    """Codes of the file have no test yet: ``codes`` are {"code", "name", "count", "example"}."""


def open_batch(batch: ImportBatch) -> Opened:
    """The batch's file. Raises Unreadable, NeedsColumns, NeedsCodes, FileNotFoundError."""
    path = Path(settings.MEDIA_ROOT) / batch.file
    return _open_table(path, batch)


def _open_table(path: Path, batch: ImportBatch) -> Opened:
    sheet = open_sheet(path)
    sample = [row.texts for row in islice(open_sheet(path).rows, SAMPLE)]
    columns = batch.columns or remembered_columns(batch.facility, header_key(sheet.header.texts))
    header = sheet.header.mapped(columns) if columns else sheet.header
    if (header.missing or header.twice) and not batch.auto:
        text = _("Thiếu cột bắt buộc: {columns}.").format(columns=", ".join(map(label, header.missing)))
        raise NeedsColumns(text, form="table", header=header, sample=sample, codes=[])
    notices = settle(header) + sheet.notices
    return Opened("table", header, sheet.rows, sheet.estimate, notices, sample)


__all__ = ["Column", "Needs", "NeedsCodes", "NeedsColumns", "Opened", "open_batch"]
