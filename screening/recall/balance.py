"""The nightly books: is everybody for whom a programme is accounted for, exactly once?

Who is eligible is counted here from the stored Patients themselves (``headcount``), by other SQL than that of
``standing`` (PostgreSQL's own reckoning of ages, searches instead of lists), and not from Citizen: a person who was
dropped on the way from the record to the lists is missing in Standing, and is found here. Both share the protocol and
the area alone.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from django.db import connection, transaction

from screening.models import CountedPerson, RecallRun
from screening.protocol import Protocol
from screening.recall.ages import age_runs, risk_ages
from screening.recall.evidence import at_risk, excluded
from screening.recall.headcount import count_all, count_new
from screening.recall.night import has_begun
from screening.recall.refresh import lock

# The last day of birth of whoever has completed an age, by PostgreSQL's reckoning, day by day about where it must be.
_BORN = """
SELECT known.age, max(day)::date FROM unnest(%(ages)s::int[]) AS known(age)
CROSS JOIN generate_series(%(on)s::date - make_interval(years => known.age, days => 400),
    %(on)s::date - make_interval(years => known.age, days => -400), interval '1 day') AS day
WHERE {age} >= known.age GROUP BY 1
"""
Run = tuple[int, int | None]  # of ages
_ON_DAY = "extract(year FROM age(%(on)s::date, day::date))"
_BY_YEAR = "(extract(year FROM %(on)s::date) - extract(year FROM day))"
# People with a note are between two states; the refresh that the note asks for will put them right.
_BOOKS = """
WITH noted AS MATERIALIZED (SELECT DISTINCT patient FROM screening_staleperson),
standing AS (
    SELECT s.patient_id, s.area_id, s.status FROM screening_standing s
    WHERE s.programme = %(programme)s AND NOT EXISTS (SELECT FROM noted WHERE noted.patient = s.patient_id)
), people AS (
    SELECT p.patient AS patient_id, p.area_id, CASE
        WHEN p.birth_date IS NULL AND {sex_fits} AND NOT {open_round} THEN 'birth_date'
        WHEN {sex_unknown} AND ({age_fits}) THEN 'sex'
        WHEN NOT p.resident AND {resident_only} THEN 'area'
        WHEN {excluded} THEN 'excluded' ELSE 'yes' END AS answer
    FROM screening_countedperson p {joined} WHERE NOT EXISTS (SELECT FROM noted WHERE noted.patient = p.patient)
        AND (p.birth_date IS NULL AND {sex_fits} OR {sex_unknown} AND ({age_fits})
            OR {sex_fits} AND (({age_fits}) OR {open_round}))
), compared AS MATERIALIZED (
    SELECT coalesce(p.patient_id, s.patient_id) AS patient_id, coalesce(s.area_id, p.area_id) AS area_id, s.status,
        coalesce(p.answer, 'no') AS answer, p.answer = 'yes' AS eligible
    FROM people p FULL JOIN standing s ON s.patient_id = p.patient_id
), found AS MATERIALIZED (
    SELECT patient_id, area_id, CASE WHEN eligible IS NOT TRUE AND status IS NOT NULL THEN 'surplus'
        WHEN answer = 'yes' THEN 'missing' ELSE 'unclear' END AS kind,
        CASE WHEN answer IN ('yes', 'no') THEN '' ELSE answer END AS detail
    FROM compared WHERE (eligible IS TRUE) <> (status IS NOT NULL)
        OR (status IS NULL AND answer IN ('birth_date', 'sex', 'area'))
), gone AS (
    DELETE FROM screening_balancedifference d WHERE d.programme = %(programme)s AND d.kind <> 'wrong'
    AND NOT EXISTS (SELECT FROM found f WHERE f.patient_id = d.patient_id AND f.kind = d.kind)
), listed AS (
    INSERT INTO screening_balancedifference ("on", programme, area_id, patient_id, kind, detail)
    SELECT %(on)s, %(programme)s, f.area_id, f.patient_id, f.kind, f.detail FROM found f
    WHERE NOT EXISTS (SELECT FROM screening_balancedifference d WHERE d.programme = %(programme)s
        AND d.patient_id = f.patient_id AND d.kind = f.kind AND d.detail = f.detail
        AND d.area_id IS NOT DISTINCT FROM f.area_id)
    ON CONFLICT (programme, kind, patient_id) DO UPDATE SET area_id = excluded.area_id, detail = excluded.detail
), written AS (
    INSERT INTO screening_balance ("on", programme, area_id, eligible, screened, due, overdue, deferred, ceased,
        unreachable, missing, surplus, unclear, excluded)
    SELECT %(on)s, %(programme)s, area_id, count(*) FILTER (WHERE eligible),
        count(*) FILTER (WHERE status = 'screened'), count(*) FILTER (WHERE status = 'due'),
        count(*) FILTER (WHERE status = 'overdue'), count(*) FILTER (WHERE status = 'deferred'),
        count(*) FILTER (WHERE status = 'ceased'), count(*) FILTER (WHERE status = 'unreachable'),
        count(*) FILTER (WHERE eligible AND status IS NULL),
        count(*) FILTER (WHERE eligible IS NOT TRUE AND status IS NOT NULL),
        count(*) FILTER (WHERE status IS NULL AND answer IN ('birth_date', 'sex', 'area')),
        count(*) FILTER (WHERE status IS NULL AND answer = 'excluded')
    FROM compared GROUP BY area_id
    RETURNING 1
)
SELECT count(*) FILTER (WHERE kind <> 'unclear') FROM found
"""


def balance(protocols: Sequence[Protocol], on: date, *, anew: bool = False) -> int:
    """Write the books of these programmes for that night, anew if there are some; the number of people who differ.

    The lists of people are the newest night's. Before its first day a programme is for nobody, and has no books.
    ``anew`` reads every Patient's text, not only those written since the last run.
    """
    differences = 0
    with transaction.atomic(), connection.cursor() as cursor:
        lock()
        last = RecallRun.objects.filter(finished_at__isnull=False).order_by("-started_at").first()
        if anew or last is None or not CountedPerson.objects.exists():
            count_all()
        else:
            count_new(last.started_at)
        for protocol in protocols:
            if has_begun(protocol, on):
                name = protocol.programme
                cursor.execute('DELETE FROM screening_balance WHERE "on" = %s AND programme = %s', [on, name])
                cursor.execute(*_books(protocol, on))
                differences += int(cursor.fetchone()[0])
    return differences


def _books(protocol: Protocol, on: date) -> tuple[str, dict[str, Any]]:
    params: dict[str, Any] = {"on": on, "programme": protocol.programme, "sexes": list(protocol.sexes)}
    runs, risks = age_runs(protocol), risk_ages(protocol)
    born = _born(protocol, on, [*runs, *risks])
    ways = [] if protocol.requires_risk_group else [_aged(born[run]) for run in runs]
    joined: list[str] = []
    for group, run in zip(protocol.risk_groups, risks, strict=True):
        ways.append(f"({_aged(born[run])} AND {_among(at_risk(group, on, params, scope=''), joined)})")
    out = excluded(protocol, on, params, scope="")
    everybody = {"male", "female", "other", "unknown"} <= set(protocol.sexes)
    sql = _BOOKS.format(
        sex_fits="p.sex = ANY(%(sexes)s)",
        sex_unknown="false" if everybody or "unknown" in protocol.sexes else "p.sex = 'unknown'",
        age_fits=" OR ".join(ways) or "false",
        open_round=_among(
            "SELECT e.patient_id AS patient FROM screening_episode e "
            "WHERE e.programme = %(programme)s AND e.state <> 'closed'",
            joined,
        ),
        resident_only="true" if protocol.residence == "city" else "false",
        excluded=_among(out, joined) if out else "false",
        joined=" ".join(joined),
    )
    return sql, params


def _born(protocol: Protocol, on: date, runs: Sequence[Run]) -> dict[Run, tuple[date | None, date]]:
    """The first and last day of birth of people of these ages; no first day where they may be of any age above."""
    sql = _BORN.format(age=_BY_YEAR if protocol.age_counted == "birth_year" else _ON_DAY)
    ages = {low for low, _ in runs} | {high + 1 for _, high in runs if high is not None}
    with connection.cursor() as cursor:
        cursor.execute(sql, {"on": on, "ages": sorted(ages)})
        last = dict(cursor.fetchall())
    one_day = timedelta(days=1)
    return {(low, high): (None if high is None else last[high + 1] + one_day, last[low]) for low, high in runs}


def _aged(days: tuple[date | None, date]) -> str:
    first, last = days
    return f"(p.birth_date <= '{last}'" + (f" AND p.birth_date >= '{first}')" if first else ")")


def _among(found: str, joined: list[str]) -> str:
    """A condition: ``found`` (SELECT patient) has this person. Adds the join that it reads to ``joined``.

    A join, not ``IN``: where that stands under an OR, and what was found fits into no hash table, PostgreSQL would read
    all of it for each person.
    """
    name = f"found{len(joined)}"
    people = f"SELECT DISTINCT f.patient FROM ({found}) AS f"
    joined.append(f"LEFT JOIN ({people}) AS {name} ON {name}.patient = p.patient")
    return f"{name}.patient IS NOT NULL"
