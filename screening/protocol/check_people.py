"""What must be true of whom a protocol is for: ages without gap or overlap, exclusions, risk groups, the call."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any, Final

from screening.protocol.check_values import LANGUAGES, SYSTEMS, code_faults, is_positive
from screening.protocol.terms import INVITED, OPPORTUNISTIC

CALL_CLOCKS: Final = (
    "invite_days_before",
    "remind_after_days",
    "nonresponse_after_days",
    "overdue_after_days",
    "attempts",
)


def people_faults(raw: dict[str, Any]) -> Iterator[str]:
    """Faults of [eligibility], [call] and [cancer]."""
    yield from _ages(raw)
    yield from _people(raw)


def _ages(raw: dict[str, Any]) -> Iterator[str]:
    eligibility = raw["eligibility"]
    if eligibility["age_counted"] not in ("on_day", "birth_year"):
        yield f"eligibility.age_counted: {eligibility['age_counted']!r} is neither on_day nor birth_year"
    bands = eligibility["bands"]
    if not bands:
        yield "eligibility.bands: there is none"
    for position, band in enumerate(bands):
        if "max_age" in band and band["max_age"] < band["min_age"]:
            yield f"eligibility.bands[{position}]: ends before it begins"
        if unknown := set(band["tests"]) - raw["tests"].keys():
            yield f"eligibility.bands[{position}].tests: unknown {sorted(unknown)}"
    for position, (band, after) in enumerate(pairwise(bands)):
        if "max_age" not in band or after["min_age"] <= band["max_age"]:
            yield f"eligibility.bands[{position + 1}]: overlaps the band before it"
        elif after["min_age"] > band["max_age"] + 1:
            yield f"eligibility.bands[{position + 1}]: leaves a gap after age {band['max_age']}"


def _people(raw: dict[str, Any]) -> Iterator[str]:
    """Who is called, who is left out and who is at risk."""
    eligibility = raw["eligibility"]
    if eligibility.get("mode", INVITED) not in (INVITED, OPPORTUNISTIC):
        yield f"eligibility.mode: {eligibility['mode']!r} is neither {INVITED} nor {OPPORTUNISTIC}"
    if eligibility.get("residence", "city") not in ("city", "any"):
        yield f"eligibility.residence: {eligibility['residence']!r} is neither city nor any"
    if (eligibility.get("mode", INVITED) == INVITED) != ("call" in raw):
        yield "call: belongs to every programme of mode 'invited' and to no other"
    elif "call" in raw:
        for name in CALL_CLOCKS:
            if not isinstance(raw["call"].get(name), int) or raw["call"][name] < 1:
                yield f"call.{name}: is missing or not a number above 0"
    groups = eligibility.get("risk_groups", [])
    if eligibility.get("requires_risk_group") and not groups:
        yield "eligibility.risk_groups: is empty, but one is required, so the programme would be for nobody"
    keys = [item["key"] for item in (*groups, *eligibility.get("exclusions", []))]
    if len(keys) != len(set(keys)):
        yield "eligibility: two exclusions or risk groups have one key"
    for item in eligibility.get("exclusions", []):
        path = f"eligibility.exclusions {item['key']}"
        yield from code_faults(item["codes"], f"{path}.codes", (*SYSTEMS, "icd10"))
        if not item["codes"] or not item["name"].keys() >= set(LANGUAGES):
            yield f"{path}: needs a name in both languages and at least one code"
    for item in groups:
        path = f"eligibility.risk_groups {item['key']}"
        yield from code_faults(item.get("codes", ()), f"{path}.codes", (*SYSTEMS, "icd10"))
        seen = item.get("observation")
        result, stopped = item.get("result"), item.get("stopped")
        if not item.get("codes") and seen is None and result is None:
            yield f"{path}: has neither codes nor an observation nor a result, so nobody would be in it"
        if result is not None:
            yield from code_faults([*result["codes"], *result["any_of"]], f"{path}.result")
            if not result["codes"] or not result["any_of"]:
                yield f"{path}.result: needs codes of tests and, in any_of, the values that count"
        if stopped is not None:
            yield from code_faults(stopped["codes"], f"{path}.stopped.codes")
            if not stopped["codes"] or stopped["years"] < 1:
                yield f"{path}.stopped: needs codes and years above 0"
        if seen is not None:
            yield from code_faults([seen["code"]], f"{path}.observation.code")
            if not is_positive(seen["at_least"]) or not seen["unit"]:
                yield f"{path}.observation: at_least is a positive number written as text, with a unit"
        if "max_age" in item and item["max_age"] < item.get("min_age", 0):
            yield f"{path}: ends before it begins"
    if "cancer" in raw and not (raw["cancer"]["icd10"] and raw["cancer"]["interval_months"] > 0):
        yield "cancer: needs icd10 and interval_months"
