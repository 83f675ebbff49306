"""The months of a report as a chart: a bar for the tests, a mark with its interval for the share that was positive.

Months without any test in between are shown as nought, long silences as a break: a line across them would invent
a course.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from math import ceil, floor, log10
from typing import Any, Final

from django.contrib.humanize.templatetags.humanize import intcomma
from django.utils.formats import number_format

from screening.protocol.events import add_months

WIDTH, HEIGHT = 600.0, 220.0
LEFT, RIGHT, TOP, BOTTOM = 48.0, 8.0, 14.0, 30.0
SILENCE: Final = 3  # months without tests that are still drawn


@dataclass(frozen=True, slots=True)
class Mark:
    """One month: the middle of its slot, its bar, and the places of its share with the ends of the interval.
    ``beyond``: the share lies above the scale."""

    x: float
    bar_x: float
    bar_width: float
    bar_y: float
    bar_height: float
    point: float | None
    beyond: bool
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Label:
    """A text at a place: a month below, a figure at the side; ``anchor`` as SVG knows it."""

    place: float
    text: str
    anchor: str = "middle"


@dataclass(frozen=True, slots=True)
class TrendChart:
    """Two drawings on one row of months: ``count_ticks`` scale the bars, ``share_ticks`` the shares.

    ``silences`` are the first and last months without tests where the row of months breaks off.
    """

    marks: list[Mark]
    months: list[Label]
    breaks: list[float]
    silences: list[tuple[date, date]]
    count_ticks: list[Label]
    share_ticks: list[Label]
    beyond: bool
    left: float = LEFT
    right: float = WIDTH - RIGHT
    bottom: float = HEIGHT - BOTTOM
    top: float = TOP
    width: float = WIDTH
    height: float = HEIGHT


def trend_chart(rows: Sequence[Mapping[str, Any]]) -> TrendChart | None:
    """The chart of a report's rows by month, None without any."""
    slots = _slots(rows)
    if not slots:
        return None
    width = (WIDTH - LEFT - RIGHT) / len(slots)
    counts = _scale(max(row["tested"] for row in rows))
    shares = _scale(_top_share(rows) * 100)
    bottom, room = HEIGHT - BOTTOM, HEIGHT - BOTTOM - TOP

    def place(value: float, top: float) -> float:
        return round(bottom - min(value, top) / top * room, 1)

    marks: list[Mark] = []
    breaks: list[float] = []
    months: list[Label] = []
    for index, slot in enumerate(slots):
        middle = round(LEFT + (index + 0.5) * width, 1)
        if slot is None:
            breaks.append(middle)
            continue
        month, row = slot
        y = place(row["tested"] if row else 0, counts[-1])
        share = row["positivity"] if row else None
        marks.append(
            Mark(
                x=middle,
                bar_x=round(middle - width * 0.36, 1),
                bar_width=round(width * 0.72, 1),
                bar_y=y,
                bar_height=round(bottom - y, 1),
                point=None if share is None else place(share * 100, shares[-1]),
                beyond=share is not None and share * 100 > shares[-1],
                low=place((row["positivity_low"] or 0.0) * 100, shares[-1]) if row else bottom,
                high=place((row["positivity_high"] or 0.0) * 100, shares[-1]) if row else bottom,
            )
        )
        if _is_end(slots, index):
            anchor = "start" if index == 0 else "end" if index == len(slots) - 1 else "middle"
            at = {"start": LEFT, "end": WIDTH - RIGHT}.get(anchor, middle)
            if not months or at - months[-1].place > 90:
                months.append(Label(at, f"{month:%m/%Y}", anchor))
    digits = 0 if shares[1] >= 1 else 1
    return TrendChart(
        marks=marks,
        months=months,
        breaks=breaks,
        silences=[
            (add_months(before[0], 1), add_months(after[0], -1))
            for before, gap, after in zip(slots, slots[1:], slots[2:], strict=False)
            if gap is None and before and after
        ],
        count_ticks=[Label(place(value, counts[-1]), intcomma(round(value))) for value in counts],
        share_ticks=[Label(place(value, shares[-1]), f"{number_format(value, digits)}%") for value in shares],
        beyond=any(mark.beyond for mark in marks),
    )


def _slots(rows: Sequence[Mapping[str, Any]]) -> list[tuple[date, Mapping[str, Any] | None] | None]:
    """The months from left to right with their rows; (month, None) for one without tests, None for a break."""
    slots: list[tuple[date, Mapping[str, Any] | None] | None] = []
    for row in rows:
        month = row["month"]
        if slots and slots[-1]:
            missing = _months_between(slots[-1][0], month)
            if len(missing) > SILENCE:
                slots.append(None)
            else:
                slots += [(silent, None) for silent in missing]
        slots.append((month, row))
    return slots


def _months_between(first: date, last: date) -> list[date]:
    found, month = [], add_months(first, 1)
    while month < last:
        found.append(month)
        month = add_months(month, 1)
    return found


def _is_end(slots: Sequence[Any], index: int) -> bool:
    """Whether a run of months begins or ends here."""
    return index in (0, len(slots) - 1) or slots[index - 1] is None or slots[index + 1] is None


def _top_share(rows: Sequence[Mapping[str, Any]]) -> float:
    """What the scale of shares must hold: most intervals, but a month of two tests must not flatten the rest."""
    highs = sorted(row["positivity_high"] or 0.0 for row in rows)
    middle = highs[len(highs) // 2]
    return min(highs[-1], middle * 2)


def _scale(largest: float) -> list[float]:
    """Round figures from nought to at least ``largest``, two to five steps."""
    if largest <= 0:
        return [0.0, 1.0]
    power = 10.0 ** floor(log10(largest / 4))
    step = next(power * factor for factor in (1, 2, 5, 10) if largest / (power * factor) <= 5)
    return [round(step * number, 6) for number in range(ceil(round(largest / step, 6)) + 1)]
