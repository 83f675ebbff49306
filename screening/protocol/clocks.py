"""Looks up, in a version of a protocol, how long after a day something is due, and who is told when it is late."""

from datetime import date, timedelta

from screening.protocol.shapes import Protocol, Step

FACILITY, DISTRICT, CITY = "facility", "district", "city"
#: Days past the due date for a step whose version names none: no step may stay at the facility for ever.
DISTRICT_AFTER, CITY_AFTER = 14, 30


def months_after(protocol: Protocol, due_rule: str) -> int | None:
    """How many months after ``due_from`` the next round is due by this version; None if it is not, or it says nothing.

    ``due_rule`` is a closed round's: ``category:<test>.<category>``, ``finding:<assessment>.<finding>``,
    ``reason:<reason>``, ``step:<step>`` (after a triage or a test of cure that was negative).
    """
    kind, _, name = due_rule.partition(":")
    first, _, second = name.partition(".")
    if kind == "category":
        category = protocol.category(first, second)
        return category.next_months if category else None
    if kind == "finding":
        finding = protocol.finding(first, second)
        return finding.next_months if finding else None
    if kind == "step":
        step = protocol.steps.get(name)
        return step.then_months if step else None
    if kind == "reason":
        reason = protocol.reasons.get(name)
        return None if reason and reason.ends else protocol.bands[0].interval_months
    return None


def escalation(step: Step, due_on: date, on: date) -> str:
    """Who must know on that day that the step is late: "", then ``facility``, ``district`` and ``city``."""
    if on <= due_on:
        return ""
    reached = [level.to for level in step.escalate if on >= due_on + timedelta(days=level.after_days)]
    return reached[-1] if reached else FACILITY


def told_on(step: Step, due_on: date) -> tuple[date, date]:
    """The first days on which the step, due then, is so late that the district is told, and the city."""
    days = {level.to: level.after_days for level in step.escalate}
    city = days.get(CITY, max(CITY_AFTER, days.get(DISTRICT, 0)))
    district = min(days.get(DISTRICT, DISTRICT_AFTER), city)
    return due_on + timedelta(days=district), due_on + timedelta(days=city)
