"""Interval cancers per 1,000 negative screens, in bands of months since the screen, by programme.

A band counts only screens that are at least as old as its end: the others have not had the time in which such a cancer
could be found, and would make the rate look better than it is. Bands without any such screen are not calculable.
"""

from dataclasses import dataclass
from datetime import date
from typing import Final

from django.db import connection

from screening.citizen import here
from screening.models import CancerMode
from screening.protocol import current, programmes
from screening.protocol.events import add_months

BANDS: Final = ((0, 12), (12, 24), (24, 36))

# One screen is a person's day with a negative result whose round did not lead to an assessment.
_SCREENS = """
SELECT r.programme, {bands} FROM (
  SELECT DISTINCT r.patient_id, r.programme, r.collected_on FROM screening_screeningresult r
  LEFT JOIN screening_episode e ON e.id = r.episode_id
  WHERE r.outcome = 'negative' AND coalesce(e.outcome, '') <> 'assessed'
) r GROUP BY r.programme
"""
_CANCERS = """
SELECT programme, {bands} FROM screening_cancercase
WHERE last_negative_on IS NOT NULL AND mode IN ('interval', 'lapsed') GROUP BY programme
"""
_MODES = "SELECT programme, mode, count(*) FROM screening_cancercase GROUP BY programme, mode"


@dataclass(frozen=True, slots=True)
class Band:
    """Cancers ``first`` to under ``last`` months after a negative screen; ``per_thousand`` None: not calculable."""

    first: int
    last: int
    cancers: int
    screens: int
    per_thousand: float | None


@dataclass(frozen=True, slots=True)
class CancerRates:
    """One programme: its cases by mode, and the bands."""

    programme: str
    name: str
    cases: int
    screen_detected: int
    interval: int
    bands: tuple[Band, ...]


def cancer_rates(on: date) -> list[CancerRates]:
    """The programmes that name their cancer and have had a negative screen or a case; three statements."""
    ends = [add_months(on, -last) for _first, last in BANDS]
    old = ", ".join(["count(*) FILTER (WHERE r.collected_on <= %s)"] * len(BANDS))
    within = ", ".join(
        ["count(*) FILTER (WHERE last_negative_on <= %s AND months_since >= %s AND months_since < %s)"] * len(BANDS)
    )
    limits = [value for end, band in zip(ends, BANDS, strict=True) for value in (end, *band)]
    with connection.cursor() as cursor:
        cursor.execute(_SCREENS.format(bands=old), ends)
        screens = {row[0]: row[1:] for row in cursor.fetchall()}
        cursor.execute(_CANCERS.format(bands=within), limits)
        cancers = {row[0]: row[1:] for row in cursor.fetchall()}
        cursor.execute(_MODES)
        modes: dict[str, dict[str, int]] = {}
        for programme, mode, count in cursor.fetchall():
            modes.setdefault(programme, {})[mode] = count
    found = []
    for key in programmes():
        if current(key).cancer is None or not (key in screens or key in modes):
            continue
        counted = zip(BANDS, cancers.get(key, (0,) * len(BANDS)), screens.get(key, (0,) * len(BANDS)), strict=True)
        found.append(
            CancerRates(
                key,
                here(current(key).name),
                sum(modes.get(key, {}).values()),
                modes.get(key, {}).get(CancerMode.SCREEN_DETECTED, 0),
                modes.get(key, {}).get(CancerMode.INTERVAL, 0),
                tuple(
                    Band(first, last, count, of, 1000 * count / of if of else None)
                    for (first, last), count, of in counted
                ),
            )
        )
    return found
