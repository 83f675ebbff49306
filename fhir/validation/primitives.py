"""What the value of each primitive type may be in JSON: its kind and, as a fast yes/no test, its form."""

import re
from calendar import monthrange
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from fhir import definitions

MAX_STRING = 1024 * 1024  # characters; a base64Binary may be longer

#: Control characters that no FHIR string may hold, and halves of surrogate pairs, which are no characters at all.
_forbidden = "\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff"


@dataclass(frozen=True, slots=True)
class Primitive:
    """``kinds`` are the Python types of the JSON kinds allowed, ``fits`` tests a value of such a kind.

    ``expected`` ends the sentence "… is expected", e.g. "a date as YYYY, YYYY-MM or YYYY-MM-DD".
    """

    name: str
    kinds: frozenset[type]
    fits: Callable[[Any], object]
    expected: str


def _pattern(expression: str) -> Callable[[str], object]:
    return re.compile(expression).fullmatch


def _text(value: str) -> bool:
    return len(value) <= MAX_STRING and not value.isspace() and _characters(value) is not None


_characters = _pattern(f"[^{_forbidden}]+")
_date = _pattern(definitions.primitive_types()["date"])
_date_time = _pattern(definitions.primitive_types()["dateTime"])
_instant = _pattern(definitions.primitive_types()["instant"])


def _on_calendar(matches: Callable[[str], object]) -> Callable[[str], bool]:
    """The pattern knows no month's length: 30 February has the right form only."""

    def fits(value: str) -> bool:
        if matches(value) is None:
            return False
        day = value[8:10]
        return day < "29" or int(day) <= monthrange(int(value[:4]), int(value[5:7]))[1]

    return fits


def _decimal(value: int | Decimal) -> bool:
    """Any number of a size that databases and clients can hold (the specification asks for 18 digits)."""
    if type(value) is int:
        return -(10**400) < value < 10**400
    return -400 < value.adjusted() < 400 and len(value.as_tuple().digits) <= 400  # type: ignore[union-attr]


def _base64(value: str) -> bool:
    if _plain_base64(value):
        return len(value) % 4 == 0
    packed = "".join(value.split())
    return len(packed) % 4 == 0 and _plain_base64(packed) is not None


_plain_base64 = _pattern(r"[0-9A-Za-z+/]+={0,2}")

_WORDS = frozenset({str})
_uri = _pattern(rf"[^\s{_forbidden}]+")
_code = _pattern(rf"[^\s{_forbidden}]+(?:\s[^\s{_forbidden}]+)*")


def _strings(name: str, fits: Callable[[str], object], expected: str) -> Primitive:
    return Primitive(name, _WORDS, fits, expected)


def _integers(name: str, low: int, high: int, expected: str) -> Primitive:
    return Primitive(name, frozenset({int}), lambda value: low <= value <= high, expected)


_MAX = 2**31 - 1

PRIMITIVES: dict[str, Primitive] = {
    primitive.name: primitive
    for primitive in (
        Primitive("boolean", frozenset({bool}), lambda value: True, "true or false without quotes"),
        Primitive("decimal", frozenset({int, Decimal}), _decimal, "a JSON number, such as 12.50, without quotes"),
        _integers("integer", -_MAX - 1, _MAX, "a whole JSON number of 32 bits without quotes, point or exponent"),
        _integers("unsignedInt", 0, _MAX, "a whole JSON number from 0 to 2147483647 without quotes, point or exponent"),
        _integers("positiveInt", 1, _MAX, "a whole JSON number from 1 to 2147483647 without quotes, point or exponent"),
        _strings(
            "string", _text, "a string of 1 to 1048576 characters that is not blank and has no control characters"
        ),
        _strings(
            "markdown", _text, "a string of 1 to 1048576 characters that is not blank and has no control characters"
        ),
        _strings("code", _code, "a code: a string without spaces at its ends and with single spaces inside"),
        _strings("id", _pattern(r"[A-Za-z0-9\-.]{1,64}"), "an id: 1 to 64 letters A-Z a-z, digits, '-' and '.'"),
        _strings("uri", _uri, "a URI: a string without white space"),
        _strings("url", _uri, "a URL: a string without white space"),
        _strings("canonical", _uri, "a canonical URL: a string without white space"),
        _strings("oid", _pattern(r"urn:oid:[0-2](\.(0|[1-9][0-9]*))+"), "an OID such as urn:oid:1.2.840.113619"),
        _strings(
            "uuid",
            _pattern(r"urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
            "a UUID such as urn:uuid:c757873d-ec9a-4326-a141-556f43239520, in lower case",
        ),
        _strings("date", _on_calendar(_date), "a date that exists, as YYYY, YYYY-MM or YYYY-MM-DD"),
        _strings(
            "dateTime",
            _on_calendar(_date_time),
            "a date that exists, as YYYY, YYYY-MM, YYYY-MM-DD or YYYY-MM-DDThh:mm:ss with Z or an offset like +07:00",
        ),
        _strings(
            "instant",
            _on_calendar(_instant),
            "a moment to the second, as YYYY-MM-DDThh:mm:ss with Z or an offset such as +07:00",
        ),
        _strings("time", _pattern(definitions.primitive_types()["time"]), "a time of day as hh:mm:ss"),
        _strings("base64Binary", _base64, "bytes in base64"),
        _strings("xhtml", lambda value: value, "a string with one XHTML <div>"),
    )
}


def json_kind(value: object) -> str:
    """A found value in words and short: ``the string '3'``, ``the number 3.0``, ``an object``."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | Decimal | float):
        return f"the number {shortened(str(value))}"
    if isinstance(value, str):
        return f"the string {shortened(value)!r}" if value else "an empty string"
    return "an object" if isinstance(value, dict) else "an array"


def shortened(value: str, width: int = 60) -> str:
    return value if len(value) <= width else value[: width - 1] + "…"
