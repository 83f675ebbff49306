"""The SQL that moves rows in and out of the store's tables: a constant number of statements for any batch."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from django.db import connection

from healthhub.accounts.actors import Actor
from healthhub.audit.log import entry_params, entry_sql
from healthhub.postgresql.prepared import execute_prepared

if TYPE_CHECKING:
    from fhir.parameters import IndexEntry

_ROW_TYPES = {
    "type": "text",
    "id": "text",
    "version": "int",
    "last_updated": "timestamptz",
    "deleted": "bool",
    "patient": "text",
    "facility": "text",
    "author": "text",
    "code": "text",
    "starts": "timestamptz",
    "ends": "timestamptz",
    "tokens": "text",
    "content": "text",
}
_COLUMNS = ", ".join(_ROW_TYPES)
_INCOMING = (
    "incoming AS (SELECT * FROM unnest("
    + ", ".join(f"%s::{kind}[]" for kind in _ROW_TYPES.values())
    + f") AS t({_COLUMNS}))"
)
_VALUES = _COLUMNS.replace("tokens", "tokens::bigint[]")
_VERSION_COLUMNS = "type, id, version, last_updated, deleted, patient, facility, author, content"
_AUDIT = entry_sql("incoming i", resource_type="i.type", resource_id="i.id", patient="i.patient")

_INSERT = f"""
WITH {_INCOMING}, logged AS ({_AUDIT})
INSERT INTO fhir_resource ({_COLUMNS}) SELECT {_VALUES} FROM incoming
"""
_KEEP_OLD = f"""
INSERT INTO fhir_resourceversion ({_VERSION_COLUMNS})
SELECT {_VERSION_COLUMNS} FROM fhir_resource WHERE (type, id) IN (SELECT * FROM unnest(%s::text[], %s::text[]))
"""
_UPDATE = f"""
WITH {_INCOMING}, logged AS ({_AUDIT})
UPDATE fhir_resource r SET version = i.version, last_updated = i.last_updated, deleted = i.deleted, patient = i.patient,
    author = i.author, code = i.code, starts = i.starts, ends = i.ends, tokens = i.tokens::bigint[], content = i.content
FROM incoming i WHERE r.type = i.type AND r.id = i.id
"""
_LOCK = """
SELECT type, id, version, last_updated, deleted, patient, facility, content FROM fhir_resource
WHERE (type, id) IN (SELECT * FROM unnest(%s::text[], %s::text[])) ORDER BY type, id FOR UPDATE
"""
_INDEX_TABLES = {
    "strings": ("fhir_stringindex", ("folded", "exact"), ("text", "text")),
    "dates": ("fhir_dateindex", ("low", "high"), ("timestamptz", "timestamptz")),
    "numbers": ("fhir_numberindex", ("low", "high"), ("numeric", "numeric")),
    "quantities": ("fhir_quantityindex", ("low", "high", "code", "unit"), ("numeric", "numeric", "text", "text")),
}


class Existing(NamedTuple):
    """The stored version that a write meets, locked until the transaction ends."""

    type: str
    id: str
    version: int
    last_updated: datetime
    deleted: bool
    patient: str | None
    facility: str | None
    content: str


class Row(NamedTuple):
    """A resource as the table holds it, with its index entry."""

    type: str
    id: str
    version: int
    last_updated: datetime
    deleted: bool
    patient: str | None
    facility: str | None
    author: str
    content: str
    entry: "IndexEntry | None"


def _columns(rows: Sequence[Row]) -> list[list[Any]]:
    none = [None] * len(rows)
    indexed = any(row.entry for row in rows)
    return [
        [row.type for row in rows],
        [row.id for row in rows],
        [row.version for row in rows],
        [row.last_updated for row in rows],
        [row.deleted for row in rows],
        [row.patient for row in rows],
        [row.facility for row in rows],
        [row.author for row in rows],
        [row.entry.code if row.entry else None for row in rows] if indexed else none,
        [row.entry.starts if row.entry else None for row in rows] if indexed else none,
        [row.entry.ends if row.entry else None for row in rows] if indexed else none,
        ["{" + ",".join(map(str, row.entry.tokens)) + "}" if row.entry else "{}" for row in rows],
        [row.content for row in rows],
    ]


def lock_existing(keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Existing]:
    """The stored rows with these (type, id), locked in one order so that two batches cannot deadlock."""
    if not keys:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(_LOCK, [[kind for kind, _ in keys], [name for _, name in keys]])
        found = (Existing(*row) for row in cursor.fetchall())
        return {(row.type, row.id): row for row in found}


def insert_rows(rows: Sequence[Row], *, actor: Actor) -> None:
    """Add resources that did not exist. An id taken meanwhile raises ``IntegrityError``."""
    if not rows:
        return
    with connection.cursor() as cursor:
        execute_prepared(cursor, _INSERT, [*_columns(rows), *entry_params(actor, "create")])
    _insert_index_rows(rows)


def replace_rows(rows: Sequence[Row], *, actor: Actor, action: str) -> None:
    """Put new versions in place of locked rows, keeping the old ones in the table of versions."""
    if not rows:
        return
    keys = [[row.type for row in rows], [row.id for row in rows]]
    with connection.cursor() as cursor:
        cursor.execute(_KEEP_OLD, keys)
        for table, _, _ in _INDEX_TABLES.values():
            cursor.execute(
                f"DELETE FROM {table} WHERE (type, resource) IN (SELECT * FROM unnest(%s::text[], %s::text[]))",
                keys,
            )
        cursor.execute(_UPDATE, [*_columns(rows), *entry_params(actor, action)])
    _insert_index_rows(rows)


def _insert_index_rows(rows: Sequence[Row]) -> None:
    parts: list[str] = []
    params: list[list[Any]] = []
    for name, (table, columns, kinds) in _INDEX_TABLES.items():
        entries = [
            (row.type, row.id, *entry) for row in rows if row.entry is not None for entry in getattr(row.entry, name)
        ]
        if not entries:
            continue
        arrays = ", ".join(f"%s::{kind}[]" for kind in ("text", "text", "text", *kinds))
        parts.append(
            f"INSERT INTO {table} (type, resource, param, {', '.join(columns)}) SELECT * FROM unnest({arrays})"
        )
        params += [list(column) for column in zip(*entries, strict=True)]
    if parts:
        head = [f"part{number} AS ({part})" for number, part in enumerate(parts[:-1])]
        with connection.cursor() as cursor:
            execute_prepared(cursor, ("WITH " + ", ".join(head) + " " if head else "") + parts[-1], params)


def reindex_rows(rows: Iterable[tuple[str, str, "IndexEntry"]]) -> None:
    """Remake columns and index rows of stored resources without touching their texts or versions."""
    batch = list(rows)
    keys = [[kind for kind, _, _ in batch], [name for _, name, _ in batch]]
    index = [entry for _, _, entry in batch]
    with connection.cursor() as cursor:
        for table, _, _ in _INDEX_TABLES.values():
            cursor.execute(
                f"DELETE FROM {table} WHERE (type, resource) IN (SELECT * FROM unnest(%s::text[], %s::text[]))",
                keys,
            )
        cursor.execute(
            "UPDATE fhir_resource r SET patient = i.patient, code = i.code, starts = i.starts, ends = i.ends, "
            "tokens = i.tokens::bigint[] FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], "
            "%s::timestamptz[], %s::timestamptz[], %s::text[]) AS i(type, id, patient, code, starts, ends, tokens) "
            "WHERE r.type = i.type AND r.id = i.id",
            [
                *keys,
                [entry.patient for entry in index],
                [entry.code for entry in index],
                [entry.starts for entry in index],
                [entry.ends for entry in index],
                ["{" + ",".join(map(str, entry.tokens)) + "}" for entry in index],
            ],
        )
    nowhen = datetime.min.replace(tzinfo=UTC)
    _insert_index_rows([Row(kind, name, 0, nowhen, False, None, None, "", "", entry) for kind, name, entry in batch])
