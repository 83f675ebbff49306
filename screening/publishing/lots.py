"""Lots of kits that were entered on the page, as Devices: they are of nobody, so their facility alone reads them."""

from typing import Any

from django.db import connection, transaction

from fhir.store import Draft, save_many
from healthhub.accounts.actors import Actor
from screening.laboratory.lots import LOT, QUANTITY
from screening.models import KitLot
from screening.publishing.resources import coded

_UNWRITTEN = """
SELECT l.id FROM screening_kitlot l
WHERE NOT EXISTS (SELECT FROM fhir_resource r WHERE r.type = 'Device' AND r.id = l.device) ORDER BY l.id LIMIT 500
FOR UPDATE OF l SKIP LOCKED
"""


def publish_lots(*, actor: Actor) -> int:
    """Write the lots that have no Device yet; how many. One statement if there are none."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_UNWRITTEN)
        lots = KitLot.objects.filter(pk__in=[row[0] for row in cursor.fetchall()]).order_by("pk")
        if drafts := [Draft.of(lot_device(lot), facility=lot.facility_id) for lot in lots]:
            save_many(drafts, actor=actor)
        return len(drafts)


def lot_device(lot: KitLot) -> dict[str, Any]:
    """The Device of a lot."""
    return {
        "resourceType": "Device",
        "id": lot.device,
        "expirationDate": lot.expires_on.isoformat(),
        "lotNumber": lot.lot,
        "deviceName": [{"name": lot.kit, "type": "model-name"}],
        "type": coded(LOT, "Lô bộ kit lấy mẫu", "Lot of sampling kits"),
        "owner": {"reference": f"Organization/{lot.facility_id}"},
        "property": [
            {
                "type": coded(QUANTITY, "Số bộ kit đã nhận", "Number of kits delivered"),
                "valueQuantity": [{"value": lot.quantity}],
            }
        ],
    }
