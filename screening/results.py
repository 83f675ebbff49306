"""Writes screening facts as FHIR resources: what the form and the file import call. The hooks do the rest (intake)."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone

from fhir.outcomes import refuse
from fhir.reader import read
from fhir.store import Draft, Saved, save, save_many
from fhir.text import parse
from healthhub.accounts.actors import Actor
from records.models import Facility
from screening.facts import ZONE
from screening.models import ScreeningResult
from screening.protocol import Interpretation, Test, current, find_test, interpret, programmes, protocol_for
from screening.protocol.interpret import code_for
from screening.protocol.load import UCUM
from screening.protocol.shapes import Assessment

CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
FLAG = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"
_FLAG_NAMES = {"POS": "Positive", "NEG": "Negative", "IND": "Indeterminate"}
#: The elements that a correction writes anew; all others of the earlier version stay as they are.
_OWN: tuple[str, ...] = (
    *("status", "code", "effectiveDateTime", "issued", "performer", "specimen", "device", "note"),
    *("valueQuantity", "valueCodeableConcept", "valueString", "interpretation", "referenceRange"),
)


def known_test(key: str, on: date) -> tuple[str, Test]:
    """(programme, test) by the protocol of the day. KeyError if no programme has the test."""
    for programme in programmes():
        for protocol in (protocol_for(programme, on), current(programme)):
            if key in protocol.tests:
                return programme, protocol.tests[key]
    raise KeyError(key)


def interpret_result(
    *,
    test: str,
    value: str | Decimal,
    unit: str = "",
    kit: str = "",
    cutoff: Decimal | None = None,
    cutoff_unit: str = "",
    collected_on: date,
) -> Interpretation:
    """What a form shows before saving. ``value`` is a number, or as somebody wrote it: number, word or code.

    Raises NotInterpretable with a sentence in both languages, KeyError for an unknown test.
    """
    rule = known_test(test, collected_on)[1]
    number, word = (value, "") if isinstance(value, Decimal) else (None, value)
    return interpret(rule, quantity=number, word=word, unit=unit, kit=kit, cutoff=cutoff, cutoff_unit=cutoff_unit)


def build_result(
    *,
    patient_id: str,
    facility: Facility,
    test: str,
    value: str | Decimal,
    unit: str = "",
    kit: str = "",
    cutoff: Decimal | None = None,
    cutoff_unit: str = "",
    collected_on: date,
    resulted_on: date | None = None,
    specimen_id: str = "",
    note: str = "",
    previous: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The Observation of a result. With ``previous`` it is that Observation corrected, or itself if nothing differs.

    Raises NotInterpretable, KeyError for an unknown test.
    """
    found = interpret_result(
        test=test, value=value, unit=unit, kit=kit, cutoff=cutoff, cutoff_unit=cutoff_unit, collected_on=collected_on
    )
    rule = known_test(test, collected_on)[1]
    code = code_for(rule, found.unit)
    own: dict[str, Any] = {
        "status": "final",
        "category": [{"coding": [{"system": CATEGORY, "code": "laboratory", "display": "Laboratory"}]}],
        "code": {
            "coding": [{"system": code.coding[0], "code": code.coding[1], "display": code.display}],
            "text": rule.name["vi"],
        },
        "subject": {"reference": f"Patient/{patient_id}"},
        "effectiveDateTime": collected_on.isoformat(),
        "performer": [{"reference": f"Organization/{facility.organization_id}"}],
    }
    if resulted_on:
        own["issued"] = datetime(resulted_on.year, resulted_on.month, resulted_on.day, tzinfo=ZONE).isoformat()
    if specimen_id:
        system = f"{settings.FHIR_SYSTEMS['specimen']}/{facility.code}"
        own["specimen"] = {"identifier": {"system": system, "value": specimen_id}}
    own |= _value(rule, found)
    if found.kit:
        own["device"] = {"display": found.kit}
    if note:
        own["note"] = [{"text": note}]
    if previous is None:
        return {"resourceType": "Observation", **own}
    return _corrected(previous, own)


def enter_result(*, facility: Facility, actor: Actor, presented: bool = False, **fields: Any) -> Saved:
    """Save a new result; ``fields`` are those of ``build_result``. ``presented``: the person showed her papers here.

    Raises Refused (409 duplicate if the specimen has a result already), NotInterpretable.
    """
    resource = build_result(facility=facility, **fields)
    people = frozenset({fields["patient_id"]}) if presented else frozenset()
    return save_many([Draft.of(resource, facility=_for_whom(facility, actor))], actor=actor, presented=people)[0]


def correct_result(
    *, observation_id: str, facility: Facility, actor: Actor, if_match: int | None = None, **fields: Any
) -> Saved:
    """Save a new version of a result that says something else. Nothing is written if it says the same."""
    stored = parse(read(type="Observation", id=observation_id, actor=actor).content).resource
    resource = build_result(facility=facility, previous=stored, **fields)
    return save(resource, actor=actor, if_match=if_match, facility=_for_whom(facility, actor))


def withdraw_result(*, observation_id: str, actor: Actor, if_match: int | None = None) -> Saved:
    """Mark a result as entered in error: it stays readable in the history and no longer counts."""
    stored = parse(read(type="Observation", id=observation_id, actor=actor).content).resource
    return save({**stored, "status": "entered-in-error"}, actor=actor, if_match=if_match)


def refer_for_assessment(
    *, result: ScreeningResult, due_on: date, actor: Actor, authored_on: date | None = None, note: str = ""
) -> Saved:
    """Refer somebody for the assessment that the result leads to, for ``due_on``. Refused (422) if it leads to none."""
    assessment = assessment_of(result)
    requester = actor.facility or result.facility_id
    resource: dict[str, Any] = {
        "resourceType": "ServiceRequest",
        "status": "active",
        "intent": "order",
        "code": _code(assessment),
        "subject": {"reference": f"Patient/{result.patient_id}"},
        "occurrenceDateTime": due_on.isoformat(),
        "authoredOn": (authored_on or _today()).isoformat(),
        "reasonReference": [{"reference": f"Observation/{result.observation_id}"}],
    }
    if requester:
        resource["requester"] = {"reference": f"Organization/{requester}"}
    if note:
        resource["note"] = [{"text": note}]
    return save(resource, actor=actor, facility=requester if actor.is_system else None)


def record_assessment(
    *, result: ScreeningResult, done_on: date, actor: Actor, finding: str = "unspecified", note: str = ""
) -> Saved:
    """Record that the assessment took place and what it found: a key of the protocol's findings, else KeyError."""
    assessment = assessment_of(result)
    found = assessment.findings[finding]
    facility = actor.facility or result.facility_id
    resource: dict[str, Any] = {
        "resourceType": "Procedure",
        "status": "completed",
        "code": _code(assessment),
        "subject": {"reference": f"Patient/{result.patient_id}"},
        "performedDateTime": done_on.isoformat(),
        "reasonReference": [{"reference": f"Observation/{result.observation_id}"}],
    }
    if facility:
        resource["performer"] = [{"actor": {"reference": f"Organization/{facility}"}}]
    if found.codings:
        system, code = found.codings[0]
        coding = {"system": system, "code": code, "display": found.label["en"]}
        resource["outcome"] = {"coding": [coding], "text": found.label["vi"]}
    if note:
        resource["note"] = [{"text": note}]
    return save(resource, actor=actor, facility=facility if actor.is_system else None)


def assessment_of(result: ScreeningResult) -> Assessment:
    """The assessment that the result leads to, or that its round now waits for. Refused (422) if there is none."""
    protocol = protocol_for(result.programme, result.collected_on)
    category = protocol.category(result.test, result.category)
    for key in (result.episode.step if result.episode else "", category.leads_to if category else None):
        step = protocol.steps.get(key or "")
        if step and step.assessment:
            return protocol.assessments[step.assessment]
    raise refuse(422, "business-rule", f"The result ({result.outcome}) leads to no assessment.", "ServiceRequest.code")


def results_of(patient_id: str) -> QuerySet[ScreeningResult]:
    """A person's results with their rounds, newest first. The caller has checked who may see her."""
    found = ScreeningResult.objects.filter(patient_id=patient_id).select_related("episode", "facility", "area")
    return found.order_by("-collected_on", "programme", "observation_id")


def _value(rule: Test, found: Interpretation) -> dict[str, Any]:
    flag = {"system": FLAG, "code": found.interpretation, "display": _FLAG_NAMES[found.interpretation]}
    own: dict[str, Any] = {"interpretation": [{"coding": [flag]}]}
    if found.value is None:
        system, code = rule.categories[found.category].codings[0]
        coding = {"system": system, "code": code, "display": found.label["en"]}
        own["valueCodeableConcept"] = {"coding": [coding], "text": found.label["vi"]}
        return own
    shown = rule.units[found.unit].display
    quantity = {"value": _number(found.value), "unit": shown, "system": UCUM, "code": found.unit}
    own["valueQuantity"] = {**quantity, "comparator": found.comparator} if found.comparator else quantity
    assert found.cutoff is not None
    high = {"value": _number(found.cutoff), "unit": shown, "system": UCUM, "code": found.cutoff_unit}
    own["referenceRange"] = [{"high": high, "text": f"Ngưỡng {found.cutoff:f} {shown} (dương tính khi ≥ ngưỡng)"}]
    return own


def _number(value: Decimal) -> Decimal | int:
    """A Decimal as JSON writes it best: 20, not 2E+1; the digits after the point stay as they were written."""
    return int(value) if value == value.to_integral_value() and value.as_tuple().exponent >= 0 else value  # type: ignore[operator]


def _corrected(previous: Mapping[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in previous.items() if name not in _OWN}
    if all(previous.get(name) == own.get(name) for name in _OWN if name != "status"):
        return dict(previous)
    return {
        **kept,
        **{name: value for name, value in own.items() if name in _OWN or name not in kept},
        "status": "corrected",
    }


def _code(assessment: Assessment) -> dict[str, Any]:
    system, code = assessment.codings[0]
    return {"coding": [{"system": system, "code": code, "display": assessment.display}], "text": assessment.name["vi"]}


def _for_whom(facility: Facility, actor: Actor) -> str | None:
    """The system writes for the facility of the result; everybody else for their own."""
    return facility.organization_id if actor.is_system else None


def _today() -> date:
    return timezone.now().astimezone(ZONE).date()


__all__ = [
    "assessment_of",
    "build_result",
    "correct_result",
    "enter_result",
    "find_test",
    "interpret_result",
    "known_test",
    "record_assessment",
    "refer_for_assessment",
    "results_of",
    "withdraw_result",
]
