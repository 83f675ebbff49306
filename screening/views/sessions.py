"""The clinic's sessions: planned, changed, cancelled with the people in them, days off."""

from datetime import date, timedelta

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST

from fhir.outcomes import Refused
from healthhub.audit.log import record_access
from records.identity import identity
from records.views.guards import CLINIC, ActingRequest, for_roles
from screening.appointments import planning
from screening.appointments.offers import service_name
from screening.appointments.refusals import told
from screening.appointments.shapes import Service
from screening.forms.appointments import ChangeSessionForm, ClosedDayForm, SessionForm
from screening.forms.fields import day_in_address
from screening.models.appointments import ClosedDay, Session
from screening.views.desk import facility_of

WEEKS = 4


@for_roles(*CLINIC)
@require_http_methods(["GET", "POST"])
def sessions(request: ActingRequest) -> HttpResponse:
    """Four weeks of sessions with free and taken places, and the days off."""
    facility = facility_of(request)
    form = ClosedDayForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        closed = planning.close_day(facility=facility, actor=request.actor, **form.cleaned_data)
        left = Session.objects.filter(facility=facility, day=closed.day, active=True).count()
        if left:
            messages.warning(request, _("Ngày này vẫn còn buổi đã lập: hãy hủy từng buổi để chuyển người trong đó."))
        return redirect("clinic-sessions")
    first = day_in_address(request.GET.get("from", "")) or timezone.localdate()
    last = first + timedelta(weeks=WEEKS)
    found = Session.objects.filter(facility=facility, day__gte=first, day__lt=last).prefetch_related("slots")
    lines = [_line(one) for one in found.order_by("starts_at", "pk")]
    context = {
        "form": form,
        "lines": lines,
        "first": first,
        "last": last - timedelta(days=1),
        "before": first - timedelta(weeks=WEEKS),
        "after": last,
        "closed": ClosedDay.objects.filter(facility=facility, day__gte=timezone.localdate()).order_by("day"),
    }
    return render(request, "clinic/sessions.html", context)


@for_roles(*CLINIC)
@require_POST
def reopen(request: ActingRequest, day: str) -> HttpResponse:
    """Take a day off back."""
    chosen = day_in_address(day)
    if chosen is None:
        raise Http404
    planning.open_day(facility=facility_of(request), day=chosen, actor=request.actor)
    return redirect("clinic-sessions")


@for_roles(*CLINIC)
@require_http_methods(["GET", "POST"])
def new(request: ActingRequest) -> HttpResponse:
    """Plan one session, or many weeks of them."""
    facility = facility_of(request)
    form = SessionForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            made = planning.plan_sessions(facility=facility, plan=form.plan(), actor=request.actor)
        except Refused as refused:
            form.add_error(None, told(refused))
        else:
            count = len(made.sessions)
            text = ngettext("Đã lập %(count)d buổi.", "Đã lập %(count)d buổi.", count) % {"count": count}
            if made.closed:
                text += " " + _("Bỏ qua ngày nghỉ: %(days)s.") % {"days": _days(made.closed)}
            if made.taken:
                text += " " + _("Đã có buổi cùng giờ: %(days)s.") % {"days": _days(made.taken)}
            (messages.success if count else messages.warning)(request, text)
            return redirect("clinic-sessions")
    return render(request, "clinic/session_new.html", {"form": form, "facility": facility})


@for_roles(*CLINIC)
@require_http_methods(["GET", "POST"])
def session(request: ActingRequest, session_id: str) -> HttpResponse:
    """One session: its times, and what can be changed while people are in it."""
    found = _own(request, session_id)
    slots = list(found.slots.order_by("starts_at", "pk"))
    places = max((slot.places for slot in slots), default=1)
    form = ChangeSessionForm(
        request.POST or None, initial={"places": places, "open_to": found.open_to, "place": found.place}
    )
    if request.method == "POST" and form.is_valid():
        try:
            planning.change_session(session=found, actor=request.actor, **form.cleaned_data)
        except Refused:
            form.add_error("places", _("Đã có nhiều người hẹn hơn số chỗ này."))
        else:
            messages.success(request, _("Đã lưu thay đổi."))
            return redirect("clinic-session", found.pk)
    return render(request, "clinic/session.html", {"line": _line(found), "slots": slots, "form": form})


@for_roles(*CLINIC)
@require_http_methods(["GET", "POST"])
def cancel(request: ActingRequest, session_id: str) -> HttpResponse:
    """Cancel it: where everybody in it goes is shown, and can be changed, before anything is saved."""
    found = _own(request, session_id)
    if request.method == "POST":
        chosen = {key.removeprefix("to-"): str(value) for key, value in request.POST.items() if key.startswith("to-")}
        try:
            moved, queued = planning.cancel_session(session=found, moves=chosen, actor=request.actor)
        except Refused as refused:
            messages.error(request, told(refused))
        else:
            text = _("Đã hủy buổi: %(moved)d người được chuyển giờ, %(queued)d người vào đầu danh sách chờ.")
            messages.success(request, text % {"moved": moved, "queued": queued})
            return redirect("clinic-sessions")
    moves = planning.proposed_moves(found)
    if moves:
        people = {move.appointment.patient_id for move in moves}
        record_access(
            actor=request.actor, action="view", patients=people, resource_type="Appointment", reason=request.path
        )
    context = {
        "line": _line(found),
        "moves": [(move, identity(move.appointment.patient, with_area=False)) for move in moves],
    }
    return render(request, "clinic/session_cancel.html", context)


def _own(request: ActingRequest, session_id: str) -> Session:
    found = Session.objects.filter(pk=session_id, facility=facility_of(request)).first()
    if found is None:
        raise Http404
    return found


def _line(one: Session) -> dict[str, object]:
    slots = [slot for slot in one.slots.all() if slot.open]
    return {
        "session": one,
        "name": service_name(Service(one.kind, one.programme, one.step)),
        "places": sum(slot.places for slot in slots),
        "taken": sum(slot.taken for slot in slots),
        "free": sum(slot.free for slot in slots),
    }


def _days(found: list[date]) -> str:
    return ", ".join(f"{day:%d/%m/%Y}" for day in found)
