"""The waiting list: a place that becomes free goes to the first in line whom it suits, and she is told.

Nobody is lost: a waiting appointment stays until it has become a booking or was cancelled by somebody, with a name.
"""

from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone

from fhir.models import Resource
from fhir.outcomes import Refused
from healthhub.accounts.actors import system_actor
from healthhub.postgresql.wall import unwalled
from screening.appointments.booking import put_into
from screening.models.appointments import Appointment, Slot

NOTICE: Final = timedelta(hours=24)
"""A place that begins sooner is nobody's surprise: staff offer it by phone, from the waiting list's page."""
AT_ONCE: Final = 200
_QUEUE = system_actor("waiting-list")


def waiting(facility: str | None = None) -> QuerySet[Appointment]:
    """Who waits for a place, first in line first."""
    found = Appointment.objects.filter(status="waitlist")
    if facility is not None:
        found = found.filter(facility_id=facility)
    return found.order_by("-priority", "queued_at", "pk")


def fill_places(*, now: datetime | None = None) -> int:
    """Give free places to those who wait; how many got one. Safe to run twice and at the same time."""
    now = now or timezone.now()
    served = 0
    hopeless: set[tuple[str, str, str, str]] = set()
    for one in waiting()[:AT_ONCE]:
        service = (one.facility_id, one.kind, one.programme, one.step)
        if service in hopeless:
            continue
        if _places_of(one, now).exists():
            served += _serve(one, now)
        elif one.wanted_from is None and one.wanted_to is None:
            hopeless.add(service)
    return served


@unwalled()
def _serve(one: Appointment, now: datetime) -> int:
    with transaction.atomic():
        # a row that somebody is changing at this moment is left for the next time: waiting for it could deadlock
        locked = Resource.objects.select_for_update(skip_locked=True).filter(type="Appointment", id=one.pk)
        held = Appointment.objects.filter(pk=one.pk, status="waitlist").first() if locked.first() else None
        slot = _places_of(one, now).select_related("session").first() if held else None
        if held is None or slot is None:
            return 0
        try:
            put_into(places=[(held, slot)], actor=_QUEUE)
        except Refused:
            return 0  # the place went meanwhile; she stays in line
    return 1


def _places_of(one: Appointment, now: datetime) -> QuerySet[Slot]:
    """Free places at her facility that suit her, soonest first."""
    suits = Q(starts_at__gte=now + NOTICE)
    if one.wanted_from:
        suits &= Q(session__day__gte=one.wanted_from)
    if one.wanted_to:
        suits &= Q(session__day__lte=one.wanted_to)
    return Slot.objects.filter(
        suits,
        open=True,
        taken__lt=F("places"),
        session__active=True,
        session__facility_id=one.facility_id,
        session__kind=one.kind,
        session__programme=one.programme,
        session__step=one.step,
    ).order_by("starts_at", "pk")


def to_rebook(facility: str) -> QuerySet[Appointment]:
    """Who did not come here, or whom the facility put off, and who has no appointment of that service since."""
    since = Appointment.objects.filter(
        patient=OuterRef("patient"),
        kind=OuterRef("kind"),
        programme=OuterRef("programme"),
        step=OuterRef("step"),
        queued_at__gt=OuterRef("queued_at"),
    ).exclude(status="entered-in-error")
    lost = Q(status="noshow") | Q(status="cancelled", reason="cancelled-facility")
    found = Appointment.objects.filter(lost, facility_id=facility, patient__deceased=False)
    return found.exclude(Exists(since)).order_by("-day", "pk")
