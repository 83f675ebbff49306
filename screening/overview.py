"""The department's overview: the one report's figures, narrowed to a test and put into tiles, a trend and a table."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final

from django.utils.formats import number_format
from django.utils.translation import gettext as _

from healthhub.web.charts import Interval, interval
from screening.citizen import here
from screening.protocol import current, programmes
from screening.statistics.report import Filters, Report, report
from screening.trend import TrendChart, trend_chart

TABLE: Final = "districts"
SORTS: Final = ("area_name", "tested", "positive", "positivity", "inadequate", "referred", "assessed")


@dataclass(frozen=True, slots=True)
class Share:
    """A rate as a page shows it: "5,12%", "4,83–5,42%", and its interval on the scale of its table."""

    text: str
    interval_text: str
    chart: Interval | None


@dataclass(frozen=True, slots=True)
class Line:
    """A row of a table: the report's row, and its share of positives."""

    row: Mapping[str, Any]
    positivity: Share


@dataclass(frozen=True, slots=True)
class Overview:
    """``total`` is the report's row of the test, None without any test in the period."""

    report: Report
    total: Mapping[str, Any] | None
    shares: Mapping[str, Share]
    trend: TrendChart | None
    months: list[Line]
    districts: list[Line]


def overview(*, test: str, first: date | None, last: date | None, sort: str, descending: bool) -> Overview:
    """The figures of one test (its programme follows from it) in a period."""
    found = figures(test=test, first=first, last=last)
    total = found.totals[0] if found.totals else None
    rows = sorted(found.districts, key=lambda row: _order(row, sort), reverse=descending)
    top = _top([row["positivity_high"] or 0.0 for row in rows])
    return Overview(
        report=found,
        total=total,
        shares={name: _share(total, name) for name in _RATES} if total else {},
        trend=trend_chart(found.trend),
        months=[Line(row, _share(row, "positivity")) for row in found.trend],
        districts=[Line(row, _share(row, "positivity", top=top)) for row in rows],
    )


def figures(*, test: str, first: date | None, last: date | None) -> Report:
    """The report, with nothing but this test: what the page shows is what the file holds."""
    found = report(Filters(programme=programme_of(test), first=first, last=last))
    tables: dict[str, Any] = {
        name: [row for row in getattr(found, name) if row["test"] == test]
        for name in ("totals", "trend", "districts", "groups")
    }
    return replace(found, tested=sum(row["tested"] for row in tables["totals"]), programmes=[], **tables)


def programme_of(test: str) -> str:
    """The programme that has a test. KeyError if none has."""
    return _programmes()[test]


def test_choices() -> list[tuple[str, list[tuple[str, str]]]]:
    """The tests by programme, for a list of choices."""
    found = []
    for key in programmes():
        protocol = current(key)
        found.append((here(protocol.name), [(test.key, here(test.name)) for test in protocol.tests.values()]))
    return found


_RATES: Final = ("positivity", "inadequacy", "referral_rate", "assessment_rate")


def _programmes() -> dict[str, str]:
    return {test: key for key in programmes() for test in current(key).tests}


def _share(row: Mapping[str, Any], name: str, *, top: float = 0.0) -> Share:
    value, low, high = row[name], row[f"{name}_low"], row[f"{name}_high"]
    if value is None:
        return Share("–", _("chưa có ca nào để tính"), None)
    digits = 1 if value >= 0.1 else 2
    shown = interval(low=low, point=value, high=high, top=top) if top else None
    span = f"{number_format(low * 100, digits)}–{number_format(high * 100, digits)}%"
    return Share(f"{number_format(value * 100, digits)}%", span, shown)


def _top(values: list[float]) -> float:
    """A round end of the scale that holds most intervals: a tiny district's huge one must not flatten all others."""
    if not values:
        return 0.0
    middle = sorted(values)[len(values) // 2]
    wanted = min(max(values), middle * 3)
    return next((step for step in (0.02, 0.05, 0.1, 0.2, 0.5) if step >= wanted), 1.0)


def _order(row: Mapping[str, Any], sort: str) -> Any:
    if sort == "area_name":
        return row["area_name"] == "", row["area_kind"], row["area_name"]
    return row[sort] if row[sort] is not None else -1.0
