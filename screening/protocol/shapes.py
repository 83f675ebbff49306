"""What a protocol consists of: immutable values, read from ``screening/protocols/*.toml``."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

POSITIVE, NEGATIVE, INADEQUATE, UNCLASSIFIED = "positive", "negative", "inadequate", "unclassified"
OUTCOMES = (POSITIVE, NEGATIVE, INADEQUATE)
VERIFY = "verify_result"  # the step that every protocol has for a result that cannot be read

Text = Mapping[str, str]  # language -> text; always has "vi" and "en"
Coding = tuple[str, str]  # (system, code)


@dataclass(frozen=True, slots=True)
class Band:
    """Ages, in completed years and inclusive, with the tests offered; ``max_age`` None is open."""

    min_age: int
    max_age: int | None
    tests: tuple[str, ...]
    interval_months: int


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
    """A result that the test can have, what it counts as and what it leads to (a step, or the next round)."""

    key: str
    outcome: str
    label: Text
    interpretation: str
    codings: tuple[Coding, ...]
    words: tuple[str, ...]
    wording: str
    leads_to: str | None = None
    next_months: int | None = None


@dataclass(frozen=True, slots=True)
class Test:
    """A screening test. ``part_of`` names the test that this one reports a part of (one HPV type of a panel)."""

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


@dataclass(frozen=True, slots=True)
class Step:
    """An open state: who owns it, by when, and the events that are its exits.

    ``discharged_by`` holds ``result:<test>``, ``result:same``, ``assessed:<assessment>`` and ``closed``. A result that
    discharges the step and is positive opens ``positive_leads_to``.
    """

    key: str
    state: str
    urgency: int
    name: Text
    within_days: int
    limit_days: int
    owner: str
    discharged_by: tuple[str, ...]
    assessment: str | None = None
    positive_leads_to: str | None = None
    then_months: int | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """What an assessment found; one that does not ``discharge`` leaves the step open."""

    key: str
    label: Text
    codings: tuple[Coding, ...]
    next_months: int | None
    discharges: bool


@dataclass(frozen=True, slots=True)
class Assessment:
    """A diagnostic examination, known by the codes that its ServiceRequest and Procedure carry."""

    key: str
    name: Text
    display: str
    codings: tuple[Coding, ...]
    findings: Mapping[str, Finding]


@dataclass(frozen=True, slots=True)
class Reason:
    """A coded reason for closing a step without its outcome; ``ends``: there is no next round."""

    key: str
    label: Text
    ends: bool


@dataclass(frozen=True, slots=True)
class Protocol:
    """One version of one programme's rules. ``wording`` is key -> language -> verdict, meaning, next."""

    programme: str
    version: str
    valid_from: date
    name: Text
    sources: Mapping[str, str]
    sexes: tuple[str, ...]
    age_counted: str
    bands: tuple[Band, ...]
    tests: Mapping[str, Test]
    steps: Mapping[str, Step]
    assessments: Mapping[str, Assessment]
    reasons: Mapping[str, Reason]
    wording: Mapping[str, Mapping[str, Mapping[str, str]]]
    wording_version: int
    wording_approved: bool

    def category(self, test: str, key: str) -> Category | None:
        """The category, or None for a result that could not be classified or is no longer in this version."""
        found = self.tests.get(test)
        return found.categories.get(key) if found else None
