"""A copy of everything that the record holds: as FHIR, for software and other countries, and what of it to print."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.utils import timezone

from fhir.text import instant
from healthhub.accounts.actors import Actor
from healthhub.audit.log import record_access
from records.access import Action, RecordPolicy, Thing, What, may, opened_to
from records.display import Entry, is_error, read_entry
from records.models import Citizen
from records.profile import GROUPS, Group, author_names

CHUNK: Final = 500
_CHUNK = """
SELECT r.type, r.id, r.content, r.author, coalesce(f.name, ''), r.starts
FROM fhir_resource r LEFT JOIN records_facility f ON f.organization_id = r.facility
WHERE r.patient = %s AND NOT r.deleted AND (r.type, r.id) > (%s, %s) AND {may_read}
ORDER BY r.type, r.id LIMIT %s
"""
_TYPES: Final = {name: key for key, _title, types in GROUPS for name in types}


@dataclass(frozen=True, slots=True)
class Printed:
    """What a printed copy holds: whose it is, all lines by group, newest first, and how many resources of ``others``
    (by type) only the FHIR copy has, for they say nothing by themselves (tubes, tasks, permissions)."""

    citizen: Citizen
    groups: list[Group]
    others: dict[str, int]


def copy_as_fhir(*, actor: Actor, reason: str) -> Iterator[str]:
    """The actor's own record as the parts of one Bundle (collection), resources as they were stored, and in the log.

    Raises PermissionDenied before the first part for anybody without a record of their own. What is held back until
    somebody has spoken to the person is not in it (`records.access.withhold_from_citizens`). Some hundred resources
    are in memory at a time.
    """
    patient = _allowed(actor, reason)
    return _bundle(patient, actor)


def copy_to_print(*, actor: Actor, reason: str) -> Printed:
    """The actor's own record as lines, as above."""
    patient = _allowed(actor, reason)
    citizen = opened_to(actor).select_related("area__parent", "facility").get(pk=patient)
    rows, others = [], Counter[str]()
    for type_, _id, content, author, facility, starts in _rows(patient, actor):
        if type_ in _TYPES:
            resource: dict[str, Any] = json.loads(content, parse_float=Decimal)
            if not is_error(resource):
                rows.append((starts, type_, author, read_entry(resource, facility=facility)))
        elif type_ != "Patient":
            others[type_] += 1
    rows.sort(key=lambda row: (row[0] is not None, row[0], row[3].id), reverse=True)
    names = author_names({author for _starts, _type, author, _entry in rows})
    found: dict[str, list[Entry]] = {key: [] for key, _title, _types in GROUPS}
    for _starts, type_, author, entry in rows:
        found[_TYPES[type_]].append(entry.by(names.get(author, "")))
    groups = [Group(key, title, found[key], more=False) for key, title, _types in GROUPS if found[key]]
    return Printed(citizen, groups, dict(sorted(others.items())))


def _allowed(actor: Actor, reason: str) -> str:
    if actor.patient is None or not may(actor, Action.EXPORT, Thing(What.RECORD, patient=actor.patient)):
        raise PermissionDenied
    record_access(actor=actor, action="export", patients=[actor.patient], resource_type="Patient", reason=reason)
    return actor.patient


def _bundle(patient: str, actor: Actor) -> Iterator[str]:
    base = f"{settings.PUBLIC_URL}/fhir"
    before = f'{{"resourceType":"Bundle","type":"collection","timestamp":"{instant(timezone.now())}","entry":[\n'
    for type_, id_, content, *_about in _rows(patient, actor):
        yield f'{before}{{"fullUrl":"{base}/{type_}/{id_}","resource":{content}}}'
        before = ",\n"
    yield "\n]}\n"


def _rows(patient: str, actor: Actor) -> Iterator[tuple[Any, ...]]:
    may_read = RecordPolicy().readable(actor)
    last = ("", "")
    while True:
        with connection.cursor() as cursor:
            cursor.execute(_CHUNK.format(may_read=may_read.sql), [patient, *last, *may_read.params, CHUNK])
            rows = cursor.fetchall()
        yield from rows
        if len(rows) < CHUNK:
            return
        last = rows[-1][:2]
