"""Whose hands a kit and its sample were in, and when."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

from django.utils import timezone

from fhir.ids import new_id
from healthhub.accounts.actors import Actor
from screening.models import CustodyEvent, CustodyKind
from screening.publishing.noting import mark_unpublished


class Handing(NamedTuple):
    """A kit or tube that changes hands; ``patient`` is None while nobody knows whose it is.

    ``at`` is when, None for now; ``provenance`` the id of the Provenance by which software says so.
    """

    barcode: str
    patient: str | None
    reason: str = ""
    note: str = ""
    at: datetime | None = None
    provenance: str = ""


def record_custody(
    handings: Iterable[Handing], *, kind: CustodyKind, facility: str, actor: Actor, to_facility: str | None = None
) -> None:
    """Append one event for each; two statements."""
    handings, now = list(handings), timezone.now()
    CustodyEvent.objects.bulk_create(
        CustodyEvent(
            barcode=one.barcode,
            patient_id=one.patient,
            facility_id=facility,
            to_facility_id=to_facility,
            kind=kind,
            reason=one.reason,
            note=one.note,
            at=one.at or now,
            provenance=one.provenance or new_id(),
            actor=actor.id,
            actor_name=actor.name,
        )
        for one in handings
    )
    mark_unpublished([one.patient for one in handings if one.patient])


def custody_of(barcodes: Iterable[str]) -> Mapping[str, list[CustodyEvent]]:
    """The events of each barcode, oldest first; one statement."""
    found: dict[str, list[CustodyEvent]] = {}
    events = CustodyEvent.objects.filter(barcode__in=list(barcodes)).select_related("facility", "to_facility")
    for event in events.order_by("at", "pk"):
        found.setdefault(event.barcode, []).append(event)
    return found
