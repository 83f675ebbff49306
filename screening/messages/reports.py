"""What gateways report later becomes of our messages: delivered for good, or failed, and so by the next way.

The first final word counts; the same again changes nothing. A failure also takes back the Communication that told the
clinics of a message, and remembers the address if it is the address that is wrong: who has none left is unreachable.
"""

import logging
from collections import Counter
from collections.abc import Iterable
from typing import Any, Final

from django.db import connection, transaction
from django.utils import timezone

from fhir import store
from fhir.outcomes import Refused
from fhir.reader import read
from fhir.text import parse
from healthhub.accounts.actors import system_actor
from healthhub.postgresql.wall import unwalled
from screening.messages import bad_contacts, outbox
from screening.messages.communications import REFUSED
from screening.messages.gateways.reports import Report

logger = logging.getLogger(__name__)

ACTOR: Final = system_actor("messages")
_FIND = """
SELECT id, patient_id, address, communication, state, delivered_at IS NOT NULL FROM screening_message
WHERE channel = %s AND {named} FOR UPDATE
"""
_BY_KEY = _FIND.format(named="id = %s AND token = %s")
_BY_PROVIDER = _FIND.format(named="provider_id = %s AND provider_id <> '' AND state = 'sent' AND delivered_at IS NULL")
_DELIVERED = "UPDATE screening_message SET delivered_at = %s WHERE id = %s"
_FAILED = "UPDATE screening_message SET state = 'failed', reason = %s WHERE id = %s"


def note_reports(channel: str, reports: Iterable[Report]) -> Counter[str]:
    """Note each report; answers how many were ``delivered``, ``failed``, ``known`` already, of ``unknown`` messages, or
    came ``early``: before our own note that the message was sent, so that the gateway must say it once more."""
    return Counter(_note(channel, report) for report in reports)


@unwalled()
def _note(channel: str, report: Report) -> str:
    with transaction.atomic(), connection.cursor() as cursor:
        if report.reference:
            cursor.execute(_BY_KEY, [channel, *report.reference])
        else:
            cursor.execute(_BY_PROVIDER, [channel, report.provider_id])
        row = cursor.fetchone()
        if row is None:
            return "unknown"
        id_, patient, address, communication, state, delivered = row
        if state in ("queued", "sending"):
            return "early"
        if state != "sent" or delivered:
            return "known"
        if not report.reason:
            cursor.execute(_DELIVERED, [timezone.now(), id_])
            return "delivered"
        cursor.execute(_FAILED, [report.reason, id_])
        if report.bad_address:
            bad_contacts.report(
                patient=patient,
                channel=channel,
                address=address,
                source="provider",
                reason=report.reason,
                actor=ACTOR,
            )
        outbox.next_way([id_], actor=ACTOR)
        if communication and communication != REFUSED:
            _take_back(communication)
        return "failed"


def _take_back(communication: str) -> None:
    """Nobody was told by it after all. That the message failed stays noted even where the record refuses this."""
    why = {"text": "Đơn vị gửi tin báo không đến nơi"}
    try:
        with transaction.atomic():
            stored: dict[str, Any] = parse(read(type="Communication", id=communication, actor=ACTOR).content).resource
            store.save({**stored, "status": "not-done", "statusReason": why}, actor=ACTOR)
    except Refused as refused:
        logger.warning("Communication/%s was not taken back (%s)", communication, refused.status)
