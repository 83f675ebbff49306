"""What the search parameters find in a resource, worked through by hand."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from fhir.definitions import resource_types
from fhir.parameters import extract, parameters_for
from fhir.parameters.dates import period_of
from fhir.parameters.expressions import paths_of
from fhir.parameters.extractors import source_of
from fhir.parameters.folding import fold
from fhir.parameters.hashes import token_hash

LOINC = "http://loinc.org"
UCUM = "http://unitsofmeasure.org"
CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"


def day(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def fit_result(**more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "id": "o1",
        "status": "final",
        "category": [{"coding": [{"system": CATEGORY, "code": "laboratory"}]}],
        "code": {"coding": [{"system": LOINC, "code": "29771-3"}]},
        "subject": {"reference": "Patient/p1"},
        "effectiveDateTime": "2017-05-12",
        "performer": [{"reference": "Organization/f1"}],
        "specimen": {"identifier": {"system": "urn:specimen", "value": "S-1"}},
        "valueQuantity": {"value": Decimal("5.40"), "unit": "µg/g", "system": UCUM, "code": "ug/g"},
        **more,
    }


def test_an_observation_is_indexed_as_the_specification_says() -> None:
    entry = extract(fit_result())

    assert entry.patient == "p1"
    assert entry.code == f"{LOINC}|29771-3"
    assert (entry.starts, entry.ends) == (day("2017-05-12"), day("2017-05-13"))
    assert (entry.strings, entry.dates, entry.numbers) == ([], [], [])
    assert entry.quantities == [("valueQuantity", Decimal("5.40"), Decimal("5.40"), f"{UCUM}|ug/g", "µg/g")]
    expected = [
        ("category", f"{CATEGORY}|laboratory"),
        ("category", "laboratory"),
        ("category", f"{CATEGORY}|"),
        ("category", "*"),
        ("code", f"{LOINC}|29771-3"),
        ("code", "29771-3"),
        ("code", f"{LOINC}|"),
        ("status", "final"),
        ("subject", "Patient/p1"),
        ("subject", "Patient/"),
        ("subject", "*"),
        ("performer", "Organization/f1"),
        ("performer", "Organization/"),
        ("performer", "*"),
        ("specimen", "*"),
        ("specimen:identifier", "urn:specimen|S-1"),
        ("specimen:identifier", "S-1"),
        ("specimen:identifier", "urn:specimen|"),
    ]
    assert entry.tokens == sorted(token_hash(path, form) for path, form in expected)


def test_hashes_never_change_between_releases() -> None:
    assert token_hash("code", "http://loinc.org|29771-3") == -8851639073498638274


def test_codings_after_the_first_are_marked_for_searches_by_the_column() -> None:
    code = {"coding": [{"system": LOINC, "code": "29771-3"}, {"system": "urn:local", "code": "fit"}, {"code": "x"}]}
    entry = extract(fit_result(code=code))

    assert entry.code == f"{LOINC}|29771-3"
    assert {token_hash("code#", "urn:local|fit"), token_hash("code#", "|x")} <= set(entry.tokens)
    assert token_hash("code#", f"{LOINC}|29771-3") not in entry.tokens
    assert {token_hash("code", "x"), token_hash("code", "|x")} <= set(entry.tokens)


def test_a_patient_is_found_by_parts_of_the_name_and_by_contact() -> None:
    entry = extract(
        {
            "resourceType": "Patient",
            "id": "p1",
            "name": [{"text": "Nguyễn Văn Đức", "family": "Nguyễn", "given": ["Văn", "Đức"]}],
            "telecom": [{"system": "phone", "value": "0912345678"}],
            "birthDate": "1965-03",
            "deceasedDateTime": "2020-01-02T03:04:05+07:00",
        }
    )

    assert entry.patient == "p1"
    assert (entry.starts, entry.ends) == (day("1965-03-01"), day("1965-04-01"))
    assert entry.strings == [
        ("name.family", "nguyen", "Nguyễn"),
        ("name.given", "van", "Văn"),
        ("name.given", "duc", "Đức"),
        ("name.text", "nguyen van duc", "Nguyễn Văn Đức"),
    ]
    assert entry.dates == [
        ("deceasedDateTime", datetime(2020, 1, 2, 3, 4, 5, tzinfo=UTC), datetime(2020, 1, 2, 3, 4, 6, tzinfo=UTC))
    ]
    assert token_hash("telecom", "phone|0912345678") in entry.tokens
    assert token_hash("deceased", "true") in entry.tokens


@pytest.mark.parametrize(
    ("more", "patient"),
    [
        ({"subject": {"reference": "Group/g"}, "performer": [{"reference": "Patient/p2"}]}, "p2"),
        ({"subject": {"reference": "Patient/p1/_history/3"}}, "p1"),
        ({"subject": {"reference": "Device/d"}}, None),
        ({"subject": {"reference": "https://elsewhere.example/fhir/Patient/p1"}}, None),
        ({"subject": {"reference": "#contained"}}, None),
        ({"subject": {"identifier": {"value": "001065012345"}, "type": "Patient"}}, None),
    ],
)
def test_the_patient_is_the_one_whom_a_literal_reference_names(more: dict[str, Any], patient: str | None) -> None:
    assert extract(fit_result(**more)).patient == patient


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("2017", day("2017-01-01"), day("2018-01-01")),
        ("2017-12", day("2017-12-01"), day("2018-01-01")),
        ("2016-02-29", day("2016-02-29"), day("2016-03-01")),
        ("9999-12-31", day("9999-12-31"), None),
        # the clock on the wall in Hanoi: a sample at half past six in the morning belongs to that day
        ("2017-05-12T06:30:00+07:00", day("2017-05-12T06:30:00"), day("2017-05-12T06:30:01")),
        ("2017-05-11T23:30:00Z", day("2017-05-12T06:30:00"), day("2017-05-12T06:30:01")),
        ("2017-05-12T06:30", day("2017-05-12T06:30:00"), day("2017-05-12T06:31:00")),
        ("2017-05-12T06:30:00.250+07:00", day("2017-05-12T06:30:00.250000"), day("2017-05-12T06:30:00.251000")),
        ("2016-12-31T23:59:60Z", day("2017-01-01T06:59:59"), day("2017-01-01T07:00:00")),
    ],
)
def test_a_date_is_the_period_that_its_precision_means(text: str, low: datetime, high: datetime | None) -> None:
    assert period_of(text) == (low, high)


@pytest.mark.parametrize(
    "text", ["", "2024-13", "2024-13-40", "20240101", "2024-W01-1", "12/05/2017", "2017-5-1", "9", "20_7"]
)
def test_what_is_no_fhir_date_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - whatever it says, the API words it anew
        period_of(text)


def test_periods_and_timings_are_spans_with_open_ends() -> None:
    assert extract(fit_result(effectiveDateTime=None, effectivePeriod={"start": "2017-05"})).starts == day("2017-05-01")
    assert extract(fit_result(effectiveDateTime=None, effectivePeriod={"start": "2017-05"})).ends is None
    timing = {"event": ["2017-05-12", "2017-05-19"]}
    entry = extract(fit_result(effectiveDateTime=None, effectiveTiming=timing))
    assert (entry.starts, entry.ends) == (day("2017-05-12"), day("2017-05-20"))


def test_a_value_below_the_limit_of_detection_is_an_open_range() -> None:
    below = {"value": Decimal("10"), "comparator": "<", "unit": "ng/mL"}
    assert extract(fit_result(valueQuantity=below)).quantities == [("valueQuantity", None, Decimal("10"), "", "ng/mL")]


@pytest.mark.parametrize(
    ("text", "folded"),
    [("Nguyễn Văn Đức", "nguyen van duc"), ("  ĐẶNG  Thị\tƯơng ", "dang thi uong"), ("Straße", "strasse"), ("Ý", "y")],
)
def test_folding_forgets_case_accents_and_extra_spaces(text: str, folded: str) -> None:
    assert fold(text) == folded


def test_choices_and_filters_of_expressions_become_plain_paths() -> None:
    assert [(path.key, path.kind) for path in paths_of("(Observation.value as CodeableConcept).text")] == [
        ("valueCodeableConcept.text", "string")
    ]
    assert [path.key for path in paths_of("Observation.effective")] == [
        "effectiveDateTime",
        "effectivePeriod",
        "effectiveTiming",
        "effectiveInstant",
    ]
    subject = paths_of("Observation.subject.where(resolve() is Patient)")
    assert [(path.key, path.only) for path in subject] == [("subject", "Patient")]
    dependency = paths_of("Library.relatedArtifact.where(type='depends-on').resource")
    assert [path.key for path in dependency] == ["relatedArtifact[type=depends-on].resource"]


def test_array_positions_and_filters_choose_items() -> None:
    document = {
        "resourceType": "Bundle",
        "type": "document",
        "entry": [
            {"resource": {"resourceType": "Composition", "id": "c"}},
            {"resource": {"resourceType": "Patient", "id": "p"}},
        ],
    }
    found = set(extract(document).tokens)
    assert token_hash("entry[0].resource", "Composition/c") in found
    assert token_hash("entry[0].resource", "Patient/p") not in found
    library = {
        "resourceType": "Library",
        "relatedArtifact": [
            {"type": "depends-on", "resource": "http://x.example/Library/a|1.0"},
            {"type": "successor", "resource": "http://x.example/Library/b"},
        ],
    }
    found = set(extract(library).tokens)
    key = "relatedArtifact[type=depends-on].resource"
    assert {token_hash(key, "http://x.example/Library/a"), token_hash(key, "http://x.example/Library/a|1.0")} <= found
    assert token_hash(key, "http://x.example/Library/b") not in found


def test_every_parameter_of_every_type_is_answered_or_known_not_to_be() -> None:
    unanswered = {
        (parameter.code, parameter.type)
        for kind in resource_types()
        for parameter in parameters_for(kind).values()
        if not parameter.supported and parameter.type != "composite"
    }
    assert unanswered == {
        ("_content", "string"),
        ("_filter", "special"),
        ("_query", "token"),
        ("_text", "string"),
        ("near", "special"),
    }


@pytest.mark.parametrize("kind", sorted(resource_types()))
def test_the_extractor_of_each_type_can_be_made(kind: str) -> None:
    compile(source_of(kind), kind, "exec")
    resource = {"resourceType": kind, "id": "x"}
    assert extract(resource).strings == []
