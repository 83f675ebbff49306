"""Sessions: planned for one day or many weeks, changed, cancelled with everybody in them looked after."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from fhir.ids import new_id
from fhir.models import Resource
from fhir.outcomes import refuse
from fhir.store import Draft, save_many
from healthhub.accounts.actors import Actor
from records.models import Facility
from screening.appointments.booking import put_into, requeue
from screening.appointments.shapes import OPEN_TO, PLACES, Service, schedule_resource, slot_resource
from screening.facts import ZONE
from screening.models.appointments import EXPECTED, Appointment, ClosedDay, Session, Slot

MOST_WEEKS: Final = 52
MOST_SLOTS: Final = 2000


@dataclass(frozen=True, slots=True)
class Plan:
    """What a facility offers: one day, or the same weekday for some weeks."""

    service: Service
    day: date
    starts: time
    ends: time
    minutes: int
    places: int
    weeks: int = 1
    place: str = ""
    open_to: str = "own"


@dataclass(frozen=True, slots=True)
class Planned:
    """The sessions made, and the days left out: closed, or with a session of this service at this time already."""

    sessions: list[str]
    closed: list[date]
    taken: list[date]


def plan_sessions(*, facility: Facility, plan: Plan, actor: Actor) -> Planned:
    """Make the sessions with their free slots, all or none. Refused (422): no slot fits, too many, in the past."""
    times = slot_times(plan)
    if not times:
        raise refuse(422, "value", "Not even one slot fits between from and to.", "minutes")
    if plan.day < timezone.localdate():
        raise refuse(422, "value", "The first day is in the past.", "day")
    if not 1 <= plan.weeks <= MOST_WEEKS or len(times) * plan.weeks > MOST_SLOTS:
        raise refuse(422, "too-costly", f"At most {MOST_WEEKS} weeks and {MOST_SLOTS} slots at once.", "weeks")
    days = [plan.day + timedelta(weeks=week) for week in range(plan.weeks)]
    closed = set(ClosedDay.objects.filter(facility=facility, day__in=days).values_list("day", flat=True))
    taken = _taken_days(facility, plan, days)
    series = new_id() if plan.weeks > 1 else ""
    drafts: list[Draft] = []
    sessions: list[str] = []
    for day in days:
        if day in closed or day in taken:
            continue
        sessions.append(new_id())
        drafts += _drafts(facility, plan, day, times, session=sessions[-1], series=series)
    with transaction.atomic():
        save_many(drafts, actor=actor)
    return Planned(sessions, sorted(closed), sorted(taken - closed))


def slot_times(plan: Plan) -> list[tuple[time, time]]:
    """Begin and end of each slot of a day."""
    anchor = date(2000, 1, 1)
    at, last = datetime.combine(anchor, plan.starts), datetime.combine(anchor, plan.ends)
    step, found = timedelta(minutes=plan.minutes), []
    while plan.minutes > 0 and at + step <= last:
        found.append((at.time(), (at + step).time()))
        at += step
    return found


def expected_in(session: Session) -> list[Appointment]:
    """Who is still expected in a session, in order of time."""
    rows = Appointment.objects.filter(slot__session=session, status__in=EXPECTED)
    return list(rows.select_related("patient", "slot").order_by("starts_at", "patient__sort_key", "pk"))


@dataclass(frozen=True, slots=True)
class Move:
    """Where a person of a cancelled session goes: into this slot, or with None to the front of the queue."""

    appointment: Appointment
    slot: Slot | None


def proposed_moves(session: Session, *, within_days: int = 28) -> list[Move]:
    """For everybody in the session the nearest free place of the same service here, in their order; one each."""
    people = expected_in(session)
    if not people:
        return []
    free = Slot.objects.filter(
        open=True,
        taken__lt=F("places"),
        starts_at__gt=timezone.now(),
        session__active=True,
        session__facility_id=session.facility_id,
        session__kind=session.kind,
        session__programme=session.programme,
        session__step=session.step,
        session__day__lte=session.day + timedelta(days=within_days),
    ).exclude(session=session)
    nearest = sorted(free.select_related("session"), key=lambda slot: abs(slot.starts_at - session.starts_at))
    places = (slot for slot in nearest for _place in range(slot.free))
    return [Move(one, next(places, None)) for one in people]


def cancel_session(*, session: Session, moves: Mapping[str, str], actor: Actor) -> tuple[int, int]:
    """Cancel it: each person in it goes where `moves` (appointment -> slot, "" for the queue) says.

    Answers how many were moved and how many queue. Refused: 409 if somebody is in it whom `moves` does not name (booked
    while the page was open), 422 if a chosen place was taken meanwhile. All or nothing.
    """
    _must_own(session, actor)
    with transaction.atomic():
        people = expected_in(session)
        if unnamed := [one.pk for one in people if one.pk not in moves]:
            raise refuse(409, "conflict", f"{len(unnamed)} more people are in it now: look again.", "Schedule")
        slots = Slot.objects.select_related("session").in_bulk({key for key in moves.values() if key})
        if any(slot.session.facility_id != session.facility_id for slot in slots.values()):
            raise refuse(403, "forbidden", "People are moved within your facility only.", "Appointment.slot")
        moved = [(one, slots[moves[one.pk]]) for one in people if moves[one.pk] in slots]
        queued = [one for one in people if moves[one.pk] not in slots]
        put_into(places=moved, actor=actor)
        requeue(appointments=queued, actor=actor)
        _save(session, {"active": False}, actor=actor)
        _close_slots(session, actor=actor)
    return len(moved), len(queued)


def change_session(*, session: Session, place: str, open_to: str, places: int, actor: Actor) -> None:
    """Another place, other bookers, more or fewer places a slot. Times stay: for those cancel and plan anew."""
    _must_own(session, actor)
    with transaction.atomic():
        content = _content("Schedule", [session.pk])[session.pk]
        others = [one for one in content.get("extension") or () if one.get("url") != OPEN_TO]
        content |= {"extension": [*others, {"url": OPEN_TO, "valueCode": open_to}], "comment": place}
        drafts = [Draft.of(_without_empty(content))]
        for slot in _content("Slot", list(session.slots.values_list("pk", flat=True))).values():
            rest = [one for one in slot.get("extension") or () if one.get("url") != PLACES]
            drafts.append(Draft.of(slot | {"extension": [*rest, {"url": PLACES, "valuePositiveInt": places}]}))
        save_many(drafts, actor=actor)


def close_day(*, facility: Facility, day: date, note: str, actor: Actor) -> ClosedDay:
    """Plan nothing on that day; what is planned already stays until it is cancelled with its people."""
    if actor.facility != facility.pk:
        raise refuse(403, "forbidden", "Only the facility itself closes a day.", "day")
    return ClosedDay.objects.update_or_create(facility=facility, day=day, defaults={"note": note})[0]


def open_day(*, facility: Facility, day: date, actor: Actor) -> None:
    """Plan on that day again."""
    if actor.facility != facility.pk:
        raise refuse(403, "forbidden", "Only the facility itself opens a day.", "day")
    ClosedDay.objects.filter(facility=facility, day=day).delete()


def _drafts(
    facility: Facility, plan: Plan, day: date, times: Sequence[tuple[time, time]], *, session: str, series: str
) -> Iterator[Draft]:
    schedule = schedule_resource(
        facility_code=facility.code or "",
        facility_name=facility.name,
        service=plan.service,
        starts_at=_at(day, times[0][0]),
        ends_at=_at(day, times[-1][1]),
        place=plan.place,
        open_to=plan.open_to,
        series=series,
    )
    yield _fresh(schedule | {"id": session}, facility)
    for begin, end in times:
        slot = slot_resource(
            schedule=session,
            service=plan.service,
            starts_at=_at(day, begin),
            ends_at=_at(day, end),
            places=plan.places,
        )
        yield _fresh(slot | {"id": new_id()}, facility)


def _fresh(resource: dict[str, Any], facility: Facility) -> Draft:
    draft = Draft.of(resource, facility=facility.pk)
    draft.fresh = True
    return draft


def _taken_days(facility: Facility, plan: Plan, days: Sequence[date]) -> set[date]:
    """Days on which this very service is offered at the same time: a form sent twice makes nothing twice."""
    found = Session.objects.filter(
        facility=facility,
        active=True,
        kind=plan.service.kind,
        programme=plan.service.programme,
        step=plan.service.step,
        day__in=days,
        starts_at__time__lt=plan.ends,
        ends_at__time__gt=plan.starts,
    )
    return set(found.values_list("day", flat=True))


def _close_slots(session: Session, *, actor: Actor) -> None:
    slots = _content("Slot", list(session.slots.filter(open=True).values_list("pk", flat=True)))
    drafts = [Draft.of(slot | {"status": "busy-unavailable"}) for slot in slots.values()]
    if drafts:
        save_many(drafts, actor=actor)


def _save(session: Session, changes: dict[str, Any], *, actor: Actor) -> None:
    save_many([Draft.of(_content("Schedule", [session.pk])[session.pk] | changes)], actor=actor)


def _content(type_: str, keys: Sequence[str]) -> dict[str, dict[str, Any]]:
    rows = Resource.objects.filter(type=type_, id__in=keys, deleted=False).values_list("id", "content")
    return {key: json.loads(text, parse_float=Decimal) for key, text in rows}


def _without_empty(resource: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in resource.items() if value not in ("", [])}


def _must_own(session: Session, actor: Actor) -> None:
    if not actor.is_system and session.facility_id != actor.facility:
        raise refuse(403, "forbidden", "It is another facility's session.", "Schedule")


def _at(day: date, at: time) -> datetime:
    return datetime.combine(day, at, tzinfo=ZONE)
