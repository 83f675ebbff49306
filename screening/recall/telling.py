"""What invited people are told: the invitation, a reminder, and at last that nothing was heard. In batches.

Each batch is a transaction of the caller's: an invitation is sent if and only if its message is in the outbox.
"""

from datetime import date, timedelta
from typing import Any

from django.db import connection

from healthhub.accounts.actors import Actor, system_actor
from records.access import called_by
from screening.messages.outbox import queue_messages
from screening.models.appointments import OPEN_STATUSES
from screening.protocol import Protocol
from screening.recall.settling import call_anew

RECALL = system_actor("recall")
BATCH = 2000

# Ordered by ``id + 0``: by ``id`` itself the planner would walk through all the invitations there have ever been,
# sure of soon having met enough of the few that wait.
_PLANNED = """
SELECT id FROM screening_invitation
WHERE programme = %s AND state = 'planned' AND planned_on <= %s AND kind IN ('call', 'recall')
ORDER BY id + 0 LIMIT %s FOR UPDATE SKIP LOCKED
"""
_SENT = """
UPDATE screening_invitation SET state = 'sent', sent_on = %s WHERE id = ANY(%s) RETURNING patient_id, facility_id
"""
# Who is expected, or waits for a place, in the programme has answered by that: she needs no reminder to come.
_NOT_BOOKED = f"""
NOT EXISTS (SELECT FROM screening_appointment a WHERE a.patient_id = i.patient_id AND a.programme = i.programme
    AND a.status IN ({", ".join(f"'{status}'" for status in OPEN_STATUSES)}) AND (a.day IS NULL OR a.day >= %s))
"""
_TO_REMIND = f"""
SELECT id FROM screening_invitation i
WHERE programme = %s AND state IN ('sent', 'reminded') AND reminders < %s
    AND coalesce(reminded_on, sent_on) <= %s AND kind IN ('call', 'recall') AND {_NOT_BOOKED}
ORDER BY id + 0 LIMIT %s FOR UPDATE SKIP LOCKED
"""
_REMINDED = """
UPDATE screening_invitation SET state = 'reminded', reminded_on = %s, reminders = reminders + 1 WHERE id = ANY(%s)
RETURNING patient_id, programme
"""
_SILENT = f"""
SELECT id FROM screening_invitation i
WHERE programme = %s AND state IN ('sent', 'reminded') AND sent_on <= %s AND kind IN ('call', 'recall')
    AND {_NOT_BOOKED}
ORDER BY id + 0 LIMIT %s FOR UPDATE SKIP LOCKED
"""
# Nobody wrote to these people: they came by themselves, and nothing came of it. Their clinic sees them too.
_SILENT_OFFERS = f"""
UPDATE screening_invitation i SET state = 'nonresponder', ended_on = %s
WHERE programme = %s AND state = 'sent' AND sent_on <= %s AND kind NOT IN ('call', 'recall') AND {_NOT_BOOKED}
RETURNING patient_id, programme
"""
_SILENCE = """
UPDATE screening_invitation SET state = 'nonresponder', ended_on = %s WHERE id = ANY(%s) RETURNING patient_id, programme
"""


def send(programme: str, on: date, *, actor: Actor = RECALL) -> int:
    """Put the messages of a batch of planned invitations into the outbox; how many, 0 when none is left.

    In the caller's transaction: an invitation is sent if and only if its message is in the outbox.
    """
    return _tell(_PLANNED, [programme, on, BATCH], "invitation", _SENT, on, actor)


def remind(protocol: Protocol, on: date, *, actor: Actor = RECALL) -> int:
    """Remind a batch of people who have not answered yet; how many, 0 when none is left."""
    call = protocol.call
    if call is None:
        return 0
    since = on - timedelta(days=call.remind_after_days)
    params = [protocol.programme, call.attempts - 1, since, on, BATCH]
    return _tell(_TO_REMIND, params, "reminder", _REMINDED, on, actor)


def give_up(protocol: Protocol, on: date, *, actor: Actor = RECALL) -> int:
    """Note a batch of people who never answered, tell them a last time; how many, 0 when none is left.

    Their clinic sees them (``recall.lists.nonresponders``), and they are called again an interval later.
    """
    call = protocol.call
    if call is None:
        return 0
    since = on - timedelta(days=call.nonresponse_after_days)
    with connection.cursor() as cursor:
        cursor.execute(_SILENT_OFFERS, [on, protocol.programme, since, on])
        call_anew(cursor.fetchall())
    return _tell(_SILENT, [protocol.programme, since, on, BATCH], "nonresponse", _SILENCE, on, actor)


def _tell(select: str, params: list[Any], kind: str, update: str, on: date, actor: Actor) -> int:
    with connection.cursor() as cursor:
        cursor.execute(select, params)
        ids = [row[0] for row in cursor.fetchall()]
        if ids:
            queue_messages(ids, kind, actor=actor)
            cursor.execute(update, [on, ids])
            if update is _SENT:
                called_by({(patient, facility) for patient, facility in cursor.fetchall() if facility})
            elif update is _SILENCE:  # the other two leave her called, as she was
                call_anew(cursor.fetchall())
    return len(ids)
