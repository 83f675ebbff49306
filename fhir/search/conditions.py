"""One criterion of a search as an SQL truth value over the row ``r`` of fhir_resource."""

from datetime import UTC, datetime
from typing import Any

from fhir.parameters import SearchParameter, dates
from fhir.parameters.columns import is_main_date, is_main_patient
from fhir.parameters.folding import fold
from fhir.parameters.mainfacts import main_facts
from fhir.parameters.values import LONGEST
from fhir.search import tokens
from fhir.search.comparisons import compare_instant, compare_number, compare_period
from fhir.search.query import (
    Criterion,
    DateValue,
    NumberValue,
    QuantityValue,
    Query,
    ReferenceValue,
    TextValue,
    TokenValue,
)
from fhir.search.sql import FALSE, TRUE, Sql, all_of, any_of

TABLES = {
    "string": "fhir_stringindex",
    "date": "fhir_dateindex",
    "number": "fhir_numberindex",
    "quantity": "fhir_quantityindex",
}


def condition_of(resource_type: str, criterion: Criterion) -> Sql:
    """What a row must fulfil."""
    parameter = criterion.parameter
    if parameter.code == "_id":
        return Sql("r.id = ANY(%s)", ([value.code for value in criterion.values if isinstance(value, TokenValue)],))
    if parameter.code == "_lastUpdated":
        return any_of(_updated(value) for value in criterion.values if isinstance(value, DateValue))
    if criterion.missing is not None:
        return _missing(resource_type, parameter, criterion.missing)
    if parameter.type in ("token", "reference", "uri"):
        return _patient(resource_type, criterion) or _hashed(criterion)
    if is_main_date(resource_type, parameter):
        parts = [_date(value, "r.starts", "r.ends") for value in criterion.values if isinstance(value, DateValue)]
        return all_of([Sql("(r.starts IS NOT NULL OR r.ends IS NOT NULL)"), any_of(parts)])
    return _indexed(resource_type, parameter, any_of(_row(criterion, value) for value in criterion.values))


def about_one_person(query: Query) -> bool:
    """Whether one person's rows are all that the search can find, so that one plan is best for any such search."""
    return any(
        criterion.parameter.type == "reference"
        and len(criterion.values) == 1
        and criterion.missing is None
        and criterion.modifier != "not"
        and _patient(query.type, criterion) is not None
        for criterion in query.criteria
    )


def people_named(query: Query) -> set[str]:
    """The ids of the people whom the search names."""
    return {
        value.id if isinstance(value, ReferenceValue) else value.code
        for criterion in query.criteria
        for value in criterion.values
        if (isinstance(value, ReferenceValue) and _patient(query.type, criterion) is not None)
        or (isinstance(value, TokenValue) and query.type == "Patient" and criterion.parameter.code == "_id")
    }


def _hashed(criterion: Criterion) -> Sql:
    wanted = tokens.wanted(criterion)
    if criterion.modifier == "not":
        return Sql("NOT r.tokens && %s::bigint[]", (wanted,)) if wanted else TRUE
    return Sql("r.tokens && %s::bigint[]", (wanted,)) if wanted else FALSE


def _patient(resource_type: str, criterion: Criterion) -> Sql | None:
    """By the column, when it is patients who are asked for and the column holds them."""
    if criterion.modifier == "identifier" or not is_main_patient(resource_type, criterion.parameter):
        return None
    only = criterion.parameter.paths[0].only
    ids = []
    for value in criterion.values:
        if not isinstance(value, ReferenceValue) or (value.type or (value.id and only)) != "Patient":
            return None
        ids.append(value.id)
    by_column = Sql("r.patient = %s", (ids[0],)) if len(ids) == 1 else Sql("r.patient = ANY(%s)", (ids,))
    if main_facts(resource_type).about_alone:
        return by_column
    # The column may hold a patient who is, say, the performer. Written so that the index on tokens is not drawn in.
    exact = [Sql("%s = ANY(r.tokens)", (number,)) for number in tokens.wanted(criterion)]
    return all_of([by_column, any_of(exact)])


def _missing(resource_type: str, parameter: SearchParameter, missing: bool) -> Sql:
    if is_main_date(resource_type, parameter):
        return Sql(
            "(r.starts IS NULL AND r.ends IS NULL)" if missing else "(r.starts IS NOT NULL OR r.ends IS NOT NULL)"
        )
    if parameter.type in TABLES:
        found = _indexed(resource_type, parameter, TRUE)
    else:
        present = tokens.presence(parameter)
        found = TRUE if present is None else Sql("r.tokens && %s::bigint[]", (present,))
    return Sql(f"NOT {found.text}", found.params) if missing else found


def _indexed(resource_type: str, parameter: SearchParameter, row: Sql) -> Sql:
    """Resources with a row ``x`` of the parameter in its index table."""
    table = TABLES[parameter.type]
    text = f"r.id IN (SELECT x.resource FROM {table} x WHERE x.type = %s AND x.param = ANY(%s) AND {row.text})"
    return Sql(f"({text})", (resource_type, list(parameter.keys), *row.params))


def _row(criterion: Criterion, value: Any) -> Sql:
    if isinstance(value, TextValue):
        return _string(criterion.modifier, value.text)
    if isinstance(value, DateValue):
        return _date(value, "x.low", "x.high")
    if isinstance(value, NumberValue):
        return compare_number(value, "x.low", "x.high")
    assert isinstance(value, QuantityValue)
    return all_of([compare_number(value.number, "x.low", "x.high"), *_unit(value)])


def _string(modifier: str, text: str) -> Sql:
    if modifier == "exact":
        text = text[:LONGEST]
        return Sql("(x.folded = %s AND x.exact = %s)", (fold(text), text))
    pattern = fold(text[:LONGEST]).replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
    return Sql("x.folded LIKE %s", (f"%{pattern}" if modifier == "contains" else pattern,))


def _unit(value: QuantityValue) -> list[Sql]:
    if not value.code:
        return []
    if value.system:
        return [Sql("x.code = %s", (f"{value.system}|{value.code}",))]
    ending = "%|" + value.code.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return [Sql("(x.unit = %s OR x.code LIKE %s)", (value.code, ending))]


def _date(value: DateValue, low: str, high: str) -> Sql:
    return compare_period(value.prefix, value.period, low, high, now=dates.now())


def _updated(value: DateValue) -> Sql:
    low, high = value.period
    sought = dates.as_instant(low), dates.as_instant(high)
    return compare_instant(value, sought, "r.last_updated", now=datetime.now(UTC))
