"""How a call ends: answered, or without a reason any more. Set-based; it may be run twice.

Somebody has answered who was seen since: a round was opened, or within an open one (surveillance, a repeat) a result or
an assessment came. What ends an invitation is an event or a change of her standing, never time alone, so it is looked
at together with those; ``recall.recount`` looks again at everybody by shares.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any

from django.db import connection

from screening.messages.outbox import cancel_messages
from screening.recall.stale import unnoted_sql
from screening.recall.standing import EVERYBODY, Scope

_LONGEST = 400  # days after a silence in which somebody who comes has still answered that call

# When she was first seen since the call, and in which round. A result or assessment counts while it is its source's
# last word.
_SEEN = """
SELECT seen.day, seen.episode FROM (
    SELECT e.opened_on AS day, e.id AS episode FROM screening_episode e
    WHERE e.patient_id = i.patient_id AND e.programme = i.programme AND e.outcome <> 'withdrawn'
    UNION ALL
    SELECT v.occurred_on, v.episode_id FROM screening_episodeevent v
    WHERE v.patient_id = i.patient_id AND v.programme = i.programme AND v.fact IN ('result', 'assessed')
        AND v.kind <> 'withdrawn' AND v.occurred_on >= coalesce(i.sent_on, i.planned_on)
        AND NOT EXISTS (SELECT FROM screening_episodeevent l WHERE l.source_id = v.source_id
            AND l.source_type = v.source_type AND (l.source_version > v.source_version
            OR (l.source_version = v.source_version AND l.kind = 'withdrawn' AND l.patient_id = v.patient_id)))
) AS seen WHERE seen.day >= coalesce(i.sent_on, i.planned_on) ORDER BY seen.day, seen.episode LIMIT 1
"""
_RESPONDED = f"""
UPDATE screening_invitation i SET state = 'responded', ended_on = answer.day, ended_by = answer.episode
FROM (
    SELECT i.id, seen.day, coalesce(seen.episode::text, '') AS episode
    FROM screening_invitation i JOIN LATERAL ({_SEEN}) AS seen ON true
    WHERE i.state IN ('sent', 'reminded', 'nonresponder') {{scope}}
        AND (i.state <> 'nonresponder' OR seen.day <= i.ended_on + {_LONGEST})
) AS answer WHERE answer.id = i.id RETURNING i.patient_id, i.programme
"""
# A response that was withdrawn (the result was somebody else's) is none: she is called again, or reminded.
_UNANSWERED = f"""
UPDATE screening_invitation i SET state = CASE WHEN i.reminded_on IS NULL THEN 'sent' ELSE 'reminded' END,
    ended_on = NULL, ended_by = ''
WHERE i.state = 'responded' {{scope}} AND i.ended_on > %(on)s::date - {_LONGEST} AND NOT EXISTS ({_SEEN})
RETURNING i.patient_id, i.programme
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
RETURNING i.patient_id, i.programme, i.id
"""
_MOVED = """
UPDATE screening_invitation i SET facility_id = s.facility_id FROM screening_standing s
WHERE i.state = 'planned' AND s.patient_id = i.patient_id AND s.programme = i.programme
    AND s.facility_id IS DISTINCT FROM i.facility_id {scope}
"""
_CALL_ANEW = """
UPDATE screening_standing s SET call_on = NULL FROM unnest(%s::text[], %s::text[]) AS w(patient, programme)
WHERE s.patient_id = w.patient AND s.programme = w.programme AND s.call_on IS NOT NULL
"""


def settle(
    on: date,
    *,
    patients: Sequence[str] | None = None,
    programme: str | None = None,
    share: Scope = EVERYBODY,
    unnoted: bool = False,
) -> dict[str, int]:
    """End what has been answered or has lost its reason, and follow moves; how many of each.

    ``unnoted`` leaves out those for whom a refresh is under way.
    """
    within = Scope(patients=patients) if patients is not None else share
    scope = within.sql("i.patient_id") + (" AND i.programme = %(programme)s" if programme is not None else "")
    scope += f" AND {unnoted_sql('i.patient_id')}" if unnoted else ""
    params: dict[str, Any] = {**within.params, "on": on, "programme": programme}
    with connection.cursor() as cursor:

        def changed(sql: str) -> list[tuple[Any, ...]]:
            cursor.execute(sql.format(scope=scope), params)
            return cursor.fetchall()

        ended = {"unanswered": changed(_UNANSWERED), "responded": changed(_RESPONDED)}
        cursor.execute(_MOVED.format(scope=scope), params)
        moved = cursor.rowcount
        ended["cancelled"] = changed(_CANCELLED)
    if ended["cancelled"]:
        cancel_messages([f"invitation/{row[2]}" for row in ended["cancelled"]])
    call_anew([(row[0], row[1]) for rows in ended.values() for row in rows])
    counts = {"moved": moved} | {word: len(rows) for word, rows in ended.items()}
    return {word: count for word, count in counts.items() if count}


def call_anew(people: Sequence[tuple[str, str]]) -> None:
    """Have the next run work out when these (patient, programme) may be called: their invitations have changed."""
    if people:
        with connection.cursor() as cursor:
            cursor.execute(_CALL_ANEW, [list(column) for column in zip(*people, strict=True)])
