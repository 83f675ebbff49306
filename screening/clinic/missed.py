"""People who did not come: no answer to an invitation, or an appointment missed. They have no open round of their own
to stand on the worklist with, so without this list their clinician would never hear of them.

A line goes when something has happened since (a result, a new appointment, a decision), or when somebody has spoken to
the person; if nothing comes of that within ``AGAIN_DAYS`` it is back.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext as _

from healthhub.accounts.actors import Actor
from healthhub.audit.log import record_access
from records.access import visible_to
from records.identity import Identity, identity
from records.models import Citizen
from screening.citizen import here
from screening.models import (
    Appointment,
    AppointmentStatus,
    ContactAttempt,
    ContactOutcome,
    Decision,
    Invitation,
    InvitationState,
    ScreeningResult,
)
from screening.protocol import current, programmes

AGAIN_DAYS = 30
SPOKEN = (ContactOutcome.TOLD, ContactOutcome.AGREED, ContactOutcome.THINKING, ContactOutcome.DECLINED)


@dataclass(frozen=True, slots=True)
class Missed:
    """Somebody who did not come: ``what`` in words, ``since`` the day, ``last_contact`` the newest try after it."""

    person: Identity
    programme_key: str
    programme: str
    what: str
    since: date
    last_contact: date | None


def nonresponders(facility: str, on: date, actor: Actor) -> QuerySet[Invitation]:
    """Invitations without an answer of people whom the facility cares for, and of whom nothing has been heard since."""
    mine = Q(facility=facility) | Q(facility__isnull=True, patient__facility=facility)
    same = {"patient": OuterRef("patient"), "programme": OuterRef("programme")}
    return (
        Invitation.objects.filter(mine, state=InvitationState.NONRESPONDER, patient__in=_living(actor))
        .exclude(Exists(Invitation.objects.filter(**same, due_on__gt=OuterRef("due_on"))))
        .exclude(Exists(ScreeningResult.objects.filter(**same, collected_on__gte=OuterRef("planned_on"))))
        .exclude(Exists(Decision.objects.filter(**same, undone=False)))
        .exclude(Exists(_spoken_since("ended_on", on)))
    )


def no_shows(facility: str, on: date, actor: Actor) -> QuerySet[Appointment]:
    """Appointments that were missed at the facility, or by its people elsewhere, and not made good since."""
    mine = Q(facility=facility) | Q(patient__facility=facility)
    same = {"patient": OuterRef("patient"), "programme": OuterRef("programme")}
    later = Appointment.objects.filter(**same, day__gt=OuterRef("day")).exclude(
        status__in=(AppointmentStatus.CANCELLED, AppointmentStatus.ENTERED_IN_ERROR)
    )
    return (
        Appointment.objects.filter(mine, status=AppointmentStatus.NOSHOW, patient__in=_living(actor))
        .exclude(Exists(later))
        .exclude(Exists(ScreeningResult.objects.filter(**same, collected_on__gte=OuterRef("day"))))
        .exclude(Exists(_spoken_since("day", on)))
    )


def missed_count(facility: str, on: date, actor: Actor, programme: str = "") -> int:
    """How many lines ``missed`` has on all its pages."""
    narrow = {"programme": programme} if programme else {}
    return (
        nonresponders(facility, on, actor).filter(**narrow).count()
        + no_shows(facility, on, actor).filter(**narrow).count()
    )


def missed(
    facility: str, on: date, actor: Actor, *, reason: str, programme: str = "", after: str = "", limit: int
) -> tuple[list[Missed], str]:
    """A page of both kinds, longest ago first, and the place of the next one, "" at the end; ``after`` is such a place.

    The access log names everybody on the page.
    """
    narrow = {"programme": programme} if programme else {}
    silent = nonresponders(facility, on, actor).annotate(since=Coalesce("ended_on", "planned_on"))
    absent = no_shows(facility, on, actor).annotate(since=F("day"))
    kinds: tuple[tuple[QuerySet[Any], str], ...] = (
        (silent, _("Đã mời và nhắc, không phản hồi")),
        (absent, _("Không đến hẹn")),
    )
    found: list[tuple[date, int, Any, str]] = []
    for number, (those, what) in enumerate(kinds):
        rows = _following(those.filter(**narrow), number, after).select_related("patient").order_by("since", "pk")
        found += [(one.since, number, one, what) for one in rows[: limit + 1]]
    found.sort(key=lambda one: one[:2])  # those of one kind and day are in the order of their keys
    shown = found[:limit]
    if shown:
        people = sorted({one.patient_id for *_place, one, _what in shown})
        record_access(actor=actor, action="view", patients=people, resource_type="Invitation", reason=reason)
    tries = _last_contacts([one.patient_id for *_place, one, _what in shown])
    known = set(programmes())
    lines = [
        Missed(
            identity(one.patient, on=on, with_area=False),
            one.programme,
            here(current(one.programme).name) if one.programme in known else one.programme,
            what,
            since,
            day if (day := tries.get((one.patient_id, one.programme))) and day >= since else None,
        )
        for since, _number, one, what in shown
    ]
    if len(found) <= limit:
        return lines, ""
    since, number, last, _what = shown[-1]
    return lines, f"{since:%Y-%m-%d}.{number}.{last.pk}"


def _following(people: QuerySet[Any], number: int, after: str) -> QuerySet[Any]:
    """Of the kind with that number what follows a place: day, kind, key. What is no place is the beginning."""
    day, _dot, rest = after.replace("\x00", "").partition(".")
    kind, _dot, key = rest.partition(".")
    try:
        since, before = date.fromisoformat(day), int(kind[:1])
        last = people.model._meta.pk.to_python(key[:64]) if before == number else None
    except (ValueError, ValidationError):
        return people
    later = Q(since__gt=since)
    if before < number:
        later |= Q(since=since)
    elif before == number:
        later |= Q(since=since, pk__gt=last)
    return people.filter(later)


def _living(actor: Actor) -> QuerySet[Citizen]:
    return visible_to(actor).filter(deceased=False)


def _spoken_since(field: str, on: date) -> QuerySet[ContactAttempt]:
    """Somebody spoke to her after it, not so long ago that she should be asked again."""
    return ContactAttempt.objects.filter(
        patient=OuterRef("patient"),
        programme=OuterRef("programme"),
        outcome__in=SPOKEN,
        contacted_at__date__gte=OuterRef(field),
        contacted_at__date__gt=on - timedelta(days=AGAIN_DAYS),
    )


def _last_contacts(patients: Sequence[str]) -> dict[tuple[str, str], date]:
    tries = ContactAttempt.objects.filter(patient__in=patients).order_by("contacted_at")
    return {(one.patient_id, one.programme): timezone.localdate(one.contacted_at) for one in tries}
