"""Results that a person should hear from somebody before she reads them herself."""

from datetime import date

from django.db.models import QuerySet
from django.utils import timezone

from screening.models import ScreeningResult


def to_tell(facility: str) -> QuerySet[ScreeningResult]:
    """Results of a facility that are held back until somebody has spoken to the person, the first to end on top.

    `hold_until` is the longest wait: from then on she sees it, told or not.
    """
    found = ScreeningResult.objects.filter(facility=facility, released_on__isnull=True, hold_until__isnull=False)
    return found.select_related("patient", "episode").order_by("hold_until", "pk")


def told_too_late(facility: str, on: date | None = None) -> QuerySet[ScreeningResult]:
    """Those whose wait is over and whom nobody has told."""
    return to_tell(facility).filter(hold_until__lte=on or timezone.localdate())


def to_tell_count(facility: str) -> int:
    """How many people wait for a call."""
    return to_tell(facility).count()
