"""CSV files that we hand out: with the mark by which Excel knows UTF-8, nothing in them that it would run."""

import csv
import io
from typing import Any

from django.utils.translation import gettext as _

from healthhub.web.spreadsheets import harmless
from screening.statistics.report import Report, columns_of


def to_csv(found: Report, table: str = "districts") -> bytes:
    """One table of the report (a key of ``report.TABLES``); shares as per cent with two decimals."""
    columns = columns_of(table)
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    headings = _headings()
    writer.writerow([headings[name] for name in columns])
    for row in getattr(found, table):
        writer.writerow([_cell(name, row[name]) for name in columns])
    return text.getvalue().encode("utf-8-sig")


def _cell(name: str, value: Any) -> Any:
    if value is None:
        return ""
    if name == "month":
        return f"{value:%m/%Y}"
    if name == "area_name" and not value:
        return _("Không rõ nơi ở")
    if isinstance(value, float):
        return f"{value * 100:.2f}"
    return harmless(value) if isinstance(value, str) else value


def _headings() -> dict[str, str]:
    return {
        "programme": _("Chương trình"),
        "test": _("Xét nghiệm"),
        "month": _("Tháng"),
        "area": _("Mã đơn vị"),
        "area_name": _("Quận, huyện"),
        "area_kind": _("Loại đơn vị"),
        "sex": _("Giới tính"),
        "age_band": _("Nhóm tuổi"),
        "tested": _("Đã xét nghiệm"),
        "positive": _("Dương tính"),
        "negative": _("Âm tính"),
        "inadequate": _("Mẫu không đạt"),
        "unclassified": _("Chưa phân loại được"),
        "referred": _("Đã giới thiệu đi khám"),
        "assessed": _("Đã khám chẩn đoán"),
        "positivity": _("Tỷ lệ dương tính (%)"),
        "positivity_low": _("Tỷ lệ dương tính, cận dưới 95 % (%)"),
        "positivity_high": _("Tỷ lệ dương tính, cận trên 95 % (%)"),
        "inadequacy": _("Tỷ lệ mẫu không đạt (%)"),
        "inadequacy_low": _("Tỷ lệ mẫu không đạt, cận dưới 95 % (%)"),
        "inadequacy_high": _("Tỷ lệ mẫu không đạt, cận trên 95 % (%)"),
        "referral_rate": _("Tỷ lệ được giới thiệu (%)"),
        "referral_rate_low": _("Tỷ lệ được giới thiệu, cận dưới 95 % (%)"),
        "referral_rate_high": _("Tỷ lệ được giới thiệu, cận trên 95 % (%)"),
        "assessment_rate": _("Tỷ lệ được khám chẩn đoán (%)"),
        "assessment_rate_low": _("Tỷ lệ được khám chẩn đoán, cận dưới 95 % (%)"),
        "assessment_rate_high": _("Tỷ lệ được khám chẩn đoán, cận trên 95 % (%)"),
    }
