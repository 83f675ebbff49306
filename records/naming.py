"""Where a resource says in whose name it was made."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from django.conf import settings

from records.identifiers import Malformed, parse_facility_code
from records.reading import identifier_value, reference_id

# The elements of each type that name the organization which did, ordered or keeps it; a dot goes one level down.
_AUTHORS: dict[str, tuple[str, ...]] = {
    "CarePlan": ("author",),
    "Claim": ("provider",),
    "Composition": ("author", "custodian"),
    "DiagnosticReport": ("performer", "resultsInterpreter"),
    "DocumentReference": ("author", "custodian", "authenticator"),
    "Encounter": ("serviceProvider",),
    "EpisodeOfCare": ("managingOrganization",),
    "ExplanationOfBenefit": ("provider",),
    "Immunization": ("performer.actor",),
    "MedicationDispense": ("performer.actor",),
    "MedicationRequest": ("requester",),
    "Observation": ("performer",),
    "Patient": ("managingOrganization",),
    "PractitionerRole": ("organization",),
    "Procedure": ("performer.actor", "performer.onBehalfOf"),
    "Provenance": ("agent.who", "agent.onBehalfOf"),
    "QuestionnaireResponse": ("author",),
    "ServiceRequest": ("requester",),
}

_CUSTODIAN = ("http://terminology.hl7.org/CodeSystem/provenance-participant-type", "custodian")


class Named(NamedTuple):
    """A facility that a resource names at `path`: by id, by facility code, or both ("" where not)."""

    path: str
    organization: str
    code: str


def named_facilities(resource: Mapping[str, Any]) -> Iterator[Named]:
    """Every facility in whose name the resource speaks, as reference, as identifier or as contained Organization."""
    contained = {f"#{inner.get('id')}": inner for inner in resource.get("contained") or () if isinstance(inner, dict)}
    if resource.get("resourceType") == "Provenance":  # who gets a thing has not said so
        agents = resource.get("agent") or ()
        resource = {**resource, "agent": [one for one in agents if not _is_custodian(one)]}
    for path in _AUTHORS.get(resource.get("resourceType", ""), ()):
        for place, reference in _walk(resource, path.split("."), ""):
            inner = contained.get(reference.get("reference", ""), {})
            code = _code(reference.get("identifier")) or _shaped(identifier_value(inner, "facility"))
            organization = reference_id(reference, "Organization") or ""
            if organization or code:
                yield Named(place, organization, code)


def _is_custodian(agent: Mapping[str, Any]) -> bool:
    codings = (agent.get("type") or {}).get("coding") or ()
    return any((one.get("system"), one.get("code")) == _CUSTODIAN for one in codings)


def _walk(node: Any, steps: list[str], place: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if isinstance(node, list):
        for number, item in enumerate(node):
            yield from _walk(item, steps, f"{place}[{number}]")
    elif isinstance(node, Mapping):
        if steps:
            yield from _walk(node.get(steps[0]), steps[1:], f"{place}.{steps[0]}" if place else steps[0])
        else:
            yield place, node


def _code(identifier: Mapping[str, Any] | None) -> str:
    if not identifier or identifier.get("system") != settings.FHIR_SYSTEMS["facility"]:
        return ""
    return _shaped(identifier.get("value") or "")


def _shaped(text: str) -> str:
    try:
        return parse_facility_code(text).value
    except Malformed:
        return ""
