"""Dates as the periods that their precision means, [low, high), on a *calendar axis*.

The axis is the wall clock of ``settings.TIME_ZONE``, written as if it were UTC: 2017-05-12 is the day from
2017-05-12T00:00Z to the next, and 2017-05-12T06:30+07:00 (a fasting blood sample) lies in that day, at 06:30Z. So a
calendar date is never shifted, ``starts::date`` is always the clinical day, and a search for a day finds what
happened on it. Both sides of a search use this axis. ``meta.lastUpdated`` alone is searched as real instants.
"""

import re
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from functools import cache, lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings

Period = tuple[datetime | None, datetime | None]

OPEN: Period = (None, None)
_DATE = re.compile(r"\d{4}(-\d\d(-\d\d)?)?", re.ASCII)
_INSTANT = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d)(?::(\d\d)(?:\.(\d+))?)?(Z|[+-]\d\d:\d\d)?", re.ASCII)


@cache
def server_zone() -> ZoneInfo:
    """The zone that a time without one is in, and whose wall clock the axis shows."""
    return ZoneInfo(settings.TIME_ZONE)


def _day(year: int, month: int, day: int) -> datetime:
    return datetime(year, month, day, tzinfo=UTC)


@lru_cache(maxsize=8192)
def period_of(text: str) -> Period:
    """``2017-05`` -> May 2017. An end after the year 9999 is open (None). ValueError for anything but a FHIR date."""
    if not _DATE.fullmatch(text):
        return _instant(text)
    if len(text) == 10:
        low = _day(*_three(date.fromisoformat(text)))
        return low, _after(low, timedelta(days=1))
    if len(text) == 7:
        year, month = int(text[:4]), int(text[5:])
        low = _day(year, month, 1)
        return low, _day(year + month // 12, month % 12 + 1, 1) if (year, month) != (9999, 12) else None
    year = int(text)
    return _day(year, 1, 1), _day(year + 1, 1, 1) if year < 9999 else None


def _three(day: date) -> tuple[int, int, int]:
    return day.year, day.month, day.day


def _after(low: datetime, step: timedelta) -> datetime | None:
    try:
        return low + step
    except OverflowError:
        return None


def _instant(text: str) -> Period:
    parts = _INSTANT.fullmatch(text)
    if parts is None:
        raise ValueError(text)
    day, minutes, seconds, fraction, zone = parts.groups()
    leap = seconds == "60"
    moment = datetime.fromisoformat(f"{day}T{minutes}:{'59' if leap else seconds or '00'}{zone or ''}")
    digits = (fraction or "")[:6]
    moment = moment.replace(microsecond=int(digits.ljust(6, "0")))
    if seconds is None:
        step = timedelta(minutes=1)
    else:
        step = timedelta(microseconds=10 ** (6 - len(digits)))
    if zone:
        with suppress(OverflowError):  # in the year 1 or 9999
            moment = moment.astimezone(server_zone())
    low = moment.replace(tzinfo=UTC)
    return low, _after(low, step)


def as_instant(point: datetime | None) -> datetime | None:
    """The real instant of a point of the axis; in the first and last hours of time, the point itself."""
    if point is None:
        return None
    try:
        return point.replace(tzinfo=server_zone()).astimezone(UTC)
    except OverflowError:
        return point


def now() -> datetime:
    """This moment on the axis."""
    return datetime.now(server_zone()).replace(tzinfo=UTC)


def span(kind: str, value: Any) -> Period | None:
    """The period of a date, dateTime, instant, Period or Timing element; None when it says nothing of a date."""
    if kind == "Period":
        return _bounded(value)
    if kind == "Timing":
        return _timing(value)
    return period_of(value) if isinstance(value, str) else None


def _bounded(value: dict[str, Any]) -> Period | None:
    start, end = value.get("start"), value.get("end")
    if start is None and end is None:
        return None
    return period_of(start)[0] if start else None, period_of(end)[1] if end else None


def _timing(value: dict[str, Any]) -> Period | None:
    spans = [period_of(event) for event in value.get("event", ()) if event]
    bounds = value.get("repeat", {}).get("boundsPeriod")
    if bounds and (bounded := _bounded(bounds)):
        spans.append(bounded)
    if not spans:
        return None
    lows = [low for low, _ in spans if low is not None]
    highs = [high for _, high in spans if high is not None]
    return min(lows) if len(lows) == len(spans) else None, max(highs) if len(highs) == len(spans) else None
