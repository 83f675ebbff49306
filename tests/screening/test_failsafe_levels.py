"""How far a late round has gone up: any of its open steps counts, by the protocol's clocks. And whose list it is on."""

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir import store
from fhir.reader import read
from fhir.text import parse
from healthhub.accounts.actors import SYSTEM, Role
from records.models import Facility
from screening.failsafe.figures import failsafe_figures, rounds_in
from screening.failsafe.levels import LEVELS, level_of, level_on
from screening.failsafe.nightly import run_nightly
from screening.failsafe.scope import Scope
from screening.models import Episode, Escalation
from screening.projection import episode_row
from screening.protocol import escalation
from screening.rebuild import rebuild
from tests.screening.clinic_room import signed_in
from tests.screening.conftest import Sender, make_patient
from tests.screening.pathways import PROTOCOLS, WALK, folded, histories

CITY = Scope(None, None, names=True)


@pytest.mark.parametrize("name", sorted(PROTOCOLS))
@WALK
@given(data=st.data())
def test_a_round_has_gone_as_far_up_as_the_furthest_of_its_steps(name: str, data: Any) -> None:
    """Of every history, on every day that matters: the stored days say what the clock of each open step says."""
    protocol = PROTOCOLS[name]
    for state in folded(protocol, data.draw(histories(protocol)))[0]:
        row = episode_row("p", protocol.programme, state)
        if row.first_due_on is None or row.district_on is None or row.city_on is None:
            assert (state.state, row.first_due_on, row.district_on, row.city_on) == ("closed", None, None, None)
            continue
        told = {day for need in state.needs for day in (need.due_on, need.district_on, need.city_on)}
        for day in {near for one in told for near in (one - timedelta(days=1), one, one + timedelta(days=1))}:
            each = [escalation(protocol.steps[need.step], need.due_on, day) for need in state.needs]
            furthest = max(each, key=("", *LEVELS).index)
            assert level_on(day, row.first_due_on, row.district_on, row.city_on) == furthest


@pytest.fixture
def two_steps(db: None, send: Sender, man: str) -> Episode:
    """A colonoscopy that is due on 5 July, and a sample to repeat that is due on 7 June already."""
    send.fit(man, "50", on="2024-05-06", specimen="A1")
    send.fit(man, None, on="2024-05-08", specimen="A2", valueString="Không đạt")
    return Episode.objects.get()


def test_a_second_step_that_is_late_takes_the_round_up(two_steps: Episode) -> None:
    assert [(need["step"], need["due_on"]) for need in two_steps.needs] == [
        ("colonoscopy", "2024-07-05"),
        ("repeat_fit", "2024-06-07"),
    ]
    assert two_steps.due_on == date(2024, 7, 5)
    days = {"": date(2024, 6, 7), "facility": date(2024, 6, 8), "district": date(2024, 6, 21), "city": date(2024, 7, 7)}
    for level, day in days.items():
        assert level_of(two_steps, day) == level
        assert rounds_in(CITY, day, level=level or "late").count() == bool(level)
        total = failsafe_figures(CITY, day).total
        assert (total.overdue, total.district, total.city) == (bool(level), level == "district", level == "city")


def test_each_late_step_is_noted_for_itself(two_steps: Episode) -> None:
    run_nightly(date(2024, 6, 21))
    run_nightly(date(2024, 7, 7))
    noted = Escalation.objects.order_by("noted_on", "step").values_list("step", "level")
    assert list(noted) == [("repeat_fit", "district"), ("colonoscopy", "facility"), ("repeat_fit", "city")]


def test_the_worklist_names_the_second_step_beside_the_first(two_steps: Episode, station: Facility) -> None:
    """By now both are long due; the line is the first one's and tells of the other."""
    page = signed_in(Role.CLINICIAN, station).get("/clinic/?tab=overdue")
    (line,) = page.context["worklist"].lines
    assert (line.step, [one.step for one in line.beside]) == ("Nội soi đại tràng", ["Lấy lại mẫu FIT"])
    assert "Lấy lại mẫu FIT" in page.content.decode()


def test_the_departments_rounds_are_on_the_list_of_the_persons_own_facility(
    send: Sender, station: Facility, laboratory: Facility
) -> None:
    """A result without a facility is the department's; who looks after the person moves with her, also in a rebuild."""
    home = {"managingOrganization": {"reference": f"Organization/{station.pk}"}}
    person = make_patient(station, name="Lê Văn Tư", gender="male", born="1960-03-12", **home)
    store.save(send.observation(person, "50") | {"performer": [{"display": "?"}]}, actor=SYSTEM)

    def held() -> tuple[str, str, int | None]:
        episode = Episode.objects.get()
        return episode.owner, episode.holder, episode.area_id

    before = held()
    assert before[:2] == ("department", station.pk)
    assert before[2]
    patient = parse(read(type="Patient", id=person, actor=SYSTEM).content).resource
    there = {"managingOrganization": {"reference": f"Organization/{laboratory.pk}"}}
    del patient["address"]
    store.save({**patient, **there}, actor=SYSTEM)
    assert held() == ("department", laboratory.pk, None)
    rebuild()
    assert held() == ("department", laboratory.pk, None)
