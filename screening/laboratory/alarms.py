"""What a laboratory or station has lost sight of: kits that do not come back, samples logged but never read, orders
without a result. Each is late by the protocol's own clock, and stays on the list until something happens to it."""

from datetime import date
from typing import Final, TypeVar

from django.db.models import Model, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from screening.models import Kit, Order, Specimen

M = TypeVar("M", bound=Model)
#: Which list -> its name.
KINDS: Final = {
    "unread": _("Đã nhận mẫu, chưa có kết quả"),
    "orders": _("Đã chỉ định, chưa có kết quả"),
    "kits": _("Đã phát kit, chưa gửi lại mẫu"),
}


def unread(facility: str) -> QuerySet[Specimen]:
    """Samples that the facility logged and nobody has read or rejected, the longest-waiting first."""
    found = Specimen.objects.filter(
        facility=facility, status="available", result_id__isnull=True, received_at__isnull=False
    )
    return found.order_by("due_on", "pk")


def unanswered(facility: str) -> QuerySet[Order]:
    """Orders of the facility, or for it, that have no result."""
    mine = Q(facility=facility) | Q(performer=facility)
    return Order.objects.filter(mine, status="active", result_id__isnull=True).order_by("due_on", "pk")


def kits_out(facility: str) -> QuerySet[Kit]:
    """Kits that people have and whose sample is not back."""
    return Kit.objects.filter(facility=facility, returned_on__isnull=True).order_by("due_on", "pk")


def late(found: QuerySet[M], on: date | None = None) -> QuerySet[M]:
    """Those whose day has passed."""
    return found.filter(due_on__lt=on or timezone.localdate())


def alarm_counts(facility: str) -> dict[str, int]:
    """How many of each kind are late; three statements."""
    return {
        "unread": late(unread(facility)).count(),
        "orders": late(unanswered(facility)).count(),
        "kits": late(kits_out(facility)).count(),
    }


def alarm_count(facility: str) -> int:
    """How many of any kind are late; the worklist shows it."""
    return sum(alarm_counts(facility).values())
