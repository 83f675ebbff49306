"""The laboratory's pages as tabs with what waits on each."""

from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from screening.imports.left import waiting_count
from screening.laboratory.alarms import alarm_count
from screening.laboratory.matching import unmatched_count
from screening.laboratory.releasing import to_tell_count
from screening.laboratory.verifying import to_verify_count


def laboratory_tabs(facility: str, current: str) -> list[dict[str, Any]]:
    """The tabs; ``current`` is the name of the address that is open. Five counts."""
    pages = (
        ("clinic-bench", _("Nhập từng mẫu"), None),
        ("clinic-rack", _("Nhập theo giá ống nghiệm"), None),
        ("clinic-receive", _("Nhận mẫu"), None),
        ("clinic-specimens", _("Mẫu và chỉ định quá hạn"), alarm_count(facility)),
        ("clinic-verify", _("Cần xác nhận"), to_verify_count(facility)),
        ("clinic-tell", _("Cần báo người dân"), to_tell_count(facility)),
        ("clinic-matching", _("Chưa khớp người"), unmatched_count(facility)),
        ("clinic-imports-left", _("Dòng chưa lưu"), waiting_count(facility)),
        ("clinic-kits", _("Bộ kit"), None),
    )
    return [
        {"label": label, "href": reverse(name), "count": count, "current": name == current}
        for name, label, count in pages
    ]
