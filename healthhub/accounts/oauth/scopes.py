"""SMART scopes as values: ``patient|user|system/Type.cruds?param=value``.

https://hl7.org/fhir/smart-app-launch/scopes-and-launch-context.html. Version 1's ``.read``, ``.write`` and ``.*`` are
taken and written as version 2 has them. Which types and search parameters exist is not known here.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, cast
from urllib.parse import parse_qsl

Level = Literal["patient", "user", "system"]
#: create, read (also versions and history), update, delete, search
ACTIONS = "cruds"
_SCOPE = re.compile(r"(patient|user|system)/(\*|[A-Z][A-Za-z]{1,63})\.([a-z]+|\*)(?:\?(\S{1,500}))?")
_VERSION_1 = {"read": "rs", "write": "cud", "*": "cruds"}


class BadScope(ValueError):
    """A text that is no scope of SMART."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What may be done with resources of a type (``*`` any), perhaps only with those that a search finds."""

    level: Level
    type: str
    actions: frozenset[str]
    search: str = ""

    def __str__(self) -> str:
        letters = "".join(action for action in ACTIONS if action in self.actions)
        return f"{self.level}/{self.type}.{letters}{'?' if self.search else ''}{self.search}"

    def covers(self, other: "Scope") -> bool:
        """Whether whoever has this scope may do all that the other allows. The level is not looked at."""
        return (
            self.type in ("*", other.type)
            and self.actions >= other.actions
            and set(parse_qsl(self.search)) <= set(parse_qsl(other.search))
        )


def parse(text: str) -> Scope:
    """One scope. Raises ``BadScope``."""
    found = _SCOPE.fullmatch(text)
    if not found:
        raise BadScope(f"{text!r} is no scope such as patient/Observation.rs or system/*.cruds.")
    level, type_, letters, search = found.groups()
    letters = _VERSION_1.get(letters, letters)
    if letters != "".join(action for action in ACTIONS if action in letters):
        raise BadScope(f"{text!r}: the letters after the point are some of {ACTIONS}, in this order.")
    if search and (type_ == "*" or not parse_qsl(search, keep_blank_values=True)):
        raise BadScope(f"{text!r}: a search such as category=laboratory goes with one resource type.")
    return Scope(cast(Level, level), type_, frozenset(letters), search or "")


def is_data(text: str) -> bool:
    """Whether a scope is about resources; others are ``openid``, ``launch/patient``, ``offline_access`` …"""
    return text.partition("/")[0] in ("patient", "user", "system")


@lru_cache(maxsize=4096)
def data_scopes(texts: frozenset[str]) -> tuple[Scope, ...]:
    """The scopes about resources among these, in a steady order. Raises ``BadScope``."""
    return tuple(parse(text) for text in sorted(texts) if is_data(text))


def normalised(texts: Iterable[str]) -> list[str]:
    """The scopes as version 2 writes them, each once, in their order. Raises ``BadScope``."""
    return list(dict.fromkeys(str(parse(text)) if is_data(text) else text for text in texts))
