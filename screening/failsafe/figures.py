"""The department's failsafe in numbers: open, late and escalated steps by level, programme, facility and area.

One statement reads the open rounds once and counts them in every way; what it counts is what the lists of people behind
it hold (`rounds_in`), by the same conditions.
"""

from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from django.db import connection
from django.db.models import Q, QuerySet

from records.models import Area, Facility
from screening.citizen import here
from screening.failsafe.levels import LEVEL_SQL, at_level
from screening.failsafe.scope import Scope
from screening.models import OpenRound
from screening.protocol import current, programmes

UNKNOWN: Final = "unknown"


@dataclass(frozen=True, slots=True)
class Row:
    """``key`` is what the row is of (a programme, a facility's or a district's id); ``longest`` is in days past due."""

    key: str
    name: str
    open: int
    overdue: int
    district: int
    city: int
    longest: int


@dataclass(frozen=True, slots=True)
class Figures:
    """``total`` and the same counts by programme, facility, district (most overdue first) and year (newest first)."""

    total: Row
    programmes: list[Row]
    facilities: list[Row]
    areas: list[Row]
    years: list[Row]


_COUNT = """
SELECT grouping(s.programme, s.owner, s.district, s.year) AS what,
  coalesce(s.programme, s.owner, s.district::text, s.year::text),
  count(*), count(*) FILTER (WHERE s.level <> ''), count(*) FILTER (WHERE s.level = 'district'),
  count(*) FILTER (WHERE s.level = 'city'), coalesce(max(s.late), 0)
FROM (
  SELECT e.programme, e.holder AS owner, coalesce(a.parent_id, a.id, 0) AS district, {level} AS level,
    extract(year FROM e.opened_on)::int AS year,
    greatest(d.today - e.first_due_on, 0) AS late
  FROM screening_openround e CROSS JOIN (SELECT %s::date AS today) d
  LEFT JOIN records_area a ON a.id = e.area_id {areas}
) s GROUP BY GROUPING SETS ((), (s.programme), (s.owner), (s.district), (s.year))
"""
_WHAT = {15: "total", 7: "programmes", 11: "facilities", 13: "areas", 14: "years"}


def failsafe_figures(scope: Scope, on: date) -> Figures:
    """The counts of that part of the city."""
    narrow: list[Any] = [] if scope.areas is None else [list(scope.areas)]
    sql = _COUNT.format(level=LEVEL_SQL, areas="WHERE e.area_id = ANY(%s)" if narrow else "")
    with connection.cursor() as cursor:
        cursor.execute(sql, [on, *narrow])
        found = cursor.fetchall()
    groups: dict[str, list[Any]] = {name: [] for name in _WHAT.values()}
    for what, *values in found:
        groups[_WHAT[what]].append(values)
    names = _names(groups)
    rows = {
        kind: sorted(
            (Row(str(key or ""), names[kind].get(str(key or ""), ""), *counts) for key, *counts in values),
            key=lambda row: (-row.overdue, -row.open, row.name),
        )
        for kind, values in groups.items()
    }
    years = sorted(rows["years"], key=lambda row: row.key, reverse=True)
    total = rows["total"][0] if rows["total"] else Row("", "", 0, 0, 0, 0, 0)
    return Figures(total, rows["programmes"], rows["facilities"], rows["areas"], years)


def rounds_in(
    scope: Scope,
    on: date,
    *,
    level: str = "",
    programme: str = "",
    step: str = "",
    facility: str = "",
    area: str = "",
    year: str = "",
) -> QuerySet[OpenRound]:
    """The open rounds behind a figure, most pressing first. ``year`` is the one in which the round began.

    A round that waits for steps of two facilities is on the lists of both, and counts for each.
    """
    rounds = OpenRound.objects.all()
    if scope.areas is not None:
        rounds = rounds.filter(area__in=scope.areas)
    if level and level != "open":
        rounds = rounds.filter(at_level(level, on))
    named = {"programme": programme, "step": step, "holder": facility, "opened_on__year": int(year) if year else ""}
    rounds = rounds.filter(**{name: value for name, value in named.items() if value})
    if area == UNKNOWN:
        rounds = rounds.filter(area__isnull=True)
    elif area:
        rounds = rounds.filter(Q(area=area) | Q(area__parent=area))
    return rounds.order_by("first_due_on", "id")


def overdue_of(facility: str, on: date) -> int:
    """How many steps are late with a facility."""
    return OpenRound.objects.filter(holder=facility, first_due_on__lt=on).count()


def _names(groups: dict[str, list[Any]]) -> dict[str, dict[str, str]]:
    facilities = [str(key) for key, *_counts in groups["facilities"] if key]
    areas = [int(key) for key, *_counts in groups["areas"] if key and key != "0"]
    known = set(programmes())
    return {
        "total": {},
        "programmes": {key: here(current(key).name) for key, *_counts in groups["programmes"] if key in known},
        "facilities": dict(Facility.objects.filter(pk__in=facilities).values_list("pk", "name")),
        "areas": {str(area.pk): area.name for area in Area.objects.filter(pk__in=areas)},
        "years": {str(year): str(year) for year, *_counts in groups["years"]},
    }
