"""Sending what is due, safe on any number of workers.

A worker claims a handful of messages (SKIP LOCKED: no two get the same), asks once more whether each should still go,
and hands them over one by one. Every step is a commit of its own:

    claimed → begun (one more try, under a fresh claim) → handed over → sent, with the gateway's id

A worker that dies before "begun" costs nothing. One that dies between the gateway's "yes" and our record leaves a
claim that runs out after LEASE; another worker then sends again, under the same key. So a message goes *at least*
once: a gateway that honours keys delivers it once, a mail program shows one Message-ID once, a plain gateway delivers
twice. The other order would lose messages, and nobody would know.
"""

import json
import logging
import random
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db import connection
from django.utils import timezone

from healthhub.accounts.actors import system_actor
from records.models import Facility
from screening.messages import bad_contacts, outbox
from screening.messages.approval import sendable_kinds
from screening.messages.communications import file_communications
from screening.messages.gateways import Delivered, Gateway, Later, Outcome, Parcel, gateway_for
from screening.messages.segments import size, without_diacritics
from screening.messages.texts import fill, link_of, text_of
from screening.models.messages import Channel, MessageState

LEASE: Final = timedelta(minutes=5)
HANDFUL: Final = 50
TRIES: Final = 8
FIRST_PAUSE: Final = timedelta(minutes=1)
LONGEST_PAUSE: Final = timedelta(hours=6)
ELECTRONIC: Final = (Channel.ZALO, Channel.SMS, Channel.EMAIL)
WAKING: Final = (Channel.ZALO, Channel.SMS)  # these ring; they go out only by day
ACTOR: Final = system_actor("messages")
logger = logging.getLogger(__name__)

_CLAIM = """
UPDATE screening_message m SET state = 'sending', claimed_at = clock_timestamp()
FROM (
    SELECT id FROM screening_message
    WHERE channel = %s AND kind = ANY(%s) AND next_try_at <= %s
        AND (state = 'queued' OR (state = 'sending' AND claimed_at < %s))
    ORDER BY next_try_at, id LIMIT %s FOR UPDATE SKIP LOCKED
) due WHERE m.id = due.id
RETURNING m.id, m.patient_id, m.facility_id, m.kind, m.channel, m.address, m.language, m.data::text, m.token,
    m.attempts, m.claimed_at
"""
# What may have changed since it was queued. Each message gets the first reason that holds, '' if it should go.
HELD_BACK = """
SELECT m.id, CASE
    WHEN c.deceased THEN 'deceased'
    WHEN NOT c.active THEN 'inactive'
    WHEN wish.no_messages IS TRUE THEN 'declined'
    WHEN m.kind IN ('invitation', 'reminder', 'nonresponse') AND EXISTS (
        SELECT FROM screening_decision d WHERE d.patient_id = m.patient_id AND d.programme = m.programme
        AND NOT d.undone AND (d.kind <> 'defer' OR d.until > %s)
    ) THEN 'ceased'
    WHEN EXISTS (
        SELECT FROM screening_invitation i
        WHERE i.id = CASE WHEN m.about ~ '^invitation/[0-9]{1,18}$' THEN split_part(m.about, '/', 2)::bigint END
        AND i.state IN ('responded', 'cancelled')
    ) THEN 'not_needed'
    WHEN m.kind = 'reminder' AND EXISTS (
        SELECT FROM screening_appointment a WHERE a.patient_id = m.patient_id AND a.programme = m.programme
        AND a.status IN ('booked', 'waitlist') AND (a.day IS NULL OR a.day >= %s)
    ) THEN 'not_needed'
    WHEN m.kind IN ('appointment', 'appointment_reminder') AND m.data ->> 'date' < %s THEN 'too_late'
    WHEN EXISTS (
        SELECT FROM screening_badcontact b WHERE b.patient_id = m.patient_id AND b.channel = m.channel
        AND b.address = m.address AND b.cleared_at IS NULL
    ) THEN 'bad_address'
    ELSE '' END
FROM screening_message m
LEFT JOIN records_citizen c ON c.patient_id = m.patient_id
LEFT JOIN screening_messagepreference wish ON wish.patient_id = m.patient_id
WHERE m.id = ANY(%s)
"""
_STOP = """
UPDATE screening_message m SET state = CASE WHEN s.reason = 'bad_address' THEN 'failed' ELSE 'cancelled' END,
    reason = s.reason, claimed_at = NULL
FROM unnest(%s::bigint[], %s::text[]) AS s(id, reason) WHERE m.id = s.id AND m.state = 'sending'
"""
_BEGIN = """
UPDATE screening_message SET attempts = attempts + 1, claimed_at = clock_timestamp()
WHERE id = %s AND state = 'sending' AND claimed_at = %s RETURNING attempts, claimed_at
"""
_END = """
UPDATE screening_message SET state = %s, reason = %s, provider_id = %s, sent_at = %s, next_try_at = %s,
    attempts = attempts - %s, template = %s, text = %s, segments = %s, claimed_at = NULL
WHERE id = %s AND state = 'sending' AND claimed_at = %s
"""
_RELEASE = """
UPDATE screening_message SET state = 'queued', claimed_at = NULL, next_try_at = %s
WHERE id = ANY(%s) AND state = 'sending'
"""
_POSTPONE = """
UPDATE screening_message SET next_try_at = %s WHERE channel = %s AND state = 'queued' AND next_try_at < %s
"""


@dataclass(slots=True)
class Claimed:
    """A message in this worker's hands."""

    id: int
    patient: str
    facility: str | None
    kind: str
    channel: str
    address: str
    language: str
    content: str
    token: str
    attempts: int
    claimed_at: datetime


def sweep(*, seconds: float = 50, gateways: dict[str, Gateway] | None = None) -> Counter[str]:
    """Send what is due, for so many seconds at most, and write down what was sent as FHIR Communications; answers how
    many ended in which state. ``gateways`` replaces those of the settings."""
    ends: Counter[str] = Counter()
    until = time.monotonic() + seconds
    for channel in ELECTRONIC:
        if channel in WAKING and not _is_day():
            continue
        with (gateways or {}).get(channel) or gateway_for(channel) as gateway:
            while time.monotonic() < until and (claimed := claim(channel, HANDFUL)):
                ends.update(_send_all(claimed, gateway))
    file_communications()
    return ends


def claim(channel: str, limit: int) -> list[Claimed]:
    """Take due messages whose text is approved, and those whose worker died, into one's hands."""
    now = timezone.now()
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, [channel, sendable_kinds(), now, now - LEASE, limit])
        rows = cursor.fetchall()
    return [Claimed(*row) for row in rows]


def held_back(ids: Sequence[int]) -> dict[int, str]:
    """Which of these messages should not go (any more), and why. One statement."""
    today = timezone.localdate()
    with connection.cursor() as cursor:
        cursor.execute(HELD_BACK, [today, today, today.isoformat(), list(ids)])
        return {id_: reason for id_, reason in cursor.fetchall() if reason}


def _send_all(claimed: Sequence[Claimed], gateway: Gateway) -> list[str]:
    ends: list[str] = []
    stopped = held_back([message.id for message in claimed])
    if stopped:
        with connection.cursor() as cursor:
            cursor.execute(_STOP, [list(stopped), list(stopped.values())])
        outbox.next_way([id_ for id_, reason in stopped.items() if reason == "bad_address"], actor=ACTOR)
        ends += ["failed" if reason == "bad_address" else "cancelled" for reason in stopped.values()]
    going = [message for message in claimed if message.id not in stopped]
    facilities = Facility.objects.in_bulk({message.facility for message in going if message.facility})
    for place, message in enumerate(going):
        if not _begin(message):
            continue  # another worker took it over: this one was too slow
        name = facilities[message.facility].name if message.facility in facilities else ""
        parcel, template = parcel_of(message, name)
        outcome = gateway.send(parcel)
        ends.append(_end(message, outcome, parcel, template))
        if isinstance(outcome, Later) and outcome.pause is not None:
            logger.warning("Messages by %s wait %d seconds: %s", message.channel, outcome.pause, outcome.reason)
            _pause(message.channel, outcome.pause, [other.id for other in going[place + 1 :]])
            break
    return ends


def parcel_of(message: Claimed, facility: str) -> tuple[Parcel, str]:
    """The message with its texts, and the name of the template."""
    text = text_of(message.kind, message.language)
    link = link_of(message.token)
    filled = {
        part: fill(template, language=text.language, facility=facility, data=json.loads(message.content), link=link)
        for part, template in (("short", text.short), ("subject", text.subject), ("body", text.body))
    }
    if message.channel == Channel.SMS and settings.MESSAGES["sms_plain"]:
        filled["short"] = without_diacritics(filled["short"])
    fields = {"message": filled["short"], "link": link}
    return Parcel(
        key=f"hh-{message.id}-{message.token}",
        kind=message.kind,
        language=text.language,
        address=message.address,
        fields=fields,
        **filled,
    ), text.name


def _begin(message: Claimed) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(_BEGIN, [message.id, message.claimed_at])
        row = cursor.fetchone()
    if row is None:
        return False
    message.attempts, message.claimed_at = row
    return True


def _end(message: Claimed, outcome: Outcome, parcel: Parcel, template: str) -> str:
    """Record what became of one try; answers the state."""
    now = timezone.now()
    state, reason, provider, sent, next_try, undo = MessageState.FAILED, "", "", None, now, 0
    if isinstance(outcome, Delivered):
        state, provider, sent = MessageState.SENT, outcome.provider_id, now
    elif isinstance(outcome, Later) and outcome.pause is not None:
        state, reason, undo = MessageState.QUEUED, outcome.reason, 1
        next_try = now + timedelta(seconds=outcome.pause)
    elif isinstance(outcome, Later) and message.attempts < TRIES:
        state, reason, next_try = MessageState.QUEUED, outcome.reason, now + backoff(message.attempts)
    else:
        reason = "gave_up" if isinstance(outcome, Later) else outcome.reason
    text = (parcel.body if message.channel == Channel.EMAIL else parcel.short) if sent else ""
    segments = size(parcel.short).segments if sent and message.channel == Channel.SMS else 0
    values = [state, reason[:32], provider, sent, next_try, undo, template if sent else "", text, segments]
    with connection.cursor() as cursor:
        cursor.execute(_END, [*values, message.id, message.claimed_at])
    if state == MessageState.FAILED:
        if getattr(outcome, "bad_address", False):
            bad_contacts.report(
                patient=message.patient,
                channel=message.channel,
                address=message.address,
                source="provider",
                reason=reason,
                actor=ACTOR,
            )
        outbox.next_way([message.id], actor=ACTOR)
    return state.value


def backoff(attempts: int) -> timedelta:
    """How long to wait after so many tries: a minute, then four times as long each time, at most six hours; a tenth by
    chance, so that what failed together does not come back together."""
    pause = min(FIRST_PAUSE * 4 ** (attempts - 1), LONGEST_PAUSE)
    return pause * (1 + random.random() / 10)


def _pause(channel: str, seconds: float, ids: list[int]) -> None:
    """Give back what is in hand, and let the whole channel wait."""
    later = timezone.now() + timedelta(seconds=seconds)
    with connection.cursor() as cursor:
        cursor.execute(_RELEASE, [later, ids])
        cursor.execute(_POSTPONE, [later, channel, later])


def _is_day() -> bool:
    first, last = (int(hour) for hour in settings.MESSAGES["hours"].split("-"))
    return first <= timezone.localtime().hour < last
