"""The day list: who comes, who came, who did not, and what still has to be closed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, NamedTuple

from django.db import transaction
from django.db.models import Count, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from healthhub.accounts.actors import Actor
from healthhub.audit.log import record_access
from records.access import visible_to
from records.identity import Identity, identity
from screening.appointments.booking import mark
from screening.appointments.offers import service_name
from screening.appointments.shapes import Service
from screening.models.appointments import EXPECTED, Appointment, AppointmentStatus, Session, Slot

HERE: Final = ("arrived", "checked-in")
KINDS: Final[Mapping[str, str]] = {
    "booked": "wait",
    "proposed": "wait",
    "pending": "wait",
    "arrived": "act",
    "checked-in": "act",
    "fulfilled": "good",
    "noshow": "urgent",
    "cancelled": "none",
    "waitlist": "act",
    "entered-in-error": "none",
}


class Way(NamedTuple):
    """A status that one click may give, its button and the key that presses it, "" for none."""

    status: str
    label: str
    key: str


@dataclass(frozen=True, slots=True)
class Line:
    """One appointment of the day, and what one click may make of it now."""

    appointment: Appointment
    person: Identity
    kind: str
    word: str
    ways: list[Way]


@dataclass(frozen=True, slots=True)
class SessionDay:
    """A session with its people; `free` places can still be booked, or given to a walk-in."""

    session: Session
    name: str
    lines: list[Line]
    free: int
    places: int


@dataclass(frozen=True, slots=True)
class DayList:
    """`counts` by status; `open` are those whose attendance is still to be recorded."""

    day: date
    sessions: list[SessionDay]
    counts: dict[str, int]
    open: int


def day_list(*, facility: str, day: date, actor: Actor, reason: str, now: datetime | None = None) -> DayList:
    """The day in three statements; the access log names everybody on it."""
    now = now or timezone.now()
    sessions = list(
        Session.objects.filter(facility_id=facility, day=day)
        .prefetch_related("slots")
        .order_by("starts_at", "kind", "programme", "pk")
    )
    rows = list(
        Appointment.objects.filter(facility_id=facility, day=day, patient__in=visible_to(actor))
        .exclude(status="entered-in-error")
        .select_related("patient", "slot")
        .order_by("starts_at", "patient__sort_key", "pk")
    )
    if rows:
        people = sorted({one.patient_id for one in rows})
        record_access(actor=actor, action="view", patients=people, resource_type="Appointment", reason=reason)
    lines: dict[str, list[Line]] = {}
    counts: dict[str, int] = {}
    for one in rows:
        counts[one.status] = counts.get(one.status, 0) + 1
        assert one.slot is not None
        lines.setdefault(one.slot.session_id, []).append(line_of(one, now=now))
    shown = [
        SessionDay(
            session=session,
            name=service_name(Service(session.kind, session.programme, session.step)),
            lines=lines.get(session.pk, []),
            free=sum(slot.free for slot in session.slots.all()),
            places=sum(slot.places for slot in session.slots.all() if slot.open),
        )
        for session in sessions
        if session.active or lines.get(session.pk)
    ]
    return DayList(day, shown, counts, sum(counts.get(status, 0) for status in (*EXPECTED, *HERE)))


def line_of(one: Appointment, *, now: datetime) -> Line:
    """An appointment as a list shows it (select ``patient`` with it)."""
    return Line(
        appointment=one,
        person=identity(one.patient, with_area=False),
        kind=KINDS.get(one.status, "none"),
        word=str(AppointmentStatus(one.status).label),
        ways=ways_of(one, now=now),
    )


def ways_of(one: Appointment, *, now: datetime) -> list[Way]:
    """What one click may make of it today: the next step first, taking it back last, without a key."""
    if one.day is None or one.day > timezone.localdate(now):
        return []
    arrived, done = Way("arrived", _("Đã đến"), "d"), Way("fulfilled", _("Đã xong"), "x")
    absent = Way("noshow", _("Không đến"), "v")
    if one.status in EXPECTED:
        begun = one.starts_at is not None and one.starts_at <= now
        return [arrived, done, absent] if begun else [arrived, done]
    return {
        "arrived": [done, Way("booked", _("Bỏ ghi"), "")],
        "checked-in": [done, Way("booked", _("Bỏ ghi"), "")],
        "noshow": [arrived],
        "fulfilled": [Way("arrived", _("Bỏ ghi"), "")],
    }.get(one.status, [])


def unclosed_days(facility: str, *, today: date | None = None) -> list[tuple[date, int]]:
    """Days gone by with people whose attendance nobody has recorded, oldest first: an alarm until they are closed."""
    today = today or timezone.localdate()
    rows = Appointment.objects.filter(facility_id=facility, day__lt=today, status__in=(*EXPECTED, *HERE))
    return list(rows.values_list("day").annotate(people=Count("pk")).order_by("day"))


def to_close(*, facility: str, day: date, actor: Actor) -> list[Appointment]:
    """Whose attendance is still open on a day, in order of time; of today those whose time has come."""
    due = Q(status__in=HERE) | Q(status__in=EXPECTED, starts_at__lte=timezone.now())
    rows = Appointment.objects.filter(due, facility_id=facility, day=day, patient__in=visible_to(actor))
    return list(rows.select_related("patient").order_by("starts_at", "patient__sort_key", "pk"))


def close_day(*, answers: Mapping[str, str], actor: Actor) -> int:
    """Record what became of many at once: appointment -> fulfilled or noshow; all or nothing."""
    by_status: dict[str, list[str]] = {}
    for key, status in answers.items():
        by_status.setdefault(status, []).append(key)
    with transaction.atomic():
        for status in sorted(by_status):
            mark(appointment_ids=sorted(by_status[status]), status=status, actor=actor)
    return len(answers)


def today_for_walk_ins(facility: str, *, now: datetime) -> list[tuple[Session, str, Slot]]:
    """Today's sessions with the slot that takes who comes now: with a free place if there is one, else the next."""
    found = []
    sessions = Session.objects.filter(facility_id=facility, day=timezone.localdate(now), active=True)
    for session in sessions.prefetch_related("slots").order_by("starts_at", "pk"):
        slots = sorted((slot for slot in session.slots.all() if slot.open), key=lambda slot: slot.starts_at)
        coming = [slot for slot in slots if slot.ends_at > now] or slots[-1:]
        best = next((slot for slot in coming if slot.free), coming[0] if coming else None)
        if best is not None:
            name = service_name(Service(session.kind, session.programme, session.step))
            found.append((session, name, best))
    return found


def of_person(patient_id: str, *, limit: int = 4) -> list[tuple[Line, str]]:
    """A person's newest appointments, with what each is for. One query."""
    rows = Appointment.objects.filter(patient_id=patient_id).exclude(status="entered-in-error")
    now = timezone.now()
    return [
        (line_of(one, now=now), service_name(Service(one.kind, one.programme, one.step)))
        for one in rows.select_related("patient", "facility").order_by("-queued_at", "pk")[:limit]
    ]
