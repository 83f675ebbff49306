"""Charts as numbers: where each mark lies in an SVG that a component draws. No script, no style.

Every chart has a table twin: the component shows ``points`` (or the figures) as text beside the drawing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, log10

from django.utils.formats import number_format

WIDTH, HEIGHT = 360.0, 200.0  # drawn at about the size of a phone, so that its letters stay legible there
LEFT, RIGHT, TOP, BOTTOM = 40.0, 14.0, 18.0, 32.0


@dataclass(frozen=True, slots=True)
class Point:
    """One value: its place, and what is written at the axis and at the mark."""

    x: float
    y: float
    label: str
    text: str


@dataclass(frozen=True, slots=True)
class Tick:
    """A line across the chart with its figure."""

    y: float
    text: str


@dataclass(frozen=True, slots=True)
class LineChart:
    """A series of values over time; ``limit`` is the place of a cut-off or a target, with its text."""

    points: list[Point]
    ticks: list[Tick]
    limit: Tick | None
    line: str
    area: str
    width: float
    height: float
    left: float
    right: float
    bottom: float


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure with its interval on a scale from 0 to 100 (per cent of the whole length)."""

    low: float
    point: float
    high: float


@dataclass(frozen=True, slots=True)
class CutoffBar:
    """A measured value beside its cut-off, both as places on a bar from 0 to 100."""

    value: float
    cutoff: float
    value_text: str
    cutoff_text: str

    @property
    def above(self) -> float:
        """The length of the part at and above the cut-off."""
        return round(100 - self.cutoff, 1)

    @property
    def value_x(self) -> float:
        """The value's place in the drawing."""
        return self.value * 3

    @property
    def cutoff_x(self) -> float:
        """The cut-off's place in the drawing."""
        return self.cutoff * 3


def line_chart(
    values: Sequence[tuple[str, float]],
    *,
    digits: int = 0,
    unit: str = "",
    limit: float | None = None,
    limit_text: str = "",
    width: float = WIDTH,
    height: float = HEIGHT,
) -> LineChart | None:
    """The chart of (label, value) in order, None without any value. The scale starts at nought.

    ``width`` 720 or so suits a chart that fills a desktop page (``<c-line-chart wide="yes">``).
    """
    if not values:
        return None
    largest = max([value for _label, value in values] + [limit or 0.0])
    step = _step(largest)
    top = step * max(1, ceil(largest / step))
    right, bottom = width - RIGHT, height - BOTTOM
    span = (right - LEFT) / max(1, len(values) - 1)
    start = LEFT if len(values) > 1 else width / 2

    def place(value: float) -> float:
        return round(bottom - value / top * (bottom - TOP), 1)

    points = [
        Point(round(start + index * span, 1), place(value), label, f"{number_format(value, digits)}{unit}")
        for index, (label, value) in enumerate(values)
    ]
    line = " ".join(f"{point.x},{point.y}" for point in points)
    tick_digits = max(0, -floor(log10(step))) if step < 1 else 0
    marks = [step * index for index in range(round(top / step) + 1)]
    return LineChart(
        points=points,
        ticks=[Tick(place(mark), f"{number_format(mark, tick_digits)}{unit}") for mark in marks],
        limit=Tick(place(limit), limit_text) if limit is not None else None,
        line=line,
        area=f"{points[0].x},{bottom} {line} {points[-1].x},{bottom}",
        width=width,
        height=height,
        left=LEFT,
        right=right,
        bottom=bottom,
    )


def interval(*, low: float, point: float, high: float, top: float) -> Interval:
    """A figure and its interval on the scale from 0 to ``top``; what lies beyond is drawn at the end."""

    def place(value: float) -> float:
        return round(min(100.0, max(0.0, value / top * 100)), 1) if top else 0.0

    return Interval(low=place(low), point=place(point), high=place(high))


def cutoff_bar(*, value: float, cutoff: float, value_text: str, cutoff_text: str) -> CutoffBar:
    """A value and its cut-off on one bar; the bar ends at twice the cut-off, or a little beyond a larger value."""
    top = max(cutoff * 2, value * 1.1) or 1.0
    return CutoffBar(round(value / top * 100, 1), round(cutoff / top * 100, 1), value_text, cutoff_text)


def _step(largest: float) -> float:
    """A round distance (1, 2 or 5 times a power of ten) that cuts the scale into two to five parts."""
    if largest <= 0:
        return 1.0
    power = 10.0 ** floor(log10(largest / 4))
    return next(power * factor for factor in (1, 2, 5, 10) if largest / (power * factor) <= 5)
