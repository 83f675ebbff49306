"""The file of bad rows: row, column and reason in front of the row as it came, to be mended and sent again."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from django.conf import settings
from django.utils.translation import gettext as _

from screening.imports.columns import VIETNAMESE, Column, Header
from screening.imports.rows import Problem
from screening.models import ImportBatch
from screening.statistics.csvfiles import harmless

_BOM: Final = b"\xef\xbb\xbf"  # by which Excel knows UTF-8


class ErrorFile:
    """Appends to a batch's file of bad rows. Only ``size`` bytes of it count: those of committed chunks."""

    def __init__(self, batch: ImportBatch, header: Header) -> None:
        self.batch, self.header = batch, header
        self.path = errors_path(batch)

    def append(self, rows: Iterable[tuple[Sequence[str], int, Sequence[Problem]]]) -> None:
        """Write rows (cells, row number, problems) after the committed part; the caller's commit makes them count."""
        text = io.StringIO(newline="")
        writer = csv.writer(text)
        if not self.batch.errors_bytes:
            writer.writerow([_("Dòng"), _("Cột"), _("Lý do"), *map(harmless, self.header.texts)])
        for cells, number, problems in rows:
            writer.writerow(
                [
                    number,
                    harmless("; ".join(dict.fromkeys(self.heading(one.column) for one in problems if one.column))),
                    harmless(" | ".join(self.told(one) for one in problems)),
                    *map(harmless, cells),
                ]
            )
        data = text.getvalue().encode()
        if not self.batch.errors_bytes:
            data = _BOM + data
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self.path.open("r+b" if self.path.exists() else "xb") as file:
            file.truncate(self.batch.errors_bytes)  # what a killed run wrote without commit
            file.seek(self.batch.errors_bytes)
            file.write(data)
        self.batch.errors_bytes += len(data)
        self.batch.errors_file = str(self.path.relative_to(settings.MEDIA_ROOT))

    def heading(self, column: Column) -> str:
        """The column's heading as the file has it."""
        place = self.header.places.get(column)
        return self.header.texts[place] if place is not None else VIETNAMESE[column]

    def told(self, problem: Problem) -> str:
        """The reason with its column."""
        return f"{self.heading(problem.column)}: {problem.reason}" if problem.column else problem.reason


def errors_path(batch: ImportBatch) -> Path:
    """Where the bad rows of a batch are kept."""
    return Path(settings.MEDIA_ROOT) / "imports" / str(batch.pk) / "errors.csv"


def first_errors(batch: ImportBatch, limit: int = 50) -> Iterator[tuple[str, str, str]]:
    """The first bad rows, for a page: (row number, columns, reasons)."""
    if not batch.errors_file:
        return
    with (Path(settings.MEDIA_ROOT) / batch.errors_file).open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file)
        next(reader, None)
        for count, cells in enumerate(reader, 1):
            if count > limit or len(cells) < 3:
                return
            yield cells[0], cells[1], cells[2]
