"""A kit that somebody was given, as a DeviceUseStatement: active while it is out, completed once its sample is back.

Whoever gave it out, on a page or by software; the barcode is its identifier, and will be that of its Specimen.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from django.conf import settings
from django.db import connection

from fhir.store import Draft
from fhir.text import parse
from screening.laboratory.handing_out import KIT
from screening.models import Kit
from screening.publishing.resources import coded

_STORED = "SELECT content FROM fhir_resource WHERE type = 'DeviceUseStatement' AND id = ANY(%s) AND NOT deleted"


def kit_drafts(patients: Sequence[str]) -> list[Draft]:
    """What the statements of these people's kits must say now, where they do not say it; two statements at most."""
    kits = list(Kit.objects.filter(patient__in=patients).select_related("lot", "facility").order_by("barcode"))
    if not kits:
        return []
    with connection.cursor() as cursor:
        cursor.execute(_STORED, [[kit.statement for kit in kits]])
        stored = {resource["id"]: resource for (text,) in cursor if (resource := parse(text).resource)}
    drafts = []
    for kit in kits:
        said = stored.get(kit.statement)
        resource = _brought_up(said or _statement(kit), kit)
        if resource != said:
            drafts.append(Draft.of(resource, facility=kit.facility_id))
    return drafts


def _brought_up(resource: Mapping[str, Any], kit: Kit) -> dict[str, Any]:
    """The statement with the barcode and where the kit is; anything else that software wrote stays."""
    barcode = {"system": f"{settings.FHIR_SYSTEMS['specimen']}/{kit.facility.code}", "value": kit.barcode}
    others = [one for one in resource.get("identifier") or () if one != barcode]
    status = "completed" if kit.returned_on else "active"
    return {**resource, "identifier": [barcode, *others], "status": status}


def _statement(kit: Kit) -> dict[str, Any]:
    """That of a kit which was given out on a page."""
    device: dict[str, Any] = {
        "resourceType": "Device",
        "id": KIT,
        "type": coded(KIT, "Bộ kit lấy mẫu", "Sampling kit"),
    }
    if kit.lot:
        device["expirationDate"] = kit.lot.expires_on.isoformat()
        device["lotNumber"] = kit.lot.lot
        device["deviceName"] = [{"name": kit.lot.kit, "type": "model-name"}]
    return {
        "resourceType": "DeviceUseStatement",
        "id": kit.statement,
        "contained": [device],
        "basedOn": [{"reference": f"ServiceRequest/{kit.order_id}"}],
        "status": "active",
        "subject": {"reference": f"Patient/{kit.patient_id}"},
        "timingDateTime": kit.issued_on.isoformat(),
        "device": {"reference": f"#{KIT}"},
    }
