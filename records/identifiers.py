"""Shape checks of the numbers by which people and facilities are known in Vietnam.

None of them has a check digit. A wrong shape is an error (`Malformed`); a number that contradicts what else is known of
the person is a warning, which is kept and shown but blocks nothing: registers do hold such numbers, and the person in
front of the desk is real.

Demo numbers: no province has the code 000, so a CCCD that begins with it can belong to nobody. `demo_cccd` makes them;
they pass the shape check and carry the warning `demo-number`.
"""

import re
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Final

from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

DEMO_PROVINCE: Final = "000"

# Codes of the province of birth registration; the 63 stay in use after the mergers of 2025.
_PROVINCES: Final = """
001 002 004 006 008 010 011 012 014 015 017 019 020 022 024 025 026 027 030 031 033 034 035 036 037 038 040 042 044
045 046 048 049 051 052 054 056 058 060 062 064 066 067 068 070 072 074 075 077 079 080 082 083 084 086 087 089 091
092 093 094 095 096
"""
PROVINCES: Final = frozenset(_PROVINCES.split())

LABELS: Final["dict[str, _StrPromise]"] = {
    "cccd-shape": _("Số căn cước phải có đúng 12 chữ số."),
    "insurance-shape": _("Số thẻ bảo hiểm y tế phải có 15 ký tự (mẫu cũ), 10 hoặc 12 chữ số."),
    "phone-shape": _("Số điện thoại không đúng dạng."),
    "facility-shape": _("Mã cơ sở khám chữa bệnh phải có 5 ký tự, hai ký tự đầu là mã tỉnh."),
    "cccd-province": _("Mã tỉnh trong số căn cước không có trong danh mục."),
    "cccd-sex": _("Chữ số thứ tư của số căn cước không khớp với giới tính."),
    "cccd-birth-year": _("Số căn cước không khớp với năm sinh."),
    "demo-number": _("Số minh họa, không thuộc về người thật nào."),
}


@dataclass(frozen=True, slots=True)
class Identifier:
    """A number in the form it is stored in, and the codes of what is odd about it (keys of `LABELS`)."""

    value: str
    warnings: tuple[str, ...] = ()


class Malformed(ValueError):
    """Text that cannot be such a number. `code` is a key of `LABELS`; the message is for a programmer, in English."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code

    @property
    def label(self) -> "_StrPromise":
        """What is wrong, for a user."""
        return LABELS[self.code]


def parse_cccd(text: str, *, sex: str = "", birth_date: date | None = None) -> Identifier:
    """The 12-digit personal identification number; `sex` is FHIR's gender.

    Layout: 3 digits province of birth registration, 1 digit century and sex (even male, odd female; 0 and 1 for 19xx),
    2 digits year of birth, 6 random.
    """
    value = _bare(text)
    if not re.fullmatch(r"[0-9]{12}", value):
        raise Malformed("cccd-shape", "A CCCD number has exactly 12 digits.")
    warnings = []
    if value[:3] == DEMO_PROVINCE:
        warnings.append("demo-number")
    elif value[:3] not in PROVINCES:
        warnings.append("cccd-province")
    if sex in {"male", "female"} and (int(value[3]) % 2 == 1) != (sex == "female"):
        warnings.append("cccd-sex")
    if birth_date and 1900 + int(value[3]) // 2 * 100 + int(value[4:6]) != birth_date.year:
        warnings.append("cccd-birth-year")
    return Identifier(value, tuple(warnings))


def parse_insurance_number(text: str, *, sex: str = "", birth_date: date | None = None) -> Identifier:
    """A health-insurance number in any of its three living forms: old card (15), social insurance (10), CCCD (12)."""
    value = _bare(text).upper()
    if re.fullmatch(r"[0-9]{12}", value):
        return parse_cccd(value, sex=sex, birth_date=birth_date)
    if not re.fullmatch(r"[A-Z]{2}[1-5][0-9]{12}|[0-9]{10}", value):
        raise Malformed(
            "insurance-shape",
            "A health-insurance number is 2 letters, a digit 1-5 and 12 digits, or 10 digits, or the 12-digit CCCD.",
        )
    return Identifier(value)


def insurance_key(number: str) -> str:
    """The 10 digits of social insurance, by which a card of 15 characters and a number of 10 are one person's.

    The five characters before them change with the holder's group and province. Other numbers stand for themselves.
    """
    return number[-10:] if len(number) == 15 else number


def parse_phone(text: str) -> Identifier:
    """A telephone number as +84…; other countries' numbers must come with their own +."""
    value = re.sub(r"[\s.()\-]", "", text)
    national = re.fullmatch(r"(?:\+84|84|0)([35789][0-9]{8}|2[0-9]{9})", value)
    if national:
        return Identifier(f"+84{national[1]}")
    if re.fullmatch(r"\+(?!84)[1-9][0-9]{6,14}", value):
        return Identifier(value)
    raise Malformed("phone-shape", "Not a telephone number: expected 10 digits from 0, or +84…")


def parse_facility_code(text: str) -> Identifier:
    """The 5-character code of a health facility; the first two digits are the province."""
    value = _bare(text).upper()
    if not re.fullmatch(r"[0-9]{2}[0-9A-Z]{3}", value):
        raise Malformed("facility-shape", "A facility code has 5 characters, the first two of them digits.")
    return Identifier(value)


def demo_cccd(number: int, *, sex: str = "male", birth_year: int = 1970) -> str:
    """The `number`th CCCD (0 … 999,999) that can belong to nobody, for demonstrations and tests."""
    if not 0 <= number < 1_000_000:
        raise ValueError("A demo CCCD has six free digits.")
    century = (birth_year // 100 - 19) * 2 + (sex == "female")
    return f"{DEMO_PROVINCE}{century}{birth_year % 100:02d}{number:06d}"


def _bare(text: str) -> str:
    return re.sub(r"[\s.\-]", "", text)
