"""From a due date to a call, a reminder, an answer or a silence. Set-based; every function may be run twice.

An invitation's way: planned (it has a place of a day), sent, reminded, and one end: responded (a round was opened
since), nonresponder, cancelled (ceased, deferred, dead, moved away, no longer due). Who does not answer is called again
an interval after the last call. One call stands for one due date, so whatever runs twice makes nothing twice.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from django.db import connection

from healthhub.accounts.actors import Actor, system_actor
from screening.messages.outbox import cancel_messages, queue_messages
from screening.models import InvitationKind
from screening.models.appointments import OPEN_STATUSES
from screening.protocol import Protocol, current
from screening.protocol.shapes import INVITED, Call
from screening.recall.capacity import PLACES, default_places
from screening.recall.rules import rule_months

RECALL = system_actor("recall")
BATCH = 2000

# ``target`` is the due date a call would be about: the standing's own, or an interval after the last call that nobody
# answered (the shorter one of her own rule, if it has one). Whoever answered has a date of her own since.
# Of a call that was sent and then cancelled the date is spent: when the reason has gone she is called anew, for today.
_CANDIDATES = """
SELECT s.patient_id, s.programme, s.facility_id, s.due_on,
    CASE WHEN past.sent_on IS NOT NULL
         THEN greatest(s.due_on, (past.sent_on + make_interval(months => least(%(interval)s, own.months)))::date)
         WHEN past.spent THEN greatest(s.due_on, %(on)s) ELSE s.due_on END AS target,
    CASE WHEN s.due_rule LIKE 'age:%%' THEN 'call' ELSE 'recall' END AS kind
FROM screening_standing s
LEFT JOIN unnest(%(rules)s::text[], %(months)s::int[]) AS own(rule, months) ON own.rule = s.due_rule
LEFT JOIN LATERAL (
    SELECT max(i.sent_on) FILTER (
            WHERE i.state NOT IN ('cancelled', 'responded') AND i.kind IN ('call', 'recall')) AS sent_on,
        bool_or(i.state = 'planned' OR (i.state IN ('sent', 'reminded')
            AND (i.kind IN ('call', 'recall') OR i.sent_on > %(on)s::date - 42))) AS open,
        bool_or(i.state = 'cancelled' AND i.sent_on IS NOT NULL AND i.due_on = s.due_on) AS spent
    FROM screening_invitation i WHERE i.patient_id = s.patient_id AND i.programme = s.programme
) AS past ON true
WHERE s.programme = %(programme)s AND s.status IN ('screened', 'due', 'overdue') AND s.due_on <= %(soon)s
    AND past.open IS NOT TRUE
"""
_PLAN = f"""
WITH places AS ({PLACES}), used AS (
    SELECT facility_id, count(*) AS taken FROM screening_invitation
    WHERE programme = %(programme)s AND planned_on = %(on)s AND kind IN ('call', 'recall')
        AND (state <> 'cancelled' OR sent_on IS NOT NULL) GROUP BY facility_id
), waiting AS (
    SELECT c.*, row_number() OVER (PARTITION BY c.facility_id ORDER BY c.due_on, c.patient_id) AS place
    FROM ({_CANDIDATES}) AS c WHERE c.target <= %(soon)s
)
INSERT INTO screening_invitation
    (patient_id, programme, due_on, kind, facility_id, planned_on, state, reminders, ended_by)
SELECT w.patient_id, w.programme, w.target, w.kind, w.facility_id, %(on)s, 'planned', 0, ''
FROM waiting w
LEFT JOIN places p ON p.facility_id IS NOT DISTINCT FROM w.facility_id
LEFT JOIN used u ON u.facility_id IS NOT DISTINCT FROM w.facility_id
WHERE w.place <= coalesce(p.places, CASE WHEN w.facility_id IS NULL THEN %(department)s ELSE %(default)s END)
    - coalesce(u.taken, 0)
ON CONFLICT (patient_id, programme, due_on) DO UPDATE SET state = 'planned', planned_on = excluded.planned_on,
    facility_id = excluded.facility_id, kind = excluded.kind, ended_on = NULL, ended_by = ''
WHERE screening_invitation.state = 'cancelled' AND screening_invitation.sent_on IS NULL
"""
_WAITING = f"""
SELECT c.facility_id, count(*), min(c.due_on) FROM ({_CANDIDATES}) AS c WHERE c.target <= %(soon)s GROUP BY 1
"""
_RESPONDED = """
UPDATE screening_invitation i SET state = 'responded', ended_on = e.opened_on, ended_by = e.id::text
FROM screening_episode e
WHERE e.patient_id = i.patient_id AND e.programme = i.programme AND e.outcome <> 'withdrawn'
    AND e.opened_on >= coalesce(i.sent_on, i.planned_on) {within}
    AND i.state IN ('sent', 'reminded', 'nonresponder') {scope}
"""
# A response that was withdrawn (the result was somebody else's) is none: she is called again, or reminded.
_UNANSWERED = """
UPDATE screening_invitation i SET state = CASE WHEN i.reminded_on IS NULL THEN 'sent' ELSE 'reminded' END,
    ended_on = NULL, ended_by = ''
WHERE i.state = 'responded' {scope} AND i.ended_on > %(on)s::date - 400 AND NOT EXISTS (
    SELECT FROM screening_episode e WHERE e.patient_id = i.patient_id AND e.programme = i.programme
    AND e.outcome <> 'withdrawn' AND e.opened_on >= coalesce(i.sent_on, i.planned_on))
"""
_CANCELLED = """
UPDATE screening_invitation i SET state = 'cancelled', ended_on = %(on)s, ended_by = why.word
FROM (
    SELECT i.id, CASE WHEN c.patient_id IS NULL OR NOT c.active THEN 'inactive' WHEN c.deceased THEN 'deceased'
        WHEN s.id IS NULL THEN 'not_eligible' WHEN s.status IN ('ceased', 'deferred') THEN s.status
        WHEN i.kind IN ('call', 'recall') AND (s.due_on IS NULL OR s.due_on > greatest(i.due_on, %(on)s) + 60)
        THEN 'not_due'
        WHEN i.state = 'planned' AND s.status = 'unreachable' THEN 'unreachable' END AS word
    FROM screening_invitation i
    LEFT JOIN records_citizen c ON c.patient_id = i.patient_id
    LEFT JOIN screening_standing s ON s.patient_id = i.patient_id AND s.programme = i.programme
    WHERE i.state IN ('planned', 'sent', 'reminded') {scope}
) AS why WHERE why.id = i.id AND why.word IS NOT NULL
RETURNING i.id
"""
_MOVED = """
UPDATE screening_invitation i SET facility_id = s.facility_id FROM screening_standing s
WHERE i.state = 'planned' AND s.patient_id = i.patient_id AND s.programme = i.programme
    AND s.facility_id IS DISTINCT FROM i.facility_id {scope}
"""
_PLANNED = """
SELECT id FROM screening_invitation
WHERE programme = %s AND state = 'planned' AND planned_on <= %s AND kind IN ('call', 'recall')
ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED
"""
_SENT = "UPDATE screening_invitation SET state = 'sent', sent_on = %s WHERE id = ANY(%s)"
# Who is expected, or waits for a place, in the programme has answered by that: she needs no reminder to come.
_NOT_BOOKED = f"""
NOT EXISTS (SELECT FROM screening_appointment a WHERE a.patient_id = i.patient_id AND a.programme = i.programme
    AND a.status IN ({", ".join(f"'{status}'" for status in OPEN_STATUSES)}) AND (a.day IS NULL OR a.day >= %s))
"""
_TO_REMIND = f"""
SELECT id FROM screening_invitation i
WHERE programme = %s AND state IN ('sent', 'reminded') AND reminders < %s
    AND coalesce(reminded_on, sent_on) <= %s AND kind IN ('call', 'recall') AND {_NOT_BOOKED}
ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED
"""
_REMINDED = """
UPDATE screening_invitation SET state = 'reminded', reminded_on = %s, reminders = reminders + 1 WHERE id = ANY(%s)
"""
_SILENT = f"""
SELECT id FROM screening_invitation i
WHERE programme = %s AND state IN ('sent', 'reminded') AND sent_on <= %s AND kind IN ('call', 'recall')
    AND {_NOT_BOOKED}
ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED
"""
# Nobody wrote to these people: they came by themselves, and nothing came of it. Their clinic sees them too.
_SILENT_OFFERS = f"""
UPDATE screening_invitation i SET state = 'nonresponder', ended_on = %s
WHERE programme = %s AND state = 'sent' AND sent_on <= %s AND kind NOT IN ('call', 'recall') AND {_NOT_BOOKED}
"""
_SILENCE = "UPDATE screening_invitation SET state = 'nonresponder', ended_on = %s WHERE id = ANY(%s)"
_OFFER = """
INSERT INTO screening_invitation
    (patient_id, programme, due_on, kind, facility_id, planned_on, state, sent_on, reminders, ended_by)
SELECT %(patient)s, %(programme)s, %(on)s, %(kind)s, %(facility)s, %(on)s, 'sent', %(on)s, 0, ''
WHERE NOT EXISTS (SELECT FROM screening_invitation i WHERE i.patient_id = %(patient)s AND i.programme = %(programme)s
    AND i.state IN ('planned', 'sent', 'reminded') AND i.due_on <> %(on)s)
ON CONFLICT (patient_id, programme, due_on) DO UPDATE SET kind = excluded.kind, facility_id = excluded.facility_id
WHERE screening_invitation.kind IN ('self_referral', 'annual_check') RETURNING id
"""


def plan(protocol: Protocol, on: date) -> int:
    """Give the people who wait the places of this day, the longest overdue first; how many invitations were planned.

    Whoever finds no place waits for the next day: see ``waiting``. Opportunistic programmes call nobody.
    """
    if protocol.mode != INVITED or protocol.call is None:
        return 0
    return _run(_PLAN, _plan_params(protocol, protocol.call, on))


def waiting(protocol: Protocol, on: date) -> list[tuple[str | None, int, date]]:
    """(facility, people, oldest due date) of those who are due for a call and have no place yet."""
    if protocol.mode != INVITED or protocol.call is None:
        return []
    with connection.cursor() as cursor:
        cursor.execute(_WAITING, _plan_params(protocol, protocol.call, on))
        return [(facility, int(people), day) for facility, people, day in cursor.fetchall()]


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
    return _tell(_SILENT, [protocol.programme, since, on, BATCH], "nonresponse", _SILENCE, on, actor)


def settle(on: date, *, patients: Sequence[str] | None = None, programme: str | None = None) -> dict[str, int]:
    """End what has been answered or has lost its reason, and follow moves; how many of each."""
    scope = "AND i.patient_id = ANY(%(patients)s)" if patients is not None else ""
    scope += " AND i.programme = %(programme)s" if programme is not None else ""
    params = {"on": on, "patients": list(patients) if patients is not None else None, "programme": programme}
    within = "AND (i.state <> 'nonresponder' OR e.opened_on <= i.ended_on + 400)"
    done = {
        "unanswered": _run(_UNANSWERED.format(scope=scope), params),
        "responded": _run(_RESPONDED.format(scope=scope, within=within), params),
        "moved": _run(_MOVED.format(scope=scope), params),
        "cancelled": _cancel(scope, params),
    }
    return {word: count for word, count in done.items() if count}


def attach(
    *, patient: str, programme: str, kind: InvitationKind, on: date, facility: str | None, actor: Actor
) -> int | None:
    """Somebody is here of her own accord, or for the yearly check: note what she is offered, without any message.

    Her result then counts as the answer. The invitation's id; None if an invitation is open already: she answers that.
    """
    assert kind in (InvitationKind.SELF_REFERRAL, InvitationKind.ANNUAL_CHECK)
    params: dict[str, Any] = {"patient": patient, "programme": current(programme).programme, "on": on}
    with connection.cursor() as cursor:
        cursor.execute(_OFFER, {**params, "kind": kind.value, "facility": facility or actor.facility})
        row = cursor.fetchone()
    return int(row[0]) if row else None


def _plan_params(protocol: Protocol, call: Call, on: date) -> dict[str, Any]:
    rules = rule_months(protocol)
    return {
        "programme": protocol.programme,
        "on": on,
        "rules": list(rules),
        "months": list(rules.values()),
        "soon": on + timedelta(days=call.invite_days_before),
        "interval": min(band.interval_months for band in protocol.bands),
        "department": default_places(None, on),
        "default": default_places("", on),
    }


def _tell(select: str, params: list[Any], kind: str, update: str, on: date, actor: Actor) -> int:
    with connection.cursor() as cursor:
        cursor.execute(select, params)
        ids = [row[0] for row in cursor.fetchall()]
        if ids:
            queue_messages(ids, kind, actor=actor)
            cursor.execute(update, [on, ids])
    return len(ids)


def _cancel(scope: str, params: dict[str, Any]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(_CANCELLED.format(scope=scope), params)
        ids = [row[0] for row in cursor.fetchall()]
    if ids:
        cancel_messages([f"invitation/{id_}" for id_ in ids])
    return len(ids)


def _run(sql: str, params: dict[str, Any]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.rowcount
