"""A test as a protocol knows it: its codes, units and kits, the results it can have, what is reported beside them."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from screening.protocol.terms import AT_ONCE, NEGATIVE, POSITIVE, Coding, Text


@dataclass(frozen=True, slots=True)
class TestCode:
    """A code that an Observation of the test may carry; ``units`` (UCUM) is empty where no number belongs."""

    __test__ = False

    coding: Coding
    display: str
    units: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Unit:
    """A UCUM unit that the test's numbers may have, spellings that mean it, and the cut-off used if none is stated."""

    unit: str
    display: str
    spellings: tuple[str, ...]
    default_cutoff: Decimal | None


@dataclass(frozen=True, slots=True)
class Kit:
    """A test kit; ``factor`` (from unit, to unit, times) is None unless stool mass and buffer volume are published."""

    name: str
    aliases: tuple[str, ...]
    cutoff: Decimal | None
    cutoff_unit: str
    factor: tuple[str, str, Decimal] | None


@dataclass(frozen=True, slots=True)
class Category:
    """A result that the test can have, what it counts as and what it leads to (a step, or the next round).

    Two readings agree if their categories are of one ``group``. ``release`` says when the citizen sees the result: at
    once, or after somebody has spoken to her, ``hold_days`` after the result at the latest.
    """

    key: str
    outcome: str
    label: Text
    interpretation: str
    codings: tuple[Coding, ...]
    words: tuple[str, ...]
    wording: str
    leads_to: str | None = None
    next_months: int | None = None
    group: str = ""
    release: str = AT_ONCE
    hold_days: int = 0


@dataclass(frozen=True, slots=True)
class ComponentValue:
    """What a component can say. Beside a final negative it may ask for a step (``leads_to``), told in ``wording``."""

    key: str
    label: Text
    codings: tuple[Coding, ...]
    leads_to: str | None = None
    wording: str = ""


@dataclass(frozen=True, slots=True)
class Component:
    """Something reported beside the category, as an Observation.component; its values by key."""

    key: str
    name: Text
    codings: tuple[Coding, ...]
    values: Mapping[str, ComponentValue]

    @property
    def leads(self) -> bool:
        """Whether any of its values asks for something."""
        return any(value.leads_to for value in self.values.values())


@dataclass(frozen=True, slots=True)
class Test:
    """A screening test. ``part_of`` names the test that this one reports a part of (one HPV type of a panel).

    ``entry`` "double": final only when a second person has confirmed it. ``second_reading_of`` names the test whose
    images this one reads again; readings of different groups lead to the step ``disagreement_leads_to``.
    """

    __test__ = False

    key: str
    name: Text
    words: tuple[str, ...]
    codes: tuple[TestCode, ...]
    categories: Mapping[str, Category]
    units: Mapping[str, Unit]
    kits: tuple[Kit, ...]
    part_of: str | None = None
    at_or_above: str = POSITIVE  # category of value >= cut-off: a value equal to the cut-off is positive
    below: str = NEGATIVE
    entry: str = "single"
    second_reading_of: str | None = None
    disagreement_leads_to: str | None = None
    components: tuple[Component, ...] = ()
