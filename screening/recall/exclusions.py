"""Who is not called because a recorded fact excludes her, so that nobody is gone without anyone having looked.

A fact excludes at once, for a woman without a cervix must not be called meanwhile; it is listed until somebody has
reviewed it. To keep it takes evidence and a day to look again: a decision to cease, which comes up for review like all
others. What was recorded by mistake is withdrawn, and she is called again. Elsewhere women were taken out of cervical
screening as having no cervix without a letter to show for it (about ten records in each practice).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final

from django.db import connection
from django.db.models import Exists, F, OuterRef, Q, QuerySet, Value
from django.db.models.expressions import RawSQL
from django.db.models.functions import Coalesce, NullIf

from fhir import reader, store
from fhir.outcomes import refuse
from fhir.text import parse
from healthhub.accounts.actors import Actor, Role
from records.access import can_see, visible_to
from records.models import Citizen
from screening.models import Decision, DecisionKind
from screening.protocol import Protocol
from screening.recall.ages import age_runs, born_between, risk_ages
from screening.recall.evidence import at_risk, excluded
from screening.recall.known import Fact, Stand, facts_sql, stand
from screening.recall.standing import NOBODY

OPEN: Final = "open"
REVIEWED: Final = "reviewed"
_CONDITION_STATUS: Final = "http://terminology.hl7.org/CodeSystem/condition-ver-status"


@dataclass(frozen=True, slots=True)
class Excluded:
    """One person; ``recorded_by`` names who recorded each source, ``decision`` is the review that keeps it."""

    citizen: Citizen
    stand: Stand
    recorded_by: dict[str, str]
    decision: Decision | None


def excluded_people(protocol: Protocol, on: date, *, state: str, actor: Actor | None = None) -> QuerySet[Citizen]:
    """Of whom the programme would otherwise be for: those whom a fact excludes, reviewed or not (``state``).

    Of people whom the actor may see; with actor None everybody's, for officers, who see no names.
    """
    params: dict[str, Any] = {}
    out = excluded(protocol, on, params, scope="") or NOBODY
    people = (visible_to(actor) if actor else Citizen.objects.filter(active=True)).filter(
        _of_age(protocol, on), deceased=False, pk__in=_raw(out, params)
    )
    people = people.annotate(said_sex=Coalesce(NullIf(F("sex"), Value("")), Value("unknown")))
    people = people.filter(said_sex__in=protocol.sexes)
    if protocol.residence == "city":
        people = people.filter(area__isnull=False)
    kept = Exists(_kept().filter(patient_id=OuterRef("pk"), programme=protocol.programme))
    return people.filter(kept if state == REVIEWED else ~kept).order_by("pk")


def describe(protocol: Protocol, on: date, people: Sequence[Citizen]) -> list[Excluded]:
    """What excludes each of them, since when, by whose record, and the review. Three queries, however many people."""
    names = [one.pk for one in people]
    params: dict[str, Any] = {"patients": names}
    sql = facts_sql([protocol], on, params, scope="AND r.patient = ANY(%(patients)s)")
    facts: dict[str, list[Fact]] = {name: [] for name in names}
    recorded: dict[str, str] = {}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT fact.patient, fact.kind, fact.key, fact.since, fact.source, f.name "
            f"FROM ({sql}) AS fact LEFT JOIN fhir_resource s ON s.type = split_part(fact.source, '/', 1) "
            "AND s.id = split_part(fact.source, '/', 2) "
            "LEFT JOIN records_facility f ON f.organization_id = s.facility",
            params,
        )
        for patient, kind, key, since, source, facility in cursor.fetchall():
            facts[patient].append(Fact(kind, key, since, source))
            recorded[source] = facility or ""
    kept = {one.patient_id: one for one in _kept().filter(patient_id__in=names, programme=protocol.programme)}
    return [Excluded(one, stand(one, on, protocol, facts[one.pk]), recorded, kept.get(one.pk)) for one in people]


def withdraw_exclusion(*, patient: str, source: str, note: str, actor: Actor) -> store.Saved:
    """What the source says was recorded by mistake: from now on she is called as if it had never been.

    Whoever cares for her may say so of another facility's record too; the old text stays readable, and the access log
    shows who it was. Refused: 403 not the actor's to decide, 404 no such record of hers, 422 without a reason.
    """
    if actor.role not in (Role.CLINICIAN, Role.SYSTEM) or not can_see(actor, patient):
        raise refuse(403, "forbidden", "It is about a person whom your facility does not care for.")
    if not note.strip():
        raise refuse(422, "required", "Say why it was recorded by mistake.")
    type_, _, id_ = source.partition("/")
    writer = replace(actor, role=Role.SYSTEM)
    stored = reader.read(type=type_, id=id_, actor=writer)
    resource = parse(stored.content).resource
    if type_ not in ("Condition", "Procedure") or resource["subject"]["reference"] != f"Patient/{patient}":
        raise refuse(404, "not-found", "No such record of this person.")
    changed = {**resource, "note": [*(resource.get("note") or ()), {"text": note}]}
    if type_ == "Procedure":
        changed["status"] = "entered-in-error"
    else:
        changed.pop("clinicalStatus", None)  # FHIR's con-5: none where it was entered in error
        changed["verificationStatus"] = {"coding": [{"system": _CONDITION_STATUS, "code": "entered-in-error"}]}
    return store.save(changed, actor=writer, if_match=stored.version)


def _kept() -> QuerySet[Decision]:
    return Decision.objects.filter(kind=DecisionKind.CEASE, undone=False)


def _of_age(protocol: Protocol, on: date) -> Q:
    """Of the ages of the programme, or in a risk group and of its ages."""
    found = Q(pk__in=())
    if not protocol.requires_risk_group:
        for low, high in age_runs(protocol):
            found |= Q(birth_date__range=born_between(on, low, high, protocol.age_counted))
    for group, (low, high) in zip(protocol.risk_groups, risk_ages(protocol), strict=True):
        params: dict[str, Any] = {}
        known = f"SELECT patient FROM ({at_risk(group, on, params, scope='')}) AS found"
        ages = Q(birth_date__range=born_between(on, low, high, protocol.age_counted))
        found |= ages & Q(pk__in=_raw(known, params))
    return found


def _raw(sql: str, params: dict[str, Any]) -> RawSQL:
    """A query with named parameters, for ``pk__in``."""
    names = re.findall(r"%\((\w+)\)s", sql)
    return RawSQL(re.sub(r"%\(\w+\)s", "%s", sql), [params[name] for name in names])
