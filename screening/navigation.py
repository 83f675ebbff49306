"""What `screening` adds to the navigation of each role."""

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from healthhub.accounts.actors import Role
from healthhub.web.navigation import add_page
from records.views.guards import CITY, CLINIC

ME = (Role.CITIZEN,)


def add_pages() -> None:
    """Called when the addresses are read."""
    add_page("me-results", pgettext_lazy("my results", "Kết quả"), icon="results", roles=ME, order=20)
    add_page("me-appointments", _("Lịch hẹn"), icon="calendar", roles=ME, order=25)
    add_page("me-screening", _("Sàng lọc"), icon="list", roles=ME, order=26)
    add_page("clinic", _("Việc cần làm"), icon="list", roles=CLINIC, order=10)
    people = _("Tìm người")
    add_page("clinic-people", people, icon="search", roles=CLINIC, order=15, leads_to=["clinic-emergency"])
    add_page("clinic-bench", _("Phòng xét nghiệm"), icon="results", roles=CLINIC, order=20, leads_to=["clinic-labels"])
    add_page("clinic-appointments", _("Lịch hẹn"), icon="calendar", roles=CLINIC, order=25)
    imports = _("Tải tệp kết quả")
    add_page("clinic-imports", imports, icon="upload", roles=CLINIC, order=30, leads_to=["clinic-machines"])
    add_page("clinic-recall", _("Mời và mời lại"), icon="people", roles=CLINIC, order=35)
    add_page("clinic-letters", _("Thư giấy"), icon="print", roles=CLINIC, order=40, leads_to=["clinic-messages"])
    add_page("clinic-station", _("Trạm lưu động"), icon="pin", roles=CLINIC, order=90)
    add_page("city", _("Tổng quan"), icon="chart", roles=CITY, order=10)
    add_page("city-failsafe", _("Không bỏ sót ai"), icon="alert", roles=CITY, order=15, leads_to=["city-forgotten"])
    add_page("city-recall", _("Mời và mời lại"), icon="people", roles=CITY, order=20)
    add_page("city-letters", _("Thư giấy"), icon="print", roles=[Role.OFFICER], order=40)
    add_page("city-texts", _("Mẫu nội dung"), icon="pen", roles=CITY, order=35)
    add_page("city-protocols", _("Quy trình"), icon="shield", roles=[Role.OFFICER, Role.ANALYST], order=30)
