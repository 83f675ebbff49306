"""Who is called, and when: from a due date to an invitation with a place of a day. Set-based; it may be run twice.

An invitation's way: planned (it has a place of a day), sent, reminded (``telling``), and one end: responded (she was
seen since), cancelled (ceased, deferred, dead, moved away, no longer due; both in ``settling``), nonresponder. Who does
not answer is called again an interval after the last call. One call stands for one due date, so whatever runs twice
makes nothing twice.

When somebody may be called is kept with her standing (``call_on``) and worked out anew only after it or one of her
invitations has changed: so a night looks at those whose day has come, not at everybody who was ever called.
"""

from datetime import date
from typing import Any, Final

from django.db import connection

from healthhub.accounts.actors import Actor
from screening.models import InvitationKind
from screening.protocol import Protocol, current
from screening.protocol.shapes import INVITED, Call
from screening.recall.capacity import PLACES, default_places
from screening.recall.rules import rule_months
from screening.recall.settling import call_anew
from screening.recall.standing import EVERYBODY, Scope

NEVER: Final = date(9999, 12, 31)  # not until something changes
_MANY: Final = 10_000  # days worked out; after so many the planner must know of them
_OFFERED: Final = 42  # days for which an offer to somebody who was here is open

# ``target`` is the due date a call would be about: the standing's own, or an interval after the last call that nobody
# answered (the shorter one of her own rule, if it has one). Whoever answered has a date of her own since.
# Of a call that was sent and then cancelled the date is spent: when the reason has gone she is called anew, for today.
_PAST = f"""
LEFT JOIN unnest(%(rules)s::text[], %(months)s::int[]) AS own(rule, months) ON own.rule = s.due_rule
LEFT JOIN LATERAL (
    SELECT (max(i.sent_on) FILTER (WHERE i.state NOT IN ('cancelled', 'responded') AND i.kind IN ('call', 'recall'))
            + make_interval(months => least(%(interval)s, own.months)))::date AS again,
        bool_or(i.state = 'planned' OR (i.state IN ('sent', 'reminded') AND i.kind IN ('call', 'recall'))) AS open,
        max(i.sent_on) FILTER (WHERE i.state IN ('sent', 'reminded') AND i.kind NOT IN ('call', 'recall'))
            + {_OFFERED} AS offered,
        bool_or(i.state = 'cancelled' AND i.sent_on IS NOT NULL AND i.due_on = s.due_on) AS spent
    FROM screening_invitation i WHERE i.patient_id = s.patient_id AND i.programme = s.programme
) AS past ON true
"""
_WORK_OUT = f"""
UPDATE screening_standing w SET call_on = found.day FROM (
    SELECT s.id, CASE
        WHEN s.status NOT IN ('screened', 'due', 'overdue') OR s.due_on IS NULL OR past.open THEN %(never)s
        ELSE greatest(s.due_on - %(ahead)s::int, past.again - %(ahead)s::int, past.offered) END AS day
    FROM screening_standing s {_PAST} WHERE s.programme = %(programme)s AND {{which}}
) AS found WHERE found.id = w.id AND w.call_on IS DISTINCT FROM found.day
"""
_PLAN = f"""
WITH places AS ({PLACES}), used AS (
    SELECT facility_id, count(*) AS taken FROM screening_invitation
    WHERE programme = %(programme)s AND planned_on = %(on)s AND kind IN ('call', 'recall')
        AND (state <> 'cancelled' OR sent_on IS NOT NULL) GROUP BY facility_id
), waiting AS (
    SELECT s.patient_id, s.programme, s.facility_id, s.due_on, s.due_rule,
        row_number() OVER (PARTITION BY s.facility_id ORDER BY s.due_on, s.patient_id) AS place
    FROM screening_standing s WHERE s.programme = %(programme)s AND s.call_on <= %(on)s
), chosen AS (
    SELECT w.* FROM waiting w
    LEFT JOIN places p ON p.facility_id IS NOT DISTINCT FROM w.facility_id
    LEFT JOIN used u ON u.facility_id IS NOT DISTINCT FROM w.facility_id
    WHERE w.place <= coalesce(p.places, CASE WHEN w.facility_id IS NULL THEN %(department)s ELSE %(default)s END)
        - coalesce(u.taken, 0)
), planned AS (
    INSERT INTO screening_invitation
        (patient_id, programme, due_on, kind, facility_id, planned_on, state, reminders, ended_by)
    SELECT s.patient_id, s.programme,
        CASE WHEN past.again IS NOT NULL THEN greatest(s.due_on, past.again)
            WHEN past.spent THEN greatest(s.due_on, %(on)s) ELSE s.due_on END,
        CASE WHEN s.due_rule LIKE 'age:%%' OR s.due_rule LIKE 'risk:%%' THEN 'call' ELSE 'recall' END,
        s.facility_id, %(on)s, 'planned', 0, ''
    FROM chosen s {_PAST}
    ON CONFLICT (patient_id, programme, due_on) DO UPDATE SET state = 'planned', planned_on = excluded.planned_on,
        facility_id = excluded.facility_id, kind = excluded.kind, ended_on = NULL, ended_by = ''
    WHERE screening_invitation.state = 'cancelled' AND screening_invitation.sent_on IS NULL
    RETURNING patient_id
), called AS (
    UPDATE screening_standing s SET call_on = %(never)s FROM planned p
    WHERE s.patient_id = p.patient_id AND s.programme = %(programme)s
)
SELECT count(*) FROM planned
"""
_WAITING = """
SELECT s.facility_id, count(*), min(s.due_on) FROM screening_standing s
WHERE s.programme = %s AND s.call_on <= %s GROUP BY 1
"""
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
    params = _params(protocol, protocol.call, on)
    changed = _run(_WORK_OUT.format(which="s.call_on IS NULL"), params)
    with connection.cursor() as cursor:
        if changed > _MANY:
            cursor.execute("ANALYZE screening_standing (call_on)")
        cursor.execute(_PLAN, params)
        return int(cursor.fetchone()[0])


def check_days(protocol: Protocol, on: date, share: Scope = EVERYBODY) -> int:
    """Work out once more when these people may be called, and put right what differs; how many days did."""
    if protocol.mode != INVITED or protocol.call is None:
        return 0
    which = f"s.call_on IS NOT NULL {share.sql('s.patient_id')}"
    return _run(_WORK_OUT.format(which=which), _params(protocol, protocol.call, on) | share.params)


def waiting(protocol: Protocol, on: date) -> list[tuple[str | None, int, date]]:
    """(facility, people, oldest due date) of those who are due for a call and have no place yet, by the last run."""
    if protocol.mode != INVITED or protocol.call is None:
        return []
    with connection.cursor() as cursor:
        cursor.execute(_WAITING, [protocol.programme, on])
        return [(facility, int(people), day) for facility, people, day in cursor.fetchall()]


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
    if row:
        call_anew([(patient, params["programme"])])
    return int(row[0]) if row else None


def _params(protocol: Protocol, call: Call, on: date) -> dict[str, Any]:
    rules = rule_months(protocol)
    return {
        "programme": protocol.programme,
        "on": on,
        "rules": list(rules),
        "months": list(rules.values()),
        "ahead": call.invite_days_before,
        "never": NEVER,
        "interval": min(band.interval_months for band in protocol.bands),
        "department": default_places(None, on),
        "default": default_places("", on),
    }


def _run(sql: str, params: dict[str, Any]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.rowcount
