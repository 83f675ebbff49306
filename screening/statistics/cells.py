"""Counts ScreeningResult into StatisticsCell, by one GROUP BY that serves the refresh, the rebuild and the check.

Why no update is lost: a write commits its results and its stale notes together. A refresh first takes the committed
notes, then counts by a later snapshot, which sees at least the results that came with those notes. What commits in
between leaves a note for the next refresh. One refresh runs at a time (advisory lock); all of it commits or nothing.
"""

import json
import logging
from datetime import UTC, datetime
from typing import Any

from django.db import connection, transaction

from fhir.hooks import on_rebuild
from screening.models import StatisticsCheck

logger = logging.getLogger(__name__)

FIRST_BAND, LAST_BAND = 20, 75  # ages below and from which there is one band; five years each between them

_LOCK = 0x48480002  # ours among advisory locks
_TAKE = 20_000  # notes at a time
_DETAILS = 100

_KEY = "area_id, programme, test, month"
_NAME = f"{_KEY}, sex, age_band"
_COUNTS = "tested, positive, negative, inadequate, unclassified, referred, assessed"
_COLUMNS = f"{_NAME}, {_COUNTS}"
# An event counts while it is the last word of its source; one that was taken back stays in the round's list.
_EVENT = """EXISTS (
    SELECT FROM screening_episodeevent e
    WHERE e.episode_id = r.episode_id AND e.fact = '{fact}' AND e.kind <> 'withdrawn'
      AND e.occurred_on >= r.collected_on
      AND NOT EXISTS (SELECT FROM screening_episodeevent l
        WHERE l.source_id = e.source_id AND l.source_type = e.source_type AND l.source_version > e.source_version)
  )"""
_COUNT = f"""
SELECT r.area_id, r.programme, r.test, date_trunc('month', r.collected_on)::date AS month,
  coalesce(nullif(r.sex, ''), 'unknown') AS sex,
  CASE WHEN r.age IS NULL THEN 'unknown' WHEN r.age < {FIRST_BAND} THEN '<{FIRST_BAND}'
       WHEN r.age >= {LAST_BAND} THEN '{LAST_BAND}+' ELSE (r.age / 5 * 5) || '-' || (r.age / 5 * 5 + 4) END AS age_band,
  count(*)::int AS tested,
  count(*) FILTER (WHERE r.outcome = 'positive')::int AS positive,
  count(*) FILTER (WHERE r.outcome = 'negative')::int AS negative,
  count(*) FILTER (WHERE r.outcome = 'inadequate')::int AS inadequate,
  count(*) FILTER (WHERE r.outcome NOT IN ('positive', 'negative', 'inadequate'))::int AS unclassified,
  count(*) FILTER (WHERE r.outcome = 'positive' AND {_EVENT.format(fact="referred")})::int AS referred,
  count(*) FILTER (WHERE r.outcome = 'positive' AND {_EVENT.format(fact="assessed")})::int AS assessed
FROM screening_screeningresult r {{keys}}
GROUP BY 1, 2, 3, 4, 5, 6
"""
_STALE = "unnest(%s::bigint[], %s::text[], %s::text[], %s::date[]) AS k(area_id, programme, test, month)"
# Known and unknown areas apart: `IS NOT DISTINCT FROM` would not use the index.
_OF_KEYS = f"""
JOIN {_STALE} ON r.programme = k.programme AND r.test = k.test
  AND r.collected_on >= k.month AND r.collected_on < k.month + interval '1 month' AND r.area_id {{same}}
"""
_COUNT_AREAS = _COUNT.format(keys=_OF_KEYS.format(same="= k.area_id"))
_COUNT_NOWHERE = _COUNT.format(keys=_OF_KEYS.format(same="IS NULL AND k.area_id IS NULL"))
_COUNT_ALL = _COUNT.format(keys="")
_TAKE_STALE = f"""
WITH taken AS (
  DELETE FROM screening_stalecell WHERE id IN (SELECT id FROM screening_stalecell ORDER BY id LIMIT {_TAKE})
  RETURNING {_KEY}
) SELECT DISTINCT {_KEY} FROM taken
"""
_CLEAR = f"""
DELETE FROM screening_statisticscell c USING {_STALE}
WHERE c.programme = k.programme AND c.test = k.test AND c.month = k.month AND c.area_id IS NOT DISTINCT FROM k.area_id
"""
# One statement sees one state of the database: a difference is a fault, unless a note says that a refresh will mend it.
_COMPARE = f"""
WITH fresh AS ({_COUNT_ALL})
SELECT n.area_id, n.programme, n.test, n.month, n.sex, n.age_band, to_jsonb(c) - 'id' AS kept, to_jsonb(f) AS counted
FROM (SELECT {_COLUMNS} FROM fresh EXCEPT SELECT {_COLUMNS} FROM screening_statisticscell
      UNION (SELECT {_COLUMNS} FROM screening_statisticscell EXCEPT SELECT {_COLUMNS} FROM fresh)) AS n
LEFT JOIN fresh f
  ON (f.programme, f.test, f.month, f.sex, f.age_band) = (n.programme, n.test, n.month, n.sex, n.age_band)
  AND f.area_id IS NOT DISTINCT FROM n.area_id
LEFT JOIN screening_statisticscell c
  ON (c.programme, c.test, c.month, c.sex, c.age_band) = (n.programme, n.test, n.month, n.sex, n.age_band)
  AND c.area_id IS NOT DISTINCT FROM n.area_id
WHERE NOT EXISTS (SELECT FROM screening_stalecell s
  WHERE (s.programme, s.test, s.month) = (n.programme, n.test, n.month) AND s.area_id IS NOT DISTINCT FROM n.area_id)
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8 ORDER BY 2, 3, 4, 1, 5, 6
"""


def refresh() -> int:
    """Count again what writes have marked stale; the number of (area, programme, test, month) counted.

    Safe to run twice and at once: a second one waits, then finds nothing. Killed half way, the notes are still there.
    """
    counted = 0
    while True:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
            cursor.execute(_TAKE_STALE)
            keys = cursor.fetchall()
            _count_again(cursor, keys)
        counted += len(keys)
        if not keys:
            return counted


def rebuild_and_compare() -> StatisticsCheck:
    """Count everything, log and store where the kept cells differ, and put those right."""
    started = datetime.now(UTC)
    refresh()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        cursor.execute(_COMPARE)
        found = cursor.fetchall()
        _count_again(cursor, sorted({row[:4] for row in found}, key=str))
        cursor.execute("SELECT count(*) FROM screening_statisticscell")
        details = [_difference(row) for row in found[:_DETAILS]]
        check = StatisticsCheck.objects.create(
            started_at=started,
            finished_at=datetime.now(UTC),
            cells=cursor.fetchone()[0],
            differences=len(found),
            details=details,
        )
    if found:
        logger.error("Statistics differed from a full count in %d cells; put right. First: %s", len(found), details[:3])
    else:
        logger.info("Statistics equal a full count: %d cells.", check.cells)
    return check


@on_rebuild
def rebuild() -> None:
    """Drop all cells and count them anew; readers see the old ones until it is done."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        cursor.execute("DELETE FROM screening_stalecell")
        cursor.execute("DELETE FROM screening_statisticscell")
        cursor.execute(f"INSERT INTO screening_statisticscell ({_COLUMNS}) {_COUNT_ALL}")


def _count_again(cursor: Any, keys: list[tuple[Any, ...]]) -> None:
    if not keys:
        return
    cursor.execute(_CLEAR, _columns(keys))
    known = [key for key in keys if key[0] is not None]
    for sql, chosen in ((_COUNT_AREAS, known), (_COUNT_NOWHERE, [key for key in keys if key[0] is None])):
        if chosen:
            cursor.execute(f"INSERT INTO screening_statisticscell ({_COLUMNS}) {sql}", _columns(chosen))


def _columns(keys: list[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*keys, strict=True)]


def _difference(row: tuple[Any, ...]) -> dict[str, Any]:
    area, programme, test, month, sex, age_band, kept, counted = row
    name = {
        "area": area,
        "programme": programme,
        "test": test,
        "month": month.isoformat(),
        "sex": sex,
        "age_band": age_band,
    }
    return name | {"kept": _counts(kept), "counted": _counts(counted)}


def _counts(cell: Any) -> dict[str, int] | None:
    cell = json.loads(cell) if isinstance(cell, str) else cell
    return {name: cell[name] for name in _COUNTS.split(", ")} if cell else None
