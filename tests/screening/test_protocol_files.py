"""The files of the eight programmes, and the check that finds every kind of fault in one."""

import copy
import tomllib

import pytest

from screening.protocol import current, interpret, programmes, protocols
from screening.protocol.check import faults_of, faults_of_versions
from screening.protocol.load import FOLDER, parse

RAW = {path.stem: tomllib.loads(path.read_text(encoding="utf-8")) for path in FOLDER.glob("*.toml")}


def test_the_eight_programmes_are_there():
    assert programmes() == [
        "breast",
        "cervical",
        "colorectal",
        "liver",
        "lung",
        "nasopharynx",
        "oral",
        "stomach",
    ]
    assert [current(name).mode for name in programmes()] == ["invited"] * 5 + ["opportunistic"] * 3
    assert [name for name in programmes() if current(name).requires_risk_group] == ["liver", "lung"]


@pytest.mark.parametrize("name", sorted(RAW))
def test_every_file_passes_the_check(name):
    assert faults_of(RAW[name]) == []


def test_the_files_go_with_each_other():
    assert faults_of_versions(protocols()) == []


@pytest.mark.parametrize("protocol", protocols(), ids=lambda one: f"{one.programme}-{one.version}")
def test_every_result_and_every_finding_can_be_entered_by_its_label(protocol):
    for test in protocol.tests.values():
        for category in test.categories.values():
            for label in category.label.values():
                assert interpret(test, word=label).category == category.key


@pytest.mark.parametrize("protocol", protocols(), ids=lambda one: f"{one.programme}-{one.version}")
def test_every_step_is_reached_from_some_result(protocol):
    reached = {category.leads_to for test in protocol.tests.values() for category in test.categories.values()} | {
        "verify_result"
    }
    reached |= {test.disagreement_leads_to for test in protocol.tests.values()} - {None}
    beside = [one for test in protocol.tests.values() for one in test.components]
    reached |= {value.leads_to for one in beside for value in one.values.values()}
    grows = True
    while grows:
        more = set(reached)
        for key in reached & protocol.steps.keys():
            step = protocol.steps[key]
            more.add(step.positive_leads_to)
            for pattern in step.discharged_by:
                kind, _, name = pattern.partition(":")
                if kind == "assessed":
                    more |= {finding.leads_to for finding in protocol.assessments[name].findings.values()}
        grows = more != reached
        reached = more
    assert protocol.steps.keys() - reached == set()


# --- What a file may share ---


def test_readings_of_one_image_share_their_categories():
    tests = current("breast").tests
    assert {category.leads_to for category in tests["mammography"].categories.values()} == {
        "second_reading",
        "repeat_imaging",
    }
    assert tests["mammography_second"].categories["birads_4"].leads_to == "assessment_urgent"
    assert tests["mammography_second"].categories == tests["breast_ultrasound"].categories
    density = tests["mammography"].components[0]
    assert (density.key, list(density.values)) == ("density", ["a", "b", "c", "d"])


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda raw: raw["tests"]["breast_ultrasound"].update(categories_of="scan"), "'scan' has no categories"),
        (
            lambda raw: raw["tests"]["mammography"]["components"][0].update(values=[]),
            "components density: needs a name in both languages, a code and values",
        ),
        (
            lambda raw: raw["tests"]["mammography"]["components"][0]["values"][0].update(codes=["x|1"]),
            "components density.values a: 'x|1' is not",
        ),
        (lambda raw: raw["steps"]["biopsy"].update(discharged_by=["closed"]), "only 'closed' leaves this state"),
        (lambda raw: raw["assessments"]["biopsy"]["findings"][0].pop("leads_to"), "leads to no step and no next round"),
        (lambda raw: raw["eligibility"]["bands"][0].pop("city_sets"), "neither a source nor city_sets"),
        (lambda raw: raw["steps"]["short_follow_up"].update(source="hearsay"), "'hearsay' is not in [sources]"),
        (
            lambda raw: raw["eligibility"].update(
                bands=[
                    {"min_age": 40, "max_age": 49, "tests": ["mammography"], "interval_months": 24, "city_sets": True},
                    {"min_age": 51, "tests": ["mammography"], "interval_months": 24, "city_sets": True},
                ]
            ),
            "leaves a gap after age 49",
        ),
        (
            lambda raw: raw["eligibility"].update(
                bands=[
                    {"min_age": 40, "max_age": 50, "tests": ["mammography"], "interval_months": 24, "city_sets": True},
                    {"min_age": 50, "tests": ["mammography"], "interval_months": 24, "city_sets": True},
                ]
            ),
            "overlaps the band before it",
        ),
        (
            lambda raw: raw["tests"]["clinical_exam"]["categories"]["normal"]["words"].append("lump"),
            "'lump' also means",
        ),
    ],
)
def test_the_check_names_the_fault_and_its_place(change, fault):
    raw = copy.deepcopy(RAW["breast"])
    change(raw)
    assert [one for one in faults_of(raw) if fault in one] != []


def test_two_programmes_cannot_claim_one_code():
    text = (FOLDER / "oral.toml").read_text(encoding="utf-8")
    other = parse(text.replace('programme = "oral"', 'programme = "mouth"'), name="mouth.toml")
    assert "mouth.oral_exam: oral-visual-exam already belongs to oral.oral_exam" in faults_of_versions(
        [*protocols(), other]
    )


@pytest.mark.parametrize(
    ("path", "value", "fault"),
    [
        ("tests", "fit", "tests: 'fit' is not a table"),
        ("call.attempts", True, "call.attempts: True is not a whole number from 0 to 36500"),
        ("call.attempts", 10**9, "call.attempts: 1000000000 is not a whole number from 0 to 36500"),
        ("call.attemps", 2, "call.attemps: is not a known field"),
        ("valid_from", "2027-01-01", "valid_from: '2027-01-01' is not a day"),
        ("eligibility.bands", [3], "eligibility.bands: [3] is not a list of tables"),
        ("eligibility.bands", [{"min_age": 40, "tests": ["fit"]}], "eligibility.bands[0].interval_months: is missing"),
        ("tests.fit.name", {"vi": "FIT"}, "tests.fit.name: {'vi': 'FIT'} is not a text in vi and en"),
        ("tests.fit.codes", [1], "tests.fit.codes: [1] is not a list of tables"),
        ("steps.colonoscopy.name", None, "steps.colonoscopy.name: None is not a text in vi and en"),
        ("reasons.declined", {"vi": "Từ chối"}, "reasons.declined: needs a text in vi and en"),
        ("wording.positive", "xấu", "wording.positive: holds verdict, meaning and next as texts, in each language"),
        ("assessments", ["colonoscopy"], "assessments: ['colonoscopy'] is not a table"),
    ],
)
def test_a_value_of_another_kind_is_told_with_its_place(path: str, value: object, fault: str) -> None:
    raw = tomllib.loads((FOLDER / "colorectal_2026.toml").read_text(encoding="utf-8"))
    at = raw
    *way, last = path.split(".")
    for key in way:
        at = at[key]
    at[last] = value
    assert faults_of(raw) == [fault]
