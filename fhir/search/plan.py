"""A search as one SQL statement."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fhir.access import Condition
from fhir.parameters.columns import is_main_code
from fhir.parameters.hashes import FURTHER, token_hash
from fhir.search.conditions import condition_of
from fhir.search.query import Criterion, Query, TokenValue
from fhir.search.sorting import after_sql, id_descends, key_sql, sort_keys
from fhir.search.sql import Sql, all_of

COLUMNS = ("type", "id", "version", "last_updated", "patient", "content")
EVERYBODY = Condition("TRUE")


@dataclass(frozen=True, slots=True)
class _Key:
    """A sort key of the statement: its value, its direction, and the name of the column that carries it."""

    value: Sql
    descending: bool
    name: str

    @property
    def direction(self) -> str:
        return "DESC NULLS LAST" if self.descending else "ASC NULLS LAST"


def page_sql(query: Query, condition: Condition) -> tuple[str, list[Any]]:
    """The statement for one page: columns ``type, id, version, last_updated, patient, content``, in order.

    It asks for one row more than a page holds, so that the caller knows whether there is a next page. ``condition``
    is the truth value over ``r`` that limits which rows may be seen.
    """
    keys = [
        _Key(key_sql(query.type, key, "r"), key.descending, f"key{number}")
        for number, key in enumerate(sort_keys(query))
    ]
    after = after_sql(query, condition)
    extra = [after] if after else []
    main, others = _by_main_code(query)
    if main is None:
        return _branch(query, keys, [*_criteria(query, query.criteria), *extra], condition)
    # The column holds the first coding: an ordered walk of the main index. Rows that have the code as a further
    # coding are few or none; they have numbers of their own, and are merged in.
    full, number = main
    rest = [*_criteria(query, others), *extra]
    first = _branch(query, keys, [Sql("r.code = %s", (full,)), *rest], condition, carry=True)
    also = Sql("r.tokens && %s::bigint[]", ([number],))
    second = _branch(query, keys, [also, *rest], condition, carry=True)
    order = ", ".join(f"u.{key.name} {key.direction}" for key in keys)
    columns = ", ".join(f"u.{column}" for column in COLUMNS)
    text = (
        f"SELECT {columns} FROM (({first[0]}) UNION ALL ({second[0]})) u "
        f"ORDER BY {order}{', ' if order else ''}u.id {_id_direction(query)} LIMIT %s"
    )
    return text, [*first[1], *second[1], query.count + 1]


def count_sql(query: Query, condition: Condition) -> tuple[str, list[Any]]:
    """The statement that counts all matches, whatever the page: one row, one number."""
    where = _where(query, _criteria(query, query.criteria), condition)
    return f"SELECT count(*) FROM fhir_resource r WHERE {where.text}", list(where.params)


def estimate_sql(query: Query, condition: Condition) -> tuple[str, list[Any]]:
    """The statement whose answer, PostgreSQL's plan in JSON, holds the number of matches that the planner expects."""
    where = _where(query, _criteria(query, query.criteria), condition)
    return f"EXPLAIN (FORMAT JSON) SELECT FROM fhir_resource r WHERE {where.text}", list(where.params)


def _branch(
    query: Query, keys: Sequence[_Key], parts: Sequence[Sql], condition: Condition, *, carry: bool = False
) -> tuple[str, list[Any]]:
    columns = [Sql(f"r.{column}") for column in COLUMNS]
    if carry:
        columns += [Sql(f"{key.value.text} AS {key.name}", key.value.params) for key in keys]
    where = _where(query, parts, condition)
    order = [Sql(f"{key.value.text} {key.direction}", key.value.params) for key in keys]
    order.append(Sql(f"r.id {_id_direction(query)}"))
    text = (
        f"SELECT {', '.join(column.text for column in columns)} FROM fhir_resource r WHERE {where.text} "
        f"ORDER BY {', '.join(key.text for key in order)} LIMIT %s"
    )
    params = [value for part in [*columns, where, *order] for value in part.params]
    return text, [*params, query.count + 1]


def _id_direction(query: Query) -> str:
    return "DESC" if id_descends(query) else "ASC"


def _where(query: Query, parts: Sequence[Sql], condition: Condition) -> Sql:
    # The type stands in the text: the planner then looks at that type's partition alone. (``parse`` has checked it.)
    own = Sql(f"r.type = '{query.type}' AND NOT r.deleted")
    limit = [] if condition.sql == "TRUE" else [Sql(f"({condition.sql})", tuple(condition.params))]
    return all_of([own, *parts, *limit])


def _criteria(query: Query, criteria: Sequence[Criterion]) -> list[Sql]:
    return [condition_of(query.type, criterion) for criterion in criteria]


def _by_main_code(query: Query) -> tuple[tuple[str, int] | None, Sequence[Criterion]]:
    """The first criterion that asks for one full code of the main code, with the remaining criteria."""
    for position, criterion in enumerate(query.criteria):
        if criterion.modifier or len(criterion.values) != 1 or not is_main_code(query.type, criterion.parameter):
            continue
        value = criterion.values[0]
        if isinstance(value, TokenValue) and value.system is not None and value.code:
            full = f"{value.system}|{value.code}"
            number = token_hash(criterion.parameter.keys[0] + FURTHER, full)
            return (full, number), [*query.criteria[:position], *query.criteria[position + 1 :]]
    return None, query.criteria
