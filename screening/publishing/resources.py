"""Builds EpisodeOfCare, CarePlan and Task of one person in one programme. Pure: rows in, resources out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import uuid5

from django.conf import settings

from screening.elements import pairs
from screening.models import Decision, Episode, EpisodeState, Standing
from screening.projection import NAMESPACE
from screening.protocol import Protocol
from screening.protocol.events import DEPARTMENT
from screening.protocol.shapes import Step
from screening.publishing.steps import Awaited, step_id

CATEGORY = "http://terminology.hl7.org/CodeSystem/care-plan-category"
_KNOWN = "known"
URGENT_FROM = 40  # a step's urgency in the protocol from which its Task is "urgent"


@dataclass(frozen=True, slots=True)
class Pathway:
    """What is known of one person in one programme; ``rounds`` oldest first.

    ``known`` is the mark of what is known of each round (see ``marks``).
    """

    patient: str
    protocol: Protocol
    rounds: Sequence[Episode]
    standing: Standing | None
    decision: Decision | None
    known: Mapping[str, str]

    @property
    def open(self) -> Episode | None:
        """The round that waits for something."""
        return next((one for one in reversed(self.rounds) if one.state != EpisodeState.CLOSED), None)

    def id_of(self, kind: str) -> str:
        """The id of its EpisodeOfCare or CarePlan: always the same one."""
        return str(uuid5(NAMESPACE, f"{self.patient}/{self.protocol.programme}/{kind}"))


def episode_of_care(pathway: Pathway) -> dict[str, Any]:
    """active while a round is open or a next one is due, onhold while deferred, finished when there is none to come."""
    started = pathway.rounds[0].opened_on if pathway.rounds else pathway.decision.made_on if pathway.decision else None
    resource: dict[str, Any] = {
        "resourceType": "EpisodeOfCare",
        "id": pathway.id_of("EpisodeOfCare"),
        "status": _status(pathway, planned="planned", active="active", held="onhold", ended="finished"),
        "type": [_programme(pathway.protocol)],
        "patient": {"reference": f"Patient/{pathway.patient}"},
    }
    if facility := _facility(pathway):
        resource["managingOrganization"] = {"reference": f"Organization/{facility}"}
    if started:
        resource["period"] = {"start": started.isoformat()}
    return resource


def care_plan(pathway: Pathway, tasks: Sequence[str]) -> dict[str, Any]:
    """What comes next, and by which version of which protocol: the open steps' Tasks, or the next round's date."""
    protocol = pathway.protocol
    resource: dict[str, Any] = {
        "resourceType": "CarePlan",
        "id": pathway.id_of("CarePlan"),
        "instantiatesUri": [f"{settings.FHIR_SYSTEMS['plan']}/{protocol.programme}|{protocol.version}"],
        "status": _status(pathway, planned="active", active="active", held="on-hold", ended="completed"),
        "intent": "plan",
        "category": [_programme(protocol)],
        "title": protocol.name["vi"],
        "subject": {"reference": f"Patient/{pathway.patient}"},
        "supportingInfo": [{"reference": f"EpisodeOfCare/{pathway.id_of('EpisodeOfCare')}"}],
    }
    if pathway.rounds:
        resource["period"] = {"start": pathway.rounds[0].opened_on.isoformat()}
    if pathway.decision and not pathway.decision.undone:
        request = {"reference": f"ServiceRequest/{pathway.decision.request_id}"}
        resource["supportingInfo"].append(request)
    if tasks:
        resource["activity"] = [{"reference": {"reference": f"Task/{name}"}} for name in tasks]
    elif due := _next_round(pathway):
        detail = {
            "kind": "ServiceRequest",
            "code": _programme(protocol),
            "status": "scheduled",
            "scheduledPeriod": {"start": due.isoformat()},
        }
        resource["activity"] = [{"detail": detail}]
    return resource


def task(pathway: Pathway, name: str, waits: Awaited, step: Step) -> dict[str, Any]:
    """A step that an open round waits for, with its owner and due date."""
    episode, need = waits.episode, waits.need
    resource: dict[str, Any] = {
        "resourceType": "Task",
        "id": name,
        "identifier": [{"system": settings.FHIR_SYSTEMS["round"], "value": str(episode.pk)}],
        "basedOn": [{"reference": f"CarePlan/{pathway.id_of('CarePlan')}"}],
        "status": "in-progress" if need["state"] == EpisodeState.REFERRED else "requested",
        "businessStatus": coded(need["state"], str(EpisodeState(need["state"]).label)),
        "intent": "order",
        "priority": "urgent" if step.urgency >= URGENT_FROM else "routine",
        "code": coded(f"step-{step.key}", step.name["vi"], step.name["en"]),
        "focus": {"reference": need["source"]},
        "for": {"reference": f"Patient/{pathway.patient}"},
    }
    if need["owner"] != DEPARTMENT:
        resource["owner"] = {"reference": f"Organization/{need['owner']}"}
    resource["restriction"] = {"period": {"start": episode.opened_on.isoformat(), "end": need["due_on"]}}
    resource["input"] = [known_input(pathway.known[str(episode.pk)])]
    return resource


def known_input(mark: str) -> dict[str, Any]:
    """The mark of what was known when a Task was written: who decides by it, decides about no more than that."""
    return {"type": coded(_KNOWN, "Dấu của những gì đã biết", "Mark of what was known"), "valueString": mark}


def known_of(resource: Mapping[str, Any]) -> str:
    """The mark that a Task carries, "" without one."""
    wanted = (settings.FHIR_SYSTEMS["screening"], _KNOWN)
    marks = [one.get("valueString") for one in resource.get("input") or () if wanted in pairs(one.get("type"))]
    return str(marks[0] or "") if marks else ""


def ended_task(stored: Mapping[str, Any], episode: Episode | None, protocol: Protocol) -> dict[str, Any]:
    """The Task of a step for which its round waits no more: completed, or cancelled with the reason.

    One of two Tasks is cancelled when their steps have come to one owner: the other one stands for both.
    """
    if episode is None or episode.outcome == "withdrawn":
        reason = {"text": "Kết quả đã được rút lại."}
        return {**stored, "status": "entered-in-error", "statusReason": reason}
    if step := waived_step(stored, episode):
        known = protocol.reasons.get(step["reason"])
        label = known.label if known else {"vi": step["reason"], "en": step["reason"]}
        reason = coded(f"reason-{step['reason']}", label["vi"], label["en"])
        return {**stored, "status": "cancelled", "statusReason": reason}
    if _step_of(stored) in {need["step"] for need in episode.needs}:
        return {**stored, "status": "cancelled", "statusReason": coded("merged", "Đã gộp vào việc khác", "Merged")}
    return {**stored, "status": "completed", "businessStatus": coded("completed", "Đã xong")}


def waived_step(task: Mapping[str, Any], episode: Episode) -> Mapping[str, str] | None:
    """The closing for a reason by which the step of a Task ended, as ``Episode.waived`` says it."""
    key = _step_of(task)
    ended = [one for one in episode.waived if step_id(episode, key, one["source"]) == task["id"] and one["step"] == key]
    return ended[0] if ended else None


def _step_of(task: Mapping[str, Any]) -> str:
    system = settings.FHIR_SYSTEMS["screening"]
    codes = [code for found, code in pairs(task.get("code")) if found == system]
    return next((code.removeprefix("step-") for code in codes if code.startswith("step-")), "")


def _status(pathway: Pathway, *, planned: str, active: str, held: str, ended: str) -> str:
    if pathway.open:
        return active
    if pathway.standing is None:
        return ended
    return {"ceased": ended, "deferred": held}.get(pathway.standing.status, active if pathway.rounds else planned)


def _next_round(pathway: Pathway) -> date | None:
    return pathway.standing.due_on if pathway.standing and pathway.standing.status != "ceased" else None


def _facility(pathway: Pathway) -> str | None:
    owner = pathway.rounds[-1].owner if pathway.rounds else DEPARTMENT
    return owner if owner != DEPARTMENT else pathway.standing.facility_id if pathway.standing else None


def _programme(protocol: Protocol) -> dict[str, Any]:
    return coded(f"programme-{protocol.programme}", protocol.name["vi"], protocol.name["en"])


def coded(code: str, text: str, display: str = "") -> dict[str, Any]:
    """A CodeableConcept of a local code."""
    coding = {"system": settings.FHIR_SYSTEMS["screening"], "code": code, "display": display or str(text)}
    return {"coding": [coding], "text": str(text)}
