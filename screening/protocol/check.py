"""What must be true of a protocol before it may take effect. Works on the file's raw values; answers all faults."""

from collections.abc import Iterator, Sequence
from typing import Any

from screening.protocol.check_people import CALL_CLOCKS, people_faults
from screening.protocol.check_steps import assessment_faults, step_faults
from screening.protocol.check_tests import test_faults
from screening.protocol.check_types import type_faults
from screening.protocol.check_values import LANGUAGES, code_faults
from screening.protocol.shapes import Protocol
from screening.protocol.sharing import share_categories

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
            *people_faults(raw),
            *test_faults(raw),
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


def _assessment_codes(raw: dict[str, Any]) -> Iterator[str]:
    for key, assessment in raw["assessments"].items():
        yield from code_faults(assessment["codes"], f"assessments.{key}.codes")
        if not assessment["codes"]:
            yield f"assessments.{key}.codes: is empty"
        for finding in assessment["findings"]:
            yield from code_faults(finding["codes"], f"assessments.{key}.findings {finding['key']}")


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
