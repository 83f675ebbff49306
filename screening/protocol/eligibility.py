"""Who a programme is for, on a given day.

How age is counted is data: an ambiguous age rule once left 120,000 women out of their last screening, unnoticed.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Protocol as Shape

from screening.protocol.shapes import Band, Coding, Exclusion, Protocol, RiskGroup


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

    ``risks`` and ``exclusions`` are the keys of those that her record shows (``risk_groups_of``, ``exclusions_of``).
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


def risk_groups_of(
    protocol: Protocol, codings: Iterable[Coding], values: Iterable[tuple[Coding, Decimal, str]] = ()
) -> list[RiskGroup]:
    """The risk groups that somebody with these Condition codes and (code, value, UCUM unit) observations is in."""
    have, measured = set(codings), list(values)
    return [
        group
        for group in protocol.risk_groups
        if _any_coded(group.codings, have)
        or (
            (seen := group.observation) is not None
            and any(
                (code, unit) == (seen.coding, seen.unit) and value >= seen.at_least for code, value, unit in measured
            )
        )
    ]


def exclusions_of(protocol: Protocol, codings: Iterable[Coding]) -> list[Exclusion]:
    """The exclusions that somebody with these Condition and Procedure codes falls under."""
    have = set(codings)
    return [item for item in protocol.exclusions if _any_coded(item.codings, have)]


def _any_coded(wanted: Iterable[Coding], have: Iterable[Coding]) -> bool:
    """Whether a code is among the wanted; of ICD-10 the wanted one may be the beginning (C18 means C18.7 too)."""
    return any(
        system == held_system and (held == code or (system.endswith("icd-10") and held.startswith(f"{code}.")))
        for system, code in wanted
        for held_system, held in have
    )
