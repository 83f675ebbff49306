"""A citizen's own appointments: what is booked, what may be booked, change, cancel, wait for a place."""

from collections.abc import Collection, Mapping
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from fhir.outcomes import Refused
from healthhub.accounts.actors import Actor, Role
from healthhub.audit.log import record_access
from records.models import Citizen
from records.sections import Section, register_section
from records.views.guards import ActingRequest, for_roles
from screening.appointments import booking, offers
from screening.appointments.refusals import told
from screening.appointments.shapes import Service
from screening.forms.appointments import WaitForm, service_key, service_of_key
from screening.models.appointments import EXPECTED, Appointment, AppointmentStatus
from screening.release import programmes_held

PAST = 10


@for_roles(Role.CITIZEN)
@require_GET
def appointments(request: ActingRequest) -> HttpResponse:
    """What is coming, what I wait for, what I may book, what was."""
    me = _me(request)
    record_access(
        actor=request.actor, action="view", patients=[me.pk], resource_type="Appointment", reason=request.path
    )
    today = timezone.localdate()
    mine = Appointment.objects.filter(patient_id=me.pk).exclude(status="entered-in-error")
    rows = list(mine.select_related("facility", "slot__session").order_by("starts_at", "pk"))
    hidden = programmes_held(me.pk, today)
    coming = [one for one in rows if one.status in EXPECTED and one.day and one.day >= today]
    context = {
        "coming": [_card(one, hidden) for one in coming],
        "waiting": [_card(one, hidden) for one in rows if one.status == "waitlist"],
        "past": [_card(one, hidden) for one in reversed(rows) if one not in coming and one.status != "waitlist"][:PAST],
        "wishes": [
            (one, service_key(one.service))
            for one in offers.wishes(me, actor=request.actor, on=today)
            if one.held is None and one.facilities
        ],
    }
    return render(request, "screening/me_appointments.html", context)


@for_roles(Role.CITIZEN)
@require_http_methods(["GET", "POST"])
def new(request: ActingRequest) -> HttpResponse:
    """Choose a time, or another time than the one that I have; wait for a place where all are taken."""
    me = _me(request)
    service = service_of_key(request.GET.get("service", ""))
    wish = next(
        (one for one in offers.wishes(me, actor=request.actor, on=timezone.localdate()) if one.service == service), None
    )
    if service is None or wish is None:
        raise Http404
    if request.method == "POST" and (answer := _do(request, me.pk, wish)):
        return answer
    found = offers.offers(service, actor=request.actor, due_on=wish.due_on)
    context = {
        "wish": wish,
        "service_key": service_key(service),
        "offers": found,
        "full": [one for one in wish.facilities if one.pk not in {offer.session.facility_id for offer in found}],
        "wait": WaitForm(),
    }
    return render(request, "screening/me_appointment_new.html", context)


@for_roles(Role.CITIZEN)
@require_http_methods(["GET", "POST"])
def cancel(request: ActingRequest, appointment_id: str) -> HttpResponse:
    """Cancel mine; too near to the time the page says whom to phone."""
    me = _me(request)
    held = Appointment.objects.filter(pk=appointment_id, patient_id=me.pk).select_related("facility").first()
    if held is None or held.status not in (*EXPECTED, "waitlist"):
        raise Http404
    if request.method == "POST":
        try:
            booking.cancel(appointment_id=held.pk, actor=request.actor)
        except Refused as refused:
            messages.error(request, told(refused))
        else:
            messages.success(request, _("Đã hủy. Bạn có thể đặt lại bất cứ lúc nào."))
        return redirect("me-appointments")
    return render(
        request,
        "screening/me_appointment_cancel.html",
        {"card": _card(held, programmes_held(me.pk, timezone.localdate()))},
    )


def home_section(patient: str, actor: Actor) -> Mapping[str, Any] | None:
    """For the citizen's home: the next appointment, nothing if there is none."""
    rows = Appointment.objects.filter(patient_id=patient, status__in=EXPECTED, day__gte=timezone.localdate())
    held = rows.select_related("facility", "slot__session").order_by("starts_at").first()
    return {"card": _card(held, programmes_held(patient, timezone.localdate()))} if held else None


def register() -> None:
    """Put the section on the citizen's home; called when the addresses are read."""
    register_section(Section("screening/me_appointment_section.html", home_section, order=5, codes=tuple))


def _do(request: ActingRequest, patient_id: str, wish: offers.Wish) -> HttpResponse | None:
    try:
        if slot := request.POST.get("slot"):
            booking.book(patient_id=patient_id, slot_id=slot, actor=request.actor)
            messages.success(request, _("Đã đặt lịch. Chúng tôi sẽ nhắc bạn trước 7 ngày và trước 1 ngày."))
        else:
            form = WaitForm(request.POST)
            place = next((one for one in wish.facilities if one.pk == request.POST.get("facility")), None)
            if place is None or not form.is_valid():
                return None
            booking.wait(
                patient_id=patient_id,
                facility=place,
                service=wish.service,
                actor=request.actor,
                **form.cleaned_data,
            )
            messages.success(
                request, _("Bạn đã vào danh sách chờ. Khi có chỗ, chúng tôi xếp lịch và báo ngay cho bạn.")
            )
    except Refused as refused:
        messages.error(request, told(refused))
        return None
    return redirect("me-appointments")


def _card(one: Appointment, hidden: Collection[str]) -> dict[str, Any]:
    """``hidden`` are the programmes in which a result is held back: the name of a step would tell what it says."""
    service = Service(one.kind, one.programme, one.step)
    return {
        "appointment": one,
        "service": offers.service_name(service, hidden=one.programme in hidden),
        "service_key": service_key(service),
        "word": AppointmentStatus(one.status).label,
        "place": one.slot.session.place if one.slot_id and one.slot else "",
        "late": booking.too_late(one),
    }


def _me(request: ActingRequest) -> Citizen:
    me = Citizen.objects.filter(pk=request.actor.patient).first() if request.actor.patient else None
    if me is None:
        raise Http404
    return me
