"""The hooks of recall: decisions become rows, and whoever a write is about is looked at again within seconds.

Registered after those of the pathway, in whose transaction they run.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from django.db import connection
from django.utils import timezone

from fhir.hooks import Change, on_rebuild, on_saved, on_validate
from fhir.outcomes import Issue
from fhir.text import parse
from healthhub.accounts.actors import Actor
from screening.facts import ZONE
from screening.models import DecisionKind
from screening.protocol import protocols
from screening.protocol.codes import ICD10
from screening.recall.reading import faults_of, programme_of, read_decision
from screening.recall.stale import mark_people

_UPSERT = """
INSERT INTO screening_decision (request_id, patient_id, programme, kind, reason, evidence, made_on, until, review_on,
    facility_id, by_citizen, actor, undone, version)
SELECT * FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::date[], %s::date[],
    %s::date[], %s::text[], %s::bool[], %s::text[], %s::bool[], %s::int[])
ON CONFLICT (request_id) DO UPDATE SET patient_id = excluded.patient_id, programme = excluded.programme,
    kind = excluded.kind, reason = excluded.reason, evidence = excluded.evidence, made_on = excluded.made_on,
    until = excluded.until, review_on = excluded.review_on, facility_id = excluded.facility_id,
    by_citizen = excluded.by_citizen, actor = excluded.actor, undone = excluded.undone, version = excluded.version
"""
_STORED = """
SELECT id, version, patient, facility, author, content FROM fhir_resource
WHERE type = 'ServiceRequest' AND NOT deleted AND id > %s AND content LIKE '%%"doNotPerform"%%'
ORDER BY id LIMIT 2000
"""


@on_validate("ServiceRequest")
def check(changes: Sequence[Change]) -> Iterator[tuple[int, Issue]]:
    """Refuse a decision without its reason, day, evidence or end."""
    today = timezone.now().astimezone(ZONE).date()
    for position, change in enumerate(changes):
        if change.resource is not None:
            for issue in faults_of(change.resource, patient=change.patient, today=today):
                yield position, issue


@on_saved("ServiceRequest")
def project(changes: Sequence[Change], *, actor: Actor) -> None:
    """Keep one Decision for each request not to perform a programme."""
    rows, gone = [], []
    for change in changes:
        row = _row(change.id, change.version, change.patient, change.facility, actor.id, change.resource)
        if row:
            rows.append(row)
        elif change.version > 1:
            gone.append(change.id)
    _write(rows)
    if gone:
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM screening_decision WHERE request_id = ANY(%s)", [gone])


@on_saved("Patient", "Observation", "ServiceRequest", "Procedure", "Condition")
def notice(changes: Sequence[Change], *, actor: Actor) -> None:
    """Mark whoever's standings may have changed: of a Patient, a decision, or what excludes or puts at risk.

    Of results and assessments the projection does so. A resource that moved to another person concerns both.
    """
    people: set[str] = set()
    for change in changes:
        if change.type == "Patient":
            people.add(change.id)
        elif _concerns(change.resource) or _concerns(change.previous):
            people |= {name for name in (change.patient, _subject(change.previous)) if name}
    mark_people(people)


@on_rebuild
def rebuild() -> None:
    """Drop and remake the decisions from the stored requests, and have everybody looked at again."""
    after = ""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM screening_decision")
        while True:
            cursor.execute(_STORED, [after])
            stored = cursor.fetchall()
            if not stored:
                break
            after = stored[-1][0]
            rows = [
                _row(id_, version, patient, facility, author, parse(content).resource)
                for id_, version, patient, facility, author, content in stored
            ]
            _write([row for row in rows if row])
        cursor.execute("INSERT INTO screening_staleperson (patient) SELECT patient_id FROM records_citizen")


def _row(
    id_: str, version: int, patient: str | None, facility: str | None, actor: str, resource: Mapping[str, Any] | None
) -> tuple[Any, ...] | None:
    found = read_decision(resource) if resource is not None else None
    if found is None or patient is None or found.made_on is None or not found.kind:
        return None
    deferred = found.kind == DecisionKind.DEFER
    return (
        id_,
        patient,
        found.programme,
        found.kind,
        found.reason[:40],
        found.evidence,
        found.made_on,
        found.ends_on if deferred else None,
        None if deferred else found.ends_on,
        facility,
        found.by_citizen,
        actor,
        found.undone,
        version,
    )


def _write(rows: Sequence[tuple[Any, ...]]) -> None:
    if rows:
        with connection.cursor() as cursor:
            cursor.execute(_UPSERT, [list(column) for column in zip(*rows, strict=True)])


@cache
def _codes(of: object) -> frozenset[tuple[str, str]]:
    """Every coding by which any protocol excludes people or puts them at risk.

    ``of`` names the versions that were read, so that new ones count.
    """
    return frozenset(
        coding
        for protocol in protocols()
        for coding in (
            *(coding for one in protocol.exclusions for coding in one.codings),
            *(coding for one in protocol.risk_groups for coding in one.codings),
            *(one.observation.coding for one in protocol.risk_groups if one.observation),
            *(coding for one in protocol.risk_groups if one.result for coding in one.result.codings),
            *(coding for one in protocol.risk_groups if one.stopped for coding in one.stopped.codings),
        )
    )


def _concerns(resource: Mapping[str, Any] | None) -> bool:
    if resource is None:
        return False
    if programme_of(resource) is not None:
        return True
    concept = resource.get("code")
    known = _codes(tuple((one.programme, one.version) for one in protocols()))
    for coding in concept.get("coding") or () if isinstance(concept, Mapping) else ():
        system, code = coding.get("system", ""), coding.get("code", "")
        if (system, code) in known or (system == ICD10 and (system, code.partition(".")[0]) in known):
            return True
    return False


def _subject(resource: Mapping[str, Any] | None) -> str | None:
    reference = ((resource or {}).get("subject") or {}).get("reference") or ""
    return reference.removeprefix("Patient/") if reference.startswith("Patient/") else None
