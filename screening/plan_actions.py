"""The actions of a PlanDefinition: what each result leads to, within which time each step is done, and by whom."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.conf import settings

from screening.protocol import Protocol, Test
from screening.protocol.codes import SNOMED, UCUM
from screening.protocol.shapes import Assessment, Category, Coding, Component, ComponentValue, Finding, Span, Step


def test_action(protocol: Protocol, test: Test) -> dict[str, Any]:
    """A test, with an action for each result that it can have."""
    interval = min((band.interval_months for band in protocol.bands if test.key in band.tests), default=None)
    action: dict[str, Any] = {
        "id": _action_id("test", test.key),
        "title": test.name["vi"],
        "textEquivalent": test.name["en"],
        "code": [concept([code.coding for code in test.codes], test.name["vi"], displays_of(test))],
        "definitionCanonical": f"{activity_url(protocol, test.key)}|{protocol.version}",
        "action": [
            *(_category_action(test, category) for category in test.categories.values()),
            *(
                _component_action(test, component, value)
                for component in test.components
                for value in component.values.values()
                if value.leads_to
            ),
        ],
    }
    if interval:
        action["timingTiming"] = {"repeat": {"frequency": 1, "period": interval, "periodUnit": "mo"}}
    return action


def _category_action(test: Test, category: Category) -> dict[str, Any]:
    codes = _any_of(category.codings)
    after = f"next round after {category.next_months} months" if category.next_months else ""
    action: dict[str, Any] = {
        "id": _action_id("result", f"{test.key}-{category.key}"),
        "title": category.label["vi"],
        "textEquivalent": "; ".join(part for part in (category.label["en"], category.outcome, after) if part),
        "condition": [
            {
                "kind": "applicability",
                "expression": {
                    "description": category.label["en"],
                    "language": "text/fhirpath",
                    "expression": f"(value as CodeableConcept).coding.where({codes}).exists()",
                },
            }
        ],
    }
    if category.leads_to:
        action["relatedAction"] = [{"actionId": _action_id("step", category.leads_to), "relationship": "before-start"}]
    return action


def _component_action(test: Test, component: Component, value: ComponentValue) -> dict[str, Any]:
    """What is asked for beside a negative by something reported with it: a dense breast."""
    assert value.leads_to is not None
    part = f"component.where(code.coding.where({_any_of(component.codings)}).exists())"
    return {
        "id": _action_id("component", f"{test.key}-{component.key}-{value.key}"),
        "title": f"{component.name['vi']}: {value.label['vi']}",
        "textEquivalent": f"{component.name['en']}: {value.label['en']}; beside a negative result that is final",
        "condition": [
            {
                "kind": "applicability",
                "expression": {
                    "description": f"{component.name['en']}: {value.label['en']}",
                    "language": "text/fhirpath",
                    "expression": f"{part}.value.coding.where({_any_of(value.codings)}).exists()",
                },
            }
        ],
        "relatedAction": [{"actionId": _action_id("step", value.leads_to), "relationship": "before-start"}],
    }


def _any_of(codings: Iterable[Coding]) -> str:
    return " or ".join(f"(system = '{system}' and code = '{code}')" for system, code in codings)


def step_action(protocol: Protocol, step: Step) -> dict[str, Any]:
    """A step with its clock, owner and escalation, and what each finding of its assessment leads to."""
    told = ", ".join(f"{level.to} {level.after_days} days after it was due" for level in step.escalate)
    action: dict[str, Any] = {
        "id": _action_id("step", step.key),
        "title": step.name["vi"],
        "description": step.name["en"],
        "textEquivalent": (
            f"{step.name['en']}: within {_words(step.within)}, at the latest {_words(step.limit)}; "
            f"owner: {step.owner.replace('_', ' ')}" + (f"; told when late: {told}" if told else "")
        ),
        "timingDuration": _duration(step.within),
    }
    assessment = protocol.assessments.get(step.assessment or "")
    if assessment:
        action["definitionCanonical"] = f"{activity_url(protocol, assessment.key)}|{protocol.version}"
        action["action"] = [_finding_action(step, assessment, finding) for finding in assessment.findings.values()]
    return action


def _finding_action(step: Step, assessment: Assessment, finding: Finding) -> dict[str, Any]:
    codes = _any_of(finding.codings)
    where = "conclusionCode" if assessment.kind == "report" else "outcome"
    after = f"next round after {finding.next_months} months" if finding.next_months else ""
    end = "ends the programme for this person" if finding.ends else ""
    action: dict[str, Any] = {
        "id": _action_id("finding", f"{step.key}-{finding.key}"),
        "title": finding.label["vi"],
        "textEquivalent": "; ".join(part for part in (finding.label["en"], after, end) if part),
    }
    if finding.codings:
        expression = {
            "description": finding.label["en"],
            "language": "text/fhirpath",
            "expression": f"{where}.coding.where({codes}).exists()",
        }
        action["condition"] = [{"kind": "applicability", "expression": expression}]
    if finding.leads_to:
        action["relatedAction"] = [{"actionId": _action_id("step", finding.leads_to), "relationship": "before-start"}]
    return action


def displays_of(test: Test) -> dict[Coding, str]:
    """What the test's codes are called."""
    return {code.coding: code.display for code in test.codes}


def concept(codings: Iterable[Coding], text: str, displays: Mapping[Coding, str]) -> dict[str, Any]:
    """A CodeableConcept; a display of ours is not given to SNOMED's codes."""
    found = []
    for system, code in codings:
        coding = {"system": system, "code": code}
        if (system, code) in displays and system != SNOMED:  # a display of ours is not SNOMED's
            coding["display"] = displays[system, code]
        found.append(coding)
    return {"coding": found, "text": text}


def _duration(span: Span) -> dict[str, Any]:
    value, unit, code = (span.months, "tháng", "mo") if span.months else (span.days, "ngày", "d")
    return {"value": value, "unit": unit, "system": UCUM, "code": code}


def _words(span: Span) -> str:
    return f"{span.months} months" if span.months else f"{span.days} days"


def activity_url(protocol: Protocol, key: str) -> str:
    """The canonical address of a test's or examination's ActivityDefinition."""
    base = settings.FHIR_SYSTEMS["plan"].rsplit("/", 1)[0]
    return f"{base}/ActivityDefinition/{protocol.programme}-{key}".replace("_", "-")


def _action_id(kind: str, key: str) -> str:
    return f"{kind}-{key}".replace("_", "-")
