"""Writes screening results as FHIR resources: what the form and the file import call. The hooks do the rest (intake).

What follows a result is written by ``assessing``, whose functions are named here too.
"""

from collections.abc import Collection, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from fhir.models import Resource, ResourceVersion
from fhir.outcomes import refuse
from fhir.reader import read
from fhir.store import Draft, Saved, save, save_many
from fhir.text import parse
from healthhub.accounts.actors import Actor
from records.models import Facility
from screening.assessing import (
    assessment_of,
    assessments_after,
    build_assessment,
    record_assessment,
    refer_for_assessment,
)
from screening.components import build_components
from screening.facts import PRELIMINARY, ZONE
from screening.models import ScreeningResult
from screening.protocol import Interpretation, Test, current, find_test, interpret, named_test, programmes, protocol_for
from screening.protocol.codes import UCUM
from screening.protocol.lookup import code_for
from screening.protocol.shapes import DOUBLE

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


def said_test(word: str) -> Test | None:
    """The test that a text names, by its key or a word that the protocols know."""
    named = named_test(word) if word else None
    try:
        return known_test(named[1] if named else word, timezone.localdate())[1]
    except KeyError:
        return None


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
    components: Mapping[str, str] | None = None,
    previous: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The Observation of a result. With ``previous`` it is that Observation corrected, or itself if nothing differs.

    ``components`` is what is reported beside it, component -> value ("" for nothing); None leaves it as it was.
    Raises NotInterpretable, KeyError for an unknown test or value.
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
    beside = build_components(rule, components, previous) if components is not None else []
    if beside:
        own["component"] = beside
    if previous is None:
        return {"resourceType": "Observation", **own}
    return _corrected(previous, own, (*_OWN, "component") if components is not None else _OWN)


def enter_result(*, facility: Facility, actor: Actor, presented: bool = False, **fields: Any) -> Saved:
    """Save a new result; ``fields`` are those of ``build_result``. ``presented``: the person showed her papers here.

    It is preliminary if the protocol wants a second person to confirm it (``confirm_result``). Raises Refused (409
    duplicate if the specimen has a result already), NotInterpretable.
    """
    resource = build_result(facility=facility, **fields)
    if known_test(fields["test"], fields["collected_on"])[1].entry == DOUBLE:
        resource["status"] = PRELIMINARY
    people = frozenset({fields["patient_id"]}) if presented else frozenset()
    return save_many([Draft.of(resource, facility=_for_whom(facility, actor))], actor=actor, presented=people)[0]


def correct_result(
    *, observation_id: str, facility: Facility, actor: Actor, if_match: int | None = None, **fields: Any
) -> Saved:
    """Save a new version of a result that says something else. Nothing is written if it says the same."""
    stored = parse(read(type="Observation", id=observation_id, actor=actor).content).resource
    resource = build_result(facility=facility, previous=stored, **fields)
    return save(resource, actor=actor, if_match=if_match, facility=_for_whom(facility, actor))


def withdraw_result(*, observation_id: str, actor: Actor, why: str = "", if_match: int | None = None) -> Saved:
    """Mark a result as entered in error: it stays readable in the history, with the reason, and no longer counts."""
    stored = parse(read(type="Observation", id=observation_id, actor=actor).content).resource
    notes = [*stored.get("note", ()), *([{"text": why}] if why else ())]
    told = {"note": notes} if notes else {}
    return save({**stored, **told, "status": "entered-in-error"}, actor=actor, if_match=if_match)


def confirm_result(*, observation_id: str, actor: Actor, if_match: int | None = None) -> Saved:
    """A second person confirms a result that is not final yet. Refused: 409 if it is, 403 to whoever wrote it."""
    with transaction.atomic():
        stored = parse(read(type="Observation", id=observation_id, actor=actor).content).resource
        if stored.get("status") != PRELIMINARY:
            raise refuse(409, "conflict", "The result is no longer preliminary.", "Observation.status")
        if actor.id in _authors(observation_id):
            raise refuse(403, "forbidden", "Whoever entered a result cannot confirm it.", "Observation")
        return save({**stored, "status": "final"}, actor=actor, if_match=if_match)


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


def _corrected(previous: Mapping[str, Any], own: dict[str, Any], anew: Collection[str]) -> dict[str, Any]:
    kept = {name: value for name, value in previous.items() if name not in anew}
    if all(previous.get(name) == own.get(name) for name in anew if name != "status"):
        return dict(previous)
    return {
        **kept,
        **{name: value for name, value in own.items() if name in anew or name not in kept},
        "status": PRELIMINARY if previous.get("status") == PRELIMINARY else "corrected",
    }


def _authors(observation_id: str) -> set[str]:
    """Who wrote what a result says: the writers of its version of now and of all earlier ones."""
    key = {"type": "Observation", "id": observation_id}
    now = Resource.objects.filter(**key).values_list("author", flat=True)
    return {*now, *ResourceVersion.objects.filter(**key).values_list("author", flat=True)}


def _for_whom(facility: Facility, actor: Actor) -> str | None:
    """The system writes for the facility of the result; everybody else for their own."""
    return facility.organization_id if actor.is_system else None


__all__ = [
    "assessment_of",
    "assessments_after",
    "build_assessment",
    "build_result",
    "confirm_result",
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
