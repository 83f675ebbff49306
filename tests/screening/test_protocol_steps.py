"""After a positive: findings lead further, surveillance stays open, readers are compared, death ends all."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from screening.protocol import Event, current, escalation, fold_rounds, months_after
from screening.protocol.events import add_months
from screening.protocol.release import Release, Version, assessed_on, release, told_of
from screening.protocol.shapes import Escalation, Finding
from tests.screening.pathways import DAY, assessed, closed, folded, result

COLORECTAL, CERVICAL, BREAST = current("colorectal"), current("cervical"), current("breast")


def after(days):
    return DAY + timedelta(days=days)


def only(protocol, *events):
    rounds, loose = folded(protocol, events)
    assert (len(rounds), loose) == (1, [])
    return rounds[0]


def finding_leading_to(protocol, assessment, state):
    """The key of a finding of the assessment that leads to a step of this state, and that step."""
    for finding in protocol.assessments[assessment].findings.values():
        if finding.leads_to and protocol.steps[finding.leads_to].state == state:
            return finding.key, protocol.steps[finding.leads_to]
    raise AssertionError(f"{assessment} leads to no {state}")


def ending_finding(protocol, assessment):
    """The key of a finding after which the next round is due."""
    found = protocol.assessments[assessment].findings.values()
    return next(finding.key for finding in found if finding.next_months and finding.discharges)


FIT = result(COLORECTAL, "a", "fit", "positive")


def test_a_colonoscopy_that_took_a_sample_waits_for_the_histology_which_leads_on():
    key, step = finding_leading_to(COLORECTAL, "colonoscopy", "assessment_due")
    looked = assessed("p", "colonoscopy", key, after(20))
    waiting = only(COLORECTAL, FIT, looked)
    assert (waiting.step, waiting.due_on) == (step.key, step.due_on(after(20)))
    found, next_step = finding_leading_to(COLORECTAL, "histology", "surveillance_due")
    state = only(COLORECTAL, FIT, looked, assessed("h", "histology", found, after(20)))
    assert (state.state, state.step, state.due_rule) == ("surveillance_due", next_step.key, f"step:{next_step.key}")
    assert (state.due_from, state.due_on) == (after(20), next_step.due_on(after(20)))


def test_surveillance_stays_open_for_years_and_ends_by_its_own_examination():
    key, step = finding_leading_to(COLORECTAL, "histology", "surveillance_due")
    events = [FIT, assessed("p", "colonoscopy", "unspecified", after(20)), assessed("h", "histology", key, after(25))]
    state = only(COLORECTAL, *events)
    assert (state.state, state.closed_on) == ("surveillance_due", None)
    assert state.warn_on < state.due_on == step.due_on(after(25))
    negative = result(COLORECTAL, "b", "fit", "negative", after(400))
    assert only(COLORECTAL, *events, negative).state == "surveillance_due"
    again = assessed("q", "colonoscopy", ending_finding(COLORECTAL, "colonoscopy"), after(900))
    done = only(COLORECTAL, *events, negative, again)
    assert (done.state, done.outcome, done.closed_on) == ("closed", "assessed", after(900))


def test_the_examination_that_opened_surveillance_does_not_end_it_when_it_is_reported_twice():
    key, step = finding_leading_to(COLORECTAL, "histology", "surveillance_due")
    events = [
        FIT,
        assessed("p", "colonoscopy", "unspecified", after(20)),
        assessed("h", "histology", key, after(20)),
        replace(assessed("p", "colonoscopy", "unspecified", after(20)), source="DiagnosticReport/p"),
        replace(assessed("h", "histology", key, after(20)), source="DiagnosticReport/h"),
    ]
    assert {step_ for step_, _, _ in only(COLORECTAL, *events).open_needs} == {step.key}


def test_histology_that_arrives_after_the_round_was_closed_opens_it_again():
    closing = assessed("p", "colonoscopy", ending_finding(COLORECTAL, "colonoscopy"), after(20))
    assert only(COLORECTAL, FIT, closing).state == "closed"
    key, step = finding_leading_to(COLORECTAL, "histology", "decision_due")
    state = only(COLORECTAL, FIT, closing, assessed("h", "histology", key, after(90)))
    assert (state.state, state.step, state.opened_on) == (step.state, step.key, DAY)


def test_a_finding_without_any_round_opens_one():
    key, step = finding_leading_to(COLORECTAL, "histology", "decision_due")
    state = only(COLORECTAL, assessed("h", "histology", key, after(5)))
    assert (state.step, state.key, state.opened_on) == (step.key, "Procedure/h", after(5))


def test_a_finding_of_a_later_version_is_verified_and_not_lost():
    newer = replace(COLORECTAL, assessments=dict(COLORECTAL.assessments))
    colonoscopy = COLORECTAL.assessments["colonoscopy"]
    findings = {**colonoscopy.findings, "new": Finding("new", {"vi": "x", "en": "x"}, (), 12, True)}
    newer.assessments["colonoscopy"] = replace(colonoscopy, findings=findings)
    rounds, _ = fold_rounds(
        [FIT, assessed("p", "colonoscopy", "new", after(20))],
        rules=lambda day: newer if day >= after(10) else COLORECTAL,
    )
    assert ("verify_result", "Procedure/p", "new") in rounds[0].open_needs


def test_a_chain_that_is_broken_off_says_why():
    key, _ = finding_leading_to(COLORECTAL, "histology", "surveillance_due")
    events = [FIT, assessed("p", "colonoscopy", "unspecified", after(20)), assessed("h", "histology", key, after(25))]
    open_now = only(COLORECTAL, *events)
    pairs = [(source, category) for _, source, category in open_now.open_needs]
    state = only(COLORECTAL, *events, closed("c", "declined", after(300), *pairs))
    assert (state.outcome, state.detail, state.due_rule) == ("closed", "declined", "reason:declined")


# --- two readers of one mammogram ---


def reading(name, test, category, day=DAY):
    return result(BREAST, name, test, category, day)


@pytest.mark.parametrize(
    ("events", "step"),
    [
        ([reading("a", "mammography", "birads_1")], "second_reading"),
        ([reading("b", "mammography_second", "birads_1")], "second_reading"),
        (
            [reading("a", "mammography", "birads_1"), reading("b", "mammography_second", "birads_4", after(2))],
            "arbitration",
        ),
        (
            [reading("a", "mammography", "birads_4"), reading("b", "mammography_second", "birads_1")],
            "arbitration",
        ),
        (
            [reading("a", "mammography", "birads_0"), reading("b", "mammography_second", "birads_5")],
            "assessment_urgent",
        ),
        (
            [
                reading("a", "mammography", "birads_1"),
                reading("b", "mammography_second", "birads_4"),
                reading("c", "mammography_arbitration", "birads_5", after(3)),
            ],
            "assessment_urgent",
        ),
        (
            [reading("b", "mammography_second", "birads_5"), reading("a", "mammography", "birads_4", after(1))],
            "assessment_urgent",
        ),
    ],
)
def test_two_readings_are_compared(events, step):
    assert only(BREAST, *events).step == step


def test_a_first_reading_that_comes_late_does_not_end_what_both_readings_lead_to():
    late = [reading("b", "mammography_second", "birads_3"), reading("a", "mammography", "birads_0", after(1))]
    assert only(BREAST, *late).step == BREAST.category("mammography_second", "birads_3").leads_to


@pytest.mark.parametrize("third", [False, True])
def test_the_round_ends_when_both_readers_see_nothing_or_the_third_does(third):
    events = [
        reading("a", "mammography", "birads_1"),
        reading("b", "mammography_second", "birads_5" if third else "birads_2"),
    ]
    if third:
        assert only(BREAST, *events).step == "arbitration"
        events.append(reading("c", "mammography_arbitration", "birads_2", after(4)))
    state = only(BREAST, *events)
    assert (state.state, state.outcome) == ("closed", "negative")
    assert state.due_on == add_months(after(4) if third else DAY, 24)


# --- not final, told, dead ---


def test_a_preliminary_result_waits_for_its_final_version_and_nothing_else():
    first = result(COLORECTAL, "a", "fit", "negative", preliminary=True)
    other = result(COLORECTAL, "b", "fit", "negative", after(3))
    assert only(COLORECTAL, first, other).step == "verify_result"
    final = result(COLORECTAL, "a", "fit", "negative", version=2)
    assert only(COLORECTAL, first, final).outcome == "negative"
    assert only(COLORECTAL, first, result(COLORECTAL, "a", "fit", "positive", version=2)).step == "colonoscopy"


def test_a_death_closes_the_round_and_taken_back_opens_it_again():
    death = Event("died", after(9), "Patient/p", data={"text": ""})
    state = only(COLORECTAL, FIT, death)
    assert (state.outcome, state.detail, state.closed_on, state.due_on) == ("closed", "deceased", after(9), None)
    late = assessed("h", "histology", finding_leading_to(COLORECTAL, "histology", "decision_due")[0], after(30))
    assert [one.state for one in folded(COLORECTAL, [FIT, death, late])[0]][-1] == "closed"
    undone = Event("died", after(9), "Patient/p", 2, True)
    assert only(COLORECTAL, FIT, death, undone).step == "colonoscopy"


def test_a_sample_after_the_day_of_death_contradicts_it_and_stays_open():
    death = Event("died", after(9), "Patient/p", data={"text": ""})
    rounds, _ = folded(COLORECTAL, [death, result(COLORECTAL, "b", "fit", "positive", after(40))])
    assert [state.step for state in rounds] == ["colonoscopy"]


HELD = replace(
    COLORECTAL,
    tests={
        "fit": replace(
            COLORECTAL.tests["fit"],
            categories={
                **COLORECTAL.tests["fit"].categories,
                "positive": replace(
                    COLORECTAL.tests["fit"].categories["positive"], release="after_contact", hold_days=14
                ),
            },
        )
    },
)


def released(*versions, told=(), assessed=()):
    found = [Version(event, recorded) for event, recorded in versions]
    return release(HELD, found, told=told, assessed=assessed)


NEGATIVE = result(COLORECTAL, "a", "fit", "negative")


def test_a_result_is_shown_at_once_after_contact_or_after_the_longest_wait():
    assert released((NEGATIVE, after(3))) == Release(DAY, None)
    assert released((FIT, after(3))) == Release(None, after(17))
    assert released((FIT, after(3)), told=[after(5), after(4)]) == Release(after(4), after(17))
    assert released((FIT, after(3)), assessed=[after(9)]) == Release(after(9), after(17))
    assert released((result(COLORECTAL, "a", "fit", "positive", preliminary=True), DAY)) == Release(None, None)


def test_who_was_told_of_a_negative_was_not_told_of_its_correction():
    positive = result(COLORECTAL, "a", "fit", "positive", version=2)
    versions = [(result(COLORECTAL, "a", "fit", "negative"), DAY), (positive, after(30))]
    assert released(*versions, told=[after(2)]) == Release(None, after(44))
    assert released(*versions, told=[after(2), after(31)]) == Release(after(31), after(44))


def test_a_correction_that_says_the_same_hides_nothing_again():
    same = result(COLORECTAL, "a", "fit", "positive", version=2, resulted_on=None)
    assert released((FIT, DAY), (same, after(30)), told=[after(2)]) == Release(after(2), after(14))


def test_contacts_taken_back_do_not_count():
    told = Event("contacted", DAY, "Communication/c", data={"about": ["Observation/a"]})
    assert told_of([told]) == {"Observation/a": [DAY]}
    assert told_of([replace(told, withdrawn=True)]) == {}
    assert assessed_on([assessed("p", "colonoscopy", "normal", DAY), FIT]) == [DAY]


# --- clocks ---


def test_the_months_after_a_rule_are_those_of_the_version_asked():
    assert months_after(COLORECTAL, "category:fit.negative") == 12
    assert months_after(COLORECTAL, "reason:declined") == 12
    assert months_after(COLORECTAL, "reason:deceased") is None
    assert months_after(CERVICAL, "step:cytology_triage") == 12
    assert months_after(COLORECTAL, "category:fit.unknown") is None
    assert months_after(COLORECTAL, "") is None


@pytest.mark.parametrize(
    ("days", "level"),
    [(0, ""), (1, "facility"), (13, "facility"), (14, "district"), (29, "district"), (30, "city"), (999, "city")],
)
def test_a_late_step_climbs_from_facility_to_district_to_city(days, level):
    step = replace(COLORECTAL.steps["colonoscopy"], escalate=(Escalation("district", 14), Escalation("city", 30)))
    assert escalation(step, DAY, after(days)) == level


def test_months_of_a_step_are_counted_on_the_calendar():
    _, step = finding_leading_to(COLORECTAL, "histology", "surveillance_due")
    assert step.due_on(date(2026, 1, 31)) == add_months(date(2026, 1, 31), step.within.months)
