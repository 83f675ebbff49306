"""Opens an uploaded file by its content: a table (CSV, XLSX), health insurance's XML4, an analyser's ASTM records.

Each gives the same: a header and rows of cells. What only its owner can tell (what is in which column, which code means
which test) is asked for once and remembered.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from records.models import Facility
from screening.imports import xml4
from screening.imports.batches import remembered_columns
from screening.imports.columns import Column, Header, header_key, label
from screening.imports.reading import SourceRow, open_sheet, settle
from screening.imports.resembling import looks_like_ours, reads_positive
from screening.imports.tabular import own_header, own_rows
from screening.machines import astm
from screening.machines.codes import NOT_OURS, meant_by, table_of
from screening.models import ImportBatch

SAMPLE = 3
MOST_CODES = 300  # asked at once


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
    """Codes of the file have no test yet: ``codes`` are {"code", "name", "count", "example", "positive", "ours"}, the
    last two whether a value reads as positive and whether the name is like a test's."""


def open_batch(batch: ImportBatch) -> Opened:
    """The batch's file. Raises Unreadable, NeedsColumns, NeedsCodes, FileNotFoundError."""
    path = Path(settings.MEDIA_ROOT) / batch.file
    with path.open("rb") as file:
        start = file.read(64)
    if start.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        return _open_xml4(path, batch)
    if astm.looks_like(start):
        return _open_astm(path, batch)
    return _open_table(path, batch)


def _open_xml4(path: Path, batch: ImportBatch) -> Opened:
    contents = xml4.survey(path)
    table = table_of(batch.facility, "xml4")
    unknown = [
        _entry(code, contents.names[code], count, contents.examples[code], contents.values[code])
        for code, count in contents.codes.most_common()
        if code not in table
    ]
    _ask("xml4", unknown)
    ours = sum(count for code, count in contents.codes.items() if table[code])
    rows = own_rows(xml4.results(path, contents, table, _code_of(batch.facility)))
    return Opened("xml4", own_header(), rows, ours, _left_out(contents.rows - ours))


def _open_astm(path: Path, batch: ImportBatch) -> Opened:
    contents = astm.read_file(path)
    table = table_of(batch.facility, "astm")
    meant = {(code, name): meant_by(code, name, table) for code, name, _values in contents.results}
    counts = Counter((code, name) for code, name, _values in contents.results)
    examples = {(code, name): values[Column.RESULT] for code, name, values in reversed(contents.results)}
    if not (batch.auto and batch.facility):  # a machine's file waits for nobody: such results go to the queue
        sent = defaultdict(set)
        for code, name, values in contents.results:
            sent[code, name].add((values[Column.RESULT], values[Column.UNIT]))
        unknown = [key for key, test in meant.items() if test is None]
        _ask("astm", [_entry(*key, counts[key], examples[key], sent[key]) for key in unknown])
    ours = sum(counts[key] for key, test in meant.items() if test != NOT_OURS)
    notices = _left_out(len(contents.results) - ours)
    if contents.not_final:
        notices.append(_("{count} kết quả chưa chính thức đã được bỏ qua.").format(count=contents.not_final))
    rows = own_rows(astm.rows_of(contents, table, _code_of(batch.facility)))
    return Opened("astm", own_header(), rows, ours, notices)


def _entry(code: str, name: str, count: int, example: str, values: Iterable[tuple[str, str]]) -> dict[str, Any]:
    hints = {"positive": reads_positive(values), "ours": looks_like_ours(code, name)}
    return {"code": code, "name": name, "count": count, "example": example} | hints


def _ask(form: str, unknown: list[dict[str, Any]]) -> None:
    """Ask what the codes mean that nobody has told yet."""
    if unknown:
        named = ", ".join(f"{entry['code']} {entry['name']}".strip() for entry in unknown[:20])
        text = _("Chưa biết các mã sau là xét nghiệm nào: {codes}.").format(codes=named)
        raise NeedsCodes(text, form=form, header=own_header(), sample=[], codes=unknown[:MOST_CODES])


def _left_out(count: int) -> list[str]:
    return [_("{count} kết quả không thuộc sàng lọc đã được bỏ qua.").format(count=count)] if count else []


def _code_of(facility: str | None) -> str:
    return Facility.objects.filter(pk=facility).values_list("code", flat=True).first() or ""


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
