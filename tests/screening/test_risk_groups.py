"""Who is at risk by what was measured: a positive blood test, an amount smoked, how long after the last day of it."""

from datetime import date, timedelta
from typing import Any

import pytest

from fhir import store
from healthhub.accounts.actors import SYSTEM
from screening.models import Balance, Standing
from screening.protocol import protocol_for
from screening.recall.balance import balance
from screening.recall.refresh import refresh_noted
from screening.recall.run import carry_on, start_run
from tests.screening.test_standing import standing

pytestmark = pytest.mark.django_db
ON = date(2026, 3, 2)


def observed(patient: str, code: str, **said: Any) -> str:
    observation = {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
        "subject": {"reference": f"Patient/{patient}"},
        "effectiveDateTime": "2026-01-05",
    }
    return store.save(observation | said, actor=SYSTEM).id


@pytest.mark.parametrize(
    ("stopped", "on", "at_risk"),
    [
        ("1990", ON, False),
        ("2011-03-02", ON, True),
        ("2011-03-02", ON + timedelta(days=1), False),
        ("2011-03", date(2026, 3, 31), True),
        ("2011-03", date(2026, 4, 1), False),
        ("2011", date(2026, 12, 31), True),
        ("2011", date(2027, 1, 1), False),
        (None, ON, True),
    ],
)
def test_whoever_stopped_smoking_is_at_risk_for_fifteen_years(
    man: str, stopped: str | None, on: date, at_risk: bool
) -> None:
    """USPSTF 2021: smoking now, or stopped within 15 years."""
    packs = {"value": 25, "code": "{PackYears}", "system": "http://unitsofmeasure.org"}
    observed(man, "8664-5", valueQuantity=packs)
    observed(man, "74010-0", **({"valueDateTime": stopped} if stopped else {"dataAbsentReason": {"text": "còn hút"}}))
    assert (man in standing("lung", on)) == at_risk
    refresh_noted(on)
    balance([protocol_for("lung", on)], on)
    assert [(book.eligible, book.missing, book.surplus) for book in Balance.objects.filter(programme="lung")] == (
        [(1, 0, 0)] if at_risk else []
    )


def test_the_newest_record_of_stopping_counts_and_the_night_sees_the_years_pass(man: str) -> None:
    packs = {"value": 25, "code": "{PackYears}", "system": "http://unitsofmeasure.org"}
    observed(man, "8664-5", valueQuantity=packs)
    observed(man, "74010-0", valueDateTime="1990", effectiveDateTime="2020-01-01")
    assert standing("lung", ON) == {}
    again = observed(man, "74010-0", dataAbsentReason={"text": "hút lại"}, effectiveDateTime="2021-01-01")
    assert man in standing("lung", ON)
    observed(man, "74010-0", id=again, valueDateTime="2011-03-02", effectiveDateTime="2021-01-01")
    carry_on(start_run(ON))
    assert Standing.objects.filter(patient=man, programme="lung").exists()
    carry_on(start_run(ON + timedelta(days=1)))
    assert not Standing.objects.filter(patient=man, programme="lung").exists()


@pytest.mark.parametrize(
    ("code", "group"),
    [
        ("5195-3", "hepatitis_b"),
        ("75410-1", "hepatitis_b"),
        ("13955-0", "hepatitis_c"),
        ("16128-1", "hepatitis_c"),
        ("5196-1", ""),
    ],
)
def test_pain_9_a_positive_hbsag_or_anti_hcv_puts_at_risk_without_a_diagnosis(man: str, code: str, group: str) -> None:
    def value(snomed: str) -> dict[str, Any]:
        return {"valueCodeableConcept": {"coding": [{"system": "http://snomed.info/sct", "code": snomed}]}}

    negative = observed(man, code, **value("260385009"))
    assert standing("liver", ON) == {}
    observed(man, code, id=negative, status="corrected", **value("10828004"))
    refresh_noted(ON)
    held = Standing.objects.filter(patient=man, programme="liver")
    assert [(one.due_rule, one.due_from) for one in held] == ([(f"risk:{group}", date(2026, 1, 5))] if group else [])
    observed(man, code, id=negative, status="entered-in-error", **value("10828004"))
    assert standing("liver", ON) == {}


@pytest.mark.parametrize(("letter", "at_risk"), [("POS", True), ("NEG", False)])
def test_an_index_of_an_immunoassay_counts_as_the_laboratory_interprets_it(
    man: str, letter: str, at_risk: bool
) -> None:
    system = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"
    said = [{"coding": [{"system": system, "code": letter}]}]
    observed(man, "5195-3", valueQuantity={"value": 250, "unit": "S/CO"}, interpretation=said)
    assert (man in standing("liver", ON)) == at_risk
