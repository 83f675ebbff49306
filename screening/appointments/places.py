"""How many places of a slot are taken, and Slot.status kept true."""

import json
from collections.abc import Iterable
from decimal import Decimal

from django.db import connection

from fhir.store import Draft, save_many
from healthhub.accounts.actors import system_actor
from screening.models.appointments import Slot

KEEPER = system_actor("appointments")
_COUNT = """
UPDATE screening_slot s SET taken = (
    SELECT count(*) FROM screening_appointment a
    WHERE a.slot_id = s.slot_id AND a.status NOT IN ('cancelled', 'entered-in-error', 'waitlist')
) WHERE s.slot_id = ANY(%s)
"""
_UNTRUE = """
SELECT s.slot_id, CASE WHEN s.taken >= s.places THEN 'busy' ELSE 'free' END, r.content
FROM screening_slot s JOIN fhir_resource r ON r.type = 'Slot' AND r.id = s.slot_id AND NOT r.deleted
WHERE s.slot_id = ANY(%s) AND s.open
"""


def tell_free_or_busy(slots: Iterable[str]) -> None:
    """Count the places again and save each Slot whose status says otherwise. The caller holds the slots' locks."""
    keys = sorted(set(slots))
    if not keys:
        return
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, [keys])
        cursor.execute(_UNTRUE, [keys])
        found = cursor.fetchall()
    drafts = []
    for _key, status, content in found:
        resource = json.loads(content, parse_float=Decimal)
        if resource.get("status") in ("free", "busy") and resource["status"] != status:
            drafts.append(Draft.of(resource | {"status": status}))
    if drafts:
        save_many(drafts, actor=KEEPER)


def count_all() -> None:
    """Count the places of every slot again, without saving any Slot."""
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, [list(Slot.objects.values_list("pk", flat=True))])
