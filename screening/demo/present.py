"""What is going on at the demo clinic now: a few recent tests around `--today`, so that its worklist is alive, and the
demo citizen's record. Everything else of the simulation happened in 2017.
"""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import Any, NamedTuple

from records.identifiers import demo_cccd
from screening.demo import rates
from screening.demo.bench import WAITING_TESTS
from screening.demo.calendar import working_day
from screening.demo.cast import NUMBERS
from screening.demo.chains import CHAINS
from screening.demo.history import ILLNESSES, allergy, vaccination, visit
from screening.demo.names import Name
from screening.demo.people import Person, demo_card, demo_phone, random_person
from screening.demo.places import Site
from screening.demo.plan import Options
from screening.demo.sampling import Taken, haemoglobin

# The citizen's two tests, and one recent test for every 500 of the load, at most 18.
CITIZEN_TESTS, RECENT_TESTS = 2, 18

# (test, what it showed, days since it was resulted, whether the person was referred). Colonoscopy is due after 60 days,
# colposcopy after 112 or 28: some are overdue, some due these days, some just came in.
_RECENT: Sequence[tuple[str, str, int, bool]] = (
    ("fit", "positive", 66, True), ("fit", "negative", 3, False), ("fit", "positive", 57, False),
    ("hpv", "negative", 9, False), ("fit", "negative", 15, False), ("cytology", "hsil", 30, True),
    ("fit", "negative", 1, False), ("fit", "positive", 2, False), ("fit", "inadequate", 20, False),
    ("fit", "negative", 6, False), ("hpv", "hpv16", 24, False), ("fit", "negative", 30, False),
    ("via", "negative", 8, False), ("fit", "positive", 35, True), ("fit", "negative", 22, False),
    ("hpv", "other_hr", 40, False), ("fit", "negative", 44, False), ("fit", "negative", 12, False),
)  # fmt: skip


class Recent(NamedTuple):
    """A recent test, and whether the person has been referred."""

    test: Taken
    referred: bool


def made_apart(tests: int) -> int:
    """How many of all tests are made here and not in slices."""
    return CITIZEN_TESTS + len(CHAINS) + WAITING_TESTS + recent_count(tests)


def recent_count(tests: int) -> int:
    """How many recent tests a load of that size has."""
    return min(RECENT_TESTS, tests // 500)


def recent_tests(options: Options, *, clinic: Site) -> list[Recent]:
    """The demo clinic's tests of the last weeks, each of another person."""
    rng = Random(f"{options.seed}:present")
    found = []
    wanted = _RECENT[: recent_count(options.tests)]
    for number, (test, value, days, referred) in enumerate(wanted, start=1):
        resulted = options.today - timedelta(days=days)
        collected = resulted - timedelta(days=0 if test == "via" else 4)
        fit = test == "fit"
        person = random_person(
            rng,
            number=NUMBERS + number,
            id=f"demo{options.seed}-{clinic.code}-n{number:05d}",
            ages=rates.FIT_AGES if fit else rates.CERVICAL_AGES,
            women=rates.FIT_WOMEN if fit else 1.0,
            site=clinic,
            on=collected,
        )
        measured = fit and value != "inadequate"
        amount: Decimal | str = haemoglobin(rng, positive=value == "positive") if measured else value
        taken = Taken(
            person=person,
            site=clinic,
            test=test,
            specimen=f"{collected:%y}-{900_000 + number:06d}",
            collected=collected,
            resulted=resulted,
            value=amount,
            unit="ug/g" if measured else "",
            kit="OC-Sensor" if fit else "",
        )
        found.append(Recent(taken, referred))
    return found


def demo_citizen(options: Options, *, clinic: Site) -> Person:
    """The person behind the demo's citizen sign-in: a woman of 52 from the demo clinic's district."""
    year = options.today.year - 52
    return Person(
        id=f"demo{options.seed}-citizen",
        number=NUMBERS,
        name=Name("Trần", ("Thị", "Minh", "Hạnh")),
        sex="female",
        born=date(year, 2, 14),
        commune=clinic.homes[min(3, len(clinic.homes) - 1)],
        street="Số 18, ngõ 66 phố Dịch Vọng",
        phone=demo_phone(NUMBERS),
        cccd=demo_cccd(999_999, sex="female", birth_year=year),
        card=demo_card(NUMBERS),
    )


def citizen_tests(options: Options, person: Person, *, clinic: Site, station: Site) -> list[Taken]:
    """A negative FIT at her commune's station in the pilot, and a positive one at the clinic twelve days ago."""
    resulted = working_day(options.today - timedelta(days=9))
    recent = options.today - timedelta(days=12)
    # The kit is the clinic's, the value well above its cut-off of 20 µg/g but far from the highest.
    return [
        _fit(person, station, "17-900000", date(2017, 10, 17), date(2017, 10, 20), Decimal("3.2")),
        _fit(person, clinic, f"{recent:%y}-900100", recent, min(resulted, options.today), Decimal("48.6")),
    ]


def citizen_history(options: Options, person: Person, *, clinic: Site) -> Iterator[dict[str, Any]]:
    """Her visits, diagnoses, medicines, an allergy and vaccinations."""
    day = options.today - timedelta(days=12)
    yield from visit(person, ILLNESSES[0], site=clinic, on=day, name="1", since=day - timedelta(days=1500))
    earlier = working_day(day - timedelta(days=190))
    yield from visit(person, ILLNESSES[2], site=clinic, on=earlier, name="2", since=earlier)
    yield allergy(person, "373270004", "Penicillin", on=earlier, name="1")
    yield vaccination(person, "141", "Vắc xin cúm mùa", site=clinic, on=earlier, name="1")
    yield vaccination(person, "45", "Vắc xin viêm gan B", site=clinic, on=earlier - timedelta(days=400), name="2")


def _fit(person: Person, site: Site, specimen: str, collected: date, resulted: date, value: Decimal) -> Taken:
    return Taken(person, site, "fit", specimen, collected, resulted, value, "ug/g", "OC-Sensor")
