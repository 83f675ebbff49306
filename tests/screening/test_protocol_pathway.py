"""Every protocol, any history: nobody is forgotten, and the state follows from the events alone."""

from datetime import timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from screening.protocol import Event, months_after
from screening.protocol.events import ASSESSED, add_months
from tests.screening.pathways import DAY, PROTOCOLS, WALK, closed, folded, histories, standing

EVERY = pytest.mark.parametrize("name", sorted(PROTOCOLS))


@EVERY
@WALK
@given(data=st.data())
def test_any_order_of_arrival_and_any_correction_give_the_same_rounds(name, data):
    protocol = PROTOCOLS[name]
    events = data.draw(histories(protocol))
    shuffled = data.draw(st.permutations(events))
    expected = folded(protocol, events)
    assert folded(protocol, shuffled) == expected
    assert folded(protocol, events + events[:3]) == expected
    newest = {}
    for event in events:
        if event.source not in newest or event.version > newest[event.source].version:
            newest[event.source] = event
    assert folded(protocol, list(newest.values())) == expected


@EVERY
@WALK
@given(data=st.data())
def test_every_round_is_open_with_owner_due_date_and_exit_or_closed_with_an_outcome(name, data):
    protocol = PROTOCOLS[name]
    for state in folded(protocol, data.draw(histories(protocol)))[0]:
        if state.state != "closed":
            assert state.owner
            assert state.warn_on < state.due_on <= state.limit_on
            assert (state.closed_on, state.outcome, state.needs[0].step) == (None, "", state.step)
            for need in state.needs:
                assert need.owner
                assert need.warn_on < need.due_on <= need.limit_on
                assert len(protocol.steps[need.step].discharged_by) >= 2
            continue
        assert (state.step, state.needs, state.closed_on is not None, bool(state.owner)) == ("", (), True, True)
        assert state.outcome in {"negative", "assessed", "closed", "withdrawn"}
        if state.due_on is None:
            assert ends(protocol, state)
        else:
            assert state.due_on == add_months(state.due_from, months_after(protocol, state.due_rule))


def ends(protocol, state):
    """Whether it is said that no round follows: the person died, nothing was left, or the protocol declares an end."""
    if state.outcome == "withdrawn" or state.due_rule == "reason:deceased":
        return True
    kind, _, rest = state.due_rule.partition(":")
    if kind == "reason":
        return protocol.reasons[rest].ends
    return kind == "finding" and protocol.finding(*rest.split(".")).ends


@EVERY
@WALK
@given(data=st.data())
def test_no_positive_and_no_finding_is_closed_without_outcome_or_reason(name, data):
    protocol = PROTOCOLS[name]
    events = data.draw(histories(protocol))
    rounds, loose = folded(protocol, events)
    leading = [event for event in standing(events) if leads_on(protocol, event)]
    assert [event for event in loose if event in leading] == []
    died = any(event.fact == "died" for event in standing(events))
    for state in rounds:
        if state.state != "closed":
            continue
        said = [event for event in state.events if event in leading]
        for event in said:
            later = [
                other
                for other in state.events
                if not other.withdrawn and other.occurred_on >= event.occurred_on and other.source != event.source
            ]
            answers = {other.fact for other in later if answered_by(other)}
            assert answers or died, f"{event} was closed by nothing"
            if event.data.get("outcome") == "positive" and answers == {"result"}:
                assert state.outcome in {"negative", "assessed"}


def leads_on(protocol, event):
    """A positive result, or a finding that leads to a further step."""
    if event.fact == "result":
        category = protocol.category(event.data["test"], event.data["category"])
        return event.data["outcome"] == "positive" and category is not None
    finding = protocol.finding(event.data["assessment"], event.data["finding"]) if event.fact == "assessed" else None
    return finding is not None and finding.leads_to is not None


def answered_by(other):
    """What may end a step: an assessment, a closing, a death, an adequate result that is final."""
    if other.fact == "result":
        return other.data["outcome"] == "negative" and not other.data.get("preliminary")
    return other.fact in ("assessed", "closed", "died")


@EVERY
@WALK
@given(data=st.data())
def test_every_open_step_can_be_closed_with_a_reason_and_every_result_has_one_round(name, data):
    protocol = PROTOCOLS[name]
    events = data.draw(histories(protocol))
    rounds, loose = folded(protocol, events)
    placed = [event.source for state in rounds for event in state.events if event.fact == "result"]
    assert sorted(placed) == sorted({event.source for event in events if event.fact == "result"})
    assert [event for event in loose if event.fact == "result"] == []
    if rounds and rounds[-1].state != "closed":
        last = max(event.occurred_on for event in events)
        pairs = [(source, category) for _, source, category in rounds[-1].open_needs]
        after = folded(protocol, [*events, closed("end", "deceased", last + timedelta(1), *pairs)])[0][-1]
        assert (after.state, after.outcome) in {("closed", "closed"), ("closed", "assessed")}


@EVERY
@WALK
@given(data=st.data())
def test_a_death_closes_everything_and_a_death_taken_back_opens_it_again(name, data):
    protocol = PROTOCOLS[name]
    events = [event for event in data.draw(histories(protocol)) if event.fact != "died"]
    last = max((event.occurred_on for event in events), default=None)
    if last is None:
        return
    death = Event("died", last, "Patient/p", data={"text": ""})
    for state in folded(protocol, [*events, death])[0]:
        assert (state.state, state.due_on) == ("closed", None)
    undone = Event("died", last, "Patient/p", 2, True, {"text": ""})
    before, after = folded(protocol, events)[0], folded(protocol, [*events, death, undone])[0]
    assert [state.needs for state in after] == [state.needs for state in before]
    assert [state.due_on for state in after] == [state.due_on for state in before]


def test_a_chain_that_came_on_one_day_ends_with_its_last_word_whatever_the_order():
    protocol = PROTOCOLS["cervical-2026.1"]
    chain = [("colposcopy", "cancer"), ("staging", "unspecified"), ("mdt", "no_treatment")]
    for order in permutations("abc"):
        events = [
            Event(ASSESSED, DAY, f"Procedure/{source}", data={"assessment": name, "finding": found, "facility": "x"})
            for source, (name, found) in zip(order, chain, strict=True)
        ]
        (state,), _ = folded(protocol, events)
        assert (state.state, state.outcome, state.due_rule) == ("closed", "assessed", "finding:mdt.no_treatment")
