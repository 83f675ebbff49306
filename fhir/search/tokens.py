"""Which hashed numbers a criterion looks for: the query's side of ``fhir.parameters.values``."""

from fhir.definitions import resource_types
from fhir.parameters import SearchParameter
from fhir.parameters.expressions import Path
from fhir.parameters.hashes import PRESENT, token_hash
from fhir.search.query import Criterion, ReferenceValue, TextValue, TokenValue, Value

_PLAIN = frozenset({"code", "id", "string", "boolean"})
_URIS = frozenset({"uri", "url", "canonical", "oid", "uuid"})


def wanted(criterion: Criterion) -> list[int]:
    """The numbers of which a row must have one; empty when nothing can match."""
    found: dict[int, None] = {}
    for path in criterion.parameter.paths:
        for value in criterion.values:
            found.update(dict.fromkeys(_of_value(criterion, path, value)))
    return list(found)


def presence(parameter: SearchParameter) -> list[int] | None:
    """The numbers of which a row has one where the parameter has a value; None when every row has a value."""
    found = []
    for path in parameter.paths:
        if path.kind == "deceased" or (path.required and not path.only):
            return None
        if path.only:
            found.append(token_hash(path.key, f"{path.only}{'/' if path.kind == 'Reference' else '|'}"))
        else:
            found.append(token_hash(path.key, PRESENT))
    return found


def _of_value(criterion: Criterion, path: Path, value: Value) -> list[int]:
    if isinstance(value, TokenValue):
        if criterion.modifier == "identifier":
            return [token_hash(f"{path.key}:identifier", _token_form(value))]
        return _of_token(path, value)
    if isinstance(value, ReferenceValue):
        return [token_hash(path.key, form) for form in _reference_forms(criterion.parameter, path, value)]
    assert isinstance(value, TextValue)
    return [token_hash(path.key, value.text)]


def _token_form(value: TokenValue) -> str:
    return value.code if value.system is None else f"{value.system}|{value.code}"


def _of_token(path: Path, value: TokenValue) -> list[int]:
    if path.kind == "deceased":
        return [token_hash("deceased", value.code)]
    if path.kind in _PLAIN:
        # the system of a plain code is implied by its value set
        if value.system and path.systems and value.system not in path.systems:
            return []
        return [token_hash(path.key, value.code or PRESENT)]
    if path.only and path.kind == "ContactPoint":
        return [token_hash(path.key, f"{path.only}|{value.code}")] if value.system in (None, path.only) else []
    return [token_hash(path.key, _token_form(value))]


def _reference_forms(parameter: SearchParameter, path: Path, value: ReferenceValue) -> list[str]:
    if value.url:
        return [value.url]
    if path.kind in _URIS:
        return [f"{value.type}/{value.id}" if value.type else value.id]
    if value.type:
        return [f"{value.type}/{value.id}"] if path.only in ("", value.type) else []
    types = (path.only,) if path.only else parameter.targets or sorted(resource_types())
    return [f"{kind}/{value.id}" for kind in types]
