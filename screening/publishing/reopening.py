"""Opening a step again that was closed for a reason: its owner's software sets the cancelled Task back to requested."""

from collections.abc import Sequence

from fhir.hooks import Change, on_saved
from fhir.outcomes import refuse
from healthhub.accounts.actors import Actor
from screening.failsafe.closing import reopen_round
from screening.models import Episode, EpisodeState
from screening.publishing.closings import is_closing
from screening.publishing.notes import FIXED, GIVEN_UP, note_of, round_of, told_of_task
from screening.publishing.noting import mark_unpublished
from screening.publishing.resources import waived_step
from screening.publishing.steps import ENDED


@on_saved("Task")
def take_reopenings(changes: Sequence[Change], *, actor: Actor) -> None:
    """Open steps again as the page does, also of a round that waits for others; the note that was added says why.

    Refused: 422 without a new note, or for a Task that has ended in any other way; 409 if the round was not closed for
    a reason.
    """
    if actor.is_system:
        return
    steps = [change for change in changes if not is_closing(change.previous)]
    named = [(name, change) for change in steps if (name := round_of(change.previous))]
    rounds = Episode.objects.filter(pk__in={name for name, _ in named}) if named else ()
    found = {str(episode.pk): episode for episode in rounds}
    for name, change in named:
        resource, previous = change.resource, change.previous or {}
        episode = found.get(name)
        if episode is None or previous.get("status") not in ENDED:
            continue
        if resource is None:
            raise refuse(422, "business-rule", "A step's Task stays on record.", "Task")
        if changed := next((name for name in FIXED if resource.get(name) != previous.get(name)), ""):
            told = "Only status, statusReason and note of a step's Task may change."
            raise refuse(422, "business-rule", told, f"Task.{changed}")
        if resource.get("status") == previous.get("status"):
            continue
        if previous.get("status") not in GIVEN_UP or resource.get("status") != "requested":
            told = "The step has ended. One that was closed for a reason is opened again by status requested."
            raise refuse(422, "business-rule", told, "Task.status")
        added = [note for note in resource.get("note") or () if note not in (previous.get("note") or ())]
        with told_of_task():
            closing = waived_step(previous, episode) or {}
            if not closing and episode.state != EpisodeState.CLOSED:
                raise refuse(422, "business-rule", "This step was not closed for a reason.", "Task.status")
            reopen_round(episode=episode, why=note_of({"note": added}), actor=actor, closing=closing.get("closing", ""))
        mark_unpublished([episode.patient_id])
