"""Rows of files that were not stored: what somebody must still look at, and all that were left out with a reason."""

from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from healthhub.audit.log import record_access
from records.views.guards import CLINIC, ActingRequest, for_roles
from screening.forms.files import LeaveForm
from screening.imports.batches import NotAllowed, TooLate
from screening.imports.leaving import LEFT_AS, Leaving
from screening.imports.left import (
    confirm_file,
    confirm_left,
    leave_wrong,
    left_out,
    queue_wrong,
    restore_row,
    waiting,
    waiting_count,
)
from screening.imports.review import line_of
from screening.imports.uploads import batches_of
from screening.models import RowKind, StagedRow
from screening.views.desk import facility_of

PAGE = 25


@for_roles(*CLINIC)
@require_GET
def left(request: ActingRequest) -> HttpResponse:
    """What waits, or all that was left out; oldest first, a page at a time."""
    facility = facility_of(request)
    everything = request.GET.get("tab") == "all"
    found = left_out(facility.pk) if everything else waiting(facility.pk)
    rows = _page(request, found)
    if people := sorted({one.patient for one in rows if one.patient}):
        record_access(actor=request.actor, action="view", patients=people, reason=request.path)
    count = waiting_count(facility.pk)
    tab = "&tab=all" if everything else ""
    context = {
        "lines": [_entry(one, request) for one in rows[:PAGE]],
        "tabs": [
            {"label": _("Cần xem lại"), "href": "?", "count": count, "current": not everything},
            {"label": _("Đã bỏ lại"), "href": "?tab=all", "count": None, "current": everything},
        ],
        "everything": everything,
        "row_reasons": LEFT_AS.items(),
        "next_page": f"?after={rows[PAGE - 1].pk}{tab}" if len(rows) > PAGE else "",
        "first_page": f"?{tab.lstrip('&')}" if request.GET.get("after") else "",
    }
    return render(request, "clinic/imports_left.html", context)


@for_roles(*CLINIC)
@require_POST
def settle(request: ActingRequest, row_id: int) -> HttpResponse:
    """A second look, the matching queue, a reason, or stored after all."""
    row = get_object_or_404(StagedRow, pk=row_id, batch__in=batches_of(facility_of(request).pk))
    act = request.POST.get("act", "")
    try:
        if act == "confirm":
            confirm_left(row=row, actor=request.actor)
            messages.success(request, _("Đã ghi nhận: hai người đã xem dòng này."))
        elif act == "queue":
            queue_wrong(row=row, actor=request.actor)
            messages.success(request, _("Đã chuyển sang hàng chờ khớp người."))
        elif act == "restore":
            became = restore_row(row=row, actor=request.actor)
            messages.success(request, _("Dòng này: %(state)s.") % {"state": became.get_state_display()})
        else:
            leave_wrong(row=row, leaving=_leaving(request), actor=request.actor)
            messages.success(request, _("Đã bỏ lại với lý do. Dòng vẫn được giữ."))
    except (NotAllowed, TooLate) as error:
        messages.error(request, str(error))
    return redirect("clinic-imports-left")


@for_roles(*CLINIC)
@require_POST
def settle_file(request: ActingRequest, batch_id: int) -> HttpResponse:
    """A second look at all that one file left out."""
    batch = get_object_or_404(batches_of(facility_of(request).pk), pk=batch_id)
    try:
        count = confirm_file(batch=batch, actor=request.actor)
    except NotAllowed as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("Đã xác nhận %(count)s dòng.") % {"count": count})
    return redirect("clinic-imports-left")


def _leaving(request: ActingRequest) -> Leaving:
    form = LeaveForm(request.POST)
    leaving = form.leaving()
    if leaving is None:
        raise NotAllowed(form.faults())
    return leaving


def _page(request: ActingRequest, found: QuerySet[StagedRow]) -> list[StagedRow]:
    after = request.GET.get("after", "")
    if after.isdecimal() and len(after) < 19:
        found = found.filter(pk__gt=int(after))
    return list(found.select_related("batch").order_by("pk")[: PAGE + 1])


def _entry(one: StagedRow, request: ActingRequest) -> dict[str, Any]:
    return {
        "line": line_of(one),
        "batch": one.batch,
        "wrong": one.kind == RowKind.ERROR and not one.left_as,
        "mine": one.left_by == request.actor.id,
        "seen": (one.seen_name, one.seen_at) if one.seen_at else None,
    }
