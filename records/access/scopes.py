"""What an app's token is for (SMART scopes): it narrows what the rule lets the person or facility behind it do.

A granular scope (`patient/Observation.rs?category=laboratory`) becomes a further condition on the hashed search tokens
of a row, made by the search engine's own parameters, so that a page, an include and a history hold the same rows as a
search with that parameter would. Only parameters that are such tokens (codes, references, uris) can be asked for.
"""

import json
from collections.abc import Iterator, Sequence
from decimal import Decimal
from functools import lru_cache
from urllib.parse import parse_qsl

from django.db import connection

from fhir.access import Condition, Write
from fhir.definitions import resource_types
from fhir.outcomes import Asked, Issue, Refused
from fhir.parameters import extract
from fhir.search import parse as parse_search
from fhir.search import tokens
from healthhub.accounts.actors import Actor
from healthhub.accounts.oauth.scopes import BadScope, Scope, data_scopes
from records.access.rows import DIRECTORY, DIRECTORY_TYPES, LOG_TYPE

_TOKENS = "(SELECT x.tokens FROM fhir_resource x WHERE x.type = r.type AND x.id = r.id)"
_STORED = (
    "SELECT type, id, tokens FROM fhir_resource WHERE (type, id) IN (SELECT * FROM unnest(%s::text[], %s::text[]))"
)
_DOING = {"c": "create", "r": "read", "u": "update", "d": "delete", "s": "search"}


@lru_cache(maxsize=4096)
def wanted(scope: Scope) -> tuple[tuple[int, ...], ...]:
    """The token numbers that a resource must have, one of each group; () without a search.

    Raises ``BadScope`` for a type or a search parameter that a scope cannot be about.
    """
    if scope.type != "*" and scope.type not in resource_types():
        raise BadScope(f"{scope}: {scope.type} resources are not kept here.")
    if not scope.search:
        return ()
    try:
        criteria = parse_search(scope.type, parse_qsl(scope.search, keep_blank_values=True)).criteria
    except Refused as error:
        raise BadScope(f"{scope}: {error.issues[0].diagnostics}") from error
    if scope.type == LOG_TYPE:
        raise BadScope(f"{scope}: a scope for the access log cannot be narrowed.")
    groups = []
    for one in criteria:
        numbers = tuple(tokens.wanted(one)) if one.parameter.type in ("token", "reference", "uri") else ()
        if one.modifier or one.missing is not None or one.parameter.code.startswith("_id") or not numbers:
            raise BadScope(f"{scope}: a scope cannot be narrowed by {one.parameter.code} in this way.")
        groups.append(numbers)
    if not groups:
        raise BadScope(f"{scope}: {scope.search} narrows nothing.")
    return tuple(groups)


def require(action: str, type_: str, *, actor: Actor) -> None:
    """Refused (403) if no scope of the token is for this action on resources of this type."""
    if actor.scopes is not None and not list(_for(action, type_, actor)):
        raise Refused(403, [_lacking(action, type_, "", actor)], asked=[Asked(type_)])


def rows(actor: Actor, *, searching: bool) -> Condition | None:
    """Which rows `r` of the store the token is for; None if any. ``searching``: all are rows of `fhir_resource`."""
    if actor.scopes is None:
        return None
    action = "s" if searching else "r"
    parts: list[str] = []
    params: list[object] = []
    for scope in data_scopes(actor.scopes):
        if action not in scope.actions:
            continue
        conditions = [] if scope.type == "*" else [f"r.type = '{scope.type}'"]
        if scope.level == "patient":
            conditions.append(f"(r.patient = %s OR (r.patient IS NULL AND {DIRECTORY}))")
            params.append(actor.about or "")
        for numbers in wanted(scope):
            conditions.append(f"{'r.tokens' if searching else _TOKENS} && %s::bigint[]")
            params.append(list(numbers))
        if not conditions:
            return None
        parts.append(f"({' AND '.join(conditions)})")
    return Condition(f"({' OR '.join(parts)})", tuple(params)) if parts else Condition("false")


def log_lines(rule: Condition | None, actor: Actor, *, searching: bool) -> Condition | None:
    """Those of the access log's lines that the rule gives and the token is for."""
    scopes = list(_for("s" if searching else "r", LOG_TYPE, actor)) if actor.scopes is not None and rule else []
    if rule is None or not scopes or any(scope.level != "patient" for scope in scopes):
        return rule
    return Condition(f"({rule.sql}) AND audit_accessentry.patient = %s", (*rule.params, actor.about or ""))


def shows(content: str, *, actor: Actor) -> bool:
    """Whether a stored version is what the token may read. That the current version is has been asked by ``rows``."""
    if actor.scopes is None or any(scope.type == "*" and "r" in scope.actions for scope in data_scopes(actor.scopes)):
        return True
    resource = json.loads(content, parse_float=Decimal)
    found = frozenset(extract(resource).tokens)
    return any(_holds(scope, found) for scope in _for("r", resource["resourceType"], actor))


def check_writes(writes: Sequence[Write], *, actor: Actor) -> list[Issue]:
    """What the token is not for; one query if a scope looks into resources that are changed."""
    if actor.scopes is None:
        return []
    return [
        _lacking(action, write.type, write.expression, actor)
        for write, action, stored in _with_stored(writes, actor)
        if not any(_lets(scope, write, stored, actor) for scope in _for(action, write.type, actor))
    ]


def _with_stored(writes: Sequence[Write], actor: Actor) -> Iterator[tuple[Write, str, frozenset[int]]]:
    known: dict[tuple[str, str], frozenset[int]] = {}
    changed = [write for write in writes if write.exists]
    if changed and any(scope.search for scope in data_scopes(actor.scopes or frozenset())):
        with connection.cursor() as cursor:
            cursor.execute(_STORED, [[write.type for write in changed], [write.id for write in changed]])
            known = {(type_, name): frozenset(numbers) for type_, name, numbers in cursor.fetchall()}
    for write in writes:
        action = "d" if write.resource is None else "u" if write.exists else "c"
        yield write, action, known.get((write.type, write.id), frozenset())


def _lets(scope: Scope, write: Write, stored: frozenset[int], actor: Actor) -> bool:
    if scope.level == "patient" and not _about(write, actor):
        return False
    if not wanted(scope):
        return True
    sent = frozenset(extract(dict(write.resource)).tokens) if write.resource is not None else stored
    return _holds(scope, sent) and (not write.exists or _holds(scope, stored))


def _about(write: Write, actor: Actor) -> bool:
    people = {person for person in (write.patient, write.previous_patient) if person}
    return people == {actor.about} if people else write.type in DIRECTORY_TYPES


def _for(action: str, type_: str, actor: Actor) -> Iterator[Scope]:
    for scope in data_scopes(actor.scopes or frozenset()):
        if action in scope.actions and scope.type in ("*", type_):
            yield scope


def _holds(scope: Scope, found: frozenset[int]) -> bool:
    return all(not found.isdisjoint(numbers) for numbers in wanted(scope))


def _lacking(action: str, type_: str, expression: str, actor: Actor) -> Issue:
    level = "system" if not actor.client else "patient" if actor.about else "user"
    text = f"Insufficient scope: the token is not for this. To {_DOING[action]} {type_} resources, ask for"
    needed = f"{level}/{type_}.{action}" if type_ in resource_types() else ""
    return Issue("error", "forbidden", expression or type_, f"{text} {needed or 'another scope'}.", needed)
