"""The help on a results file: what each column holds, and an empty file to begin with."""

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from screening.imports.columns import OPTIONAL, VIETNAMESE, Column
from screening.protocol import known_tests

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

XLSX_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_HINTS: Final["Mapping[Column, _StrPromise]"] = {
    Column.FACILITY_CODE: _("Mã 5 ký tự của cơ sở bạn."),
    Column.SPECIMEN_ID: _("Mã trên ống mẫu. Cùng mã với giá trị khác là sửa kết quả, không phải kết quả thứ hai."),
    Column.CITIZEN_ID: _(
        "Số căn cước 12 chữ số hoặc số thẻ bảo hiểm y tế. Định dạng cột là Văn bản để giữ số 0 ở đầu."
    ),
    Column.FULL_NAME: _("Có dấu, như trên giấy tờ."),
    Column.BIRTH_DATE: _("ngày/tháng/năm hoặc năm-tháng-ngày."),
    Column.SEX: _("Nam, Nữ, M hoặc F."),
    Column.PHONE: _("10 chữ số."),
    Column.AREA_CODE: _("Mã phường, xã 5 chữ số nơi người đó ở."),
    Column.TEST: _("Một trong: {tests}."),
    Column.COLLECTED_ON: _("Ngày lấy mẫu."),
    Column.RESULT: _("Một số (FIT), hoặc lời như: âm tính, dương tính, HPV 16, ASC-US, không đạt."),
    Column.UNIT: _("µg/g hoặc ng/mL khi kết quả là số."),
    Column.RESULTED_ON: _("Ngày có kết quả."),
    Column.NOTE: _("Tùy ý."),
    Column.KIT: _("Tên bộ kit, để biết ngưỡng và hệ số đổi đơn vị của nó."),
    Column.CUTOFF: _("Ngưỡng đã dùng, nếu khác ngưỡng của bộ kit: một số, có thể kèm đơn vị."),
    Column.DENSITY: _("a, b, c hoặc d (ACR); chỉ ghi cùng nhũ ảnh."),
}
_EXAMPLES: Final = (
    "M-0001;000060000001;Nguyễn Văn Đức;12/03/1960;Nam;0900000001;;fit;{collected};12,5;µg/g;{resulted};;;;",
    "M-0002;000180000002;Trần Thị Hoa;25/08/1980;Nữ;;;hpv;{collected};âm tính;;{resulted};;;;",
)


@dataclass(frozen=True, slots=True)
class ColumnHelp:
    """One column as the help lists it."""

    name: str
    also: str
    required: bool
    hint: str


def column_help() -> list[ColumnHelp]:
    """All columns in order, headings in the reader's language first."""
    english, tests = (get_language() or "vi").startswith("en"), ", ".join(known_tests())
    return [
        ColumnHelp(
            name=column.value if english else VIETNAMESE[column],
            also=VIETNAMESE[column] if english else column.value,
            required=column not in OPTIONAL,
            hint=_HINTS[column].format(tests=tests),
        )
        for column in Column
    ]


def csv_template(facility_code: str) -> bytes:
    """The header and two invented rows, as Excel reads UTF-8."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows(_rows(facility_code))
    return text.getvalue().encode("utf-8-sig")


def xlsx_template(facility_code: str) -> bytes:
    """The same as a workbook whose columns are texts, so that Excel eats no zeros and turns nothing into dates."""
    from openpyxl import Workbook
    from openpyxl.styles import Font
    from openpyxl.utils import get_column_letter

    book = Workbook()
    sheet: Any = book.active
    sheet.title = "HealthHub"
    rows = _rows(facility_code)
    for row in rows:
        sheet.append(row)
    for place, heading in enumerate(rows[0], 1):
        sheet.column_dimensions[get_column_letter(place)].width = max(14, len(heading) + 4)
        for number in range(1, 1001):
            sheet.cell(number, place).number_format = "@"
        sheet.cell(1, place).font = Font(bold=True)
    sheet.freeze_panes = "A2"
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def _rows(facility_code: str) -> list[list[str]]:
    today = timezone.localdate()
    days = {"collected": f"{today - timedelta(days=20):%d/%m/%Y}", "resulted": f"{today - timedelta(days=17):%d/%m/%Y}"}
    examples = [[facility_code, *example.format(**days).split(";")] for example in _EXAMPLES]
    return [[one.name for one in column_help()], *examples]
