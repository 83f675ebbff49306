"""FHIR's own constraints that are worth refusing a resource for, written as plain functions by type.

Each rule looks at one JSON object of its type and yields nothing if it holds. The keys (``obs-6`` …) are those of the
specification, so that a clinic's programmer can look them up.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

Json = Mapping[str, Any]
#: Gives (element name to blame or "", sentence) or None.
Rule = Callable[[Json], tuple[str, str] | None]

_BY_TYPE: dict[str, list[Rule]] = {}


def rules_for(name: str) -> tuple[Rule, ...]:
    return tuple(_BY_TYPE.get(name, ()))


def _rule(*names: str) -> Callable[[Rule], Rule]:
    def register(rule: Rule) -> Rule:
        for name in names:
            _BY_TYPE.setdefault(name, []).append(rule)
        return rule

    return register


def _has(node: Json, name: str) -> bool:
    return name in node or "_" + name in node


def _has_choice(node: Json, stem: str) -> bool:
    after = len(stem)
    return any(key.startswith(stem) and key[after : after + 1].isupper() for key in (k.lstrip("_") for k in node))


def _codes(concept: Any, system: str) -> set[Any]:
    codings = concept.get("coding") if isinstance(concept, dict) else None
    if not isinstance(codings, list):
        return set()
    return {coding.get("code") for coding in codings if isinstance(coding, dict) and coding.get("system") == system}


@_rule("Extension")
def ext_1(node: Json) -> tuple[str, str] | None:
    if ("extension" in node) == _has_choice(node, "value"):
        return "", "An extension has either a value[x] or nested extensions, one of them and not both (ext-1)"
    return None


@_rule("Period")
def per_1(node: Json) -> tuple[str, str] | None:
    start, end = node.get("start"), node.get("end")
    if isinstance(start, str) and isinstance(end, str) and _later(start, end):
        return "", f"The start {start!r:.40} is later than the end {end!r:.40} (per-1)"
    return None


def _later(first: str, second: str) -> bool:
    """Whether a dateTime is surely later than another; with different precisions the common part decides."""
    if "T" in first and "T" in second:
        try:
            return datetime.fromisoformat(first) > datetime.fromisoformat(second)
        except (ValueError, TypeError):
            return False
    common = min(len(first.partition("T")[0]), len(second.partition("T")[0]))
    return first[:common] > second[:common]


@_rule("Quantity", "Age", "Count", "Distance", "Duration", "SimpleQuantity")
def qty_3(node: Json) -> tuple[str, str] | None:
    if "code" in node and not _has(node, "system"):
        return "system", "A unit with a code needs its system, e.g. http://unitsofmeasure.org for UCUM (qty-3)"
    return None


@_rule("Range")
def rng_2(node: Json) -> tuple[str, str] | None:
    low, high = node.get("low"), node.get("high")
    if isinstance(low, dict) and isinstance(high, dict) and low.get("code") == high.get("code"):
        least, most = low.get("value"), high.get("value")
        if isinstance(least, int | Decimal) and isinstance(most, int | Decimal) and least > most:
            return "", f"The low value {least} is greater than the high value {most} (rng-2)"
    return None


@_rule("Ratio")
def rat_1(node: Json) -> tuple[str, str] | None:
    if ("numerator" in node) != ("denominator" in node):
        return "", "A ratio needs both numerator and denominator (rat-1)"
    return None


@_rule("ContactPoint")
def cpt_2(node: Json) -> tuple[str, str] | None:
    if _has(node, "value") and not _has(node, "system"):
        return "system", "A contact point with a value needs a system: phone, email, … (cpt-2)"
    return None


@_rule("Attachment")
def att_1(node: Json) -> tuple[str, str] | None:
    if _has(node, "data") and not _has(node, "contentType"):
        return "contentType", "An attachment with data needs a contentType (att-1)"
    return None


@_rule("Patient.contact")
def pat_1(node: Json) -> tuple[str, str] | None:
    if not any(_has(node, name) for name in ("name", "telecom", "address", "organization")):
        return "", "A contact needs a name, telecom, address or organization (pat-1)"
    return None


@_rule("Organization")
def org_1(node: Json) -> tuple[str, str] | None:
    if not _has(node, "identifier") and not _has(node, "name"):
        return "", "An organization needs an identifier or a name (org-1)"
    return None


@_rule("Observation")
def obs_6(node: Json) -> tuple[str, str] | None:
    if _has(node, "dataAbsentReason") and _has_choice(node, "value"):
        return "dataAbsentReason", "An observation with a value has no dataAbsentReason (obs-6)"
    return None


@_rule("Observation.referenceRange")
def obs_3(node: Json) -> tuple[str, str] | None:
    if not any(_has(node, name) for name in ("low", "high", "text")):
        return "", "A reference range needs a low, a high or a text (obs-3)"
    return None


_CONDITION = "http://terminology.hl7.org/CodeSystem/condition-clinical"
_CONDITION_VERIFICATION = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
_ALLERGY_VERIFICATION = "http://terminology.hl7.org/CodeSystem/allergyintolerance-verification"


@_rule("Condition")
def con_4(node: Json) -> tuple[str, str] | None:
    if _has_choice(node, "abatement"):
        codes = _codes(node.get("clinicalStatus"), _CONDITION)
        if codes & {"active", "recurrence", "relapse"}:
            return "clinicalStatus", "An abated condition is inactive, resolved or in remission (con-4)"
    return None


@_rule("Condition")
def con_5(node: Json) -> tuple[str, str] | None:
    wrong = "entered-in-error" in _codes(node.get("verificationStatus"), _CONDITION_VERIFICATION)
    if wrong and "clinicalStatus" in node:
        return "clinicalStatus", "A condition entered in error has no clinicalStatus (con-5)"
    return None


@_rule("AllergyIntolerance")
def ait_2(node: Json) -> tuple[str, str] | None:
    wrong = "entered-in-error" in _codes(node.get("verificationStatus"), _ALLERGY_VERIFICATION)
    if wrong and "clinicalStatus" in node:
        return "clinicalStatus", "An allergy entered in error has no clinicalStatus (ait-2)"
    return None


@_rule("Timing.repeat")
def tim_1(node: Json) -> tuple[str, str] | None:
    for value, unit in (("duration", "durationUnit"), ("period", "periodUnit")):
        if value in node and not _has(node, unit):
            return unit, f"{value} needs {unit} (tim-1, tim-2)"
    return None


@_rule("Bundle")
def bdl_1(node: Json) -> tuple[str, str] | None:
    if "total" in node and node.get("type") not in ("searchset", "history"):
        return "total", "Only a searchset or a history has a total (bdl-1)"
    return None
