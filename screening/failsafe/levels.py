"""How far a late round has gone up: facility, district, city. Any of its open steps counts.

The days, by the protocol's clocks, are kept with the round (``first_due_on``, ``district_on``, ``city_on``: the
earliest of all its open steps), so that a list reads an index; they are folded anew with all else that a round holds.
"""

from datetime import date
from typing import TYPE_CHECKING, Final

from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from screening.models import Episode
from screening.protocol.clocks import CITY, DISTRICT, FACILITY

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

LEVELS: Final = (FACILITY, DISTRICT, CITY)
LEVEL_NAMES: Final["dict[str, _StrPromise]"] = {
    FACILITY: _("Cơ sở"),
    DISTRICT: _("Quận, huyện"),
    CITY: _("Thành phố"),
}
#: Over ``screening_openround e`` and ``d``, whose column ``today`` is the day.
LEVEL_SQL: Final = """CASE WHEN e.first_due_on >= d.today THEN ''
  WHEN e.city_on <= d.today THEN 'city' WHEN e.district_on <= d.today THEN 'district' ELSE 'facility' END"""


def level_of(episode: Episode, on: date) -> str:
    """facility, district or city; "" while none of the round's steps is late."""
    if episode.first_due_on is None or episode.district_on is None or episode.city_on is None:
        return ""
    return level_on(on, episode.first_due_on, episode.district_on, episode.city_on)


def level_on(day: date, due_on: date, district_on: date, city_on: date) -> str:
    """The level on that day of what is due, and told to the district and to the city, on those."""
    if due_on >= day:
        return ""
    return CITY if city_on <= day else DISTRICT if district_on <= day else FACILITY


def at_level(level: str, on: date) -> Q:
    """Which open rounds stand at this level on that day; everything that is late for "late"."""
    late = Q(first_due_on__lt=on)
    if level == CITY:
        return late & Q(city_on__lte=on)
    if level == DISTRICT:
        return late & Q(district_on__lte=on, city_on__gt=on)
    if level == FACILITY:
        return late & Q(district_on__gt=on)
    return late
