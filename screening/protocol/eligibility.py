"""Who a programme is for, on a given day.

How age is counted is data: an ambiguous age rule once left 120,000 women out of their last screening, unnoticed.
"""

from dataclasses import dataclass
from datetime import date
from typing import Protocol as Shape

from screening.protocol.shapes import Band, Protocol


class Person(Shape):
    """What eligibility looks at; ``records.models.Citizen`` fits."""

    @property
    def sex(self) -> str: ...

    @property
    def birth_date(self) -> date | None: ...


@dataclass(frozen=True, slots=True)
class Eligibility:
    """The answer with its reason: ``ok``, or ``sex``, ``birth_date`` (unknown), ``too_young``, ``too_old``."""

    eligible: bool
    reason: str
    age: int | None = None
    band: Band | None = None


def age_on(birth_date: date, on: date, counted: str = "on_day") -> int:
    """Completed years on the day (born 29 February: on 1 March in other years), or by calendar year alone.

    ``counted`` is the protocol's ``age_counted``: ``on_day`` or ``birth_year``. Negative before birth.
    """
    years = on.year - birth_date.year
    if counted == "birth_year":
        return years
    return years - ((on.month, on.day) < (birth_date.month, birth_date.day))


def eligible(person: Person, on: date, protocol: Protocol) -> Eligibility:
    """Whether the programme is for this person on that day."""
    if (person.sex or "unknown") not in protocol.sexes:
        return Eligibility(False, "sex")
    if person.birth_date is None:
        return Eligibility(False, "birth_date")
    age = age_on(person.birth_date, on, protocol.age_counted)
    for band in protocol.bands:
        if age < band.min_age:
            return Eligibility(False, "too_young", age)
        if band.max_age is None or age <= band.max_age:
            return Eligibility(True, "ok", age, band)
    return Eligibility(False, "too_old", age)
