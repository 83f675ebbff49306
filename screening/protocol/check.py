"""What must be true of a protocol before it may take effect. Works on the file's raw values; answers all faults."""

from collections.abc import Iterator, Sequence
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from typing import Any

from screening.protocol.check_steps import assessment_faults, step_faults
from screening.protocol.check_types import type_faults
from screening.protocol.shapes import AFTER_CONTACT, AT_ONCE, DOUBLE, INVITED, OPPORTUNISTIC, OUTCOMES, Protocol
from screening.protocol.sharing import share_categories
from screening.protocol.words import key_of

SYSTEMS = ("loinc", "snomed", "local")
CALL_CLOCKS = ("invite_days_before", "remind_after_days", "nonresponse_after_days", "overdue_after_days", "attempts")
INTERPRETATIONS = ("POS", "NEG", "IND")
LANGUAGES = ("vi", "en")
#: Wording of every protocol -> the first of its parts (verdict, meaning, next); earlier ones stay those of the result.
_FROM_PART = {
    **dict.fromkeys(("unclassified", "awaiting"), 0),
    "still_due": 1,
    **dict.fromkeys(("referred", "assessed", "closed", "superseded", "now"), 2),
}
NEEDED = ("programme", "version", "valid_from", "name", "sources", "eligibility", "tests", "steps", "assessments")


def faults_of(raw: dict[str, Any]) -> list[str]:
    """Every fault of one file, each with its place; empty if it may take effect."""
    if missing := [key for key in (*NEEDED, "reasons", "wording") if key not in raw]:
        return [f"{key}: is missing" for key in missing]
    if wrong := list(type_faults(raw)):
        return wrong
    try:
        raw = share_categories(raw)
        return [
            *_sourced(raw, raw, ""),
            *_ages(raw),
            *_people(raw),
            *_tests(raw),
            *_readings(raw),
            *_components(raw),
            *step_faults(raw),
            *_assessment_codes(raw),
            *assessment_faults(raw),
            *_wording(raw),
        ]
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        return [f"is incomplete or misshapen: {error!r}"]


def faults_of_versions(found: Sequence[Protocol]) -> list[str]:
    """Faults between files: two versions of a programme from one day, or a code that two tests claim."""
    faults = []
    starts: set[tuple[str, object]] = set()
    versions: set[tuple[str, str]] = set()
    claimed: dict[Any, tuple[str, str]] = {}
    programmes: dict[str, str] = {}
    for protocol in found:
        start, version = (protocol.programme, protocol.valid_from), (protocol.programme, protocol.version)
        if start in starts or version in versions:
            faults.append(f"{protocol.programme} {protocol.version}: another file has this version or first day")
        starts.add(start)
        versions.add(version)
        name = protocol.programme
        faults += [
            f"{name}.{key}: {programmes[key]} has a test of this key already, and forms name tests by key alone"
            for key in protocol.tests
            if programmes.setdefault(key, name) != name
        ]
        owned = [
            ((protocol.programme, test.key), code.coding) for test in protocol.tests.values() for code in test.codes
        ]
        owned += [
            ((protocol.programme, one.key), code) for one in protocol.assessments.values() for code in one.codings
        ]
        faults += [
            f"{'.'.join(owner)}: {code[1]} already belongs to {'.'.join(claimed[code])}"
            for owner, code in owned
            if claimed.setdefault(code, owner) != owner
        ]
    return faults


def _sourced(raw: dict[str, Any], part: Any, path: str) -> Iterator[str]:
    """Every number that decides something names its source, or says that the city sets it."""
    deciding = {
        *("within_days", "within_months", "interval_months", "next_months", "review_months", "hold_days"),
        *("factor", "default_cutoff", "value", "at_least", "min_age", *CALL_CLOCKS),
    }
    if isinstance(part, list):
        for position, item in enumerate(part):
            yield from _sourced(raw, item, f"{path}[{position}]")
    elif isinstance(part, dict):
        source = part.get("source")
        if source is not None and source not in raw["sources"]:
            yield f"{path}.source: {source!r} is not in [sources]"
        if deciding & part.keys() and source is None and part.get("city_sets") is not True:
            yield f"{path}: names neither a source nor city_sets = true"
        for key, value in part.items():
            if key not in ("sources", "wording"):
                yield from _sourced(raw, value, f"{path}.{key}".lstrip("."))


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
        yield from _codes(item["codes"], f"{path}.codes", (*SYSTEMS, "icd10"))
        if not item["codes"] or not item["name"].keys() >= set(LANGUAGES):
            yield f"{path}: needs a name in both languages and at least one code"
    for item in groups:
        path = f"eligibility.risk_groups {item['key']}"
        yield from _codes(item.get("codes", ()), f"{path}.codes", (*SYSTEMS, "icd10"))
        seen = item.get("observation")
        if not item.get("codes") and seen is None:
            yield f"{path}: has neither codes nor an observation, so nobody would be in it"
        if seen is not None:
            yield from _codes([seen["code"]], f"{path}.observation.code")
            if not _is_positive(seen["at_least"]) or not seen["unit"]:
                yield f"{path}.observation: at_least is a positive number written as text, with a unit"
        if "max_age" in item and item["max_age"] < item.get("min_age", 0):
            yield f"{path}: ends before it begins"
    if "cancer" in raw and not (raw["cancer"]["icd10"] and raw["cancer"]["interval_months"] > 0):
        yield "cancer: needs icd10 and interval_months"


def _readings(raw: dict[str, Any]) -> Iterator[str]:
    """Second readings, double entry, and when the citizen sees a result."""
    for key, test in raw["tests"].items():
        path, first = f"tests.{key}", test.get("second_reading_of")
        if test.get("entry", "single") not in ("single", DOUBLE):
            yield f"{path}.entry: {test['entry']!r} is neither single nor {DOUBLE}"
        if (first is None) != ("disagreement_leads_to" not in test):
            yield f"{path}: second_reading_of and disagreement_leads_to belong together"
        elif first is not None:
            if first not in raw["tests"] or first == key:
                yield f"{path}.second_reading_of: unknown test {first!r}"
            elif not any(
                step["state"] == "reading_due" and f"result:{key}" in step["discharged_by"]
                for step in raw["steps"].values()
            ):
                yield f"{path}: no step of state reading_due waits for it, so one reading would be enough"
            if test["disagreement_leads_to"] not in raw["steps"]:
                yield f"{path}.disagreement_leads_to: unknown step {test['disagreement_leads_to']!r}"
        for name, category in test["categories"].items():
            release, days = category.get("release", AT_ONCE), category.get("hold_days")
            if release not in (AT_ONCE, AFTER_CONTACT):
                yield f"{path}.categories.{name}.release: {release!r} is neither {AT_ONCE} nor {AFTER_CONTACT}"
            if (release == AFTER_CONTACT) != (days is not None) or (days is not None and days < 1):
                yield f"{path}.categories.{name}.hold_days: belongs to release = {AFTER_CONTACT!r}, above 0"


def _components(raw: dict[str, Any]) -> Iterator[str]:
    """What is reported beside the category: breast density, how well the liver could be seen."""
    for key, test in raw["tests"].items():
        if "categories_of" in test:
            yield f"tests.{key}.categories_of: {test['categories_of']!r} has no categories, or it has its own"
        for component in test.get("components", ()):
            path = f"tests.{key}.components {component['key']}"
            yield from _codes(component["codes"], f"{path}.codes")
            if not component["codes"] or not component["values"] or not component["name"].keys() >= set(LANGUAGES):
                yield f"{path}: needs a name in both languages, a code and values"
            for value in component["values"]:
                yield from _codes(value["codes"], f"{path}.values {value['key']}")
                if not value["codes"] or not value["label"].keys() >= set(LANGUAGES):
                    yield f"{path}.values {value['key']}: needs a label in both languages and a code"


def _codes(texts: Sequence[str], path: str, systems: Sequence[str] = SYSTEMS) -> Iterator[str]:
    for text in texts:
        system, bar, code = text.partition("|")
        if system not in systems or not bar or not code:
            yield f"{path}: {text!r} is not {'|…, '.join(systems)}|…"


def _assessment_codes(raw: dict[str, Any]) -> Iterator[str]:
    for key, assessment in raw["assessments"].items():
        yield from _codes(assessment["codes"], f"assessments.{key}.codes")
        if not assessment["codes"]:
            yield f"assessments.{key}.codes: is empty"
        for finding in assessment["findings"]:
            yield from _codes(finding["codes"], f"assessments.{key}.findings {finding['key']}")


def _tests(raw: dict[str, Any]) -> Iterator[str]:
    for key, test in raw["tests"].items():
        path = f"tests.{key}"
        yield from _codes([code["code"] for code in test["codes"]], f"{path}.codes")
        if test.get("part_of", key) not in raw["tests"]:
            yield f"{path}.part_of: unknown test {test['part_of']!r}"
        units = {unit["unit"] for unit in test.get("units", ())}
        for code in test["codes"]:
            if unknown := set(code.get("units", ())) - units:
                yield f"{path}.codes {code['code']}: unknown units {sorted(unknown)}"
        if units and test.get("positive_when") != "value >= cutoff":
            yield f"{path}.positive_when: say what the boundary value is: 'value >= cutoff'"
        for name in ("category_at_or_above", "category_below"):
            if units and test.get(name) not in test["categories"]:
                yield f"{path}.{name}: is not a category"
        if units and test.get("category_at_or_above") == test.get("category_below"):
            yield f"{path}: the values above and below the cut-off are one category"
        for unit in test.get("units", ()):
            if "default_cutoff" not in unit and not test.get("kits"):
                yield f"{path}.units {unit['unit']}: has no cut-off, so its numbers would have no category"
        yield from _kits(test, units, path)
        yield from _categories(raw, test, path)


def _kits(test: dict[str, Any], units: set[str], path: str) -> Iterator[str]:
    for kit in test.get("kits", ()):
        factor, cutoff = kit.get("factor", {}), kit.get("cutoff", {})
        named = {factor.get("from"), factor.get("to"), cutoff.get("unit")} - {None}
        if unknown := named - units:
            yield f"{path}.kits {kit['name']}: unknown units {sorted(unknown)}"
        for number in (factor.get("times"), cutoff.get("value")):
            if number is not None and not _is_positive(number):
                yield f"{path}.kits {kit['name']}: {number!r} is not a positive number written as text"
    for unit in test.get("units", ()):
        if "default_cutoff" in unit and not _is_positive(unit["default_cutoff"]):
            yield f"{path}.units {unit['unit']}: default_cutoff is not a positive number written as text"


def _is_positive(number: Any) -> bool:
    try:
        return isinstance(number, str) and Decimal(number) > 0
    except InvalidOperation:
        return False


def _categories(raw: dict[str, Any], test: dict[str, Any], path: str) -> Iterator[str]:
    meant: dict[str, str] = {}
    coded: dict[str, str] = {}
    outcomes = {category["outcome"] for category in test["categories"].values()}
    if missing := set(OUTCOMES) - outcomes:
        yield f"{path}.categories: none is {', '.join(sorted(missing))}"
    for name, category in test["categories"].items():
        here = f"{path}.categories.{name}"
        if category["outcome"] not in OUTCOMES:
            yield f"{here}.outcome: {category['outcome']!r} is none of {', '.join(OUTCOMES)}"
        if category["interpretation"] not in INTERPRETATIONS:
            yield f"{here}.interpretation: unknown {category['interpretation']!r}"
        if not category["codes"]:
            yield f"{here}.codes: is empty"
        yield from _codes(category["codes"], f"{here}.codes")
        if "leads_to" in category and category["leads_to"] not in raw["steps"]:
            yield f"{here}.leads_to: unknown step {category['leads_to']!r}"
        if "leads_to" not in category and category["outcome"] != "negative":
            yield f"{here}: is {category['outcome']} and leads to nothing"
        if category["outcome"] == "negative" and "next_months" not in category:
            yield f"{here}.next_months: is missing, so the person would never be due again"
        if category["wording"] not in raw["wording"]:
            yield f"{here}.wording: unknown {category['wording']!r}"
        for word in (*category["words"], *category.get("label", {}).values()):
            if meant.setdefault(key_of(word), name) != name:
                yield f"{here}.words: {word!r} also means {meant[key_of(word)]}"
        for code in category["codes"]:
            if coded.setdefault(code, name) != name:
                yield f"{here}.codes: {code!r} also means {coded[code]}"


def _wording(raw: dict[str, Any]) -> Iterator[str]:
    texts = {key: value for key, value in raw["wording"].items() if isinstance(value, dict)}
    for key in _FROM_PART:
        if key not in texts:
            yield f"wording.{key}: is missing"
    for key, text in texts.items():
        parts = ("verdict", "meaning", "next")[_FROM_PART.get(key, 0) :]
        for language in LANGUAGES:
            for part in parts:
                if not text.get(language, {}).get(part):
                    yield f"wording.{key}.{language}.{part}: is missing"
