"""The one report that the page, the CSV file and ``manage.py statistics`` show.

Cells go in by month and area, as they are kept; districts come out by the area's parent, and a ward since 1 July 2025,
which has none, as itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from django.db import connection

from screening.statistics.indicators import COUNTS, RATES, summed

UNKNOWN: Final = ""  # the code of "lived nowhere that we know of"
_NAMES: Final = ["programme", "test", "month", "sex", "age_band", "area", "area_name", "area_kind"]
_CELLS = f"""
SELECT c.programme, c.test, c.month, c.sex, c.age_band, coalesce(u.code, '') AS area, coalesce(u.name, '') AS area_name,
  coalesce(u.kind, '') AS area_kind, {", ".join(f"sum(c.{name})::int AS {name}" for name in COUNTS)}
FROM screening_statisticscell c
LEFT JOIN records_area a ON a.id = c.area_id
LEFT JOIN records_area u ON u.id = coalesce(a.parent_id, a.id)
WHERE (%(programme)s = '' OR c.programme = %(programme)s)
  AND (%(first)s::date IS NULL OR c.month >= date_trunc('month', %(first)s::date))
  AND (%(last)s::date IS NULL OR c.month <= %(last)s::date)
  AND (%(areas)s::text[] IS NULL OR coalesce(u.code, '') = ANY(%(areas)s))
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
"""


@dataclass(frozen=True, slots=True)
class Filters:
    """What a report is about; None or "" is everything. ``first`` and ``last`` mean the whole months they lie in.

    ``districts`` are codes of districts, or of wards since 1 July 2025; UNKNOWN is among the codes.
    """

    programme: str = ""
    first: date | None = None
    last: date | None = None
    districts: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """Rows of figures: counts, and rates with intervals (see ``indicators``).

    ``pending`` is how many notes of changes the next refresh will take in: 0 means that the figures are those of the
    stored results.
    """

    filters: Filters
    tested: int
    pending: int
    programmes: list[dict[str, Any]] = field(default_factory=list)
    totals: list[dict[str, Any]] = field(default_factory=list)
    trend: list[dict[str, Any]] = field(default_factory=list)
    districts: list[dict[str, Any]] = field(default_factory=list)
    groups: list[dict[str, Any]] = field(default_factory=list)


TABLES: Final = {
    "programmes": ["programme"],
    "totals": ["programme", "test"],
    "trend": ["programme", "test", "month"],
    "districts": ["programme", "test", "area", "area_name", "area_kind"],
    "groups": ["programme", "test", "sex", "age_band"],
}


def report(filters: Filters | None = None) -> Report:
    """The figures of the cells as they stand now, from one statement."""
    import pandas as pd  # not in a web worker that shows no statistics

    filters = filters or Filters()
    with connection.cursor() as cursor:
        cursor.execute(
            _CELLS,
            {
                "programme": filters.programme,
                "first": filters.first,
                "last": filters.last,
                "areas": None if filters.districts is None else list(filters.districts),
            },
        )
        cells = pd.DataFrame(cursor.fetchall(), columns=[*_NAMES, *COUNTS])
        cursor.execute("SELECT count(*) FROM screening_stalecell")
        pending = cursor.fetchone()[0]
    tables = {name: summed(cells, by) for name, by in TABLES.items()}
    return Report(filters, int(cells["tested"].sum()), pending, **tables)


def to_dict(found: Report) -> dict[str, Any]:
    """The report as JSON has it: keys never change their meaning, months are "2017-03", shares lie between 0 and 1."""
    filters = found.filters
    return {
        "filters": {
            "programme": filters.programme or None,
            "from": f"{filters.first:%Y-%m}" if filters.first else None,
            "to": f"{filters.last:%Y-%m}" if filters.last else None,
            "districts": None if filters.districts is None else list(filters.districts),
        },
        "tested": found.tested,
        "pending": found.pending,
        **{name: [_plain(row) for row in getattr(found, name)] for name in TABLES},
    }


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    shares = {name for rate in RATES for name in (rate, f"{rate}_low", f"{rate}_high")}
    return {
        name: f"{value:%Y-%m}"
        if name == "month"
        else round(value, 6)
        if name in shares and value is not None
        else value
        for name, value in row.items()
    }


def columns_of(table: str) -> Sequence[str]:
    """The columns of one of TABLES, in the order of its CSV file."""
    rates = (name for rate in RATES for name in (rate, f"{rate}_low", f"{rate}_high"))
    return [*TABLES[table], *COUNTS, *rates]
