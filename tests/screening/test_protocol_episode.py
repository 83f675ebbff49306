"""Rounds: any order of arrival gives the same state, and nothing that needs a step is forgotten."""

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from screening.protocol import Event, current, fold, fold_rounds, next_step, protocol_for
from screening.protocol.events import add_months

DAY = date(2024, 1, 10)
PROTOCOLS = {name: current(name) for name in ("colorectal", "cervical")}


def result(source, category, day=DAY, *, test="fit", programme="colorectal", version=1, withdrawn=False, resulted=None):
    found = PROTOCOLS[programme].category(test, category)
    data = {
        "test": test,
        "category": category,
        "outcome": found.outcome if found else "unclassified",
        "facility": "station",
        "resulted_on": resulted.isoformat() if resulted else None,
    }
    return Event("result", day, f"Observation/{source}", version, withdrawn, data)


def assessed(source, day, finding="unspecified", assessment="colonoscopy"):
    return Event("assessed", day, f"Procedure/{source}", data={"assessment": assessment, "finding": finding})


def referred(source, day, due=None, assessment="colonoscopy"):
    data = {"assessment": assessment, "due_on": due.isoformat() if due else None, "facility": "station"}
    return Event("referred", day, f"ServiceRequest/{source}", data=data)


def closed(source, day, reason, *closes):
    return Event("closed", day, f"staff/{source}", data={"reason": reason, "closes": [list(pair) for pair in closes]})


def rounds(*events, programme="colorectal"):
    return fold_rounds(events, rules=lambda day: protocol_for(programme, day))[0]


def test_a_positive_fit_opens_colonoscopy_within_60_days_of_the_result():
    state = fold([result("a", "positive", resulted=DAY + timedelta(days=5))], "colorectal")
    assert (state.state, state.step, state.owner) == ("assessment_due", "colonoscopy", "station")
    assert (state.due_on, state.limit_on) == (DAY + timedelta(days=65), DAY + timedelta(days=185))


def test_a_negative_fit_closes_the_round_and_the_next_is_due_in_12_months():
    state = fold([result("a", "negative")], "colorectal")
    assert (state.state, state.outcome, state.closed_on, state.due_on) == ("closed", "negative", DAY, date(2025, 1, 10))


def test_an_inadequate_sample_is_repeated_and_the_repeat_closes_the_round():
    first = fold([result("a", "inadequate")], "colorectal")
    assert (first.state, first.step) == ("repeat_due", "repeat_fit")
    after = next_step(first, result("b", "negative", DAY + timedelta(days=9)), "colorectal")
    assert (after.outcome, after.opened_on, after.due_on) == ("negative", DAY, date(2025, 1, 19))


def test_a_repeat_that_is_inadequate_again_keeps_the_round_open():
    state = fold([result("a", "inadequate"), result("b", "inadequate", DAY + timedelta(days=9))], "colorectal")
    assert (state.state, len(state.open_needs)) == ("repeat_due", 1 + 1)


def test_a_result_that_cannot_be_read_waits_to_be_verified():
    state = fold([result("a", "unclassified")], "colorectal")
    assert (state.state, state.step, state.due_on) == ("to_verify", "verify_result", DAY + timedelta(days=7))


def test_a_later_negative_does_not_close_a_positive():
    state = fold([result("a", "positive"), result("b", "negative", DAY + timedelta(days=20))], "colorectal")
    assert (state.state, state.step) == ("assessment_due", "colonoscopy")


def test_a_referral_keeps_the_step_open_until_the_assessment():
    asked = [result("a", "positive"), referred("r", DAY + timedelta(days=3), DAY + timedelta(days=30))]
    state = fold(asked, "colorectal")
    assert (state.state, state.step, state.due_on) == ("referred", "colonoscopy", DAY + timedelta(days=30))
    done = fold([*asked, assessed("p", date(2024, 2, 10), "normal")], "colorectal")
    assert (done.state, done.outcome, done.detail, done.due_on) == ("closed", "assessed", "normal", date(2025, 2, 10))


def test_an_advanced_adenoma_stays_under_surveillance_and_a_cancer_waits_for_its_treatment():
    positive = result("a", "positive")
    watched = fold([positive, assessed("p", date(2024, 2, 10), "advanced_adenoma")], "colorectal")
    assert (watched.state, watched.step, watched.due_on) == (
        "surveillance_due",
        "surveillance_colonoscopy",
        date(2027, 2, 10),
    )
    ill = fold([positive, assessed("p", date(2024, 2, 10), "cancer")], "colorectal")
    assert (ill.state, ill.step, ill.due_on) == ("treatment_due", "treatment", date(2024, 3, 12))


def test_an_appointment_beyond_the_limit_is_due_at_the_limit():
    state = fold([result("a", "positive"), referred("r", DAY, DAY + timedelta(days=999))], "colorectal")
    assert state.due_on == DAY + timedelta(days=180)


def test_an_incomplete_colonoscopy_leaves_the_step_open():
    state = fold([result("a", "positive"), assessed("p", DAY + timedelta(days=31), "incomplete")], "colorectal")
    assert state.state == "assessment_due"


def test_a_colonoscopy_before_the_sample_answers_nothing():
    state = fold([result("a", "positive"), assessed("p", DAY - timedelta(days=1))], "colorectal")
    assert state.state == "assessment_due"


def test_a_reason_closes_only_the_results_that_it_names():
    named = [result("a", "positive"), closed("c", DAY + timedelta(days=9), "declined", ("Observation/a", "positive"))]
    state = fold(named, "colorectal")
    assert (state.outcome, state.detail, state.due_on) == ("closed", "declined", date(2025, 1, 10))
    late = fold([*named, result("b", "positive", DAY + timedelta(days=4))], "colorectal")
    assert (late.state, late.open_needs) == ("assessment_due", (("colonoscopy", "Observation/b", "positive"),))


def test_a_correction_after_a_closure_opens_the_round_again():
    events = [
        result("a", "inadequate"),
        closed("c", DAY + timedelta(days=9), "declined", ("Observation/a", "inadequate")),
        result("a", "positive", version=2),
    ]
    assert fold(events, "colorectal").state == "assessment_due"


def test_a_colonoscopy_after_a_refusal_becomes_the_outcome():
    events = [
        result("a", "positive"),
        closed("c", DAY + timedelta(days=9), "declined", ("Observation/a", "positive")),
        assessed("p", DAY + timedelta(days=90), "normal"),
    ]
    state = fold(events, "colorectal")
    assert (state.outcome, state.detail, state.closed_on) == ("assessed", "normal", DAY + timedelta(days=90))


def test_there_is_no_next_round_for_somebody_who_died():
    events = [result("a", "positive"), closed("c", DAY, "deceased", ("Observation/a", "positive"))]
    assert fold(events, "colorectal").due_on is None


def test_the_next_year_is_a_new_round():
    states = rounds(result("a", "negative"), result("b", "positive", DAY + timedelta(days=370)))
    assert [(state.state, state.opened_on) for state in states] == [
        ("closed", DAY),
        ("assessment_due", DAY + timedelta(days=370)),
    ]


def test_a_withdrawn_result_leaves_a_closed_round_without_a_next_one():
    state = fold([result("a", "positive"), result("a", "positive", version=2, withdrawn=True)], "colorectal")
    assert (state.state, state.outcome, state.due_on) == ("closed", "withdrawn", None)


def cervical(source, test, category, day=DAY):
    return result(source, category, day, test=test, programme="cervical")


@pytest.mark.parametrize(
    ("events", "step"),
    [
        ([cervical("a", "hpv", "hpv16")], "colposcopy"),
        ([cervical("a", "hpv", "hpv18")], "colposcopy"),
        ([cervical("a", "hpv16", "positive")], "colposcopy"),
        ([cervical("a", "hpv", "other_hr")], "cytology_triage"),
        ([cervical("a", "hpv", "hpv16"), cervical("b", "cytology", "nilm")], "colposcopy"),
        ([cervical("a", "hpv", "negative"), cervical("b", "cytology", "hsil")], "colposcopy_urgent"),
        ([cervical("a", "hpv", "other_hr"), cervical("b", "cytology", "asc_us")], "colposcopy"),
        ([cervical("a", "hpv", "other_hr"), cervical("b", "cytology", "inadequate")], "cytology_triage"),
        ([cervical("a", "cytology", "asc_us")], "hpv_triage"),
        ([cervical("a", "cytology", "asc_us"), cervical("b", "hpv_other", "positive")], "colposcopy"),
        ([cervical("a", "cytology", "lsil")], "colposcopy"),
        ([cervical("a", "via", "positive")], "colposcopy"),
        ([cervical("a", "via", "suspicious")], "colposcopy_urgent"),
        ([cervical("a", "hpv16", "negative")], "complete_hpv"),
        ([cervical("a", "hpv16", "negative"), cervical("b", "hpv18", "negative")], "complete_hpv"),
    ],
)
def test_what_a_cervical_result_leads_to(events, step):
    assert fold(events, "cervical").step == step


@pytest.mark.parametrize(
    ("events", "due"),
    [
        ([cervical("a", "hpv", "negative")], add_months(DAY, 36)),
        ([cervical("a", "hpv", "other_hr"), cervical("b", "cytology", "nilm")], add_months(DAY, 12)),
        ([cervical("a", "hpv", "other_hr"), cervical("b", "cytology", "nilm", DAY + timedelta(40))], date(2025, 2, 19)),
        ([cervical("a", "cytology", "asc_us"), cervical("b", "hpv", "negative")], add_months(DAY, 36)),
        ([cervical(key, key, "negative") for key in ("hpv16", "hpv18", "hpv_other")], add_months(DAY, 36)),
    ],
)
def test_a_negative_round_is_closed_with_its_next_date(events, due):
    state = fold(events, "cervical")
    assert (state.state, state.outcome, state.due_on) == ("closed", "negative", due)


@pytest.mark.parametrize(
    ("day", "months", "after"),
    [
        (date(2024, 1, 31), 1, date(2024, 2, 29)),
        (date(2024, 2, 29), 12, date(2025, 2, 28)),
        (date(2024, 12, 5), 1, date(2025, 1, 5)),
    ],
)
def test_months_end_on_their_last_day(day, months, after):
    assert add_months(day, months) == after


days = st.integers(0, 500).map(lambda number: DAY + timedelta(days=number))
names = st.sampled_from("abcdef")


@st.composite
def histories(draw):
    """Events of one person in one programme: results in versions, referrals, assessments, closures of any result."""
    programme = draw(st.sampled_from(sorted(PROTOCOLS)))
    protocol = PROTOCOLS[programme]
    kinds = [
        (test.key, category) for test in protocol.tests.values() for category in (*test.categories, "unclassified")
    ]
    events = {}
    for _ in range(draw(st.integers(1, 10))):
        what = draw(st.sampled_from(["result"] * 4 + ["assessed", "referred", "closed"]))
        name, day = draw(names), draw(days)
        if what == "result":
            test, category = draw(st.sampled_from(kinds))
            version, withdrawn = draw(st.integers(1, 3)), draw(st.integers(0, 9)) == 0
            event = result(name, category, day, test=test, programme=programme, version=version, withdrawn=withdrawn)
        elif what == "closed":
            _, category = draw(st.sampled_from(kinds))
            reason = draw(st.sampled_from(sorted(protocol.reasons)))
            event = closed(name, day, reason, (f"Observation/{draw(names)}", category))
        else:
            assessment = draw(st.sampled_from(sorted(protocol.assessments)))
            if what == "assessed":
                finding = draw(st.sampled_from(sorted(protocol.assessments[assessment].findings)))
                event = assessed(name, day, finding, assessment)
            else:
                event = referred(name, day, draw(st.none() | days), assessment)
        events[event.source, event.version] = event
    return programme, list(events.values())


def folded(programme, events):
    found, loose = fold_rounds(events, rules=lambda day: protocol_for(programme, day))
    return found, loose


@settings(max_examples=100)
@given(histories(), st.randoms())
def test_any_order_of_arrival_gives_the_same_rounds(history, random):
    programme, events = history
    shuffled = list(events)
    random.shuffle(shuffled)
    assert folded(programme, shuffled) == folded(programme, events)


@settings(max_examples=100)
@given(histories())
def test_a_correction_equals_having_been_right_from_the_start(history):
    programme, events = history
    newest = {}
    for event in events:
        if event.source not in newest or event.version > newest[event.source].version:
            newest[event.source] = event
    assert folded(programme, list(newest.values())) == folded(programme, events)


@settings(max_examples=150)
@given(histories())
def test_every_open_round_has_owner_due_date_and_exit(history):
    programme, events = history
    for state in folded(programme, events)[0]:
        if state.state == "closed":
            assert (state.step, state.open_needs, state.closed_on is not None) == ("", (), True)
            assert state.outcome in {"negative", "assessed", "closed", "withdrawn"}
        else:
            assert state.owner
            assert state.due_on <= state.limit_on
            assert len(PROTOCOLS[programme].steps[state.step].discharged_by) >= 2
            assert (state.closed_on, state.outcome) == (None, "")


@settings(max_examples=150)
@given(histories())
def test_no_positive_is_closed_without_assessment_reason_or_negative_triage(history):
    programme, events = history
    protocol = PROTOCOLS[programme]
    for state in folded(programme, events)[0]:
        if state.state != "closed" or state.outcome in {"assessed", "closed", "withdrawn"}:
            continue
        standing = [event for event in state.events if event.fact == "result" and not event.withdrawn]
        for event in standing:
            if event.data["outcome"] == "positive":
                step = protocol.category(event.data["test"], event.data["category"]).leads_to
                assert protocol.steps[step].state == "triage_due"
                assert [
                    later
                    for later in standing
                    if later.data["outcome"] == "negative" and later.occurred_on >= event.occurred_on
                ]


@settings(max_examples=100)
@given(histories())
def test_every_result_belongs_to_exactly_one_round(history):
    programme, events = history
    found, loose = folded(programme, events)
    placed = [event.source for state in found for event in state.events if event.fact == "result"]
    assert sorted(placed) == sorted({event.source for event in events if event.fact == "result"})
    assert [event for event in loose if event.fact == "result"] == []


@settings(max_examples=60)
@given(histories())
def test_every_open_round_can_be_closed_with_a_reason(history):
    programme, events = history
    for state in folded(programme, events)[0]:
        if state.state != "closed":
            last = max(event.occurred_on for event in events)
            pairs = [(source, category) for _, source, category in state.open_needs]
            after = folded(programme, [*events, closed("end", last + timedelta(1), "declined", *pairs)])[0][-1]
            assert (after.state, after.outcome) in {("closed", "closed"), ("closed", "assessed")}
