"""Before a person is registered: who is there already that she may be."""

from datetime import date

from django.db.models import Q

from healthhub.accounts.actors import Actor
from healthhub.audit.log import record_access
from records.access import visible_to
from records.identifiers import Malformed, parse_phone
from records.models import Citizen
from records.registration import names_agree

MOST = 10


def possible_duplicates(*, full_name: str, birth_date: date, phone: str = "", actor: Actor) -> list[Citizen]:
    """People whom the actor may see and who were born on that day with a like name, or have that telephone number and a
    like name. Logs the access."""
    same = Q(birth_date=birth_date)
    if number := _phone(phone):
        same |= Q(phone=number)
    candidates = visible_to(actor).filter(same).select_related("area__parent", "facility").order_by("sort_key", "pk")
    found = [one for one in candidates[:500] if names_agree(full_name, one.full_name)][:MOST]
    if found:
        people = [one.pk for one in found]
        record_access(actor=actor, action="find", patients=people, resource_type="Patient")
    return found


def _phone(text: str) -> str:
    try:
        return parse_phone(text).value if text.strip() else ""
    except Malformed:
        return ""
