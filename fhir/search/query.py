"""What a search asks for, after parsing and before SQL: plain immutable values.

``str(value)`` writes a value back as a client would send it; comma, bar, dollar and backslash get a backslash.
"""

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Literal

from fhir.outcomes import Issue
from fhir.parameters import SearchParameter
from fhir.parameters.dates import Period, period_of

Prefix = Literal["eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap"]
PREFIXES: tuple[Prefix, ...] = ("eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap")
Total = Literal["none", "estimate", "accurate"]
DEFAULT_COUNT = 50
MAX_COUNT = 1000


def escape(text: str) -> str:
    for char in "\\,|$":
        text = text.replace(char, "\\" + char)
    return text


@dataclass(frozen=True, slots=True)
class TextValue:
    """A string or a uri."""

    text: str

    def __str__(self) -> str:
        return escape(self.text)


@dataclass(frozen=True, slots=True)
class TokenValue:
    """A code: of any system (None), of no system (empty) or of one. An empty code asks for any code of the system."""

    system: str | None
    code: str

    def __str__(self) -> str:
        return escape(self.code) if self.system is None else f"{escape(self.system)}|{escape(self.code)}"


@dataclass(frozen=True, slots=True)
class ReferenceValue:
    """``Type/id``, a bare id (no type), or the url of something elsewhere (empty id)."""

    type: str
    id: str
    url: str = ""

    def __str__(self) -> str:
        return escape(self.url or (f"{self.type}/{self.id}" if self.type else self.id))


@dataclass(frozen=True, slots=True)
class DateValue:
    """A date, compared by prefix."""

    prefix: Prefix
    text: str

    @property
    def period(self) -> Period:
        """What the text's precision means, on the calendar axis."""
        return period_of(self.text)

    def __str__(self) -> str:
        return _prefixed(self.prefix, self.text)


@dataclass(frozen=True, slots=True)
class NumberValue:
    """A number, compared by prefix."""

    prefix: Prefix
    text: str

    @property
    def number(self) -> Decimal:
        return Decimal(self.text)

    @property
    def implied(self) -> tuple[Decimal, Decimal]:
        """``5.40`` means [5.395, 5.405), ``100`` [99.5, 100.5), and ``1e2``, as the specification has it, [95, 105)."""
        number = self.number
        exponent = int(number.as_tuple().exponent)
        if "e" in self.text.lower() and "." not in self.text:
            exponent -= 1
        half = Decimal(5).scaleb(exponent - 1)
        return number - half, number + half

    def __str__(self) -> str:
        return _prefixed(self.prefix, self.text)


@dataclass(frozen=True, slots=True)
class QuantityValue:
    """A number with a unit: ``5.4|http://unitsofmeasure.org|mg``, ``5.4||mg`` (code or unit as written), ``5.4``."""

    number: NumberValue
    system: str = ""
    code: str = ""

    def __str__(self) -> str:
        return f"{self.number}|{escape(self.system)}|{escape(self.code)}" if self.code else str(self.number)


Value = TextValue | TokenValue | ReferenceValue | DateValue | NumberValue | QuantityValue


def _prefixed(prefix: Prefix, text: str) -> str:
    return text if prefix == "eq" else prefix + text


@dataclass(frozen=True, slots=True)
class Criterion:
    """One parameter of a search: any of its values will do. With ``:missing`` there are none, but ``missing``."""

    parameter: SearchParameter
    modifier: str = ""
    values: tuple[Value, ...] = ()
    missing: bool | None = None

    def pair(self) -> tuple[str, str]:
        """As a client would send it."""
        name = f"{self.parameter.code}:{self.modifier}" if self.modifier else self.parameter.code
        if self.missing is not None:
            return name, "true" if self.missing else "false"
        return name, ",".join(map(str, self.values))


@dataclass(frozen=True, slots=True)
class SortKey:
    """One key of the order, ascending unless ``descending``; missing values always come last."""

    parameter: SearchParameter
    descending: bool = False

    def __str__(self) -> str:
        return f"-{self.parameter.code}" if self.descending else self.parameter.code


@dataclass(frozen=True, slots=True)
class Query:
    """A search on one resource type. All criteria must hold.

    ``count`` 0 asks for the total only. ``after`` is the id of the row that the page starts behind. ``ignored`` are
    the problems that a lenient client accepted; what they speak of is not in ``criteria``, nor in the self link.
    """

    type: str
    criteria: tuple[Criterion, ...] = ()
    sort: tuple[SortKey, ...] = ()
    count: int = DEFAULT_COUNT
    total: Total = "none"
    after: str = ""
    ignored: tuple[Issue, ...] = ()

    def pairs(self) -> list[tuple[str, str]]:
        """As a client would send it; ``parse(query.type, query.pairs()) == query`` but for what was ignored."""
        found = [criterion.pair() for criterion in self.criteria]
        if self.sort:
            found.append(("_sort", ",".join(map(str, self.sort))))
        if self.count != DEFAULT_COUNT:
            found.append(("_count", str(self.count)))
        if self.total != "none":
            found.append(("_total", self.total))
        if self.after:
            found.append(("_after", self.after))
        return found

    def behind(self, resource_id: str) -> "Query":
        """The same search from behind that row on."""
        return replace(self, after=resource_id)
