"""Kits that software gives out: a DeviceUseStatement about the order, its contained Device says of which lot.

``issue_kit`` gives it out as the page does. The barcode is ours, so it is written into the statement by the sweep (see
``publishing.kits``), which also completes it once the sample is back.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, NoReturn

from django.conf import settings
from django.utils import timezone

from fhir.hooks import Change, on_saved
from fhir.outcomes import Issue, Refused, refuse
from healthhub.accounts.actors import Actor
from records.models import Facility
from screening.elements import day_of, pairs
from screening.laboratory.orders import issue_kit
from screening.models import KitLot, Order

KIT: Final = "kit"
_PLACES: Final = {"lot": "contained", "order": "basedOn"}
#: What may change of a statement afterwards; the rest is what was given to whom.
_FREE: Final = ("id", "meta", "note")


@on_saved("DeviceUseStatement")
def take_kits(changes: Sequence[Change], *, actor: Actor) -> None:
    """Give out the kits that these say. Refused: 422 for what says too little or changes it later; as ``issue_kit``."""
    if actor.is_system:
        return
    for change in changes:
        if device_of(change.previous) is not None:
            _check_unchanged(change)
        elif (device := device_of(change.resource)) is not None:
            _give(change, change.resource or {}, device, actor)


def device_of(resource: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The contained Device of a statement about a kit; None for any other DeviceUseStatement."""
    wanted = ((resource or {}).get("device") or {}).get("reference")
    held: Sequence[dict[str, Any]] = (resource or {}).get("contained") or ()
    for one in held:
        if wanted == f"#{one.get('id')}" and (settings.FHIR_SYSTEMS["screening"], KIT) in pairs(one.get("type")):
            return one
    return None


def _give(change: Change, resource: Mapping[str, Any], device: Mapping[str, Any], actor: Actor) -> None:
    if change.previous is not None:
        _refuse("device", "A kit is given out by a DeviceUseStatement of its own: create one.")
    if faults := list(_faults(resource)):
        raise Refused(422, faults)
    order = _order(resource, change)
    facility = Facility.objects.get(pk=change.facility)
    lot = _lot(device, order, facility)
    try:
        issue_kit(order=order, facility=facility, actor=actor, lot=lot, statement=change.id)
    except Refused as refused:
        told = [
            replace(one, expression=f"DeviceUseStatement.{_PLACES.get(one.expression, one.expression)}")
            for one in refused.issues
        ]
        raise Refused(refused.status, told) from None


def _faults(resource: Mapping[str, Any]) -> Iterator[Issue]:
    if resource.get("status") != "active":
        yield _issue("status", "A kit is given out with status active; it is completed when its sample is back.")
    base = f"{settings.FHIR_SYSTEMS['specimen']}/"
    if any(str(one.get("system") or "").startswith(base) for one in resource.get("identifier") or ()):
        yield _issue("identifier", "The barcode is HealthHub's to give: leave it out, and read it a few seconds later.")
    today = timezone.localdate()
    for name in ("recordedOn", "timingDateTime"):
        if name in resource and day_of(resource[name]) != today:
            yield _issue(name, f"A kit is recorded on the day it is given out, which is {today}.")
    if {"timingPeriod", "timingTiming"} & resource.keys():
        yield _issue("timing", "Say when by timingDateTime, or leave it out: today.")


def _order(resource: Mapping[str, Any], change: Change) -> Order:
    """The order that the kit is for: of this facility and this person. Of any other one nothing is told."""
    named = [str(one.get("reference") or "") for one in resource.get("basedOn") or ()]
    wanted = [name.removeprefix("ServiceRequest/") for name in named]
    found = list(Order.objects.filter(pk__in=wanted, patient=change.patient, facility=change.facility))
    if len(named) != 1 or len(found) != 1:
        _refuse("basedOn", "Name the one ServiceRequest by which your facility ordered a test for this person.")
    return found[0]


def _lot(device: Mapping[str, Any], order: Order, facility: Facility) -> KitLot | None:
    """The facility's lot that the Device names; None if it names none: a labelled tube."""
    number = device.get("lotNumber")
    names = [str(one.get("name") or "") for one in device.get("deviceName") or ()]
    if not number:
        if names or device.get("expirationDate"):
            _refuse("contained", "Say of which lot the kit is (lotNumber); a tube without lot has no name and no end.")
        return None
    lots = KitLot.objects.filter(facility=facility, test=order.test, lot=number)
    found = list(lots.filter(kit__in=names) if names else lots)
    if not found:
        _refuse("contained", f"Your facility has no lot {number} of kits for this test. Enter it on the page of kits.")
    if len(found) > 1:
        _refuse("contained", f"Several kits have the lot {number}: say which by deviceName.")
    if "expirationDate" in device and day_of(device["expirationDate"]) != found[0].expires_on:
        _refuse("contained", f"The lot {number} was entered as expiring on {found[0].expires_on}. Look at the box.")
    return found[0]


def _check_unchanged(change: Change) -> None:
    resource, previous = change.resource, change.previous or {}
    if resource is None:
        _refuse("", "A kit that was given out stays on record. If it is not wanted, revoke its order.")
    changed = {name for name in {**resource, **previous} if resource.get(name) != previous.get(name)}
    if faults := [
        _issue(name, "Of a kit that was given out only the note may change.")
        for name in sorted(changed.difference(_FREE))
    ]:
        raise Refused(422, faults)


def _refuse(element: str, told: str) -> NoReturn:
    one = _issue(element, told)
    raise refuse(422, one.code, told, one.expression)


def _issue(element: str, told: str) -> Issue:
    return Issue("error", "business-rule", f"DeviceUseStatement.{element}".rstrip("."), told)
