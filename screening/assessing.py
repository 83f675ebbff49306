"""Writes what follows a result as FHIR resources: referrals, assessments of every kind, that somebody was told."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from django.conf import settings
from django.utils import timezone

from fhir.outcomes import refuse
from fhir.store import Saved, save
from healthhub.accounts.actors import Actor
from screening.elements import ZONE
from screening.followup import TNM
from screening.models import Episode, ScreeningResult
from screening.protocol import protocol_for
from screening.protocol.codes import LOINC
from screening.protocol.shapes import REPORT, STAGING, UNSPECIFIED, Assessment, Finding

_TNM_NAMES = {"t": "cT category", "n": "cN category", "m": "cM category"}


def refer_for_assessment(
    *,
    result: ScreeningResult,
    due_on: date,
    actor: Actor,
    authored_on: date | None = None,
    note: str = "",
    to: str | None = None,
    step: str = "",
) -> Saved:
    """Refer somebody for the assessment that the result leads to, for ``due_on``; ``to`` is the Organization asked.

    ``step`` says for which of several open steps, "" for the result's own. Refused (422) if it leads to none.
    """
    assessment = assessment_of(result, step=step)
    requester = actor.facility or result.facility_id
    resource: dict[str, Any] = {
        "resourceType": "ServiceRequest",
        "status": "active",
        "intent": "order",
        "code": _code(assessment),
        "subject": {"reference": f"Patient/{result.patient_id}"},
        "occurrenceDateTime": due_on.isoformat(),
        "authoredOn": (authored_on or _today()).isoformat(),
        "reasonReference": [{"reference": f"Observation/{result.observation_id}"}],
    }
    if requester:
        resource["requester"] = {"reference": f"Organization/{requester}"}
    if to:
        resource["performer"] = [{"reference": f"Organization/{to}"}]
    if note:
        resource["note"] = [{"text": note}]
    return save(resource, actor=actor, facility=requester if actor.is_system else None)


def record_assessment(
    *,
    result: ScreeningResult,
    done_on: date,
    actor: Actor,
    finding: str = UNSPECIFIED,
    note: str = "",
    assessment: str | None = None,
    reported_on: date | None = None,
    tnm: Mapping[str, str] | None = None,
) -> Saved:
    """Record what a step was done by and what it found: a key of the protocol's findings, else KeyError.

    ``assessment`` is a key of the protocol's assessments; None for the one that the round waits for. Its kind says
    which resource is written: Procedure, DiagnosticReport or (with ``tnm``: t, n, m as written) Observation.
    """
    rule = _rules(result).assessments[assessment] if assessment else assessment_of(result)
    facility = actor.facility or result.facility_id
    resource = build_assessment(
        rule=rule,
        finding=rule.findings[finding],
        patient_id=result.patient_id,
        about=result.observation_id,
        facility=facility,
        done_on=done_on,
        reported_on=reported_on,
        note=note,
        tnm=tnm or {},
    )
    return save(resource, actor=actor, facility=facility if actor.is_system else None)


def build_assessment(
    *,
    rule: Assessment,
    finding: Finding,
    patient_id: str,
    about: str,
    facility: str | None,
    done_on: date,
    reported_on: date | None = None,
    note: str = "",
    tnm: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """The resource that says so; ``about`` is the Observation that it follows."""
    found = coded_finding(finding)
    base = {"code": _code(rule), "subject": {"reference": f"Patient/{patient_id}"}}
    performer = {"reference": f"Organization/{facility}"} if facility else None
    if rule.kind not in (REPORT, STAGING):
        procedure = {
            "resourceType": "Procedure",
            "status": "completed",
            **base,
            "performedDateTime": done_on.isoformat(),
            "reasonReference": [{"reference": f"Observation/{about}"}],
            "performer": [{"actor": performer}] if performer else None,
            "outcome": found,
            "note": [{"text": note}] if note else None,
        }
        return _without_gaps(procedure)
    shared = {
        **base,
        "status": "final",
        "effectiveDateTime": done_on.isoformat(),
        "issued": instant_of(reported_on) if reported_on else None,
        "performer": [performer] if performer else None,
    }
    if rule.kind == REPORT:
        report = {
            "resourceType": "DiagnosticReport",
            **shared,
            "conclusion": note or None,
            "conclusionCode": [found] if found else None,
        }
        return _without_gaps(report)
    parts = [coded_part(part, value) for part, value in (tnm or {}).items() if value]
    staging = {
        "resourceType": "Observation",
        **shared,
        "valueCodeableConcept": found,
        "component": parts or None,
        "note": [{"text": note}] if note else None,
    }
    return _without_gaps(staging)


def assessment_of(result: ScreeningResult, *, step: str = "") -> Assessment:
    """The assessment of a ``step``; else that which is open because of the result, or its round waits for, or it leads
    to. Refused (422) if none."""
    protocol = _rules(result)
    category = protocol.category(result.test, result.category)
    episode, source = result.episode, f"Observation/{result.observation_id}"
    own = [need["step"] for need in episode.needs if need["source"] == source] if episode else []
    for key in (step, *own, episode.step if episode else "", category.leads_to if category else None):
        rule = protocol.steps.get(key or "")
        if rule and rule.assessment:
            return protocol.assessments[rule.assessment]
    raise refuse(422, "business-rule", f"The result ({result.outcome}) leads to no assessment.", "ServiceRequest.code")


def assessments_after(episode: Episode) -> list[Assessment]:
    """What may be recorded for a round's open steps, the one that it waits for first."""
    protocol = protocol_for(episode.programme, episode.opened_on)
    keys: dict[str, None] = {}
    for need in episode.needs:
        step = protocol.steps[need["step"]]
        exits = [pattern.removeprefix("assessed:") for pattern in step.discharged_by if pattern.startswith("assessed:")]
        keys |= dict.fromkeys([step.assessment, *exits] if step.assessment else exits)
    return [protocol.assessments[key] for key in keys]


def _rules(result: ScreeningResult) -> Any:
    """The protocol of the result's round, which is that of its first day."""
    opened = result.episode.opened_on if result.episode else result.collected_on
    return protocol_for(result.programme, opened)


def _code(assessment: Assessment) -> dict[str, Any]:
    system, code = assessment.codings[0]
    return {"coding": [{"system": system, "code": code, "display": assessment.display}], "text": assessment.name["vi"]}


def coded_finding(finding: Finding) -> dict[str, Any] | None:
    """A finding as a CodeableConcept; None for the one that says nothing."""
    if not finding.codings:
        return None
    system, code = finding.codings[0]
    return {"coding": [{"system": system, "code": code, "display": finding.label["en"]}], "text": finding.label["vi"]}


def coded_part(part: str, value: str) -> dict[str, Any]:
    """A component of a clinical staging: LOINC says which part, the value is kept as it was written."""
    coding = {"system": LOINC, "code": TNM[part][0], "display": _TNM_NAMES[part]}
    return {
        "code": {"coding": [coding]},
        "valueCodeableConcept": {
            "coding": [{"system": settings.FHIR_SYSTEMS["screening"], "code": value}],
            "text": value,
        },
    }


def _without_gaps(resource: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in resource.items() if value is not None}


def instant_of(day: date) -> str:
    """The first moment of a day in Hanoi."""
    return datetime(day.year, day.month, day.day, tzinfo=ZONE).isoformat()


def _today() -> date:
    return timezone.now().astimezone(ZONE).date()
