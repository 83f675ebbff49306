"""What is stored already under a row's facility, specimen and test, and the Observation that the row makes of it."""

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any, Final, NamedTuple

from django.db import connection

from fhir.store import Draft
from fhir.text import parse
from records.identifiers import insurance_key
from screening.facts import read_fact, specimen_of
from screening.imports.rows import Row
from screening.protocol import POSITIVE, NotInterpretable
from screening.results import build_result

_STORED = """
SELECT r.facility_id, r.specimen_id, r.test, r.observation_id, r.patient_id, r.kit, r.cutoff, r.unit,
  c.cccd, c.insurance_number, c.folded_name, c.birth_date, o.content
FROM unnest(%s::text[], %s::text[], %s::text[]) AS k(facility, specimen, test)
JOIN screening_screeningresult r ON r.facility_id = k.facility AND r.specimen_id = k.specimen AND r.test = k.test
  AND r.specimen_id <> ''  -- the index has only these
JOIN fhir_resource o ON o.type = 'Observation' AND o.id = r.observation_id
LEFT JOIN records_citizen c ON c.patient_id = r.patient_id
"""
_WITHDRAWN = """
SELECT DISTINCT o.id, o.content FROM screening_episodeevent e
JOIN fhir_resource o ON o.type = 'Observation' AND o.id = e.source_id AND NOT o.deleted
WHERE e.patient_id = ANY(%s) AND e.kind = 'withdrawn' AND e.source_type = 'Observation'
AND NOT EXISTS (  -- a file that was undone may come again
  SELECT FROM screening_stagedrow s
  WHERE s.observation = o.id AND s.state = 'undone' AND s.version = o.version - 1)
"""

STATED: Final = "stated_cutoff"  # the field of a fault that only a stated cut-off mends
Held = tuple[str, str, str]


class Stored(NamedTuple):
    """The result of a facility, specimen and test, and whose it is."""

    observation_id: str
    patient_id: str
    kit: str
    cutoff: Decimal | None
    unit: str
    numbers: frozenset[str]
    folded_name: str
    birth_date: date | None
    content: str


def find_stored(rows: Iterable[Row]) -> dict[Held, Stored]:
    """The stored results of the rows' specimens, in one statement."""
    keys = [row.held for row in rows]
    if not keys:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(_STORED, [list(column) for column in zip(*keys, strict=True)])
        return {
            (facility, specimen, test): Stored(
                id_, patient, kit, cutoff, unit, _numbers(cccd, bhyt), folded or "", born, text
            )
            for facility, specimen, test, id_, patient, kit, cutoff, unit, cccd, bhyt, folded, born, text in (
                cursor.fetchall()
            )
        }


def find_withdrawn(patients: Iterable[str]) -> dict[Held, str]:
    """Results of these people that somebody took back, by facility, specimen and test; not those of an undone file."""
    wanted = sorted(set(patients))
    if not wanted:
        return {}
    found: dict[Held, str] = {}
    with connection.cursor() as cursor:
        cursor.execute(_WITHDRAWN, [wanted])
        for _id, content in cursor.fetchall():
            resource = parse(content).resource
            fact = read_fact({**resource, "status": "final"}, facility=None)
            if resource["status"] == "entered-in-error" and fact and fact.result and fact.result["facility_id"]:
                found[fact.result["facility_id"], specimen_of(resource)[1], fact.result["test"]] = content
    return found


def resource_of(row: Row, patient_id: str, stored: Stored | None, withdrawn: str | None) -> dict[str, Any] | None:
    """The Observation to write; None if what is stored says the same (also if it was taken back since).

    A row that leaves out its kit or cut-off says nothing against them. But where it corrects a value, the new one is
    read by the cut-off of its kit (else of the stored one), or the protocol's: never unseen by one that somebody once
    stated. Raises NotInterpretable where the stored kit does not go with the row, and (STATED) where a value that the
    stored cut-off calls positive would be none: the row must then state its cut-off.
    """
    fields = {**row.result(), "patient_id": patient_id}
    if stored is None:
        resource = build_result(**fields)
        return None if withdrawn is not None and _says_the_same(resource, parse(withdrawn).resource) else resource
    previous = parse(stored.content).resource
    fields["patient_id"] = stored.patient_id
    if stored.kit and not row.kit:
        fields["kit"] = stored.kit
    resource = build_result(**fields)
    measured = not row.kit or resource.get("device") in (None, previous.get("device"))
    if row.cutoff is not None:
        same = _bound(resource) == _bound(previous) and _says_the_same(resource, previous)
        return None if measured and same else build_result(**fields, previous=previous)
    by_stored = resource
    if measured and stored.cutoff is not None and resource.get("valueQuantity", {}).get("code") == stored.unit:
        by_stored = build_result(**fields | {"cutoff": stored.cutoff.normalize() + 0, "cutoff_unit": stored.unit})
    if measured and _says_the_same(by_stored, previous):
        return None
    if _is_positive(by_stored) and not _is_positive(resource):
        raise _unstated(by_stored, resource)
    return build_result(**fields, previous=previous)


def draft_of(row: Row, resource: dict[str, Any]) -> Draft:
    """The resource for the store, which names the row in its refusals."""
    draft = Draft.of(resource, facility=row.facility.organization_id)
    draft.expression = f"row[{row.number}]"
    return draft


def _says_the_same(told: Mapping[str, Any], stored: Mapping[str, Any]) -> bool:
    """Whether a stored result says what a row tells; what a row leaves out is no difference."""
    new = read_fact(told, facility=None)
    old = read_fact({**stored, "status": "final"}, facility=None)
    if not (new and old and new.result and old.result):
        return False
    names = ["category", "value", "comparator", "unit", "collected_on"]
    if isinstance(new.result["resulted_on"], date):
        names.append("resulted_on")
    if any(new.result[name] != old.result[name] for name in names):
        return False
    if not new.data.get("components", {}).items() <= old.data.get("components", {}).items():
        return False
    return "note" not in told or told["note"][0]["text"] in [note.get("text") for note in stored.get("note") or ()]


def _is_positive(resource: Mapping[str, Any]) -> bool:
    fact = read_fact(resource, facility=None)
    return bool(fact and fact.result and fact.result["outcome"] == POSITIVE)


def _unstated(by_stored: Mapping[str, Any], resource: Mapping[str, Any]) -> NotInterpretable:
    old, own = (f"{_bound(one)[0]} {one['valueQuantity']['unit']}" for one in (by_stored, resource))
    return NotInterpretable(
        STATED,
        f"Theo ngưỡng của kết quả đang lưu ({old}) là dương tính, theo ngưỡng của bộ kit hoặc quy trình ({own}) thì "
        "không. Hãy ghi rõ ngưỡng đã dùng.",
        f"By the cut-off of the stored result ({old}) it is positive, by that of the kit or the protocol ({own}) it is "
        "not. State the cut-off that was used.",
    )


def _bound(resource: Mapping[str, Any]) -> tuple[Any, Any]:
    """The cut-off that a result names, with its unit."""
    high = next((one.get("high") or {} for one in resource.get("referenceRange") or ()), {})
    return high.get("value"), high.get("code")


def _numbers(cccd: str | None, bhyt: str | None) -> frozenset[str]:
    return frozenset({cccd or "", insurance_key(bhyt or "")} - {""})
