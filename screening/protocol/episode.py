"""Where a person stands in a programme, computed from what happened and from nothing else.

Events go in, in any order; rounds come out. Each result opens a need (a step of the protocol), and so does each finding
of an assessment that leads further; each need is discharged only by an event that the protocol names as its exit. While
a need is open the round is open, and its state is that of the most urgent need. So nothing that needs a step can be
forgotten, whatever arrives later, or late. Surveillance is such a need, due in months or years.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import date
from itertools import groupby

from screening.protocol.events import CONTACTED, DIED, RESULT, EpisodeState, Event, effective
from screening.protocol.load import protocol_for
from screening.protocol.outcome import state_of
from screening.protocol.rounds import Round, opens_round
from screening.protocol.shapes import Protocol


def fold_rounds(
    events: Iterable[Event], *, rules: Callable[[date], Protocol]
) -> tuple[list[EpisodeState], list[Event]]:
    """The rounds of one person in one programme, oldest first, and the events that belong to none.

    ``rules`` gives the protocol of a day; a round keeps the version of its first day. That a person was told
    (``contacted``) moves no round on, and is left out.
    """
    rounds: list[Round] = []
    loose: list[Event] = []
    ordered = [event for event in effective(events) if event.fact != CONTACTED]
    died = min((event.occurred_on for event in ordered if event.fact == DIED and not event.withdrawn), default=None)
    for day, group in groupby(ordered, key=lambda event: event.occurred_on):
        todays = list(group)
        last = rounds[-1] if rounds else None
        if last is None or last.closed_on is not None:
            begins = any(event.fact == RESULT for event in todays)
            if begins or last is None or not any(last.expects(event) for event in todays):
                if not any(opens_round(event, rules(day)) for event in todays):
                    loose += todays
                    continue
                rounds.append(Round(rules(day), day, died))
        rounds[-1].take(day, todays)
    return [state_of(item) for item in rounds], loose


def fold(events: Sequence[Event], programme: str) -> EpisodeState | None:
    """The newest round of these events of one person and programme, by the stored protocols; None if there is none."""
    rounds, _ = fold_rounds(events, rules=lambda day: protocol_for(programme, day))
    return rounds[-1] if rounds else None


def next_step(state: EpisodeState, event: Event, programme: str) -> EpisodeState:
    """The round after one more event."""
    following = fold((*state.events, event), programme)
    assert following is not None
    return following
