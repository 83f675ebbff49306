"""Contacts found to be wrong: by the gateway, by whoever got the message, by staff. They are not used again."""

from typing import Any

from django.db import connection
from django.utils import timezone

from healthhub.accounts.actors import Actor
from screening.models.messages import BadContact
from screening.recall.stale import mark_people

_REPORT = """
INSERT INTO screening_badcontact
    (patient_id, channel, address, source, reason, reported_at, reported_by, cleared_by)
SELECT %s, channel, %s, %s, %s, %s, %s, '' FROM unnest(%s::text[]) AS channel
ON CONFLICT (patient_id, channel, address) WHERE cleared_at IS NULL DO NOTHING
"""


def report(*, patient: str, channel: str, address: str, source: str, reason: str, actor: Actor) -> None:
    """Remember that an address is not this person's; twice is once.

    A number that nobody has, or that is somebody else's, is so for SMS and Zalo alike; a number without Zalo is still
    good for SMS.
    """
    if channel == "sms" or (channel == "zalo" and source != "provider"):
        channels = ["sms", "zalo"]
    else:
        channels = [channel]
    values: list[Any] = [patient, address, source, reason[:32], timezone.now(), actor.id[:128]]
    with connection.cursor() as cursor:
        cursor.execute(_REPORT, [*values, channels])
    mark_people([patient])


def clear(*, patient: str, address: str, actor: Actor) -> int:
    """Staff know better: the address is right after all. Answers how many notes that ended."""
    notes = BadContact.objects.filter(patient_id=patient, address=address, cleared_at__isnull=True)
    mark_people([patient])
    return notes.update(cleared_at=timezone.now(), cleared_by=actor.id[:128])
