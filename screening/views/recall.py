"""The city's page of call and recall: the last run, the nightly books, who is behind a difference, places of a day."""

from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from healthhub.accounts.actors import Role
from healthhub.audit.log import record_access
from records.models import Area, Facility
from records.views.guards import CITY, CLINIC, ActingRequest, for_roles
from screening.citizen import here
from screening.forms.recall import BooksForm, PlacesForm
from screening.models import RecallRun
from screening.protocol import current, programmes
from screening.recall import lists
from screening.recall.capacity import places, set_places
from screening.views.desk import facility_of

KINDS = ("missing", "surplus", "unclear", "wrong")
PAGE = 50


@for_roles(*CITY)
@require_GET
def recall(request: ActingRequest) -> HttpResponse:
    """Run, alarms and balance of one programme; the filters are in the address."""
    form = BooksForm(request.GET or None)
    asked: dict[str, Any] = form.asked() if request.GET else {"programme": "", "place": None}
    asked["programme"] = asked["programme"] or lists.most_pressing(programmes())
    programme, place, today = asked["programme"], asked["place"], timezone.localdate()
    night = lists.newest_night(programme)
    rows = lists.books(programme, night, place=place) if night else []
    record_access(actor=request.actor, action="view", patients=[None], resource_type="Balance", reason=request.path)
    context = {
        "form": BooksForm(initial=asked),
        "programme": programme,
        "name": here(current(programme).name),
        "place": Area.objects.filter(pk=place).first() if place else None,
        "night": night,
        "run": RecallRun.objects.order_by("-on", "-id").first(),
        "rows": [row | {"figures": _figures(row)} for row in rows],
        "total": _total(rows) | {"figures": _figures(_total(rows))},
        "heads": [figure["label"] for figure in _figures(_total([]))],
        "alarms": [(alarm, here(current(alarm.programme).name)) for alarm in lists.unsent(today)],
        "waiting": lists.waiting_by_facility(programme, today)[:PAGE],
        "put_right": lists.put_right().filter(programme=programme).count(),
        "reviews": lists.ceased_for_review(today, actor=None).count(),
        "rerun": f"?{urlencode({'programme': programme})}",
    }
    return render(request, "city/recall.html", context)


@for_roles(*CITY)
@require_GET
def differences(request: ActingRequest, programme: str, kind: str) -> HttpResponse:
    """Who is behind a figure of the books: by record number, place and facility, for officers see nobody's name."""
    if programme not in programmes() or kind not in KINDS:
        raise Http404
    found = lists.differences(programme, kind)
    if after := request.GET.get("after", ""):
        found = found.filter(patient_id__gt=after)
    rows = list(found[: PAGE + 1])
    shown = rows[:PAGE]
    record_access(
        actor=request.actor,
        action="view",
        patients=[row.patient_id for row in shown] or [None],
        resource_type="Balance",
        reason=request.path,
    )
    context = {
        "programme": programme,
        "name": here(current(programme).name),
        "kind": kind,
        "rows": shown,
        "next_page": f"?after={shown[-1].patient_id}" if len(rows) > PAGE else "",
        "tabs": [
            {"label": str(label), "href": f"../{key}/", "current": key == kind, "count": None}
            for key, label in (
                ("missing", _("Thiếu trong danh sách")),
                ("surplus", _("Thừa trong danh sách")),
                ("unclear", _("Chưa rõ")),
                ("wrong", _("Đếm lại thấy sai")),
            )
        ],
    }
    return render(request, "city/recall_differences.html", context)


@for_roles(Role.OFFICER)
@require_http_methods(["GET", "POST"])
def city_places(request: ActingRequest, programme: str, facility_id: str) -> HttpResponse:
    """Places of a facility, or of the department ("department"), set by an officer."""
    facility = Facility.objects.filter(pk=facility_id).first() if facility_id != "department" else None
    if programme not in programmes() or (facility is None and facility_id != "department"):
        raise Http404
    return _places(request, programme, facility, back=f"/city/recall/?programme={programme}")


@for_roles(*CLINIC)
@require_http_methods(["GET", "POST"])
def clinic_places(request: ActingRequest, programme: str) -> HttpResponse:
    """Places of the own facility."""
    if programme not in programmes():
        raise Http404
    return _places(request, programme, facility_of(request), back="/clinic/recall/")


def _places(request: ActingRequest, programme: str, facility: Facility | None, *, back: str) -> HttpResponse:
    known = _week(facility, programme)
    form = PlacesForm(request.POST or None, places=known)
    if form.is_valid():
        for weekday, (old, new) in enumerate(zip(known, form.chosen(), strict=True)):
            if old != new:
                set_places(
                    facility=facility.pk if facility else None,
                    programme=programme,
                    places=new,
                    weekday=weekday,
                    actor=request.actor,
                )
        messages.success(request, _("Đã lưu số người mời mỗi ngày."))
        return redirect(back)
    context = {
        "form": form,
        "name": here(current(programme).name),
        "facility": facility.name if facility else _("Sở Y tế"),
        "back": back,
    }
    return render(request, "city/recall_places.html", context)


def _week(facility: Facility | None, programme: str) -> list[int]:
    today = timezone.localdate()
    monday = today - timedelta(days=today.weekday())
    return [
        places(facility.pk if facility else None, programme, monday + timedelta(days=weekday)) for weekday in range(7)
    ]


def _total(rows: list[dict[str, Any]]) -> dict[str, int]:
    return {f"sum_{name}": sum(row[f"sum_{name}"] for row in rows) for name in lists.FIGURES}


def _figures(row: dict[str, Any]) -> list[dict[str, Any]]:
    """A row's cells, head and value, in order."""
    heads = {
        "eligible": _("Thuộc diện"),
        "screened": _("Đã sàng lọc"),
        "due": _("Đến hạn"),
        "overdue": _("Quá hạn"),
        "deferred": _("Đã hoãn"),
        "ceased": _("Ngừng mời"),
        "unreachable": _("Không liên lạc được"),
        "missing": _("Thiếu"),
        "surplus": _("Thừa"),
        "unclear": _("Chưa rõ"),
        "excluded": _("Loại trừ"),
    }
    return [{"label": heads[name], "value": row[f"sum_{name}"]} for name in lists.FIGURES]
