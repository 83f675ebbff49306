"""The comparison prefixes as SQL, for periods and for numbers.

A resource's value is itself a range: a period [low, high) of time, or the numbers [low, high] (both the same for a
plain number). An end that is null is open. The meanings are those of FHIR R4, section 3.1.1.4.6.
"""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from fhir.parameters.dates import Period
from fhir.search.query import DateValue, NumberValue, Prefix
from fhir.search.sql import Sql


def compare_period(prefix: Prefix, sought: Period, low: str, high: str, *, now: datetime) -> Sql:
    """Compare the period in columns ``low`` and ``high`` with the one sought; ``now`` (same axis) is for ``ap``."""
    start, end = sought
    if prefix == "ap":
        start, end = widened(start, end, now)
        parts = [f"({low} IS NULL OR {low} < %s)"] if end else []
        parts += [f"({high} IS NULL OR {high} > %s)"] if start else []
        return Sql(f"({' AND '.join(parts)})", tuple(value for value in (end, start) if value))
    # starts before the end of what is sought: redundant for exactness, but an index can use it
    inside = f"({low} >= %s AND {low} < %s AND {high} <= %s)" if end else f"{low} >= %s"
    values: tuple[Any, ...] = (start, end, end) if end else (start,)
    return {
        "eq": lambda: Sql(inside, values),
        "ne": lambda: Sql(f"{inside} IS NOT TRUE", values),
        "gt": lambda: Sql(f"({high} > %s OR {high} IS NULL)", (end,)) if end else Sql("FALSE"),
        "lt": lambda: Sql(f"({low} < %s OR {low} IS NULL)", (start,)),
        "ge": lambda: (
            Sql(f"({high} > %s OR {high} IS NULL OR {inside})", (end, *values)) if end else Sql(inside, values)
        ),
        "le": lambda: Sql(f"({low} < %s OR {low} IS NULL OR {inside})", (start, *values)),
        "sa": lambda: Sql(f"{low} >= %s", (end,)) if end else Sql("FALSE"),
        "eb": lambda: Sql(f"{high} <= %s", (start,)),
    }[prefix]()


def widened(start: datetime | None, end: datetime | None, now: datetime) -> Period:
    """What ``ap`` means: a tenth of the time between now and the date to either side."""
    near = start if start and start > now else end if end and end < now else None
    margin = abs(now - near) / 10 if near else timedelta(0)
    return _moved(start, -margin), _moved(end, margin)


def _moved(point: datetime | None, by: timedelta) -> datetime | None:
    try:
        return point and point + by
    except OverflowError:
        return None


def compare_instant(value: DateValue, sought: Period, column: str, *, now: datetime) -> Sql:
    """Compare a single instant in a column that is never null."""
    start, end = sought
    if value.prefix == "ap":
        start, end = widened(start, end, now)
    inside, values = [f"{column} >= %s"], [start]
    if end:
        inside, values = [*inside, f"{column} < %s"], [*values, end]
    within = Sql(f"({' AND '.join(inside)})", tuple(values))
    if value.prefix in ("gt", "sa"):
        return Sql(f"{column} >= %s", (end,)) if end else Sql("FALSE")
    if value.prefix in ("lt", "eb"):
        return Sql(f"{column} < %s", (start,))
    if value.prefix == "ge":
        return Sql(f"{column} >= %s", (start,))
    if value.prefix == "le":
        return Sql(f"{column} < %s", (end,)) if end else Sql("TRUE")
    return Sql(f"NOT {within.text}", within.params) if value.prefix == "ne" else within


def compare_number(value: NumberValue, low: str, high: str) -> Sql:
    """Compare the numbers in columns ``low`` and ``high``. Only eq, ne and ap heed the precision of what is sought."""
    number = value.number
    least, most = value.implied
    inside = f"({low} >= %s AND {high} < %s)"
    if value.prefix == "ap":
        margin = abs(number) / Decimal(10)
        sought = (max(most, number + margin), min(least, number - margin))
        return Sql(f"(({low} IS NULL OR {low} <= %s) AND ({high} IS NULL OR {high} >= %s))", sought)
    if value.prefix == "eq":
        return Sql(inside, (least, most))
    if value.prefix == "ne":
        return Sql(f"{inside} IS NOT TRUE", (least, most))
    text = {
        "gt": f"({high} > %s OR {high} IS NULL)",
        "lt": f"({low} < %s OR {low} IS NULL)",
        "ge": f"({high} >= %s OR {high} IS NULL)",
        "le": f"({low} <= %s OR {low} IS NULL)",
        "sa": f"{low} > %s",
        "eb": f"{high} < %s",
    }[value.prefix]
    return Sql(text, (number,))
