"""Whom the stored Patients themselves speak of: the side of the nightly books that no list of ours has a part in.

Read from the resources' texts. A text that has not changed is not read again the next night, but each night those of
a share of the people are, so that whatever went wrong here is found as well.
"""

from datetime import datetime, timedelta
from typing import Any, Final

from django.conf import settings
from django.db import connection

from screening.recall.stale import unnoted_sql
from screening.recall.standing import Scope

#: A write may be committed after one that began later; no transaction of ours lasts so long.
_OVERLAP: Final = timedelta(minutes=2)

_READ = """
SELECT p.id, p.sex, p.birth_date, c.area_id,
    CASE WHEN c.patient_id IS NULL THEN strpos(p.content, %(ward)s) > 0 ELSE c.area_id IS NOT NULL END, p.counts
FROM (
    SELECT r.id, r.content, left(coalesce(j.text ->> 'gender', 'unknown'), 20) AS sex,
        CASE length(j.text ->> 'birthDate') WHEN 10 THEN (j.text ->> 'birthDate')::date
            WHEN 7 THEN (j.text ->> 'birthDate' || '-01')::date WHEN 4 THEN (j.text ->> 'birthDate' || '-01-01')::date
        END AS birth_date,
        NOT r.deleted AND j.text ->> 'active' IS DISTINCT FROM 'false'
            AND j.text ->> 'deceasedBoolean' IS DISTINCT FROM 'true'
            AND NOT coalesce(j.text ? 'deceasedDateTime', false) AS counts
    FROM fhir_resource r CROSS JOIN LATERAL (
        SELECT CASE WHEN NOT r.deleted THEN r.content::jsonb END AS text OFFSET 0) AS j
    WHERE r.type = 'Patient' AND {which}
) AS p LEFT JOIN records_citizen c ON c.patient_id = p.id
"""
_COUNT = f"""
WITH found AS MATERIALIZED (
    SELECT * FROM ({_READ}) AS f(patient, sex, birth_date, area_id, resident, counts)
), gone AS (
    DELETE FROM screening_countedperson k USING found f WHERE k.patient = f.patient AND NOT f.counts
    RETURNING k.patient
), written AS (
    INSERT INTO screening_countedperson (patient, sex, birth_date, area_id, resident)
    SELECT f.patient, f.sex, f.birth_date, f.area_id, f.resident
    FROM found f LEFT JOIN screening_countedperson k ON k.patient = f.patient
    WHERE f.counts AND (k.patient IS NULL OR (k.sex, k.birth_date, k.area_id, k.resident)
        IS DISTINCT FROM (f.sex, f.birth_date, f.area_id, f.resident))
    ON CONFLICT (patient) DO UPDATE SET sex = excluded.sex, birth_date = excluded.birth_date,
        area_id = excluded.area_id, resident = excluded.resident RETURNING patient
)
SELECT count(*) FROM (SELECT patient FROM gone UNION ALL SELECT patient FROM written) AS changed
WHERE {unnoted_sql("changed.patient")}
"""


def count_all() -> None:
    """Read every stored Patient."""
    _count("true", {})
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE screening_countedperson")


def count_new(since: datetime) -> None:
    """Read the Patients that were written since a moment, and a little before it."""
    _count("r.last_updated >= %(since)s", {"since": since - _OVERLAP})


def count_again(share: Scope) -> int:
    """Read these Patients once more, written or not; of how many without a note we had it wrong."""
    return _count(f"true {share.sql('r.id')}", share.params)


def _count(which: str, params: dict[str, Any]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(_COUNT.format(which=which), {**params, "ward": settings.FHIR_SYSTEMS["ward"]})
        return int(cursor.fetchone()[0])
