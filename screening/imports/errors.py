"""The file of rows that were not taken: row, column and reason in front of the row as it came, to be mended and sent
again. Written row by row from the staged rows, with nothing in it that a spreadsheet would run."""

import csv
import io
from collections.abc import Iterator

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from healthhub.web.spreadsheets import harmless
from screening.imports.columns import VIETNAMESE, Column, Header
from screening.imports.leaving import why_left
from screening.models import ImportBatch, RowKind, RowState, StagedRow


def error_rows(batch: ImportBatch) -> QuerySet[StagedRow]:
    """The rows that were refused, left out by the reviewer, or could not be undone."""
    return batch.rows.filter(Q(kind=RowKind.ERROR) | Q(state__in=(RowState.LEFT, RowState.KEPT))).order_by("row")


def error_lines(batch: ImportBatch) -> Iterator[bytes]:
    """The CSV file, as UTF-8 with the mark by which Excel knows it."""
    header = Header(tuple(batch.header), {}, (), ()).mapped(batch.columns)
    yield b"\xef\xbb\xbf" + _line([_("Dòng"), _("Cột"), _("Lý do"), *map(harmless, header.texts)])
    for one in error_rows(batch).iterator(chunk_size=1000):
        columns, reasons = told(one, header)
        yield _line([one.row, harmless(columns), harmless(reasons), *map(harmless, one.texts)])


def told(one: StagedRow, header: Header) -> tuple[str, str]:
    """(columns, reasons) of a row, by the headings of its file."""
    if one.state == RowState.LEFT:
        return "", why_left(one)
    problems = [(_heading(column, header), reason) for column, reason, *_code in one.problems]
    columns = dict.fromkeys(name for name, _reason in problems if name)
    return "; ".join(columns), " | ".join(f"{name}: {reason}" if name else reason for name, reason in problems)


def _heading(column: str, header: Header) -> str:
    if not column:
        return ""
    place = header.places.get(Column(column))
    return header.texts[place] if place is not None else VIETNAMESE[Column(column)]


def _line(cells: list[object]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerow(cells)
    return text.getvalue().encode()
