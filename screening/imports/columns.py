"""The columns of a results file: how their headers are recognised, or told, in any order."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from records.names import fold

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise


class Column(StrEnum):
    """A column; the value is its English header."""

    FACILITY_CODE = "facility_code"
    SPECIMEN_ID = "specimen_id"
    CITIZEN_ID = "citizen_id"
    FULL_NAME = "full_name"
    BIRTH_DATE = "birth_date"
    SEX = "sex"
    PHONE = "phone"
    AREA_CODE = "area_code"
    TEST = "test"
    COLLECTED_ON = "collected_on"
    RESULT = "result"
    UNIT = "unit"
    RESULTED_ON = "resulted_on"
    NOTE = "note"
    KIT = "kit"
    CUTOFF = "cutoff"
    DENSITY = "density"


VIETNAMESE: Final = {
    Column.FACILITY_CODE: "Mã cơ sở",
    Column.SPECIMEN_ID: "Mã mẫu",
    Column.CITIZEN_ID: "Số định danh",
    Column.FULL_NAME: "Họ và tên",
    Column.BIRTH_DATE: "Ngày sinh",
    Column.SEX: "Giới tính",
    Column.PHONE: "Điện thoại",
    Column.AREA_CODE: "Mã xã",
    Column.TEST: "Xét nghiệm",
    Column.COLLECTED_ON: "Ngày lấy mẫu",
    Column.RESULT: "Kết quả",
    Column.UNIT: "Đơn vị",
    Column.RESULTED_ON: "Ngày trả kết quả",
    Column.NOTE: "Ghi chú",
    Column.KIT: "Bộ kit",
    Column.CUTOFF: "Ngưỡng dương tính",
    Column.DENSITY: "Mật độ mô vú",
}
#: The same in the reader's language: the English ones of a file (``full_name``) are no words.
NAMES: Final["dict[Column, _StrPromise]"] = {
    Column.FACILITY_CODE: _("Mã cơ sở"),
    Column.SPECIMEN_ID: _("Mã mẫu"),
    Column.CITIZEN_ID: _("Số định danh"),
    Column.FULL_NAME: _("Họ và tên"),
    Column.BIRTH_DATE: _("Ngày sinh"),
    Column.SEX: _("Giới tính"),
    Column.PHONE: _("Điện thoại"),
    Column.AREA_CODE: _("Mã xã"),
    Column.TEST: _("Xét nghiệm"),
    Column.COLLECTED_ON: _("Ngày lấy mẫu"),
    Column.RESULT: _("Kết quả"),
    Column.UNIT: _("Đơn vị"),
    Column.RESULTED_ON: _("Ngày trả kết quả"),
    Column.NOTE: _("Ghi chú"),
    Column.KIT: _("Bộ kit"),
    Column.CUTOFF: _("Ngưỡng dương tính"),
    Column.DENSITY: _("Mật độ mô vú"),
}
OPTIONAL: Final = frozenset(
    {
        *(Column.PHONE, Column.AREA_CODE, Column.UNIT, Column.RESULTED_ON, Column.NOTE),
        *(Column.KIT, Column.CUTOFF, Column.DENSITY),
    }
)
REQUIRED: Final = tuple(column for column in Column if column not in OPTIONAL)
#: Who a row is about. A machine's results may lack them: they are then found by specimen, or wait to be matched.
PERSON: Final = frozenset({Column.CITIZEN_ID, Column.FULL_NAME, Column.BIRTH_DATE, Column.SEX})

# Other headings that clinics' files are known to carry for the same thing, folded.
_ALSO: Final = {
    "ma cskcb": Column.FACILITY_CODE,
    "ma co so kcb": Column.FACILITY_CODE,
    "so cccd": Column.CITIZEN_ID,
    "cccd": Column.CITIZEN_ID,
    "so can cuoc": Column.CITIZEN_ID,
    "ho ten": Column.FULL_NAME,
    "so dien thoai": Column.PHONE,
    "ma phuong xa": Column.AREA_CODE,
    "ma xa phuong": Column.AREA_CODE,
    "nguong": Column.CUTOFF,
    "kit": Column.KIT,
    "mat do vu": Column.DENSITY,
    "mat do tuyen vu": Column.DENSITY,
    "breast density": Column.DENSITY,
    "acr": Column.DENSITY,
}
# What the importer's own file of bad rows adds in front; skipped without a word when that file comes back mended.
ERROR_HEADERS: Final = ("Dòng", "Cột", "Lý do")


def _key(header: str) -> str:
    """A header as it is compared: folded, without brackets, underscores and punctuation."""
    return " ".join(re.sub(r"[^0-9a-z]+", " ", fold(re.sub(r"\(.*?\)|\[.*?\]", " ", header))).split())


_KNOWN: Final = (
    {_key(column.value): column for column in Column}
    | {_key(text): column for column, text in VIETNAMESE.items()}
    | _ALSO
)
_OWN: Final = frozenset(map(_key, (*ERROR_HEADERS, "Row", "Column", "Reason")))


def label(column: Column) -> str:
    """Both names of a column, for messages: ``citizen_id (Số định danh)``."""
    return f"{column} ({VIETNAMESE[column]})"


def header_key(texts: Sequence[str]) -> UUID:
    """What two files with the same headings share, whatever their case, accents and the order of the facility's files.

    The order of the columns counts: a mapping says where each one stands.
    """
    return UUID(bytes=hashlib.blake2b("\x1f".join(map(_key, texts)).encode(), digest_size=16).digest())


@dataclass(frozen=True, slots=True)
class Header:
    """A header row read: ``places`` says at which position each column stands, ``always`` what it is without one."""

    texts: tuple[str, ...]
    places: dict[Column, int]
    extra: tuple[str, ...]
    twice: tuple[Column, ...]
    always: dict[Column, str] = field(default_factory=dict)

    @property
    def missing(self) -> tuple[Column, ...]:
        """Required columns that are not there."""
        return tuple(column for column in REQUIRED if column not in self.places and column not in self.always)

    @property
    def columns(self) -> dict[str, dict[str, int | str]]:
        """As ``ImportBatch.columns`` keeps it."""
        places: dict[str, dict[str, int | str]] = {column.value: {"at": at} for column, at in self.places.items()}
        return places | {column.value: {"always": text} for column, text in self.always.items()}

    def mapped(self, columns: Mapping[str, Mapping[str, Any]]) -> "Header":
        """The same headings, read as somebody has said."""
        places = {Column(name): told["at"] for name, told in columns.items() if told.get("at") is not None}
        always = {Column(name): told["always"] for name, told in columns.items() if told.get("always")}
        used = set(places.values())
        extra = tuple(
            text
            for place, text in enumerate(self.texts)
            if text.strip() and place not in used and _key(text) not in _OWN
        )
        return Header(self.texts, places, extra, (), always)

    def values(self, cells: Sequence[Any]) -> dict[Column, Any]:
        """The cells of a row by their columns."""
        found = {column: cells[place] if place < len(cells) else "" for column, place in self.places.items()}
        return {**self.always, **found}


def recognise(texts: Sequence[str]) -> Header:
    """Which of the texts name a column."""
    places: dict[Column, int] = {}
    extra: list[str] = []
    twice: list[Column] = []
    for position, text in enumerate(texts):
        column = _KNOWN.get(_key(text))
        if column is None:
            if text.strip() and _key(text) not in _OWN:
                extra.append(text.strip())
        elif column in places:
            twice.append(column)
        else:
            places[column] = position
    return Header(tuple(texts), places, tuple(extra), tuple(twice))
