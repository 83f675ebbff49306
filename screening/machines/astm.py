"""Reads the records of ASTM E1394 (H, P, O, R, C, L), as analysers write them into files, with or without the frames of
E1381 around them. A result belongs to the patient and order above it."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from django.utils.translation import gettext as _

from records.identifiers import Malformed, parse_cccd, parse_insurance_number
from screening.imports.columns import Column
from screening.imports.reading import Unreadable
from screening.imports.tabular import day
from screening.machines.codes import NOT_OURS, meant_by
from screening.machines.ranges import cutoff_in, usable

LARGEST: Final = 64 * 1024 * 1024
_FRAME: Final = re.compile(rb"\x02([0-7])([^\x02\x03\x17]*)([\x03\x17])([0-9A-Fa-f]{2})\r?\n?", re.DOTALL)
_BETWEEN: Final = re.compile(rb"[\x04\x05\x06\s]*")
_FINAL: Final = frozenset({"F", "C", "V", "R", ""})
_NUMBERED: Final = re.compile(r"(<=|>=|<|>)?\s*\d+([.,]\d+)?")


@dataclass(slots=True)
class Contents:
    """The results of a file by code and name; ``left_out`` counts those that are none of ours or not final."""

    results: list[tuple[str, str, dict[Column, str]]] = field(default_factory=list)
    not_final: int = 0


def looks_like(start: bytes) -> bool:
    """Whether a file that begins so holds ASTM records."""
    return bool(re.match(rb"(?:[\x05\s]*\x02[0-7])?H[^\w\s]", start.lstrip(b"\xef\xbb\xbf")))


def read_file(path: Path) -> Contents:
    """All results of the file, whole messages only. Raises Unreadable."""
    if path.stat().st_size > LARGEST:
        raise Unreadable(_("Tệp quá lớn. Hãy chia nhỏ."))
    raw = _unframed(path.read_bytes())
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("cp1258", "replace")
    found, message, open_since = Contents(), _Message(""), 0
    for number, line in enumerate(re.split(r"[\r\n]+", text), 1):
        kind = line[:1].upper()
        if not line.strip():
            continue
        if kind == "H":
            if open_since:
                raise _cut(open_since)
            message, open_since = _Message(line), number
        elif not open_since:
            raise Unreadable(_("Dòng {number}: bản ghi đứng ngoài một thông điệp (H … L).").format(number=number))
        elif kind == "L":
            found.results += message.results
            found.not_final += message.not_final
            open_since = 0
        else:
            message.take(kind, line)
    if open_since:
        raise _cut(open_since)
    if not found.results and not found.not_final:
        raise Unreadable(_("Tệp không có kết quả nào."))
    return found


def rows_of(contents: Contents, table: Mapping[str, str], facility: str) -> Iterator[dict[Column, str]]:
    """The results that are tests of ours, in our columns."""
    for code, name, values in contents.results:
        test = meant_by(code, name, table)
        if test != NOT_OURS:
            yield {Column.FACILITY_CODE: facility, **values, Column.TEST: test or code or name}


class _Message:
    """One message, H to L, by the separators that its header names."""

    def __init__(self, header: str) -> None:
        marks = header[1:5].ljust(4)
        self.bar, self.repeat, self.component, self.escape = tuple(marks if header else "|\\^&")
        self.person: dict[Column, str] = {}
        self.order: dict[Column, str] = {}
        self.order_code: list[str] = []
        self.results: list[tuple[str, str, dict[Column, str]]] = []
        self.not_final = 0
        self.remarked: dict[Column, str] | None = None  # the result that a C record speaks of

    def take(self, kind: str, line: str) -> None:
        fields = line.split(self.bar)
        if kind in "POR":
            self.remarked = None
        if kind == "P":
            self.person, self.order, self.order_code = self._person(fields), {}, []
        elif kind == "O":
            self.order = self._order(fields)
            self.order_code = self._parts(fields, 5)
        elif kind == "R":
            self._result(fields)
        elif kind == "C" and self.remarked is not None and len(fields) > 3:
            values = self.remarked
            note = " ".join(part for part in self._parts(fields, 4) if part)
            values[Column.NOTE] = "\n".join(filter(None, [values.get(Column.NOTE, ""), note]))[:2000]

    def _parts(self, fields: list[str], number: int) -> list[str]:
        text = fields[number - 1] if number <= len(fields) else ""
        return [self._plain(part) for part in text.split(self.repeat)[0].split(self.component)]

    def _plain(self, text: str) -> str:
        marks = {"F": self.bar, "S": self.component, "R": self.repeat, "E": self.escape}
        escape = re.escape(self.escape)
        return re.sub(f"{escape}([FSRE]){escape}", lambda found: marks[found[1]], text).strip()

    def _first(self, fields: list[str], number: int) -> str:
        return self._parts(fields, number)[0]

    def _person(self, fields: list[str]) -> dict[Column, str]:
        family, given, middle = [*self._parts(fields, 6), "", "", ""][:3]
        number = ""
        for place in (3, 4, 5):  # practice's, laboratory's and third id: one may be hers
            number = number or _number(self._first(fields, place))
        return {
            Column.CITIZEN_ID: number,
            Column.FULL_NAME: " ".join(part for part in (family, middle, given) if part),
            Column.BIRTH_DATE: day(self._first(fields, 8)),
            Column.SEX: {"F": "F", "M": "M"}.get(self._first(fields, 9).upper(), ""),
        }

    def _order(self, fields: list[str]) -> dict[Column, str]:
        collected = self._first(fields, 8) or self._first(fields, 7)
        return {
            Column.SPECIMEN_ID: self._first(fields, 3) or self._first(fields, 4),
            Column.COLLECTED_ON: day(collected),
        }

    def _result(self, fields: list[str]) -> None:
        if self._first(fields, 9).upper() not in _FINAL:
            self.not_final += 1
            return
        code, name = _test(self._parts(fields, 3))
        if not code and not name:
            code, name = _test(self.order_code)
        resulted = day(self._first(fields, 13))
        value = next((part for part in self._parts(fields, 4) if part), "")
        measured = bool(_NUMBERED.fullmatch(value))
        bound = cutoff_in(self._first(fields, 6)) if measured else None
        values = {
            **self.person,
            **self.order,
            Column.RESULT: value,
            Column.UNIT: self._first(fields, 5) if measured else "",
            Column.RESULTED_ON: resulted,
            Column.CUTOFF: usable(bound, value) if bound else "",
        }
        values[Column.COLLECTED_ON] = values.get(Column.COLLECTED_ON) or resulted
        self.results.append((code, name, values))
        self.remarked = values


def _test(parts: list[str]) -> tuple[str, str]:
    """(code, name) of a universal test id: id^name^type^local code."""
    universal, name, _type, local = [*parts, "", "", "", ""][:4]
    return local or universal, name


def _number(text: str) -> str:
    """A citizen's number, if the text is one; machines hold all sorts of ids."""
    for parse in (parse_cccd, parse_insurance_number):
        try:
            if len(text) in (12, 15):
                return parse(text).value
        except Malformed:
            continue
    return ""


def _unframed(raw: bytes) -> bytes:
    """The text of E1381's frames, each with its checksum right; a file without frames as it is."""
    if b"\x02" not in raw:
        return raw.strip(b"\x04\x05")
    parts: list[bytes] = []
    end = raw.index(b"\x02")
    for frame in _FRAME.finditer(raw):
        told = int(frame[4], 16)
        if frame.start() != end or sum(frame[1] + frame[2] + frame[3]) % 256 != told:
            break
        parts.append(frame[2])
        between = _BETWEEN.match(raw, frame.end())
        end = between.end() if between else frame.end()
    if raw[end:].strip(b"\x04\x05\x06\r\n "):
        raise Unreadable(_("Một khung truyền bị hỏng hoặc sai tổng kiểm tra; hãy gửi lại tệp từ máy."))
    return b"".join(parts)


def _cut(line: int) -> Unreadable:
    return Unreadable(
        _("Thông điệp bắt đầu ở dòng {number} không có bản ghi kết thúc (L): tệp bị cắt.").format(number=line)
    )
