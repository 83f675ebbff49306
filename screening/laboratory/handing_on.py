"""The chain of custody over FHIR: what software says of a sample, it says of whose hands it is in.

A Specimen that software writes was collected, received or rejected, as if a page had logged it. That a sample is sent
on or thrown away is in no element of a Specimen: software says so by a Provenance about it. All events are published as
Provenances (see ``publishing.custody``), which nobody changes.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, NoReturn

from django.conf import settings
from django.utils import timezone

from fhir.hooks import Change, on_saved
from fhir.outcomes import Refused, refuse
from healthhub.accounts.actors import Actor, Role
from records.models import Facility
from screening.elements import pairs
from screening.laboratory.custody import Handing, record_custody
from screening.laboratory.reading import SpecimenRow, read_specimen
from screening.laboratory.specimens import Tube, dispose, send_on, tubes_of
from screening.models import CustodyEvent, CustodyKind, Specimen

CUSTODIAN: Final = ("http://terminology.hl7.org/CodeSystem/provenance-participant-type", "custodian")
_SAID: Final = (CustodyKind.SENT, CustodyKind.DISPOSED)


@on_saved("Specimen")
def note_hands(changes: Sequence[Change], *, actor: Actor) -> None:
    """Log what software says has become of samples; the pages log it themselves."""
    if actor.role is not Role.CLIENT and not actor.client:
        return
    found: dict[tuple[CustodyKind, str], list[Handing]] = defaultdict(list)
    for change in changes:
        now, was = _row(change, change.resource), _row(change, change.previous)
        if now and now.facility_id:
            for kind, handing in _handings(now, was, change.resource or {}):
                found[kind, now.facility_id].append(handing)
    for (kind, facility), handings in found.items():
        record_custody(handings, kind=kind, facility=facility, actor=actor)


def _row(change: Change, resource: Mapping[str, Any] | None) -> SpecimenRow | None:
    return read_specimen(resource or {}, id=change.id, patient=change.patient, facility=change.facility)


def _handings(
    now: SpecimenRow, was: SpecimenRow | None, resource: Mapping[str, Any]
) -> list[tuple[CustodyKind, Handing]]:
    found = []
    plain = Handing(now.barcode, now.patient_id)
    if now.collected_on and not now.received_at and not (was and was.collected_on):
        found.append((CustodyKind.COLLECTED, plain))
    if now.received_at and not (was and was.received_at):
        found.append((CustodyKind.RECEIVED, plain._replace(at=min(now.received_at, timezone.now()))))
    rejected, before = now.status == "unsatisfactory", was is not None and was.status == "unsatisfactory"
    if rejected and not before:
        note = " ".join(str(one.get("text") or "") for one in resource.get("note") or ())
        handing = plain._replace(reason=now.reason, note=note)
        found += [(CustodyKind.REJECTED, handing), (CustodyKind.REPEATED, handing)]
    elif before and now.status == "available":
        found.append((CustodyKind.RECEIVED, plain._replace(note="accepted after all")))
    return found


@on_saved("Provenance")
def take_hands(changes: Sequence[Change], *, actor: Actor) -> None:
    """Log that samples were sent on or thrown away, as the page does. Refused: 422 for what says too little or changes
    the chain, 409 as ``dispose``."""
    if actor.is_system:
        return
    held = {change.id for change in changes if change.previous is not None}
    if held and CustodyEvent.objects.filter(provenance__in=held).exists():
        _refuse("", "The chain of custody stays as it is: nobody changes or deletes a part of it.")
    for change in changes:
        if kind := _kind(change.resource or {}):
            _hand_on(change, change.resource or {}, kind, actor)


def _kind(resource: Mapping[str, Any]) -> str:
    system = settings.FHIR_SYSTEMS["screening"]
    codes = [code for found, code in pairs(resource.get("activity")) if found == system]
    return next((code.removeprefix("custody-") for code in codes if code.startswith("custody-")), "")


def _hand_on(change: Change, resource: Mapping[str, Any], kind: str, actor: Actor) -> None:
    if change.previous is not None or kind not in _SAID:
        told = "Only custody-sent and custody-disposed are said by a Provenance, each by one of its own: the Specimen "
        _refuse("activity", f"{told}says that a sample was collected, received or rejected.")
    facility = Facility.objects.get(pk=change.facility)
    tube = _tube(resource, facility, actor)
    if kind == CustodyKind.SENT:
        to = _receiver(resource, facility)
        send_on([tube.barcode], facility=facility, to=to, actor=actor, provenance=change.id)
        return
    try:
        dispose(tube=tube, facility=facility, actor=actor, provenance=change.id)
    except Refused as refused:
        issues = [replace(one, expression="Provenance.target") for one in refused.issues]
        raise Refused(refused.status, issues) from None


def _tube(resource: Mapping[str, Any], facility: Facility, actor: Actor) -> Tube:
    named = [str(one.get("reference") or "") for one in resource.get("target") or ()]
    wanted = [name.removeprefix("Specimen/") for name in named if name.startswith("Specimen/")]
    barcode = Specimen.objects.filter(pk__in=wanted, facility=facility).values_list("barcode", flat=True).first()
    if len(wanted) != 1 or barcode is None:
        _refuse("target", "Name the one Specimen of your facility that it is about.")
    tube = tubes_of([barcode], facility=facility, actor=actor)[barcode]
    if tube.person is None:
        _refuse("target", "Name the one Specimen of your facility that it is about.")
    return tube


def _receiver(resource: Mapping[str, Any], facility: Facility) -> Facility:
    """The registered facility that is the agent of type custodian."""
    agents = [one for one in resource.get("agent") or () if CUSTODIAN in pairs(one.get("type"))]
    named = [str((one.get("who") or {}).get("reference") or "").removeprefix("Organization/") for one in agents]
    found = Facility.objects.filter(pk__in=named, active=True, code__isnull=False).exclude(pk=facility.pk).first()
    if len(named) != 1 or found is None:
        _refuse("agent", "Name the one facility that it goes to: an agent of type custodian, who is its Organization.")
    return found


def _refuse(element: str, told: str) -> NoReturn:
    raise refuse(422, "business-rule", told, f"Provenance.{element}".rstrip("."))
