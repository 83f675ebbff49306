"""One round, moved on day by day: results and findings open needs, and only what a need names as its exit ends it."""

from dataclasses import dataclass, field
from datetime import date

from screening.protocol.beside import steps_beside
from screening.protocol.events import ASSESSED, CLOSED, DEPARTMENT, DIED, HANDED, REFERRED, RESULT, Event
from screening.protocol.needs import Need
from screening.protocol.readings import Readings
from screening.protocol.shapes import (
    DECEASED,
    NEGATIVE,
    POSITIVE,
    PROCEDURE,
    UNCLASSIFIED,
    UNSPECIFIED,
    VERIFY,
    Finding,
    Protocol,
)


@dataclass(slots=True)
class Round:
    """The events of one round so far and what it waits for. ``died`` is the day of the person's death, if known."""

    protocol: Protocol
    opened_on: date
    died: date | None = None
    events: list[Event] = field(default_factory=list)
    results: list[Event] = field(default_factory=list)
    needs: list[Need] = field(default_factory=list)
    waived: list[Need] = field(default_factory=list)
    closed_on: date | None = None
    assessed: Event | None = None
    reason: Event | None = None
    broken_off: bool = False  # a reason closed what an assessment had led to
    after: list[tuple[date, str]] = field(default_factory=list)  # (from, step) of triages that were negative
    readings: Readings = field(init=False)

    def __post_init__(self) -> None:
        self.readings = Readings(self.protocol)

    def take(self, day: date, todays: list[Event]) -> None:
        """Move on by one day's events; what happened on one day counts together (two tests of one sample)."""
        reopened = self.closed_on is not None
        self.events += todays
        valid = [event for event in todays if not event.withdrawn]
        found = [event for event in valid if event.fact == RESULT]
        self.results += found
        for event in sorted(found, key=self._second_readings_last):
            self._open_result(event)
        for event in _without_vaguer_doubles([event for event in valid if event.fact == ASSESSED]):
            self._open_finding(event, reopened)
        for event in valid:
            if event.fact == REFERRED:
                self._refer(event)
        again = True
        while again:
            again = any(self._discharge(need, valid) for need in list(self.needs))
        for event in valid:
            if event.fact == HANDED:
                self._hand(event)
        if self.died is not None and day >= self.died:
            self._end_by_death(self.died)
        self.closed_on = None if self.needs else day

    def expects(self, event: Event) -> bool:
        """Whether a closed round still has a place for this: the assessment that was declined took place after all, or
        more became known of the one that took place (histology, staging, treatment)."""
        if event.withdrawn or event.fact != ASSESSED:
            return False
        finding = self._finding(event)
        if finding and not finding.discharges and not finding.leads_to:
            return False
        if any(need.waits_for(event.data["assessment"]) for need in self.waived):
            return True
        rule = self.protocol.assessments.get(event.data["assessment"])
        return self.assessed is not None and rule is not None and rule.kind != PROCEDURE

    # --- what opens a need ---

    def _open_result(self, event: Event) -> None:
        test, key = event.data["test"], event.data["category"]
        category = self.protocol.category(test, key)
        if event.data.get("preliminary"):
            self._need(VERIFY, event, exits=("closed",))  # its own final version, which then stands in its place
        elif key == UNCLASSIFIED or category is None:
            self._need(VERIFY, event)
        elif event.data["outcome"] in (POSITIVE, NEGATIVE) and self.readings.is_reading(self.protocol.tests[test]):
            self._open_reading(event)
        elif category.leads_to:
            self._need(category.leads_to, event)
        else:
            self._open_beside(event)

    def _open_beside(self, event: Event) -> None:
        """A negative that is the last word on its images may still ask for something: a dense breast."""
        for step in steps_beside(self.protocol, event, self.results):
            self._need(step, event)

    def _open_reading(self, event: Event) -> None:
        test = self.protocol.tests[event.data["test"]]
        pair = self.readings.partner(event)
        category = self.protocol.category(test.key, event.data["category"])
        if pair is None:
            if test.second_reading_of is not None:
                step = self.readings.step_waiting_for(test.key)
                self._need(step, event, exits=(f"result:{test.second_reading_of}", CLOSED))
            elif category and category.leads_to:
                self._need(category.leads_to, event)
            return
        first, second = pair
        if self.readings.agree(first, second):
            category = self.protocol.category(second.data["test"], second.data["category"])
            target = category.leads_to if category else VERIFY
        else:
            target = self.protocol.tests[second.data["test"]].disagreement_leads_to
        if target:
            self._need(target, second)
            self.needs[-1].other_reading = first.source
            self.needs[-1].opened_on = event.occurred_on  # by whichever reading came later
        else:
            self._open_beside(second)

    def _open_finding(self, event: Event, reopened: bool) -> None:
        """``reopened``: the round was closed when this came; so it is the last word on it, if it says anything."""
        name, finding = event.data["assessment"], self._finding(event)
        if finding is None:  # of a later version of the protocol
            self._need(VERIFY, event)
            return
        if finding.leads_to:
            self._need(finding.leads_to, event)
        answered = [need for need in self.waived if need.waits_for(name)] if finding.discharges else []
        self.waived = [need for need in self.waived if need not in answered]
        more = reopened and finding.discharges and finding.key != UNSPECIFIED
        if finding.leads_to or answered or (more and self.protocol.assessments[name].kind != PROCEDURE):
            self._note_assessed(event)

    def _need(self, step: str, event: Event, exits: tuple[str, ...] = ()) -> None:
        resulted = event.data.get("resulted_on")
        clock = max(date.fromisoformat(resulted), event.occurred_on) if resulted else event.occurred_on
        rule = self.protocol.steps[step]
        is_result = event.fact == RESULT
        self.needs.append(
            Need(
                step=rule,
                fact=event.fact,
                source=event.source,
                test=event.data["test"] if is_result else event.data["assessment"],
                category=event.data["category"] if is_result else event.data["finding"],
                opened_on=event.occurred_on,
                clock=clock,
                owner=self._owner(rule.owner, event),
                exits=exits or rule.discharged_by,
            )
        )
        for earlier in self.events:  # sent there on this very day, before or after the triage was known
            if earlier.fact == REFERRED and not earlier.withdrawn and earlier.occurred_on == event.occurred_on:
                self._refer(earlier, self.needs[-1:])

    def _owner(self, rule: str, event: Event) -> str:
        own = event.data.get("facility")
        if rule == "department":
            return DEPARTMENT
        if rule == "testing_facility" and event.fact != RESULT:
            own = next((one.data.get("facility") for one in reversed(self.results) if one.data.get("facility")), own)
        elif rule == "referred_facility":
            sent = [one for one in self.events if one.fact == REFERRED and not one.withdrawn and one.data.get("to")]
            own = own if event.fact == ASSESSED and own else sent[-1].data["to"] if sent else own
        return own or self.last_facility()

    def last_facility(self) -> str:
        """The facility of the newest result that has one."""
        facilities = [event.data.get("facility") for event in self.results]
        return next((facility for facility in reversed(facilities) if facility), DEPARTMENT)

    def _refer(self, event: Event, needs: list[Need] | None = None) -> None:
        due = event.data.get("due_on")
        for need in self.needs if needs is None else needs:
            if need.waits_for(event.data["assessment"]):
                need.referred, need.referred_due = True, date.fromisoformat(due) if due else None
                to = event.data.get("to") if need.step.owner == "referred_facility" else None
                need.owner = to or event.data.get("facility") or need.owner

    def _hand(self, event: Event) -> None:
        """The department gave the step to another facility; of two of the same step, only that of ``from``."""
        found = [need for need in self.needs if need.step.key == event.data["step"]]
        for need in [one for one in found if one.owner == event.data.get("from")] or found:
            need.owner = event.data["facility"]

    # --- what ends a need ---

    def _discharge(self, need: Need, todays: list[Event]) -> bool:
        """Whether today's events end this need; what they open instead is added."""
        for event in todays:
            if event.fact == CLOSED and _closes(event, need):
                self._waive(need, event)
                return True
            if event.fact == ASSESSED and need.is_answered_by(event, self.protocol) and self._discharges(event):
                self.needs.remove(need)
                self._note_assessed(event)
                return True
        if decided := self._decided(need, todays):
            self.needs.remove(need)
            if need.step.positive_leads_to and decided.data["outcome"] == POSITIVE:
                self._need(need.step.positive_leads_to, decided)
            elif need.step.then_months:
                self.after.append((decided.occurred_on, need.step.key))
            return True
        return False

    def _waive(self, need: Need, reason: Event) -> None:
        self.needs.remove(need)
        self.waived.append(need)
        self.reason = need.waived_by = reason
        self.broken_off = self.broken_off or need.fact == ASSESSED

    def _end_by_death(self, died: date) -> None:
        """A dead person needs nothing more. What was taken after the day of death contradicts it, and stays open."""
        for need in list(self.needs):
            if need.fact == ASSESSED or need.opened_on <= died:
                self._waive(need, Event(DIED, died, "", data={"reason": DECEASED}))

    def _note_assessed(self, event: Event) -> None:
        held = self.assessed
        if (
            held is not None
            and event.data["finding"] == UNSPECIFIED
            and (held.data["assessment"], held.occurred_on) == (event.data["assessment"], event.occurred_on)
        ):
            return  # a second report of the same examination, which says less
        if held is not None and held.occurred_on == event.occurred_on and self._leads_on(event):
            event = event if self._leads_on(held) else held  # of one day, the end of the chain is the last word
        self.assessed, self.broken_off = event, False

    def _leads_on(self, event: Event) -> bool:
        finding = self._finding(event)
        return finding is None or finding.leads_to is not None

    def _decided(self, need: Need, todays: list[Event]) -> Event | None:
        """Today's result that the need waited for: an adequate one, of the test or of enough parts of it."""
        for pattern in need.exits:
            kind, _, wanted = pattern.partition(":")
            if kind != RESULT:
                continue
            wanted = need.test if wanted == "same" else wanted
            for event in todays:
                if (
                    event.fact == RESULT
                    and need.may_be_decided_by(event)
                    and self._answers(event, wanted, need.opened_on)
                ):
                    return event
        return None

    def _answers(self, event: Event, wanted: str, since: date) -> bool:
        if not _adequate(event):
            return False
        test = event.data["test"]
        if test == wanted:
            return True
        found = self.protocol.tests.get(test)
        if found is None or found.part_of != wanted:
            return False
        if event.data["outcome"] == POSITIVE:
            return True
        parts = {key for key, part in self.protocol.tests.items() if part.part_of == wanted}
        have = {result.data["test"] for result in self.results if result.occurred_on >= since and _adequate(result)}
        return parts <= have

    def _finding(self, event: Event) -> Finding | None:
        return self.protocol.finding(event.data["assessment"], event.data["finding"])

    def _discharges(self, event: Event) -> bool:
        finding = self._finding(event)
        return finding.discharges if finding else True

    def _second_readings_last(self, event: Event) -> bool:
        test = self.protocol.tests.get(event.data["test"])
        return test is not None and test.second_reading_of is not None


def opens_round(event: Event, protocol: Protocol) -> bool:
    """Whether the event begins a round where none is open: a result, or an assessment that leads to a further step."""
    if event.fact == RESULT:
        return True
    if event.fact != ASSESSED or event.withdrawn:
        return False
    finding = protocol.finding(event.data["assessment"], event.data["finding"])
    return finding is not None and finding.leads_to is not None


def _closes(event: Event, need: Need) -> bool:
    """Whether a closing by staff is about this step: not of one that another place held."""
    if [need.source, need.category] not in event.data["closes"]:
        return False
    return [need.source, need.category, need.step.key] not in event.data.get("spares", ())


def _adequate(event: Event) -> bool:
    """A result that says positive or negative, for good."""
    return event.data["outcome"] in (POSITIVE, NEGATIVE) and not event.data.get("preliminary")


def _without_vaguer_doubles(assessed: list[Event]) -> list[Event]:
    """One day's assessments; of two reports of one of them, not the one that says no finding."""
    told = {event.data["assessment"] for event in assessed if event.data["finding"] != UNSPECIFIED}
    return [event for event in assessed if event.data["finding"] != UNSPECIFIED or event.data["assessment"] not in told]
