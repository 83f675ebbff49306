"""Kits whose sample was taken or received, whichever door says so: a page, or software that sends the Specimen."""

from collections.abc import Sequence

from django.utils import timezone

from screening.facts import ZONE
from screening.laboratory.reading import SpecimenRow
from screening.models import Kit
from screening.publishing.noting import mark_unpublished


def note_returned(rows: Sequence[SpecimenRow]) -> None:
    """Note the day for kits that are out; one statement without such kits."""
    days = {
        row.barcode: row.received_at.astimezone(ZONE).date() if row.received_at else row.collected_on for row in rows
    }
    back = {barcode: day for barcode, day in days.items() if day}
    if not back:
        return
    kits = list(Kit.objects.filter(barcode__in=back, returned_on__isnull=True))
    for kit in kits:
        kit.returned_on = min(back[kit.barcode] or kit.issued_on, timezone.localdate())
    Kit.objects.bulk_update(kits, ["returned_on"])
    mark_unpublished([kit.patient_id for kit in kits])
