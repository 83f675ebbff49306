"""Protocols: the files that ship are sound, faults are found, codes and words are recognised, ages are counted."""

import copy
import tomllib
from dataclasses import replace
from datetime import date
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from screening.protocol import (
    age_on,
    current,
    eligible,
    find_assessment,
    find_test,
    named_test,
    parse,
    protocol_for,
)
from screening.protocol.building import build_protocol
from screening.protocol.check import faults_of, faults_of_versions
from screening.protocol.codes import LOINC, SNOMED
from screening.protocol.load import FOLDER, ProtocolError

COLORECTAL = tomllib.loads((FOLDER / "colorectal.toml").read_text(encoding="utf-8"))


DISTRICT, CITY = {"to": "district"}, {"to": "city"}


def changed(*path_and_value):
    """The colorectal file with one value changed; None takes it out."""
    raw = copy.deepcopy(COLORECTAL)
    *path, last, value = path_and_value
    part = raw
    for key in path:
        part = part[key]
    if value is None:
        del part[last]
    else:
        part[last] = value
    return raw


def test_the_shipped_files_have_no_fault():
    files = sorted(FOLDER.glob("*.toml"))
    assert [(path.name, faults_of(tomllib.loads(path.read_text(encoding="utf-8")))) for path in files] == [
        (path.name, []) for path in files
    ]


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (("steps", "colonoscopy", "discharged_by", []), "nobody could ever leave"),
        (("steps", "colonoscopy", "discharged_by", ["closed"]), "only 'closed' leaves"),
        (("steps", "colonoscopy", "discharged_by", ["assessed:colonoscopy"]), "has no 'closed'"),
        (("steps", "colonoscopy", "discharged_by", ["assessed:scan", "closed"]), "unknown 'assessed:scan'"),
        (("steps", "colonoscopy", "owner", "nobody"), "owner: 'nobody'"),
        (("steps", "colonoscopy", "within_days", 0), "within_days"),
        (("steps", "colonoscopy", "source", "hearsay"), "'hearsay' is not in [sources]"),
        (("steps", "colonoscopy", "source", None), "neither a source nor city_sets"),
        (("steps", "verify_result", None), "steps.verify_result: is missing"),
        (("tests", "fit", "categories", "positive", "leads_to", None), "is positive and leads to nothing"),
        (("tests", "fit", "categories", "positive", "leads_to", "scan"), "unknown step 'scan'"),
        (("tests", "fit", "categories", "negative", "next_months", None), "never be due again"),
        (("tests", "fit", "categories", "negative", "words", ["Dương tính"]), "also means positive"),
        (("tests", "fit", "categories", "negative", "codes", ["icd|1"]), "'icd|1' is not"),
        (("tests", "fit", "positive_when", None), "boundary value"),
        (("wording", "fit_positive", "en", "next", None), "wording.fit_positive.en.next: is missing"),
        (("wording", "unclassified", None), "wording.unclassified: is missing"),
        (("programme", None), "programme: is missing"),
        (("eligibility", "mode", "postal"), "eligibility.mode: 'postal'"),
        (("eligibility", "mode", "opportunistic"), "call: belongs to every programme of mode 'invited'"),
        (("eligibility", "residence", "moon"), "eligibility.residence: 'moon'"),
        (("eligibility", "requires_risk_group", True), "for nobody"),
        (("call", None), "call: belongs to every programme of mode 'invited'"),
        (("call", "attempts", 0), "call.attempts"),
        (("call", "city_sets", None), "call: names neither a source nor city_sets"),
        (("tests", "fit", "entry", "triple"), "entry: 'triple'"),
        (("tests", "fit", "second_reading_of", "fit"), "belong together"),
        (("tests", "fit", "category_below", "positive"), "are one category"),
        (("tests", "fit", "categories", "positive", "release", "after_contact"), "hold_days: belongs to release"),
        (("tests", "fit", "categories", "positive", "hold_days", 14), "hold_days: belongs to release"),
        (("steps", "colonoscopy", "limit_days", None), "limit_days or limit_months"),
        (("steps", "colonoscopy", "within_months", 2), "one of each"),
        (("steps", "colonoscopy", "warn_days", None), "warn_days"),
        (("steps", "colonoscopy", "warn_days", 90), "warn_days"),
        (("steps", "colonoscopy", "escalate", []), "does not reach the city"),
        (
            (
                "steps",
                "colonoscopy",
                "escalate",
                [{"to": "district", "after_days": 9}, {"to": "city", "after_days": 9}],
            ),
            "not ascending",
        ),
        (
            ("steps", "colonoscopy", "escalate", [CITY | {"after_days": 9}, CITY | {"after_days": 19}]),
            "not ascending",
        ),
        (("steps", "colonoscopy", "assessment", "scan"), "assessment: unknown 'scan'"),
        (("assessments", "colonoscopy", "kind", "guess"), "kind: 'guess'"),
        (("assessments", "colonoscopy", "codes", []), "codes: is empty"),
        (("assessments", "colonoscopy", "findings", 1, "next_months", None), "is not declared an end"),
        (("assessments", "colonoscopy", "findings", 1, "ends", True), "ends, but also leads on"),
        (("assessments", "colonoscopy", "findings", 1, "leads_to", "scan"), "leads_to: unknown step 'scan'"),
        (("reasons", "deceased", None), "reasons.deceased: is missing"),
        (("reasons", "deceased", "ends", False), "reasons.deceased: is missing or does not end"),
    ],
)
def test_a_fault_is_named(change, fault):
    assert [found for found in faults_of(changed(*change)) if fault in found] != []


def test_a_chain_of_steps_that_never_ends_is_named():
    raw = copy.deepcopy(COLORECTAL)
    for finding in raw["assessments"]["colonoscopy"]["findings"]:
        for key in ("next_months", "ends"):
            finding.pop(key, None)
        finding["leads_to"] = "colonoscopy"
    assert [fault for fault in faults_of(raw) if "leads from here to the end" in fault] == [
        f"steps.{key}: no chain of outcomes leads from here to the end of the round"
        for key in ("colonoscopy", "treatment", "surveillance_colonoscopy")
    ]


def test_a_test_has_one_key_in_all_programmes():
    twin = replace(current("colorectal"), programme="toe")
    found = faults_of_versions([current("colorectal"), twin])
    assert "toe.fit: colorectal has a test of this key already, and forms name tests by key alone" in found


RISK = {"key": "hbv", "name": {"vi": "x", "en": "x"}, "codes": ["icd10|B18"], "min_age": 30, "interval_months": 6}
SMOKER = {
    "key": "smoker",
    "name": {"vi": "x", "en": "x"},
    "observation": {"code": "loinc|8664-5", "at_least": "20", "unit": "{PackYears}", "city_sets": True},
}


def with_risks(**extra):
    raw = copy.deepcopy(COLORECTAL)
    raw["eligibility"] |= {
        "risk_groups": [RISK | {"city_sets": True}, SMOKER | {"city_sets": True}],
        "exclusions": [
            {
                "key": "none",
                "name": {"vi": "x", "en": "x"},
                "codes": ["icd10|C18"],
                "review_months": 12,
                "city_sets": True,
            }
        ],
    } | extra
    assert faults_of(raw) == []
    return build_protocol(raw)


def person(age):
    return SimpleNamespace(sex="male", birth_date=date(2026 - age, 1, 1))


@pytest.mark.parametrize(
    ("age", "asked", "answer"),
    [
        (45, {}, (True, "ok", "", 12)),
        (35, {}, (False, "too_young", "", None)),
        (35, {"risks": ["hbv"]}, (True, "ok", "hbv", 6)),
        (45, {"risks": ["hbv"]}, (True, "ok", "hbv", 6)),
        (45, {"risks": ["smoker"]}, (True, "ok", "", 12)),
        (45, {"exclusions": ["none"]}, (False, "excluded", "", None)),
        (45, {"lives_here": False}, (False, "residence", "", None)),
    ],
)
def test_risk_groups_exclusions_and_residence_decide(age, asked, answer):
    found = eligible(person(age), date(2026, 6, 1), with_risks(), **asked)
    assert (found.eligible, found.reason, found.risk, found.interval_months) == answer


def test_a_programme_for_risk_groups_is_for_nobody_else():
    protocol = with_risks(requires_risk_group=True)
    assert eligible(person(45), date(2026, 6, 1), protocol).reason == "risk_group"
    assert eligible(person(45), date(2026, 6, 1), protocol, risks=["smoker"]).risk == "smoker"


@pytest.mark.parametrize(
    ("bands", "fault"),
    [
        ([(40, 49), (51, None)], "leaves a gap after age 49"),
        ([(40, 50), (50, None)], "overlaps the band before it"),
        ([(40, None), (50, 60)], "overlaps the band before it"),
        ([(50, 40)], "ends before it begins"),
    ],
)
def test_age_bands_have_neither_gaps_nor_overlaps(bands, fault):
    raw = copy.deepcopy(COLORECTAL)
    raw["eligibility"]["bands"] = [
        {"min_age": low, "tests": ["fit"], "interval_months": 12, "city_sets": True}
        | ({"max_age": high} if high else {})
        for low, high in bands
    ]
    assert [found for found in faults_of(raw) if fault in found] != []


def test_text_that_is_no_toml_is_refused_with_its_name():
    with pytest.raises(ProtocolError, match=r"^lung\.toml: "):
        parse("programme =", name="lung.toml")


def test_the_version_of_the_day_is_used_and_the_first_one_for_older_results():
    assert protocol_for("colorectal", date(2020, 1, 1)).version == "2017.1"
    assert protocol_for("colorectal", date(1999, 1, 1)).version == "2017.1"
    with pytest.raises(KeyError):
        protocol_for("toe", date(2020, 1, 1))


@pytest.mark.parametrize(
    ("code", "programme", "test"),
    [
        ("27396-1", "colorectal", "fit"),
        ("58453-2", "colorectal", "fit"),
        ("29771-3", "colorectal", "fit"),
        ("57905-2", "colorectal", "fit"),
        ("80372-6", "colorectal", "fit"),
        ("82675-0", "cervical", "hpv"),
        ("77399-4", "cervical", "hpv16"),
        ("77400-0", "cervical", "hpv18"),
        ("71431-1", "cervical", "hpv_other"),
        ("19762-4", "cervical", "cytology"),
    ],
)
def test_a_loinc_code_names_its_test(code, programme, test):
    match = find_test([{"system": "http://other", "code": "x"}, {"system": LOINC, "code": code}])
    assert (match.programme, match.test) == (programme, test)


def test_a_code_of_another_system_or_test_is_none_of_ours():
    assert (
        find_test([{"system": SNOMED, "code": "27396-1"}, {"code": "27396-1"}, {"system": LOINC, "code": "718-7"}])
        is None
    )


def test_assessments_are_known_by_code():
    assert find_assessment([{"system": SNOMED, "code": "73761001"}]) == ("colorectal", "colonoscopy")
    assert find_assessment([{"system": SNOMED, "code": "392003006"}]) == ("cervical", "colposcopy")


@pytest.mark.parametrize(
    ("word", "found"),
    [
        ("FIT", ("colorectal", "fit")),
        ("Máu ẩn trong phân", ("colorectal", "fit")),
        ("Tế bào học", ("cervical", "cytology")),
        ("PAP smear", ("cervical", "cytology")),
        ("hpv", ("cervical", "hpv")),
        ("Via", ("cervical", "via")),
        ("x-ray", None),
    ],
)
def test_a_word_names_its_test(word, found):
    assert named_test(word) == found


@pytest.mark.parametrize(
    ("born", "on", "counted", "age"),
    [
        (date(1980, 5, 20), date(2020, 5, 19), "on_day", 39),
        (date(1980, 5, 20), date(2020, 5, 20), "on_day", 40),
        (date(1980, 12, 31), date(2020, 1, 1), "birth_year", 40),
        (date(2000, 2, 29), date(2023, 2, 28), "on_day", 22),
        (date(2000, 2, 29), date(2023, 3, 1), "on_day", 23),
        (date(2000, 2, 29), date(2024, 2, 29), "on_day", 24),
    ],
)
def test_age_is_counted_as_the_protocol_says(born, on, counted, age):
    assert age_on(born, on, counted) == age


@given(st.dates(date(1920, 1, 1), date(2020, 1, 1)), st.integers(0, 60))
def test_a_birthday_adds_exactly_one_year(born, years):
    birthday = date(born.year + years, born.month, born.day) if (born.month, born.day) != (2, 29) else None
    if birthday:
        assert age_on(born, birthday) == years
        assert years == 0 or age_on(born, date.fromordinal(birthday.toordinal() - 1)) == years - 1


@pytest.mark.parametrize(
    ("programme", "sex", "born", "answer"),
    [
        ("colorectal", "male", date(1984, 6, 2), "too_young"),
        ("colorectal", "male", date(1984, 6, 1), "ok"),
        ("colorectal", "", date(1920, 1, 1), "ok"),
        ("colorectal", "female", None, "birth_date"),
        ("cervical", "male", date(1984, 6, 1), "sex"),
        ("cervical", "", date(1984, 6, 1), "sex"),
        ("cervical", "female", date(1958, 6, 2), "ok"),
        ("cervical", "female", date(1958, 6, 1), "too_old"),
    ],
)
def test_eligibility_says_why(programme, sex, born, answer):
    assert eligible(SimpleNamespace(sex=sex, birth_date=born), date(2024, 6, 1), current(programme)).reason == answer


def test_the_band_names_the_tests_of_the_age():
    woman = SimpleNamespace(sex="female", birth_date=date(2001, 1, 1))
    assert eligible(woman, date(2024, 6, 1), current("cervical")).band.tests == ("cytology", "via")
