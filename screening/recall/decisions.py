"""Deferring, opting out, ceasing and undoing: each is a ServiceRequest through the store, as a clinic's POST is.

Staff decide for people whom their facility cares for, a citizen for herself (she may defer and opt out). A citizen has
no right to write in the store, and staff may undo what another facility or the citizen decided; such a write is made by
HealthHub in the actor's name, after the check made here.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from django.conf import settings
from django.utils import timezone

from fhir import reader, store
from fhir.outcomes import refuse
from fhir.text import parse
from healthhub.accounts.actors import Actor, Role
from records.access import can_see
from records.models import Citizen
from screening.facts import ZONE
from screening.models import Decision, DecisionKind, Standing
from screening.protocol import current
from screening.recall.reading import CODES, PREFIX
from screening.recall.reasons import REASONS


def defer_screening(
    *, patient: str, programme: str, reason: str, until: date, actor: Actor, note: str = ""
) -> store.Saved:
    """Not before this day. Raises Refused: 403 not the actor's to decide, 422 no such reason or day."""
    return _decide(DecisionKind.DEFER, patient, programme, reason, actor=actor, note=note, ends_on=until)


def opt_out(*, patient: str, programme: str, reason: str, actor: Actor, note: str = "") -> store.Saved:
    """She does not want to be called, until she says otherwise. Refused as in ``defer_screening``."""
    return _decide(DecisionKind.OPT_OUT, patient, programme, reason, actor=actor, note=note, ends_on=None)


def cease_screening(
    *, patient: str, programme: str, reason: str, evidence: str, review_on: date, actor: Actor
) -> store.Saved:
    """She is called no more, on this evidence, until the review. Refused as in ``defer_screening``; 422 also without
    evidence; 403 for a citizen, who opts out instead."""
    if actor.role is Role.CITIZEN:
        raise refuse(403, "forbidden", "Only a clinician ceases somebody; you may opt out.")
    return _decide(DecisionKind.CEASE, patient, programme, reason, actor=actor, note=evidence, ends_on=review_on)


def undo_decision(*, decision: Decision, actor: Actor, note: str = "") -> store.Saved:
    """Revoke a decision: from now on she stands as if it had never been. Refused: 403 not hers to undo, 409 undone.

    What a facility ceased on evidence a citizen cannot undo herself.
    """
    if decision.undone:
        raise refuse(409, "conflict", "This decision has been undone already.")
    if actor.role is Role.CITIZEN and decision.kind == DecisionKind.CEASE:
        raise refuse(403, "forbidden", "Ask your health facility to look at this decision again.")
    _check(decision.patient_id, actor)
    text = reader.read(type="ServiceRequest", id=decision.request_id, actor=_writer(actor)).content
    stored = parse(text).resource
    notes = [*(stored.get("note") or ()), *([{"text": note}] if note else ())]
    revoked = {**stored, "status": "revoked", **({"note": notes} if notes else {})}
    return store.save(revoked, actor=_writer(actor), if_match=decision.version)


def _decide(
    kind: DecisionKind, patient: str, programme: str, reason: str, *, actor: Actor, note: str, ends_on: date | None
) -> store.Saved:
    _check(patient, actor)
    now = timezone.now().astimezone(ZONE)
    facility = actor.facility or _caller(patient, programme)
    resource = build_decision(kind, patient, programme, reason, note=note, ends_on=ends_on, now=now, actor=actor)
    return store.save(resource, actor=_writer(actor), facility=facility if actor.facility is None else None)


def _check(patient: str, actor: Actor) -> None:
    mine = actor.role is Role.CITIZEN and actor.patient == patient
    if not mine and not (actor.role in (Role.CLINICIAN, Role.LABORATORY, Role.SYSTEM) and can_see(actor, patient)):
        raise refuse(403, "forbidden", "It is about a person whom your facility does not care for.")


def _writer(actor: Actor) -> Actor:
    """HealthHub in the actor's name: the access log shows who it was."""
    return replace(actor, role=Role.SYSTEM)


def _caller(patient: str, programme: str) -> str | None:
    """Who calls this person: it keeps what a citizen decided."""
    standing = Standing.objects.filter(patient_id=patient, programme=programme).values_list("facility_id", flat=True)
    person = Citizen.objects.filter(pk=patient).values_list("facility_id", flat=True)
    return standing.first() or person.first()


def build_decision(
    kind: DecisionKind,
    patient: str,
    programme: str,
    reason: str,
    *,
    note: str,
    ends_on: date | None,
    now: datetime,
    actor: Actor,
) -> dict[str, Any]:
    """The ServiceRequest that says so; ``note`` is the evidence of a decision to cease."""
    words = REASONS[kind].get(reason)
    period = {"start": f"{now.date():%Y-%m-%d}"} | ({"end": f"{ends_on:%Y-%m-%d}"} if ends_on else {})
    requester = f"Patient/{patient}" if actor.role is Role.CITIZEN else None
    requester = requester or (f"Organization/{actor.facility}" if actor.facility else None)
    return {
        "resourceType": "ServiceRequest",
        "status": "active",
        "intent": "directive",
        "doNotPerform": True,
        "category": [_concept(CODES[kind])],
        "code": _concept(f"{PREFIX}{programme}", current(programme).name["vi"]),
        "subject": {"reference": f"Patient/{patient}"},
        "occurrencePeriod": period,
        "authoredOn": now.isoformat(timespec="seconds"),
        **({"requester": {"reference": requester}} if requester else {}),
        "reasonCode": [_concept(reason, words["vi"] if words else "")],
        **({"note": [{"text": note}]} if note.strip() else {}),
    }


def _concept(code: str, display: str = "") -> Mapping[str, Any]:
    coding = {"system": settings.FHIR_SYSTEMS["screening"], "code": code} | ({"display": display} if display else {})
    return {"coding": [coding]}
