"""Reads one value of a search parameter, by the parameter's kind."""

import re

from fhir.definitions import resource_types
from fhir.parameters import SearchParameter
from fhir.parameters.dates import period_of
from fhir.parameters.values import split_reference
from fhir.search.query import (
    PREFIXES,
    DateValue,
    NumberValue,
    Prefix,
    QuantityValue,
    ReferenceValue,
    TextValue,
    TokenValue,
    Value,
)

_NUMBER = re.compile(r"[+-]?\d{1,40}(\.\d{1,40})?([eE][+-]?\d{1,2})?")
_SPACE_FOR_PLUS = re.compile(r"(T.*) (\d\d:\d\d)$")


class BadValue(ValueError):
    """A value that cannot be read; its text says what was expected."""


def split(text: str, separator: str) -> list[str]:
    """The parts between separators that are not escaped; escapes are kept."""
    parts = [""]
    escaped = False
    for char in text:
        if char == separator and not escaped:
            parts.append("")
            continue
        parts[-1] += char
        escaped = char == "\\" and not escaped
    return parts


def unescape(text: str) -> str:
    return re.sub(r"\\([\\,|$])", r"\1", text) if "\\" in text else text


def read(parameter: SearchParameter, modifier: str, text: str, base_url: str) -> Value:
    """One value, still escaped. Raises ``BadValue``."""
    if not text:
        raise BadValue(f"{parameter.code} has an empty value between commas.")
    if parameter.type == "token" or modifier == "identifier":
        return _token(parameter, text)
    if parameter.type == "reference":
        return _reference(parameter, modifier, unescape(text), base_url)
    if parameter.type == "date":
        return _date(parameter, unescape(text))
    if parameter.type == "number":
        return _number(parameter, unescape(text))
    if parameter.type == "quantity":
        return _quantity(parameter, text)
    return TextValue(unescape(text))


def _token(parameter: SearchParameter, text: str) -> TokenValue:
    first, *rest = split(text, "|")
    if not rest:
        return TokenValue(None, unescape(first))
    value = TokenValue(unescape(first), unescape("|".join(rest)))
    if not value.system and not value.code:
        raise BadValue(f"{parameter.code} takes code, system|code, |code or system|, not {text!r}.")
    return value


def _reference(parameter: SearchParameter, modifier: str, text: str, base_url: str) -> ReferenceValue:
    if base_url and text.startswith(f"{base_url}/"):
        text = text.removeprefix(f"{base_url}/")
    kind, name = split_reference(text)
    if not kind:
        if "/" in name or ":" in name or parameter.paths[0].kind not in ("Reference", "Resource"):
            return ReferenceValue("", "", name)
        return ReferenceValue(modifier if modifier in resource_types() else "", name)
    if kind not in resource_types():
        raise BadValue(f"{parameter.code} takes Type/id or an id; {kind!r} is not a resource type.")
    allowed = (modifier,) if modifier else parameter.targets
    if allowed and kind not in allowed:
        raise BadValue(f"{parameter.code} refers to {' or '.join(allowed)}, not to {kind}.")
    return ReferenceValue(kind, name)


def _prefix(text: str) -> tuple[Prefix, str]:
    for prefix in PREFIXES:
        if text.startswith(prefix):
            return prefix, text[2:]
    return "eq", text


def _date(parameter: SearchParameter, text: str) -> DateValue:
    prefix, rest = _prefix(text)
    rest = _SPACE_FOR_PLUS.sub(r"\1+\2", rest)  # a plus sign that was not percent-encoded
    try:
        period_of(rest)
    except ValueError:
        expected = "YYYY, YYYY-MM, YYYY-MM-DD or YYYY-MM-DDThh:mm:ss+zz:zz"
        raise BadValue(f"{parameter.code} takes a date ({expected}) with an optional prefix, not {text!r}.") from None
    return DateValue(prefix, rest)


def _number(parameter: SearchParameter, text: str) -> NumberValue:
    prefix, rest = _prefix(text)
    if not _NUMBER.fullmatch(rest):
        raise BadValue(f"{parameter.code} takes a number with an optional prefix, not {text!r}.")
    return NumberValue(prefix, rest)


def _quantity(parameter: SearchParameter, text: str) -> QuantityValue:
    number, *unit = (unescape(part) for part in split(text, "|"))
    value = _number(parameter, number)
    if not unit or unit in ([""], ["", ""]):
        return QuantityValue(value)
    if len(unit) != 2 or not unit[1]:
        raise BadValue(f"{parameter.code} takes number, number|system|code or number||code, not {text!r}.")
    return QuantityValue(value, *unit)
