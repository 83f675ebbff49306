"""Putting messages into the outbox. Set-based: a hundred thousand invitations are one statement, and the same ones
again are nothing.

Every wish to send leaves a row, so that nothing is silently not sent: for people who want no messages it is born
cancelled, for people without a usable contact it is born failed.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection
from django.utils import timezone

from healthhub.accounts.actors import Actor
from screening.messages.reach import channels_sql
from screening.models.messages import Message, MessageKind, MessageState

DATA = frozenset({"date", "time", "place"})


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message to be queued. ``about`` with the kind makes it unique ("Appointment/018f…"); ``facility`` sends it,
    None stands for the one that the person belongs to. ``data`` may hold ``date`` and ``time`` in ISO form and
    ``place``, nothing else: what is not in it cannot be told. ``not_before`` is when it may go at the earliest."""

    patient: str
    kind: str
    about: str
    programme: str = ""
    facility: str | None = None
    data: Mapping[str, str] = field(default_factory=dict)
    not_before: datetime | None = None


_ROWS = """
SELECT * FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::jsonb[], %s::timestamptz[],
    %s::text[]) AS w(patient_id, kind, about, programme, facility_id, data, not_before, again)
"""
_INVITATIONS = """
SELECT i.patient_id, %s::text AS kind, 'invitation/' || i.id AS about, i.programme, i.facility_id,
    '{}'::jsonb AS data, NULL::timestamptz AS not_before,
    CASE WHEN i.reminders > 0 AND %s = 'reminder' THEN '#' || i.reminders ELSE '' END AS again
FROM screening_invitation i WHERE i.id = ANY(%s)
"""
_QUEUE = """
INSERT INTO screening_message (
    patient_id, facility_id, programme, kind, channel, address, language, about, data, dedupe_key, token,
    state, reason, attempts, next_try_at, created_at, created_by,
    provider_id, template, text, segments, communication
)
SELECT w.patient_id, coalesce(w.facility_id, c.facility_id), w.programme, w.kind,
    coalesce(way.channel, ''), coalesce(way.address, ''), coalesce(wish.language, 'vi'), w.about, w.data,
    w.kind || ':' || w.about || w.again, substr(replace(gen_random_uuid()::text, '-', ''), 1, 16),
    CASE WHEN c.deceased OR NOT c.active OR wish.no_messages IS TRUE THEN 'cancelled'
         WHEN way.channel IS NULL THEN 'failed' ELSE 'queued' END,
    CASE WHEN c.deceased THEN 'deceased' WHEN NOT c.active THEN 'inactive' WHEN wish.no_messages IS TRUE THEN 'declined'
         WHEN way.channel IS NULL THEN 'no_contact' ELSE '' END,
    0, greatest(w.not_before, %s), %s, %s, '', '', '', 0, ''
FROM ({source}) w
JOIN records_citizen c ON c.patient_id = w.patient_id
LEFT JOIN screening_messagepreference wish ON wish.patient_id = c.patient_id
LEFT JOIN screening_emailaddress mail ON mail.patient_id = c.patient_id
LEFT JOIN LATERAL {way} way ON true
ON CONFLICT (dedupe_key) DO NOTHING
RETURNING state
"""
# The same message by the best way that was not tried yet. A letter would come too late to remind of an appointment.
_NEXT_WAY = """
INSERT INTO screening_message (
    patient_id, facility_id, programme, kind, channel, address, language, about, data, dedupe_key, token,
    state, reason, attempts, next_try_at, created_at, created_by,
    provider_id, template, text, segments, communication
)
SELECT m.patient_id, m.facility_id, m.programme, m.kind, way.channel, way.address, m.language, m.about, m.data,
    m.kind || ':' || m.about || '/' || tried.number + 1, substr(replace(gen_random_uuid()::text, '-', ''), 1, 16),
    'queued', '', 0, %s, %s, %s, '', '', '', 0, ''
FROM screening_message m
JOIN records_citizen c ON c.patient_id = m.patient_id
LEFT JOIN screening_messagepreference wish ON wish.patient_id = c.patient_id
LEFT JOIN screening_emailaddress mail ON mail.patient_id = c.patient_id
JOIN LATERAL (
    SELECT count(*) AS number, {channels} AS channels
    FROM screening_message t WHERE t.about = m.about AND t.kind = m.kind AND t.patient_id = m.patient_id
) tried ON true
JOIN LATERAL {way} way ON true
WHERE m.id = ANY(%s) AND NOT (m.kind = 'appointment_reminder' AND way.channel = 'letter')
ON CONFLICT (dedupe_key) DO NOTHING
RETURNING state
"""


def queue_messages(invitation_ids: Sequence[int], kind: str, *, actor: Actor) -> int:
    """Queue one message of a kind for each invitation, by the channel that suits the person; answers how many now wait
    to be sent. The same call again queues nothing; a further reminder is one after ``Invitation.reminders`` has grown.
    """
    kind = MessageKind(kind).value
    return _queue(_INVITATIONS, [kind, kind, list(invitation_ids)], actor=actor)


def queue(rows: Sequence[Outgoing], *, actor: Actor) -> int:
    """Queue messages that belong to no invitation; answers how many now wait to be sent. One statement.

    Raises ValueError for a kind that does not exist and for data that no text may tell.
    """
    if not rows:
        return 0
    for row in rows:
        if unknown := set(row.data) - DATA:
            raise ValueError(f"A message may tell {sorted(DATA)} only, not {sorted(unknown)}.")
    columns: list[list[Any]] = [
        [row.patient for row in rows],
        [MessageKind(row.kind).value for row in rows],
        [row.about for row in rows],
        [row.programme for row in rows],
        [row.facility for row in rows],
        [_json(row.data) for row in rows],
        [row.not_before for row in rows],
        [""] * len(rows),
    ]
    return _queue(_ROWS, columns, actor=actor)


def next_way(ids: Sequence[int], *, actor: Actor) -> int:
    """After these messages failed, queue each by the next way to the person; answers for how many there was one.

    A way that failed is not tried again, except by ``resend``. Who has none left stays with a failed message.
    """
    return _again(ids, "array_agg(t.channel::text)", actor=actor)


def resend(message_id: int, *, actor: Actor) -> int:
    """Staff want it to go once more, by whatever way is best now; 0 if there is none."""
    return _again([message_id], "'{}'::text[]", actor=actor)


def cancel_messages(about: Sequence[str], *, reason: str = "not_needed") -> int:
    """Cancel what is still queued about these things (an appointment that was cancelled); answers how many.

    What a worker already holds may still go out.
    """
    queued = Message.objects.filter(about__in=list(about), state=MessageState.QUEUED)
    return queued.update(state=MessageState.CANCELLED, reason=reason)


def _again(ids: Sequence[int], channels: str, *, actor: Actor) -> int:
    if not ids:
        return 0
    now = timezone.now()
    sql = _NEXT_WAY.replace("{channels}", channels).replace("{way}", channels_sql("c", without="tried.channels"))
    with connection.cursor() as cursor:
        cursor.execute(sql, [now, now, actor.id[:128], list(ids)])
        return len(cursor.fetchall())


def _queue(source: str, params: list[Any], *, actor: Actor) -> int:
    now = timezone.now()
    sql = _QUEUE.replace("{source}", source.strip()).replace("{way}", channels_sql("c"))
    nothing: list[str] = []
    with connection.cursor() as cursor:
        cursor.execute(sql, [now, now, actor.id[:128], *params, nothing])
        return sum(1 for (state,) in cursor.fetchall() if state == "queued")


def _json(data: Mapping[str, str]) -> str:
    """As the database can keep it: it knows no NUL."""
    return json.dumps({name: value.replace("\x00", " ") for name, value in data.items()})
