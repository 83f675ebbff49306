"""Keeps the stored standings true: everybody's by the nightly run, those of noted people within seconds.

Why no change is lost: a write commits its data and its note together. A refresh first takes the committed notes, then
reads by a later snapshot, which sees at least what came with them. What commits in between leaves a note for the next
refresh. One refresh of standings runs at a time (advisory lock); all of it commits or nothing.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple

from django.db import connection, transaction

from healthhub.postgresql.wall import unwalled
from screening.protocol import Protocol, programmes, protocol_for
from screening.protocol.shapes import INVITED
from screening.publishing.noting import mark_unpublished
from screening.recall.callers import callers
from screening.recall.invitations import NEVER
from screening.recall.night import has_begun, note_day
from screening.recall.settling import settle
from screening.recall.standing import COLUMNS, Scope, standings_sql

LOCK = 0x48480003  # ours among advisory locks
TAKE = 10_000  # notes at a time

_TAKE = """
WITH taken AS (
    DELETE FROM screening_staleperson WHERE id IN (SELECT id FROM screening_staleperson ORDER BY id LIMIT %s)
    RETURNING patient
) SELECT DISTINCT patient FROM taken
"""
# A note says that something of a person has changed, not only her standing: her Tasks may have another owner.
_TAKE_ALL = """
WITH taken AS (DELETE FROM screening_staleperson RETURNING patient)
INSERT INTO screening_unpublishedperson (patient) SELECT DISTINCT t.patient FROM taken t
WHERE EXISTS (SELECT FROM screening_episode e WHERE e.patient_id = t.patient)
    OR EXISTS (SELECT FROM screening_decision d WHERE d.patient_id = t.patient)
"""
_NAMES = [name for name in COLUMNS.split(", ") if name not in ("patient_id", "programme", "since")]
# One statement: what must be, what is too much, what differs (joined first, so that a night on which nothing changed
# writes nothing, not even row locks). When somebody who never had an invitation may be called is plain; of the others
# the planning works it out (``invitations``), by the same rule. People whose EpisodeOfCare and CarePlan say
# where they stand are noted.
_REFRESH = f"""
WITH fresh({COLUMNS}) AS MATERIALIZED ({{standings}}), gone AS (
    DELETE FROM screening_standing s WHERE s.programme = %(programme)s {{scope}}
    AND NOT EXISTS (SELECT FROM fresh f WHERE f.patient_id = s.patient_id) RETURNING s.patient_id
), written AS (
    INSERT INTO screening_standing ({COLUMNS}, call_on)
    SELECT {", ".join(f"f.{name}" for name in COLUMNS.split(", ")[:-1])},
        CASE WHEN s.status = f.status THEN s.since ELSE f.since END,
        CASE WHEN %(ahead)s::int IS NULL OR EXISTS (SELECT FROM screening_invitation i
                WHERE i.patient_id = f.patient_id AND i.programme = %(programme)s) THEN NULL
            WHEN f.status NOT IN ('screened', 'due', 'overdue') OR f.due_on IS NULL THEN %(never)s
            ELSE f.due_on - %(ahead)s::int END
    FROM fresh f
    LEFT JOIN screening_standing s ON s.patient_id = f.patient_id AND s.programme = %(programme)s {{scope}}
    WHERE s.id IS NULL OR ({", ".join(f"s.{name}" for name in _NAMES)})
        IS DISTINCT FROM ({", ".join(f"f.{name}" for name in _NAMES)})
    ON CONFLICT (patient_id, programme) DO UPDATE SET
        {", ".join(f"{name} = excluded.{name}" for name in [*_NAMES, "since", "call_on"])}
    RETURNING patient_id
), changed AS (SELECT patient_id FROM gone UNION ALL SELECT patient_id FROM written), noted AS (
    INSERT INTO screening_unpublishedperson (patient) SELECT c.patient_id FROM changed c
    WHERE c.patient_id IN (
        SELECT s.patient_id FROM screening_episode s WHERE s.programme = %(programme)s {{scope}}
        UNION ALL SELECT s.patient_id FROM screening_decision s WHERE s.programme = %(programme)s {{scope}})
)
SELECT (SELECT count(*) FROM fresh), (SELECT count(*) FROM written), (SELECT count(*) FROM gone),
    (SELECT coalesce(array_agg(patient_id) FILTER (WHERE %(named)s), '{{{{}}}}') FROM changed)
"""
# Before its first day a programme is for nobody.
_TAKE_OUT = """
WITH gone AS (DELETE FROM screening_standing s WHERE s.programme = %(programme)s {scope} RETURNING s.patient_id)
SELECT 0, 0, count(*), coalesce(array_agg(patient_id) FILTER (WHERE %(named)s), '{{}}') FROM gone
"""


class Changed(NamedTuple):
    """How many people a programme is for, how many rows a refresh wrote and took out, and whose, if that was asked."""

    eligible: int
    written: int
    removed: int
    people: list[str]


def lock() -> None:
    """Wait until nobody else refreshes standings; held until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])


def refresh_standings(
    protocol: Protocol,
    on: date,
    *,
    scope: Scope,
    named: bool = False,
    nearest: Sequence[tuple[int, str]] | None = None,
) -> Changed:
    """Work out the standings of ``scope`` by this version and write what differs. Call it in a transaction, locked.

    ``named`` asks who has changed, for scopes of not too many people; ``nearest`` as in ``standings_sql``.
    """
    ahead = protocol.call.invite_days_before if protocol.call and protocol.mode == INVITED else None
    params: dict[str, Any] = {**scope.params, "programme": protocol.programme, "named": named}
    params |= {"ahead": ahead, "never": NEVER}
    sql = _TAKE_OUT
    if has_begun(protocol, on):
        standings, more = standings_sql(protocol, on, scope=scope, nearest=callers() if nearest is None else nearest)
        sql, params = _REFRESH.replace("{standings}", standings.replace("{", "{{").replace("}", "}}")), params | more
    with connection.cursor() as cursor:
        cursor.execute(sql.format(scope=scope.sql("s.patient_id")), params)
        return Changed(*cursor.fetchone())


def refresh_noted(on: date) -> int:
    """Work out the standings of the people whom writes have noted, and settle their invitations; how many people.

    Safe to run twice and at once: a second one waits, then finds nothing. Killed half way, the notes are still there.
    """
    refreshed = 0
    while people := take_notes(on):
        refreshed += people
    return refreshed


def take_notes(on: date) -> int:
    """A part of ``refresh_noted``; 0 when no note is left."""
    with transaction.atomic():
        lock()
        with connection.cursor() as cursor:
            cursor.execute(_TAKE, [TAKE])
            people = [row[0] for row in cursor.fetchall()]
        if people:
            refresh_people(people, on)
    return len(people)


def take_all_notes() -> None:
    """Take every note at once, where everybody is about to be counted; their resources are written again all the same.

    Call it in a transaction, locked.
    """
    with connection.cursor() as cursor:
        cursor.execute(_TAKE_ALL)


@unwalled()
def refresh_now(patient: str, on: date) -> bool:
    """Put one person right while she looks on; False if a refresh is at work, which will do it within seconds."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [LOCK])
        free = bool(cursor.fetchone()[0])
        if free:
            refresh_people([patient], on)
    return free


def refresh_people(patients: list[str], on: date) -> None:
    """Work out the standings of these people in all programmes, and settle their invitations."""
    scope, nearest = Scope(patients=patients), callers()
    for programme in programmes():
        refresh_standings(protocol_for(programme, on), on, scope=scope, nearest=nearest)
    note_day(on)
    _drop_unknown(patients)
    settle(on, patients=patients)
    mark_unpublished(patients)


def _drop_unknown(patients: list[str]) -> None:
    """Standings of programmes that no protocol describes any more."""
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM screening_standing WHERE patient_id = ANY(%s) AND NOT programme = ANY(%s)",
            [patients, programmes()],
        )
