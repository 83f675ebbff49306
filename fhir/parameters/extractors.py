"""From a parsed resource to its index entry, by a function generated once per type.

Generated, because it runs on every write: for each type the paths of all its parameters are laid together into one
tree, and the tree written out as plain Python that looks at each member once and skips what is not there. The text of
a generated function can be read with ``source_of("Observation")``.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any

from fhir.parameters import values
from fhir.parameters.catalogue import parameters_for
from fhir.parameters.dates import OPEN, span
from fhir.parameters.expressions import Path, Step
from fhir.parameters.hashes import FURTHER, PRESENT, cached_hash
from fhir.parameters.mainfacts import MainFacts, main_facts

Json = dict[str, Any]
Rows = list[tuple[Any, ...]]

#: For each kind of parameter: the generated function's list, and the functions by element type.
_LISTS: dict[str, tuple[str, dict[str, Callable[..., None]]]] = {
    **dict.fromkeys(("token", "reference", "uri"), ("tokens", values.TOKENS)),
    "string": ("strings", values.STRINGS),
    "date": ("dates", values.DATES),
    "number": ("numbers", values.NUMBERS),
    "quantity": ("quantities", values.QUANTITIES),
}


@dataclass(slots=True)
class IndexEntry:
    """What the store keeps beside a resource's text so that it is found.

    ``starts``/``ends`` and all dates lie on the calendar axis of ``fhir.parameters.dates``, the end not included.
    """

    patient: str | None
    code: str | None
    starts: datetime | None
    ends: datetime | None
    tokens: list[int]
    strings: Rows
    dates: Rows
    numbers: Rows
    quantities: Rows


@dataclass(slots=True)
class _Node:
    """One member in the tree of a type's paths: the calls on its value, and its own members."""

    calls: list[tuple[str, str, str]] = field(default_factory=list)
    members: dict[Step, "_Node"] = field(default_factory=dict)


def extract(resource: Json) -> IndexEntry:
    """The index entry of a valid resource of a stored type; numbers are expected as ``Decimal`` or ``int``."""
    kind = resource["resourceType"]
    tokens: list[int] = []
    strings: Rows = []
    dates: Rows = []
    numbers: Rows = []
    quantities: Rows = []
    _function(kind)(resource, tokens, strings, dates, numbers, quantities)
    facts = main_facts(kind)
    code = _main_code(facts, resource, tokens)
    starts, ends = _main_date(facts, resource)
    patient = resource.get("id") if kind == "Patient" else _patient(facts, resource)
    return IndexEntry(patient, code, starts, ends, sorted(set(tokens)), strings, dates, numbers, quantities)


def walk(value: Any, steps: tuple[Step, ...]) -> Iterator[Any]:
    """The elements at the end of a path, in document order."""
    if not steps:
        yield value
        return
    step = steps[0]
    value = value.get(step.name)
    if value is None:
        return
    for item in _chosen(step, value if step.repeats else (value,)):
        if item is not None:
            yield from walk(item, steps[1:])


def _chosen(step: Step, items: Any) -> Any:
    if step.position is not None:
        items = items[step.position : step.position + 1]
    if step.where:
        name, wanted = step.where
        items = [item for item in items if item.get(name) == wanted]
    return items


def _patient(facts: MainFacts, resource: Json) -> str | None:
    for path in facts.patient:
        for reference in walk(resource, path.steps):
            literal = reference.get("reference", "")
            if literal.startswith("Patient/"):
                return values.split_reference(literal)[1]
    return None


def _main_code(facts: MainFacts, resource: Json, tokens: list[int]) -> str | None:
    """The first coding; further ones get numbers of their own, for searches that use the column."""
    if facts.code is None:
        return None
    first = None
    key = facts.code.key + FURTHER
    for concept in walk(resource, facts.code.steps):
        for coding in concept.get("coding", ()):
            if code := coding.get("code"):
                full = f"{coding.get('system') or ''}|{code}"
                if first is None:
                    first = full
                elif full != first:
                    tokens.append(cached_hash(key, full))
    return first


def _main_date(facts: MainFacts, resource: Json) -> tuple[datetime | None, datetime | None]:
    for path in facts.dates:
        for value in walk(resource, path.steps):
            if period := span(path.kind, value):
                return period
    return OPEN


def column_dates(resource_type: str) -> frozenset[str]:
    """The keys of the date elements that the columns hold, and the table of dates therefore does not."""
    dates = main_facts(resource_type).dates
    keys = {path.key for path in dates}
    others = [
        set(parameter.keys)
        for parameter in parameters_for(resource_type).values()
        if parameter.type == "date" and set(parameter.keys) != keys
    ]
    return frozenset(keys.difference(*others))


@cache
def _function(resource_type: str) -> Callable[..., None]:
    names: dict[str, Any] = {}
    environment: dict[str, Any] = {"hash_of": cached_hash, "chosen": _chosen, "Step": Step}
    for _, functions in _LISTS.values():
        environment.update({_name(function, kind): function for kind, function in functions.items()})
    exec(compile(source_of(resource_type), f"<extractor of {resource_type}>", "exec"), environment, names)
    function: Callable[..., None] = names["extract"]
    return function


def _name(function: Callable[..., None], kind: str) -> str:
    return f"{function.__name__}_{kind}" if function.__name__ == "add_date" else function.__name__


def source_of(resource_type: str) -> str:
    """The text of a type's generated function."""
    lines = ["def extract(resource, tokens, strings, dates, numbers, quantities):"]
    tree = _tree(resource_type)
    if (deceased := tree.members.pop(Step("deceased", False), None)) is not None:
        lines += [f"    {call}" for _, _, call in deceased.calls]
    lines += _lines(tree, "resource", 1)
    return "\n".join([*lines, "    return", ""])


def _tree(resource_type: str) -> _Node:
    root = _Node()
    skipped = column_dates(resource_type)
    for parameter in parameters_for(resource_type).values():
        if parameter.type not in _LISTS:
            continue
        target, functions = _LISTS[parameter.type]
        for path in parameter.paths:
            if path.kind == "deceased":
                root.members[Step("deceased", False)] = _Node([("", "", _DECEASED)])
            elif not (target == "dates" and path.key in skipped):
                _plant(root, path, target, _name(functions[path.kind], path.kind))
    return root


_DECEASED = (
    "tokens.append(hash_of('deceased', 'true' if resource.get('deceasedBoolean') or 'deceasedDateTime' in resource "
    "or '_deceasedDateTime' in resource else 'false'))"
)


def _plant(root: _Node, path: Path, target: str, function: str) -> None:
    node = root
    for step in path.steps:
        node = node.members.setdefault(step, _Node())
    calls = [(target, path.key, f"{function}({path.key!r}, {{}}, {target})")]
    if target == "tokens" and path.kind in values.SAYS_NOTHING and not path.required:
        calls.append((target, path.key, f"tokens.append({cached_hash(path.key, PRESENT)})"))
    node.calls += [call for call in calls if call not in node.calls]


def _lines(node: _Node, value: str, depth: int) -> Iterator[str]:
    pad = "    " * depth
    for step, member in node.members.items():
        inner = f"v{depth}"
        yield f"{pad}{inner} = {value}.get({step.name!r})"
        yield f"{pad}if {inner} is not None:"
        if step.repeats:
            item = f"i{depth}"
            items = inner
            if step.where or step.position is not None:
                items = f"chosen({step!r}, {inner})"
            yield f"{pad}    for {item} in {items}:"
            yield f"{pad}        if {item} is None: continue"
            yield from _body(member, item, depth + 2)
        else:
            yield from _body(member, inner, depth + 1)


def _body(member: _Node, value: str, depth: int) -> Iterator[str]:
    for _, _, call in member.calls:
        yield "    " * depth + call.format(value)
    yield from _lines(member, value, depth)
