"""What happened, and what a round looks like: the values that go into the fold and come out of it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Any, NamedTuple

RESULT, REFERRED, ASSESSED, CLOSED, WITHDRAWN = "result", "referred", "assessed", "closed", "withdrawn"
CONTACTED, DIED = "contacted", "died"
HANDED = "handed"
CLOSED_STATE, REFERRED_STATE = "closed", "referred"
DEPARTMENT = "department"  # owns what no facility owns
_order = {RESULT: 0, REFERRED: 1, CONTACTED: 2, ASSESSED: 3, CLOSED: 4, HANDED: 5, DIED: 6}


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened. ``source`` is ``Type/id`` of the resource that says so (``staff/…`` for a decision).

    ``fact`` is result, referred, assessed, closed, handed, contacted or died; ``withdrawn`` says that this version of
    the source takes it back. Of several events of a source, the one of the highest ``version`` holds. ``data`` by fact:
    result has test, category, outcome, resulted_on, facility, and preliminary (true until it is final); referred has
    assessment, due_on, facility (who asks) and to (who is asked); assessed has assessment, finding, facility,
    resulted_on, and tnm if it is a staging; closed has reason, closes (list of [source, category or finding]: exactly
    the results and findings whose needs it closes), spares, if any (list of [source, category or finding, step]: of
    those needs the ones that stay, for whoever holds them to decide) and at (whose list it was on); handed has step,
    facility (the new owner of that step, if it is open) and from (whose it was: of two of the same step, that one's);
    contacted has about (list of sources); died has text (the day as written).
    """

    fact: str
    occurred_on: date
    source: str
    version: int = 1
    withdrawn: bool = False
    data: dict[str, Any] = field(default_factory=dict, hash=False)


class OpenStep(NamedTuple):
    """One open step of a round; ``source`` is what opened it, with its ``category`` or finding.

    From ``district_on`` and ``city_on`` it is so late that the district, then the city is told.
    """

    step: str
    state: str
    source: str
    category: str
    owner: str
    due_on: date
    warn_on: date
    limit_on: date
    district_on: date
    city_on: date


class WaivedStep(NamedTuple):
    """A step that was closed for a reason, and that nobody has done after all; ``source`` is what opened it.

    ``closing`` is the decision of staff that did it, on the day ``on`` ("" for a death); ``place`` held the step then.
    """

    step: str
    source: str
    category: str
    place: str
    reason: str
    closing: str
    on: date


@dataclass(frozen=True, slots=True)
class EpisodeState:
    """One round. Open: ``step`` with its ``owner``, ``due_on``, ``warn_on`` before it and last day ``limit_on``.

    Closed: ``due_on`` is the next round's; ``outcome`` is negative, assessed (``detail``: the finding), closed
    (``detail``: the reason) or withdrawn. ``due_on`` counts from ``due_from`` by ``due_rule``: for a closed round see
    ``clocks.months_after``; of an open one it is ``step:<step>``, or ``referral:<step>`` where an appointment replaced
    the step's own date. ``key`` is the first source and names the round; ``category`` is that of the result (or the
    finding) that the state is about. ``needs`` are all its open steps, the one that the state is about first;
    ``waived`` are those that were closed for a reason, also while others are open.
    """

    key: str
    state: str
    step: str
    due_on: date | None
    due_from: date | None
    due_rule: str
    warn_on: date | None
    limit_on: date | None
    owner: str
    outcome: str
    detail: str
    category: str
    opened_on: date
    closed_on: date | None
    protocol_version: str
    events: tuple[Event, ...]
    needs: tuple[OpenStep, ...]
    waived: tuple[WaivedStep, ...]

    @property
    def open_needs(self) -> tuple[tuple[str, str, str], ...]:
        """(step, source, category) of each open step."""
        return tuple((need.step, need.source, need.category) for need in self.needs)


def effective(events: Iterable[Event]) -> list[Event]:
    """The last word of each source, in order: by day, on a day results first, then by source. Arrival plays no part."""
    newest: dict[str, Event] = {}
    for event in events:
        held = newest.get(event.source)
        if held is None or event.version > held.version:
            newest[event.source] = event
    return sorted(newest.values(), key=lambda event: (event.occurred_on, _order[event.fact], event.source))


def add_months(day: date, months: int) -> date:
    """The same day some months later, or that month's last day."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    for last in (day.day, 30, 29, 28):
        try:
            return date(year, month + 1, min(day.day, last))
        except ValueError:
            continue
    raise AssertionError
