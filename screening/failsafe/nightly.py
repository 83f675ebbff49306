"""The nightly run: what the checks found becomes alarms with names, and late steps that went up a level are noted."""

import logging
from collections import Counter
from datetime import date
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from screening.failsafe.checks import Lost, find_lost
from screening.failsafe.reviews import alarms
from screening.models import FailsafeRun

logger = logging.getLogger(__name__)

_LOCK = 0x48480005  # ours among advisory locks
_KEEP = """
INSERT INTO screening_failsafealarm
  (check_name, subject, patient_id, programme, facility_id, since, first_on, last_on, facts)
SELECT n.check_name, n.subject, n.patient, n.programme, n.facility, n.since, %s, %s, md5(concat_ws('|', n.patient,
  n.programme, n.facility, n.since, (SELECT count(*) || ' ' || max(v.recorded_at) FROM screening_episodeevent v
    WHERE v.patient_id = n.patient AND v.programme IN (n.programme, ''))))
FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::date[])
  AS n(check_name, subject, patient, programme, facility, since)
ON CONFLICT (check_name, subject) WHERE gone_on IS NULL DO UPDATE SET last_on = excluded.last_on,
  patient_id = excluded.patient_id, facility_id = excluded.facility_id, since = excluded.since,
  facts = excluded.facts
"""
_GONE = "UPDATE screening_failsafealarm SET gone_on = %s WHERE gone_on IS NULL AND last_on < %s"
_NOTE = """
INSERT INTO screening_escalation (episode_id, step, due_on, level, noted_on)
SELECT e.id, n.step, n.due_on, CASE WHEN n.city_on <= d.today THEN 'city' WHEN n.district_on <= d.today THEN 'district'
  ELSE 'facility' END, d.today
FROM (SELECT %s::date AS today) d JOIN screening_episode e ON e.state <> 'closed' AND e.first_due_on < d.today
CROSS JOIN LATERAL jsonb_to_recordset(e.needs) AS n(step text, due_on date, district_on date, city_on date)
WHERE n.due_on < d.today
ON CONFLICT (episode_id, step, due_on, level) DO NOTHING RETURNING level
"""


def run_nightly(on: date | None = None) -> FailsafeRun | None:
    """One run; None if another is under way. Safe to run twice: the second finds the same and notes nothing new."""
    on = on or timezone.localdate()
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_LOCK])
            row = cursor.fetchone()
            if not row or not row[0]:
                return None
        run = FailsafeRun.objects.create(run_on=on)
        found = find_lost(on)
        _keep([one for people in found.values() for one in people], on)
        run.found = {check: len(people) for check, people in found.items()}
        run.escalated = _note(on)
        run.finished_at = timezone.now()
        run.save(update_fields=["found", "escalated", "finished_at"])
    standing = Counter(alarms().filter(reviewed=False).values_list("check_name", flat=True))
    if lost := dict(sorted(standing.items())):
        logger.warning("Failsafe checks of %s found people: %s", on, lost)  # numbers; the names are on the page
    return run


def _keep(lost: list[Lost], on: date) -> None:
    columns: list[list[Any]] = [
        [one.check for one in lost],
        [one.subject for one in lost],
        [one.patient for one in lost],
        [one.programme for one in lost],
        [one.facility for one in lost],
        [one.since for one in lost],
    ]
    with connection.cursor() as cursor:
        cursor.execute(_KEEP, [on, on, *columns])
        cursor.execute(_GONE, [on, on])


def _note(on: date) -> dict[str, int]:
    with connection.cursor() as cursor:
        cursor.execute(_NOTE, [on])
        return dict(Counter(level for (level,) in cursor.fetchall()))
