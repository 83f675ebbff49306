"""How other apps take part in a write, by resource type, without the store knowing them.

Hooks run inside the write's transaction: what they derive commits with the resource or not at all. They receive whole
batches and must answer with a constant number of statements.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from typing import Any

from fhir.outcomes import Issue
from healthhub.accounts.actors import Actor


@dataclass(slots=False)
class Change:
    """One saved or deleted resource; ``resource`` is None after a deletion.

    ``last_updated`` is that of this version; None only where a change is made up without saving it.
    """

    type: str
    id: str
    version: int
    resource: dict[str, Any] | None
    patient: str | None
    facility: str | None
    previous_content: str | None = field(default=None, repr=False)
    last_updated: datetime | None = None

    @property
    def deleted(self) -> bool:
        """True if this change removed the resource."""
        return self.resource is None

    @cached_property
    def previous(self) -> dict[str, Any] | None:
        """The version before this one, or None if there was none (or it was a deletion)."""
        if not self.previous_content:
            return None
        resource: dict[str, Any] = json.loads(self.previous_content, parse_float=Decimal)
        return resource


Saved = Callable[..., None]
Validator = Callable[[Sequence[Change]], Iterable[tuple[int, Issue]]]

_saved: list[tuple[frozenset[str], Saved]] = []
_validators: list[tuple[frozenset[str], Validator]] = []
_rebuilders: list[Callable[[], None]] = []


def on_saved(*types: str) -> Callable[[Saved], Saved]:
    """Register ``fn(changes, *, actor)`` for these types, or for every type if none is named."""

    def register(fn: Saved) -> Saved:
        _saved.append((frozenset(types), fn))
        return fn

    return register


def on_validate(*types: str) -> Callable[[Validator], Validator]:
    """Register ``fn(changes) -> (position in changes, Issue) …`` for these types; any error refuses the whole write."""

    def register(fn: Validator) -> Validator:
        _validators.append((frozenset(types), fn))
        return fn

    return register


def on_rebuild(fn: Callable[[], None]) -> Callable[[], None]:
    """Register a function that drops and remakes what an app derived from stored resources."""
    _rebuilders.append(fn)
    return fn


def _pick(types: frozenset[str], changes: Sequence[Change]) -> list[int]:
    return [position for position, change in enumerate(changes) if not types or change.type in types]


def run_saved(changes: Sequence[Change], *, actor: Actor) -> None:
    """Run the hooks of all changes, in the order of registration."""
    for types, fn in _saved:
        chosen = _pick(types, changes)
        if chosen:
            fn([changes[position] for position in chosen], actor=actor)


def run_validators(changes: Sequence[Change]) -> list[tuple[int, Issue]]:
    """All issues that the registered rules find, each with the position of its change."""
    found: list[tuple[int, Issue]] = []
    for types, fn in _validators:
        chosen = _pick(types, changes)
        if chosen:
            found += [(chosen[position], issue) for position, issue in fn([changes[position] for position in chosen])]
    return found


def run_rebuild() -> None:
    """Remake everything derived, app by app, in the order of registration."""
    for fn in _rebuilders:
        fn()
