"""What a stored Appointment is as a row, and what its change is as an event."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.db.models import Q
from django.utils import timezone

from fhir.hooks import Change
from healthhub.accounts.actors import Actor
from records.models import Facility
from screening.appointments.rules import service_of
from screening.appointments.shapes import AppointmentShape, day_of, read_appointment
from screening.models.appointments import HOLDS_NO_PLACE, Appointment, AppointmentEvent, Slot


def rows_of(changes: Sequence[Change], held: Mapping[str, Appointment]) -> list[Appointment]:
    """The rows of those that are ours: in a slot of ours, or of one of our services and without a slot."""
    shapes = [(change, read_appointment(change.resource)) for change in changes if change.resource]
    slots = Slot.objects.select_related("session").in_bulk({shape.slot for _c, shape in shapes if shape.slot})
    places = _facilities(shapes, held)
    rows = []
    for change, shape in shapes:
        old, slot = held.get(change.id), slots.get(shape.slot or "")
        if shape.status == "waitlist":
            slot = None
        service = service_of(shape, slot, old)
        where = slot.session.facility_id if slot else places.get(shape.facility_code) or places.get(change.facility)
        if service is None or not change.patient or not where or (slot is None and shape.status not in HOLDS_NO_PLACE):
            continue
        rows.append(
            Appointment(
                appointment_id=change.id,
                patient_id=change.patient,
                slot=slot,
                facility_id=where,
                kind=service.kind,
                programme=service.programme,
                step=service.step,
                status=shape.status,
                walk_in=shape.walk_in,
                day=day_of(slot.starts_at) if slot else None,
                starts_at=slot.starts_at if slot else None,
                ends_at=slot.ends_at if slot else None,
                queued_at=old.queued_at if old else change.last_updated or timezone.now(),
                priority=shape.priority,
                wanted_from=shape.wanted_from,
                wanted_to=shape.wanted_to,
                reason=shape.reason,
                version=change.version,
            )
        )
    return rows


def _facilities(
    shapes: Iterable[tuple[Change, AppointmentShape]], held: Mapping[str, Appointment]
) -> dict[str | None, str]:
    """The facilities of appointments without a slot, by id and by code; no query if all have one."""
    loose = [(change, shape) for change, shape in shapes if not shape.slot or shape.status == "waitlist"]
    if not loose:
        return {}
    named = Q(pk__in={change.facility for change, _s in loose}) | Q(
        code__in={shape.facility_code for _c, shape in loose}
    )
    found: dict[str | None, str] = {}
    for key, code in Facility.objects.filter(named, code__isnull=False).values_list("pk", "code"):
        found[key] = found[str(code)] = key
    return found


def event_of(old: Appointment | None, row: Appointment, actor: Actor, now: Any) -> AppointmentEvent:
    return AppointmentEvent(
        appointment_id=row.pk,
        patient_id=row.patient_id,
        at=now,
        actor=actor.id,
        actor_name=actor.name[:255],
        from_status=old.status if old else "",
        to_status=row.status,
        from_starts_at=old.starts_at if old else None,
        to_starts_at=row.starts_at,
        reason=row.reason,
        version=row.version,
    )


def deleted(row: Appointment, change: Change) -> Appointment:
    gone = {"status": "entered-in-error", "reason": "deleted", "version": change.version}
    return Appointment(pk=row.pk, patient_id=row.patient_id, **gone)
