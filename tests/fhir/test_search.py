"""Searches in PostgreSQL find exactly what a plain reading of the resources finds, page by page, by the right index."""

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fhir import tables
from fhir.access import Condition
from fhir.outcomes import Refused
from fhir.parameters import extract
from fhir.parameters.dates import now, period_of
from fhir.search import Query, fetch_page, page_sql, parse, search
from tests.fhir.conftest import TESTER

pytestmark = pytest.mark.django_db

BASE = "https://h.example/fhir"
ALL = Condition("TRUE")
LOINC = "http://loinc.org"
UCUM = "http://unitsofmeasure.org"
Json = dict[str, Any]
Pairs = list[tuple[str, str]]


def store(resources: Sequence[Json], *, deleted: Sequence[str] = ()) -> None:
    """Write rows as the store does, without its checks; ``last_updated`` counts minutes in 2024."""
    start = datetime(2024, 1, 1, tzinfo=UTC)
    rows = []
    for number, resource in enumerate(resources):
        entry = extract(resource)
        text = json.dumps(resource, default=str)
        kind, name, gone = resource["resourceType"], resource["id"], resource["id"] in deleted
        when = start + timedelta(minutes=number)
        rows.append(tables.Row(kind, name, 1, when, gone, entry.patient, None, "tests", text, entry))
    tables.insert_rows(rows, actor=TESTER)


def observation(name: str, **members: Any) -> Json:
    return {"resourceType": "Observation", "id": name, "status": "final", "code": coded("fit"), **members}


def coded(*codes: str) -> Json:
    return {"coding": [{"system": LOINC, "code": code} for code in codes]}


def found(pairs: Pairs, kind: str = "Observation", condition: Condition = ALL) -> list[str]:
    """The ids of all pages."""
    return list(walk(parse(kind, pairs), condition))


def walk(query: Query, condition: Condition = ALL) -> Iterator[str]:
    while True:
        page = fetch_page(query, condition)
        yield from (row.id for row in page.rows)
        if not page.more:
            return
        query = query.behind(page.rows[-1].id)


# --- dates ----------------------------------------


@pytest.mark.parametrize(
    ("sought", "ids"),
    [
        ("2017-05-12", ["day", "morning"]),
        ("eq2017-05", ["day", "month", "morning", "period"]),
        ("ne2017-05-12", ["month", "open", "period"]),
        ("gt2017-05-12", ["month", "open", "period"]),
        ("lt2017-05-12", ["month", "period"]),
        ("ge2017-05-12", ["day", "month", "morning", "open", "period"]),
        ("le2017-05-12", ["day", "month", "morning", "period"]),
        ("sa2017-05-12", ["open"]),
        ("eb2017-05-13", ["day", "morning"]),
        ("eb2017-05-12", []),
        ("2017-05-12T06:30:00+07:00", ["morning"]),
        ("2017-05-11T23:30:00Z", ["morning"]),
        ("gt2017-05-12T12:00:00+07:00", ["day", "month", "open", "period"]),
        ("ge2017-01-01,lt2000", ["day", "month", "morning", "open", "period"]),
    ],
)
@pytest.mark.parametrize(("parameter", "member"), [("date", "effective"), ("value-date", "value")])
def test_date_prefixes_compare_ranges(parameter: str, member: str, sought: str, ids: list[str]) -> None:
    """By the columns (date) and by the table of dates (value-date) alike."""
    store(
        [
            observation("none"),
            observation("day", **{f"{member}DateTime": "2017-05-12"}),
            observation("morning", **{f"{member}DateTime": "2017-05-12T06:30:00+07:00"}),
            observation("month", **{f"{member}DateTime": "2017-05"}),
            observation("period", **{f"{member}Period": {"start": "2017-05-10", "end": "2017-05-14"}}),
            observation("open", **{f"{member}Period": {"start": "2017-05-13"}}),
        ]
    )
    assert found([(parameter, sought)]) == ids


def test_approximate_dates_allow_a_tenth_of_the_time_since() -> None:
    long_ago = now() - timedelta(days=1000)
    for_name = {"in": 80, "out": 130}
    store(
        [
            observation(name, effectiveDateTime=(long_ago + timedelta(days=days)).date().isoformat())
            for name, days in for_name.items()
        ]
    )
    assert found([("date", f"ap{long_ago.date().isoformat()}")]) == ["in"]


def test_last_updated_is_searched_as_real_instants() -> None:
    store([observation("a"), observation("b")])  # 00:00 and 00:01 UTC, that is 07:00 and 07:01 in Hanoi
    assert found([("_lastUpdated", "2024-01-01")]) == ["a", "b"]
    assert found([("_lastUpdated", "gt2024-01-01T07:00:59+07:00")]) == ["b"]
    assert found([("_lastUpdated", "le2024-01-01T00:00:00Z")]) == ["a"]
    assert found([("_lastUpdated", "lt2024-01-01T07:00:00")]) == []


# --- tokens, references, strings, numbers ----------------------------------------


def test_the_main_code_is_found_as_a_first_and_as_a_further_coding_once_each() -> None:
    store(
        [
            observation("first", code=coded("fit", "other")),
            observation("second", code=coded("other", "fit")),
            observation("both", code=coded("fit", "fit")),
            observation("neither", code=coded("other")),
        ]
    )
    assert found([("code", f"{LOINC}|fit")]) == ["both", "first", "second"]
    assert found([("code", f"{LOINC}|fit"), ("_sort", "-_id"), ("_count", "1")]) == ["second", "first", "both"]
    assert found([("code:not", f"{LOINC}|fit")]) == ["neither"]
    assert found([("code", f"{LOINC}|fit"), ("code", f"{LOINC}|other")]) == ["first", "second"]
    assert found([("code", "fit,other")]) == ["both", "first", "neither", "second"]
    assert found([("code", "|fit")]) == []
    assert found([("code", f"{LOINC}|")]) == ["both", "first", "neither", "second"]


def test_a_patient_is_found_by_what_the_reference_says_and_not_by_the_compartment() -> None:
    store(
        [
            observation("about", subject={"reference": "Patient/p"}),
            observation("by", subject={"reference": "Group/p"}, performer=[{"reference": "Patient/p"}]),
            observation("named", subject={"identifier": {"system": "urn:x", "value": "7"}, "type": "Patient"}),
        ]
    )
    assert found([("patient", "p")]) == ["about"]
    assert found([("patient", "Patient/p")]) == ["about"]
    assert found([("subject", f"{BASE}/Patient/p")]) == []  # of another server, unless parse knows our address
    assert found([("subject:Patient", "p")]) == ["about"]
    assert found([("subject", "p")]) == ["about", "by"]
    assert found([("performer", "Patient/p")]) == ["by"]
    assert found([("subject:identifier", "urn:x|7")]) == ["named"]
    assert found([("patient:missing", "true")]) == ["by"]
    assert found([("subject:missing", "true")]) == []
    assert found([("performer:missing", "false")]) == ["by"]


def test_people_are_found_with_or_without_accents() -> None:
    store(
        [
            {
                "resourceType": "Patient",
                "id": "duc",
                "name": [{"text": "Nguyễn Văn Đức", "family": "Nguyễn", "given": ["Văn", "Đức"]}],
                "telecom": [{"system": "phone", "value": "0912345678"}],
                "birthDate": "1965-03-02",
                "gender": "male",
            },
            {"resourceType": "Patient", "id": "duong", "name": [{"text": "Dương 100%"}], "deceasedBoolean": True},
        ]
    )
    assert found([("name", "nguyen van d")], "Patient") == ["duc"]
    assert found([("name", "ĐỨC")], "Patient") == ["duc"]
    assert found([("family:exact", "Nguyễn")], "Patient") == ["duc"]
    assert found([("family:exact", "Nguyen")], "Patient") == []
    assert found([("name:contains", "100%")], "Patient") == ["duong"]
    assert found([("name", "%")], "Patient") == []
    assert found([("name", "du")], "Patient") == ["duc", "duong"]
    assert found([("family:missing", "true")], "Patient") == ["duong"]
    assert found([("phone", "0912345678")], "Patient") == ["duc"]
    assert found([("email", "0912345678")], "Patient") == []
    assert found([("phone:missing", "true")], "Patient") == ["duong"]
    assert found([("birthdate", "1965")], "Patient") == ["duc"]
    assert found([("birthdate:missing", "true")], "Patient") == ["duong"]
    assert found([("deceased", "true")], "Patient") == ["duong"]
    assert found([("gender", "http://hl7.org/fhir/administrative-gender|male")], "Patient") == ["duc"]
    assert found([("gender", "urn:other|male")], "Patient") == []
    assert found([("_id", "duc,nobody")], "Patient") == ["duc"]


def test_deleted_and_forbidden_rows_never_appear() -> None:
    store(
        [observation(name, subject={"reference": f"Patient/{name}"}) for name in ("a", "b", "c")],
        deleted=["b"],
    )
    mine = Condition("r.patient = ANY(%s)", (["b", "c"],))
    for pairs in ([], [("code", f"{LOINC}|fit")], [("_sort", "-date")]):
        assert found([*pairs], condition=mine) == ["c"]
        assert found([*pairs]) == ["a", "c"]
    assert fetch_page(parse("Observation", [("_count", "0")]), mine).total == 1


def test_a_page_behind_a_row_that_is_gone_or_hidden_is_refused() -> None:
    dated = [observation(name, effectiveDateTime=f"2017-05-1{number}") for number, name in enumerate("abc")]
    store(dated, deleted=["a"])
    for after, condition in (("a", ALL), ("b", Condition("r.id <> %s", ("b",))), ("x", ALL)):
        query = parse("Observation", [("_sort", "date"), ("_after", after)])
        with pytest.raises(Refused) as caught:
            fetch_page(query, condition)
        assert caught.value.status == 410
    assert found([("_after", "a")]) == ["b", "c"]  # without a sort key the id is its own place


# --- against a plain reading ----------------------------------------

DATES = ["2016", "2017-05", "2017-05-12", "2017-05-12T06:30:00+07:00", "2017-05-13", "2018-01-01"]
NUMBERS = ["5", "5.4", "5.40", "10", "100", "-1"]
CODES = ["fit", "hpv", "via"]
NAMES = ["Âm tính", "âm tính yếu", "Dương tính", "am"]

values = st.one_of(
    st.just({}),
    st.builds(lambda text: {"valueDateTime": text}, st.sampled_from(DATES)),
    st.builds(lambda text: {"valueString": text}, st.sampled_from(NAMES)),
    st.builds(
        lambda text, code: {"valueQuantity": {"value": Decimal(text), "unit": code, "system": UCUM, "code": code}},
        st.sampled_from(NUMBERS),
        st.sampled_from(["mg", "g"]),
    ),
)
effective = st.one_of(
    st.just({}),
    st.builds(lambda text: {"effectiveDateTime": text}, st.sampled_from(DATES)),
    st.builds(lambda text: {"effectivePeriod": {"start": text}}, st.sampled_from(DATES)),
    st.builds(lambda text: {"effectivePeriod": {"end": text}}, st.sampled_from(DATES)),
)
subjects = st.sampled_from([{}] + [{"subject": {"reference": text}} for text in ("Patient/a", "Patient/b", "Group/a")])
performers = st.sampled_from([{}, {"performer": [{"reference": "Patient/a"}, {"reference": "Organization/f"}]}])
codes = st.builds(
    lambda some: {"code": coded(*some)}, st.lists(st.sampled_from(CODES), min_size=1, max_size=2, unique=True)
)
members = st.tuples(values, effective, subjects, performers, codes, st.sampled_from([{}, {"status": "amended"}]))
observations = st.lists(members, min_size=1, max_size=9).map(
    lambda many: [
        observation(f"o{number}", **{key: value for part in parts for key, value in part.items()})
        for number, parts in enumerate(many)
    ]
)
PREFIXES = ["", "eq", "ne", "gt", "lt", "ge", "le", "sa", "eb"]
prefixed = st.builds(str.__add__, st.sampled_from(PREFIXES), st.sampled_from(DATES))
some_codes = st.lists(
    st.one_of(st.sampled_from(CODES), st.sampled_from(CODES).map(f"{LOINC}|{{}}".format), st.just(f"{LOINC}|")),
    min_size=1,
    max_size=2,
).map(",".join)
yes_or_no = st.sampled_from(["true", "false"])
pairs = st.one_of(
    st.tuples(st.sampled_from(["code", "code:not", "combo-code"]), some_codes),
    st.tuples(st.sampled_from(["date", "value-date"]), prefixed),
    st.tuples(st.just("value-quantity"), st.builds(str.__add__, st.sampled_from(PREFIXES), st.sampled_from(NUMBERS))),
    st.tuples(st.just("value-quantity"), st.sampled_from([f"5.4|{UCUM}|mg", "ge5||g"])),
    st.tuples(st.sampled_from(["value-string", "value-string:contains", "value-string:exact"]), st.sampled_from(NAMES)),
    st.tuples(st.just("subject"), st.sampled_from(["Patient/a", "a", "Patient/a,Patient/b", "Group/a", "Patient/x"])),
    st.tuples(st.sampled_from(["patient", "subject:Patient"]), st.sampled_from(["a", "Patient/b", "x"])),
    st.tuples(st.just("performer"), st.sampled_from(["Patient/a", "Organization/f"])),
    st.tuples(st.sampled_from(["status", "status:not"]), st.sampled_from(["final", "amended", "final,amended"])),
    st.tuples(
        st.sampled_from(
            [f"{name}:missing" for name in ("code", "date", "value-date", "value-quantity", "value-string", "patient")]
        ),
        yes_or_no,
    ),
)


def spans(resource: Json, name: str) -> list[tuple[datetime, datetime]]:
    """The periods of a date parameter, open ends as the ends of time."""
    stem = "effective" if name == "date" else "value"
    low, high = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    if text := resource.get(f"{stem}DateTime"):
        start, end = period_of(text)
        return [(start or low, end or high)]
    if period := resource.get(f"{stem}Period"):
        start = period_of(period["start"])[0] if "start" in period else None
        end = period_of(period["end"])[1] if "end" in period else None
        return [(start or low, end or high)]
    return []


def plain_prefix(text: str) -> tuple[str, str]:
    return (text[:2], text[2:]) if text[:2].isalpha() else ("eq", text)


def date_matches(resource: Json, name: str, text: str) -> bool:
    prefix, rest = plain_prefix(text)
    start, end = period_of(rest)
    assert start
    assert end
    rules: dict[str, Callable[[datetime, datetime], bool]] = {
        "eq": lambda low, high: start <= low and high <= end,
        "ne": lambda low, high: not (start <= low and high <= end),
        "gt": lambda low, high: high > end,
        "lt": lambda low, high: low < start,
        "ge": lambda low, high: high > end or (start <= low and high <= end),
        "le": lambda low, high: low < start or (start <= low and high <= end),
        "sa": lambda low, high: low >= end,
        "eb": lambda low, high: high <= start,
    }
    return any(rules[prefix](low, high) for low, high in spans(resource, name))


def quantity_matches(resource: Json, text: str) -> bool:
    quantity = resource.get("valueQuantity")
    if quantity is None:
        return False
    number, *unit = text.split("|")
    if unit and unit[1] != quantity["code"]:
        return False
    prefix, rest = plain_prefix(number)
    sought, value = Decimal(rest), quantity["value"]
    half = Decimal(10) ** int(sought.as_tuple().exponent) / 2
    near = sought - half <= value < sought + half
    return {
        "eq": near,
        "ne": not near,
        "gt": value > sought,
        "sa": value > sought,
        "lt": value < sought,
        "eb": value < sought,
        "ge": value >= sought,
        "le": value <= sought,
    }[prefix]


def plain_fold(text: str) -> str:
    table = {"â": "a", "Â": "a", "í": "i", "ư": "u", "ơ": "o", "ế": "e"}
    return "".join(table.get(char, char) for char in text.lower())


def string_matches(resource: Json, modifier: str, text: str) -> bool:
    value = resource.get("valueString")
    if value is None:
        return False
    if modifier == "exact":
        return value == text
    own, sought = plain_fold(value), plain_fold(text)
    return sought in own if modifier == "contains" else own.startswith(sought)


def code_matches(resource: Json, text: str) -> bool:
    return any(
        text in (coding["code"], f"{coding['system']}|{coding['code']}", f"{coding['system']}|")
        for coding in resource["code"]["coding"]
    )


def reference_matches(reference: str, text: str, kinds: Sequence[str]) -> bool:
    return reference == text if "/" in text else reference in [f"{kind}/{text}" for kind in kinds]


def matches(resource: Json, pair: tuple[str, str]) -> bool:
    """What the specification says, read off the resource itself."""
    name, _, modifier = pair[0].partition(":")
    parts = pair[1].split(",")
    subject = resource.get("subject", {}).get("reference", "")
    if modifier == "missing":
        there = {
            "code": True,
            "date": "effectiveDateTime" in resource or "effectivePeriod" in resource,
            "value-date": "valueDateTime" in resource,
            "value-quantity": "valueQuantity" in resource,
            "value-string": "valueString" in resource,
            "patient": subject.startswith("Patient/"),
        }[name]
        return there == (pair[1] == "false")
    if name in ("code", "combo-code"):
        return any(code_matches(resource, text) for text in parts) != (modifier == "not")
    if name == "status":
        return (resource["status"] in parts) != (modifier == "not")
    if name in ("date", "value-date"):
        return any(date_matches(resource, name, text) for text in parts)
    if name == "value-quantity":
        return any(quantity_matches(resource, text) for text in parts)
    if name == "value-string":
        return any(string_matches(resource, modifier, text) for text in parts)
    if name == "performer":
        return any(reference["reference"] in parts for reference in resource.get("performer", []))
    kinds = ["Patient"] if name == "patient" or modifier else ["Patient", "Group", "Device", "Location"]
    return any(reference_matches(subject, text, kinds) for text in parts)


SORTS: dict[str, Callable[[Json], Any]] = {
    "date": lambda one: next((low for low, _ in spans(one, "date") if low.year > 1), None),
    "value-date": lambda one: next((low for low, _ in spans(one, "value-date")), None),
    "value-quantity": lambda one: one.get("valueQuantity", {}).get("value"),
    "value-string": lambda one: plain_fold(one["valueString"]) if "valueString" in one else None,
    "code": lambda one: one["code"]["coding"][0]["code"],
    "_lastUpdated": lambda one: int(one["id"][1:]),
    "_id": lambda one: one["id"],
}
orders = st.lists(st.tuples(st.sampled_from(list(SORTS)), st.booleans()), max_size=3, unique_by=lambda key: key[0])


def in_order(resources: list[Json], order: list[tuple[str, bool]]) -> list[str]:
    """Sorted by the last key first, so that earlier keys win; missing values last in either direction."""
    result = sorted(resources, key=lambda one: one["id"])
    for name, descending in reversed(order):
        value = SORTS[name]
        present = [one for one in result if value(one) is not None]
        present.sort(key=value, reverse=descending)
        result = present + [one for one in result if value(one) is None]
    return [one["id"] for one in result]


searches = st.tuples(st.lists(pairs, max_size=2), orders, st.integers(1, 4))


@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(observations, st.lists(searches, min_size=8, max_size=8))
def test_a_search_finds_what_a_plain_reading_finds_each_row_once(
    resources: list[Json], asked_for: list[tuple[Pairs, list[tuple[str, bool]], int]]
) -> None:
    with transaction.atomic():
        store(resources)
        for asked, order, count in asked_for:
            sort = ",".join(f"-{name}" if descending else name for name, descending in order)
            query = [*asked, ("_count", str(count)), *([("_sort", sort)] if sort else [])]
            hits = [one for one in resources if all(matches(one, pair) for pair in asked)]
            assert found(query) == in_order(hits, order), query
            assert fetch_page(parse("Observation", [*asked, ("_total", "accurate")]), ALL).total == len(hits)
        transaction.set_rollback(True)


# --- the answer, and the index ----------------------------------------


def test_the_bundle_joins_the_stored_texts_with_links_that_lead_on() -> None:
    store([observation("a", valueString="1.500"), observation("b")])
    asked = [("code", f"{LOINC}|fit,x y&z"), ("_count", "1"), ("_total", "accurate"), ("nope", "1")]
    text = search("Observation", asked, condition=ALL, base_url=f"{BASE}/", lenient=True)
    bundle = json.loads(text)

    encoded = "code=http://loinc.org|fit,x%20y%26z&_count=1&_total=accurate"
    assert bundle["link"] == [
        {"relation": "self", "url": f"{BASE}/Observation?{encoded}"},
        {"relation": "next", "url": f"{BASE}/Observation?{encoded}&_after=a"},
    ]
    assert bundle["total"] == 2
    match, outcome = bundle["entry"]
    assert match["fullUrl"] == f"{BASE}/Observation/a"
    assert match["search"] == {"mode": "match"}
    assert match["resource"]["valueString"] == "1.500"
    assert outcome["search"] == {"mode": "outcome"}
    assert outcome["resource"]["issue"][0]["expression"] == ["http.nope"]


def test_a_total_comes_only_when_asked_for_and_an_empty_answer_has_no_entry() -> None:
    assert json.loads(search("Observation", [], condition=ALL, base_url=BASE)) == {
        "resourceType": "Bundle",
        "type": "searchset",
        "link": [{"relation": "self", "url": f"{BASE}/Observation"}],
    }
    store([observation("a")])
    counted = json.loads(search("Observation", [("_count", "0")], condition=ALL, base_url=BASE))
    assert counted["total"] == 1
    assert "entry" not in counted
    estimated = json.loads(search("Observation", [("_total", "estimate")], condition=ALL, base_url=BASE))
    assert isinstance(estimated["total"], int)


def nodes(plan: Json) -> Iterator[Json]:
    yield plan
    for child in plan.get("Plans", []):
        yield from nodes(child)


def test_one_persons_results_of_one_code_newest_first_are_an_index_walk_without_a_sort() -> None:
    store(
        [
            observation(
                f"o{person}-{number}",
                code=coded(CODES[number % 3]),
                subject={"reference": f"Patient/p{person}"},
                effectiveDateTime=f"20{10 + number % 15}-03-0{1 + number % 9}",
            )
            for person in range(40)
            for number in range(60)
        ]
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE fhir_resource")
        query = parse(
            "Observation",
            [("subject", "Patient/p7"), ("code", f"{LOINC}|fit"), ("_sort", "-date"), ("_count", "5")],
        )
        sql, params = page_sql(query, Condition("r.facility IS NULL OR r.facility = %s", ("f",)))
        cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}", params)
        plan = cursor.fetchone()[0]
    top = plan[0]["Plan"]
    walks = [node for node in nodes(top) if "(patient = 'p7'::text)" in node.get("Index Cond", "")]
    assert [node["Node Type"] for node in walks][:1] == ["Index Scan"]
    assert "(code = 'http://loinc.org|fit'::text)" in walks[0]["Index Cond"]
    # nothing between the merge at the top and that walk sorts it
    (branch,) = [
        child
        for merge in nodes(top)
        if merge["Node Type"] == "Merge Append"
        for child in merge["Plans"]
        if walks[0] in list(nodes(child))
    ]
    assert "Sort" not in [node["Node Type"] for node in nodes(branch)]
