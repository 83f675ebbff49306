"""How far a late step has gone up: facility, district, city, by the clocks of its protocol and nothing stored."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from screening.models import Episode
from screening.protocol import protocols

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

FACILITY, DISTRICT, CITY = "facility", "district", "city"
LEVELS: Final = (FACILITY, DISTRICT, CITY)
LEVEL_NAMES: Final["dict[str, _StrPromise]"] = {
    FACILITY: _("Cơ sở"),
    DISTRICT: _("Quận, huyện"),
    CITY: _("Thành phố"),
}
#: Days past the due date for a step whose protocol names none: no step may stay at the facility for ever.
DISTRICT_AFTER: Final = 14
CITY_AFTER: Final = 30


class Clock(NamedTuple):
    """Days past the due date after which the district and the city are told."""

    district: int
    city: int


class Key(NamedTuple):
    """A step of one version of a programme."""

    programme: str
    version: str
    step: str


def clocks() -> dict[Key, Clock]:
    """The clocks of every step of every stored version."""
    found = {}
    for protocol in protocols():
        for step in protocol.steps.values():
            days = {item.to: item.after_days for item in getattr(step, "escalate", ())}
            district = days.get(DISTRICT, min(DISTRICT_AFTER, days.get(CITY, DISTRICT_AFTER)))
            found[Key(protocol.programme, protocol.version, step.key)] = Clock(
                district, max(district, days.get(CITY, CITY_AFTER))
            )
    return found


def level_of(episode: Episode, on: date, known: Mapping[Key, Clock] | None = None) -> str:
    """facility, district or city; "" while the step is not late."""
    if episode.due_on is None or episode.due_on >= on:
        return ""
    known = clocks() if known is None else known
    clock = known.get(Key(episode.programme, episode.protocol_version, episode.step), Clock(DISTRICT_AFTER, CITY_AFTER))
    late = (on - episode.due_on).days
    return CITY if late >= clock.city else DISTRICT if late >= clock.district else FACILITY


def at_level(level: str, on: date) -> Q:
    """Which rounds stand at this level on that day; everything that is late for "late"."""
    late = Q(due_on__lt=on)
    if level not in LEVELS:
        return late
    district, city = _past("district", on), _past("city", on)
    return {FACILITY: late & ~district, DISTRICT: district & ~city, CITY: city}[level]


def clocks_sql() -> tuple[str, list[str | int]]:
    """A VALUES list (programme, version, step, district_after, city_after) and its parameters."""
    rows = [(*key, *clock) for key, clock in clocks().items()]
    return ", ".join(["(%s, %s, %s, %s::int, %s::int)"] * len(rows)), [value for row in rows for value in row]


#: Over ``screening_episode e`` LEFT JOIN the VALUES list as ``k``; its one parameter is the day.
LEVEL_SQL: Final = f"""CASE
  WHEN e.due_on >= d.today THEN ''
  WHEN d.today - e.due_on >= coalesce(k.city_after, {CITY_AFTER}) THEN 'city'
  WHEN d.today - e.due_on >= coalesce(k.district_after, {DISTRICT_AFTER}) THEN 'district'
  ELSE 'facility' END"""


def _past(which: str, on: date) -> Q:
    """Late by at least the clock's days; steps of one clock together, so that few conditions come out."""
    default = {"district": DISTRICT_AFTER, "city": CITY_AFTER}[which]
    by_days: dict[int, list[Key]] = {}
    for key, clock in clocks().items():
        days = getattr(clock, which)
        if days != default:
            by_days.setdefault(days, []).append(key)
    special, found = Q(pk__in=[]), Q(pk__in=[])
    for days, keys in by_days.items():
        named = Q(pk__in=[])
        for key in keys:
            named |= Q(programme=key.programme, protocol_version=key.version, step=key.step)
        special |= named
        found |= named & Q(due_on__lte=on - timedelta(days=days))
    return found | (~special & Q(due_on__lte=on - timedelta(days=default)))
