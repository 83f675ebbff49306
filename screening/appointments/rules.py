"""What may be saved as a Schedule, Slot or Appointment, whichever door it comes through.

Capacity is enforced here and nowhere else: an appointment that takes a place first locks the stored Slot, in one order
for all, then counts. Of two bookers of the last place the second waits, counts again and is refused.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

from django.db.models import Count, Q
from django.utils import timezone

from fhir.hooks import Change, on_validate
from fhir.outcomes import Issue
from fhir.tables import lock_existing
from records.models import Citizen
from screening.appointments.shapes import (
    AppointmentShape,
    Service,
    day_of,
    read_appointment,
    read_schedule,
    read_slot,
)
from screening.models.appointments import (
    EXPECTED,
    HOLDS_NO_PLACE,
    OPEN_STATUSES,
    Appointment,
    Session,
    Slot,
)

Found = Iterator[tuple[int, Issue]]

ATTENDED: Final = frozenset({"arrived", "checked-in", "fulfilled"})
_HAPPENED: Final = ATTENDED | {"noshow"}
_WAYS: Final[Mapping[str, frozenset[str]]] = {
    "proposed": frozenset({"pending", "booked", "waitlist", "cancelled", "noshow", *ATTENDED}),
    "pending": frozenset({"proposed", "booked", "waitlist", "cancelled", "noshow", *ATTENDED}),
    "booked": frozenset({"proposed", "pending", "waitlist", "cancelled", "noshow", *ATTENDED}),
    "waitlist": frozenset({"proposed", "pending", "booked", "cancelled"}),
    "arrived": frozenset({"booked", "checked-in", "fulfilled", "noshow", "cancelled"}),
    "checked-in": frozenset({"arrived", "booked", "fulfilled", "noshow", "cancelled"}),
    "fulfilled": frozenset({"arrived", "checked-in", "booked", "noshow"}),
    "noshow": frozenset({"booked", "arrived", "checked-in", "fulfilled"}),
    "cancelled": frozenset(),
    "entered-in-error": frozenset(),
}


@on_validate("Schedule")
def check_schedules(changes: Sequence[Change]) -> Found:
    """A session with people in it may not vanish or move under them: they are moved or told first."""
    held = Session.objects.in_bulk([change.id for change in changes if change.version > 1])
    busy = _expected_by("slot__session_id", list(held)) if held else {}
    for position, change in enumerate(changes):
        if change.resource is None:
            continue
        shape, old = read_schedule(change.resource), held.get(change.id)
        if shape and shape.ends_at <= shape.starts_at:
            yield position, _issue("value", "Schedule.planningHorizon", "The session ends before it begins.")
        if old is None or not busy.get(change.id):
            continue
        kept = shape is not None and shape.active and shape.service == Service(old.kind, old.programme, old.step)
        if not kept or shape is None or day_of(shape.starts_at) != old.day:
            told = f"{busy[change.id]} appointments are still in this session: move or cancel them first."
            yield position, _issue("business-rule", "Schedule", told)


@on_validate("Slot")
def check_slots(changes: Sequence[Change]) -> Found:
    """A slot belongs to its facility's own session and keeps its time, and its places, while people hold them."""
    shapes = {position: read_slot(change.resource) for position, change in enumerate(changes) if change.resource}
    sessions = Session.objects.in_bulk({shape.schedule for shape in shapes.values() if shape})
    held = Slot.objects.in_bulk([change.id for change in changes if change.version > 1])
    busy = _expected_by("slot_id", list(held)) if held else {}
    for position, shape in shapes.items():
        change = changes[position]
        session = sessions.get(shape.schedule) if shape else None
        if session is not None and change.facility != session.facility_id:
            told = f"Schedule/{session.pk} is another facility's, which alone may add slots to it."
            yield position, _issue("forbidden", "Slot.schedule", told)
        if session is not None and shape is not None and not shape.starts_at < shape.ends_at:
            yield position, _issue("value", "Slot.end", "The slot ends before it begins.")
        old, people = held.get(change.id), busy.get(change.id, 0)
        if old is None or not people:
            continue
        if shape is None or not shape.open or (shape.starts_at, shape.schedule) != (old.starts_at, old.session_id):
            told = f"{people} appointments are still in this slot: move or cancel them first."
            yield position, _issue("business-rule", "Slot", told)
        elif shape.places < people:
            told = f"{people} appointments hold places of this slot, so it cannot have only {shape.places}."
            yield position, _issue("business-rule", "Slot.extension", told)


@on_validate("Appointment")
def check_appointments(changes: Sequence[Change]) -> Found:
    """One open appointment of a service for each person, never more than the slot has places, no impossible step."""
    shapes = {position: read_appointment(change.resource) for position, change in enumerate(changes) if change.resource}
    held = Appointment.objects.in_bulk([change.id for change in changes])
    named = {shape.slot for shape in shapes.values() if shape.slot} | {
        old.slot_id for old in held.values() if old.slot_id
    }
    if not named and not held and not any(shape.status == "waitlist" for shape in shapes.values()):
        return
    lock_existing([("Slot", name) for name in sorted(named)])
    slots = Slot.objects.select_related("session").in_bulk(named)
    taken = _taken(named, but={change.id for change in changes})
    ours: dict[int, AppointmentShape] = {}
    for position, shape in shapes.items():
        change, old = changes[position], held.get(changes[position].id)
        slot = slots.get(shape.slot or "")
        if slot is None and old is None and not (shape.status == "waitlist" and shape.service):
            if shape.slot and shape.service:
                told = f"Slot/{shape.slot} is not a slot of a session here."
                yield position, _issue("not-found", "Appointment.slot", told)
            continue
        ours[position] = shape
        yield from ((position, issue) for issue in _own_faults(shape, old, slot, change))
        if slot is not None and shape.status not in HOLDS_NO_PLACE:
            entering = old is None or old.slot_id != slot.pk or old.status in HOLDS_NO_PLACE
            if entering and not shape.walk_in and taken[slot.pk] >= slot.places:
                told = f"Slot/{slot.pk} has no place left ({slot.places} taken). Choose another slot."
                yield position, _issue("conflict", "Appointment.slot", told)
            taken[slot.pk] += 1
    yield from _doubles(changes, ours, slots)


def service_of(shape: AppointmentShape, slot: Slot | None, old: Appointment | None = None) -> Service | None:
    """What the appointment is for: its session's service, or while it waits the one it names."""
    if slot is not None:
        return Service(slot.session.kind, slot.session.programme, slot.session.step)
    return Service(old.kind, old.programme, old.step) if old is not None else shape.service


def _own_faults(shape: AppointmentShape, old: Appointment | None, slot: Slot | None, change: Change) -> Iterator[Issue]:
    now = timezone.now()
    if change.patient is None:
        yield _issue("required", "Appointment.participant", "An appointment needs the Patient who is to come.")
        return
    if old is not None and old.patient_id != change.patient:
        yield _issue("business-rule", "Appointment.participant", "An appointment stays with its person.")
    if slot is None and shape.status not in HOLDS_NO_PLACE:
        yield _issue("required", "Appointment.slot", "A slot of a session is needed for this status.")
        return
    before = old.status if old else ""
    if before and shape.status != before and shape.status not in _WAYS.get(before, frozenset()) | {"entered-in-error"}:
        yield _issue("business-rule", "Appointment.status", f"{before} cannot become {shape.status}.")
    if slot is None or shape.status in HOLDS_NO_PLACE:
        return
    if (shape.starts_at, shape.ends_at) != (slot.starts_at, slot.ends_at):
        yield _issue("value", "Appointment.start", "start and end must be those of the slot.")
    moved = old is None or old.slot_id != slot.pk
    if moved or before in HOLDS_NO_PLACE:
        yield from _entering_faults(shape, before, slot, now)
    if shape.status in _HAPPENED and day_of(slot.starts_at) > day_of(now):
        yield _issue("business-rule", "Appointment.status", "The day has not come: nobody can have come or not.")
    elif shape.status == "noshow" and before != "noshow" and slot.starts_at > now:
        yield _issue("business-rule", "Appointment.status", "The time has not come yet: she may still arrive.")


def _entering_faults(shape: AppointmentShape, before: str, slot: Slot, now: datetime) -> Iterator[Issue]:
    """Against coming into a slot, new or from another one."""
    if not slot.open or not slot.session.active:
        yield _issue("business-rule", "Appointment.slot", f"Slot/{slot.pk} is closed or its session cancelled.")
    if before in _HAPPENED:
        yield _issue("business-rule", "Appointment.slot", "Who has come, or not come, is not moved: make a new one.")
    if shape.status in EXPECTED and day_of(slot.starts_at) < day_of(now):
        yield _issue("business-rule", "Appointment.start", "This slot is in the past.")
    if shape.walk_in and shape.status in EXPECTED:
        yield _issue("business-rule", "Appointment.appointmentType", "A walk-in has arrived; others are booked.")


def _doubles(changes: Sequence[Change], ours: Mapping[int, AppointmentShape], slots: Mapping[str, Slot]) -> Found:
    """A second open appointment of one person for one service, and appointments of the dead."""
    wanted: dict[int, tuple[str, Service]] = {}
    held = Appointment.objects.in_bulk([changes[position].id for position in ours])
    for position, shape in ours.items():
        change = changes[position]
        service = service_of(shape, slots.get(shape.slot or ""), held.get(change.id))
        if change.patient and service and shape.status in OPEN_STATUSES:
            wanted[position] = (change.patient, service)
    if not wanted:
        return
    people = {patient for patient, _service in wanted.values()}
    dead = set(Citizen.objects.filter(pk__in=people, deceased=True).values_list("pk", flat=True))
    others = defaultdict(list)
    rows = Appointment.objects.filter(patient__in=people, status__in=OPEN_STATUSES)
    for one in rows.exclude(pk__in=[change.id for change in changes]):
        others[one.patient_id, Service(one.kind, one.programme, one.step)].append(one.pk)
    for position, key in wanted.items():
        if key[0] in dead:
            yield position, _issue("business-rule", "Appointment.participant", "This person has died.")
        if others[key]:
            told = f"Appointment/{others[key][0]} is this person's for the same service: change that one."
            yield position, _issue("duplicate", "Appointment", told)
        others[key].append(changes[position].id)


def _taken(slots: set[str], *, but: set[str]) -> Counter[str]:
    rows = Appointment.objects.filter(slot__in=slots).exclude(status__in=HOLDS_NO_PLACE).exclude(pk__in=but)
    return Counter(dict(rows.values_list("slot_id").annotate(people=Count("pk"))))


def _expected_by(field: str, keys: Sequence[str]) -> dict[str, int]:
    rows = Appointment.objects.filter(Q(**{f"{field}__in": keys}), status__in=EXPECTED)
    return dict(rows.values_list(field).annotate(people=Count("pk")))


def _issue(code: str, expression: str, diagnostics: str) -> Issue:
    return Issue("error", code, expression, diagnostics)
