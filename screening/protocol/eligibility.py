"""Who a programme is for, on a given day.

How age is counted is data: an ambiguous age rule once left 120,000 women out of their last screening, unnoticed.
"""

from collections.abc import Collection
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
    """The answer with its reason: ``ok``, or ``sex``, ``birth_date`` (unknown), ``residence``, ``excluded``,
    ``risk_group`` (in none of those required), ``too_young``, ``too_old``.

    ``interval_months`` is the band's or, if shorter, that of the ``risk`` group (a key) that the person is in.
    """

    eligible: bool
    reason: str
    age: int | None = None
    band: Band | None = None
    risk: str = ""
    interval_months: int | None = None


def age_on(birth_date: date, on: date, counted: str = "on_day") -> int:
    """Completed years on the day (born 29 February: on 1 March in other years), or by calendar year alone.

    ``counted`` is the protocol's ``age_counted``: ``on_day`` or ``birth_year``. Negative before birth.
    """
    years = on.year - birth_date.year
    if counted == "birth_year":
        return years
    return years - ((on.month, on.day) < (birth_date.month, birth_date.day))


def eligible(
    person: Person,
    on: date,
    protocol: Protocol,
    *,
    lives_here: bool = True,
    risks: Collection[str] = (),
    exclusions: Collection[str] = (),
) -> Eligibility:
    """Whether the programme is for this person on that day.

    ``risks`` and ``exclusions`` are the keys of those that her record shows (``recall.known``).
    """
    if (person.sex or "unknown") not in protocol.sexes:
        return Eligibility(False, "sex")
    if person.birth_date is None:
        return Eligibility(False, "birth_date")
    age = age_on(person.birth_date, on, protocol.age_counted)
    if protocol.residence == "city" and not lives_here:
        return Eligibility(False, "residence", age)
    if any(item.key in exclusions for item in protocol.exclusions):
        return Eligibility(False, "excluded", age)
    groups = [group for group in protocol.risk_groups if group.key in risks]
    if protocol.requires_risk_group and not groups:
        return Eligibility(False, "risk_group", age)
    bands = [(band.min_age, band.max_age, band, "", band.interval_months) for band in protocol.bands]
    for group in groups:
        for band in protocol.bands:
            low = band.min_age if group.min_age is None else group.min_age
            high = band.max_age if group.max_age is None else group.max_age
            bands.append((low, high, band, group.key, group.interval_months or band.interval_months))
    if protocol.requires_risk_group:
        bands = bands[len(protocol.bands) :]
    fitting = [item for item in bands if item[0] <= age and (item[1] is None or age <= item[1])]
    if fitting:
        *_, band, risk, months = min(fitting, key=lambda item: (item[4], item[0] > age, -item[2].min_age))
        return Eligibility(True, "ok", age, band, risk, months)
    too_young = all(age < low for low, *_ in bands)
    return Eligibility(False, "too_young" if too_young else "too_old", age)
