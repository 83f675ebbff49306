"""Interpretation: cut-offs and their boundary, units, kits, words in both languages, and what is refused."""

from decimal import Decimal as D

import pytest
from hypothesis import given
from hypothesis import strategies as st

from screening.protocol import NotInterpretable, current, find_test, interpret
from screening.protocol.codes import LOINC, SNOMED
from screening.protocol.lookup import code_for
from screening.protocol.words import key_of

FIT = current("colorectal").tests["fit"]
HPV = current("cervical").tests["hpv"]
CYTOLOGY = current("cervical").tests["cytology"]
VIA = current("cervical").tests["via"]


def code(loinc):
    return find_test([{"system": LOINC, "code": loinc}]).code


@pytest.mark.parametrize(
    ("value", "cutoff", "category"),
    [
        ("9.9", "10", "negative"),
        ("10", "10", "positive"),
        ("10", "20", "negative"),
        ("19.999", "20", "negative"),
        ("20.0", "20", "positive"),
        ("0", "20", "negative"),
    ],
)
def test_a_value_equal_to_the_cutoff_is_positive(value, cutoff, category):
    assert interpret(FIT, quantity=D(value), unit="ug/g", cutoff=D(cutoff)).category == category


@given(st.decimals(0, 1000, places=3), st.decimals("0.001", 1000, places=3))
def test_positive_means_at_or_above_the_cutoff(value, cutoff):
    assert (interpret(FIT, quantity=value, unit="µg/g", cutoff=cutoff).outcome == "positive") == (value >= cutoff)


@pytest.mark.parametrize("spelling", ["ug/g", "µg/g", "μg/g", "UG/G", "mcg/g", " µg / g ", "µg Hb/g"])
def test_spellings_of_microgram_per_gram_are_one_unit(spelling):
    assert interpret(FIT, quantity=D(20), unit=spelling).unit == "ug/g"


@pytest.mark.parametrize("unit", ["ug/L", "mg/g", "g", "µg", "ng/g"])
def test_another_unit_is_an_error_that_names_the_allowed_ones(unit):
    with pytest.raises(NotInterpretable, match=r"µg/g, ng/mL") as caught:
        interpret(FIT, quantity=D(20), unit=unit)
    assert caught.value.field == "unit"


def test_a_number_without_unit_is_not_guessed():
    with pytest.raises(NotInterpretable, match="unit is missing"):
        interpret(FIT, quantity=D(20))


def test_a_unit_that_the_code_does_not_mean_is_an_error():
    with pytest.raises(NotInterpretable, match=r"Use one of: µg/g\."):
        interpret(FIT, quantity=D(20), unit="ng/mL", code=code("27396-1"))


def test_the_default_cutoff_goes_with_the_unit():
    assert interpret(FIT, quantity=D(99), unit="ng/mL").category == "negative"
    assert interpret(FIT, quantity=D(100), unit="ng/mL").cutoff == D(100)
    assert interpret(FIT, quantity=D(20), unit="ug/g").cutoff == D(20)


def test_a_kit_with_published_volumes_converts_its_cutoff():
    found = interpret(FIT, quantity=D(50), unit="ng/mL", kit="oc sensor", cutoff=D(10), cutoff_unit="ug/g")
    assert (found.category, found.cutoff, found.cutoff_unit, found.kit) == ("positive", D(50), "ng/mL", "OC-Sensor")
    assert interpret(FIT, quantity=D("19.9"), unit="ng/mL", kit="HM-JACKarc").cutoff == D(20)


def test_a_kit_without_published_volumes_is_never_converted():
    for kit in ("FOB Gold", "Unknown kit", ""):
        with pytest.raises(NotInterpretable, match="cannot be converted"):
            interpret(FIT, quantity=D(50), unit="ng/mL", kit=kit, cutoff=D(10), cutoff_unit="ug/g")


def test_a_number_under_a_presence_code_needs_its_own_cutoff():
    with pytest.raises(NotInterpretable, match="cut-off"):
        interpret(FIT, quantity=D("3.19"), unit="ng/mL", code=code("57905-2"))
    assert interpret(FIT, quantity=D("3.19"), unit="ng/mL", code=code("57905-2"), cutoff=D(11)).category == "negative"


@pytest.mark.parametrize(
    ("written", "category"),
    [
        ("12,5", "negative"),
        ("25.50", "positive"),
        ("<2", "negative"),
        (">200", "positive"),
        ("≥ 20", "positive"),
        ("0,125", "negative"),
    ],
)
def test_numbers_are_read_as_people_write_them(written, category):
    assert interpret(FIT, word=written, unit="ug/g").category == category


@pytest.mark.parametrize("written", ["1,234", "12.345"])
def test_a_thousand_or_a_decimal_is_not_guessed(written):
    with pytest.raises(NotInterpretable, match="thousand or a decimal"):
        interpret(FIT, word=written, unit="ug/g")


@pytest.mark.parametrize("written", ["<50", ">10", "<=20"])
def test_a_bound_on_the_wrong_side_of_the_cutoff_decides_nothing(written):
    with pytest.raises(NotInterpretable, match="side of the cut-off"):
        interpret(FIT, word=written, unit="ug/g")


@pytest.mark.parametrize(
    ("test", "word", "category"),
    [
        (FIT, "Dương tính", "positive"),
        (FIT, "DUONG TINH", "positive"),
        (FIT, "(+)", "positive"),
        (FIT, "POS", "positive"),
        (FIT, "âm tính", "negative"),
        (FIT, "–", "negative"),
        (FIT, "Mẫu không đạt", "inadequate"),
        (HPV, "HPV 16", "hpv16"),
        (HPV, "16", "hpv16"),
        (HPV, "hpv18", "hpv18"),
        (HPV, "HPV 16/18", "hpv16_18"),
        (HPV, "HPV nguy cơ cao khác", "other_hr"),
        (HPV, "âm tính", "negative"),
        (CYTOLOGY, "NILM", "nilm"),
        (CYTOLOGY, "ASCUS", "asc_us"),
        (CYTOLOGY, "asc-h", "asc_h"),
        (CYTOLOGY, "LSIL", "lsil"),
        (CYTOLOGY, "hsil", "hsil"),
        (CYTOLOGY, "Không đạt", "inadequate"),
        (VIA, "Nghi ngờ ung thư", "suspicious"),
        (VIA, "-", "negative"),
        (FIT, "Âm tính (-)", "negative"),
        (FIT, "- Âm tính", "negative"),
        (HPV, "HPV 16 (+)", "hpv16"),
        (HPV, "16+", "hpv16"),
        (HPV, "16, 18", "hpv16_18"),
        (HPV, "HPV 52", "other_hr"),
        (HPV, "HPV (-)", "negative"),
        (HPV, "hpv-16-18", "hpv16_18"),
        (CYTOLOGY, "Tổn thương nội biểu mô gai độ thấp", "lsil"),
        (VIA, "VIA (+)", "positive"),
        (VIA, "VIA-", "negative"),
    ],
)
def test_words_of_both_languages_are_understood(test, word, category):
    assert interpret(test, word=word).category == category


@pytest.mark.parametrize("test", [FIT, HPV, CYTOLOGY, VIA])
def test_what_a_page_calls_a_category_and_its_codes_are_understood(test):
    for category in test.categories.values():
        for word in (*category.label.values(), *(code for _system, code in category.codings)):
            assert interpret(test, word=word).category == category.key


@pytest.mark.parametrize(
    ("test", "word"),
    [
        (FIT, "Âm tính (+)"),
        (FIT, "Dương tính (-)"),
        (FIT, "Âm tính (±)"),
        (FIT, "Dương tính?"),
        (FIT, "+-"),
        (HPV, "HPV 16 (-)"),
        (HPV, "HPV16-"),
        (HPV, "-16"),
        (HPV, "HPV 16(+), 18(-)"),
        (HPV, "<16"),
        (HPV, "1.6"),
        (HPV, "1618"),
        (CYTOLOGY, "NILM (+)"),
    ],
)
def test_a_sign_that_contradicts_the_word_and_a_doubt_are_not_guessed(test, word):
    with pytest.raises(NotInterpretable):
        interpret(test, word=word)


@pytest.mark.parametrize(("value", "cutoff"), [(D(10) ** 9, None), (D(5), D(10) ** 9)])
def test_numbers_beyond_belief_are_refused(value, cutoff):
    with pytest.raises(NotInterpretable, match="too large"):
        interpret(FIT, quantity=value, unit="ug/g", cutoff=cutoff)


@pytest.mark.parametrize(
    ("test", "coding", "category"),
    [
        (FIT, "260373001", "positive"),
        (HPV, "720005005", "positive"),
        (HPV, "77851000146104", "negative"),
        (HPV, "115326008", "hpv16"),
        (CYTOLOGY, "373887005", "nilm"),
        (CYTOLOGY, "62061000119107", "hsil"),
        (CYTOLOGY, "416033009", "hsil"),
        (CYTOLOGY, "125154007", "inadequate"),
    ],
)
def test_snomed_codes_are_understood(test, coding, category):
    assert interpret(test, coded=[{"system": SNOMED, "code": coding}]).category == category


def test_an_unknown_word_is_told_what_would_be_right():
    with pytest.raises(NotInterpretable, match=r"'maybe'.*dương tính, âm tính, không đạt"):
        interpret(FIT, word="maybe")


def test_a_number_is_no_result_of_cytology():
    with pytest.raises(NotInterpretable, match="does not take a number"):
        interpret(CYTOLOGY, word="12")


def test_the_explanation_says_how_it_was_read():
    found = interpret(FIT, quantity=D("25.50"), unit="ug/g")
    assert found.explanation == {
        "vi": "Dương tính: 25,50 µg/g ≥ ngưỡng 20 µg/g",
        "en": "Positive: 25.50 µg/g ≥ cut-off 20 µg/g",
    }


def test_the_code_that_is_written_goes_with_the_unit():
    assert [code_for(FIT, unit).coding[1] for unit in ("ug/g", "ng/mL", "")] == ["27396-1", "58453-2", "29771-3"]


@given(st.text())
def test_comparing_words_never_fails_and_is_stable(text):
    assert key_of(key_of(text)) == key_of(text)
