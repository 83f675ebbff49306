"""Single cells: dates, sex, numbers as Vietnamese files and Excel write them; said to be wrong, or repaired."""

import re
from datetime import date
from decimal import Decimal
from typing import Final, NamedTuple

from django.utils.translation import gettext as _

from records.areas import area_ids
from records.identifiers import Malformed, parse_cccd, parse_insurance_number
from records.names import fold
from screening.imports.columns import Column
from screening.imports.reading import Cell
from screening.protocol import Test
from screening.protocol.beside import value_said
from screening.protocol.words import Ambiguous, read_number

_DAY_FIRST: Final = re.compile(r"(\d{1,2})[/.\-](\d{1,2})[/.\-](\d{4})(?:[ T].*)?")
_YEAR_FIRST: Final = re.compile(r"(\d{4})[/.\-](\d{1,2})[/.\-](\d{1,2})(?:[ T].*)?")
_SCIENTIFIC: Final = re.compile(r"\d([.,]\d+)?E\+?\d+", re.IGNORECASE)
_CUTOFF: Final = re.compile(r"([\d.,]+)(?:\s*([^\d\s].*))?")
_DENSITY: Final = re.compile(r"(?:acr|bi-?rads|nhom|loai|type|mat do|density)[\s:.-]+")
DENSITY: Final = "density"  # the protocols' key of it
_EXCEL_ERRORS: Final = {"#N/A", "#REF!", "#VALUE!", "#NAME?", "#DIV/0!", "#NULL!", "#NUM!"}
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]")
_SEXES: Final = {"nam": "male", "m": "male", "male": "male", "nu": "female", "f": "female", "female": "female"}
EARLIEST: Final = date(1900, 1, 1)


class Bad(Exception):
    """What is wrong with a cell, in the active language."""


class Identity(NamedTuple):
    """A citizen's number in one of its two kinds, with the warnings of ``records.identifiers``."""

    cccd: str
    insurance_number: str
    warnings: tuple[str, ...]
    repaired: bool = False


def text_of(cell: Cell, *, longest: int) -> str:
    """A text cell. Bad: a date where a text belongs, Excel's error values, unprintable or too many characters."""
    if isinstance(cell, date):
        raise Bad(_("Excel đã đổi ô này thành ngày tháng. Hãy định dạng cột là Văn bản và nhập lại."))
    if cell in _EXCEL_ERRORS:
        raise Bad(_("Ô chứa lỗi của Excel: {value}.").format(value=cell))
    if _CONTROL.search(cell):
        raise Bad(_("Ô chứa ký tự không in được."))
    if len(cell) > longest:
        raise Bad(_("Dài quá {count} ký tự.").format(count=longest))
    return cell


def name_of(cell: Cell) -> str:
    """A full name. Bad also where a conversion of the file has lost its letters."""
    text = " ".join(text_of(cell, longest=255).split())
    if "?" in text or "\ufffd" in text:
        raise Bad(_("Chữ có dấu đã bị mất (dấu ?). Hãy lưu lại tệp thành CSV UTF-8 hoặc XLSX."))
    if not any(char.isalpha() for char in text):
        raise Bad(_("Không phải là họ tên."))
    return text


def date_of(cell: Cell, *, latest: date) -> date:
    """A day written dd/mm/yyyy or yyyy-mm-dd (a time after it is left out), or a date cell of Excel."""
    found = cell if isinstance(cell, date) else _written_date(cell)
    if found < EARLIEST:
        raise Bad(_("Ngày trước 01/01/1900."))
    if found > latest:
        raise Bad(_("Ngày ở tương lai."))
    return found


def _written_date(text: str) -> date:
    if found := _DAY_FIRST.fullmatch(text):
        day, month, year = map(int, found.groups())
    elif found := _YEAR_FIRST.fullmatch(text):
        year, month, day = map(int, found.groups())
    else:
        raise Bad(_("Không phải là ngày: “{value}”. Viết ngày/tháng/năm, ví dụ 31/12/1960.").format(value=text[:40]))
    try:
        return date(year, month, day)
    except ValueError:
        raise Bad(_("Không có ngày này: “{value}”. Thứ tự là ngày/tháng/năm.").format(value=text[:40])) from None


def sex_of(cell: Cell) -> str:
    """FHIR's gender of Nam/Nữ/M/F/male/female."""
    text = text_of(cell, longest=40)
    if (found := _SEXES.get(fold(text))) is None:
        raise Bad(_("Giới tính “{value}” không đọc được. Dùng: Nam, Nữ, M hoặc F.").format(value=text))
    return found


def specimen_of(cell: Cell) -> str:
    """A specimen's id. Bad where Excel has rounded it, which nobody can undo."""
    text = text_of(cell, longest=100)
    if _SCIENTIFIC.fullmatch(text) or (text.isdigit() and len(text) > 15 and text.endswith("000")):
        raise Bad(_("Excel đã làm tròn mã này. Hãy định dạng cột là Văn bản và nhập lại."))
    return text


def identity_of(cell: Cell, *, sex: str, birth_date: date | None) -> Identity:
    """A CCCD or health-insurance number. Zeros that Excel ate in front are put back only where sex and year of birth
    confirm the number that results; otherwise a number too short is Bad."""
    text = re.sub(r"[\s.\-]", "", text_of(cell, longest=40))
    if _SCIENTIFIC.fullmatch(text):
        raise Bad(_("Excel đã làm tròn số này. Hãy định dạng cột là Văn bản và nhập lại."))
    if text.isdigit() and 9 <= len(text) <= 11 and sex and birth_date:
        padded = parse_cccd(text.zfill(12), sex=sex, birth_date=birth_date)
        if set(padded.warnings) <= {"demo-number"}:
            return Identity(padded.value, "", padded.warnings, repaired=True)
    try:
        if len(text) == 12:
            found = parse_cccd(text, sex=sex, birth_date=birth_date)
            return Identity(found.value, "", found.warnings)
        found = parse_insurance_number(text)
        return Identity("", found.value, found.warnings)
    except Malformed:
        pass
    if text.isdigit() and len(text) < 12:
        raise Bad(_("Thiếu chữ số: có lẽ Excel đã bỏ số 0 ở đầu. Hãy định dạng cột là Văn bản và nhập đủ 12 chữ số."))
    raise Bad(_("Phải là số căn cước 12 chữ số, hoặc số thẻ bảo hiểm y tế 15 ký tự hay 10 chữ số."))


def area_of(cell: Cell, *, on: date) -> tuple[str, bool]:
    """The commune's code, and whether Excel's zeros were put back. Bad if no commune had it on that day."""
    text = text_of(cell, longest=40)
    code = text
    if text.isdigit() and len(text) == 3 and area_ids({(text, on)}):
        raise Bad(_("“{value}” là mã quận, huyện. Hãy viết mã xã đủ 5 chữ số.").format(value=text))
    if text.isdigit() and len(text) < 5 and not text.startswith("0"):
        code = text.zfill(5)
    if len(code) != 5 or not area_ids({(code, on)}):
        raise Bad(
            _("Không có xã, phường nào mang mã “{value}” vào ngày {day}.").format(value=text, day=f"{on:%d/%m/%Y}")
        )
    return code, code != text


def cutoff_of(cell: Cell) -> tuple[Decimal, str]:
    """(number, unit) of a cut-off: "20", "20,5 µg/g"; the unit "" if it is the result's."""
    text = text_of(cell, longest=40)
    found = _CUTOFF.fullmatch(text)
    try:
        number = read_number(found[1]) if found else None
    except Ambiguous:
        number = None
    if found is None or number is None or number.comparator:
        raise Bad(_("Ngưỡng “{value}” không đọc được. Viết một số, ví dụ 20 hoặc 20 µg/g.").format(value=text))
    return number.value, found[2] or ""


def density_of(cell: Cell, test: Test) -> str:
    """Breast density a to d, with or without the name of its scale in front ("ACR C"). Bad: anything else (1 to 4 are
    of an older scale, which counts otherwise), and at a test that reports none."""
    text = text_of(cell, longest=60)
    component = next((one for one in test.components if one.key == DENSITY), None)
    if component is None:
        raise Bad(_("Xét nghiệm này không ghi mật độ mô vú; chỉ ghi cùng nhũ ảnh."))
    if not (found := value_said(component, text) or value_said(component, _DENSITY.sub("", fold(text)))):
        raise Bad(_("Mật độ mô vú “{value}” không đọc được. Dùng: a, b, c hoặc d.").format(value=text))
    return found


#: Fields of ``records.registration.Registration`` and of ``NotInterpretable`` by the column that they come from.
COLUMN_OF: Final = {
    "cccd": Column.CITIZEN_ID,
    "insurance_number": Column.CITIZEN_ID,
    "full_name": Column.FULL_NAME,
    "birth_date": Column.BIRTH_DATE,
    "sex": Column.SEX,
    "phone": Column.PHONE,
    "area_code": Column.AREA_CODE,
    "facility": Column.FACILITY_CODE,
    "value": Column.RESULT,
    "unit": Column.UNIT,
    "cutoff": Column.RESULT,
    "kit": Column.RESULT,
    "stated_cutoff": Column.CUTOFF,
}
