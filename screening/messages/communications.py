"""What was sent, as FHIR Communications, so that every clinic that may read the person knows it too.

They are HealthHub's own, not the facility's: a letter to somebody must not open her record to its sender. They name
no Observation and no programme, so they never count as telling somebody a result.
"""

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from fhir import store
from fhir.ids import new_id
from fhir.outcomes import Refused
from healthhub.accounts.actors import system_actor
from screening.models.messages import Channel, Message, MessageKind

CHUNK: Final = 500
REFUSED: Final = "-"
ACTOR: Final = system_actor("messages")
MEDIUM: Final = {
    Channel.LETTER: "MAILWRIT",
    Channel.EMAIL: "EMAILWRIT",
    Channel.SMS: "SMSWRIT",
    Channel.ZALO: "ELECTRONIC",
}
logger = logging.getLogger(__name__)
_CATEGORY: Final = "http://terminology.hl7.org/CodeSystem/communication-category"
_MODE: Final = "http://terminology.hl7.org/CodeSystem/v3-ParticipationMode"
_NEXT = """
SELECT id FROM screening_message WHERE state = 'sent' AND communication = '' ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED
"""
_FILED = """
UPDATE screening_message m SET communication = f.communication
FROM unnest(%s::bigint[], %s::text[]) AS f(id, communication) WHERE m.id = f.id
"""


def file_communications() -> int:
    """Write a Communication for everything sent that has none yet; answers how many. Safe on two workers at once."""
    total = 0
    while filed := _file_some():
        total += filed
    return total


def communication_of(message: Message, id_: str) -> dict[str, Any]:
    """The resource that tells of a sent message."""
    assert message.sent_at is not None
    sent = timezone.localtime(message.sent_at).isoformat(timespec="seconds")
    local = {"system": settings.FHIR_SYSTEMS["screening"], "code": f"message-{message.kind}"}
    resource: dict[str, Any] = {
        "resourceType": "Communication",
        "id": id_,
        "status": "completed",
        "category": [
            {"coding": [{"system": _CATEGORY, "code": "notification"}]},
            {"coding": [local], "text": str(MessageKind(message.kind).label)},
        ],
        "medium": [{"coding": [{"system": _MODE, "code": MEDIUM[Channel(message.channel)]}]}],
        "subject": {"reference": f"Patient/{message.patient_id}"},
        "recipient": [{"reference": f"Patient/{message.patient_id}"}],
        "sent": sent,
    }
    if message.facility_id:
        resource["sender"] = {"reference": f"Organization/{message.facility_id}"}
    if message.about.startswith("Appointment/"):
        resource["about"] = [{"reference": message.about.partition("#")[0]}]
    return resource


def _file_singly(messages: Sequence[Message], names: Mapping[int, str]) -> dict[int, str]:
    """File what can be filed: one that is refused must not hold up the others for ever. It gets REFUSED."""
    filed: dict[int, str] = {}
    for message in messages:
        try:
            store.save(communication_of(message, names[message.pk]), actor=ACTOR)
            filed[message.pk] = names[message.pk]
        except Refused:
            logger.exception("No Communication for message %d", message.pk)
            filed[message.pk] = REFUSED
    return filed


def _file_some() -> int:
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(_NEXT, [CHUNK])
            ids = [row[0] for row in cursor.fetchall()]
        if not ids:
            return 0
        messages = list(Message.objects.filter(pk__in=ids))
        names = {message.pk: new_id() for message in messages}
        drafts = [store.Draft.of(communication_of(message, names[message.pk])) for message in messages]
        try:
            store.save_many(drafts, actor=ACTOR)
        except Refused:
            names = _file_singly(messages, names)
        with connection.cursor() as cursor:
            cursor.execute(_FILED, [list(names), list(names.values())])
        return len(ids)
