"""Which search parameters each resource type has: ``r4.json``, resolved when a type is first asked for."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path as FilePath
from typing import Any, Literal

from fhir.definitions import resource_types
from fhir.parameters.expressions import Path, paths_of

Kind = Literal["token", "reference", "uri", "string", "date", "number", "quantity", "composite", "special"]

#: The element types that each kind of parameter reads; a choice element's other types are not searched by it.
_READ_BY: dict[str, frozenset[str]] = {
    kind: frozenset(types.split())
    for kind, types in {
        "token": "Coding CodeableConcept Identifier ContactPoint code id string boolean uri canonical oid uuid",
        "reference": "Reference canonical uri url Resource",
        "uri": "uri url canonical oid uuid",
        "string": "string markdown HumanName Address code",
        "date": "date dateTime instant Period Timing",
        "number": "decimal integer positiveInt unsignedInt",
        "quantity": "Quantity SimpleQuantity Age Count Distance Duration Money Range SampledData",
        "composite": "",
        "special": "",
    }.items()
}
#: Names and addresses are searched part by part: ``name=duc`` finds a family name, a given name or the whole text.
_STRING_PARTS = {
    "HumanName": ("text", "family", "given*", "prefix*", "suffix*"),
    "Address": ("text", "line*", "city", "district", "state", "postalCode", "country"),
}
#: The base types' parameters that are answered from columns (_id, _lastUpdated) or not at all.
_NOT_READ = frozenset({"_id", "_lastUpdated", "_text", "_content", "_query"})


@dataclass(frozen=True)
class SearchParameter:
    """A search parameter of one resource type.

    ``paths`` are the elements that it reads (none: known, but not supported); ``targets`` the resource types that a
    reference may lead to (empty: any).
    """

    code: str
    type: Kind
    expression: str
    paths: tuple[Path, ...]
    targets: tuple[str, ...] = ()

    @property
    def supported(self) -> bool:
        """Whether a search by it can be answered."""
        return bool(self.paths) or self.code in ("_id", "_lastUpdated")

    @property
    def keys(self) -> tuple[str, ...]:
        """The names of its elements in the index tables."""
        return tuple(dict.fromkeys(path.key for path in self.paths))


@cache
def _data() -> dict[str, dict[str, Any]]:
    with (FilePath(__file__).parent / "r4.json").open(encoding="utf-8") as file:
        data: dict[str, dict[str, Any]] = json.load(file)
    return data


@cache
def parameters_for(resource_type: str) -> Mapping[str, SearchParameter]:
    """The search parameters of a type by code, those of every type included. KeyError for a type that is not stored."""
    if resource_type not in resource_types():
        raise KeyError(resource_type)
    common = {code: _parameter(code, facts, resource_type) for code, facts in _data()["Resource"].items()}
    own = _data().get(resource_type, {})
    return {**common, **{code: _parameter(code, facts, resource_type) for code, facts in own.items()}}


def _parameter(code: str, facts: tuple[Kind, str, list[str]], resource_type: str) -> SearchParameter:
    kind, expression, targets = facts
    if expression.startswith("Resource."):
        expression = expression.replace("Resource.", f"{resource_type}.", 1)
    found: dict[Path, None] = {}
    if _READ_BY[kind] and code not in _NOT_READ:
        for path in paths_of(expression):
            if code == "deceased":  # exists() and != false: answered by the extractor as true or false
                found[Path((), "deceased")] = None
            elif path.kind in _READ_BY[kind]:
                found.update(dict.fromkeys(_parts(path) if kind == "string" else [path]))
    return SearchParameter(code, kind, expression, tuple(found), tuple(targets))


def _parts(path: Path) -> list[Path]:
    parts = _STRING_PARTS.get(path.kind)
    if parts is None:
        return [path]
    return [path.below(name.rstrip("*"), repeats=name.endswith("*"), kind="string") for name in parts]
