"""Searches in PostgreSQL: what each kind of parameter finds, page by page, by the right index."""

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import connection

from fhir.access import Condition
from fhir.outcomes import Refused
from fhir.parameters.dates import now
from fhir.search import fetch_page, page_sql, parse, search
from tests.fhir.searching import ALL, LOINC, Json, coded, found, observation, store

pytestmark = pytest.mark.django_db

BASE = "https://h.example/fhir"


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
                code=coded(("fit", "hpv", "via")[number % 3]),
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
