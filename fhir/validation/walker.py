"""Walks a resource along the definitions and notes every problem with its place.

The walk is on the path of every write, so its inner loop does one dictionary look-up and one test a member, and puts
words together only where something is wrong.
"""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

from fhir import definitions
from fhir.outcomes import Issue, Severity
from fhir.validation import narrative, references
from fhir.validation.primitives import MAX_STRING, json_kind, shortened
from fhir.validation.shapes import Member, Shape, shape

#: Objects within objects. Real resources stay far below; the library's models recurse deeper than we do.
MAX_DEPTH = 64
#: The issue code of what is nested deeper.
TOO_DEEP = "too-costly"


def walk(resource: dict[str, Any]) -> list[Issue]:
    """Every problem of a resource whose type is one that this server stores."""
    walker = _Walker()
    walker.resource(resource, resource["resourceType"], 0)
    return walker.issues


class _Walker:
    __slots__ = ("contained", "issues")

    def __init__(self) -> None:
        self.issues: list[Issue] = []
        self.contained: frozenset[str] = frozenset()

    def say(self, code: str, path: str, sentence: str) -> None:
        self.issues.append(Issue("error", code, path, sentence + "."))

    def resource(self, node: dict[str, Any], path: str, depth: int, *, within: bool = False) -> None:
        """A resource with its own contained ones; ``within`` for one that is itself contained."""
        outer = self.contained
        if not within:
            held = node.get("contained")
            self.contained = frozenset(_ids(held)) if isinstance(held, list) else frozenset()
        self.node(node, shape(node["resourceType"]), path, depth)
        self.contained = outer

    def node(self, node: dict[str, Any], form: Shape, path: str, depth: int) -> None:
        """One JSON object against its shape."""
        if depth > MAX_DEPTH:
            self.say(TOO_DEEP, path, f"Objects are nested more than {MAX_DEPTH} deep; nothing below is read")
            return
        members = form.members
        for name, value in node.items():
            member = members.get(name)
            if member is None:
                self.unknown(name, form, path)
            elif member.repeats:
                self.array(value, member, node, f"{path}.{name}", depth)
            elif member.primitive is not None:
                if type(value) not in member.kinds or not member.fits(value):  # type: ignore[misc]
                    self.primitive(value, member, f"{path}.{name}")
                elif member.type_name == "xhtml":
                    for sentence in narrative.problems(value):
                        self.say("value", f"{path}.{name}", sentence[0].upper() + sentence[1:])
            elif type(value) is dict:
                self.complex(value, member, f"{path}.{name}", depth)
            else:
                self.not_an_object(value, member, f"{path}.{name}")
        for element, names in form.required:
            if names.isdisjoint(node):
                self.missing(element, names, form, path)
        if form.has_choices:
            self.choices(node, form, path)
        for rule in form.rules:
            broken = rule(node)
            if broken is not None:
                element, sentence = broken
                self.say("invariant", f"{path}.{element}" if element else path, sentence)

    def array(self, values: Any, member: Member, node: dict[str, Any], path: str, depth: int) -> None:
        if type(values) is not list:
            self.say(
                "structure", _plain(path), f"This element repeats: an array is expected, found is {json_kind(values)}"
            )
            return
        if not values:
            self.say("structure", _plain(path), "An array is never empty in FHIR; leave the member out")
            return
        if member.primitive is None:
            if member.sibling:
                self.siblings(values, member, node, path, depth)
                return
            for index, value in enumerate(values):
                if type(value) is dict:
                    self.complex(value, member, f"{path}[{index}]", depth)
                else:
                    self.not_an_object(value, member, f"{path}[{index}]")
            return
        kinds, fits = member.kinds, member.fits
        for index, value in enumerate(values):
            if type(value) in kinds and fits(value):  # type: ignore[misc]
                continue
            if value is None:
                beside = node.get("_" + member.name)
                if not isinstance(beside, list) or len(beside) <= index or beside[index] is None:
                    self.say(
                        "structure",
                        f"{path}[{index}]",
                        f"null may only stand where '_{member.name}' has an object at the same place",
                    )
            else:
                self.primitive(value, member, f"{path}[{index}]")

    def complex(self, value: dict[str, Any], member: Member, path: str, depth: int) -> None:
        if not value:
            self.say("structure", _plain(path), "An object is never empty in FHIR; leave the member out")
            return
        if member.sibling:
            self.node(value, shape("Element"), _plain(path), depth + 1)
            return
        if member.type_name == "Resource":
            self.nested_resource(value, member, path, depth)
            return
        form = shape(member.type_name)
        self.node(value, form, path, depth + 1)
        if form.is_reference:
            reference = value.get("reference")
            if type(reference) is str and reference:
                self.reference(reference, value.get("type"), member, path)
        elif member.systems is not None:
            self.concept(value, member, path)

    def reference(self, reference: str, stated_type: object, member: Member, path: str) -> None:
        wrong = references.problem(reference, stated_type, self.contained)
        if wrong is not None:
            self.say(wrong[0], f"{path}.reference", shortened(wrong[1], 300))
            return
        if member.targets and (sentence := references.wrong_target(reference, member.targets)):
            severity: Severity = "error" if member.name in references.DECISIVE else "warning"
            self.issues.append(Issue(severity, "value", f"{path}.reference", shortened(sentence, 300) + "."))

    def nested_resource(self, value: dict[str, Any], member: Member, path: str, depth: int) -> None:
        kind = value.get("resourceType")
        sentence = type_problem(kind)
        if sentence is not None:
            self.say("not-supported" if isinstance(kind, str) else "structure", path, sentence)
            return
        if member.name != "contained":
            self.resource(value, path, depth + 1)
            return
        if "contained" in value:
            self.say("invariant", f"{path}.contained", "A contained resource cannot contain further resources (dom-2)")
        if not value.get("id"):
            self.say("required", f"{path}.id", "A contained resource needs an id, by which '#id' references mean it")
        self.resource(value, path, depth + 1, within=True)

    def siblings(self, values: list[Any], member: Member, node: dict[str, Any], path: str, depth: int) -> None:
        """``_given`` beside ``given``: as long as it, with null where there is nothing to say."""
        beside = node.get(member.name[1:])
        if isinstance(beside, list) and len(beside) != len(values):
            self.say(
                "structure",
                _plain(path),
                f"'{member.name}' has {len(values)} places and '{member.name[1:]}' has {len(beside)}; "
                "they must match, with null where there is nothing to say",
            )
        for index, value in enumerate(values):
            if type(value) is dict:
                self.complex(value, member, f"{path}[{index}]", depth)
            elif value is not None:
                self.not_an_object(value, member, f"{path}[{index}]")
            elif not isinstance(beside, list):
                self.say("structure", f"{_plain(path)}[{index}]", f"null in '{member.name}' stands beside no value")

    def concept(self, value: dict[str, Any], member: Member, path: str) -> None:
        """A CodeableConcept under a required binding: one of its codings must be from the set."""
        systems = member.systems or {}
        codings = value.get("coding")
        if not isinstance(codings, list):
            return  # text alone is not a code; nothing that could be wrong
        found = [coding for coding in codings if isinstance(coding, dict)]
        if any(coding.get("code") in systems.get(coding.get("system", ""), ()) for coding in found):
            return
        listed = "; ".join(f"{system}: {', '.join(sorted(codes))}" for system, codes in systems.items())
        self.say(
            "code-invalid",
            f"{path}.coding",
            f"One coding must be from the value set {member.value_set}: {shortened(listed, 300)}",
        )

    # What follows only runs when something is wrong.

    def primitive(self, value: Any, member: Member, path: str) -> None:
        primitive = member.primitive
        assert primitive is not None
        if type(value) not in member.kinds:
            self.say("structure", path, f"{_expected(primitive.expected)}, found is {json_kind(value)}")
        elif value == "":
            self.say("structure", path, "A string is never empty in FHIR; leave the member out")
        elif member.codes is not None:
            close = get_close_matches(value, member.codes, n=1)
            hint = f" Did you mean {close[0]!r}?" if close else ""
            listed = shortened(", ".join(sorted(member.codes)), 200)
            self.issues.append(
                Issue(
                    "error",
                    "code-invalid",
                    path,
                    f"{shortened(value)!r} is not a code of the value set {member.value_set}: {listed}.{hint}",
                )
            )
        elif isinstance(value, str) and len(value) > MAX_STRING and primitive.name in ("string", "markdown"):
            self.say("too-long", path, f"A string has at most {MAX_STRING} characters, found are {len(value)}")
        else:
            self.say("value", path, f"{_expected(primitive.expected)}, found is {json_kind(value)}")

    def not_an_object(self, value: Any, member: Member, path: str) -> None:
        self.say("structure", _plain(path), f"An object ({member.type_name}) is expected, found is {json_kind(value)}")

    def unknown(self, name: str, form: Shape, path: str) -> None:
        close = get_close_matches(name, form.listing, n=1)
        hint = f"; did you mean {close[0]!r}" if close else ""
        printable = shortened(name).encode(errors="replace").decode()
        self.say("structure", f"{path}.{printable}", f"{form.name} has no element {shortened(name)!r} in FHIR R4{hint}")

    def missing(self, element: str, names: Iterable[str], form: Shape, path: str) -> None:
        if element.endswith("[x]"):
            allowed = ", ".join(sorted(name for name in names if not name.startswith("_")))
            self.say("required", f"{path}.{element[:-3]}", f"{form.name} needs one of {shortened(allowed, 300)}")
        else:
            self.say("required", f"{path}.{element}", f"{form.name} needs the element {element!r}")

    def choices(self, node: dict[str, Any], form: Shape, path: str) -> None:
        """Of a choice such as value[x], one type only (``valueString`` and ``_valueString`` are the same one)."""
        found: dict[str, set[str]] = {}
        for name in node:
            member = form.members.get(name)
            if member is not None and member.choice:
                found.setdefault(member.choice, set()).add(name.lstrip("_"))
        for choice, names in found.items():
            if len(names) > 1:
                self.say("structure", f"{path}.{choice[:-3]}", f"Only one of {', '.join(sorted(names))} may be there")


def _expected(words: str) -> str:
    return f"{words[0].upper()}{words[1:]} is expected"


def _plain(path: str) -> str:
    """A path without the underscore of a JSON sibling: FHIRPath knows elements only."""
    return path.replace("._", ".")


def _ids(held: Iterable[Any]) -> Iterable[str]:
    for resource in held:
        if isinstance(resource, dict) and isinstance(resource.get("id"), str):
            yield resource["id"]


def type_problem(kind: object) -> str | None:
    """Why a resource of this type cannot be taken; None if it can."""
    if not isinstance(kind, str) or not kind:
        return (
            f"A resource needs a 'resourceType', found is {json_kind(kind)}"
            if kind
            else "A resource needs a 'resourceType'"
        )
    if kind in definitions.resource_types():
        return None
    if kind in definitions.declined_types():
        return f"This server does not store {kind}: its models cannot check this type of FHIR R4"
    close = get_close_matches(kind, definitions.resource_types(), n=1)
    hint = f"; did you mean {close[0]!r}" if close else ""
    return f"{shortened(kind)!r} is not a resource type of FHIR R4 ({definitions.FHIR_VERSION}){hint}"
