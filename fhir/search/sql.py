"""Pieces of SQL with their parameters, put together without ever pasting a value into text."""

from collections.abc import Iterable
from typing import Any, NamedTuple


class Sql(NamedTuple):
    """Text with ``%s`` places (psycopg style) and the values for them."""

    text: str
    params: tuple[Any, ...] = ()


TRUE = Sql("TRUE")
FALSE = Sql("FALSE")


def joined(word: str, parts: Iterable[Sql], *, empty: Sql) -> Sql:
    """``(a AND b)``, or ``empty`` without parts."""
    found = list(parts)
    if not found:
        return empty
    if len(found) == 1:
        return found[0]
    text = f" {word} ".join(part.text for part in found)
    return Sql(f"({text})", tuple(value for part in found for value in part.params))


def all_of(parts: Iterable[Sql]) -> Sql:
    return joined("AND", parts, empty=TRUE)


def any_of(parts: Iterable[Sql]) -> Sql:
    return joined("OR", parts, empty=FALSE)
