"""How many people a facility can invite in a programme on a day."""

from datetime import date

from django.conf import settings

from healthhub.accounts.actors import Actor, Role
from healthhub.audit.log import record_access
from screening.models import Capacity

#: What holds where no row says otherwise: places of a facility, and of the department, on Monday to Friday.
FACILITY_PLACES, DEPARTMENT_PLACES = 40, 200
WEEKEND = 5  # the first weekday without places

# A row for the day itself goes before one for its weekday.
PLACES = """
SELECT DISTINCT ON (c.facility_id) c.facility_id, c.places FROM screening_capacity c
WHERE c.programme = %(programme)s AND (c.day = %(on)s OR c.weekday = extract(isodow FROM %(on)s::date)::int - 1)
ORDER BY c.facility_id, c.day NULLS LAST
"""


def default_places(facility: str | None, on: date) -> int:
    """The places of a day of which nobody has said anything; settings RECALL_PLACES and RECALL_DEPARTMENT_PLACES."""
    if on.weekday() >= WEEKEND:
        return 0
    if facility is None:
        return int(getattr(settings, "RECALL_DEPARTMENT_PLACES", DEPARTMENT_PLACES))
    return int(getattr(settings, "RECALL_PLACES", FACILITY_PLACES))


def places(facility: str | None, programme: str, on: date) -> int:
    """The places of one day."""
    rows = Capacity.objects.filter(facility=facility, programme=programme)
    row = rows.filter(day=on).first() or rows.filter(weekday=on.weekday()).first()
    return row.places if row else default_places(facility, on)


def set_places(
    *,
    facility: str | None,
    programme: str,
    places: int,
    actor: Actor,
    weekday: int | None = None,
    day: date | None = None,
) -> Capacity:
    """Say how many places there are on a weekday, or on one day. A clinic's staff say it for their own facility.

    Raises PermissionError for another's.
    """
    if not (actor.is_system or actor.role is Role.OFFICER or (actor.facility and actor.facility == facility)):
        raise PermissionError("Only an officer or the facility itself sets its places.")
    found, _made = Capacity.objects.update_or_create(
        facility_id=facility, programme=programme, weekday=weekday, day=day, defaults={"places": places}
    )
    record_access(
        actor=actor, action="update", patients=[None], resource_type="Capacity", resource_id=str(found.pk), reason=""
    )
    return found
