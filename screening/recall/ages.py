"""Ages as limits of the birth date, so that the database can answer from its index.

The same rule as ``protocol.age_on``: completed years on the day (born 29 February: on 1 March in other years), or by
calendar year alone.
"""

from datetime import date, timedelta

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
