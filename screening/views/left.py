"""Rows of files that were not stored: what somebody must still look at, and all that were left out with a reason."""

from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods

from healthhub.audit.log import record_access
from records.views.guards import CLINIC, ActingRequest, for_roles
from screening.forms.files import LeaveForm
from screening.imports.batches import NotAllowed, TooLate, decide_row
from screening.imports.left import (
    confirm_file,
    confirm_left,
    leave_wrong,
    left_out,
    queue_wrong,
    restore_row,
    to_confirm,
    waiting,
    waiting_count,
)
from screening.imports.review import line_of
from screening.imports.uploads import batches_of
from screening.models import BatchState, RowKind, RowState, StagedRow
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
            {"label": _("Đã loại khỏi tệp"), "href": "?tab=all", "count": None, "current": everything},
        ],
        "everything": everything,
        "next_page": f"?after={rows[PAGE - 1].pk}{tab}" if len(rows) > PAGE else "",
        "first_page": f"?{tab.lstrip('&')}" if request.GET.get("after") else "",
    }
    return render(request, "clinic/imports_left.html", context)


@for_roles(*CLINIC)
@require_http_methods(["GET", "POST"])
def settle(request: ActingRequest, row_id: int) -> HttpResponse:
    """A second look, the matching queue, stored after all; or a reason to leave it out, which is asked for first."""
    rows = StagedRow.objects.select_related("batch")
    row = get_object_or_404(rows, pk=row_id, batch__in=batches_of(facility_of(request).pk))
    act = request.POST.get("act", "")
    form = LeaveForm(request.POST if act == "leave" else None)
    leaving = form.leaving() if act == "leave" else None
    if request.method == "GET" or (act == "leave" and leaving is None):
        return _ask(request, row, form)
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
        elif leaving and row.batch.state == BatchState.REVIEW:
            decide_row(row=row, decision="left", actor=request.actor, leaving=leaving)
            return redirect(_place_of(row))
        elif leaving:
            leave_wrong(row=row, leaving=leaving, actor=request.actor)
            messages.success(request, _("Đã loại khỏi tệp với lý do. Dòng vẫn được giữ lại."))
    except (NotAllowed, TooLate) as error:
        messages.error(request, str(error))
    return redirect("clinic-imports-left")


@for_roles(*CLINIC)
@require_http_methods(["GET", "POST"])
def settle_file(request: ActingRequest, batch_id: int) -> HttpResponse:
    """A second look at what one file left out: a page of rows, and only those are confirmed that stood on it."""
    batch = get_object_or_404(batches_of(facility_of(request).pk), pk=batch_id)
    if request.method == "POST":
        shown = [int(one) for one in request.POST.getlist("row") if one.isdecimal() and len(one) < 19]
        try:
            count = confirm_file(batch=batch, rows=shown[:PAGE], actor=request.actor)
        except NotAllowed as error:
            messages.error(request, str(error))
        else:
            told = ngettext("Đã xác nhận %(count)d dòng.", "Đã xác nhận %(count)d dòng.", count)
            messages.success(request, told % {"count": count})
    found = to_confirm(batch, request.actor)
    rows = list(found.select_related("batch")[:PAGE])
    if request.method == "POST" or not rows:
        return redirect("clinic-imports-settle-file", batch.pk) if rows else redirect("clinic-imports-left")
    if people := sorted({one.patient for one in rows if one.patient}):
        record_access(actor=request.actor, action="view", patients=people, reason=request.path)
    context = {"lines": [line_of(one) for one in rows], "batch": batch, "total": found.count()}
    return render(request, "clinic/imports_left_file.html", context)


def _ask(request: ActingRequest, row: StagedRow, form: LeaveForm) -> HttpResponse:
    """Why the row is left out."""
    if row.patient:
        record_access(actor=request.actor, action="view", patients=[row.patient], reason=request.path)
    context = {"line": line_of(row), "batch": row.batch, "leave": form, "back": _place_of(row)}
    return render(request, "clinic/import_leave_row.html", context)


def _place_of(row: StagedRow) -> str:
    """Where the row is listed."""
    if row.batch.state != BatchState.REVIEW:
        return reverse("clinic-imports-left")
    return f"{reverse('clinic-import', args=[row.batch_id])}?tab={row.kind}&after={max(row.row - 1, 0)}"


def _page(request: ActingRequest, found: QuerySet[StagedRow]) -> list[StagedRow]:
    after = request.GET.get("after", "")
    if after.isdecimal() and len(after) < 19:
        found = found.filter(pk__gt=int(after))
    return list(found.select_related("batch").order_by("pk")[: PAGE + 1])


def _entry(one: StagedRow, request: ActingRequest) -> dict[str, Any]:
    return {
        "line": line_of(one),
        "batch": one.batch,
        "wrong": one.kind == RowKind.ERROR and one.state == RowState.STAGED,
        "asks": bool(one.flag) and not one.seen_at,
        "mine": one.left_by == request.actor.id,
        "seen": (one.seen_name, one.seen_at) if one.seen_at else None,
    }
