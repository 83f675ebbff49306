"""A closing that waits for a second person, as a Task: whoever asked, on a page or by software, others can confirm it.

It is ``requested`` while it waits, ``completed`` once confirmed, ``rejected`` if the step goes on, and ``cancelled`` if
something has become known since.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from django.conf import settings
from django.db import connection

from fhir.store import Draft
from fhir.text import parse
from screening.elements import pairs
from screening.failsafe.closing import still_asked
from screening.models import ClosureRequest
from screening.places import waiting_at
from screening.protocol import protocol_for
from screening.publishing.resources import coded, known_input

CLOSING = "closing"
CONFIRMED, REFUSED = "completed", "rejected"
_STORED = "SELECT content FROM fhir_resource WHERE type = 'Task' AND id = ANY(%s) AND NOT deleted"


def is_closing(resource: Mapping[str, Any] | None) -> bool:
    """Whether a Task asks a second person to confirm a closing."""
    return (settings.FHIR_SYSTEMS["screening"], CLOSING) in pairs((resource or {}).get("code"))


def closing_drafts(patients: Sequence[str], steps: Mapping[tuple[str, str, str], str]) -> list[Draft]:
    """What the Tasks of these people's closings must say now, where they do not say it; four statements at most.

    ``steps`` are the Tasks of the open steps, by round, step and owner.
    """
    requests = ClosureRequest.objects.filter(episode__patient__in=patients).select_related("episode__patient")
    found = list(requests.order_by("id"))
    if not found:
        return []
    standing = set(still_asked(requests.filter(accepted__isnull=True)).values_list("pk", flat=True))
    with connection.cursor() as cursor:
        cursor.execute(_STORED, [[one.task for one in found]])
        stored = {resource["id"]: resource for (text,) in cursor if (resource := parse(text).resource)}
    drafts = []
    for one in found:
        waits = one.pk in standing
        if one.task in stored or waits:  # else it was settled before it could be written
            resource = stored.get(one.task) or _task(one, _step(one, steps))
            drafts.append(Draft.of(_settled(resource, one, waits), facility=one.facility_id or None))
    return drafts


def _settled(resource: dict[str, Any], asked: ClosureRequest, waits: bool) -> dict[str, Any]:
    if waits:
        return {**resource, "status": "requested"}
    if asked.accepted is not None and asked.second:
        return {**resource, "status": CONFIRMED if asked.accepted else REFUSED}
    return {**resource, "status": "cancelled", "statusReason": coded("overtaken", "Đã có thông tin mới", "Overtaken")}


def _step(asked: ClosureRequest, steps: Mapping[tuple[str, str, str], str]) -> str:
    """The Task of the step that would be closed: there is one while the request waits."""
    place = waiting_at(asked.episode, asked.step, asked.facility_id)
    return steps[str(asked.episode_id), place.step, place.owner]


def _task(asked: ClosureRequest, step: str) -> dict[str, Any]:
    """The Task of a closing that was asked for on a page, about the step of that Task."""
    episode = asked.episode
    label = protocol_for(episode.programme, episode.opened_on).reasons[asked.reason].label
    resource: dict[str, Any] = {
        "resourceType": "Task",
        "id": asked.task,
        "status": "requested",
        "intent": "proposal",
        "code": coded(CLOSING, "Khép lại, chờ người thứ hai xác nhận", "Closing, for a second person to confirm"),
        "focus": {"reference": f"Task/{step}"},
        "for": {"reference": f"Patient/{episode.patient_id}"},
        "authoredOn": asked.closed_on.isoformat(),
        "requester": {"display": asked.actor_name},
        "reasonCode": coded(f"reason-{asked.reason}", label["vi"], label["en"]),
        "input": [known_input(asked.known)],
    }
    if notes := [{"text": text} for text in dict.fromkeys((asked.note, asked.evidence)) if text]:
        resource["note"] = notes
    return resource
