"""Two Patients that are one person: in whose compartment a resource lies, whichever of them its text names.

Texts are kept as they came (ADR 2), so no reference in them is rewritten. What is derived from them follows: the column
``patient`` holds the Patient whose record is kept, and the tokens of a reference to the duplicate stand beside those of
the same reference to the kept one. Taking a merge back derives both from the texts again. ``records.merging`` decides.
"""

from collections.abc import Collection, Iterable, Mapping

from django.db import connection

from fhir import tables, text
from fhir.models import MergedPatient
from fhir.parameters import extract
from fhir.parameters.extractors import IndexEntry
from fhir.parameters.hashes import token_hash
from fhir.parameters.mainfacts import main_facts
from healthhub.postgresql.prepared import execute_prepared

Key = tuple[str, str]

# A function, so that a write which had to wait for a merge sees it (migration 0002).
_KEPT = "SELECT duplicate, kept FROM fhir_kept_of(%s::text[])"
_ALONE = "SELECT pg_advisory_xact_lock(hashtext('fhir_mergedpatient'))"
# A deleted resource lies where the last text that it had says.
_LYING = """
SELECT r.type, r.id, r.deleted, CASE WHEN NOT r.deleted THEN r.content ELSE (
    SELECT v.content FROM fhir_resourceversion v WHERE v.type = r.type AND v.id = r.id AND NOT v.deleted
    ORDER BY v.version DESC LIMIT 1
) END FROM fhir_resource r WHERE r.patient = %s ORDER BY r.type, r.id FOR UPDATE
"""
_VERSIONS_LYING = "SELECT type, id, version, content FROM fhir_resourceversion WHERE patient = %s AND NOT deleted"
_MOVE = """
UPDATE fhir_resource r SET patient = %s FROM unnest(%s::text[], %s::text[]) AS k(type, id)
WHERE r.type = k.type AND r.id = k.id
"""
_MOVE_VERSIONS = """
UPDATE fhir_resourceversion v SET patient = %s FROM unnest(%s::text[], %s::text[], %s::int[]) AS k(type, id, version)
WHERE v.type = k.type AND v.id = k.id AND v.version = k.version
"""
# The mark of a deletion has no text: it goes with its resource.
_MOVE_DELETIONS = """
UPDATE fhir_resourceversion v SET patient = %s FROM unnest(%s::text[], %s::text[]) AS k(type, id)
WHERE v.type = k.type AND v.id = k.id AND v.deleted AND v.patient = %s
"""


def kept_of(patients: Iterable[str | None]) -> dict[str, str]:
    """Of these Patients the duplicates, each with the one whose record is kept. One statement, none for nobody."""
    people = sorted({one for one in patients if one})
    if not people:
        return {}
    with connection.cursor() as cursor:
        execute_prepared(cursor, _KEPT, [people])
        return dict(cursor.fetchall())


def filed(entry: IndexEntry, kind: str, kept: Mapping[str, str]) -> IndexEntry:
    """The index entry of a resource, in the compartment of the Patient that is kept, and found by either id."""
    duplicate = entry.patient
    if duplicate is not None and (under := kept.get(duplicate)):
        entry.patient = under
        entry.tokens = sorted({*entry.tokens, *_beside(entry.tokens, kind, duplicate, under)})
    return entry


def file_under(*, duplicate: str, kept: str) -> list[Key]:
    """Lay all that lies with ``duplicate`` into the compartment of ``kept``; answers (type, id) of what was moved."""
    _wait_for_writers()
    MergedPatient.objects.create(duplicate=duplicate, kept=kept)
    return _move(duplicate, kept, duplicate=duplicate)


def file_back(*, duplicate: str) -> list[Key]:
    """Lay all whose text names ``duplicate`` back with it, what was written since included; answers (type, id)."""
    _wait_for_writers()
    link = MergedPatient.objects.select_for_update().get(pk=duplicate)
    link.delete()
    return _move(link.kept, duplicate, duplicate=duplicate)


def _wait_for_writers() -> None:
    """Whoever has asked which Patient is kept has written before this goes on; whoever asks now waits for its end."""
    with connection.cursor() as cursor:
        cursor.execute(_ALONE)


def _move(source: str, target: str, *, duplicate: str) -> list[Key]:
    with connection.cursor() as cursor:
        cursor.execute(_LYING, [source])
        lying = [
            (type_, id_, deleted, entry)
            for type_, id_, deleted, content in cursor.fetchall()
            if content and (entry := extract(text.parse(content).resource)).patient == duplicate
        ]
        cursor.execute(_VERSIONS_LYING, [source])
        versions = [
            (type_, id_, version)
            for type_, id_, version, content in cursor.fetchall()
            if extract(text.parse(content).resource).patient == duplicate
        ]
        moved: list[Key] = [(type_, id_) for type_, id_, *_rest in lying]
        keys = [[type_ for type_, _ in moved], [id_ for _, id_ in moved]]
        cursor.execute(_MOVE, [target, *keys])
        cursor.execute(_MOVE_VERSIONS, [target, *([one[place] for one in versions] for place in range(3))])
        cursor.execute(_MOVE_DELETIONS, [target, *keys, source])
    kept = {duplicate: target} if target != duplicate else {}
    tables.reindex_rows((type_, id_, filed(entry, type_, kept)) for type_, id_, gone, entry in lying if not gone)
    return moved


def _beside(tokens: Collection[int], kind: str, duplicate: str, kept: str) -> set[int]:
    paths = [path.key for path in main_facts(kind).patient]
    held = frozenset(tokens)
    return {token_hash(path, f"Patient/{kept}") for path in paths if token_hash(path, f"Patient/{duplicate}") in held}
