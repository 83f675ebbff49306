"""Where a person stands in a programme, computed from what happened and from nothing else.

Events go in, in any order; rounds come out. Each result opens a need (a step of the protocol); each need is discharged
only by an event that the protocol names as its exit. While a need is open the round is open, and its state is that of
the most urgent need. So nothing that needs a step can be forgotten, whatever arrives later, or late.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import groupby
from typing import Any

from screening.protocol.events import (
    ASSESSED,
    CLOSED,
    CLOSED_STATE,
    DEPARTMENT,
    HANDED,
    REFERRED,
    REFERRED_STATE,
    RESULT,
    WITHDRAWN,
    EpisodeState,
    Event,
    add_months,
    effective,
)
from screening.protocol.load import protocol_for
from screening.protocol.shapes import NEGATIVE, POSITIVE, UNCLASSIFIED, VERIFY, Category, Protocol, Step


def fold_rounds(
    events: Iterable[Event], *, rules: Callable[[date], Protocol]
) -> tuple[list[EpisodeState], list[Event]]:
    """The rounds of one person in one programme, oldest first, and the events that belong to none.

    ``rules`` gives the protocol of a day; a round keeps the version of its first day.
    """
    rounds: list[_Round] = []
    loose: list[Event] = []
    for day, group in groupby(effective(events), key=lambda event: event.occurred_on):
        todays = list(group)
        last = rounds[-1] if rounds else None
        if last is None or last.closed_on is not None:
            if any(event.fact == RESULT for event in todays):
                rounds.append(_Round(rules(day), day))
            else:
                for event in todays:
                    if last is None or not last.late(event):
                        loose.append(event)
                continue
        rounds[-1].take(day, todays)
    return [item.state() for item in rounds], loose


def fold(events: Sequence[Event], programme: str) -> EpisodeState | None:
    """The newest round of these events of one person and programme, by the stored protocols; None if there is none."""
    rounds, _ = fold_rounds(events, rules=lambda day: protocol_for(programme, day))
    return rounds[-1] if rounds else None


def next_step(state: EpisodeState, event: Event, programme: str) -> EpisodeState:
    """The round after one more event."""
    following = fold((*state.events, event), programme)
    assert following is not None
    return following


@dataclass(slots=True)
class _Need:
    step: Step
    source: str
    category: str
    test: str
    opened_on: date
    clock: date
    owner: str
    referred_due: date | None = None
    referred: bool = False

    def due_on(self) -> date:
        target = self.step.due_on(self.clock)
        if not self.referred:
            return target
        limit = self.limit_on()
        return min(self.referred_due, limit) if self.referred_due else limit

    def limit_on(self) -> date:
        return self.step.limit_on(self.clock)

    def waits_for(self, assessment: str) -> bool:
        return f"assessed:{assessment}" in self.step.discharged_by


@dataclass(slots=True)
class _Round:
    protocol: Protocol
    opened_on: date
    events: list[Event] = field(default_factory=list)
    results: list[Event] = field(default_factory=list)
    needs: list[_Need] = field(default_factory=list)
    waived: list[_Need] = field(default_factory=list)
    closed_on: date | None = None
    assessed: Event | None = None
    reason: Event | None = None
    next_on: list[date] = field(default_factory=list)

    def take(self, day: date, todays: list[Event]) -> None:
        """Move on by one day's events; what happened on one day counts together (two tests of one sample)."""
        self.events += todays
        valid = [event for event in todays if not event.withdrawn]
        for event in valid:
            if event.fact == RESULT:
                self.results.append(event)
                self._open(event)
        for event in valid:
            if event.fact == REFERRED:
                self._refer(event)
        again = True
        while again:
            again = self._discharge_some(valid)
        for event in valid:
            if event.fact == HANDED:
                self._hand(event)
        if not self.needs:
            self.closed_on = day

    def late(self, event: Event) -> bool:
        """The assessment took place after all, though the round was closed for a reason: this outcome is the better."""
        if event.withdrawn or event.fact != ASSESSED or self.assessed:
            return False
        if not any(need.waits_for(event.data["assessment"]) for need in self.waived) or not self._discharges(event):
            return False
        self.events.append(event)
        self.assessed, self.closed_on = event, event.occurred_on
        return True

    def _open(self, event: Event) -> None:
        test, key = event.data["test"], event.data["category"]
        category = self.protocol.category(test, key)
        if key == UNCLASSIFIED or category is None:
            self._need(VERIFY, event)
        elif category.leads_to:
            self._need(category.leads_to, event)

    def _need(self, step: str, event: Event) -> None:
        resulted = event.data.get("resulted_on")
        clock = max(date.fromisoformat(resulted), event.occurred_on) if resulted else event.occurred_on
        rule = self.protocol.steps[step]
        owner = event.data.get("facility") if rule.owner == "testing_facility" else None
        self.needs.append(
            _Need(
                rule,
                event.source,
                event.data["category"],
                event.data["test"],
                event.occurred_on,
                clock,
                owner or DEPARTMENT,
            )
        )

    def _refer(self, event: Event) -> None:
        due = event.data.get("due_on")
        for need in self.needs:
            if need.waits_for(event.data["assessment"]):
                need.referred, need.referred_due = True, date.fromisoformat(due) if due else None
                need.owner = event.data.get("facility") or need.owner

    def _hand(self, event: Event) -> None:
        """The department gave the step to another facility."""
        for need in self.needs:
            if need.step.key == event.data["step"]:
                need.owner = event.data["facility"]

    def _discharge_some(self, todays: list[Event]) -> bool:
        """Whether today's events ended any need: then what they opened instead must be looked at too."""
        ended = [self._discharge(need, todays) for need in list(self.needs)]
        return any(ended)

    def _discharge(self, need: _Need, todays: list[Event]) -> bool:
        """Whether today's events end this need; what they open instead is added."""
        for event in todays:
            if event.fact == CLOSED and [need.source, need.category] in event.data["closes"]:
                self.needs.remove(need)
                self.waived.append(need)
                self.reason = event
                return True
            if event.fact == ASSESSED and need.waits_for(event.data["assessment"]) and self._discharges(event):
                self.needs.remove(need)
                self.assessed = event
                return True
        if decided := self._decided(need, todays):
            self.needs.remove(need)
            if need.step.positive_leads_to and decided.data["outcome"] == POSITIVE:
                self._need(need.step.positive_leads_to, decided)
            elif need.step.then_months:
                self.next_on.append(add_months(decided.occurred_on, need.step.then_months))
            return True
        return False

    def _decided(self, need: _Need, todays: list[Event]) -> Event | None:
        """Today's result that the need waited for: an adequate one, of the test or of enough parts of it."""
        for pattern in need.step.discharged_by:
            kind, _, wanted = pattern.partition(":")
            if kind != RESULT:
                continue
            wanted = need.test if wanted == "same" else wanted
            for event in todays:
                if (
                    event.fact == RESULT
                    and event.source != need.source
                    and self._answers(event, wanted, need.opened_on)
                ):
                    return event
        return None

    def _answers(self, event: Event, wanted: str, since: date) -> bool:
        if event.data["outcome"] not in (POSITIVE, NEGATIVE):
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
        have = {
            result.data["test"]
            for result in self.results
            if result.occurred_on >= since and result.data["outcome"] in (POSITIVE, NEGATIVE)
        }
        return parts <= have

    def _discharges(self, event: Event) -> bool:
        finding = self.protocol.assessments[event.data["assessment"]].findings.get(event.data["finding"])
        return finding.discharges if finding else True

    def state(self) -> EpisodeState:
        sources = [event.source for event in self.events if event.fact == RESULT]
        shared: dict[str, Any] = {
            "key": min(sources, key=lambda source: (self._day_of(source), source)),
            "opened_on": self.opened_on,
            "protocol_version": self.protocol.version,
            "events": tuple(self.events),
            "open_needs": tuple((need.step.key, need.source, need.category) for need in self.needs),
        }
        if self.needs:
            need = min(self.needs, key=lambda need: (-need.step.urgency, need.due_on(), need.source))
            referred = need.referred and need.step.assessment is not None
            return EpisodeState(
                **shared,
                state=REFERRED_STATE if referred else need.step.state,
                step=need.step.key,
                due_on=need.due_on(),
                limit_on=need.limit_on(),
                owner=need.owner,
                outcome="",
                detail="",
                category=need.category,
                closed_on=None,
            )
        outcome, detail, next_on = self._end()
        return EpisodeState(
            **shared,
            state=CLOSED_STATE,
            step="",
            due_on=next_on,
            limit_on=None,
            owner=self._last_facility(),
            outcome=outcome,
            detail=detail,
            category=self.results[-1].data["category"] if self.results else "",
            closed_on=self.closed_on,
        )

    def _end(self) -> tuple[str, str, date | None]:
        if self.assessed:
            finding = self.assessed.data["finding"]
            rule = self.protocol.assessments[self.assessed.data["assessment"]].findings.get(finding)
            after = rule.next_months if rule else None
            return ASSESSED, finding, add_months(self.assessed.occurred_on, after) if after else None
        negatives = [event for event in self.results if event.data["outcome"] == NEGATIVE]
        if self.reason:
            key = self.reason.data["reason"]
            reason = self.protocol.reasons.get(key)
            interval = self.protocol.bands[0].interval_months
            ends = reason is not None and reason.ends
            return CLOSED, key, None if ends else add_months(self.results[-1].occurred_on, interval)
        if not self.results:
            return WITHDRAWN, "", None
        last = max((event.occurred_on for event in negatives), default=self.opened_on)
        months = [
            category.next_months
            for event in negatives
            if event.occurred_on == last and (category := self._category(event)) and category.next_months
        ]
        due = self.next_on or [add_months(last, months_after) for months_after in months]
        return NEGATIVE, "triage" if self.next_on else "", min(due) if due else None

    def _category(self, event: Event) -> Category | None:
        return self.protocol.category(event.data["test"], event.data["category"])

    def _day_of(self, source: str) -> date:
        return next(event.occurred_on for event in self.events if event.source == source)

    def _last_facility(self) -> str:
        facilities = [event.data.get("facility") for event in self.results]
        return next((facility for facility in reversed(facilities) if facility), DEPARTMENT)
