"""What a clinic's software may do with a Task: its owner may take it up, or cancel it with a coded reason."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.utils import timezone

from fhir.hooks import Change, on_saved
from fhir.outcomes import Issue, Refused, refuse
from healthhub.accounts.actors import Actor
from screening.failsafe.closing import close_step, needs_second
from screening.models import Episode, EpisodeState
from screening.protocol import protocol_for
from screening.protocol.shapes import Reason
from screening.publishing.notes import FIXED, GIVEN_UP, reason_of, round_of, said_of, told_of_task
from screening.publishing.noting import mark_unpublished
from screening.publishing.resources import known_of
from screening.publishing.steps import Awaited, awaited_by, seen_by

DONE = ("completed", "entered-in-error")


@on_saved("Task")
def take(changes: Sequence[Change], *, actor: Actor) -> None:
    """Close the steps whose Tasks their owner's software has cancelled; the note is the evidence. Each Task closes its
    own step, whatever else its owner holds of the round.

    Refused (nothing is saved): 422 for a step ended without its outcome or a coded reason, deleted, or put off, or for
    a reason that a second person must confirm (see ``deciding``); 409 if something has become known since.
    """
    if actor.is_system:
        return
    steps = [(change, step) for change, step in _with_steps(changes) if step]
    for change, _step in steps:
        if change.resource and known_of(change.resource) != known_of(change.previous or {}):
            raise refuse(409, "conflict", "The Task was written anew since you read it: read it again.", "Task.input")
    if problems := [issue for change, step in steps for issue in _faults(change, step.episode)]:
        raise Refused(422, problems)
    for change, step in steps:
        if change.resource and change.resource.get("status") in GIVEN_UP:
            _close(seen_by(step), change.resource, actor)
        mark_unpublished([step.episode.patient_id])


def _close(episode: Episode, resource: Mapping[str, Any], actor: Actor) -> None:
    reason = reason_of(resource.get("statusReason"))
    with told_of_task():
        close_step(
            episode=episode,
            reason=reason,
            on=timezone.localdate(),
            actor=actor,
            known=known_of(resource),
            alone=True,
            **said_of(resource, _reasons(episode)[reason]),
        )


def _faults(change: Change, episode: Episode) -> Iterator[Issue]:
    resource, previous = change.resource, change.previous or {}
    if resource is None:
        yield _issue("Task", "A step cannot be deleted. Cancel its Task with a coded statusReason.")
        return
    for name in FIXED:
        if resource.get(name) != previous.get(name):
            yield _issue(f"Task.{name}", "Only status, statusReason and note of a step's Task may change.")
    reasons = _reasons(episode)
    if resource.get("status") in DONE:
        told = "A step is completed by its outcome: send the result, Procedure or DiagnosticReport that it waits for."
        yield _issue("Task.status", told)
    elif resource.get("status") in GIVEN_UP:
        rule = reasons.get(reason_of(resource.get("statusReason")))
        if rule is None:
            known = ", ".join(f"reason-{key}" for key in reasons)
            yield _issue("Task.statusReason", f"A step is closed only for one of these reasons: {known}.")
        elif needs_second(rule):
            told = (
                "A second person must confirm this reason: create a Task with code closing and this one as its focus."
            )
            yield _issue("Task.statusReason", told)


def _with_steps(changes: Sequence[Change]) -> list[tuple[Change, Awaited | None]]:
    """Each change with the open step whose Task it is; None for any other Task."""
    named = [round_of(change.resource) or round_of(change.previous) for change in changes]
    wanted = [name for name in named if name]
    rounds = Episode.objects.filter(pk__in=wanted).exclude(state=EpisodeState.CLOSED).select_related("patient")
    found = {str(one.pk): one for one in rounds} if wanted else {}
    pairs = [(change, found.get(name or "")) for change, name in zip(changes, named, strict=True)]
    return [(change, awaited_by(change.id, [one]) if one else None) for change, one in pairs]


def _reasons(episode: Episode) -> Mapping[str, Reason]:
    return protocol_for(episode.programme, episode.opened_on).reasons


def _issue(expression: str, diagnostics: str) -> Issue:
    return Issue("error", "business-rule", expression, diagnostics)
