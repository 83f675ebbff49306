"""Booking, moving, cancelling, attendance: what pages and tasks call. Rules are in `rules`, for every door.

Who may do it is decided here, by person, facility and session; then the store is written in the actor's name with the
system's rights, for a session's facility owns its appointments whoever booked them.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from fhir.models import Resource
from fhir.outcomes import refuse
from fhir.store import Draft, Saved, save_many
from healthhub.accounts.actors import Actor, Role
from records.access import BOOKS, can_see
from records.models import Facility
from screening.appointments.shapes import WALK_IN, Service, appointment_resource, in_slot, without_slot
from screening.models.appointments import OPEN_STATUSES, Appointment, OpenTo, Slot

CHANGE_NOTICE: Final = timedelta(hours=24)
"""Until so long before it a citizen changes or cancels by herself; later she phones. The city's to set."""
CANCEL_REASONS: Final = ("person", "facility", "clinical", "deceased")


def book(*, patient_id: str, slot_id: str, actor: Actor) -> Saved:
    """Give somebody a place; an open appointment of hers for the same service is moved there, also from the queue.

    Refused: 403 not hers or not open to the actor, 404 no such slot, 409 booked meanwhile, 422 full, past or closed.
    """
    slot = _slot(slot_id)
    _may_book(patient_id, slot, actor)
    service = Service(slot.session.kind, slot.session.programme, slot.session.step)
    held = open_appointment(patient_id, service)
    if held is not None:
        return move(appointment_id=held.pk, slot_id=slot_id, actor=actor)
    return _save_new(patient_id, slot, status="booked", actor=actor)


def walk_in(*, patient_id: str, slot_id: str, actor: Actor) -> Saved:
    """Somebody stands at the desk: she has arrived, also where every place is taken. Who is booked just arrives."""
    slot = _slot(slot_id)
    _must_own(slot.session.facility_id, actor)
    if not can_see(actor, patient_id):
        raise refuse(403, "forbidden", "It is about a person whom your facility does not care for.", "Appointment")
    service = Service(slot.session.kind, slot.session.programme, slot.session.step)
    held = open_appointment(patient_id, service)
    if held is not None and held.day == slot.session.day:
        return mark(appointment_ids=[held.pk], status="arrived", actor=actor)[0]
    with transaction.atomic():
        if held is not None:
            _write(held, {"status": "cancelled", "cancelationReason": _reason("person")}, actor=actor)
        return _save_new(patient_id, slot, status="arrived", actor=actor, walk_in=True)


def move(*, appointment_id: str, slot_id: str, actor: Actor) -> Saved:
    """Give an open appointment another time. A citizen's must be hers, and not about to begin."""
    held, slot = _held(appointment_id), _slot(slot_id)
    may_change(held, actor)
    _may_book(held.patient_id, slot, actor)
    if (slot.session.kind, slot.session.programme, slot.session.step) != (held.kind, held.programme, held.step):
        raise refuse(422, "business-rule", "The slot is of another service.", "Appointment.slot")
    return _put(held, slot, actor=actor)


def cancel(*, appointment_id: str, actor: Actor, reason: str = "person") -> Saved:
    """Give the place back. `reason` is one of CANCEL_REASONS; it stays with the appointment."""
    if reason not in CANCEL_REASONS:
        raise refuse(422, "code-invalid", f"Reason {reason!r} is none of {', '.join(CANCEL_REASONS)}.", "reason")
    held = _held(appointment_id)
    may_change(held, actor)
    return _write(held, {"status": "cancelled", "cancelationReason": _reason(reason)}, actor=actor)


def mark(*, appointment_ids: Sequence[str], status: str, actor: Actor) -> list[Saved]:
    """Attendance: arrived, fulfilled, noshow, or booked to take one back. Only where the people are expected."""
    held = list(Appointment.objects.filter(pk__in=appointment_ids).order_by("pk"))
    if len(held) != len(set(appointment_ids)):
        raise refuse(404, "not-found", "There is no such appointment.", "Appointment")
    for one in held:
        _must_own(one.facility_id, actor)
    contents = _contents([one.pk for one in held])
    drafts = [Draft.of(_plain(contents[one.pk]) | {"status": status}, if_match=one.version) for one in held]
    return save_many(drafts, actor=acting(actor))


def wait(
    *,
    patient_id: str,
    facility: Facility,
    service: Service,
    actor: Actor,
    wanted_from: date | None = None,
    wanted_to: date | None = None,
) -> Saved:
    """Put somebody in line at a facility for a service; the queue serves her when a place becomes free."""
    _may_act_for(patient_id, actor)
    held = open_appointment(patient_id, service)
    if held is not None:
        raise refuse(409, "duplicate", f"Appointment/{held.pk} is this person's for the same service.", "Appointment")
    resource = _new(patient_id, facility, service, status="waitlist")
    period = {name: day.isoformat() for name, day in (("start", wanted_from), ("end", wanted_to)) if day is not None}
    if period:
        resource["requestedPeriod"] = [period]
    return save_many([Draft.of(resource, facility=facility.pk)], actor=acting(actor))[0]


def requeue(*, appointments: Iterable[Appointment], actor: Actor) -> list[Saved]:
    """Take people out of a session that will not be: they wait, before all others, and are told."""
    held = list(appointments)
    contents = _contents([one.pk for one in held])
    drafts = [
        Draft.of(without_slot(contents[one.pk]) | {"status": "waitlist", "priority": 1}, if_match=one.version)
        for one in held
    ]
    return save_many(drafts, actor=acting(actor)) if drafts else []


def put_into(*, places: Sequence[tuple[Appointment, Slot]], actor: Actor) -> list[Saved]:
    """Move many at once, each into a slot that the caller has chosen; all or none."""
    contents = _contents([held.pk for held, _slot in places])
    drafts = [_moved(held, slot, contents[held.pk]) for held, slot in places]
    return save_many(drafts, actor=acting(actor)) if drafts else []


def open_appointment(patient_id: str, service: Service) -> Appointment | None:
    """The one appointment that a person may hold of a service, waiting included."""
    return Appointment.objects.filter(
        patient_id=patient_id,
        kind=service.kind,
        programme=service.programme,
        step=service.step,
        status__in=OPEN_STATUSES,
    ).first()


def may_change(held: Appointment, actor: Actor) -> None:
    """Refused unless it is the citizen's own and early enough, or the actor cares for the person."""
    if actor.role is Role.CITIZEN:
        if held.patient_id != actor.patient:
            raise refuse(404, "not-found", "There is no such appointment.", "Appointment")
        if too_late(held):
            raise refuse(422, "too-late", "It is too late to change this here: please phone.", "Appointment.start")
    elif held.facility_id != actor.facility:
        _may_act_for(held.patient_id, actor)


def too_late(held: Appointment, now: datetime | None = None) -> bool:
    """Whether a citizen may no longer change it by herself."""
    return held.starts_at is not None and held.starts_at - (now or timezone.now()) < CHANGE_NOTICE


def acting(actor: Actor) -> Actor:
    """The actor by name, with the system's right to write for the facility that owns the appointment."""
    return replace(actor, role=Role.SYSTEM)


def _may_book(patient_id: str, slot: Slot, actor: Actor) -> None:
    _may_act_for(patient_id, actor)
    open_to, own = slot.session.open_to, slot.session.facility_id == actor.facility
    if actor.is_system or own or open_to == OpenTo.CITIZENS or (open_to == OpenTo.STAFF and actor.role in BOOKS):
        return
    raise refuse(403, "forbidden", "This session is not open to you.", "Appointment.slot")


def _may_act_for(patient_id: str, actor: Actor) -> None:
    if actor.is_system or (actor.role is Role.CITIZEN and actor.patient == patient_id):
        return
    if actor.role not in BOOKS or not can_see(actor, patient_id):
        raise refuse(403, "forbidden", "It is about a person whom your facility does not care for.", "Appointment")


def _must_own(facility: str, actor: Actor) -> None:
    if not actor.is_system and (actor.role not in BOOKS or actor.facility != facility):
        raise refuse(403, "forbidden", "Only the facility of the session records who came.", "Appointment.status")


def _save_new(patient_id: str, slot: Slot, *, status: str, actor: Actor, walk_in: bool = False) -> Saved:
    session = slot.session
    service = Service(session.kind, session.programme, session.step)
    resource = _new(patient_id, session.facility, service, status=status)
    resource = in_slot(resource, slot=slot.pk, starts_at=slot.starts_at, ends_at=slot.ends_at)
    if walk_in:
        resource["appointmentType"] = {"coding": [WALK_IN]}
    return save_many([Draft.of(resource, facility=session.facility_id)], actor=acting(actor))[0]


def _new(patient_id: str, facility: Facility, service: Service, *, status: str) -> dict[str, Any]:
    return appointment_resource(
        patient=patient_id,
        service=service,
        facility_code=facility.code or "",
        facility_name=facility.name,
        status=status,
        created=timezone.now(),
    )


def _put(held: Appointment, slot: Slot, *, actor: Actor) -> Saved:
    draft = _moved(held, slot, _contents([held.pk])[held.pk])
    return save_many([draft], actor=acting(actor))[0]


def _moved(held: Appointment, slot: Slot, content: dict[str, Any]) -> Draft:
    resource = in_slot(content, slot=slot.pk, starts_at=slot.starts_at, ends_at=slot.ends_at)
    return Draft.of(resource | {"status": "booked"}, if_match=held.version)


def _write(held: Appointment, changes: dict[str, Any], *, actor: Actor) -> Saved:
    content = _contents([held.pk])[held.pk]
    return save_many([Draft.of(content | changes, if_match=held.version)], actor=acting(actor))[0]


def _held(appointment_id: str) -> Appointment:
    held = Appointment.objects.select_related("facility").filter(pk=appointment_id).first()
    if held is None:
        raise refuse(404, "not-found", "There is no such appointment.", "Appointment")
    return held


def _slot(slot_id: str) -> Slot:
    slot = Slot.objects.select_related("session__facility").filter(pk=slot_id).first()
    if slot is None:
        raise refuse(404, "not-found", "There is no such slot.", "Appointment.slot")
    return slot


def _contents(keys: Sequence[str]) -> dict[str, dict[str, Any]]:
    rows = Resource.objects.filter(type="Appointment", id__in=keys, deleted=False).values_list("id", "content")
    return {key: json.loads(text, parse_float=Decimal) for key, text in rows}


def _plain(content: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in content.items() if key != "cancelationReason"}


def _reason(code: str) -> dict[str, Any]:
    return {"coding": [{"system": settings.FHIR_SYSTEMS["screening"], "code": f"cancelled-{code}"}]}
