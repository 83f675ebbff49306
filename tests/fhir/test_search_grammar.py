"""How search requests are read, and how what is wrong with them is told."""

import re
import string
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir.outcomes import Issue, Refused
from fhir.parameters import parameters_for
from fhir.search.bundle import search_url
from fhir.search.grammar import parse
from fhir.search.query import (
    PREFIXES,
    Criterion,
    DateValue,
    NumberValue,
    QuantityValue,
    Query,
    ReferenceValue,
    SortKey,
    TextValue,
    TokenValue,
)

OBSERVATION = parameters_for("Observation")
PATIENT = parameters_for("Patient")
RISK = parameters_for("RiskAssessment")


def refused(kind: str, *pairs: tuple[str, str]) -> list[Issue]:
    with pytest.raises(Refused) as caught:
        parse(kind, pairs)
    assert caught.value.status == 400
    return caught.value.issues


def test_a_whole_request_is_read() -> None:
    pairs = [
        ("subject", "Patient/p1"),
        ("code", "http://loinc.org|29771-3,fit"),
        ("date", "ge2017"),
        ("date", "lt2018"),
        ("_sort", "-date,_id"),
        ("_count", "20"),
        ("_total", "accurate"),
        ("_format", "json"),
    ]
    assert parse("Observation", pairs) == Query(
        type="Observation",
        criteria=(
            Criterion(OBSERVATION["subject"], "", (ReferenceValue("Patient", "p1"),)),
            Criterion(OBSERVATION["code"], "", (TokenValue("http://loinc.org", "29771-3"), TokenValue(None, "fit"))),
            Criterion(OBSERVATION["date"], "", (DateValue("ge", "2017"),)),
            Criterion(OBSERVATION["date"], "", (DateValue("lt", "2018"),)),
        ),
        sort=(SortKey(OBSERVATION["date"], True), SortKey(OBSERVATION["_id"])),
        count=20,
        total="accurate",
    )


@pytest.mark.parametrize(
    ("kind", "name", "text", "value"),
    [
        ("Patient", "name", r"a\,b\|c\$d\\e", TextValue("a,b|c$d\\e")),
        ("Patient", "identifier", r"urn:x|a\|b", TokenValue("urn:x", "a|b")),
        ("Patient", "identifier", "|123", TokenValue("", "123")),
        ("Patient", "identifier", "urn:x|", TokenValue("urn:x", "")),
        ("Observation", "subject", "https://h.example/fhir/Patient/p1", ReferenceValue("Patient", "p1")),
        (
            "Observation",
            "subject",
            "https://other.example/Patient/p1",
            ReferenceValue("", "", "https://other.example/Patient/p1"),
        ),
        ("Observation", "subject", "p1", ReferenceValue("", "p1")),
        ("Observation", "subject:Patient", "p1", ReferenceValue("Patient", "p1")),
        ("Observation", "subject:identifier", "urn:x|1", TokenValue("urn:x", "1")),
        ("Observation", "date", "ap2017-05-12", DateValue("ap", "2017-05-12")),
        ("Observation", "date", "2017-05-12T06:30:00 07:00", DateValue("eq", "2017-05-12T06:30:00+07:00")),
        (
            "Observation",
            "value-quantity",
            "gt5.4|http://unitsofmeasure.org|mg",
            QuantityValue(NumberValue("gt", "5.4"), "http://unitsofmeasure.org", "mg"),
        ),
        ("Observation", "value-quantity", "5.4||mg", QuantityValue(NumberValue("eq", "5.4"), "", "mg")),
        ("RiskAssessment", "probability", "lt0.8", NumberValue("lt", "0.8")),
        (
            "Library",
            "depends-on",
            "http://x.example/Library/a|1.0",
            ReferenceValue("", "", "http://x.example/Library/a|1.0"),
        ),
    ],
)
def test_values_are_read_by_the_type_of_the_parameter(kind: str, name: str, text: str, value: object) -> None:
    query = parse(kind, [(name, text)], base_url="https://h.example/fhir/")
    assert query.criteria[0].values == (value,)


@pytest.mark.parametrize(
    ("kind", "pair", "code", "message"),
    [
        ("Patient", ("nmae", "x"), "not-found", "Patient has no search parameter 'nmae'. Did you mean name?"),
        ("Observation", ("date", "2024-13-40"), "value", "date takes a date .*, not '2024-13-40'"),
        ("Observation", ("date", "xx2024"), "value", "not 'xx2024'"),
        ("RiskAssessment", ("probability", "abc"), "value", "probability takes a number .*, not 'abc'"),
        ("Observation", ("value-quantity", "5|mg"), "value", r"number\|system\|code"),
        (
            "Observation",
            ("code:in", "x"),
            "not-supported",
            "The modifier :in is not supported for code .token., which takes :missing, :not",
        ),
        (
            "Observation",
            ("subject:Practitioner", "x"),
            "not-supported",
            "Observation.subject cannot refer to Practitioner, only to Device, Group",
        ),
        ("Observation", ("subject", "Practitioner/x"), "value", "subject refers to .* not to Practitioner"),
        ("Observation", ("subject", "Foo/x"), "value", "'Foo' is not a resource type"),
        ("Observation", ("status:exact", "x"), "not-supported", "The modifier :exact is not supported"),
        ("Observation", ("_id:missing", "true"), "not-supported", "which takes no modifier"),
        ("Observation", ("code:missing", "yes"), "value", "takes true or false, not 'yes'"),
        ("Observation", ("code", ""), "value", "code has no value"),
        ("Observation", ("code", "a,,b"), "value", "empty value between commas"),
        ("Observation", ("code", "|"), "value", "not '|'"),
        (
            "Observation",
            ("code-value-quantity", "a$5"),
            "not-supported",
            "code-value-quantity .composite. is not supported",
        ),
        ("Location", ("near", "21|105"), "not-supported", "near .special. is not supported"),
        ("Observation", ("_include", "Observation:subject"), "not-supported", "_include is not supported"),
        ("Patient", ("_has:Observation:subject:code", "x"), "not-supported", "_has is not supported"),
        ("Observation", ("subject.name", "x"), "not-supported", "Chained search is not supported"),
        ("Observation", ("subject:Patient.name", "x"), "not-supported", "Chained search is not supported"),
        ("Observation", ("_summary", "true"), "not-supported", "_summary is not supported"),
        ("Observation", ("_count", "-1"), "value", "whole number"),
        ("Observation", ("_total", "yes"), "value", "none, estimate or accurate"),
        ("Observation", ("_format", "xml"), "not-supported", "JSON only"),
        ("Observation", ("_sort", "status"), "not-supported", "Sorting Observation by status is not supported"),
        ("Observation", ("_sort", "-nope"), "not-found", "no search parameter 'nope'"),
        ("Observation", ("_after", "a b"), "value", "comes from a next link"),
    ],
)
def test_what_cannot_be_answered_is_refused_by_name(kind: str, pair: tuple[str, str], code: str, message: str) -> None:
    (issue,) = refused(kind, pair)
    assert (issue.severity, issue.code, issue.expression) == ("error", code, f"http.{pair[0]}")
    assert re.search(message, issue.diagnostics), issue.diagnostics


def test_every_problem_is_told_at_once() -> None:
    issues = refused("Observation", ("nope", "1"), ("date", "x"), ("_count", "5"), ("_count", "6"))
    assert [issue.expression for issue in issues] == ["http.nope", "http.date", "http._count"]


def test_a_lenient_client_is_told_what_was_ignored() -> None:
    pairs = [("nope", "1"), ("code:in", "x"), ("code", "a"), ("_sort", "status")]
    query = parse("Observation", pairs, lenient=True)
    assert query.pairs() == [("code", "a")]
    assert [issue.expression for issue in query.ignored] == ["http.nope", "http.code:in", "http._sort"]
    assert {issue.severity for issue in query.ignored} == {"warning"}


def test_even_a_lenient_client_gets_no_unfiltered_answer_to_a_chained_search() -> None:
    with pytest.raises(Refused):
        parse("Observation", [("subject.name", "x")], lenient=True)
    with pytest.raises(Refused):
        parse("Observation", [("date", "2024-13-40")], lenient=True)


def test_a_page_has_at_most_a_thousand_rows() -> None:
    assert parse("Observation", [("_count", "5000")]).count == 1000
    assert parse("Observation", [("_count", "0")]).count == 0
    assert parse("Observation", [("_summary", "count")]).count == 0


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [
        ("5.40", "5.395", "5.405"),
        ("100", "99.5", "100.5"),
        ("100.00", "99.995", "100.005"),
        ("1e2", "95", "105"),
        ("-5.4", "-5.45", "-5.35"),
    ],
)
def test_a_number_is_as_exact_as_its_digits(text: str, least: str, most: str) -> None:
    assert tuple(map(str, NumberValue("eq", text).implied)) == (least, most)


texts = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1, max_size=12)
ids = st.text(string.ascii_letters + string.digits + "-.", min_size=1, max_size=12)
prefixes = st.sampled_from(PREFIXES)
dates = st.builds(
    DateValue,
    prefixes,
    st.one_of(st.dates().map(str), st.sampled_from(["2017", "2017-05", "2017-05-12T06:30:00+07:00"])),
)
numbers = st.builds(NumberValue, prefixes, st.decimals(-10000, 10000, places=3).map(str))
tokens = st.builds(TokenValue, st.one_of(st.none(), st.just(""), texts), texts)
references = st.one_of(
    st.builds(ReferenceValue, st.just("Patient"), ids),
    st.builds(ReferenceValue, st.just(""), ids),
    st.builds(ReferenceValue, st.just(""), st.just(""), ids.map("urn:uuid:{}".format)),
)
quantities = st.one_of(st.builds(QuantityValue, numbers), st.builds(QuantityValue, numbers, texts, texts))


def criteria(name: str, modifiers: list[str], values: st.SearchStrategy) -> st.SearchStrategy[Criterion]:
    known = {**PATIENT, **RISK, **OBSERVATION}[name]
    some = st.lists(values, min_size=1, max_size=3).map(tuple)
    return st.one_of(
        st.builds(Criterion, st.just(known), st.sampled_from(["", *modifiers]), some),
        st.builds(Criterion, st.just(known), st.just("missing"), st.just(()), st.booleans()),
    )


queries = st.builds(
    Query,
    type=st.just("Observation"),
    criteria=st.lists(
        st.one_of(
            criteria("code", ["not"], tokens),
            criteria("subject", [], references),
            criteria("subject", ["identifier"], tokens).filter(lambda one: one.modifier != ""),
            criteria("date", [], dates),
            criteria("value-quantity", [], quantities),
            criteria("value-string", ["exact", "contains"], st.builds(TextValue, texts)),
        ),
        max_size=4,
    ).map(tuple),
    sort=st.lists(
        st.builds(
            SortKey, st.sampled_from([OBSERVATION[name] for name in ("date", "_lastUpdated", "code")]), st.booleans()
        ),
        max_size=3,
        unique_by=lambda key: key.parameter.code,
    ).map(tuple),
    count=st.integers(0, 1000),
    total=st.sampled_from(["none", "estimate", "accurate"]),
    after=st.one_of(st.just(""), ids),
)


@given(queries)
def test_a_query_survives_the_way_through_its_own_link(query: Query) -> None:
    assert parse(query.type, query.pairs()) == query
    address = urlsplit(search_url(query, "https://h.example/fhir"))
    assert address.path == "/fhir/Observation"
    assert parse(query.type, parse_qsl(address.query, keep_blank_values=True)) == query


def test_a_search_that_would_keep_the_database_busy_for_minutes_is_refused() -> None:
    parse("Patient", [("name", "a")] * 50)
    parse("Patient", [("identifier", ",".join(map(str, range(1000))))])
    parse("Patient", [("_id", ",".join(map(str, range(5000))))])
    assert [issue.code for issue in refused("Patient", *[("name", "a")] * 51)] == ["too-costly"]
    long = refused("Patient", ("identifier", ",".join(map(str, range(1001)))))
    assert [(issue.code, issue.expression) for issue in long] == [("too-costly", "http.identifier")]


def test_what_changes_nothing_in_the_answer_is_no_error() -> None:
    """``count()`` of the client library fhirpy sends the second one."""
    assert parse("Patient", [("_pretty", "true"), ("_totalMethod", "count"), ("_count", "0")]) == Query(
        type="Patient", count=0
    )
