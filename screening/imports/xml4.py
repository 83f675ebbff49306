"""Health insurance's XML4 (QĐ 130/QĐ-BYT, 4750/QĐ-BYT: laboratory results), with the person and visit from XML1.

Two forms: the tables as they are, or each as base64 in a FILEHOSO of a GIAMDINHHS wrapper. XML4 names no tube and no
day of collection: the visit (MA_LK) stands for the tube, its day of admission (else the result's) for the day. What a
code means is the facility's to say, once. XML comes from outside: entities and DTDs are refused (defusedxml).
"""

import base64
import binascii
import io
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import iterparse
from django.utils.translation import gettext as _

from records.identifiers import Malformed, parse_cccd, parse_facility_code, parse_insurance_number, parse_phone
from screening.imports.columns import Column
from screening.imports.reading import Unreadable
from screening.imports.tabular import day

LARGEST: Final = 64 * 1024 * 1024  # bytes of one table in a wrapper, unpacked
MOST_VISITS: Final = 300_000
_DEEPEST: Final = 32
_MOST_VALUES: Final = 5000  # different ones of a code that are kept, with their units
_SEXES: Final = {"1": "Nam", "2": "Nữ"}
_CLOSES: Final = ("CHI_TIET_CLS", "TONG_HOP", "FILEHOSO")


@dataclass(slots=True)
class Contents:
    """What a first reading of the file gives: people by visit, and its codes with an example of each."""

    visits: dict[str, dict[Column, str]] = field(default_factory=dict)
    codes: Counter[str] = field(default_factory=Counter)
    names: dict[str, str] = field(default_factory=dict)
    examples: dict[str, str] = field(default_factory=dict)
    values: defaultdict[str, set[tuple[str, str]]] = field(default_factory=lambda: defaultdict(set))
    rows: int = 0


def survey(path: Path) -> Contents:
    """Read the file once for its people and codes. Raises Unreadable."""
    found = Contents()
    for tag, values in _records(path):
        if tag == "TONG_HOP":
            if len(found.visits) >= MOST_VISITS:
                raise Unreadable(_("Tệp có quá nhiều lượt khám. Hãy chia nhỏ."))
            found.visits[values.get("MA_LK", "")] = _person(values)
        else:
            code = code_of(values)
            found.codes[code] += 1
            found.names.setdefault(code, values.get("TEN_CHI_SO", ""))
            found.examples.setdefault(code, f"{_value(values)[0]} {values.get('DON_VI_DO', '')}".strip())
            if len(found.values[code]) < _MOST_VALUES:
                found.values[code].add((_value(values)[0], values.get("DON_VI_DO", "")))
            found.rows += 1
    if not found.rows:
        raise Unreadable(_("Tệp XML không có kết quả cận lâm sàng nào (XML4)."))
    return found


def results(path: Path, contents: Contents, tests: Mapping[str, str], facility: str) -> Iterator[dict[Column, str]]:
    """The results whose code is a test of ours, in our columns. ``facility`` is for visits that name none."""
    for tag, values in _records(path):
        if tag == "TONG_HOP":
            continue
        test = tests.get(code_of(values))
        if not test:
            continue
        person = contents.visits.get(values.get("MA_LK", ""), {})
        value, note = _value(values)
        resulted = day(values.get("NGAY_KQ", ""))
        yield {
            Column.FACILITY_CODE: facility,
            **person,
            Column.SPECIMEN_ID: values.get("MA_LK", ""),
            Column.TEST: test,
            Column.COLLECTED_ON: person.get(Column.COLLECTED_ON) or resulted,
            Column.RESULT: value,
            Column.UNIT: values.get("DON_VI_DO", ""),
            Column.RESULTED_ON: resulted,
            Column.NOTE: note,
        }


def code_of(values: Mapping[str, str]) -> str:
    """What a facility's table knows a result by."""
    return f"{values.get('MA_DICH_VU', '')}/{values.get('MA_CHI_SO', '')}"[:200]


def _value(values: Mapping[str, str]) -> tuple[str, str]:
    """(result, note): the value; without one the conclusion, without that the description."""
    value, said = values.get("GIA_TRI", ""), values.get("KET_LUAN", "")
    if value:
        return value, said
    return (said, values.get("MO_TA", "")) if said else (values.get("MO_TA", ""), "")


def _person(values: Mapping[str, str]) -> dict[Column, str]:
    number = ""
    for parse, text in (
        (parse_cccd, values.get("SO_CCCD", "")),
        (parse_insurance_number, values.get("MA_THE_BHYT", "").split(";")[0]),
    ):
        try:
            number = number or (parse(text).value if text else "")
        except Malformed:
            continue
    found = {
        Column.CITIZEN_ID: number,
        Column.FULL_NAME: values.get("HO_TEN", ""),
        Column.BIRTH_DATE: day(values.get("NGAY_SINH", "")),
        Column.SEX: _SEXES.get(values.get("GIOI_TINH", ""), ""),
        Column.PHONE: _kept(parse_phone, values.get("DIEN_THOAI", "")),
        Column.COLLECTED_ON: day(values.get("NGAY_VAO", "")),
    }
    if code := _kept(parse_facility_code, values.get("MA_CSKCB", "")):
        found[Column.FACILITY_CODE] = code
    return found


def _kept(parse: Any, text: str) -> str:
    """The text if it can be read: XML1 is the visit's, and no reason to refuse a result."""
    try:
        return parse(text).value and text if text else ""
    except Malformed:
        return ""


def _records(path: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """(TONG_HOP or CHI_TIET_CLS, its fields) in the order of the file."""
    try:
        with path.open("rb") as file:
            yield from _parsed(file, wrapped=False)
    except DefusedXmlException:
        raise Unreadable(_("Tệp XML chứa khai báo DTD hoặc thực thể, không được nhận.")) from None
    except (ParseError, ValueError, LookupError) as error:
        raise Unreadable(_("Tệp XML bị hỏng: {reason}.").format(reason=error)) from None


def _parsed(file: IO[bytes], *, wrapped: bool) -> Iterator[tuple[str, dict[str, str]]]:
    path: list[Element] = []
    for event, element in iterparse(file, events=("start", "end"), forbid_dtd=True):
        if event == "start":
            path.append(element)
            if len(path) > _DEEPEST:
                raise Unreadable(_("Tệp XML lồng nhau quá sâu."))
            continue
        path.pop()
        tag = _tag(element)
        if tag not in _CLOSES:
            continue
        if tag != "FILEHOSO":
            yield tag, {_tag(child): (child.text or "").strip() for child in element}
        elif not wrapped:
            yield from _unwrapped(element)
        element.clear()
        if path:
            path[-1].clear()


def _unwrapped(element: Element) -> Iterator[tuple[str, dict[str, str]]]:
    fields = {_tag(child): (child.text or "").strip() for child in element}
    if fields.get("LOAIHOSO", "").upper() not in ("XML1", "XML4"):
        return
    content = fields.get("NOIDUNGFILE", "")
    if len(content) > LARGEST * 4 // 3:
        raise Unreadable(_("Tệp quá lớn khi giải nén. Hãy chia nhỏ hoặc lưu thành CSV."))
    try:
        inner = base64.b64decode("".join(content.split()), validate=True)
    except (binascii.Error, ValueError):
        raise Unreadable(_("Nội dung NOIDUNGFILE không phải base64.")) from None
    yield from _parsed(io.BytesIO(inner), wrapped=True)


def _tag(element: Element) -> str:
    return str(element.tag).rsplit("}", 1)[-1].upper()
