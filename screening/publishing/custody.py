"""The chain of custody of kits and samples: a Provenance for each time that one changed hands, whoever logged it.

Its targets are the Specimens with that barcode (each facility that had the tube has one of its own), the statement by
which the kit was given out, and the person, in whose record it is.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import connection
from django.utils import timezone

from fhir.store import Draft
from fhir.text import parse
from screening.laboratory.handing_on import CUSTODIAN
from screening.laboratory.rejections import ENGLISH, REJECTIONS
from screening.models import CustodyEvent, CustodyKind, Kit, Specimen
from screening.publishing.resources import coded

_ENGLISH = {
    CustodyKind.ISSUED: "Given out",
    CustodyKind.COLLECTED: "Collected",
    CustodyKind.SENT: "Sent on",
    CustodyKind.RECEIVED: "Received",
    CustodyKind.REJECTED: "Rejected",
    CustodyKind.REPEATED: "Asked to be taken again",
    CustodyKind.DISPOSED: "Thrown away",
}
_STORED = "SELECT content FROM fhir_resource WHERE type = 'Provenance' AND id = ANY(%s) AND NOT deleted"
Targets = Mapping[tuple[str, str], list[str]]


def custody_drafts(patients: Sequence[str]) -> list[Draft]:
    """What the Provenances of these people's kits and samples must say now, where they do not say it; four statements
    at most."""
    events = list(CustodyEvent.objects.filter(patient__in=patients).order_by("at", "pk"))
    if not events:
        return []
    targets = _targets(patients)
    with connection.cursor() as cursor:
        cursor.execute(_STORED, [[one.provenance for one in events]])
        stored = {resource["id"]: resource for (text,) in cursor if (resource := parse(text).resource)}
    drafts = []
    for one in events:
        said = stored.get(one.provenance)
        resource = _aimed(said or _provenance(one), one, targets)
        if resource != said:
            drafts.append(Draft.of(resource, facility=one.facility_id))
    return drafts


def _targets(patients: Sequence[str]) -> Targets:
    """By person and barcode."""
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for specimen in Specimen.objects.filter(patient__in=patients).order_by("pk"):
        found[specimen.patient_id, specimen.barcode].append(f"Specimen/{specimen.pk}")
    for kit in Kit.objects.filter(patient__in=patients):
        found[kit.patient_id, kit.barcode].append(f"DeviceUseStatement/{kit.statement}")
    return found


def _aimed(resource: Mapping[str, Any], event: CustodyEvent, targets: Targets) -> dict[str, Any]:
    """The Provenance with all that it is about; anything else that software wrote stays."""
    assert event.patient_id
    named = [one.get("reference") for one in resource.get("target") or ()]
    ours = [*targets.get((event.patient_id, event.barcode), ()), f"Patient/{event.patient_id}"]
    added = [{"reference": name} for name in ours if name not in named]
    return {**resource, "target": [*(resource.get("target") or ()), *added]}


def _provenance(event: CustodyEvent) -> dict[str, Any]:
    at = timezone.localtime(event.at).isoformat(timespec="milliseconds")
    kind = CustodyKind(event.kind)
    who = {"display": event.actor_name} if event.actor_name else {"reference": f"Organization/{event.facility_id}"}
    agents: list[dict[str, Any]] = [{"who": who, "onBehalfOf": {"reference": f"Organization/{event.facility_id}"}}]
    if event.to_facility_id:
        system, code = CUSTODIAN
        custodian = {"coding": [{"system": system, "code": code}]}
        agents.append({"type": custodian, "who": {"reference": f"Organization/{event.to_facility_id}"}})
    resource: dict[str, Any] = {
        "resourceType": "Provenance",
        "id": event.provenance,
        "occurredDateTime": at,
        "recorded": at,
        "activity": coded(f"custody-{kind}", str(kind.label), _ENGLISH[kind]),
        "agent": agents,
    }
    if event.reason:
        label = str(REJECTIONS.get(event.reason, event.reason))
        reason = coded(f"rejected-{event.reason}", label, ENGLISH.get(event.reason, event.reason))
        resource["reason"] = [reason | ({"text": event.note} if event.note else {})]
    elif event.note:
        resource["reason"] = [{"text": event.note}]
    return resource
