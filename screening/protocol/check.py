"""What must be true of a protocol before it may take effect. Works on the file's raw values; answers all faults."""

from collections.abc import Iterator, Sequence
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from typing import Any

from screening.protocol.shapes import OUTCOMES, VERIFY, Protocol
from screening.protocol.words import key_of

STATES = ("to_verify", "repeat_due", "triage_due", "assessment_due")
OWNERS = ("testing_facility", "department")
SYSTEMS = ("loinc", "snomed", "local")
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
    try:
        return [*_sourced(raw, raw, ""), *_ages(raw), *_tests(raw), *_steps(raw), *_wording(raw)]
    except (KeyError, TypeError) as error:
        return [f"is incomplete or misshapen: {error!r}"]


def faults_of_versions(found: Sequence[Protocol]) -> list[str]:
    """Faults between files: two versions of a programme from one day, or a code that two tests claim."""
    faults = []
    starts: set[tuple[str, object]] = set()
    versions: set[tuple[str, str]] = set()
    claimed: dict[Any, tuple[str, str]] = {}
    for protocol in found:
        start, version = (protocol.programme, protocol.valid_from), (protocol.programme, protocol.version)
        if start in starts or version in versions:
            faults.append(f"{protocol.programme} {protocol.version}: another file has this version or first day")
        starts.add(start)
        versions.add(version)
        for test in protocol.tests.values():
            owner = (protocol.programme, test.key)
            faults += [
                f"{protocol.programme}.{test.key}: {code.coding[1]} already belongs to {'.'.join(claimed[code.coding])}"
                for code in test.codes
                if claimed.setdefault(code.coding, owner) != owner
            ]
    return faults


def _sourced(raw: dict[str, Any], part: Any, path: str) -> Iterator[str]:
    """Every number that decides something names its source, or says that the city sets it."""
    deciding = {"within_days", "interval_months", "next_months", "factor", "default_cutoff", "value"}
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


def _codes(texts: Sequence[str], path: str) -> Iterator[str]:
    for text in texts:
        system, bar, code = text.partition("|")
        if system not in SYSTEMS or not bar or not code:
            yield f"{path}: {text!r} is not loinc|…, snomed|… or local|…"


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


def _steps(raw: dict[str, Any]) -> Iterator[str]:
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
        if not 0 < step["within_days"] <= step["limit_days"]:
            yield f"{path}: within_days must be above 0 and not beyond limit_days"
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
        if step["state"] == "triage_due" and ("positive_leads_to" not in step or "then_months" not in step):
            yield f"{path}: a triage needs positive_leads_to and then_months"
        if step["state"] == "assessment_due" and step.get("assessment") not in assessments:
            yield f"{path}.assessment: unknown {step.get('assessment')!r}"
    for key, assessment in assessments.items():
        yield from _codes(assessment["codes"], f"assessments.{key}.codes")
        findings = assessment["findings"]
        if "unspecified" not in {finding["key"] for finding in findings}:
            yield f"assessments.{key}.findings: 'unspecified' is missing"
        for finding in findings:
            yield from _codes(finding["codes"], f"assessments.{key}.findings {finding['key']}")


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
