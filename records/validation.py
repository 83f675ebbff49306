"""What a Patient or an Organization must satisfy beyond FHIR: well-formed numbers, one owner of a facility code.

Contradictions between a CCCD and sex or birth year are no errors: they are kept as warnings on the Citizen.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from django.conf import settings

from fhir.hooks import Change, on_validate
from fhir.outcomes import Issue
from records.identifiers import Identifier, Malformed, parse_cccd, parse_facility_code, parse_insurance_number
from records.models import Facility
from records.reading import facility_code

Shapes = dict[str, Callable[[str], Identifier]]


@on_validate("Patient")
def check_patients(changes: Sequence[Change]) -> Iterator[tuple[int, Issue]]:
    """Refuse a malformed CCCD or health-insurance number."""
    yield from _malformed(changes, {"cccd": parse_cccd, "bhyt": parse_insurance_number})


@on_validate("Organization")
def check_organizations(changes: Sequence[Change]) -> Iterator[tuple[int, Issue]]:
    """Refuse a malformed facility code, and one that another Organization has."""
    yield from _malformed(changes, {"facility": parse_facility_code})
    codes = [(position, change.id, facility_code(change.resource or {})) for position, change in enumerate(changes)]
    wanted = {code for _, _, code in codes if code}
    owners = dict(Facility.objects.filter(code__in=wanted).values_list("code", "organization_id")) if wanted else {}
    for position, id_, code in codes:
        if code and owners.setdefault(code, id_) != id_:
            diagnostics = f"Facility code {code} belongs to another Organization."
            yield position, Issue("error", "duplicate", "Organization.identifier", diagnostics)


def _malformed(changes: Sequence[Change], shapes: Shapes) -> Iterator[tuple[int, Issue]]:
    by_uri = {settings.FHIR_SYSTEMS[name]: parse for name, parse in shapes.items()}
    for position, change in enumerate(changes):
        identifiers: list[dict[str, Any]] = (change.resource or {}).get("identifier") or []
        for place, identifier in enumerate(identifiers):
            parse = by_uri.get(identifier.get("system", ""))
            if parse and "value" in identifier:
                try:
                    parse(identifier["value"])
                except Malformed as error:
                    expression = f"{change.type}.identifier[{place}].value"
                    yield position, Issue("error", "value", expression, str(error))
