"""What a round looks like: its most urgent need, or how it ended and when the next one is due."""

from datetime import date
from typing import Any

from screening.protocol.clocks import months_after, told_on
from screening.protocol.events import (
    ASSESSED,
    CLOSED,
    CLOSED_STATE,
    REFERRED_STATE,
    RESULT,
    WITHDRAWN,
    EpisodeState,
    Event,
    OpenStep,
    WaivedStep,
    add_months,
)
from screening.protocol.needs import Need
from screening.protocol.rounds import Round
from screening.protocol.shapes import DECEASED, NEGATIVE, UNSPECIFIED

Ending = tuple[str, str, date | None, str]  # outcome, detail, from when the next round counts, by which rule


def state_of(found: Round) -> EpisodeState:
    """The round as it stands."""
    needs = sorted(found.needs, key=lambda need: (-need.step.urgency, need.due_on(), need.source, need.step.key))
    shared: dict[str, Any] = {
        "key": _key(found),
        "opened_on": found.opened_on,
        "protocol_version": found.protocol.version,
        "events": tuple(found.events),
        "needs": tuple(_open_step(need) for need in needs),
        "waived": tuple(_waived(need, need.waived_by) for need in found.waived if need.waived_by),
    }
    if needs:
        need = needs[0]
        return EpisodeState(
            **shared,
            state=shared["needs"][0].state,
            step=need.step.key,
            due_on=need.due_on(),
            due_from=need.clock,
            due_rule=need.due_rule(),
            warn_on=need.warn_on(),
            limit_on=need.limit_on(),
            owner=need.owner,
            outcome="",
            detail="",
            category=need.category,
            closed_on=None,
        )
    outcome, detail, due_from, due_rule = _end(found)
    if found.died is not None:
        due_from, due_rule = None, f"reason:{DECEASED}"
    months = months_after(found.protocol, due_rule)
    return EpisodeState(
        **shared,
        state=CLOSED_STATE,
        step="",
        due_on=add_months(due_from, months) if due_from and months else None,
        due_from=due_from if months else None,
        due_rule=due_rule,
        warn_on=None,
        limit_on=None,
        owner=found.last_facility(),
        outcome=outcome,
        detail=detail,
        category=found.results[-1].data["category"] if found.results else "",
        closed_on=found.closed_on,
    )


def _open_step(need: Need) -> OpenStep:
    district_on, city_on = told_on(need.step, need.due_on())
    return OpenStep(
        step=need.step.key,
        state=REFERRED_STATE if need.referred and need.step.assessment is not None else need.step.state,
        source=need.source,
        category=need.category,
        owner=need.owner,
        due_on=need.due_on(),
        warn_on=need.warn_on(),
        limit_on=need.limit_on(),
        district_on=district_on,
        city_on=city_on,
    )


def _waived(need: Need, closing: Event) -> WaivedStep:
    return WaivedStep(
        step=need.step.key,
        source=need.source,
        category=need.category,
        place=closing.data.get("at") or need.owner,
        reason=closing.data["reason"],
        closing=closing.source.removeprefix("staff/"),
        on=closing.occurred_on,
    )


def _end(found: Round) -> Ending:
    if found.assessed and not found.broken_off:
        event, key = found.assessed, found.assessed.data["finding"]
        name = event.data["assessment"]
        finding = found.protocol.finding(name, key)
        if finding and finding.leads_to:  # something else ended the chain: a test of cure
            return ASSESSED, key, *_next_by_result(found, event.occurred_on)
        return ASSESSED, key, event.occurred_on, f"finding:{name}.{key if finding else UNSPECIFIED}"
    if found.reason:
        key = found.reason.data["reason"]
        last = found.results[-1].occurred_on if found.results else found.opened_on
        return CLOSED, key, last, f"reason:{key}"
    if not found.results:
        return WITHDRAWN, "", None, ""
    return NEGATIVE, "triage" if found.after else "", *_next_by_result(found, None)


def _next_by_result(found: Round, since: date | None) -> tuple[date | None, str]:
    """What the last negative results say of the next round; only of those after ``since``."""
    rules = [(start, f"step:{step}") for start, step in found.after if since is None or start > since]
    negatives = [
        event
        for event in found.results
        if event.data["outcome"] == NEGATIVE and (since is None or event.occurred_on > since)
    ]
    if not rules and negatives:
        last = max(event.occurred_on for event in negatives)
        rules = [
            (last, f"category:{event.data['test']}.{event.data['category']}")
            for event in negatives
            if event.occurred_on == last
        ]
    dated = [
        (add_months(start, months), start, rule)
        for start, rule in rules
        if (months := months_after(found.protocol, rule))
    ]
    return min(dated)[1:] if dated else (None, "")


def _key(found: Round) -> str:
    """The first source: a result, or else the assessment that opened the round without one."""
    opening = [event for event in found.events if event.fact == RESULT]
    opening = opening or [event for event in found.events if event.fact == ASSESSED]
    return min((event.occurred_on, event.source) for event in opening)[1]
