"""The definitions compiled into tables for the walker: per type, what each JSON member name means."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from fhir import definitions
from fhir.validation.invariants import Rule, rules_for
from fhir.validation.primitives import PRIMITIVES, Primitive


@dataclass(slots=True, eq=False)
class Member:
    """One JSON member of a type.

    Exactly one of these is what its value must be: ``primitive`` set; ``sibling`` (a ``_name`` beside a primitive);
    ``type_name`` of a complex type (``Resource`` for any resource).
    ``fits`` tests a primitive value at once, form and required code together.
    """

    name: str
    type_name: str
    repeats: bool
    primitive: Primitive | None = None
    kinds: Collection[type] = ()
    fits: Callable[[Any], object] | None = None
    codes: frozenset[str] | None = None
    systems: dict[str, frozenset[str]] | None = None
    value_set: str = ""
    targets: frozenset[str] = frozenset()
    sibling: bool = False
    choice: str = ""


@dataclass(slots=True, eq=False)
class Shape:
    """A type or backbone element: its members by JSON name, what must be there, and its rules.

    ``required`` holds ``(element name, the member names of which one must be there)``.
    """

    name: str
    members: dict[str, Member]
    required: tuple[tuple[str, frozenset[str]], ...]
    rules: tuple[Rule, ...]
    has_choices: bool = False
    is_reference: bool = False
    is_resource: bool = False
    listing: tuple[str, ...] = field(default=())


@cache
def shape(name: str) -> Shape:
    """The shape of a type or of a backbone path; compiled when first needed."""
    members: dict[str, Member] = {}
    required: list[tuple[str, frozenset[str]]] = []
    is_resource = name in definitions.r4_types()
    if is_resource:
        members["resourceType"] = _primitive_member("resourceType", "code", repeats=False)
    for element in definitions.elements(name).values():
        present: list[str] = []
        for json_name, kind in element.json_names().items():
            choice = element.name if element.is_choice else ""
            if kind in PRIMITIVES:
                if is_resource and json_name == "id":
                    kind = "id"
                member = _primitive_member(json_name, kind, repeats=element.repeats, value_set=element.value_set)
                members["_" + json_name] = Member(
                    "_" + json_name, "Element", element.repeats, sibling=True, choice=choice
                )
                present.append("_" + json_name)
            else:
                member = Member(json_name, kind, element.repeats, value_set=element.value_set)
                if element.value_set:
                    listed = definitions.codes(element.value_set)
                    member.systems = dict(listed) if listed else None
                if kind == "Reference":
                    member.targets = element.targets
            member.choice = choice
            members[json_name] = member
            present.append(json_name)
        if element.minimum:
            required.append((element.name, frozenset(present)))
    return Shape(
        name=name,
        members=members,
        required=tuple(required),
        rules=rules_for(name),
        has_choices=any(member.choice for member in members.values()),
        is_reference=name == "Reference",
        is_resource=is_resource,
        listing=tuple(json_name for json_name in members if not json_name.startswith("_")),
    )


def _primitive_member(json_name: str, kind: str, *, repeats: bool, value_set: str = "") -> Member:
    primitive = PRIMITIVES[kind]
    member = Member(json_name, kind, repeats, primitive, primitive.kinds, primitive.fits, value_set=value_set)
    listed = definitions.codes(value_set) if value_set else None
    if listed is not None:
        member.codes = frozenset().union(*listed.values())
        member.fits = member.codes.__contains__
    return member
