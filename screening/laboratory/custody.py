"""Whose hands a kit and its sample were in, and when."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from django.utils import timezone

from healthhub.accounts.actors import Actor
from screening.models import CustodyEvent, CustodyKind


class Handing(NamedTuple):
    """A kit or tube that changes hands; ``patient`` is None while nobody knows whose it is."""

    barcode: str
    patient: str | None
    reason: str = ""
    note: str = ""


def record_custody(
    handings: Iterable[Handing], *, kind: CustodyKind, facility: str, actor: Actor, to_facility: str | None = None
) -> None:
    """Append one event for each, at this moment; one statement."""
    now = timezone.now()
    CustodyEvent.objects.bulk_create(
        CustodyEvent(
            barcode=one.barcode,
            patient_id=one.patient,
            facility_id=facility,
            to_facility_id=to_facility,
            kind=kind,
            reason=one.reason,
            note=one.note,
            at=now,
            actor=actor.id,
            actor_name=actor.name,
        )
        for one in handings
    )


def custody_of(barcodes: Iterable[str]) -> Mapping[str, list[CustodyEvent]]:
    """The events of each barcode, oldest first; one statement."""
    found: dict[str, list[CustodyEvent]] = {}
    events = CustodyEvent.objects.filter(barcode__in=list(barcodes)).select_related("facility", "to_facility")
    for event in events.order_by("at", "pk"):
        found.setdefault(event.barcode, []).append(event)
    return found
