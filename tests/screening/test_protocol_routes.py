"""Each programme's main routes as worked examples, with the days of every step worked out by hand."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from screening.protocol import Event, NotInterpretable, current, fold, interpret
from screening.protocol.events import add_months

DAY = date(2026, 3, 2)


def after(days=0, months=0):
    return add_months(DAY, months) + timedelta(days=days)


def result(programme, test, category, day=DAY, source="a"):
    outcome = current(programme).category(test, category).outcome
    data = {"test": test, "category": category, "outcome": outcome, "facility": "station", "resulted_on": None}
    return Event("result", day, f"Observation/{source}", data=data)


def found(assessment, finding, day, source="p"):
    return Event(
        "assessed", day, f"Procedure/{source}-{assessment}", data={"assessment": assessment, "finding": finding}
    )


def where(programme, *events):
    state = fold(events, programme)
    return (state.step, state.due_on) if state.state != "closed" else (state.outcome, state.detail, state.due_on)


def test_fit_positive_advanced_adenoma_surveillance_and_back_to_screening():
    events = [result("colorectal", "fit", "positive")]
    assert where("colorectal", *events) == ("colonoscopy", after(days=60))
    events.append(found("colonoscopy", "lesion_sampled", after(days=20)))
    assert where("colorectal", *events) == ("histology", after(days=34))
    events.append(found("histology", "advanced_adenoma", after(days=30)))
    assert where("colorectal", *events) == ("surveillance_colonoscopy", add_months(after(days=30), 36))
    again = add_months(after(days=30), 36)
    events.append(found("colonoscopy", "normal", again, "q"))
    assert where("colorectal", *events) == ("assessed", "normal", add_months(again, 12))


def test_colorectal_cancer_is_staged_decided_treated_and_followed():
    events = [result("colorectal", "fit", "positive")]
    for assessment, finding, day, step, due in [
        ("colonoscopy", "lesion_sampled", 10, "histology", after(days=24)),
        ("histology", "cancer", 15, "staging", after(days=29)),
        ("staging", "unspecified", 20, "mdt", after(days=34)),
        ("mdt", "treat", 25, "treatment", after(days=56)),
        ("treatment", "surgery", 40, "colonoscopy_after_cancer", add_months(after(days=40), 12)),
    ]:
        events.append(found(assessment, finding, after(days=day)))
        assert where("colorectal", *events) == (step, due)


def test_a_colonoscopy_without_a_finding_stays_open_until_it_is_reported():
    events = [result("colorectal", "fit", "positive"), found("colonoscopy", "unspecified", after(days=20))]
    assert where("colorectal", *events) == ("colonoscopy_finding", after(days=34))
    reported = Event(
        "assessed",
        after(days=20),
        "Procedure/p-colonoscopy",
        2,
        data={"assessment": "colonoscopy", "finding": "normal"},
    )
    assert where("colorectal", *events, reported) == ("assessed", "normal", after(days=20, months=0).replace(year=2027))


def test_hpv_16_colposcopy_cin3_treatment_test_of_cure_and_the_next_round():
    events = [result("cervical", "hpv", "hpv16")]
    assert where("cervical", *events) == ("colposcopy", after(days=112))
    for assessment, finding, day, step, due in [
        ("colposcopy", "biopsy", 30, "histology", after(days=58)),
        ("histology", "cin3", 44, "treatment", after(days=100)),
        ("treatment", "leep", 60, "test_of_cure", add_months(after(days=60), 12)),
    ]:
        events.append(found(assessment, finding, after(days=day)))
        assert where("cervical", *events) == (step, due)
    cure = add_months(after(days=60), 12)
    negative = where("cervical", *events, result("cervical", "hpv", "negative", cure, "b"))
    assert negative == ("assessed", "leep", add_months(cure, 36))
    positive = where("cervical", *events, result("cervical", "hpv", "other_hr", cure, "b"))
    assert positive == ("colposcopy", cure + timedelta(days=112))


@pytest.mark.parametrize(
    ("hpv", "cytology", "step"),
    [
        ("negative", "asc_us", ("negative", "triage", after(months=36))),
        ("negative", "hsil", ("colposcopy_urgent", after(days=28))),
        ("other_hr", "nilm", ("negative", "triage", after(months=12))),
        ("other_hr", "lsil", ("colposcopy", after(days=112))),
        ("negative", "nilm", ("negative", "", after(months=36))),
    ],
)
def test_co_testing_is_decided_by_both_results_of_the_day(hpv, cytology, step):
    both = [result("cervical", "hpv", hpv), result("cervical", "cytology", cytology, source="b")]
    assert where("cervical", *both) == step


@pytest.mark.parametrize(
    ("first", "second", "where_it_stands"),
    [
        ("birads_1", None, ("second_reading", after(days=7))),
        ("birads_4", None, ("second_reading", after(days=7))),
        ("birads_1", "birads_2", ("negative", "", after(months=24))),
        ("birads_0", "birads_4", ("assessment_urgent", after(days=14))),
        ("birads_1", "birads_4", ("arbitration", after(days=7))),
        ("birads_5", "birads_1", ("arbitration", after(days=7))),
        ("birads_3", "birads_3", ("short_follow_up", after(months=6))),
    ],
)
def test_a_mammogram_counts_only_when_two_have_read_it(first, second, where_it_stands):
    events = [result("breast", "mammography", first)]
    if second:
        events.append(result("breast", "mammography_second", second, source="b"))
    assert where("breast", *events) == where_it_stands


def test_arbitration_decides_either_way():
    differ = [
        result("breast", "mammography", "birads_1"),
        result("breast", "mammography_second", "birads_4", source="b"),
    ]
    third = after(days=3)
    calm = result("breast", "mammography_arbitration", "birads_2", third, "c")
    assert where("breast", *differ, calm) == ("negative", "", add_months(third, 24))
    worried = result("breast", "mammography_arbitration", "birads_4", third, "c")
    assert where("breast", *differ, worried) == ("assessment_urgent", third + timedelta(days=14))


def test_a_suspicious_mammogram_is_assessed_biopsied_and_treated():
    events = [
        result("breast", "mammography", "birads_5"),
        result("breast", "mammography_second", "birads_5", source="b"),
    ]
    for assessment, finding, day, step in [
        ("assessment", "biopsy_needed", 7, "biopsy"),
        ("biopsy", "unspecified", 12, "histology"),
        ("histology", "cancer", 18, "staging"),
        ("staging", "unspecified", 22, "mdt"),
        ("mdt", "treat", 25, "treatment"),
        ("treatment", "surgery", 40, "yearly_mammography"),
    ]:
        events.append(found(assessment, finding, after(days=day)))
        assert where("breast", *events)[0] == step


def test_liver_ultrasound_and_afp_of_one_day_count_together():
    seen = result("liver", "liver_ultrasound", "us1")
    assert where("liver", seen, result("liver", "afp", "negative", source="b")) == ("negative", "", after(months=6))
    alone = result("liver", "afp", "negative", source="b")
    assert where("liver", alone) == ("complete_liver", after(days=30))
    later = result("liver", "liver_ultrasound", "us1", after(days=12))
    assert where("liver", alone, later) == ("negative", "", after(days=12, months=6))
    high = result("liver", "afp", "positive", source="b")
    assert where("liver", seen, high) == ("diagnostic_imaging", after(days=28))
    assert where("liver", result("liver", "liver_ultrasound", "us2")) == ("short_follow_up", after(months=3))
    for finding, step in [
        ("lr1", ("assessed", "lr1", after(days=9, months=6).replace(month=9, day=11))),
        ("lr3", ("repeat_imaging", add_months(after(days=9), 3))),
        ("lr4", ("mdt", after(days=23))),
        ("cancer", ("staging", after(days=23))),
    ]:
        assert where("liver", seen, high, found("ct_mri", finding, after(days=9))) == step


def test_afp_is_never_converted_without_the_kits_factor():
    afp = current("liver").tests["afp"]
    assert interpret(afp, quantity=Decimal("19.9"), unit="ng/mL").category == "negative"
    assert interpret(afp, quantity=Decimal(20), unit="µg/L").category == "positive"
    with pytest.raises(NotInterpretable, match="cut-off is missing"):
        interpret(afp, quantity=Decimal(18), unit="IU/mL")
    with pytest.raises(NotInterpretable, match="cannot be converted"):
        interpret(afp, quantity=Decimal(18), unit="IU/mL", cutoff=Decimal(20), cutoff_unit="ng/mL")
    ours = interpret(afp, quantity=Decimal(17), unit="IU/mL", kit="Elecsys AFP")  # 20 / 1.21 = 16.53 IU/mL
    assert (ours.category, ours.cutoff.quantize(Decimal("0.01"))) == ("positive", Decimal("16.53"))
    assert interpret(afp, quantity=Decimal(16), unit="IU/mL", kit="Elecsys AFP").category == "negative"


@pytest.mark.parametrize(
    ("category", "stands"),
    [
        ("lung_rads_0", ("ldct_early", after(months=3))),
        ("lung_rads_1", ("negative", "", after(months=12))),
        ("lung_rads_2", ("negative", "", after(months=12))),
        ("lung_rads_3", ("ldct_6_months", after(months=6))),
        ("lung_rads_4a", ("ldct_3_months", after(months=3))),
        ("lung_rads_4b", ("lung_diagnosis", after(days=14))),
        ("lung_rads_4x", ("lung_diagnosis", after(days=14))),
        ("inadequate", ("repeat_ldct", after(days=30))),
    ],
)
def test_what_each_lung_rads_category_leads_to(category, stands):
    assert where("lung", result("lung", "ldct", category)) == stands


def test_a_nodule_that_stays_small_goes_back_to_yearly_screening():
    later = after(months=6)
    events = [result("lung", "ldct", "lung_rads_3"), result("lung", "ldct", "lung_rads_2", later, "b")]
    assert where("lung", *events) == ("negative", "", add_months(later, 12))


def test_oral_precancer_is_seen_biopsied_and_followed():
    events = [result("oral", "oral_exam", "precancer")]
    assert where("oral", *events) == ("specialist_exam", after(days=28))
    events.append(found("specialist_exam", "biopsy", after(days=14)))
    assert where("oral", *events)[0] == "histology"
    events.append(found("histology", "low_dysplasia", after(days=20)))
    assert where("oral", *events) == ("follow_up_exam", add_months(after(days=20), 6))


def test_a_gastric_lesion_waits_for_its_histology():
    events = [result("stomach", "gastroscopy", "suspicious")]
    assert where("stomach", *events) == ("histology_urgent", after(days=7))
    events.append(found("histology", "low_dysplasia", after(days=6)))
    assert where("stomach", *events) == ("reassessment", after(days=34))
    events.append(result("stomach", "gastroscopy", "suspicious", after(days=20), "b"))
    events.append(found("histology", "low_dysplasia_again", after(days=27), "q"))
    assert where("stomach", *events) == ("gastroscopy_12_months", add_months(after(days=27), 12))


def test_only_a_second_positive_ebv_dna_leads_to_endoscopy():
    first, later = result("nasopharynx", "ebv_dna", "positive"), after(days=28)
    assert where("nasopharynx", first) == ("ebv_again", later)
    assert where("nasopharynx", first, result("nasopharynx", "ebv_dna", "negative", later, "b")) == (
        "negative",
        "triage",
        add_months(later, 12),
    )
    twice = [first, result("nasopharynx", "ebv_dna", "positive", later, "b")]
    assert where("nasopharynx", *twice) == ("nasal_endoscopy", later + timedelta(days=28))
    looked = found("nasal_endoscopy", "normal", after(days=40))
    assert where("nasopharynx", *twice, looked) == ("endoscopy_6_months", add_months(after(days=40), 6))
