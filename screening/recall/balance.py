"""The nightly books: is everybody for whom a programme is accounted for, exactly once?

Who is eligible is counted here from the stored Patients themselves, by other SQL than that of ``standing``
(PostgreSQL's own reckoning of ages, searches instead of lists), and not from Citizen: a person who was dropped on the
way from the record to the lists is missing in Standing, and is found here. Both share the protocol and the area alone.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from screening.protocol import Protocol
from screening.recall.evidence import carrying, excluded, reaching
from screening.recall.refresh import lock
from screening.recall.standing import age_runs, began, risk_ages

PEOPLE = "recall_people"

_PEOPLE = f"""
CREATE TEMPORARY TABLE {PEOPLE} ON COMMIT DROP AS
SELECT p.id AS patient_id, c.area_id, p.sex, p.birth_date,
    CASE WHEN c.patient_id IS NULL THEN strpos(p.content, %(ward)s) > 0 ELSE c.area_id IS NOT NULL END AS resident
FROM (
    SELECT r.id, r.content, coalesce(j.text ->> 'gender', 'unknown') AS sex,
        CASE length(j.text ->> 'birthDate') WHEN 10 THEN (j.text ->> 'birthDate')::date
            WHEN 7 THEN (j.text ->> 'birthDate' || '-01')::date WHEN 4 THEN (j.text ->> 'birthDate' || '-01-01')::date
        END AS birth_date
    FROM fhir_resource r CROSS JOIN LATERAL (SELECT r.content::jsonb AS text OFFSET 0) AS j
    WHERE r.type = 'Patient' AND NOT r.deleted AND j.text ->> 'active' IS DISTINCT FROM 'false'
        AND j.text ->> 'deceasedBoolean' IS DISTINCT FROM 'true' AND NOT j.text ? 'deceasedDateTime'
) AS p LEFT JOIN records_citizen c ON c.patient_id = p.id
"""
_ON_DAY = "extract(year FROM age(%(on)s::date, p.birth_date))"
_BY_YEAR = "(extract(year FROM %(on)s::date) - extract(year FROM p.birth_date))"
# People with a note are between two states; the refresh that the note asks for will put them right.
_BOOKS = f"""
WITH noted AS MATERIALIZED (SELECT DISTINCT patient FROM screening_staleperson),
standing AS MATERIALIZED (
    SELECT s.patient_id, s.area_id, s.status FROM screening_standing s
    WHERE s.programme = %(programme)s AND s.patient_id NOT IN (SELECT patient FROM noted)
), people AS MATERIALIZED (
    SELECT p.patient_id, p.area_id, CASE
        WHEN p.birth_date IS NULL AND {{sex_fits}} THEN 'birth_date'
        WHEN {{sex_unknown}} AND ({{age_fits}}) THEN 'sex'
        WHEN NOT ({{sex_fits}}) OR NOT ({{age_fits}}) THEN 'no'
        WHEN NOT ({{resident}}) THEN 'area'
        WHEN {{excluded}} THEN 'excluded' ELSE 'yes' END AS answer
    FROM {PEOPLE} p WHERE p.patient_id NOT IN (SELECT patient FROM noted)
), compared AS (
    SELECT coalesce(p.patient_id, s.patient_id) AS patient_id, coalesce(s.area_id, p.area_id) AS area_id, s.status,
        coalesce(p.answer, 'no') AS answer, p.answer = 'yes' AS eligible
    FROM (SELECT * FROM people WHERE answer <> 'no') AS p FULL JOIN standing s ON s.patient_id = p.patient_id
), listed AS (
    INSERT INTO screening_balancedifference ("on", programme, area_id, patient_id, kind, detail)
    SELECT %(on)s, %(programme)s, area_id, patient_id, CASE WHEN eligible IS NOT TRUE AND status IS NOT NULL
        THEN 'surplus' WHEN answer = 'yes' THEN 'missing' ELSE 'unclear' END,
        CASE WHEN answer IN ('yes', 'no') THEN '' ELSE answer END
    FROM compared WHERE (eligible IS TRUE) <> (status IS NOT NULL)
        OR (status IS NULL AND answer IN ('birth_date', 'sex', 'area'))
    RETURNING kind
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
SELECT count(*) FILTER (WHERE kind <> 'unclear') FROM listed
"""


def balance(protocols: Sequence[Protocol], on: date) -> int:
    """Write the books of these programmes for that night, anew if there are some; the number of people who differ.

    Only the newest lists of people are kept. Before its first day a programme is for nobody, and has no books.
    """
    differences = 0
    with transaction.atomic(), connection.cursor() as cursor:
        lock()
        cursor.execute(f"DROP TABLE IF EXISTS pg_temp.{PEOPLE}")
        cursor.execute(_PEOPLE, {"ward": settings.FHIR_SYSTEMS["ward"]})
        cursor.execute(f"ANALYZE {PEOPLE}")
        for protocol in protocols:
            if began(protocol) > on:
                continue
            name = protocol.programme
            cursor.execute('DELETE FROM screening_balance WHERE "on" = %s AND programme = %s', [on, name])
            cursor.execute("DELETE FROM screening_balancedifference WHERE programme = %s", [name])
            cursor.execute(*_books(protocol, on))
            differences += int(cursor.fetchone()[0])
        cursor.execute(f"DROP TABLE {PEOPLE}")
    return differences


def _books(protocol: Protocol, on: date) -> tuple[str, dict[str, Any]]:
    params: dict[str, Any] = {"on": on, "programme": protocol.programme, "sexes": list(protocol.sexes)}
    age = _BY_YEAR if protocol.age_counted == "birth_year" else _ON_DAY
    ways = [] if protocol.requires_risk_group else [_aged(age, low, high) for low, high in age_runs(protocol)]
    for group, (low, high) in zip(protocol.risk_groups, risk_ages(protocol), strict=True):
        found = [carrying(("Condition",), group.codings, params, scope="")] if group.codings else []
        found += [reaching(group, params, scope="")] if group.observation else []
        ways.append(f"({_aged(age, low, high)} AND {_says_so(' UNION ALL '.join(found))})")
    out = excluded(protocol, on, params, scope="")
    everybody = {"male", "female", "other", "unknown"} <= set(protocol.sexes)
    sql = _BOOKS.format(
        sex_fits="p.sex = ANY(%(sexes)s)",
        sex_unknown="false" if everybody or "unknown" in protocol.sexes else "p.sex = 'unknown'",
        age_fits=" OR ".join(ways) or "false",
        resident="p.resident" if protocol.residence == "city" else "true",
        excluded=_says_so(out) if out else "false",
    )
    return sql, params


def _aged(age: str, low: int, high: int | None) -> str:
    return f"({age} >= {int(low)}" + (f" AND {age} <= {int(high)})" if high is not None else ")")


def _says_so(found: str) -> str:
    return f"EXISTS (SELECT FROM ({found}) AS f WHERE f.patient = p.patient_id)"
