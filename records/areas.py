"""Administrative units by date, and what became of them."""

import csv
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.db.models import Q

from records.models import Area, AreaKind, AreaSuccession

DATA = Path(__file__).parent / "data"


def load_areas(*, area_model: Any = Area, succession_model: Any = AreaSuccession) -> int:
    """Load the committed units and successions; returns the number of units. Does nothing when they are loaded.

    The models are arguments because the data migration must use its historical ones.
    """
    if area_model.objects.exists():
        return 0
    _read_spans.cache_clear()
    with (DATA / "areas.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    areas = {
        (row["code"], row["valid_from"]): area_model(
            code=row["code"],
            name=row["name"],
            kind=row["kind"],
            valid_from=date.fromisoformat(row["valid_from"]),
            valid_to=date.fromisoformat(row["valid_to"]) if row["valid_to"] else None,
        )
        for row in rows
    }
    districts = {area.code: area for area in areas.values() if area.kind == AreaKind.DISTRICT.value}
    area_model.objects.bulk_create(districts.values())
    for row in rows:
        if row["district_code"]:
            areas[row["code"], row["valid_from"]].parent = districts[row["district_code"]]
    area_model.objects.bulk_create(area for area in areas.values() if area.kind != AreaKind.DISTRICT.value)
    with (DATA / "area_succession.csv").open(encoding="utf-8", newline="") as file:
        succession_model.objects.bulk_create(
            succession_model(
                old=areas[row["old_code"], row["old_from"]],
                new=areas[row["new_code"], row["new_from"]],
                whole=row["whole"] == "1",
            )
            for row in csv.DictReader(file)
        )
    return len(areas)


def resolve_area(code: str, on: date) -> Area | None:
    """The unit that carried this code on that day, or None."""
    return Area.objects.filter(_in_force(on), code=code).first()


def areas_in_force(on: date, kind: AreaKind | None = None) -> list[Area]:
    """All units of that day, by code; of one kind if it is named."""
    areas = Area.objects.filter(_in_force(on)).order_by("code")
    return list(areas.filter(kind=kind) if kind else areas)


def successors(area: Area) -> list[Area]:
    """The units in force today that took in this one or a part of it, by code.

    Itself if it is still in force; empty for a district (they ended without successors) and where none is known.
    """
    found: dict[int, Area] = {}
    frontier = [area]
    while frontier:
        for unit in (unit for unit in frontier if unit.valid_to is None):
            found[unit.pk] = unit
        ended_ids = [unit.pk for unit in frontier if unit.valid_to is not None]
        frontier = list(Area.objects.filter(came_from__old__in=ended_ids).distinct()) if ended_ids else []
    return sorted(found.values(), key=lambda unit: unit.code)


def district_of(area: Area) -> Area | None:
    """The district of a commune, a district itself; None for a ward since 1 July 2025."""
    return area if area.kind == AreaKind.DISTRICT else area.parent


def area_ids(pairs: set[tuple[str, date | None]]) -> dict[tuple[str, date | None], int]:
    """The ids of many (code, day) at once, from memory; codes that no unit ever had are left out.

    Without a day, or on a day when no unit had the code, it is the newest unit that did.
    """
    spans = _spans()
    found: dict[tuple[str, date | None], int] = {}
    for code, on in pairs:
        units = spans.get(code, [])
        if units:
            in_force = (unit for unit in units if on and unit[0] <= on and (unit[1] is None or on <= unit[1]))
            found[code, on] = next(in_force, units[-1])[2]
    return found


def _in_force(on: date) -> Q:
    return Q(valid_from__lte=on) & (Q(valid_to__isnull=True) | Q(valid_to__gte=on))


def _spans() -> dict[str, list[tuple[date, date | None, int]]]:
    """Every unit's spans by code. Units change by migration only, so a process reads them once."""
    spans = _read_spans()
    if not spans:
        _read_spans.cache_clear()
    return spans


@lru_cache(maxsize=1)
def _read_spans() -> dict[str, list[tuple[date, date | None, int]]]:
    spans: dict[str, list[tuple[date, date | None, int]]] = {}
    units = Area.objects.order_by("valid_from").values_list("code", "valid_from", "valid_to", "id")
    for code, valid_from, valid_to, area_id in units:
        spans.setdefault(code, []).append((valid_from, valid_to, area_id))
    return spans


def units_within(key: int) -> frozenset[int]:
    """The unit with all in it, on the old map and on today's: somebody recorded by either is in it.

    A ward that came from several districts belongs to each of their officers: asked twice is better than never.
    """
    area = Area.objects.get(pk=key)
    found = {area.pk}
    if area.kind == AreaKind.DISTRICT:
        found |= set(Area.objects.filter(parent=area).values_list("pk", flat=True))
    for _round in range(5):
        later = set(AreaSuccession.objects.filter(old__in=found).values_list("new_id", flat=True)) - found
        if not later:
            break
        found |= later
    if area.kind != AreaKind.DISTRICT:
        found |= set(AreaSuccession.objects.filter(new=area).values_list("old_id", flat=True))
    return frozenset(found)
