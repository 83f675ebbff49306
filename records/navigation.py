"""The navigation of citizens, auditors and administrators, as far as `records` fills it."""

from django.utils.translation import gettext_lazy as _

from healthhub.accounts.actors import Role
from healthhub.web.navigation import add_page
from records.access import REVIEWS
from records.rights.requests import ANSWERS
from records.staff import GIVES

CITIZEN = (Role.CITIZEN,)


def add_pages() -> None:
    """Called when the addresses are read."""
    add_page("me", _("Trang chủ"), icon="home", roles=CITIZEN, order=10)
    rights = ("me-download", "me-requests", "me-request-new")
    add_page("me-record", _("Hồ sơ"), icon="record", roles=CITIZEN, order=30, leads_to=rights)
    add_page("audit-emergencies", _("Mở khẩn cấp"), icon="alert", roles=REVIEWS, order=10)
    add_page("me-access", _("Ai đã xem"), icon="eye", roles=CITIZEN, order=40)
    add_page("requests", _("Yêu cầu"), icon="record", roles=ANSWERS, order=90)
    add_page("staff", _("Nhân viên"), icon="people", roles=GIVES, order=10)
