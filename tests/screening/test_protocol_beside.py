"""What is reported beside a result leads on: a dense breast on images that show no cancer asks for an ultrasound."""

import copy
import tomllib
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from screening.protocol import current, fold
from screening.protocol.beside import read_components
from screening.protocol.check import faults_of
from screening.protocol.codes import SNOMED
from screening.protocol.events import add_months
from screening.protocol.load import FOLDER
from tests.screening.pathways import PROTOCOLS, WALK, assessed, closed, folded, histories, result, standing

DAY = date(2026, 3, 2)
BREAST = current("breast")
RAW = tomllib.loads((FOLDER / "breast.toml").read_text(encoding="utf-8"))


def image(test, category, density=None, source="a", day=DAY, **data):
    beside = {"components": {"density": density}} if density is not None else {}
    return result(BREAST, source, test, category, day, **beside, **data)


def read_twice(first="birads_1", second="birads_1", densities=(None, None)):
    return [
        image("mammography", first, densities[0]),
        image("mammography_second", second, densities[1], source="b"),
    ]


def where(*events):
    state = fold(events, "breast")
    return (state.step, state.due_on) if state.state != "closed" else (state.outcome, state.detail, state.due_on)


ULTRASOUND = ("supplemental_ultrasound", DAY + timedelta(days=60))
SCREENED = ("negative", "", add_months(DAY, 24))


@pytest.mark.parametrize(
    ("densities", "where_it_stands"),
    [
        ((None, None), SCREENED),
        (("a", "b"), SCREENED),
        (("c", "c"), ULTRASOUND),
        (("d", None), ULTRASOUND),
        (("b", "c"), ULTRASOUND),  # the denser of two
        (("c", "a"), ULTRASOUND),
        (("", None), ("verify_result", DAY + timedelta(days=7))),  # nobody may read it as harmless
    ],
)
def test_a_dense_breast_on_negative_images_asks_for_an_ultrasound(densities, where_it_stands):
    assert where(*read_twice(densities=densities)) == where_it_stands


def test_density_asks_for_nothing_before_the_second_reading_nor_beside_a_positive():
    assert where(image("mammography", "birads_1", "d"))[0] == "second_reading"
    assert where(*read_twice("birads_4", "birads_4", ("d", "d")))[0] == "assessment_urgent"
    assert [need.step for need in fold(read_twice("birads_4", "birads_4", ("d", "d")), "breast").needs] == [
        "assessment_urgent"
    ]


def test_a_preliminary_reading_says_nothing_of_density_yet():
    first = image("mammography", "birads_1", "d", preliminary=True)
    final = [image("mammography", "birads_1", "a", "c"), image("mammography_second", "birads_1", "a", "b")]
    assert [need.step for need in fold([first, *final], "breast").needs] == ["verify_result"]


def test_the_third_readers_no_leaves_the_density_that_the_others_saw():
    differ = read_twice("birads_1", "birads_4", ("d", "d"))
    later = DAY + timedelta(days=3)
    calm = image("mammography_arbitration", "birads_2", source="c", day=later)
    assert where(*differ, calm) == ("supplemental_ultrasound", later + timedelta(days=60))


@pytest.mark.parametrize(
    ("category", "days", "where_it_stands"),
    [
        ("birads_1", 20, ("negative", "triage", add_months(DAY + timedelta(days=20), 24))),
        ("birads_1", 0, ("negative", "triage", add_months(DAY, 24))),  # on the same day, as often here
        ("birads_3", 20, ("short_follow_up", add_months(DAY + timedelta(days=20), 6))),
        ("birads_4", 20, ("assessment_urgent", DAY + timedelta(days=34))),
        ("inadequate", 20, ("repeat_imaging", DAY + timedelta(days=50))),
    ],
)
def test_the_ultrasound_ends_it_or_leads_where_it_says_itself(category, days, where_it_stands):
    dense = read_twice(densities=("c", "c"))
    seen = image("breast_ultrasound", category, source="u", day=DAY + timedelta(days=days))
    assert where(*dense, seen) == where_it_stands
    assert ("supplemental_ultrasound" in [need.step for need in fold([*dense, seen], "breast").needs]) == (
        category == "inadequate"
    )


def test_it_can_be_declined_with_a_reason_and_a_correction_takes_it_back():
    dense = read_twice(densities=("c", "c"))
    day = DAY + timedelta(days=9)
    said_no = closed("x", "declined", day, ("Observation/b", "birads_1"))
    assert where(*dense, said_no)[:2] == ("closed", "declined")
    corrected = [image("mammography", "birads_1", "b"), image("mammography_second", "birads_1", "a", source="b")]
    for event in corrected:
        object.__setattr__(event, "version", 2)
    assert where(*dense, *corrected) == SCREENED


@WALK
@given(data=st.data())
def test_no_round_ends_while_a_dense_negative_is_unanswered(data):
    events = data.draw(histories(PROTOCOLS["breast-2026.1"]))
    dense = [
        event
        for event in standing(events)
        if event.fact == "result"
        and event.data["test"] == "mammography_arbitration"  # the last word by itself
        and event.data["outcome"] == "negative"
        and not event.data.get("preliminary")
        and event.data.get("components", {}).get("density") in ("c", "d")
    ]
    died = any(event.fact == "died" for event in standing(events))
    for state in folded(BREAST, events)[0]:
        for event in (one for one in dense if one in state.events):
            answers = {
                other.fact if other.fact != "result" else other.data["test"]
                for other in state.events
                if not other.withdrawn and other.occurred_on >= event.occurred_on and other.source != event.source
            }
            asked = [need.source for need in state.needs if need.step == "supplemental_ultrasound"]
            assert event.source in asked or died or answers & {"breast_ultrasound", "assessed", "closed"}


def test_an_assessment_answers_it_too():
    seen = assessed("p", "assessment", "normal", DAY + timedelta(days=5))
    assert where(*read_twice(densities=("c", "c")), seen)[:2] == ("assessed", "normal")


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ({"valueCodeableConcept": {"coding": [{"system": SNOMED, "code": "129718006"}]}}, {"density": "c"}),
        ({"valueCodeableConcept": {"text": "d: rất đặc"}}, {"density": "d"}),
        ({"valueString": "B"}, {"density": "b"}),
        ({"valueCodeableConcept": {"coding": [{"system": SNOMED, "code": "1"}]}}, {"density": ""}),
        ({}, {"density": ""}),
    ],
)
def test_a_component_is_read_by_code_or_word(part, said):
    coding = {"system": "https://healthhub.example/fhir/CodeSystem/screening", "code": "breast-density"}
    assert read_components(BREAST.tests["mammography"], [{"code": {"coding": [coding]}, **part}]) == said
    assert read_components(BREAST.tests["mammography"], [{"code": {"coding": []}, **part}]) == {}


def density(raw):
    return raw["tests"]["mammography"]["components"][0]


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda raw: density(raw)["values"][1].pop("nothing_more"), "values b: leads_to a step or nothing_more = true"),
        (lambda raw: density(raw)["values"][2].update(nothing_more=True), "values c: leads_to a step or nothing_more"),
        (lambda raw: density(raw)["values"][2].update(leads_to="scan"), "values c.leads_to: unknown step 'scan'"),
        (lambda raw: density(raw)["values"][3].update(wording="thick"), "values d.wording: 'thick' is none of"),
        (lambda raw: density(raw)["values"][3].update(key="c"), "values c: is there twice"),
        (lambda raw: density(raw)["values"][3].update(codes=["local|density-c"]), "'local|density-c' also means c"),
        (lambda raw: density(raw).pop("city_sets"), "names neither a source nor city_sets = true"),
        (lambda raw: raw["steps"]["supplemental_ultrasound"].pop("by_result"), "a triage needs positive_leads_to, or"),
        (lambda raw: raw["steps"]["supplemental_ultrasound"].pop("then_months"), "a triage needs then_months"),
        (
            lambda raw: raw["tests"]["mammography_second"].update(components_of="scan"),
            "mammography_second.components_of: 'scan' has no components",
        ),
    ],
)
def test_the_check_lets_no_value_fall_through(change, fault):
    raw = copy.deepcopy(RAW)
    change(raw)
    assert [one for one in faults_of(raw) if fault in one] != []
