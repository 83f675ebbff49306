"""What every template may use."""

from functools import partial
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import gettext as _

from healthhub.web.banners import banners_for
from healthhub.web.navigation import ROOMS, links_for

MOST_LINKS = 6  # in the bar, the one that unfolds the others included
MOST_LINKS_ME = 5  # a citizen's bar lies across the foot of a phone


def site(request: HttpRequest) -> dict[str, Any]:
    """Who acts, where, and what surrounds the page.

    ``demo``: whether a banner must say that the people shown are invented. ``actor``: the ``Actor`` that a view's guard
    has found, or None. ``room``: "me", "clinic", "city", or "out" for pages outside the rooms. ``navigation``: links of
    the role; ``navigation_more``: those that the bar has no room for. ``role_name`` and ``place``: as whom and where
    the person works now; ``may_switch``: whether she has other roles. ``banners``: what stands above the page until
    somebody has seen it; only whole pages ask for it.
    """
    actor = getattr(request, "actor", None)
    role = str(actor.role) if actor else ""
    room = ROOMS.get(role, "out")
    links = links_for(role, path=request.path) if role else []
    most = MOST_LINKS_ME if role == "citizen" else MOST_LINKS
    fits = len(links) if len(links) <= most else most - 1
    return {
        "demo": settings.DEMO,
        "actor": actor,
        "room": room,
        "banners": partial(banners_for, request, room),
        "navigation": links[:fits],
        "navigation_more": links[fits:],
        "role_name": role_name(role),
        "place": getattr(request, "place", ""),
        "may_switch": len(getattr(request, "held", ())) > 1,
        "languages": settings.LANGUAGES,
    }


def role_name(role: str) -> str:
    """A role in the reader's language, "" for one without a name."""
    names = {
        "clinician": _("Nhân viên y tế"),
        "laboratory": _("Phòng xét nghiệm"),
        "registrar": _("Nhân viên tiếp đón"),
        "facility_admin": _("Quản trị cơ sở"),
        "officer": _("Cán bộ Sở Y tế"),
        "analyst": _("Chuyên viên phân tích"),
        "admin": _("Quản trị hệ thống"),
        "auditor": _("Cán bộ kiểm tra truy cập"),
        "citizen": _("Người dân"),
        "guardian": _("Người giám hộ"),
        "client": _("Phần mềm của cơ sở y tế"),
        "system": "HealthHub",
    }
    return names.get(role, "")
