"""Reads CSV and XLSX files row by row, never a whole file at once.

What differs between files is settled here: encoding, delimiter, title lines above the header, numbers and dates of
Excel. What a row means is settled in ``rows``. (Of an XLSX file the library keeps the table of shared texts in memory.)
"""

import codecs
import csv
import io
import unicodedata
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import IO, Any, Final

from django.utils.translation import gettext as _

from screening.imports.columns import Header, label, recognise
from screening.imports.records import MAX_LINE, records

Cell = str | date
HEADER_WITHIN: Final = 20  # rows that may stand above the header: titles, the name of the clinic
_ENOUGH: Final = 4  # columns recognised in a row make it the header
_FEWEST: Final = 3  # columns that a table of results must have for somebody to say what they are
_DELIMITERS: Final = ",;\t|"
_MAX_CELL_XLSX: Final = 32_767  # Excel's own bound
_MAX_UNPACKED: Final = 512 * 1024**2  # of all sheets; they are read row by row
_MAX_HELD: Final = 64 * 1024**2  # of all else in a workbook, which openpyxl holds in memory
_MAX_RATIO: Final = 200  # unpacked to packed, of what is large: sheets come to 10-50, bombs to 1000
_INVISIBLE: Final = {ord(char): None for char in "\u200b\u200c\u200d\u2060\ufeff\u00ad"} | {0xA0: " ", 0x202F: " "}


class Unreadable(Exception):
    """The file as a whole cannot be used; the message says why, in the active language."""


@dataclass(frozen=True, slots=True)
class SourceRow:
    """One row: its number as a spreadsheet counts (the header's line included), its cells, and as texts as it came.

    ``damage`` says why a row could not be split into columns."""

    number: int
    cells: Sequence[Cell]
    texts: list[str]
    damage: str = ""


@dataclass(slots=True)
class Sheet:
    """An opened file: its header, what its uploader should know about it, roughly how many rows, and the rows."""

    header: Header
    rows: Iterator[SourceRow]
    estimate: int
    notices: list[str] = field(default_factory=list)


def open_sheet(path: Path) -> Sheet:
    """Open a table by its content; raises ``Unreadable``. Whether its columns suffice is for ``settle``."""
    with path.open("rb") as file:
        start = file.read(8)
    if not start:
        raise Unreadable(_("Tệp không có nội dung nào."))
    if start.startswith(b"PK\x03\x04"):
        return _open_xlsx(path)
    if start.startswith(b"\xd0\xcf\x11\xe0"):
        raise Unreadable(
            _("Đây là tệp Excel kiểu cũ (.xls) hoặc có mật khẩu. Hãy lưu lại thành .xlsx hoặc CSV không có mật khẩu.")
        )
    return _open_csv(path)


def clean(text: str) -> str:
    """A cell's text as people see it: composed letters, no invisible characters, no blanks around.

    A leading apostrophe in front of a formula sign is the guard that our own files of bad rows put there.
    """
    text = unicodedata.normalize("NFC", text).translate(_INVISIBLE).strip()
    return text[1:] if len(text) > 1 and text[0] == "'" and text[1] in "=+-@" else text


def settle(header: Header) -> list[str]:
    """Refuse a header that cannot serve; the notices about one that can."""
    if header.twice:
        raise Unreadable(_("Cột xuất hiện hai lần: {columns}.").format(columns=", ".join(map(label, header.twice))))
    if header.missing:
        raise Unreadable(_("Thiếu cột bắt buộc: {columns}.").format(columns=", ".join(map(label, header.missing))))
    if header.extra:
        return [_("Các cột không dùng đến đã được bỏ qua: {columns}.").format(columns=", ".join(header.extra))]
    return []


def _rows(header: Header, numbered: Iterator[tuple[int, Sequence[Cell], str]]) -> Iterator[SourceRow]:
    width = len(header.texts)
    for number, cells, damage in numbered:
        cleaned = [clean(cell) if isinstance(cell, str) else cell for cell in cells]
        if not any(cleaned):
            continue
        texts = [cell.strftime("%d/%m/%Y") if isinstance(cell, date) else cell for cell in cleaned]
        if any(cleaned[width:]) and not damage:
            damage = _("Dòng có nhiều ô hơn dòng tiêu đề (trong CSV, ô chứa dấu phân cách phải đặt trong ngoặc kép).")
        yield SourceRow(number, cleaned, texts, damage)


# CSV


def _open_csv(path: Path) -> Sheet:
    encoding, lines, notices = _encoding_of(path)
    with path.open(encoding=encoding, newline="") as file:
        head = [file.readline(MAX_LINE) for _line in range(HEADER_WITHIN)]
    number, delimiter, header = _find_header(head)
    return Sheet(header, _rows_of_csv(path, encoding, delimiter, number, header), max(lines - number, 0), notices)


def _encoding_of(path: Path) -> tuple[str, int, list[str]]:
    """The encoding and the number of lines. UTF-8 unless a mark or the bytes themselves say otherwise."""
    with path.open("rb") as file:
        start = file.read(4096)
        encoding = "utf-8-sig"
        if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            encoding = "utf-16"
        elif b"\0" in start:
            encoding = "utf-16-le" if start[1::2].count(0) > start[::2].count(0) else "utf-16-be"
            if max(start[::2].count(0), start[1::2].count(0)) < len(start) // 4:
                raise Unreadable(_("Tệp không phải là CSV hay XLSX."))
        file.seek(0)
        lines, failed = _count_lines(file, encoding)
        if not failed:
            return encoding, lines, []
        file.seek(0)
        lines, failed = _count_lines(file, "cp1258")
        if failed or encoding != "utf-8-sig":
            raise Unreadable(_("Không đọc được bảng mã của tệp. Hãy lưu lại thành CSV UTF-8 hoặc XLSX."))
    return "cp1258", lines, [_("Tệp không phải UTF-8, đã đọc theo Windows-1258. Hãy kiểm tra lại dấu trong họ tên.")]


def _count_lines(file: IO[bytes], encoding: str) -> tuple[int, bool]:
    decoder = codecs.getincrementaldecoder(encoding)()
    lines, last = 0, "\n"
    try:
        while block := file.read(1 << 16):
            if text := decoder.decode(block):
                lines, last = lines + text.count("\n"), text[-1]
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return lines, True
    return lines + (last != "\n"), False


def _find_header(head: list[str]) -> tuple[int, str, Header]:
    """The header's row number, the delimiter and the header: the row in which most columns are recognised."""
    best: tuple[int, int, str, Header] | None = None
    for delimiter in _DELIMITERS:
        for number, texts in enumerate(_readable(csv.reader(io.StringIO("".join(head)), delimiter=delimiter)), 1):
            header = recognise([clean(text) for text in texts])
            if best is None or _better(header, best[3]):
                best = (len(header.places), number, delimiter, header)
    if best is None or (best[0] == 0 and len(best[3].texts) < _FEWEST):
        raise Unreadable(_("Không tìm thấy dòng tiêu đề với tên các cột."))
    return best[1:]


def _better(header: Header, than: Header) -> bool:
    """Whether a row is the likelier header: more columns recognised; if none in either, more texts side by side."""
    if header.places or than.places:
        return len(header.places) > len(than.places)
    return sum(map(bool, header.texts)) > sum(map(bool, than.texts))


def _readable(reader: Iterator[list[str]]) -> Iterator[list[str]]:
    with suppress(csv.Error):
        yield from reader


def _rows_of_csv(path: Path, encoding: str, delimiter: str, after: int, header: Header) -> Iterator[SourceRow]:
    with path.open(encoding=encoding, newline="") as file:
        found = records(file, delimiter, width=len(header.texts))
        yield from _rows(header, ((number, *record) for number, record in enumerate(found, 1) if number > after))


# XLSX


def _open_xlsx(path: Path) -> Sheet:
    from openpyxl import load_workbook
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        with zipfile.ZipFile(path) as archive:
            _check_size(archive.infolist())
        # the open file, for openpyxl refuses a name that does not end in .xlsx; it reads from it until the last row
        book = load_workbook(path.open("rb"), read_only=True, data_only=True)
    except (zipfile.BadZipFile, InvalidFileException, KeyError, ValueError, OSError) as error:
        raise Unreadable(_("Không đọc được tệp Excel: tệp bị hỏng hoặc có mật khẩu.")) from error
    best: tuple[int, Any, int, Header] | None = None
    for sheet in book.worksheets:
        sheet.reset_dimensions()
        for number, cells in enumerate(sheet.iter_rows(max_row=HEADER_WITHIN, values_only=True), 1):
            header = recognise([clean(cell[:_MAX_CELL_XLSX]) if isinstance(cell, str) else "" for cell in cells])
            if best is None or _better(header, best[3]):
                best = (len(header.places), sheet, number, header)
        if best and best[0] >= _ENOUGH:
            break
    if best is None or (best[0] == 0 and len(best[3].texts) < _FEWEST):
        raise Unreadable(_("Không tìm thấy dòng tiêu đề với tên các cột."))
    _count, sheet, number, header = best
    notices: list[str] = []
    if len(book.worksheets) > 1:
        notices.append(_("Chỉ đọc trang tính “{name}”; các trang khác được bỏ qua.").format(name=sheet.title))
    return Sheet(header, _rows(header, _rows_of_xlsx(sheet, number)), _rows_in(path, sheet, number), notices)


def _check_size(entries: Sequence[zipfile.ZipInfo]) -> None:
    """Refuse a workbook that would fill the memory. (More than an entry says of itself is never unpacked.)"""
    held = sum(entry.file_size for entry in entries if "/worksheets/" not in entry.filename)
    dense = any(entry.file_size > _MAX_HELD and entry.file_size > _MAX_RATIO * entry.compress_size for entry in entries)
    if dense or held > _MAX_HELD or sum(entry.file_size for entry in entries) > _MAX_UNPACKED:
        raise Unreadable(_("Tệp quá lớn khi giải nén. Hãy chia nhỏ hoặc lưu thành CSV."))


def _rows_in(path: Path, sheet: Any, after: int) -> int:
    """Excel writes the size of the sheet near its beginning; 0 if this program did not."""
    from openpyxl import load_workbook

    with path.open("rb") as file:
        size = load_workbook(file, read_only=True)[sheet.title].max_row
    return max(size - after, 0) if size else 0


def _rows_of_xlsx(sheet: Any, after: int) -> Iterator[tuple[int, Sequence[Cell], str]]:
    for number, cells in enumerate(sheet.iter_rows(min_row=after + 1, values_only=True), after + 1):
        yield number, [_cell(value) for value in cells], ""


def _cell(value: Any) -> Cell:
    if value is None:
        return ""
    if isinstance(value, str):
        return value[: _MAX_CELL_XLSX + 1]
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, float):  # Excel keeps 15 digits; more would show 12.300000000000001
        return str(int(value)) if value.is_integer() else f"{value:.15g}"
    return str(value)
