"""Sort keys as SQL, and the condition that a row comes after another in that order."""

from fhir.access import Condition
from fhir.parameters import SearchParameter
from fhir.parameters.columns import is_main_code, is_main_date
from fhir.search.query import Query, SortKey
from fhir.search.sql import Sql, all_of, any_of

_COLUMNS = {"_id": "id", "_lastUpdated": "last_updated"}
_VALUES = {
    "string": ("fhir_stringindex", "folded"),
    "date": ("fhir_dateindex", "low"),
    "number": ("fhir_numberindex", "low"),
    "quantity": ("fhir_quantityindex", "low"),
}


def can_sort(resource_type: str, parameter: SearchParameter) -> bool:
    """Whether there is a value to sort by: hashed parameters have none."""
    if parameter.code in _COLUMNS or is_main_code(resource_type, parameter):
        return True
    return parameter.type in _VALUES and parameter.supported


def key_sql(resource_type: str, key: SortKey, alias: str) -> Sql:
    """The value of a sort key for the row ``alias``: of several values the first in the order asked for."""
    parameter = key.parameter
    if parameter.code in _COLUMNS:
        return Sql(f"{alias}.{_COLUMNS[parameter.code]}")
    if is_main_code(resource_type, parameter):
        return Sql(f"{alias}.code")
    if is_main_date(resource_type, parameter):
        return Sql(f"{alias}.starts")
    table, column = _VALUES[parameter.type]
    first = "max" if key.descending else "min"
    text = (
        f"(SELECT {first}(x.{column}) FROM {table} x "
        f"WHERE x.type = {alias}.type AND x.resource = {alias}.id AND x.param = ANY(%s))"
    )
    return Sql(text, (list(parameter.keys),))


def sort_keys(query: Query) -> tuple[SortKey, ...]:
    """The keys that order the rows before the id does: those after ``_id`` decide nothing."""
    keys: list[SortKey] = []
    for key in query.sort:
        if key.parameter.code == "_id":
            break
        keys.append(key)
    return tuple(keys)


def id_descends(query: Query) -> bool:
    """Whether the last key, the id, is asked for in descending order."""
    return any(key.parameter.code == "_id" and key.descending for key in query.sort)


def after_sql(query: Query, condition: Condition) -> Sql | None:
    """That a row ``r`` comes after the row ``query.after``, whose keys are looked up in the same statement.

    That row must be there still, and readable: else its place in the order could be probed for what it says.
    """
    if not query.after:
        return None
    keys = sort_keys(query)
    last = Sql(f"r.id {'<' if id_descends(query) else '>'} %s", (query.after,))
    if not keys:
        return last
    ways: list[Sql] = []
    equal: list[Sql] = []
    for key in keys:
        own = key_sql(query.type, key, "r")
        other = key_sql(query.type, key, "a")
        anchor = Sql(
            f"(SELECT {other.text} FROM fhir_resource a WHERE a.type = %s AND a.id = %s)",
            (*other.params, query.type, query.after),
        )
        sign = "<" if key.descending else ">"
        further = Sql(
            f"({own.text} {sign} {anchor.text} OR ({own.text} IS NULL AND {anchor.text} IS NOT NULL))",
            (*own.params, *anchor.params, *own.params, *anchor.params),
        )
        ways.append(all_of([*equal, further]))
        same = f"{own.text} IS NOT DISTINCT FROM {anchor.text}"
        equal.append(Sql(same, (*own.params, *anchor.params)))
    there = Sql(
        "EXISTS (SELECT 1 FROM fhir_resource r "
        f"WHERE r.type = %s AND r.id = %s AND NOT r.deleted AND ({condition.sql}))",
        (query.type, query.after, *condition.params),
    )
    return all_of([there, any_of([*ways, all_of([*equal, last])])])
