"""What our tables keep of FHIR Patient, Organization and Practitioner; what they cannot read becomes an empty field."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

from django.conf import settings

from records.identifiers import (
    Identifier,
    Malformed,
    parse_cccd,
    parse_facility_code,
    parse_insurance_number,
    parse_phone,
)
from records.models import BirthPrecision
from records.names import fold, join_name, sort_key, split_name

Json = Mapping[str, Any]


class CitizenRow(NamedTuple):
    """The columns of records_citizen; `area` is (code, day or None) until the batch's areas are looked up together."""

    patient_id: str
    full_name: str
    folded_name: str
    sort_key: str
    family: str
    given: str
    birth_date: date | None
    birth_precision: str
    sex: str
    cccd: str
    insurance_number: str
    phone: str
    address_text: str
    area_id: tuple[str, date | None] | int | None
    facility_id: str | None
    deceased: bool
    active: bool
    warnings: str


class FacilityRow(NamedTuple):
    """The columns of records_facility; `area_id` as in CitizenRow."""

    organization_id: str
    code: str | None
    name: str
    kind: str
    area_id: tuple[str, date | None] | int | None
    active: bool


@dataclass(frozen=True, slots=True)
class Name:
    full: str
    family: str
    given: str


def read_citizen(patient: Json, *, deleted: bool = False) -> CitizenRow:
    """The row of a Patient."""
    name = read_name(patient.get("name"))
    born, precision = read_partial_date(patient.get("birthDate", ""))
    sex = patient.get("gender", "")
    exactly_born = born if precision else None
    cccd = _lenient(parse_cccd, identifier_value(patient, "cccd"), sex=sex, birth_date=exactly_born)
    insurance = _lenient(parse_insurance_number, identifier_value(patient, "bhyt"), sex=sex, birth_date=exactly_born)
    phones = (contact.get("value", "") for contact in patient.get("telecom") or () if contact.get("system") == "phone")
    addresses = _addresses(patient)
    return CitizenRow(
        patient_id=patient["id"],
        full_name=name.full[:255],
        folded_name=fold(name.full)[:255],
        sort_key=sort_key(name.full)[:1024],
        family=name.family[:255],
        given=name.given[:255],
        birth_date=born,
        birth_precision=precision,
        sex=sex,
        cccd=cccd.value,
        insurance_number=insurance.value,
        phone=next((found.value for text in phones if (found := _lenient(parse_phone, text)).value), ""),
        address_text=_address_text(addresses[0])[:512] if addresses else "",
        area_id=next((ward for address in addresses if (ward := read_ward(address))), None),
        facility_id=reference_id(patient.get("managingOrganization"), "Organization"),
        deceased=patient.get("deceasedBoolean", False) is True or "deceasedDateTime" in patient,
        active=not deleted and patient.get("active", True) is True,
        warnings=json.dumps(list(dict.fromkeys(cccd.warnings + insurance.warnings))),
    )


def read_facility(organization: Json, *, deleted: bool = False) -> FacilityRow:
    """The row of an Organization. A deleted one gives its code free."""
    addresses = _addresses(organization)
    kinds = [
        coding["code"]
        for kind in organization.get("type") or ()
        for coding in kind.get("coding") or ()
        if "code" in coding
    ]
    return FacilityRow(
        organization_id=organization["id"],
        code=None if deleted else facility_code(organization),
        name=(organization.get("name") or "")[:255],
        kind=kinds[0][:64] if kinds else "",
        area_id=next((ward for address in addresses if (ward := read_ward(address))), None),
        active=not deleted and organization.get("active", True) is True,
    )


def read_name(names: Iterable[Json] | None) -> Name:
    """The name to show: the official one, else the usual one, else the first that is not an old one.

    Its text is taken as it stands; without text the parts are joined in the order of `names.join_name`.
    """
    rank = {"official": 0, "usual": 1, "old": 4, "maiden": 3}
    chosen = min(names or (), key=lambda name: rank.get(name.get("use", ""), 2), default=None)
    if chosen is None:
        return Name("", "", "")
    family, given = chosen.get("family") or "", [part for part in chosen.get("given") or () if part]
    full = " ".join((chosen.get("text") or join_name(family, given)).split())
    if not family and not given:
        family, given = split_name(full)
    return Name(full, family, " ".join(given))


def read_partial_date(text: str) -> tuple[date | None, BirthPrecision]:
    """A FHIR date as the first day of the period it means, and how exact it is."""
    precision = {10: BirthPrecision.DAY, 7: BirthPrecision.MONTH, 4: BirthPrecision.YEAR}.get(len(text))
    if precision is None:
        return None, BirthPrecision.UNKNOWN
    try:
        return date.fromisoformat((text + "-01-01")[:10]), precision
    except ValueError:
        return None, BirthPrecision.UNKNOWN


def identifier_value(resource: Json, system: str) -> str:
    """The first value that the resource carries under one of settings.FHIR_SYSTEMS, "" without one."""
    uri = settings.FHIR_SYSTEMS[system]
    return next((i["value"] for i in resource.get("identifier") or () if i.get("system") == uri and i.get("value")), "")


def facility_code(organization: Json) -> str | None:
    """The facility code of an Organization, None without a well-formed one."""
    return _lenient(parse_facility_code, identifier_value(organization, "facility")).value or None


def reference_id(reference: Json | None, type_: str) -> str | None:
    """The id that a Reference to this type names, relative or absolute, with or without version; None for others."""
    parts = ((reference or {}).get("reference") or "").split("/_history/")[0].split("/")
    return parts[-1] if len(parts) >= 2 and parts[-2] == type_ else None


def read_ward(address: Json) -> tuple[str, date | None] | None:
    """The commune code of an address and the day by which to read it (codes are re-used): its period's start."""
    uri = settings.FHIR_SYSTEMS["ward"]
    codings = (e.get("valueCoding") or {} for e in address.get("extension") or () if e.get("url") == uri)
    code = next((coding["code"] for coding in codings if coding.get("code")), None)
    if code is None:
        return None
    day, _precision = read_partial_date((address.get("period") or {}).get("start", "")[:10])
    return code, day


def _addresses(resource: Json) -> list[Json]:
    """Addresses, the present home first."""
    return sorted(
        resource.get("address") or (),
        key=lambda address: (
            address.get("use") == "old" or "end" in (address.get("period") or {}),
            address.get("use") != "home",
        ),
    )


def _address_text(address: Json) -> str:
    parts = [*(address.get("line") or ()), address.get("district"), address.get("city"), address.get("state")]
    return address.get("text") or ", ".join(part for part in parts if part)


def _lenient(parse: Any, text: str, **known: Any) -> Identifier:
    try:
        return parse(text, **known) if text else Identifier("")
    except Malformed:
        return Identifier("")
