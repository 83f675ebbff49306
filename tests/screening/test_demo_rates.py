"""The simulation finds what was found: the published rates, and values that agree with what they are said to mean."""

from collections import Counter
from datetime import date
from decimal import Decimal
from random import Random

import pytest

from screening.demo.batches import batches
from screening.demo.calendar import DAYS, FIRST, LAST, random_day
from screening.demo.names import random_name
from screening.demo.people import birthday
from screening.demo.places import Site
from screening.demo.plan import Options, Plan, make_plan
from screening.demo.processes import Failed, share_out
from screening.demo.rates import FIT_POSITIVE
from screening.demo.sampling import Taken, draw, haemoglobin

TESTS = 5000


@pytest.fixture
def plan(db: None) -> Plan:
    return make_plan(Options(TESTS, 1, ("005", "019", "268"), date(2026, 11, 2)), apart=0)


@pytest.fixture
def taken(plan: Plan) -> list[Taken]:
    return [test for part in plan.slices for test in draw(part).tests if not test.withdrawn]


def is_positive(test: Taken) -> bool:
    if isinstance(test.value, Decimal):
        return test.value >= (100 if test.unit == "ng/mL" else 20)
    return test.value not in ("negative", "nilm", "inadequate")


def share(tests: list[Taken]) -> float:
    return sum(map(is_positive, tests)) / len(tests)


def test_there_are_exactly_as_many_tests_as_wanted(taken: list[Taken]) -> None:
    assert len(taken) == TESTS
    assert len({(test.site.code, test.specimen, test.test) for test in taken}) == TESTS


def test_fit_positivity_is_the_published_one_higher_in_men_and_rising_with_age(taken: list[Taken]) -> None:
    fits = [test for test in taken if test.test == "fit"]
    assert len(fits) / TESTS == pytest.approx(0.88, abs=0.01)
    assert share(fits) == pytest.approx(FIT_POSITIVE, abs=0.004)
    assert share([test for test in fits if test.person.sex == "male"]) > share(
        [test for test in fits if test.person.sex == "female"]
    )
    young = [test for test in fits if test.person.age(test.collected) < 60]
    assert share(young) < share([test for test in fits if test.person.age(test.collected) >= 60])


def test_cervical_results_are_near_the_published_rates(taken: list[Taken]) -> None:
    hpv = [test for test in taken if test.test == "hpv"]
    assert share(hpv) == pytest.approx(0.093, abs=0.04)
    assert share([test for test in taken if test.test == "cytology"]) == pytest.approx(0.091, abs=0.05)
    assert {test.person.sex for test in taken if test.test != "fit"} == {"female"}


def test_people_are_of_the_age_that_is_screened(taken: list[Taken]) -> None:
    ages = Counter(test.person.age(test.collected) for test in taken if test.test == "fit")
    assert 40 <= min(ages) <= max(ages) <= 86
    women = [test.person.age(test.collected) for test in taken if test.test in ("hpv", "via")]
    assert 25 <= min(women) <= max(women) <= 66  # a test in autumn may come after the birthday


def test_the_protocol_reads_each_value_as_it_was_meant(plan: Plan) -> None:
    for part in plan.slices[:6]:
        meant = {test.specimen: is_positive(test) for test in draw(part).tests if test.mistaken is None}
        resources = [resource for _, resource in batches(part).first if resource["resourceType"] == "Observation"]
        read = {
            resource["specimen"]["identifier"]["value"]: resource["interpretation"][0]["coding"][0]["code"] == "POS"
            for resource in resources
        }
        assert {specimen: read[specimen] for specimen in meant} == meant


def test_haemoglobin_lies_on_its_side_of_the_cut_off_in_the_analysers_steps() -> None:
    rng = Random(1)
    high = [haemoglobin(rng, positive=True) for _ in range(500)]
    low = [haemoglobin(rng, positive=False) for _ in range(500)]
    assert min(high) >= 20 > max(low)
    assert max(high) <= 200
    assert {amount * 5 % 1 for amount in high + low} == {0}


def test_samples_are_taken_on_working_days_of_the_pilot() -> None:
    rng = Random(1)
    days = Counter(random_day(rng) for _ in range(20_000))
    assert FIRST <= min(days) <= max(days) <= LAST
    assert date(2017, 5, 1) not in days
    assert sum(count for day, count in days.items() if day.weekday() == 6) < 300
    by_month = Counter(day.month for day in days.elements())
    assert by_month[10] > by_month[7] > by_month[3]
    assert random_day(rng, not_before=LAST) == LAST
    assert random_day(rng, not_before=date(2018, 1, 1)) is None
    assert len(DAYS) == 303


def test_birthdays_give_the_age() -> None:
    rng = Random(1)
    for _ in range(300):
        on, age = random_day(rng), rng.randint(25, 85)
        assert on is not None
        born = birthday(rng, age=age, on=on)
        assert on.year - born.year - ((on.month, on.day) < (born.month, born.day)) == age


def test_names_have_the_frequencies_of_the_north() -> None:
    rng = Random(1)
    women = [random_name(rng, sex="female", birth_year=1950) for _ in range(4000)]
    assert sum(name.family == "Nguyễn" for name in women) / 4000 == pytest.approx(0.38, abs=0.03)
    assert sum("Thị" in name.given for name in women) > 3000
    assert sum("Văn" in random_name(rng, sex="male", birth_year=1950).given for _ in range(1000)) > 400


def double(number: int) -> int:
    if number == 13:
        raise ValueError("unlucky")
    return number * 2


def test_work_is_shared_out_and_all_answers_come_back() -> None:
    assert sorted(share_out(double, range(9), processes=2)) == [(number, number * 2) for number in range(9)]
    assert list(share_out(double, [3, 4], processes=1)) == [(3, 6), (4, 8)]


def test_a_failing_process_is_told_of() -> None:
    with pytest.raises(Failed, match="unlucky"):
        list(share_out(double, [1, 2, 13, 4], processes=2))


def test_site_ids_are_made_from_codes(plan: Plan) -> None:
    first: Site = plan.sites[0]
    assert (first.code, first.id) == ("01901", "demo-01901")
