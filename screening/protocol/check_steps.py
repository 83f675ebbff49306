"""What must be true of a protocol's steps and assessments: nobody may be stuck in one, or leave it unnoticed."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

from screening.protocol.shapes import DECEASED, DECISION, PROCEDURE, REPORT, STAGING, TREATMENT, UNSPECIFIED, VERIFY

#: States of a step -> whether its proper outcome must be an assessment.
STATES = {
    "to_verify": False,
    "reading_due": False,
    "repeat_due": False,
    "triage_due": False,
    "assessment_due": True,
    "decision_due": True,
    "treatment_due": True,
    "surveillance_due": False,
}
OWNERS = ("testing_facility", "referred_facility", "department")
LEVELS = ("district", "city")
KINDS = (PROCEDURE, REPORT, STAGING, DECISION, TREATMENT)
_MONTH = 30  # days, to compare spans written in months and days


def step_faults(raw: dict[str, Any]) -> Iterator[str]:
    """Faults of [steps]: state, owner, clocks, escalation, exits, and a way to the end of the round."""
    steps, assessments = raw["steps"], raw["assessments"]
    if VERIFY not in steps:
        yield f"steps.{VERIFY}: is missing, so a result that cannot be read would be lost"
    exits = {"result": {"same", *raw["tests"]}, "assessed": set(assessments), "closed": {""}}
    for key, step in steps.items():
        path = f"steps.{key}"
        if step["state"] not in STATES:
            yield f"{path}.state: {step['state']!r} is none of {', '.join(STATES)}"
        if step["owner"] not in OWNERS:
            yield f"{path}.owner: {step['owner']!r} is none of {', '.join(OWNERS)}"
        yield from _clocks(step, path)
        if not step["discharged_by"]:
            yield f"{path}.discharged_by: is empty: nobody could ever leave this state"
        elif not set(step["discharged_by"]) - {"closed"}:
            yield f"{path}.discharged_by: only 'closed' leaves this state: name its proper outcome"
        if "closed" not in step["discharged_by"]:
            yield f"{path}.discharged_by: has no 'closed', so a person who declines could not leave this state"
        for pattern in step["discharged_by"]:
            kind, _, name = pattern.partition(":")
            if name not in exits.get(kind, ()):
                yield f"{path}.discharged_by: unknown {pattern!r}"
        if step.get("positive_leads_to", key) not in steps:
            yield f"{path}.positive_leads_to: unknown step {step['positive_leads_to']!r}"
        if step["state"] == "triage_due" and "then_months" not in step:
            yield f"{path}: a triage needs then_months"
        if step["state"] == "triage_due" and ("positive_leads_to" in step) == step.get("by_result", False):
            yield f"{path}: a triage needs positive_leads_to, or by_result = true (each result leads by itself)"
        if (STATES.get(step["state"]) or "assessment" in step) and step.get("assessment") not in assessments:
            yield f"{path}.assessment: unknown {step.get('assessment')!r}"
        elif "assessment" in step and f"assessed:{step['assessment']}" not in step["discharged_by"]:
            yield f"{path}.discharged_by: does not name its own assessment {step['assessment']!r}"
    yield from _dead_ends(raw)


def assessment_faults(raw: dict[str, Any]) -> Iterator[str]:
    """Faults of [assessments] and [reasons]: every finding leads on, to the next round or to a declared end."""
    for key, assessment in raw["assessments"].items():
        path = f"assessments.{key}"
        if assessment.get("kind", "procedure") not in KINDS:
            yield f"{path}.kind: {assessment['kind']!r} is none of {', '.join(KINDS)}"
        findings = assessment["findings"]
        names = [finding["key"] for finding in findings]
        if UNSPECIFIED not in names:
            yield f"{path}.findings: {UNSPECIFIED!r} is missing"
        coded: dict[str, str] = {}
        for finding in findings:
            here = f"{path}.findings {finding['key']}"
            if names.count(finding["key"]) > 1:
                yield f"{here}: is there twice"
            for code in finding["codes"]:
                if coded.setdefault(code, finding["key"]) != finding["key"]:
                    yield f"{here}.codes: {code!r} also means {coded[code]}"
            if not finding["codes"] and finding["key"] != UNSPECIFIED:
                yield f"{here}.codes: is empty"
            yield from _finding(raw, finding, here)
    deceased = raw["reasons"].get(DECEASED)
    if deceased is None or deceased.get("ends") is not True:
        yield f"reasons.{DECEASED}: is missing or does not end the programme (ends = true)"


def _finding(raw: dict[str, Any], finding: dict[str, Any], path: str) -> Iterator[str]:
    target, ends = finding.get("leads_to"), finding.get("ends", False)
    if target is not None and target not in raw["steps"]:
        yield f"{path}.leads_to: unknown step {target!r}"
    if ends and (target is not None or "next_months" in finding):
        yield f"{path}: ends, but also leads on"
    if finding.get("discharges", True) and target is None and "next_months" not in finding and not ends:
        yield f"{path}: leads to no step and no next round, and is not declared an end (ends = true)"


def _clocks(step: dict[str, Any], path: str) -> Iterator[str]:
    within, limit = _length(step, "within"), _length(step, "limit")
    if within is None or limit is None:
        yield f"{path}: needs within_days or within_months, and limit_days or limit_months, one of each"
        return
    if not 0 < within <= limit:
        yield f"{path}: within_days (or _months) must be above 0 and not beyond limit_days (or _months)"
    if not 0 < step.get("warn_days", 0) <= within:
        yield f"{path}.warn_days: is missing, or the warning is not before the due date and after the start"
    yield from _escalation(step.get("escalate", ()), path)


def _escalation(levels: Sequence[dict[str, Any]], path: str) -> Iterator[str]:
    if not levels or levels[-1]["to"] != LEVELS[-1]:
        yield f"{path}.escalate: does not reach the city, so a step that nobody does would stay unnoticed"
    for level in levels:
        if level["to"] not in LEVELS or level["after_days"] < 1:
            yield f"{path}.escalate: {level['to']!r} after {level['after_days']} is no level ({', '.join(LEVELS)})"
            return
    for earlier, later in pairwise(levels):
        if LEVELS.index(later["to"]) <= LEVELS.index(earlier["to"]) or later["after_days"] <= earlier["after_days"]:
            yield f"{path}.escalate: is not ascending: {earlier['to']}, then {later['to']}"


def _length(step: dict[str, Any], name: str) -> int | None:
    """How long, about, in days; None unless it is written either in days or in months."""
    days, months = step.get(f"{name}_days"), step.get(f"{name}_months")
    if (days is None) == (months is None):
        return None
    return days if months is None else months * _MONTH


def _dead_ends(raw: dict[str, Any]) -> Iterator[str]:
    """Steps from which no chain of proper outcomes ever ends the round: people could leave only by a coded reason."""
    steps = raw["steps"]
    ending: set[str] = set()
    grows = True
    while grows:
        found = {key for key, step in steps.items() if key not in ending and _ends(raw, step, ending)}
        ending |= found
        grows = bool(found)
    for key in steps:
        if key not in ending:
            yield f"steps.{key}: no chain of outcomes leads from here to the end of the round"


def _ends(raw: dict[str, Any], step: dict[str, Any], ending: set[str]) -> bool:
    """Whether some proper outcome of the step ends the round, or opens only steps that do."""
    for pattern in step["discharged_by"]:
        kind, _, name = pattern.partition(":")
        targets: list[str | None] = []
        if kind == "assessed" and name in raw["assessments"]:
            findings = raw["assessments"][name]["findings"]
            targets = [finding.get("leads_to") for finding in findings if finding.get("discharges", True)]
        elif kind == "result":
            tests = raw["tests"].values() if name == "same" else [raw["tests"].get(name, {"categories": {}})]
            categories = [category for test in tests for category in test["categories"].values()]
            targets = [one.get("leads_to") for one in categories if one["outcome"] in ("positive", "negative")]
        if any(target is None or target in ending for target in targets):
            return True
    return False
