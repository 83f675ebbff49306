"""The Patient resource of somebody who is registered: the shape that all our own doors write."""

import unicodedata
from typing import TYPE_CHECKING, Any

from django.conf import settings

from records.names import split_name

if TYPE_CHECKING:
    from records.registration import Checked


def patient_resource(id_: str, person: "Checked") -> dict[str, Any]:
    """The Patient of a checked row."""
    row, systems = person.row, settings.FHIR_SYSTEMS
    text = " ".join(unicodedata.normalize("NFC", row.full_name).split())
    family, given = split_name(text)
    numbers = (("cccd", person.cccd), ("bhyt", person.insurance_number))
    patient: dict[str, Any] = {
        "resourceType": "Patient",
        "id": id_,
        "identifier": [{"system": systems[name], "value": value} for name, value in numbers if value],
        "name": [{"use": "official", "text": text, "family": family, "given": given}],
        "telecom": [{"system": "phone", "value": person.phone}] if person.phone else [],
        "gender": row.sex,
        "birthDate": row.birth_date.isoformat(),
        "address": [_address(person)] if person.area or row.address_line.strip() else [],
    }
    if person.facility:
        patient["managingOrganization"] = {"reference": f"Organization/{person.facility}"}
    patient["name"][0] = {key: value for key, value in patient["name"][0].items() if value}
    return {key: value for key, value in patient.items() if value}


def _address(person: "Checked") -> dict[str, Any]:
    line, area = " ".join(person.row.address_line.split()), person.area
    district = area.parent.name if area and area.parent else ""
    parts = [line, area.name if area else "", district, "Hà Nội" if area else ""]
    address: dict[str, Any] = {"use": "home", "text": ", ".join(part for part in parts if part)}
    if area:
        ward = {"code": area.code, "display": area.name}
        address["extension"] = [{"url": settings.FHIR_SYSTEMS["ward"], "valueCoding": ward}]
        address["city"] = "Hà Nội"
    if line:
        address["line"] = [line]
    if district:
        address["district"] = district
    if person.row.seen_on:
        address["period"] = {"start": person.row.seen_on.isoformat()}
    return address
