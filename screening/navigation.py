"""What `screening` adds to the navigation of each role."""

from django.utils.translation import gettext_lazy as _

from healthhub.accounts.actors import Role
from healthhub.web.navigation import add_page


def add_pages() -> None:
    """Called when the addresses are read."""
    add_page("me-results", _("Kết quả"), icon="results", roles=[Role.CITIZEN], order=20)
