"""Reads a search request: names, modifiers, prefixes and values, each checked against the type's parameters.

Everything that is wrong is told at once, as one ``Refused`` with an issue per parameter (``expression`` is
``http.<name>``, as the specification has it for parameters of a request). Nothing that a client asks for is silently
left out: what this server cannot answer is refused, unless the client wrote ``Prefer: handling=lenient``.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cache
from typing import cast

from fhir.definitions import resource_types
from fhir.ids import is_id
from fhir.outcomes import Issue, Refused, refuse
from fhir.parameters import SearchParameter, parameters_for
from fhir.search import values
from fhir.search.query import DEFAULT_COUNT, MAX_COUNT, Criterion, Query, SortKey, Total
from fhir.search.sorting import can_sort
from fhir.search.values import BadValue, split

#: Asked for by clients, known, and not answered here: never ignored, because the answer would be a wrong one.
NOT_YET = frozenset(
    {"_include", "_revinclude", "_has", "_summary", "_elements", "_contained", "_containedType", "_list", "_filter"}
    | {"_query", "_text", "_content", "_type"}
)
MAX_CRITERIA = 50
MAX_VALUES = 1000
_MODIFIERS: dict[str, frozenset[str]] = {
    "string": frozenset({"exact", "contains", "missing"}),
    "token": frozenset({"not", "missing"}),
    "reference": frozenset({"identifier", "missing"}),
    "uri": frozenset({"missing"}),
    "date": frozenset({"missing"}),
    "number": frozenset({"missing"}),
    "quantity": frozenset({"missing"}),
}
_KNOWN_MODIFIERS = frozenset(
    [
        "missing",
        "exact",
        "contains",
        "not",
        "identifier",
        "text",
        "in",
        "not-in",
        "below",
        "above",
        "of-type",
        "iterate",
    ]
)
_FORMATS = frozenset({"json", "text/json", "application/json", "application/fhir+json", "application/fhir json"})
_MISSING = {"true": True, "false": False}


def parse(resource_type: str, pairs: Iterable[tuple[str, str]], *, lenient: bool = False, base_url: str = "") -> Query:
    """The query of a request's name and value pairs, already percent-decoded, in their order.

    ``base_url`` is this server's FHIR address: references that start with it are taken as its own.
    """
    if resource_type not in resource_types():
        raise refuse(404, "not-supported", f"{resource_type!r} is not a resource type that is kept here.")
    reader = _Reader(resource_type, lenient, base_url.rstrip("/"))
    for name, text in pairs:
        reader.read(name, text)
    reader.check_cost()
    if reader.errors:
        raise Refused(400, reader.errors)
    return Query(
        type=resource_type,
        criteria=tuple(reader.criteria),
        sort=reader.sort,
        count=reader.count,
        total=reader.total,
        after=reader.after,
        ignored=tuple(reader.ignored),
    )


def is_text(value: str) -> bool:
    """False with NUL, which PostgreSQL does not take, or half of a surrogate pair, which JSON's escapes can spell."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in value


@cache
def _sortable(resource_type: str) -> list[str]:
    return sorted(code for code, one in parameters_for(resource_type).items() if can_sort(resource_type, one))


@dataclass
class _Reader:
    """Collects what the pairs say, and what is wrong with them."""

    type: str
    lenient: bool
    base_url: str
    criteria: list[Criterion] = field(default_factory=list)
    sort: tuple[SortKey, ...] = ()
    count: int = DEFAULT_COUNT
    total: Total = "none"
    after: str = ""
    errors: list[Issue] = field(default_factory=list)
    ignored: list[Issue] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)

    def read(self, name: str, text: str) -> None:
        """Take in one pair."""
        control = {
            "_count": self._count,
            "_sort": self._sort,
            "_total": self._total,
            "_format": self._format,
            "_after": self._after,
            "_pretty": self._taken_as_read,
            "_totalMethod": self._taken_as_read,
        }.get(name)
        if not is_text(text):
            self._wrong(name, f"{name!r} holds a character that no text has.")
        elif control is None:
            self._criterion(name, text)
        elif name in self.seen:
            self._wrong(name, f"{name} may be given once only.")
        else:
            self.seen.add(name)
            control(text)

    def check_cost(self) -> None:
        """Refuse what would keep the database busy for minutes: its planner's work grows steeply with the criteria."""
        if len(self.criteria) > MAX_CRITERIA:
            self._wrong("", f"A search takes at most {MAX_CRITERIA} parameters.", "too-costly")
        for criterion in self.criteria:
            if len(criterion.values) > MAX_VALUES and criterion.parameter.code != "_id":
                code = criterion.parameter.code
                self._wrong(code, f"{code} takes at most {MAX_VALUES} values. Send several searches.", "too-costly")

    def _wrong(self, name: str, message: str, code: str = "value") -> None:
        self.errors.append(Issue("error", code, f"http.{name}" if name else "", message))

    def _unanswerable(self, name: str, message: str, code: str) -> None:
        if self.lenient:
            self.ignored.append(Issue("warning", code, f"http.{name}", f"Ignored: {message}"))
        else:
            self._wrong(name, message, code)

    def _criterion(self, name: str, text: str) -> None:
        code, _, modifier = name.partition(":")
        known = parameters_for(self.type)
        if code in NOT_YET or "." in name:
            what = "Chained search" if "." in name else f"The parameter {code}"
            if name == "_summary" and text == "count":
                self.count = 0
            elif name != "_summary" or text != "false":
                self._wrong(name, f"{what} is not supported by this server.", "not-supported")
            return
        parameter = known.get(code)
        if parameter is None:
            self._unanswerable(name, self._unknown(code, known), "not-found")
        elif not parameter.supported:
            kind = f" ({parameter.type})" if parameter.type in ("composite", "special") else ""
            self._unanswerable(name, f"Searching {self.type} by {code}{kind} is not supported.", "not-supported")
        elif (problem := self._modifier_problem(parameter, modifier, ":" in name)) is not None:
            self._unanswerable(name, problem, "not-supported")
        elif not text:
            self._unanswerable(name, f"The parameter {name} has no value.", "value")
        elif modifier == "missing":
            if text in _MISSING:
                self.criteria.append(Criterion(parameter, modifier, missing=_MISSING[text]))
            else:
                self._wrong(name, f"{name} takes true or false, not {text!r}.")
        else:
            self._values(parameter, modifier, name, text)

    def _values(self, parameter: SearchParameter, modifier: str, name: str, text: str) -> None:
        try:
            found = [values.read(parameter, modifier, part, self.base_url) for part in split(text, ",")]
        except BadValue as problem:
            self._wrong(name, str(problem))
        else:
            self.criteria.append(Criterion(parameter, modifier, tuple(found)))

    def _unknown(self, code: str, known: Iterable[str]) -> str:
        near = get_close_matches(code, list(known), n=3, cutoff=0.6)
        hint = f" Did you mean {' or '.join(near)}?" if near else ""
        return f"{self.type} has no search parameter {code!r}.{hint}"

    def _modifier_problem(self, parameter: SearchParameter, modifier: str, given: bool) -> str | None:
        if not given:
            return None
        code = parameter.code
        allowed = set() if code in ("_id", "_lastUpdated") else set(_MODIFIERS[parameter.type])
        if modifier in allowed:
            return None
        if parameter.type == "reference" and modifier in resource_types():
            if not parameter.targets or modifier in parameter.targets:
                return None
            return f"{self.type}.{code} cannot refer to {modifier}, only to {', '.join(parameter.targets)}."
        if parameter.type == "reference" and modifier not in _KNOWN_MODIFIERS:
            allowed.add("<resource type>")
        names = ", ".join(f":{one}" for one in sorted(allowed)) or "no modifier"
        return f"The modifier :{modifier} is not supported for {code} ({parameter.type}), which takes {names}."

    def _count(self, text: str) -> None:
        if text.isascii() and text.isdigit():
            self.count = min(int(text[:9]), MAX_COUNT)
        else:
            self._wrong("_count", f"_count takes a whole number from 0 to {MAX_COUNT}, not {text!r}.")

    def _total(self, text: str) -> None:
        if text in ("none", "estimate", "accurate"):
            self.total = cast(Total, text)
        else:
            self._wrong("_total", f"_total takes none, estimate or accurate, not {text!r}.")

    def _format(self, text: str) -> None:
        if text not in _FORMATS:
            self._wrong("_format", f"This server answers in JSON only, not {text!r}.", "not-supported")

    def _taken_as_read(self, text: str) -> None:
        """The layout (``_pretty``) and how fhirpy's ``count()`` wants us to count: neither changes an answer."""

    def _after(self, text: str) -> None:
        if is_id(text):
            self.after = text
        else:
            self._wrong("_after", "_after comes from a next link and is not to be made up.")

    def _sort(self, text: str) -> None:
        keys: list[SortKey] = []
        known = parameters_for(self.type)
        for part in text.split(","):
            code = part.removeprefix("-")
            if code not in known:
                self._unanswerable("_sort", self._unknown(code, known), "not-found")
            elif not can_sort(self.type, known[code]):
                message = f"Sorting {self.type} by {code} is not supported; by {', '.join(_sortable(self.type))} it is."
                self._unanswerable("_sort", message, "not-supported")
            elif code not in [key.parameter.code for key in keys]:
                keys.append(SortKey(known[code], part.startswith("-")))
        self.sort = tuple(keys)
