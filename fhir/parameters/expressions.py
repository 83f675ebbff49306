"""From an R4 search parameter's expression to the plain paths that it reads.

The 1,400 expressions use a tiny part of FHIRPath: paths, ``|``, ``as T`` / ``as(T)`` / ``ofType(T)``,
``where(name='value')``, ``where(resolve() is T)``, ``[n]``, and one ``exists() and … != false``. A choice element is
expanded to its JSON members (``value as Quantity`` -> ``valueQuantity``), with the types of ``fhir.definitions``.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from fhir.definitions import codes, elements, title

_WORDS = re.compile(r"[A-Za-z_]\w*|'[^']*'|\d+|!=|[().\[\]=]")


@dataclass(frozen=True, slots=True)
class Step:
    """One member of a JSON object: its name, whether it is an array, and which items of it count."""

    name: str
    repeats: bool
    where: tuple[str, str] | None = None
    position: int | None = None

    def __str__(self) -> str:
        chosen = f"[{self.where[0]}={self.where[1]}]" if self.where else ""
        return self.name + chosen + (f"[{self.position}]" if self.position is not None else "")


@dataclass(frozen=True)
class Path:
    """Where a parameter's values stand: steps from the resource to an element of FHIR type ``kind``.

    ``only`` narrows the last element: references to that type, or contact points of that system. ``required``: the
    element is there in every valid resource. ``systems``: the code systems that a plain code is from (empty: any).
    """

    steps: tuple[Step, ...]
    kind: str
    only: str = ""
    required: bool = False
    systems: frozenset[str] = frozenset()

    @cached_property
    def key(self) -> str:
        """Names the element in index rows and hashes: ``component.code``."""
        return ".".join(map(str, self.steps))

    @property
    def single(self) -> bool:
        """Whether a resource has at most one such element."""
        return not any(step.repeats for step in self.steps)

    def below(self, name: str, *, repeats: bool, kind: str) -> "Path":
        """The path to a member of this element."""
        return Path((*self.steps, Step(name, repeats)), kind)


@dataclass(frozen=True, slots=True)
class _Cursor:
    """Where reading an expression has come to; ``open_choice`` is a choice element whose type is still open."""

    path: Path
    open_choice: tuple[tuple[str, str], ...] = ()
    repeats: bool = False


def paths_of(expression: str) -> tuple[Path, ...]:
    """The paths of an expression such as ``Observation.value as Quantity | Observation.component.value``."""
    found: dict[Path, None] = {}
    for part in expression.split("|"):
        part = part.split(" and ")[0].strip().removesuffix(".exists()")
        found.update(dict.fromkeys(_read(part)))
    return tuple(found)


def _read(text: str) -> Iterator[Path]:
    words = [word for word in _WORDS.findall(text) if word != "."]
    kind = next(word for word in words if word != "(")
    cursors = [_Cursor(Path((), kind, required=True))]
    position = words.index(kind) + 1
    while position < len(words):
        word = words[position]
        if word == ")":
            position += 1
        elif word in ("as", "ofType"):
            offset = 2 if words[position + 1] == "(" else 1
            cursors = [narrowed for cursor in cursors for narrowed in _as_type(cursor, words[position + offset])]
            position += offset + 1
        elif word == "where":
            end = words.index(")", position + (5 if words[position + 2] == "resolve" else 0))
            cursors = [_where(cursor, words[position + 2 : end]) for cursor in cursors]
            position = end + 1
        elif word == "[":
            cursors = [_last_step(cursor, position=int(words[position + 1])) for cursor in cursors]
            position += 3
        else:
            cursors = [_member(inner, word) for cursor in cursors for inner in _closed(cursor)]
            position += 1
    for cursor in cursors:
        for inner in _closed(cursor):
            yield inner.path


def _last_step(cursor: _Cursor, **changes: object) -> _Cursor:
    *before, last = cursor.path.steps
    return replace(cursor, path=replace(cursor.path, steps=(*before, replace(last, **changes)), required=False))  # type: ignore[arg-type]


def _member(cursor: _Cursor, name: str) -> _Cursor:
    path = cursor.path
    known = elements(path.kind)
    element = known.get(name) or known[f"{name}[x]"]
    required = path.required and element.minimum > 0
    if element.is_choice:
        return _Cursor(replace(path, required=False), tuple(element.json_names().items()), element.repeats)
    listed = codes(element.value_set) if element.value_set else None
    systems = frozenset(listed) if listed else frozenset()
    steps = (*path.steps, Step(name, element.repeats))
    return _Cursor(Path(steps, element.types[0], required=required, systems=systems))


def _closed(cursor: _Cursor) -> Iterator[_Cursor]:
    """A choice element without a type stands for all its members."""
    if not cursor.open_choice:
        yield cursor
    for name, kind in cursor.open_choice:
        yield _Cursor(Path((*cursor.path.steps, Step(name, cursor.repeats)), kind))


def _as_type(cursor: _Cursor, kind: str) -> Iterator[_Cursor]:
    if not cursor.open_choice:
        if cursor.path.kind == kind:
            yield cursor
        return
    for inner in _closed(cursor):
        if inner.path.kind == kind or inner.path.steps[-1].name.endswith(title(kind)):
            yield inner


def _where(cursor: _Cursor, words: list[str]) -> _Cursor:
    if words[0] == "resolve":  # resolve() is Patient
        return replace(cursor, path=replace(cursor.path, only=words[-1]))
    name, _, value = words
    if cursor.path.kind == "ContactPoint" and name == "system":
        return replace(cursor, path=replace(cursor.path, only=value.strip("'")))
    return _last_step(cursor, where=(name, value.strip("'")))
