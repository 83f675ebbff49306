"""What an officer's list of open steps is narrowed to, as it stands in the address, and what can be chosen."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, Final

from django.db import connection
from django.db.models import Count, QuerySet
from django.utils.translation import gettext as _

from records.models import Area, Facility
from screening.citizen import here
from screening.failsafe.figures import UNKNOWN, rounds_in
from screening.failsafe.levels import LEVELS
from screening.failsafe.scope import Scope
from screening.models import OpenRound
from screening.protocol import current, programmes
from screening.protocol.events import DEPARTMENT

Choices = dict[str, list[tuple[str, str]]]
LEVEL_KEYS: Final = ("open", "late", *LEVELS)
_CHOICES = """
SELECT DISTINCT e.programme, e.step, e.holder, coalesce(a.parent_id, a.id), extract(year FROM e.opened_on)::int
FROM screening_openround e LEFT JOIN records_area a ON a.id = e.area_id {areas}
"""


@dataclass(frozen=True, slots=True)
class Asked:
    """ "" is everything; ``area`` is a unit's id or "unknown", ``facility`` the holder, ``year`` the round's first."""

    level: str = "late"
    programme: str = ""
    step: str = ""
    facility: str = ""
    area: str = ""
    year: str = ""

    @classmethod
    def of(cls, address: Mapping[str, Any]) -> "Asked":
        """What the address asks for; what cannot be meant is everything."""
        said = {name: str(address.get(name, "")).replace("\x00", "")[:64] for name in cls.__slots__}
        said["level"] = said["level"] if said["level"] in LEVEL_KEYS else "late"
        said["area"] = UNKNOWN if said["area"] in ("0", UNKNOWN) else _number(said["area"], 9)
        said["year"] = _number(said["year"], 4)
        return cls(**said)

    @property
    def address(self) -> dict[str, str]:
        """What goes into an address, and what a batch keeps."""
        return {name: value for name, value in asdict(self).items() if value}

    @property
    def any(self) -> bool:
        """Whether more than the level narrows it."""
        return len(self.address) > 1

    def rounds(self, scope: Scope, on: date) -> QuerySet[OpenRound]:
        """The open rounds that are asked for, most pressing first."""
        return rounds_in(scope, on, **asdict(self))


def choices(scope: Scope) -> Choices:
    """What the open rounds of that part of the city can be narrowed to, by name; three statements."""
    narrow = [] if scope.areas is None else [list(scope.areas)]
    with connection.cursor() as cursor:
        cursor.execute(_CHOICES.format(areas="WHERE e.area_id = ANY(%s)" if narrow else ""), narrow)
        rows = cursor.fetchall()
    keys, steps, holders, areas, years = (set(column) for column in zip(*rows, strict=True)) if rows else (set(),) * 5
    known = [key for key in programmes() if key in keys]
    named = {step.key: here(step.name) for key in known for step in current(key).steps.values()}
    facilities = Facility.objects.filter(pk__in=holders).order_by("name").values_list("pk", "name")
    places = Area.objects.filter(pk__in=[area for area in areas if area]).order_by("name").values_list("pk", "name")
    return {
        "programme": [(key, here(current(key).name)) for key in known],
        "step": sorted(((key, named.get(key, key)) for key in steps), key=lambda one: one[1]),
        "facility": [*facilities, *([(DEPARTMENT, _("Chưa có cơ sở: Sở Y tế"))] if DEPARTMENT in holders else [])],
        "area": [*((str(pk), name) for pk, name in places), *([(UNKNOWN, _("Chưa rõ"))] if None in areas else [])],
        "year": [(str(year), str(year)) for year in sorted(years, reverse=True)],
    }


def counts_by_step(rounds: QuerySet[OpenRound]) -> list[tuple[str, str, int]]:
    """(programme, step, how many) of these rounds, most first."""
    counted = rounds.order_by().values_list("programme", "step").annotate(count=Count("pk"))
    known = set(programmes())
    named = []
    for programme, step, count in counted:
        protocol = current(programme) if programme in known else None
        found = protocol.steps.get(step) if protocol else None
        named.append((here(protocol.name) if protocol else programme, here(found.name) if found else step, count))
    return sorted(named, key=lambda one: (-one[2], one))


def _number(text: str, digits: int) -> str:
    return text if text.isascii() and text.isdigit() and len(text) <= digits else ""
