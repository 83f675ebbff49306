"""Residents of the demo clinic's district who are in its rooms today: in a chain of examinations, at the bench."""

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from random import Random

from screening.demo import rates
from screening.demo.people import Person, random_person
from screening.demo.places import Site
from screening.demo.plan import Options
from screening.elements import ZONE

NUMBERS = 9_900_000  # people's numbers from here on are not used by slices below that many tests


def resident(
    options: Options,
    clinic: Site,
    number: int,
    *,
    ages: Mapping[tuple[int, int], int] = rates.FIT_AGES,
    women: float = rates.FIT_WOMEN,
) -> Person:
    """The ``number``th of them, always the same person of a seed."""
    return random_person(
        Random(f"{options.seed}:resident:{number}"),
        number=NUMBERS + number,
        id=f"demo{options.seed}-{clinic.code}-r{number:05d}",
        ages=dict(ages),
        women=women,
        site=clinic,
        on=options.today,
    )


def days_ago(options: Options, days: int) -> date:
    """That day before the demo's present day."""
    return options.today - timedelta(days=days)


def moment(options: Options, days: int, hour: int = 8, minute: int = 30) -> datetime:
    """A time of that day."""
    return datetime.combine(days_ago(options, days), time(hour, minute), tzinfo=ZONE)
