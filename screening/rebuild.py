"""Remakes results, events and rounds from the stored resources and their earlier versions."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import orjson
from django.db import connection, transaction

from fhir.hooks import on_rebuild
from fhir.text import parse
from records.areas import area_ids
from records.reading import read_citizen
from screening import projection
from screening.facts import ZONE, read_fact
from screening.intake import TYPES
from screening.projection import Incoming
from screening.protocol import protocols
from screening.versions import notice_versions

CHUNK = 2000

_DROP = (
    "SET LOCAL healthhub.rebuild = 'on'",  # events may be removed now, which a trigger refuses otherwise
    "LOCK TABLE fhir_resource IN SHARE MODE",
    "DELETE FROM screening_screeningresult",
    "DELETE FROM screening_episode",
    "DELETE FROM screening_episodeevent WHERE source_type <> 'staff'",
    "UPDATE screening_episodeevent SET episode_id = NULL",
)
# Any version may have carried one of our codes; the search in the texts only has to miss none of them.
_IDS = """
SELECT r.id FROM fhir_resource r WHERE r.type = %(type)s AND r.id > %(after)s AND (
  r.content ~ %(codes)s
  OR EXISTS (SELECT FROM fhir_resourceversion v WHERE v.type = r.type AND v.id = r.id AND v.content ~ %(codes)s)
) ORDER BY r.id LIMIT %(limit)s
"""
_VERSIONS = """
SELECT id, version, deleted, patient, facility, author, last_updated, content FROM fhir_resource
WHERE type = %(type)s AND id = ANY(%(ids)s)
UNION ALL
SELECT id, version, deleted, patient, facility, author, last_updated, content FROM fhir_resourceversion
WHERE type = %(type)s AND id = ANY(%(ids)s)
ORDER BY id, version
"""
_PATIENTS = """
SELECT id, last_updated, deleted, content FROM fhir_resourceversion v WHERE type = 'Patient' AND id = ANY(%(ids)s)
UNION ALL
SELECT id, last_updated, deleted, content FROM fhir_resource r
WHERE type = 'Patient' AND id = ANY(%(ids)s) AND version > 1
ORDER BY id, last_updated
"""


class Version(NamedTuple):
    """A stored version of a resource."""

    id: str
    version: int
    deleted: bool
    patient: str | None
    facility: str | None
    author: str
    last_updated: datetime
    content: str


@on_rebuild
def rebuild() -> None:
    """Drop and remake everything derived; decisions of staff are kept and folded in again. Writers wait meanwhile."""
    notice_versions(now=True)
    with transaction.atomic():
        with connection.cursor() as cursor:
            for statement in _DROP:
                cursor.execute(statement)
        for type_ in TYPES:
            for versions in _stored(type_):
                projection.apply(_incoming(type_, versions))


def _incoming(type_: str, versions: Sequence[Version]) -> list[Incoming]:
    """What the live hooks were told, version by version."""
    facts = [
        (
            row,
            None
            if row.deleted
            else read_fact(
                parse(row.content).resource, facility=row.facility, recorded=row.last_updated.astimezone(ZONE).date()
            ),
        )
        for row in versions
    ]
    places = _places({row.patient for row in versions if row.patient}) if type_ == "Observation" else {}
    recorded: dict[str, datetime] = {}  # since when the result stands: its area is that of this time
    person: dict[str, str | None] = {}
    incoming = []
    for row, fact in facts:
        if fact is None:
            recorded.pop(row.id, None)
        elif row.id not in recorded or person.get(row.id) != row.patient:
            recorded[row.id] = row.last_updated
        person[row.id] = row.patient
        area = _area_at(places.get(row.patient or "", []), recorded.get(row.id))
        incoming.append(
            Incoming(type_, row.id, row.version, _about(row, type_), fact, True, row.author, row.last_updated, area)
        )
    return incoming


def _about(row: Version, type_: str) -> str | None:
    return row.id if type_ == "Patient" else row.patient


def _stored(type_: str) -> Iterator[list[Version]]:
    pattern, after = _pattern(type_), ""
    while True:
        with connection.cursor() as cursor:
            cursor.execute(_IDS, {"type": type_, "codes": pattern, "after": after, "limit": CHUNK})
            ids = [row[0] for row in cursor.fetchall()]
            if not ids:
                return
            after = ids[-1]
            cursor.execute(_VERSIONS, {"type": type_, "ids": ids})
            versions = [Version(*row) for row in cursor.fetchall()]
        yield versions


def _pattern(type_: str) -> str:
    if type_ == "Patient":
        return '"deceased(Boolean|DateTime)"'
    if type_ == "Communication":
        return '"Observation/'
    codes = sorted({coding[1] for protocol in protocols() for coding in _codings(protocol)})
    return '"(' + "|".join(code.replace("-", "[-]") for code in codes) + ')"'


def _codings(protocol: Any) -> Iterator[tuple[str, str]]:
    for test in protocol.tests.values():
        yield from (code.coding for code in test.codes)
    for assessment in protocol.assessments.values():
        yield from assessment.codings


def _places(patients: set[str]) -> dict[str, list[tuple[datetime, int | None]]]:
    """Since when each person lived where; only of those whose Patient ever changed."""
    with connection.cursor() as cursor:
        cursor.execute(_PATIENTS, {"ids": list(patients)})
        rows = [
            (name, since, read_citizen(orjson.loads(text)).area_id) for name, since, gone, text in cursor if not gone
        ]
    known = area_ids({place for _, _, place in rows if isinstance(place, tuple)})
    found: dict[str, list[tuple[datetime, int | None]]] = defaultdict(list)
    for name, since, place in rows:
        found[name].append((since, known.get(place) if isinstance(place, tuple) else None))
    return found


def _area_at(places: Sequence[tuple[datetime, int | None]], when: datetime | None) -> tuple[int | None] | None:
    """The area of that time; None (take today's) for somebody whose Patient never changed."""
    if not places or when is None:
        return None
    earlier = [area for since, area in places if since <= when]
    return (earlier[-1] if earlier else places[0][1],)
