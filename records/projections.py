"""FHIR Patient, Organization and Practitioner as rows of Citizen, Facility and Practitioner; who cares for whom.

Hooks of the store: they run inside the write's transaction, get whole batches and answer with a constant number of
statements. `rebuild` remakes the same rows from the stored resources through the same functions.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from django.db import connection, transaction

from fhir.hooks import Change, on_rebuild, on_saved
from healthhub.accounts.actors import SYSTEM, Actor
from healthhub.postgresql.prepared import execute_prepared
from records.areas import area_ids
from records.reading import CitizenRow, FacilityRow, read_citizen, read_facility, read_name

CHUNK = 2000

_SQL_TYPES = {
    "birth_date": "date",
    "area_id": "bigint",
    "deceased": "bool",
    "active": "bool",
    "warnings": "jsonb",
}
_UPSERT_PRACTITIONERS = """
INSERT INTO records_practitioner (practitioner_id, name, facility_id)
SELECT * FROM unnest(%s::text[], %s::text[], %s::text[])
ON CONFLICT (practitioner_id) DO UPDATE SET name = excluded.name, facility_id = excluded.facility_id
"""
_ADD_CARE = """
INSERT INTO records_carerelation (patient_id, facility_id, basis, since)
SELECT patient_id, facility_id, 'wrote', coalesce(since, now())
FROM unnest(%s::text[], %s::text[], %s::timestamptz[]) AS t(patient_id, facility_id, since)
ON CONFLICT (patient_id, facility_id, basis) DO NOTHING
"""
_REBUILD_CARE = """
INSERT INTO records_carerelation (patient_id, facility_id, basis, since)
SELECT patient, facility, 'wrote', min(last_updated) FROM (
    SELECT patient, facility, last_updated FROM fhir_resource
    UNION ALL SELECT patient, facility, last_updated FROM fhir_resourceversion
) written WHERE patient IS NOT NULL AND facility IS NOT NULL GROUP BY patient, facility
"""
# A deleted resource is projected from the last text it had.
_STORED = """
SELECT r.id, r.version, r.deleted, r.patient, r.facility, CASE WHEN r.deleted THEN (
    SELECT v.content FROM fhir_resourceversion v WHERE v.type = r.type AND v.id = r.id AND NOT v.deleted
    ORDER BY v.version DESC LIMIT 1
) ELSE r.content END
FROM fhir_resource r WHERE r.type = %s AND r.id > %s ORDER BY r.id LIMIT %s
"""


def _upsert_sql(table: str, row: Any) -> str:
    key, *others = row._fields
    arrays = ", ".join(f"%s::{_SQL_TYPES.get(column, 'text')}[]" for column in row._fields)
    updates = ", ".join(f"{column} = excluded.{column}" for column in others)
    return (
        f"INSERT INTO {table} ({key}, {', '.join(others)}) SELECT * FROM unnest({arrays}) "
        f"ON CONFLICT ({key}) DO UPDATE SET {updates}"
    )


_UPSERT_CITIZENS = _upsert_sql("records_citizen", CitizenRow)
_UPSERT_FACILITIES = _upsert_sql("records_facility", FacilityRow)


@on_saved("Organization")
def project_facilities(changes: Sequence[Change], *, actor: Actor) -> None:
    """Keep one Facility for each Organization; a deleted one stays, inactive and without its code."""
    _upsert(_UPSERT_FACILITIES, [read_facility(_last_text(change), deleted=change.deleted) for change in changes])


@on_saved("Practitioner")
def project_practitioners(changes: Sequence[Change], *, actor: Actor) -> None:
    """Keep one row for each Practitioner that exists; whoever wrote it first is taken for the place of work."""
    kept = [(c.id, read_name(c.resource.get("name")).full[:255], c.facility) for c in changes if c.resource is not None]
    gone = [change.id for change in changes if change.deleted]
    with connection.cursor() as cursor:
        if kept:
            cursor.execute(_UPSERT_PRACTITIONERS, _columns(kept))
        if gone:
            cursor.execute("DELETE FROM records_practitioner WHERE practitioner_id = ANY(%s)", [gone])


@on_saved("Patient")
def project_citizens(changes: Sequence[Change], *, actor: Actor) -> None:
    """Keep one Citizen for each Patient; a deleted one stays, inactive."""
    _upsert(_UPSERT_CITIZENS, [read_citizen(_last_text(change), deleted=change.deleted) for change in changes])


@on_saved()
def add_care_relations(changes: Sequence[Change], *, actor: Actor) -> None:
    """Whoever writes in a person's record cares for her from then on."""
    pairs = {(c.patient, c.facility): c.last_updated for c in changes if c.patient and c.facility and not c.deleted}
    if pairs:
        with connection.cursor() as cursor:
            execute_prepared(cursor, _ADD_CARE, _columns([(*pair, since) for pair, since in sorted(pairs.items())]))


@on_rebuild
def rebuild() -> None:
    """Drop and remake Citizen, Facility, Practitioner and CareRelation('wrote') from the stored resources.

    Writers wait meanwhile; readers see the old rows until it is done.
    """
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("LOCK TABLE fhir_resource IN SHARE MODE")
            cursor.execute("DELETE FROM records_carerelation WHERE basis = 'wrote'")
            cursor.execute("DELETE FROM records_citizen")
            cursor.execute("DELETE FROM records_practitioner")
            cursor.execute("DELETE FROM records_facility")
        for type_, project in (
            ("Organization", project_facilities),
            ("Practitioner", project_practitioners),
            ("Patient", project_citizens),
        ):
            for changes in _stored(type_):
                project(changes, actor=SYSTEM)
        with connection.cursor() as cursor:
            cursor.execute(_REBUILD_CARE)


def _last_text(change: Change) -> dict[str, Any]:
    """The resource, or for a deletion what it was before."""
    resource = change.previous if change.resource is None else change.resource
    return {"id": change.id} if resource is None else resource


def _upsert(sql: str, rows: Sequence[CitizenRow] | Sequence[FacilityRow]) -> None:
    areas = area_ids({row.area_id for row in rows if isinstance(row.area_id, tuple)})
    located = [row._replace(area_id=areas.get(row.area_id) if isinstance(row.area_id, tuple) else None) for row in rows]
    with connection.cursor() as cursor:
        cursor.execute(sql, _columns(located))


def _stored(type_: str) -> Iterator[list[Change]]:
    """All stored resources of a type as the hooks saw them last, in batches."""
    after = ""
    while True:
        with connection.cursor() as cursor:
            cursor.execute(_STORED, [type_, after, CHUNK])
            rows = cursor.fetchall()
        if not rows:
            return
        after = rows[-1][0]
        yield [_change(type_, *row) for row in rows]


def _change(type_: str, id_: str, version: int, deleted: bool, patient: str, facility: str, content: str) -> Change:
    change = Change(type_, id_, version, None, patient, facility, previous_content=content)
    if not deleted:
        change.resource = change.previous
    return change


def _columns(rows: Sequence[Sequence[Any]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]
