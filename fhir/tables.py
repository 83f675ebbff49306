"""The SQL that moves rows in and out of the store's tables: a constant number of statements for any batch."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from django.db import connection
from django.db.backends.utils import CursorWrapper

from healthhub.accounts.actors import Actor
from healthhub.audit.log import entry_params, entry_sql
from healthhub.postgresql.prepared import execute_prepared
from healthhub.postgresql.wall import unwalled

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

_INSERT = f"INSERT INTO fhir_resource ({_COLUMNS}) SELECT {_VALUES} FROM incoming"
_KEEP_OLD = f"""
INSERT INTO fhir_resourceversion ({_VERSION_COLUMNS})
SELECT {_VERSION_COLUMNS} FROM fhir_resource WHERE (type, id) IN (SELECT * FROM unnest(%s::text[], %s::text[]))
"""
_UPDATE = """
UPDATE fhir_resource r SET version = i.version, last_updated = i.last_updated, deleted = i.deleted, patient = i.patient,
    facility = i.facility, author = i.author, code = i.code, starts = i.starts, ends = i.ends,
    tokens = i.tokens::bigint[], content = i.content
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


@unwalled()
def lock_existing(keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Existing]:
    """The stored rows with these (type, id), locked in one order so that two batches cannot deadlock."""
    if not keys:
        return {}
    with connection.cursor() as cursor:
        execute_prepared(cursor, _LOCK, [[kind for kind, _ in keys], [name for _, name in keys]])
        found = (Existing(*row) for row in cursor.fetchall())
        return {(row.type, row.id): row for row in found}


def insert_rows(rows: Sequence[Row], *, actor: Actor) -> None:
    """Add resources that did not exist. An id taken meanwhile raises ``IntegrityError``."""
    if rows:
        with connection.cursor() as cursor:
            _write(cursor, _INSERT, rows, who=entry_params(actor, "create"))


def replace_rows(rows: Sequence[Row], *, actor: Actor, action: str) -> None:
    """Put new versions in place of locked rows, keeping the old ones in the table of versions."""
    if not rows:
        return
    keys = [[row.type for row in rows], [row.id for row in rows]]
    with connection.cursor() as cursor:
        execute_prepared(cursor, _KEEP_OLD, keys)
        _drop_index_rows(cursor, keys)
        _write(cursor, _UPDATE, rows, who=entry_params(actor, action))


def _write(cursor: CursorWrapper, statement: str, rows: Sequence[Row], *, who: list[Any]) -> None:
    """Rows, their index rows and their lines in the access log, all in one statement."""
    index, params = _index_inserts((row.type, row.id, row.entry) for row in rows)
    parts = ", ".join([_INCOMING, f"logged AS ({_AUDIT})", *index])
    execute_prepared(cursor, f"WITH {parts} {statement}", [*_columns(rows), *who, *params])


def _index_inserts(entries: Iterable[tuple[str, str, "IndexEntry | None"]]) -> tuple[list[str], list[list[Any]]]:
    """The CTEs that fill those index tables for which the entries have rows, and their parameters."""
    known = [one for one in entries if one[2] is not None]
    parts: list[str] = []
    params: list[list[Any]] = []
    for name, (table, columns, kinds) in _INDEX_TABLES.items():
        rows = [(kind, id, *row) for kind, id, entry in known for row in getattr(entry, name)]
        if not rows:
            continue
        arrays = ", ".join(f"%s::{kind}[]" for kind in ("text", "text", "text", *kinds))
        into = f"{table} (type, resource, param, {', '.join(columns)})"
        parts.append(f"{name} AS (INSERT INTO {into} SELECT * FROM unnest({arrays}))")
        params += [list(column) for column in zip(*rows, strict=True)]
    return parts, params


def _drop_index_rows(cursor: CursorWrapper, keys: list[list[str]]) -> None:
    for table, _, _ in _INDEX_TABLES.values():
        execute_prepared(
            cursor,
            f"DELETE FROM {table} WHERE (type, resource) IN (SELECT * FROM unnest(%s::text[], %s::text[]))",
            keys,
        )


def reindex_rows(rows: Iterable[tuple[str, str, "IndexEntry"]]) -> None:
    """Remake columns and index rows of stored resources without touching their texts or versions."""
    batch = list(rows)
    keys = [[kind for kind, _, _ in batch], [name for _, name, _ in batch]]
    index = [entry for _, _, entry in batch]
    with connection.cursor() as cursor:
        _drop_index_rows(cursor, keys)
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
        parts, params = _index_inserts(batch)
        if parts:
            cursor.execute(f"WITH {', '.join(parts)} SELECT 1", params)
