"""Telling people about their appointments: what happened is put into the outbox in the transaction that made it so.

Which of them wants no messages, or has died, is the outbox's to know; what is told is the time and the place only.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Final

from django.utils import timezone

from healthhub.accounts.actors import Actor, system_actor
from screening.facts import ZONE
from screening.messages.outbox import Outgoing, cancel_messages, queue
from screening.models.appointments import EXPECTED, Appointment

MADE, CHANGED, REMINDER = "appointment", "appointment_changed", "appointment_reminder"
REMIND_DAYS: Final = (7, 1)
_REMINDERS = system_actor("appointment-reminders")


def tell(changes: Sequence[tuple[Appointment | None, Appointment]], *, actor: Actor) -> None:
    """(before, after) of appointments just saved: tell those who have a new, another or no longer a time."""
    over = [before for before, after in changes if before is not None and _no_longer(before, after)]
    if over:
        cancel_messages([name for one in over for name in _names(one)])
    made = [after for before, after in changes if _made(before, after)]
    changed = [after for before, after in changes if before is not None and _changed(before, after)]
    queue([_outgoing(one, MADE, _name(one)) for one in made if one.day and one.day >= _today()], actor=actor)
    queue([_outgoing(one, CHANGED, _name(one)) for one in changed], actor=actor)


def remind(*, today: date | None = None) -> int:
    """Remind everybody who is expected in 7 days or tomorrow; how many messages wait now. Safe to run twice.

    Who booked less than three days before the reminder of 7 days is not reminded so soon.
    """
    today = today or _today()
    found = 0
    for days in REMIND_DAYS:
        rows = Appointment.objects.filter(day=today + timedelta(days=days), status__in=EXPECTED)
        if days > 1:
            rows = rows.filter(queued_at__date__lt=today - timedelta(days=2))
        found += queue([_outgoing(one, REMINDER, _reminder(one, days)) for one in rows], actor=_REMINDERS)
    return found


def _outgoing(one: Appointment, kind: str, about: str) -> Outgoing:
    data = {}
    if one.starts_at is not None and one.status in EXPECTED:
        local = one.starts_at.astimezone(ZONE)
        data = {"date": f"{local:%Y-%m-%d}", "time": f"{local:%H:%M}"}
    return Outgoing(
        patient=one.patient_id,
        kind=kind,
        about=about,
        programme=one.programme,
        facility=one.facility_id,
        data=data,
    )


def _name(one: Appointment, version: int | None = None) -> str:
    """The version that gave it this time: told once, and again only when it has become another one."""
    return f"Appointment/{one.pk}/_history/{version or one.version}"


def _reminder(one: Appointment, days: int) -> str:
    """The time that is reminded of: an edit that leaves it as it is (a new version) reminds nobody again."""
    return f"Appointment/{one.pk}#{one.starts_at:%Y%m%dT%H%MZ}#{days}"


def _names(one: Appointment) -> list[str]:
    names = [_name(one, version) for version in range(1, one.version + 1)]
    return [*names, *(_reminder(one, days) for days in REMIND_DAYS if one.starts_at)]


def _no_longer(before: Appointment, after: Appointment) -> bool:
    if before.status not in EXPECTED:
        return False
    return after.status not in EXPECTED or _where_and_when(before) != _where_and_when(after)


def _where_and_when(one: Appointment) -> tuple[datetime | None, str]:
    return one.starts_at, one.facility_id


def _made(before: Appointment | None, after: Appointment) -> bool:
    return after.status == "booked" and (before is None or before.status == "waitlist")


def _changed(before: Appointment, after: Appointment) -> bool:
    """Another time, or none any more: not for who cancelled herself, nor for the dead."""
    if before.status not in EXPECTED:
        return False
    if after.status in EXPECTED:
        return _where_and_when(before) != _where_and_when(after)
    return after.status == "waitlist" or (after.status == "cancelled" and after.reason == "cancelled-facility")


def _today() -> date:
    return timezone.localdate()
