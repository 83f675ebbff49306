"""The clinic's appointments: the day, one appointment, booking for a person, the waiting list, closing the day."""

from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from fhir.outcomes import Refused
from healthhub.audit.log import record_access
from records.access import visible_to
from records.identity import identity
from records.models import Facility
from records.views.guards import CLINIC, ActingRequest, for_roles
from screening.appointments import booking, days, offers, queue
from screening.appointments.due import being_worked_out, due_for
from screening.appointments.refusals import told
from screening.appointments.shapes import Service
from screening.forms.appointments import CancelForm, CloseDayForm, WaitForm, service_key, service_of_key
from screening.forms.fields import day_in_address
from screening.models.appointments import Appointment, AppointmentEvent, AppointmentStatus, SessionKind
from screening.views.desk import facility_of, person_of

MARKS = ("arrived", "fulfilled", "noshow", "booked")
LIMIT = 200


@for_roles(*CLINIC)
@require_GET
def day(request: ActingRequest) -> HttpResponse:
    """Who comes on a day; today without one. Days of the past that nobody has closed are an alarm on top."""
    facility = facility_of(request)
    today = timezone.localdate()
    shown = day_in_address(request.GET.get("day", "")) or today
    found = days.day_list(facility=facility.pk, day=shown, actor=request.actor, reason=request.path)
    context = {
        "found": found,
        "today": today,
        "facility": facility,
        "before": shown - timedelta(days=1),
        "after": shown + timedelta(days=1),
        "unclosed": days.unclosed_days(facility.pk, today=today),
        "waiting": queue.waiting(facility.pk).count(),
        "can_close": shown <= today and found.open,
        "counts": [(AppointmentStatus(status).label, count) for status, count in found.counts.items()],
    }
    return render(request, "clinic/appointments.html", context)


@for_roles(*CLINIC)
@require_http_methods(["GET", "POST"])
def close(request: ActingRequest) -> HttpResponse:
    """Close a day: for everybody still open, came or not. Nothing is guessed: the list is shown before it is saved."""
    facility = facility_of(request)
    chosen = day_in_address(request.GET.get("day", "")) or timezone.localdate()
    people = days.to_close(facility=facility.pk, day=chosen, actor=request.actor)
    form = CloseDayForm(request.POST or None, people=people)
    if request.method == "POST" and form.is_valid():
        try:
            count = days.close_day(answers=form.cleaned_data, actor=request.actor)
        except Refused as refused:
            form.add_error(None, told(refused))
        else:
            text = ngettext("Đã ghi cho %(count)d người.", "Đã ghi cho %(count)d người.", count)
            messages.success(request, text % {"count": count})
            return redirect(f"{reverse('clinic-appointments')}?day={chosen:%Y-%m-%d}")
    if people:
        names = {one.patient_id for one in people}
        record_access(
            actor=request.actor, action="view", patients=names, resource_type="Appointment", reason=request.path
        )
    now = timezone.now()
    context = {
        "form": form,
        "day": chosen,
        "fields": [(days.line_of(one, now=now), form[one.pk]) for one in people],
    }
    return render(request, "clinic/appointments_close.html", context)


@for_roles(*CLINIC)
@require_GET
def appointment(request: ActingRequest, appointment_id: str) -> HttpResponse:
    """One appointment: what it is, what may be done, all that happened to it, and what screening she is due for."""
    held = _held(request, appointment_id)
    person = person_of(request, held.patient_id)
    service = Service(held.kind, held.programme, held.step)
    due_on = offers.due_of(held.patient_id, service) if held.kind == SessionKind.ASSESSMENT else None
    context = {
        "line": days.line_of(held, now=timezone.now()),
        "own": held.facility_id == request.actor.facility,
        "person": identity(person, with_area=False),
        "service": offers.service_name(service),
        "service_key": service_key(service),
        "due_on": due_on,
        "late": offers.late_warning(held.day, due_on) if held.day else "",
        "events": AppointmentEvent.objects.filter(appointment_id=held.pk).order_by("-at", "-pk"),
        "words": dict(AppointmentStatus.choices),
        "changeable": held.status in ("booked", "proposed", "pending", "waitlist"),
        "due": due_for(held.patient_id, on=timezone.localdate()),
        "changing": being_worked_out(held.patient_id),
    }
    return render(request, "clinic/appointment.html", context)


@for_roles(*CLINIC)
@require_POST
def status(request: ActingRequest, appointment_id: str) -> HttpResponse:
    """One click: arrived, done, no-show, or take it back. Back to the line that was clicked."""
    held = _held(request, appointment_id)
    wanted = request.POST.get("status", "")
    if wanted not in MARKS:
        raise Http404
    try:
        booking.mark(appointment_ids=[held.pk], status=wanted, actor=request.actor)
    except Refused as refused:
        messages.error(request, told(refused))
    if request.POST.get("back") == "appointment":
        return redirect("clinic-appointment", held.pk)
    return redirect(f"{reverse('clinic-appointments')}?day={held.day:%Y-%m-%d}#a-{held.pk}")


@for_roles(*CLINIC)
@require_http_methods(["GET", "POST"])
def cancel(request: ActingRequest, appointment_id: str) -> HttpResponse:
    """Give a place back, with the reason."""
    held = _held(request, appointment_id)
    person = person_of(request, held.patient_id)
    form = CancelForm(request.POST or None)
    if form.is_valid():
        try:
            booking.cancel(appointment_id=held.pk, actor=request.actor, reason=form.cleaned_data["reason"])
        except Refused as refused:
            form.add_error(None, told(refused))
        else:
            messages.success(request, _("Đã hủy. Chỗ này được dành cho người đang chờ."))
            return redirect("clinic-person", held.patient_id)
    context = {
        "form": form,
        "person": identity(person, with_area=False),
        "line": days.line_of(held, now=timezone.now()),
        "service": offers.service_name(Service(held.kind, held.programme, held.step)),
    }
    return render(request, "clinic/appointment_cancel.html", context)


@for_roles(*CLINIC)
@require_http_methods(["GET", "POST"])
def new(request: ActingRequest, patient_id: str) -> HttpResponse:
    """Book, or move what is booked: free places of a service, soonest first, those after the due date marked."""
    facility = facility_of(request)
    person = person_of(request, patient_id)
    wishes = offers.wishes(person, actor=request.actor, on=timezone.localdate())
    service = service_of_key(request.GET.get("service", "")) or (wishes[0].service if wishes else None)
    if service is None:
        return render(request, "clinic/appointment_new.html", {"person": identity(person, with_area=False)})
    if request.method == "POST":
        answer = _book(request, patient_id, service, facility)
        if answer is not None:
            return answer
    due_on = offers.due_of(patient_id, service)
    where = request.GET.get("facility", "")
    found = offers.offers(service, actor=request.actor, due_on=due_on, facility=where)
    context = {
        "person": identity(person, with_area=False),
        "service": service,
        "service_key": service_key(service),
        "name": offers.service_name(service),
        "services": [(service_key(one.service), one.name) for one in wishes],
        "held": booking.open_appointment(patient_id, service),
        "due_on": due_on,
        "in_time": [one for one in found if not one.late],
        "late": [one for one in found if one.late],
        "facilities": sorted(
            {(one.session.facility_id, one.session.facility.name) for one in found}, key=lambda x: x[1]
        ),
        "where": where,
        "wait": WaitForm(request.POST if request.POST.get("wait") else None),
        "facility": facility,
    }
    return render(request, "clinic/appointment_new.html", context)


def _book(request: ActingRequest, patient_id: str, service: Service, facility: Facility) -> HttpResponse | None:
    """Do what the page asked; None to show it again with the reason on top."""
    try:
        if slot := request.POST.get("slot"):
            saved = booking.book(patient_id=patient_id, slot_id=slot, actor=request.actor)
            messages.success(request, _("Đã hẹn."))
        else:
            form = WaitForm(request.POST)
            if not form.is_valid():
                return None
            saved = booking.wait(
                patient_id=patient_id, facility=facility, service=service, actor=request.actor, **form.cleaned_data
            )
            messages.success(request, _("Đã vào danh sách chờ. Khi có chỗ, người đứng đầu được xếp ngay và được báo."))
    except Refused as refused:
        messages.error(request, told(refused))
        return None
    return redirect("clinic-appointment", saved.id)


@for_roles(*CLINIC)
@require_http_methods(["GET", "POST"])
def walk_in(request: ActingRequest, patient_id: str) -> HttpResponse:
    """Somebody is here without an appointment: which of today's sessions takes her."""
    facility = facility_of(request)
    person = person_of(request, patient_id)
    if request.method == "POST":
        try:
            saved = booking.walk_in(patient_id=patient_id, slot_id=request.POST.get("slot", ""), actor=request.actor)
        except Refused as refused:
            messages.error(request, told(refused))
        else:
            return redirect("clinic-appointment", saved.id)
    context = {
        "person": identity(person, with_area=False),
        "sessions": days.today_for_walk_ins(facility.pk, now=timezone.now()),
    }
    return render(request, "clinic/appointment_walk_in.html", context)


@for_roles(*CLINIC)
@require_GET
def waiting(request: ActingRequest) -> HttpResponse:
    """Who waits for a place here, and who must be given a new day: did not come, or lost the place."""
    facility = facility_of(request)
    mine = visible_to(request.actor)
    lines = queue.waiting(facility.pk).filter(patient__in=mine).select_related("patient")[:LIMIT]
    again = queue.to_rebook(facility.pk).filter(patient__in=mine).select_related("patient")[:LIMIT]
    people = {one.patient_id for one in (*lines, *again)}
    if people:
        record_access(
            actor=request.actor, action="view", patients=people, resource_type="Appointment", reason=request.path
        )
    context = {"lines": [_in_line(one) for one in lines], "again": [_in_line(one) for one in again], "limit": LIMIT}
    return render(request, "clinic/appointments_waiting.html", context)


def _in_line(one: Appointment) -> dict[str, Any]:
    """Somebody who waits for a place, or must get another one."""
    service = Service(one.kind, one.programme, one.step)
    line = days.line_of(one, now=timezone.now())
    return {"line": line, "service": offers.service_name(service), "key": service_key(service)}


def _held(request: ActingRequest, appointment_id: str) -> Appointment:
    """An appointment at this facility, or of somebody whom it cares for; 404 for all others."""
    facility_of(request)
    mine = Appointment.objects.filter(patient__in=visible_to(request.actor))
    held = mine.select_related("patient", "facility", "slot__session").filter(pk=appointment_id).first()
    if held is None:
        raise Http404
    return held
