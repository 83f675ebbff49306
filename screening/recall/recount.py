"""The recount by shares: each night some people are worked out as on a first night, and what stood wrong is told.

What is found wrong is put right, counted in the run and listed for the officer: it means that something changes
standings that neither leaves a note nor is among what ``night`` asks for.
"""

from datetime import date
from typing import Final

from django.db import connection

from screening.protocol import Protocol
from screening.recall import night
from screening.recall.headcount import count_again
from screening.recall.invitations import check_days
from screening.recall.refresh import refresh_standings
from screening.recall.settling import settle
from screening.recall.stale import unnoted_sql
from screening.recall.standing import EVERYBODY

KEPT: Final = 2 * night.SHARES  # nights for which somebody who stood wrong stays listed

# Whoever has a note was changed since the night's notes were taken: the refresh that it asks for was still to come.
_LIST = f"""
INSERT INTO screening_balancedifference ("on", programme, area_id, patient_id, kind, detail)
SELECT %(on)s, %(programme)s, c.area_id, p.patient, 'wrong', %(detail)s
FROM unnest(%(people)s::text[]) AS p(patient) LEFT JOIN records_citizen c ON c.patient_id = p.patient
WHERE {unnoted_sql("p.patient")}
ON CONFLICT (programme, kind, patient_id) DO UPDATE SET "on" = excluded."on", detail = excluded.detail RETURNING 1
"""
_FORGET = """
DELETE FROM screening_balancedifference WHERE programme = %s AND kind = 'wrong' AND "on" <= %s::date - %s
"""


def look_again(protocol: Protocol, on: date, *, everybody: bool = False, with_texts: bool = True) -> dict[str, int]:
    """Work out the next share (or ``everybody``) from the beginning: "again" how many, and if there were any "wrong"
    standings, "late" invitations that had to end, and "misread" Patients of the other side of the books.

    Those are the same for every programme, so one is enough to read them again ``with_texts``.
    """
    name = protocol.programme
    if not night.has_begun(protocol, on):
        return {}
    share = EVERYBODY if everybody else night.next_share(name)
    found = refresh_standings(protocol, on, scope=share, named=True)
    wrong = _list(name, on, found.people, "standing")
    ended = settle(on, programme=name, share=share, unnoted=True)
    late = sum(ended.values()) + check_days(protocol, on, share)
    counts = {"wrong": wrong, "late": late, "misread": count_again(share) if with_texts else 0}
    if not everybody:
        night.note_share(name, share)
    return {"again": found.eligible} | {word: count for word, count in counts.items() if count}


def _list(programme: str, on: date, people: list[str], detail: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(_FORGET, [programme, on, KEPT])
        if not people:
            return 0
        cursor.execute(_LIST, {"on": on, "programme": programme, "people": people, "detail": detail})
        return len(cursor.fetchall())
