"""Reads orders and specimens out of FHIR resources: pure functions, the same for live writes and rebuilds."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, NamedTuple

from django.conf import settings

from screening.facts import ZONE, day_of
from screening.laboratory.clocks import reading_due, sample_due
from screening.protocol import find_test


class OrderRow(NamedTuple):
    """The columns of Order."""

    order_id: str
    patient_id: str
    programme: str
    test: str
    status: str
    facility_id: str | None
    performer_id: str | None
    authored_on: date
    due_on: date


class SpecimenRow(NamedTuple):
    """The columns of Specimen that its resource states; programme and test follow from order or kit."""

    specimen_id: str
    patient_id: str
    facility_id: str | None
    barcode: str
    order_id: str
    status: str
    reason: str
    collected_on: date | None
    received_at: datetime | None


def read_order(
    request: Mapping[str, Any], *, id: str, patient: str | None, facility: str | None, on: date
) -> OrderRow | None:
    """The order of a screening test; None for any other ServiceRequest, and for one that says not to do it.

    ``on`` is the day it was stored, for one that does not say when it was written.
    """
    if request.get("intent") not in ("order", "original-order", "reflex-order", "filler-order", "instance-order"):
        return None
    match = find_test((request.get("code") or {}).get("coding") or [])
    if match is None or patient is None or request.get("doNotPerform"):
        return None
    authored = day_of(request.get("authoredOn")) or on
    sampled = day_of(request.get("occurrenceDateTime") or (request.get("occurrencePeriod") or {}).get("end"))
    by = sampled or sample_due(match.programme, match.test, authored)
    return OrderRow(
        order_id=id,
        patient_id=patient,
        programme=match.programme,
        test=match.test,
        status=str(request.get("status") or "")[:20],
        facility_id=_organization([request.get("requester") or {}]) or facility,
        performer_id=_organization(request.get("performer") or []),
        authored_on=authored,
        due_on=reading_due(match.programme, by),
    )


def read_specimen(
    specimen: Mapping[str, Any], *, id: str, patient: str | None, facility: str | None
) -> SpecimenRow | None:
    """The sample with a barcode in our system; None without one, without a person, or if it was entered in error."""
    barcode = barcode_of(specimen)
    if not barcode or patient is None or specimen.get("status") == "entered-in-error":
        return None
    collection = specimen.get("collection") or {}
    collected = collection.get("collectedDateTime") or (collection.get("collectedPeriod") or {}).get("start")
    orders = [(one.get("reference") or "").removeprefix("ServiceRequest/") for one in specimen.get("request") or ()]
    return SpecimenRow(
        specimen_id=id,
        patient_id=patient,
        facility_id=facility,
        barcode=barcode,
        order_id=orders[0][:64] if orders and "/" not in orders[0] else "",
        status=str(specimen.get("status") or "available")[:20],
        reason=rejection_of(specimen),
        collected_on=day_of(collected),
        received_at=_moment(specimen.get("receivedTime")),
    )


def barcode_of(specimen: Mapping[str, Any]) -> str:
    """What stands on the tube: an identifier, or the accession, in one of our facilities' specimen systems."""
    base = settings.FHIR_SYSTEMS["specimen"] + "/"
    for identifier in (*(specimen.get("identifier") or ()), specimen.get("accessionIdentifier") or {}):
        if (identifier.get("system") or "").startswith(base) and identifier.get("value"):
            return str(identifier["value"])[:100]
    return ""


def rejection_of(specimen: Mapping[str, Any]) -> str:
    """The coded reason why a sample is unsatisfactory, in our local codes; "" if there is none."""
    if specimen.get("status") != "unsatisfactory":
        return ""
    for concept in specimen.get("condition") or ():
        for coding in concept.get("coding") or ():
            if coding.get("system") == settings.FHIR_SYSTEMS["screening"]:
                return str(coding.get("code") or "").removeprefix("rejected-")[:40]
    return ""


def _organization(references: Any) -> str | None:
    for one in references:
        reference = one.get("reference") or ""
        if reference.startswith("Organization/"):
            return str(reference.removeprefix("Organization/"))
    return None


def _moment(text: Any) -> datetime | None:
    if not isinstance(text, str):
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=ZONE)
