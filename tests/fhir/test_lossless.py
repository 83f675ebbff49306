"""What is stored says exactly what was sent: HL7's own 5,306 examples, and whatever hypothesis can think of."""

import os
import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir import definitions, text
from fhir.validation import validate

EXAMPLES = Path(
    os.environ.get("HEALTHHUB_R4_EXAMPLES") or Path(__file__).parents[2] / "node_modules" / "hl7.fhir.r4.examples"
)
MOMENT = datetime(2025, 7, 1, 8, 30, tzinfo=UTC)
TOKENS = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null')

#: Examples that break the specification themselves, and how.
FAULTY = {
    "Bundle-v2-valuesets": "holds the CodeSystem with no-break spaces in codes",
    "CodeSystem-v2-0550": "has no-break spaces in codes",
    "ImplementationGuide-fhir": "has no name and no status",
    "Questionnaire-qs1": "has items without linkId",
    "SearchParameter-codesystem-extensions-CodeSystem-author": "has no base",
    "SearchParameter-codesystem-extensions-CodeSystem-effective": "has no base",
    "SearchParameter-codesystem-extensions-CodeSystem-end": "has no base",
    "SearchParameter-codesystem-extensions-CodeSystem-keyword": "has no base",
    "SearchParameter-codesystem-extensions-CodeSystem-workflow": "has no base",
    "SearchParameter-questionnaireresponse-extensions-QuestionnaireResponse-item-subject": "has an id of 69 characters",
    "SearchParameter-valueset-extensions-ValueSet-author": "has no base",
    "SearchParameter-valueset-extensions-ValueSet-effective": "has no base",
    "SearchParameter-valueset-extensions-ValueSet-end": "has no base",
    "SearchParameter-valueset-extensions-ValueSet-keyword": "has no base",
    "SearchParameter-valueset-extensions-ValueSet-workflow": "has no base",
}

#: Examples that point to a type that the element does not list: kept, with a warning.
UNUSUAL = {
    "DeviceMetric-example",
    "DeviceUseStatement-example",
    "MedicationRequest-medrx0301",
    "Observation-clinical-gender",
}


def examples(kind: str) -> Iterator[Path]:
    if not EXAMPLES.is_dir():
        pytest.fail(f"HL7's examples are missing at {EXAMPLES}: run 'npm ci' (make does), or set HEALTHHUB_R4_EXAMPLES")
    yield from sorted(EXAMPLES.glob(f"{kind}-*.json"))


def lost_and_added(sent: str, stored: str) -> tuple[Counter[str], Counter[str]]:
    """The JSON tokens, as they are written, that one text has more often than the other."""
    before, after = Counter(TOKENS.findall(sent)), Counter(TOKENS.findall(stored))
    return before - after, after - before


def written(value: dict[str, Any], own: tuple[str, ...] = ("resourceType", "id", "meta")) -> list[tuple[str, Any]]:
    return [(name, part) for name, part in value.items() if name not in own]


def test_no_example_is_left_out() -> None:
    of_types = [path.name for kind in definitions.r4_types() for path in examples(kind)]
    everything = {path.name for path in EXAMPLES.glob("*.json")}
    assert everything - set(of_types) == {"ig-r4.json", "package.json"}  # the former is ImplementationGuide-fhir again
    assert len(of_types) == 5305


@pytest.mark.parametrize("kind", sorted(definitions.resource_types()))
def test_every_example_is_accepted_and_stored_as_sent(kind: str) -> None:
    for path in examples(kind):
        sent = path.read_text(encoding="utf-8")
        document = text.parse(sent)
        issues = validate(document.resource)
        severities = {issue.severity for issue in issues}
        expected = {"error"} if path.stem in FAULTY else {"warning"} if path.stem in UNUSUAL else set()
        assert severities == expected, (path.name, issues[:5])

        stored = text.compose(document, id="x", version=1, last_updated=MOMENT)
        again = text.parse(stored).resource
        assert written(again) == written(document.resource), path.name
        meta = document.resource.get("meta", {})
        replaced = {document.resource["id"], meta.get("versionId"), meta.get("lastUpdated")}
        lost, added = lost_and_added(sent, stored)
        assert set(lost) <= {f'"{value}"' for value in replaced}, (path.name, lost)
        ours = {"id", "x", "meta", "versionId", "1", "lastUpdated", "2025-07-01T08:30:00.000Z"}
        assert set(added) <= {f'"{value}"' for value in ours}, (path.name, added)


@pytest.mark.parametrize("kind", ["Bundle"])
def test_every_resource_of_an_example_bundle_keeps_its_text(kind: str) -> None:
    for path in examples(kind):
        sent = path.read_text(encoding="utf-8")
        bundle = text.split_bundle(sent)
        assert bundle.document.resource == text.parse(sent).resource
        for entry in bundle.entries:
            if entry.document is not None:
                assert entry.document.resource == entry.entry["resource"]
                assert text.parse(entry.document.raw).resource == entry.document.resource


@pytest.mark.parametrize("kind", sorted(definitions.declined_types()))
def test_declined_types_are_refused_in_a_sentence(kind: str) -> None:
    (issue,) = validate({"resourceType": kind})
    assert (issue.code, issue.expression) == ("not-supported", "resourceType")
    assert issue.diagnostics == f"This server does not store {kind}: its models cannot check this type of FHIR R4."


# Texts that no one would write by hand, put together token by token.

_space = st.sampled_from(["", "", " ", "\n", "\r\n  ", "\t"])
_number = st.from_regex(r"-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,3})?", fullmatch=True)
_string = st.from_regex(r'"([^"\\\x00-\x1f\ud800-\udfff]|\\["\\/bfnrt]|\\u00[0-9a-f]{2}){0,12}"', fullmatch=True)
_scalar = _number | _string | st.sampled_from(["true", "false", "null"])


def _array(items: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.builds(
        lambda parts, space: f"[{space}" + f"{space},{space}".join(parts) + f"{space}]", st.lists(items), _space
    )


def _object(items: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    names = st.lists(items, max_size=5).map(lambda parts: [(f'"m{n}"', part) for n, part in enumerate(parts)])
    return st.builds(
        lambda members, space: (
            "{" + space + f",{space}".join(f"{name}{space}:{space}{part}" for name, part in members) + space + "}"
        ),
        names,
        _space,
    )


_value = st.recursive(_scalar, lambda items: _array(items) | _object(items), max_leaves=12)


@given(st.lists(_value, max_size=6), _space)
def test_any_tokens_are_kept_in_order(values: list[str], space: str) -> None:
    members = [f'"n{position}"{space}:{space}{value}' for position, value in enumerate(values)]
    sent = "{" + f"{space},{space}".join(['"resourceType":"Basic"', *members, f'"id":{space}"y"']) + space + "}"
    stored = text.compose(text.parse(sent), id="x", version=1, last_updated=MOMENT)
    ours = ["resourceType", "Basic", "id", "x", "meta", "versionId", "1", "lastUpdated", "2025-07-01T08:30:00.000Z"]
    assert TOKENS.findall(stored) == [f'"{token}"' for token in ours] + TOKENS.findall(",".join(members))
