"""Ordering a test, and giving the person the kit or tube that goes with it."""

from datetime import date
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from fhir.ids import new_id
from fhir.outcomes import refuse
from fhir.reader import read
from fhir.store import save
from fhir.text import parse
from healthhub.accounts.actors import Actor
from records.models import Facility
from screening.laboratory.barcodes import new_barcodes
from screening.laboratory.clocks import sample_due
from screening.laboratory.custody import Handing, record_custody
from screening.models import CustodyKind, Kit, KitLot, Order
from screening.protocol.lookup import code_for
from screening.publishing.noting import mark_unpublished
from screening.results import known_test


def place_order(
    *, patient_id: str, test: str, facility: Facility, actor: Actor, performer: Facility | None = None, note: str = ""
) -> str:
    """Order a test of a programme, for the own laboratory or another's; the ServiceRequest's id.

    Refused (409) while an order of this test is open: two kits for one question make two results of one person.
    """
    today = timezone.localdate()
    known_test(test, today)
    held = open_orders(patient_id).filter(test=test, facility=facility).first()
    if held is not None:
        raise refuse(409, "duplicate", f"ServiceRequest/{held.pk} already orders this test.", "ServiceRequest.code")
    resource = build_order(
        patient_id=patient_id, test=test, facility=facility, performer=performer or facility, on=today, note=note
    )
    return save(resource, actor=actor, facility=facility.pk if actor.is_system else None).id


def build_order(
    *, patient_id: str, test: str, facility: Facility, performer: Facility, on: date, note: str = ""
) -> dict[str, Any]:
    """The ServiceRequest of an order made on that day."""
    _programme, rule = known_test(test, on)
    code = code_for(rule, "")
    resource: dict[str, Any] = {
        "resourceType": "ServiceRequest",
        "status": "active",
        "intent": "order",
        "code": {
            "coding": [{"system": code.coding[0], "code": code.coding[1], "display": code.display}],
            "text": rule.name["vi"],
        },
        "subject": {"reference": f"Patient/{patient_id}"},
        "authoredOn": on.isoformat(),
        "requester": {"reference": f"Organization/{facility.pk}"},
        "performer": [{"reference": f"Organization/{performer.pk}"}],
    }
    if note:
        resource["note"] = [{"text": note}]
    return resource


def cancel_order(*, order: Order, actor: Actor, reason: str = "") -> None:
    """Take an order back; it stays readable. Kits that are out come back as samples without an order."""
    stored = parse(read(type="ServiceRequest", id=order.pk, actor=actor).content).resource
    changed = {**stored, "status": "revoked"}
    if reason:
        changed["note"] = [*stored.get("note", []), {"text": reason}]
    save(changed, actor=actor, facility=order.facility_id if actor.is_system else None)


def issue_kit(*, order: Order, facility: Facility, actor: Actor, lot: KitLot | None = None, statement: str = "") -> Kit:
    """Give the person of an order a kit of a lot, or a labelled tube without one; it is in custody from then on.

    ``statement`` is the id of the DeviceUseStatement by which software says so; without one it is written for it.

    Refused: 422 for a lot of another test, or one whose last day has passed; 409 when the lot is used up, or the order
    waits for no sample any more.
    """
    today = timezone.localdate()
    with transaction.atomic():
        if order.status != "active" or order.result_id:
            raise refuse(409, "conflict", "The order was answered or taken back.", "order")
        if lot is not None:
            _check_lot(lot, order, facility, today)
        [barcode] = new_barcodes(facility.code or "")
        kit = Kit.objects.create(
            barcode=barcode,
            statement=statement or new_id(),
            lot=lot,
            facility=facility,
            patient_id=order.patient_id,
            order_id=order.pk,
            programme=order.programme,
            test=order.test,
            issued_on=today,
            due_on=sample_due(order.programme, order.test, today),
        )
        handing = Handing(barcode, order.patient_id)
        record_custody([handing], kind=CustodyKind.ISSUED, facility=facility.pk, actor=actor)
        mark_unpublished([order.patient_id])
    return kit


def open_orders(patient_id: str) -> QuerySet[Order]:
    """The orders of a person that are still without a result."""
    return Order.objects.filter(patient_id=patient_id, status="active", result_id__isnull=True)


def lots_of(facility: str, test: str = "") -> QuerySet[KitLot]:
    """The lots of a facility, the next to expire first."""
    found = KitLot.objects.filter(facility=facility)
    return (found.filter(test=test) if test else found).order_by("expires_on", "lot")


def _check_lot(lot: KitLot, order: Order, facility: Facility, today: date) -> None:
    held = KitLot.objects.select_for_update().get(pk=lot.pk)  # two people give out the last kit
    if (held.test, held.facility_id) != (order.test, facility.pk):
        raise refuse(422, "business-rule", "The lot is not of this test and facility.", "lot")
    if held.expires_on < today:
        raise refuse(422, "expired", f"The lot expired on {held.expires_on}.", "lot")
    if Kit.objects.filter(lot=held).count() >= held.quantity:
        raise refuse(409, "conflict", "All kits of the lot were given out.", "lot")
