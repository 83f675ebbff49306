"""Whatever is asked: a search finds exactly what a plain reading of the resources finds, each row once."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fhir.parameters.dates import period_of
from fhir.search import fetch_page, parse
from tests.fhir.searching import ALL, LOINC, UCUM, Json, Pairs, coded, found, observation, store

pytestmark = pytest.mark.django_db

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
