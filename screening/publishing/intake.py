"""What a clinic's software may do with a Task: its owner may take it up, or cancel it with a coded reason."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.conf import settings
from django.utils import timezone

from fhir.hooks import Change, on_saved
from fhir.outcomes import Issue, Refused
from healthhub.accounts.actors import Actor
from screening.failsafe.closing import close_step
from screening.models import Episode, EpisodeState
from screening.protocol import protocol_for
from screening.publishing.resources import task_id
from screening.publishing.sweep import mark_unpublished

GIVEN_UP = ("cancelled", "rejected", "failed")
DONE = ("completed", "entered-in-error")
FIXED = ("identifier", "basedOn", "code", "for", "owner", "focus", "restriction", "intent")


@on_saved("Task")
def take(changes: Sequence[Change], *, actor: Actor) -> None:
    """Close the steps whose Tasks their owner's software has cancelled; the note is the evidence.

    Refused (422, nothing is saved): a step ended without its outcome or a coded reason, deleted, or put off.
    """
    if actor.is_system:
        return
    steps = [(change, episode) for change, episode in _with_steps(changes) if episode]
    if problems := [issue for change, episode in steps for issue in _faults(change, episode)]:
        raise Refused(422, problems)
    for change, episode in steps:
        if change.resource and change.resource.get("status") in GIVEN_UP:
            note = " ".join(one["text"] for one in change.resource.get("note") or () if one.get("text"))
            close_step(
                episode=episode,
                reason=_reason(change.resource),
                on=timezone.localdate(),
                actor=actor,
                note=note,
                evidence=note,
            )
        mark_unpublished([episode.patient_id])


def _faults(change: Change, episode: Episode) -> Iterator[Issue]:
    resource, previous = change.resource, change.previous or {}
    if resource is None:
        yield _issue("Task", "A step cannot be deleted. Cancel its Task with a coded statusReason.")
        return
    for name in FIXED:
        if resource.get(name) != previous.get(name):
            yield _issue(f"Task.{name}", "Only status, statusReason and note of a step's Task may change.")
    reasons = protocol_for(episode.programme, episode.opened_on).reasons
    if resource.get("status") in DONE:
        told = "A step is completed by its outcome: send the result, Procedure or DiagnosticReport that it waits for."
        yield _issue("Task.status", told)
    elif resource.get("status") in GIVEN_UP and _reason(resource) not in reasons:
        known = ", ".join(f"reason-{key}" for key in reasons)
        yield _issue("Task.statusReason", f"A step is closed only for one of these reasons: {known}.")


def _with_steps(changes: Sequence[Change]) -> list[tuple[Change, Episode | None]]:
    """Each change with the open round whose present step its Task is; None for any other Task."""
    named = [_round_of(change.resource) or _round_of(change.previous) for change in changes]
    wanted = [name for name in named if name]
    rounds = Episode.objects.filter(pk__in=wanted).exclude(state=EpisodeState.CLOSED) if wanted else ()
    found = {str(one.pk): one for one in rounds}
    pairs = [(change, found.get(name or "")) for change, name in zip(changes, named, strict=True)]
    return [(change, one if one and task_id(one) == change.id else None) for change, one in pairs]


def _round_of(resource: Mapping[str, Any] | None) -> str | None:
    for identifier in (resource or {}).get("identifier") or ():
        if identifier.get("system") == settings.FHIR_SYSTEMS["round"]:
            return str(identifier.get("value") or "")[:36] or None
    return None


def _reason(resource: Mapping[str, Any]) -> str:
    """The key of the protocol's reason, "" without one."""
    for coding in (resource.get("statusReason") or {}).get("coding") or ():
        if coding.get("system") == settings.FHIR_SYSTEMS["screening"]:
            return str(coding.get("code") or "").removeprefix("reason-")
    return ""


def _issue(expression: str, diagnostics: str) -> Issue:
    return Issue("error", "business-rule", expression, diagnostics)
