"""Closings that need a second person, over FHIR: asked for by a Task of one's own, confirmed by another one's answer.

The request closes nothing. Who asks is the software (or the person on a page); whoever confirms must be somebody else,
for whom it waits by the rule of the pages (``closures_waiting``).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NoReturn

from django.utils import timezone

from fhir.hooks import Change, on_saved
from fhir.outcomes import Issue, Refused, refuse
from healthhub.accounts.actors import Actor
from records.access import share_writing
from screening.elements import day_of
from screening.failsafe.closing import close_step, closures_shared, decide_closure, needs_second
from screening.marks import with_known
from screening.models import ClosureRequest, Episode, EpisodeState
from screening.places import holder_of, seen_from
from screening.protocol import protocol_for
from screening.protocol.shapes import Reason
from screening.publishing.closings import CONFIRMED, REFUSED, is_closing
from screening.publishing.notes import LONGEST, note_of, reason_of, said_of, told_of_task
from screening.publishing.resources import known_of
from screening.publishing.steps import awaited_by

#: What the answer may change of the Task; the rest is what was asked.
_ANSWER = {"id", "meta", "status", "statusReason", "note", "lastModified"}

share_writing("Task", closures_shared)


@on_saved("Task")
def take_closings(changes: Sequence[Change], *, actor: Actor) -> None:
    """Ask for closings, and confirm or refuse them. Refused: as ``close_step`` and ``decide_closure``."""
    if actor.is_system:
        return
    for change in changes:
        with told_of_task():
            if is_closing(change.previous):
                _answer(change, actor)
            elif is_closing(change.resource):
                _ask(change, actor)


def _ask(change: Change, actor: Actor) -> None:
    resource = change.resource or {}
    if change.previous is not None:
        _refuse("Task.code", "A closing is asked for by a Task of its own: create one.")
    if resource.get("status") != "requested":
        _refuse("Task.status", "A closing is asked for with status requested; another actor completes or rejects it.")
    episode = _round_of(change)
    if episode is None:
        _refuse("Task.focus", "Task.focus must be the Task of a step that the person in Task.for still waits for.")
    rules = {key: rule for key, rule in _reasons(episode).items() if needs_second(rule)}
    reason = reason_of(resource.get("reasonCode"))
    if reason not in rules:
        known = ", ".join(f"reason-{key}" for key in sorted(rules))
        told = f"These reasons need a second person: {known}. For any other one cancel the step's own Task."
        _refuse("Task.reasonCode", told)
    if not known_of(resource):
        _refuse("Task.input", "Copy input from the step's Task: it says what you knew when you asked.", "required")
    if len(note_of(resource)) > LONGEST:
        _refuse("Task.note", f"The notes are longer than {LONGEST} characters.", "too-long")
    close_step(
        episode=episode,
        reason=reason,
        on=day_of(resource.get("authoredOn")) or timezone.localdate(),
        actor=actor,
        known=known_of(resource),
        task=change.id,
        alone=False,
        **said_of(resource, rules[reason]),
    )


def _answer(change: Change, actor: Actor) -> None:
    resource, previous = change.resource, change.previous or {}
    if resource is None:
        _refuse("Task", "A closing that was asked for stays on record; another actor completes or rejects its Task.")
    changed = [name for name in {**resource, **previous} if resource.get(name) != previous.get(name)]
    if faults := list(_faults(resource, previous, [name for name in changed if name not in _ANSWER])):
        raise Refused(422, faults)
    if resource.get("status") == previous.get("status"):
        return
    asked = ClosureRequest.objects.filter(task=change.id).values_list("pk", flat=True).first()
    if asked is None:
        raise refuse(409, "conflict", "Nothing waits for this answer.", "Task.status")
    decide_closure(request_id=asked, accepted=resource["status"] == CONFIRMED, actor=actor)


def _faults(resource: Mapping[str, Any], previous: Mapping[str, Any], changed: Sequence[str]) -> Iterator[Issue]:
    for name in sorted(changed):
        yield Issue(
            "error", "business-rule", f"Task.{name}", "An answer changes status and note of what was asked only."
        )
    if resource.get("status") not in (previous.get("status"), CONFIRMED, REFUSED):
        told = f"A closing is answered by status {CONFIRMED} (it closes) or {REFUSED} (the step goes on)."
        yield Issue("error", "business-rule", "Task.status", told)


def _round_of(change: Change) -> Episode | None:
    """The person's open round of which a step's Task is the focus, as the place sees it that holds the step."""
    wanted = ((change.resource or {}).get("focus") or {}).get("reference") or ""
    rounds = Episode.objects.filter(patient=change.patient).exclude(state=EpisodeState.CLOSED).select_related("patient")
    step = awaited_by(wanted.removeprefix("Task/"), with_known(rounds))
    return seen_from(step.episode, holder_of(step.need, step.episode)) if step else None


def _reasons(episode: Episode) -> Mapping[str, Reason]:
    return protocol_for(episode.programme, episode.opened_on).reasons


def _refuse(expression: str, told: str, code: str = "business-rule") -> NoReturn:
    raise refuse(422, code, told, expression)
