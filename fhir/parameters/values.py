"""What each FHIR element type puts into the index: one small function per type, called by the generated extractors.

Each takes the path's key, the element's value and the list that it adds to. Strings add ``(key, folded, exact)``,
dates ``(key, low, high)``, numbers ``(key, low, high)``, quantities ``(key, low, high, system|code, unit)``.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from fhir.parameters.dates import span
from fhir.parameters.folding import fold
from fhir.parameters.hashes import PRESENT, cached_hash, coding_hashes, token_hash

Json = dict[str, Any]

#: Longest text that goes into an index row: PostgreSQL's B-trees refuse entries above some 2,700 bytes.
LONGEST = 500


def add_code(key: str, value: Any, out: list[int]) -> None:
    if isinstance(value, bool):
        value = "true" if value else "false"
    if value is not None:
        out.append(cached_hash(key, value))


def add_coding(key: str, value: Json, out: list[int]) -> None:
    out += coding_hashes(key, value.get("system") or "", value.get("code") or "")


def add_concept(key: str, value: Json, out: list[int]) -> None:
    for coding in value.get("coding", ()):
        out += coding_hashes(key, coding.get("system") or "", coding.get("code") or "")


def add_identifier(key: str, value: Json, out: list[int]) -> None:
    """An Identifier or ContactPoint: the value is rarely seen twice, so nothing is cached but the system."""
    text, system = value.get("value") or "", value.get("system") or ""
    if text:
        out.append(token_hash(key, text))
        out.append(token_hash(key, f"{system}|{text}"))
    if system:
        out.append(cached_hash(key, f"{system}|"))


def split_reference(reference: str) -> tuple[str, str]:
    """``(type, id)`` of a literal reference on this server, ``("", url)`` of any other; versions are cut off."""
    head, _, _ = reference.partition("/_history/")
    kind, slash, name = head.partition("/")
    if slash and "/" not in name and ":" not in kind:
        return kind, name
    return "", head


def type_of_url(url: str) -> str:
    """The resource type in the address of a resource on another server; empty if it has none."""
    parts = url.split("/")
    return parts[-2] if len(parts) > 3 and parts[-2][:1].isupper() else ""


def add_reference(key: str, value: Json, out: list[int]) -> None:
    out.append(cached_hash(key, PRESENT))
    reference = value.get("reference")
    if reference and reference[0] != "#":
        kind, name = split_reference(reference)
        out.append(cached_hash(key, f"{kind}/{name}" if kind else name))
        kind = kind or type_of_url(name)
    else:
        kind = value.get("type") or ""
    if kind:
        out.append(cached_hash(key, f"{kind}/"))
    if (identifier := value.get("identifier")) is not None:
        add_identifier(f"{key}:identifier", identifier, out)


def add_resource(key: str, value: Json, out: list[int]) -> None:
    """A resource inside a Bundle, which the parameter refers to as if it stood outside."""
    out.append(cached_hash(key, PRESENT))
    out.append(cached_hash(key, f"{value['resourceType']}/"))
    if "id" in value:
        out.append(token_hash(key, f"{value['resourceType']}/{value['id']}"))


def add_uri(key: str, value: str | None, out: list[int]) -> None:
    if value:
        out.append(cached_hash(key, PRESENT))
        out.append(cached_hash(key, value))


def add_canonical(key: str, value: str | None, out: list[int]) -> None:
    if value:
        add_uri(key, value, out)
        url, bar, _ = value.partition("|")
        if bar:
            out.append(cached_hash(key, url))


def add_string(key: str, value: str | None, out: list[tuple[Any, ...]]) -> None:
    if value:
        out.append((key, fold(value[:LONGEST]), value[:LONGEST]))


def fits(number: Decimal | int | None) -> bool:
    """Whether PostgreSQL's ``numeric`` holds it; a stray 1e999999 is kept in the text, but not found by search."""
    return number is None or isinstance(number, int) or -1000 < number.adjusted() < 1000


def add_number(key: str, value: Decimal | int | None, out: list[tuple[Any, ...]]) -> None:
    if value is not None and fits(value):
        out.append((key, value, value))


def _unit(value: Json) -> tuple[str, str]:
    code, system = value.get("code"), value.get("system")
    return f"{system or ''}|{code}" if code else "", value.get("unit") or ""


def add_quantity(key: str, value: Json, out: list[tuple[Any, ...]]) -> None:
    """A Quantity; ``<5`` and the like (``comparator``) are the open range that they mean."""
    number = value.get("value")
    if number is None or not fits(number):
        return
    comparator = value.get("comparator")
    low = None if comparator in ("<", "<=") else number
    high = None if comparator in (">", ">=") else number
    out.append((key, low, high, *_unit(value)))


def add_money(key: str, value: Json, out: list[tuple[Any, ...]]) -> None:
    if fits(value.get("value")) and "value" in value:
        currency = value.get("currency") or ""
        code = f"urn:iso:std:iso:4217|{currency}" if currency else ""
        out.append((key, value["value"], value["value"], code, currency))


def add_range(key: str, value: Json, out: list[tuple[Any, ...]]) -> None:
    low, high = value.get("low", {}), value.get("high", {})
    if ("value" in low or "value" in high) and fits(low.get("value")) and fits(high.get("value")):
        out.append((key, low.get("value"), high.get("value"), *_unit(low or high)))


def add_sampled(key: str, value: Json, out: list[tuple[Any, ...]]) -> None:
    """Sampled data count as the range between their limits."""
    if "lowerLimit" in value or "upperLimit" in value:
        out.append((key, value.get("lowerLimit"), value.get("upperLimit"), *_unit(value.get("origin", {}))))


def date_adder(kind: str) -> Callable[[str, Any, list[tuple[Any, ...]]], None]:
    """The function for one kind of date element."""

    def add_date(key: str, value: Any, out: list[tuple[Any, ...]]) -> None:
        if (period := span(kind, value)) is not None:
            out.append((key, *period))

    return add_date


TOKENS: dict[str, Callable[[str, Any, list[int]], None]] = {
    **dict.fromkeys(("code", "id", "string", "boolean"), add_code),
    "Coding": add_coding,
    "CodeableConcept": add_concept,
    "Identifier": add_identifier,
    "ContactPoint": add_identifier,
    "Reference": add_reference,
    "Resource": add_resource,
    "canonical": add_canonical,
    **dict.fromkeys(("uri", "url", "oid", "uuid"), add_uri),
}
STRINGS = dict.fromkeys(("string", "markdown", "code"), add_string)
DATES = {kind: date_adder(kind) for kind in ("date", "dateTime", "instant", "Period", "Timing")}
NUMBERS = dict.fromkeys(("decimal", "integer", "positiveInt", "unsignedInt"), add_number)
QUANTITIES: dict[str, Callable[[str, Any, list[tuple[Any, ...]]], None]] = {
    **dict.fromkeys(("Quantity", "SimpleQuantity", "Age", "Count", "Distance", "Duration"), add_quantity),
    "Money": add_money,
    "Range": add_range,
    "SampledData": add_sampled,
}
#: Those whose function does not say by itself that the element is there.
SAYS_NOTHING = frozenset({"code", "id", "string", "boolean", "Coding", "CodeableConcept", "Identifier", "ContactPoint"})
