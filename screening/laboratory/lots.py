"""Lots of kits over FHIR: a Device that software enters is a delivery, as on the page of kits.

A lot is entered once, and stays as it was entered: kits were given out of it, and results are read by its name.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any, Final, NoReturn

from django.conf import settings
from django.utils import timezone

from fhir.hooks import Change, on_saved
from fhir.outcomes import Issue, Refused, refuse
from healthhub.accounts.actors import Actor
from records.models import Facility
from screening.elements import day_of, pairs
from screening.models import KitLot
from screening.protocol import current, programmes

LOT: Final = "kit-lot"
QUANTITY: Final = "kit-quantity"
_FREE: Final = ("id", "meta", "note")
_LONGEST: Final = 40
_MOST: Final = 1_000_000


@on_saved("Device")
def take_lots(changes: Sequence[Change], *, actor: Actor) -> None:
    """Enter the lots that these say. Refused: 422 for what says too little, is no kit of a protocol, has expired or
    changes a lot later; 409 for a lot that the facility has."""
    if actor.is_system:
        return
    for change in changes:
        if is_lot(change.previous):
            _check_unchanged(change)
        elif is_lot(change.resource):
            _enter(change, change.resource or {}, actor)


def is_lot(resource: Mapping[str, Any] | None) -> bool:
    """Whether a Device is a lot of kits."""
    return (settings.FHIR_SYSTEMS["screening"], LOT) in pairs((resource or {}).get("type"))


def kits_of_protocols() -> Iterator[tuple[str, str, str]]:
    """(programme, test, kit) of every kit that the protocols of today know, so that its cut-off is known too."""
    for programme in programmes():
        for test in current(programme).tests.values():
            for kit in test.kits:
                yield programme, test.key, kit.name


def _enter(change: Change, resource: Mapping[str, Any], actor: Actor) -> None:
    if change.previous is not None:
        _refuse("type", "A lot is entered by a Device of its own: create one.")
    facility = Facility.objects.get(pk=change.facility)
    named = [str(one.get("name") or "") for one in resource.get("deviceName") or ()]
    known = [one for one in kits_of_protocols() if one[2] in named]
    if len(known) != 1:
        told = ", ".join(sorted({kit for _, _, kit in kits_of_protocols()}))
        _refuse("deviceName", f"Name the one kit as the protocols spell it: {told}.")
    (programme, test, kit) = known[0]
    lot, quantity = str(resource.get("lotNumber") or "").strip(), _quantity(resource)
    if not 0 < len(lot) <= _LONGEST:
        _refuse("lotNumber", f"Say which lot it is, in at most {_LONGEST} characters.")
    if KitLot.objects.filter(facility=facility, test=test, kit=kit, lot=lot).exists():
        raise refuse(409, "duplicate", "Your facility has entered this lot already.", "Device.lotNumber")
    KitLot.objects.create(
        facility=facility,
        programme=programme,
        test=test,
        kit=kit,
        lot=lot,
        expires_on=_last_day(resource),
        quantity=quantity,
        added_by=actor.id,
        device=change.id,
    )


def _last_day(resource: Mapping[str, Any]) -> date:
    day = day_of(resource.get("expirationDate"))
    if day is None:
        _refuse("expirationDate", "Say the last day of use, with month and day.")
    if day < timezone.localdate():
        _refuse("expirationDate", f"The lot expired on {day}.")
    return day


def _quantity(resource: Mapping[str, Any]) -> int:
    """How many kits: the property ``kit-quantity``."""
    wanted = (settings.FHIR_SYSTEMS["screening"], QUANTITY)
    found = [one for one in resource.get("property") or () if wanted in pairs(one.get("type"))]
    values = [value.get("value") for one in found for value in one.get("valueQuantity") or ()]
    if len(values) != 1 or values[0] is None or values[0] != int(values[0]) or not 0 < values[0] <= _MOST:
        _refuse("property", f"Say how many kits it has: one {QUANTITY} of 1 to {_MOST}.")
    return int(values[0])


def _check_unchanged(change: Change) -> None:
    resource, previous = change.resource, change.previous or {}
    if resource is None:
        _refuse("", "A lot that was entered stays on record.")
    changed = {name for name in {**resource, **previous} if resource.get(name) != previous.get(name)}
    if faults := [
        Issue("error", "business-rule", f"Device.{name}", "Of a lot that was entered only the note may change.")
        for name in sorted(changed.difference(_FREE))
    ]:
        raise Refused(422, faults)


def _refuse(element: str, told: str) -> NoReturn:
    raise refuse(422, "business-rule", told, f"Device.{element}".rstrip("."))
