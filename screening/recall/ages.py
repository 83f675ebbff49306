"""Ages as limits of the birth date, so that the database can answer from its index.

The same rule as ``protocol.age_on``: completed years on the day (born 29 February: on 1 March in other years), or by
calendar year alone.
"""

from datetime import date, timedelta

from screening.protocol import Protocol

BIRTH_YEAR = "birth_year"


def born_by(on: date, age: int, counted: str) -> date:
    """The last birth date of whoever has completed ``age`` years on that day."""
    year = on.year - age
    if counted == BIRTH_YEAR:
        return date(year, 12, 31)
    try:
        return on.replace(year=year)
    except ValueError:  # 29 February in a year that has none
        return date(year, 2, 28)


def born_between(on: date, min_age: int, max_age: int | None, counted: str) -> tuple[date, date]:
    """First and last birth date of the people who are of these ages (inclusive) on that day."""
    first = born_by(on, max_age + 1, counted) + timedelta(days=1) if max_age is not None else date(1800, 1, 1)
    return first, born_by(on, min_age, counted)


def reaches_sql(birth_date: str, age: str, counted: str) -> str:
    """The day on which somebody completes ``age`` (SQL expressions of a date and an integer)."""
    if counted == BIRTH_YEAR:
        return f"make_date(extract(year FROM {birth_date})::int + {age}, 1, 1)"
    later = f"({birth_date} + make_interval(years => {age}))::date"
    # Adding years to 29 February gives the 28th where there is no 29th; that person's birthday is 1 March then.
    return f"({later} + (extract(day FROM {birth_date}) - extract(day FROM {later}))::int)"


def age_runs(protocol: Protocol) -> list[tuple[int, int | None]]:
    """The ages that the bands cover, bands that follow each other taken together."""
    runs: list[tuple[int, int | None]] = []
    for band in sorted(protocol.bands, key=lambda band: band.min_age):
        last = runs[-1] if runs else None
        if last and last[1] is not None and band.min_age <= last[1] + 1:
            runs[-1] = (last[0], band.max_age)
        else:
            runs.append((band.min_age, band.max_age))
    return runs


def risk_ages(protocol: Protocol) -> list[tuple[int, int | None]]:
    """First and last age of each risk group; its own, or else those of the bands."""
    runs = age_runs(protocol)
    return [
        (
            group.min_age if group.min_age is not None else runs[0][0],
            group.max_age if group.max_age is not None else runs[-1][1],
        )
        for group in protocol.risk_groups
    ]


def birthdays(protocol: Protocol, after: date, upto: date) -> list[tuple[date, date]]:
    """First and last birth date of those who came to an age in (after, upto] at which something begins or ends."""
    runs = risk_ages(protocol) + ([] if protocol.requires_risk_group else age_runs(protocol))
    limits = {low for low, _ in runs} | {high + 1 for _, high in runs if high is not None}
    spans = [
        (born_by(after, age, protocol.age_counted) + timedelta(days=1), born_by(upto, age, protocol.age_counted))
        for age in sorted(limits)
    ]
    return [(first, last) for first, last in spans if first <= last]
