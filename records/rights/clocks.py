"""The law's days: a request is answered within two working days, and done within ten days.

Decree 356/2025 to Law 91/2025 on personal data: an answer in two working days, the work in 10 to 20 days, the shortest
of which is taken for all kinds. Working days are Monday to Friday; days off that the government sets each year (Tết) do
not stop the clock, so that it is never longer than the law's.
"""

from datetime import date, timedelta
from typing import Final

ANSWER_WORKING_DAYS: Final = 2
DONE_DAYS: Final = 10
_FRIDAY = 4


def answer_by(asked: date) -> date:
    """The last day for an answer. The day of asking does not count."""
    day, left = asked, ANSWER_WORKING_DAYS
    while left:
        day += timedelta(days=1)
        left -= day.weekday() <= _FRIDAY
    return day


def done_by(asked: date) -> date:
    """The last day for the correction itself."""
    return asked + timedelta(days=DONE_DAYS)
