"""Reads screening facts out of FHIR resources: pure functions, the same for live writes, rebuilds and validation."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.conf import settings

from screening import followup
from screening.elements import ZONE, Fact, day_of, performer_of
from screening.elements import codings as _codings
from screening.protocol import UNCLASSIFIED, Interpretation, NotInterpretable, interpret, protocol_for
from screening.protocol.beside import read_components, with_components
from screening.protocol.codes import UCUM
from screening.protocol.load import find_test
from screening.protocol.lookup import category_flagged
from screening.protocol.shapes import Test, TestCode

PRELIMINARY = "preliminary"
WITHDRAWN_STATUS = {"entered-in-error", "cancelled"}
FLAGS = {"POS": "POS", "DET": "POS", "NEG": "NEG", "ND": "NEG", "IND": "IND"}


@dataclass(frozen=True, slots=True)
class Reading:
    """An Observation's value as the protocol reads it, or the fault why it cannot (then it must be verified)."""

    test: Test
    code: TestCode
    interpretation: Interpretation | None
    fault: NotInterpretable | None


def read_fact(resource: Mapping[str, Any], *, facility: str | None, recorded: date | None = None) -> Fact | None:
    """The fact that a resource states now; None if it is none of ours, has not happened yet or is taken back.

    ``facility`` is the Organization whose software wrote it, for when the resource names no performer; ``recorded`` the
    day on which this version was saved, for when it does not say when the thing happened.
    """
    kind = resource.get("resourceType")
    if kind == "Observation":
        return _result(resource, facility) or followup.staging(resource, facility)
    if kind == "ServiceRequest":
        return followup.referral(resource, facility)
    if kind == "Procedure":
        return followup.procedure(resource, facility)
    if kind == "DiagnosticReport":
        return followup.report(resource, facility)
    if kind == "Communication":
        return followup.contact(resource, facility, recorded)
    if kind == "Patient":
        return followup.death(resource, recorded)
    return None


def is_screening(observation: Mapping[str, Any]) -> bool:
    """Whether the Observation carries the code of a screening test."""
    return find_test(_codings(observation.get("code"))) is not None


def read_value(observation: Mapping[str, Any], on: date) -> Reading | None:
    """The value by the protocol of the day; None for an Observation that is no screening test."""
    match = find_test(_codings(observation.get("code")))
    if match is None:
        return None
    test = protocol_for(match.programme, on).tests.get(match.test)
    if test is None:  # a test that only a later version of the protocol knows
        test = protocol_for(match.programme, date.max).tests[match.test]
    try:
        return Reading(test, match.code, _interpreted(test, match.code, observation), None)
    except NotInterpretable as fault:
        return Reading(test, match.code, None, fault)


def collected_on(observation: Mapping[str, Any]) -> date | None:
    """When the sample was taken: effective[x], or when the result was issued if that is all there is."""
    period = observation.get("effectivePeriod") or {}
    for text in (
        observation.get("effectiveDateTime"),
        observation.get("effectiveInstant"),
        period.get("start"),
        period.get("end"),
        observation.get("issued"),
    ):
        if day := day_of(text):
            return day
    return None


def specimen_of(observation: Mapping[str, Any]) -> tuple[str, str]:
    """(facility code, specimen id) of ``specimen.identifier``; the code is empty unless the system is one of ours."""
    identifier = (observation.get("specimen") or {}).get("identifier") or {}
    system, value = identifier.get("system") or "", identifier.get("value") or ""
    base = settings.FHIR_SYSTEMS["specimen"] + "/"
    return (system.removeprefix(base) if system.startswith(base) else "", value)


def _result(observation: Mapping[str, Any], facility: str | None) -> Fact | None:
    status = observation.get("status")
    match = find_test(_codings(observation.get("code")))
    collected = collected_on(observation)
    if match is None or collected is None or status in WITHDRAWN_STATUS or status == "registered":
        return None
    reading = read_value(observation, collected)
    assert reading is not None
    found, fault = reading.interpretation, reading.fault
    performer = performer_of(observation, facility)
    resulted = day_of(observation.get("issued"))
    code, specimen = specimen_of(observation)
    category = found.category if found else UNCLASSIFIED
    outcome = found.outcome if found else UNCLASSIFIED
    value = found.value if found else None
    kit = found.kit if found else _device(observation)
    explanation = dict(found.explanation) if found else dict(fault.text) if fault else {}
    data: dict[str, Any] = {
        "test": match.test,
        "category": category,
        "outcome": outcome,
        "resulted_on": resulted.isoformat() if resulted else None,
        "facility": performer,
        "value": f"{found.comparator}{value:f} {found.unit}" if found and value is not None else "",
    }
    if status == PRELIMINARY:
        data["preliminary"] = True
    if beside := read_components(reading.test, observation.get("component") or ()):
        data["components"] = beside
        explanation = with_components(reading.test, explanation, beside)
    result = {
        "programme": match.programme,
        "test": match.test,
        "category": category,
        "outcome": outcome,
        "value": value,
        "comparator": found.comparator if found else "",
        "unit": found.unit if found else "",
        "kit": kit[:100],
        "cutoff": found.cutoff if found else None,
        "explanation": explanation,
        "collected_on": collected,
        "resulted_on": resulted,
        "specimen_id": specimen[:100],
        "facility_id": performer,
        "facility_code": code[:5],
        "status": status,
    }
    return Fact("result", match.programme, collected, data, result)


def _interpreted(test: Test, code: TestCode, observation: Mapping[str, Any]) -> Interpretation:
    kit = _device(observation)
    if quantity := observation.get("valueQuantity"):
        cutoff, cutoff_unit = _cutoff(observation)
        amount = Decimal(quantity["value"]) if "value" in quantity else None
        if amount is None:
            raise NotInterpretable("value", "Thiếu giá trị.", "valueQuantity has no value.")
        return interpret(
            test,
            quantity=amount,
            comparator=quantity.get("comparator", ""),
            unit=_unit(quantity),
            kit=kit,
            cutoff=cutoff,
            cutoff_unit=cutoff_unit,
            code=code,
        )
    if concept := observation.get("valueCodeableConcept"):
        return interpret(test, coded=_codings(concept), word=concept.get("text", ""), kit=kit, code=code)
    if text := observation.get("valueString"):
        return interpret(test, word=text, kit=kit, code=code)
    if (answer := observation.get("valueBoolean")) is not None:
        flagged = category_flagged(test, "POS" if answer else "NEG")
    else:
        flags = flags_of(observation)
        flagged = category_flagged(test, flags[0]) if len(flags) == 1 else None
    if flagged is None:
        raise NotInterpretable(
            "value", "Kết quả không có giá trị đọc được.", "The result has no value that can be read."
        )
    return interpret(test, word=flagged.key, kit=kit, code=code)


def flags_of(observation: Mapping[str, Any]) -> list[str]:
    """POS, NEG or IND as ``interpretation`` says, without doubles."""
    codes = [
        coding.get("code", "") for concept in observation.get("interpretation") or () for coding in _codings(concept)
    ]
    return list(dict.fromkeys(FLAGS[code] for code in codes if code in FLAGS))


def _cutoff(observation: Mapping[str, Any]) -> tuple[Decimal | None, str]:
    for limits in observation.get("referenceRange") or ():
        high = limits.get("high") or {}
        if "value" in high:
            return Decimal(high["value"]), _unit(high)
    return None, ""


def _unit(quantity: Mapping[str, Any]) -> str:
    if quantity.get("system") == UCUM and quantity.get("code"):
        return quantity["code"]
    return quantity.get("unit") or quantity.get("code") or ""


def _device(observation: Mapping[str, Any]) -> str:
    return (observation.get("device") or {}).get("display") or ""


__all__ = ["PRELIMINARY", "ZONE", "Fact", "day_of", "performer_of"]
