"""What follows a result: steps with their clocks, assessments with their findings, and reasons for closing."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from screening.protocol.events import add_months
from screening.protocol.terms import PROCEDURE, Coding, Text


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
