"""Corrections that a facility, or a citizen, must say that they have seen."""

from collections.abc import Mapping
from typing import Any, cast

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from healthhub.accounts.actors import Role
from healthhub.audit.log import record_access
from healthhub.web.banners import Banner, add_banner
from records.access import visible_to
from records.identity import identity
from records.views.guards import CLINIC, ActingRequest, for_roles
from screening.laboratory.notices import acknowledge, notices_for, open_notice_count, open_notices, text_of
from screening.models import Notice
from screening.views.desk import facility_of

PAGE = 50


@for_roles(*CLINIC)
@require_GET
def notices(request: ActingRequest) -> HttpResponse:
    """The facility's open ones, the oldest first, with the way to the record and to what was decided."""
    facility = facility_of(request)
    found = list(open_notices(facility.pk).filter(patient__in=visible_to(request.actor))[:PAGE])
    people = sorted({notice.patient_id for notice in found})
    if people:
        record_access(
            actor=request.actor, action="view", patients=people, resource_type="Observation", reason=request.path
        )
    context = {
        "lines": [
            {
                "notice": notice,
                "person": identity(notice.patient, with_area=False),
                "text": text_of(notice, request.actor.role),
            }
            for notice in found
        ]
    }
    return render(request, "clinic/notices.html", context)


@for_roles(*CLINIC)
@require_POST
def seen(request: ActingRequest, notice_id: int) -> HttpResponse:
    """Acknowledge one; who and when is kept."""
    facility = facility_of(request)
    acknowledge(notice=get_object_or_404(Notice, pk=notice_id, facility=facility), actor=request.actor)
    messages.success(request, _("Đã ghi nhận là cơ sở bạn đã biết."))
    return redirect("clinic-notices")


@for_roles(Role.CITIZEN)
@require_POST
def my_seen(request: ActingRequest, notice_id: int) -> HttpResponse:
    """The citizen acknowledges one of hers."""
    found = Notice.objects.filter(patient=request.actor.patient, facility__isnull=True)
    acknowledge(notice=get_object_or_404(found, pk=notice_id), actor=request.actor)
    return redirect("me")


def add_banners() -> None:
    """Put open notices above the clinic's and the citizen's pages; called when the addresses are read."""
    add_banner(Banner("clinic/notices_banner.html", "clinic", _clinic))
    add_banner(Banner("screening/me_notices.html", "me", _mine))


def _clinic(request: HttpRequest) -> Mapping[str, Any] | None:
    actor = cast("ActingRequest", request).actor
    count = open_notice_count(actor.facility) if actor.facility else 0
    return {"count": count} if count else None


def _mine(request: HttpRequest) -> Mapping[str, Any] | None:
    actor = cast("ActingRequest", request).actor
    found = list(notices_for(actor.patient)) if actor.patient else []
    return {"notices": [{"notice": one, "text": text_of(one, Role.CITIZEN)} for one in found]} if found else None
