"""What a protocol consists of: immutable values, read from ``screening/protocols/*.toml``."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from screening.protocol.events import add_months

POSITIVE, NEGATIVE, INADEQUATE, UNCLASSIFIED = "positive", "negative", "inadequate", "unclassified"
OUTCOMES = (POSITIVE, NEGATIVE, INADEQUATE)
VERIFY = "verify_result"  # the step that every protocol has for a result that cannot be read, or is not final yet
DECEASED = "deceased"  # the reason that every protocol has, which closes all when a person has died
UNSPECIFIED = "unspecified"  # the finding of an assessment that says none
INVITED, OPPORTUNISTIC = "invited", "opportunistic"
AT_ONCE, AFTER_CONTACT = "at_once", "after_contact"
DOUBLE = "double"
PROCEDURE, REPORT, STAGING, DECISION, TREATMENT = "procedure", "report", "staging", "decision", "treatment"

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
class Exclusion:
    """Why somebody in the age band is not screened, by the Condition and Procedure codes that say so.

    ``review_months``: it must be looked at again after so many months; None if it holds for life.
    """

    key: str
    name: Text
    codings: tuple[Coding, ...]
    review_months: int | None


@dataclass(frozen=True, slots=True)
class Threshold:
    """An Observation whose value says that somebody is at risk: at least so much of a UCUM unit."""

    coding: Coding
    at_least: Decimal
    unit: str


@dataclass(frozen=True, slots=True)
class RiskGroup:
    """People at higher risk, known by Condition codes or an Observation; ages and interval None are the band's."""

    key: str
    name: Text
    codings: tuple[Coding, ...]
    observation: Threshold | None
    min_age: int | None
    max_age: int | None
    interval_months: int | None


@dataclass(frozen=True, slots=True)
class Call:
    """The clocks of invitation, all in days; see the file for where each counts from."""

    invite_days_before: int
    remind_after_days: int
    nonresponse_after_days: int
    overdue_after_days: int
    attempts: int


@dataclass(frozen=True, slots=True)
class Cancer:
    """Which diagnoses (ICD-10, by their beginning) are this cancer.

    One found within ``interval_months`` of a negative result is an interval cancer.
    """

    icd10: tuple[str, ...]
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
class Component:
    """Something reported beside the category, as an Observation.component: key -> (label, codings) of each value."""

    key: str
    name: Text
    codings: tuple[Coding, ...]
    values: Mapping[str, tuple[Text, tuple[Coding, ...]]]


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


@dataclass(frozen=True, slots=True)
class Span:
    """A time on the calendar: days or months."""

    days: int = 0
    months: int = 0

    def after(self, day: date) -> date:
        """The day so much later."""
        return (add_months(day, self.months) if self.months else day) + timedelta(days=self.days)


@dataclass(frozen=True, slots=True)
class Escalation:
    """Who is told when a step is so many days past its due date: ``district`` or ``city``."""

    to: str
    after_days: int


@dataclass(frozen=True, slots=True)
class Step:
    """An open state: who owns it, by when, and the events that are its exits.

    ``discharged_by`` holds ``result:<test>``, ``result:same``, ``assessed:<assessment>`` and ``closed``. A result that
    discharges the step and is positive opens ``positive_leads_to``. ``warn_days`` before it is due its owner is warned.
    """

    key: str
    state: str
    urgency: int
    name: Text
    within: Span
    limit: Span
    owner: str
    discharged_by: tuple[str, ...]
    assessment: str | None = None
    positive_leads_to: str | None = None
    then_months: int | None = None
    warn_days: int = 0
    escalate: tuple[Escalation, ...] = ()

    def due_on(self, clock: date) -> date:
        """When the step is due if its clock started on that day."""
        return self.within.after(clock)

    def limit_on(self, clock: date) -> date:
        """Its last day."""
        return self.limit.after(clock)

    def warn_on(self, due: date) -> date:
        """From when its owner is warned."""
        return due - timedelta(days=self.warn_days)


@dataclass(frozen=True, slots=True)
class Finding:
    """What an assessment found, and so a further step (``leads_to``), the next round (``next_months``) or an end.

    One that does not ``discharge`` leaves the step open that waited for the assessment. ``ends``: no next round.
    """

    key: str
    label: Text
    codings: tuple[Coding, ...]
    next_months: int | None
    discharges: bool
    leads_to: str | None = None
    ends: bool = False


@dataclass(frozen=True, slots=True)
class Assessment:
    """What a step is done by, known by the codes that its ServiceRequest and its resource carry.

    ``kind`` is procedure, report (DiagnosticReport with conclusionCode), staging (Observation with TNM components),
    decision (of a multidisciplinary team) or treatment; the last two are Procedures.
    """

    key: str
    name: Text
    display: str
    codings: tuple[Coding, ...]
    findings: Mapping[str, Finding]
    kind: str = PROCEDURE


@dataclass(frozen=True, slots=True)
class Reason:
    """A coded reason for closing a step without its outcome; ``ends``: there is no next round.

    ``evidence``: only with the letter or report that says so; ``second``: only if a second person confirms it.
    """

    key: str
    label: Text
    ends: bool
    evidence: bool = False
    second: bool = False


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
    mode: str = INVITED
    residence: str = "city"
    requires_risk_group: bool = False
    exclusions: tuple[Exclusion, ...] = ()
    risk_groups: tuple[RiskGroup, ...] = ()
    call: Call | None = None
    cancer: Cancer | None = None

    def category(self, test: str, key: str) -> Category | None:
        """The category, or None for a result that could not be classified or is no longer in this version."""
        found = self.tests.get(test)
        return found.categories.get(key) if found else None

    def finding(self, assessment: str, key: str) -> Finding | None:
        """The finding, or None if this version does not know it."""
        found = self.assessments.get(assessment)
        return found.findings.get(key) if found else None
