"""The days on which the pilot took samples: 2 March to 29 December 2017, working days mostly, with a season's shape."""

from bisect import bisect
from datetime import date, timedelta
from itertools import accumulate
from random import Random

FIRST, LAST = date(2017, 3, 2), date(2017, 12, 29)

# A campaign that starts slowly, rests in the summer heat and peaks in autumn.
_MONTHS = {3: 0.45, 4: 0.85, 5: 1.15, 6: 1.0, 7: 0.75, 8: 0.85, 9: 1.15, 10: 1.45, 11: 1.4, 12: 0.95}
_WEEKDAYS = (1.15, 1.1, 1.05, 1.05, 0.95, 0.45, 0.04)  # Monday … Sunday; some stations open on Saturday mornings
# Hùng Kings' Day, 30 April and 1 May with their days off, National Day with its day off.
_HOLIDAYS = {
    date(2017, 4, 6),
    date(2017, 4, 30),
    date(2017, 5, 1),
    date(2017, 5, 2),
    date(2017, 9, 2),
    date(2017, 9, 4),
}

DAYS = [FIRST + timedelta(days=number) for number in range((LAST - FIRST).days + 1)]
_CUMULATED = list(
    accumulate(0.0 if day in _HOLIDAYS else _MONTHS[day.month] * _WEEKDAYS[day.weekday()] for day in DAYS)
)


def random_day(rng: Random, *, not_before: date = FIRST) -> date | None:
    """A sampling day on or after `not_before`, None if the pilot is over by then."""
    low = 0.0 if not_before <= FIRST else _CUMULATED[min((not_before - FIRST).days, len(DAYS)) - 1]
    if low >= _CUMULATED[-1]:
        return None
    return DAYS[min(bisect(_CUMULATED, low + rng.random() * (_CUMULATED[-1] - low)), len(DAYS) - 1)]


def working_day(day: date) -> date:
    """The day itself, or the Monday after it if it falls on a weekend."""
    return day + timedelta(days=max(0, 7 - day.weekday())) if day.weekday() > 4 else day
