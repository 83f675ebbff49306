"""An open step of a round: who owns it, by when, and what ends it."""

from dataclasses import dataclass
from datetime import date

from screening.protocol.events import ASSESSED, Event
from screening.protocol.shapes import DECISION, PROCEDURE, REPORT, STAGING, TREATMENT, Protocol, Step

SURVEILLANCE = "surveillance_due"
#: Of what happened on one day a procedure comes first, its report then, and so on.
_order_of_day = {PROCEDURE: 0, REPORT: 1, STAGING: 2, DECISION: 3, TREATMENT: 4}


@dataclass(slots=True)
class Need:
    """A step that is open since ``opened_on``; ``clock`` is when its time began to run.

    ``fact`` is that of the event that opened it (``source``); ``category`` is its category or finding; ``test`` is the
    test or the assessment. ``exits`` are the step's, or fewer for a second reading that waits for the first.
    """

    step: Step
    fact: str
    source: str
    test: str
    category: str
    opened_on: date
    clock: date
    owner: str
    exits: tuple[str, ...]
    other_reading: str = ""  # the source of the other of two readings, which together opened it
    referred: bool = False
    referred_due: date | None = None
    waived_by: Event | None = None  # the closing (or the death) that ended it

    def due_on(self) -> date:
        """When it is due: the appointment, but never beyond the last day."""
        if not self.referred:
            return self.step.due_on(self.clock)
        limit = self.limit_on()
        return min(self.referred_due, limit) if self.referred_due else limit

    def limit_on(self) -> date:
        """Its last day."""
        return self.step.limit_on(self.clock)

    def warn_on(self) -> date:
        """From when its owner is warned."""
        return self.step.warn_on(self.due_on())

    def due_rule(self) -> str:
        """What made the due date."""
        return f"{'referral' if self.referred else 'step'}:{self.step.key}"

    def waits_for(self, assessment: str) -> bool:
        """Whether the assessment is one of its exits."""
        return f"assessed:{assessment}" in self.exits

    def is_answered_by(self, event: Event, protocol: Protocol) -> bool:
        """Whether an assessment may end it: not the one that opened it, nor one that only comes before it that day."""
        assessment = event.data["assessment"]
        if not self.waits_for(assessment) or event.source == self.source:
            return False
        if event.occurred_on > self.opened_on:
            return True
        if self.step.state == SURVEILLANCE:
            return False
        if self.fact != ASSESSED or assessment not in protocol.assessments or self.test not in protocol.assessments:
            return True
        opener, answer = (_order_of_day[protocol.assessments[key].kind] for key in (self.test, assessment))
        return answer > opener or (answer == opener and assessment != self.test)

    def may_be_decided_by(self, event: Event) -> bool:
        """Whether a result may end it: another one, and one taken later if an assessment asked for it."""
        if event.source in (self.source, self.other_reading):
            return False
        strict = self.fact == ASSESSED or self.step.state == SURVEILLANCE
        return event.occurred_on > self.opened_on if strict else True
