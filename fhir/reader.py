"""Reading stored texts: one statement that checks access, fetches and writes the access log's line."""

from datetime import datetime
from functools import partial
from typing import NamedTuple

from django.db import connection

from fhir.access import policy
from fhir.definitions import resource_types
from fhir.ids import is_id
from fhir.outcomes import Asked, Issue, Refused, refuse
from fhir.search import Page, Query, about_one_person, check_place, fetch_total, page_of, page_sql, people_named
from healthhub.accounts.actors import Actor
from healthhub.audit.log import entry_params, entry_sql, record_access
from healthhub.postgresql.prepared import execute_prepared
from healthhub.postgresql.wall import walled

# Losing the log line of a read in a power failure (never in a crash of ours) is accepted for not waiting for the disk
# on every read; writes always wait.
_NO_WAIT = "nowait AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true))"
_LOG = entry_sql("found f, nowait", resource_type="f.type", resource_id="f.id", patient="f.patient")
_PAGE_LOG = entry_sql("told, nowait", resource_type="told.type", resource_id="''", patient="told.patient")
_PAGE = (
    f"WITH {_NO_WAIT}, page AS ({{page}}), "
    f"people AS (SELECT DISTINCT type, patient FROM (SELECT type, patient FROM page LIMIT %s) shown), "
    f"told AS (SELECT type, patient FROM people UNION ALL SELECT %s::text, named.patient "
    f"FROM unnest(%s::text[]) AS named(patient) WHERE NOT EXISTS (SELECT FROM people)), "
    f"logged AS ({_PAGE_LOG}) SELECT * FROM page"
)
_COLUMNS = "r.type, r.id, r.version, r.last_updated, r.deleted, r.patient, r.content"
_CURRENT = f"SELECT {_COLUMNS} FROM fhir_resource r WHERE r.type = '{{type}}' AND r.id = %s"
_OLD = f"SELECT {_COLUMNS} FROM fhir_resourceversion r WHERE r.type = '{{type}}' AND r.id = %s"


class Stored(NamedTuple):
    """A version of a resource as it lies in the store."""

    type: str
    id: str
    version: int
    last_updated: datetime
    deleted: bool
    patient: str | None
    content: str


def _fetch(type: str, rows: str, params: list[object], *, actor: Actor) -> list[Stored]:
    # The type stands in the text, so that the plan, made once, is of that type's partition alone.
    if type not in resource_types() or not is_id(str(params[0])):
        raise _missing(type, str(params[0]))
    sql = f"WITH {_NO_WAIT}, found AS ({rows.replace('{type}', type)}), logged AS ({_LOG}) SELECT * FROM found"
    with walled(policy().asker(actor)), connection.cursor() as cursor:
        execute_prepared(cursor, sql, [*params, *entry_params(actor, "read")])
        return [Stored(*row) for row in cursor.fetchall()]


def _shown(rows: list[Stored], *, actor: Actor) -> list[Stored]:
    """Without the versions that a scope leaves out: it is the current version that the condition on rows is about."""
    return [row for row in rows if row.deleted or policy().shows_version(row.content, actor=actor)]


def _missing(type: str, id: str, *, version: str = "") -> Refused:
    issue = Issue("error", "not-found", type, f"There is no {type}/{id}{version} that you may read.")
    return Refused(404, [issue], asked=[Asked(type, id)] if type in resource_types() else [])


def _require(action: str, *asked: Asked, actor: Actor) -> None:
    try:
        policy().require(action, asked[0].type, actor=actor)
    except Refused as error:
        raise Refused(error.status, error.issues, asked=asked) from error


def read(*, type: str, id: str, actor: Actor) -> Stored:
    """The current version. Refused: 404 if there is none that the actor may read, 410 if it was deleted."""
    _require("r", Asked(type, id), actor=actor)
    may = policy().readable(actor)
    rows = _fetch(type, f"{_CURRENT} AND {may.sql}", [id, *may.params], actor=actor)
    if not rows:
        raise _missing(type, id)
    if rows[0].deleted:
        raise refuse(410, "deleted", f"{type}/{id} was deleted; its earlier versions are in its history.", type)
    return rows[0]


def read_version(*, type: str, id: str, version: int, actor: Actor) -> Stored:
    """One version. Refused: 404 if there is none that the actor may read, 410 if it is the deletion itself."""
    _require("r", Asked(type, id), actor=actor)
    may = policy().readable(actor)
    rows = _fetch(
        type,
        f"{_CURRENT} AND r.version = %s AND {may.sql} UNION ALL {_OLD} AND r.version = %s AND {may.sql}",
        [id, version, *may.params] * 2,
        actor=actor,
    )
    rows = _shown(rows, actor=actor)
    if not rows:
        raise _missing(type, id, version=f"/_history/{version}")
    if rows[0].deleted:
        raise refuse(410, "deleted", f"Version {version} of {type}/{id} is its deletion.", type)
    return rows[0]


def history(*, type: str, id: str, actor: Actor) -> list[Stored]:
    """Every version, newest first. Refused: 404 if there is none that the actor may read."""
    _require("r", Asked(type, id), actor=actor)
    may = policy().readable(actor)
    rows = _fetch(
        type,
        f"SELECT * FROM ({_CURRENT} AND {may.sql} UNION ALL {_OLD} AND {may.sql}) v ORDER BY version DESC",
        [id, *may.params] * 2,
        actor=actor,
    )
    rows = _shown(rows, actor=actor)
    if not rows:
        raise _missing(type, id)
    return rows


def read_page(query: Query, *, actor: Actor) -> Page:
    """One page of a search. Logs each person on it; if there is nobody, the people whom the search names, or that
    somebody has searched. Raises ``Refused`` as ``fhir.search.fetch_page`` does.
    """
    named: list[str | None] = [*sorted(people_named(query))] or [None]
    _require("s", *(Asked(query.type, "", one) for one in named), actor=actor)
    with walled(policy().asker(actor)):
        return _find_page(query, named, actor=actor)


def _find_page(query: Query, named: list[str | None], *, actor: Actor) -> Page:
    may = policy().readable(actor, searching=True)
    total = fetch_total(query, may)
    if query.count == 0:
        record_access(actor=actor, action="search", patients=named, resource_type=query.type)
        return Page([], False, total)
    sql, params = page_sql(query, may)
    with connection.cursor() as cursor:
        execute = partial(execute_prepared, cursor) if about_one_person(query) else cursor.execute
        who = entry_params(actor, "search")
        execute(_PAGE.format(page=sql), [*params, query.count, query.type, named, *who])
        fetched = cursor.fetchall()
        if not fetched and query.after:
            check_place(query, may)
    return page_of(query, fetched, total)
