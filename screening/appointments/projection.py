"""Hooks of the store: Schedule, Slot and Appointment as rows, what happened as events, Slot.status kept true."""

import json
from collections.abc import Iterable, Sequence, Set
from decimal import Decimal
from functools import partial
from typing import Any

from django.db import connection, transaction
from django.db.models import Min
from django.utils import timezone

from fhir.hooks import Change, on_rebuild, on_saved
from fhir.models import Resource
from fhir.outcomes import refuse
from fhir.store import Draft, save_many
from healthhub.accounts.actors import SYSTEM, Actor
from records.access import presented_at, share_writing
from screening.appointments import notices
from screening.appointments.attaching import note_offers
from screening.appointments.places import KEEPER, count_all, tell_free_or_busy
from screening.appointments.rows import deleted, event_of, rows_of
from screening.appointments.shapes import day_of, read_schedule, read_slot
from screening.models.appointments import (
    EXPECTED,
    HOLDS_NO_PLACE,
    OPEN_STATUSES,
    Appointment,
    AppointmentEvent,
    Session,
    Slot,
)

CHUNK = 1000
_STILL_IN = "Appointments are still in this %s: move or cancel them first."


def taking_place_at(ids: Set[str], facility: str) -> set[str]:
    """Appointments at a facility, which records who came whichever facility's software made them."""
    return set(Appointment.objects.filter(pk__in=ids, facility_id=facility).values_list("pk", flat=True))


share_writing("Appointment", taking_place_at)


@on_saved("Schedule")
def project_schedules(changes: Sequence[Change], *, actor: Actor) -> None:
    """Keep one Session for each Schedule of ours."""
    shapes = [(change, read_schedule(change.resource) if change.resource else None) for change in changes]
    gone = [change.id for change, shape in shapes if shape is None]
    if gone:
        if Appointment.objects.filter(slot__session__in=gone, status__in=EXPECTED).exists():
            raise refuse(409, "conflict", _STILL_IN % "session", "Schedule")
        Session.objects.filter(pk__in=gone).delete()
    rows = [
        Session(
            schedule_id=change.id,
            facility_id=change.facility,
            kind=shape.service.kind,
            programme=shape.service.programme,
            step=shape.service.step,
            day=day_of(shape.starts_at),
            starts_at=shape.starts_at,
            ends_at=shape.ends_at,
            place=shape.place,
            open_to=shape.open_to,
            active=shape.active,
            series=shape.series,
        )
        for change, shape in shapes
        if shape is not None and change.facility
    ]
    _upsert(Session, rows)


@on_saved("Slot")
def project_slots(changes: Sequence[Change], *, actor: Actor) -> None:
    """Keep one Slot for each FHIR Slot of a session of ours; new places go to those who wait."""
    shapes = [(change, read_slot(change.resource) if change.resource else None) for change in changes]
    sessions = set(
        Session.objects.filter(pk__in={shape.schedule for _c, shape in shapes if shape}).values_list("pk", flat=True)
    )
    gone = [change.id for change, shape in shapes if shape is None]
    if gone:
        if Appointment.objects.filter(slot__in=gone, status__in=EXPECTED).exists():
            raise refuse(409, "conflict", _STILL_IN % "slot", "Slot")
        Slot.objects.filter(pk__in=gone).delete()
    rows = [
        Slot(
            slot_id=change.id,
            session_id=shape.schedule,
            starts_at=shape.starts_at,
            ends_at=shape.ends_at,
            places=shape.places,
            open=shape.open,
        )
        for change, shape in shapes
        if shape is not None and shape.schedule in sessions
    ]
    _upsert(Slot, rows, keep=("taken",))
    if any(change.version > 1 for change in changes):
        tell_free_or_busy([row.slot_id for row in rows])
    if rows and actor.id != KEEPER.id:
        _serve_queue_afterwards()


@on_saved("Appointment")
def project_appointments(changes: Sequence[Change], *, actor: Actor) -> None:
    """Keep the rows, append what happened, count the places, tell the people; a place given back goes to the queue."""
    held = Appointment.objects.in_bulk([change.id for change in changes])
    rows, events = rows_of(changes, held), []
    now = timezone.now()
    gone = [held[change.id] for change in changes if change.deleted and change.id in held]
    for change in changes:
        if change.deleted and change.id in held:
            events.append(event_of(held[change.id], deleted(held[change.id], change), actor, now))
    for row in rows:
        old = held.get(row.pk)
        if old is None or (old.status, old.slot_id) != (row.status, row.slot_id):
            events.append(event_of(old, row, actor, now))
    _upsert(Appointment, rows)
    # whoever is to come somewhere is to be known there, whichever facility's software wrote it
    owners = {change.id: change.facility for change in changes}
    presented_at({(row.patient_id, row.facility_id) for row in rows if row.facility_id != owners[row.pk]})
    Appointment.objects.filter(pk__in=[row.pk for row in gone]).delete()
    AppointmentEvent.objects.bulk_create(events)
    before = {old.slot_id for old in held.values() if old.slot_id and old.status not in HOLDS_NO_PLACE}
    tell_free_or_busy({row.slot_id for row in rows if row.slot_id} | before)
    pairs = [(held.get(row.pk), row) for row in rows]
    notices.tell(pairs, actor=actor)
    note_offers(pairs, actor=actor)
    if before - {row.slot_id for row in rows if row.status not in HOLDS_NO_PLACE}:
        _serve_queue_afterwards()


@on_saved("Patient")
def cancel_for_the_dead(changes: Sequence[Change], *, actor: Actor) -> None:
    """Nobody waits for somebody who has died, and nothing is sent to the family."""
    dead = [change.id for change in changes if change.resource and change.version > 1 and _died(change.resource)]
    if dead and (keys := list(_open_of(dead))):
        drafts = []
        for content in _contents("Appointment", keys):
            reason = {"coding": [{"system": _CANCEL_REASONS, "code": "pat-dec"}]}
            drafts.append(Draft.of(content | {"status": "cancelled", "cancelationReason": reason}))
        save_many(drafts, actor=KEEPER)


_CANCEL_REASONS = "http://terminology.hl7.org/CodeSystem/appointment-cancellation-reason"


@on_rebuild
def rebuild() -> None:
    """Drop and remake sessions, slots and appointments from the stored resources; events stay as they are."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("LOCK TABLE fhir_resource IN SHARE MODE")
        Appointment.objects.all().delete()
        Slot.objects.all().delete()
        Session.objects.all().delete()
        for changes in _stored("Schedule"):
            project_schedules(changes, actor=SYSTEM)
        for changes in _stored("Slot"):
            project_slots(changes, actor=KEEPER)
        for changes in _stored("Appointment"):
            rows = rows_of(changes, {})
            since = dict(
                AppointmentEvent.objects.filter(appointment_id__in=[row.pk for row in rows])
                .values_list("appointment_id")
                .annotate(first=Min("at"))
            )
            for row in rows:
                row.queued_at = since.get(row.pk, row.queued_at)
            _upsert(Appointment, rows)
        count_all()


def _upsert(model: Any, rows: Sequence[Any], *, keep: Sequence[str] = ()) -> None:
    if not rows:
        return
    key = model._meta.pk.name
    fields = [field.name for field in model._meta.concrete_fields if field.name not in (key, *keep)]
    model.objects.bulk_create(rows, update_conflicts=True, unique_fields=[key], update_fields=fields, batch_size=CHUNK)


def _died(resource: dict[str, Any]) -> bool:
    return bool(resource.get("deceasedDateTime") or resource.get("deceasedBoolean"))


def _open_of(people: Sequence[str]) -> Iterable[str]:
    return Appointment.objects.filter(patient__in=people, status__in=OPEN_STATUSES).values_list("pk", flat=True)


def _contents(type_: str, keys: Sequence[str]) -> list[dict[str, Any]]:
    texts = Resource.objects.filter(type=type_, id__in=keys, deleted=False).values_list("content", flat=True)
    return [json.loads(text, parse_float=Decimal) for text in texts]


def _serve_queue_afterwards() -> None:
    from screening.appointments.queue import fill_places  # it books, so it stands above this module

    if Appointment.objects.filter(status="waitlist").exists():
        transaction.on_commit(partial(fill_places), robust=True)


def _stored(type_: str) -> Iterable[list[Change]]:
    after = ""
    while True:
        found = Resource.objects.filter(type=type_, deleted=False, id__gt=after).order_by("id")[:CHUNK]
        rows = list(found.values_list("id", "version", "patient", "facility", "content", "last_updated"))
        if not rows:
            return
        after = rows[-1][0]
        yield [
            Change(type_, id_, version, json.loads(text, parse_float=Decimal), patient, facility, None, when)
            for id_, version, patient, facility, text, when in rows
        ]
