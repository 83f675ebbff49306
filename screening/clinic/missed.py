"""People who did not come: no answer to an invitation, or an appointment missed. They have no open round of their own
to stand on the worklist with, so without this list their clinician would never hear of them.

A line goes when something has happened since (a result, a new appointment, a decision), or when somebody has spoken to
the person; if nothing comes of that within ``AGAIN_DAYS`` it is back.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from django.db.models import Exists, OuterRef, Q, QuerySet
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
LIMIT = 200
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
    """How many lines ``missed`` has."""
    narrow = {"programme": programme} if programme else {}
    return (
        nonresponders(facility, on, actor).filter(**narrow).count()
        + no_shows(facility, on, actor).filter(**narrow).count()
    )


def missed(facility: str, on: date, actor: Actor, *, reason: str, programme: str = "") -> list[Missed]:
    """The first ``LIMIT`` of each kind, longest ago first; the access log names everybody."""
    narrow = {"programme": programme} if programme else {}
    silent = nonresponders(facility, on, actor).filter(**narrow).select_related("patient").order_by("ended_on", "id")
    absent = no_shows(facility, on, actor).filter(**narrow).select_related("patient")
    found: list[tuple[Citizen, str, str, date]] = [
        (one.patient, one.programme, _("Đã mời và nhắc, không phản hồi"), one.ended_on or one.planned_on)
        for one in silent[:LIMIT]
    ]
    found += [
        (one.patient, one.programme, _("Không đến hẹn"), one.day or on)
        for one in absent.order_by("day", "appointment_id")[:LIMIT]
    ]
    if found:
        people = sorted({citizen.pk for citizen, *_rest in found})
        record_access(actor=actor, action="view", patients=people, resource_type="Invitation", reason=reason)
    tries = _last_contacts([citizen.pk for citizen, *_rest in found])
    known = set(programmes())
    return sorted(
        (
            Missed(
                identity(citizen, on=on, with_area=False),
                key,
                here(current(key).name) if key in known else key,
                what,
                since,
                day if (day := tries.get((citizen.pk, key))) and day >= since else None,
            )
            for citizen, key, what, since in found
        ),
        key=lambda one: (one.since, one.person.name),
    )


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
