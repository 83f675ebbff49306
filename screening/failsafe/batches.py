"""One decision of an officer about all open steps of a filter: whom it is about is frozen when it is asked for.

A closing waits for a second officer; a handing over is done at once. The work is done in chunks, each a transaction of
its own that can be broken off and taken up again, and each step keeps what became of it. Undoing takes back exactly the
decisions that the batch wrote.
"""

import contextlib
import time
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Final

from celery import current_app
from django.db import connection, transaction
from django.db.models import Min, QuerySet
from django.utils import timezone
from kombu.exceptions import OperationalError

from fhir.outcomes import refuse
from healthhub.accounts.actors import Actor, Role
from healthhub.audit.log import record_access
from records.models import Facility
from screening import projection
from screening.citizen import here
from screening.closings import Closing, close_rounds
from screening.failsafe.closing import closures_waiting, noted, still_asked
from screening.failsafe.handover import hand_over_rounds, take_back_hand_overs
from screening.failsafe.scope import Scope, scope_of
from screening.marks import with_known
from screening.models import BatchedStep, BatchedStepState, Episode, StepBatch, StepBatchKind, StepBatchState
from screening.protocol import protocol_for
from screening.protocol.shapes import DECEASED

CHUNK: Final = 200
KILLED_SECONDS: Final = 60  # a batch that nobody has worked on for so long is taken up by another worker
OPEN: Final = (StepBatchState.QUEUED, StepBatchState.UNDOING)
_FREEZE = """
INSERT INTO screening_batchedstep (batch_id, episode_id, patient_id, step, known, state, why)
SELECT %s, r.id, r.patient_id, r.step, r.known, 'waiting', '' FROM ({rounds}) AS r(id, patient_id, step, known)
"""


def reasons_of(rounds: QuerySet[Episode]) -> list[tuple[str, str]]:
    """(key, label) of the reasons that the protocols of all these rounds know. A death is told of one person."""
    versions = rounds.order_by().values("programme", "protocol_version").annotate(day=Min("opened_on"))
    known = [protocol_for(one["programme"], one["day"]).reasons for one in versions]
    first = known[0] if known else {}
    return [
        (key, here(reason.label))
        for key, reason in first.items()
        if key != DECEASED and all(key in reasons for reasons in known)
    ]


def ask_closing(
    rounds: QuerySet[Episode],
    *,
    asked: Mapping[str, str],
    reason: str,
    on: date,
    evidence: str,
    note: str = "",
    actor: Actor,
) -> StepBatch:
    """Ask that these steps be closed for a reason; nothing is closed before a second officer confirms it.

    Refused (422): a reason that some of the protocols do not know, no evidence, a day that has not come, nobody chosen.
    """
    if reason not in dict(reasons_of(rounds)):
        raise refuse(422, "code-invalid", "Not all of these rounds can be closed for this reason.", "reason")
    if not evidence.strip():
        raise refuse(422, "required", "Say which list, letter or decision this rests on.", "evidence")
    if on > timezone.localdate():
        raise refuse(422, "business-rule", "The closing day has not come yet.", "on")
    batch = StepBatch(
        kind=StepBatchKind.CLOSE,
        state=StepBatchState.WAITING,
        reason=reason,
        closed_on=on,
        evidence=evidence,
        note=note,
    )
    return _freeze(batch, rounds, asked, actor)


def ask_hand_over(
    rounds: QuerySet[Episode], *, asked: Mapping[str, str], target: Facility, note: str, actor: Actor
) -> StepBatch:
    """Give these steps to a facility. Refused (422): without a reason, to one that is not registered, nobody chosen."""
    if not note.strip():
        raise refuse(422, "required", "Say why the steps are handed over.", "note")
    if not target.active or target.code is None:
        raise refuse(422, "business-rule", "The steps can only go to a registered facility.", "facility")
    batch = StepBatch(kind=StepBatchKind.HAND_OVER, state=StepBatchState.QUEUED, target=target, note=note)
    return _freeze(batch, rounds.exclude(owner=target.pk), asked, actor)


def _freeze(batch: StepBatch, rounds: QuerySet[Episode], asked: Mapping[str, str], actor: Actor) -> StepBatch:
    scope = scope_of(actor)
    batch.asked, batch.area, batch.actor, batch.actor_name = dict(asked), scope.area, actor.id, actor.name
    if not rounds.exists():
        raise refuse(422, "business-rule", "Nobody is in this selection any more.", "")
    frozen = with_known(rounds.order_by()).values_list("pk", "patient_id", "step", "known")
    sql, params = frozen.query.sql_with_params()
    with transaction.atomic():
        batch.save()
        with connection.cursor() as cursor:
            cursor.execute(_FREEZE.format(rounds=sql), [batch.pk, *params])
            batch.total = cursor.rowcount
        batch.save(update_fields=["total"])
        people = batch.steps.values_list("patient_id", flat=True).distinct()
        record_access(
            actor=actor,
            action="select",
            patients=list(people),
            resource_type="Episode",
            reason=batch.get_kind_display(),
        )
    return batch


def batches_of(scope: Scope) -> QuerySet[StepBatch]:
    """The batches that an officer of this part of the city may see, newest first: one for more than it is not hers."""
    found = StepBatch.objects.select_related("area", "target").order_by("-id")
    return found if scope.areas is None else found.filter(area__in=scope.areas)


def decisions_waiting(actor: Actor) -> int:
    """How many closings, of one person and of many, wait for this officer as the second person."""
    ones = still_asked(closures_waiting(actor)).exclude(actor=actor.id).count()
    return ones + batches_of(scope_of(actor)).filter(state=StepBatchState.WAITING).exclude(actor=actor.id).count()


def decide_batch(*, batch_id: int, accepted: bool, actor: Actor) -> StepBatch:
    """A second officer confirms the closing of a batch, or refuses it: then all its steps go on as they are.

    Refused: 403 for the person who asked and for the officer of another part of the city, 409 if it is decided already.
    """
    with transaction.atomic():
        batch = _held(batch_id, actor)
        if batch.state != StepBatchState.WAITING:
            raise refuse(409, "conflict", "This has been decided already.", "batch")
        if batch.actor == actor.id:
            raise refuse(403, "forbidden", "Somebody else must confirm what you asked for.", "batch")
        batch.state = StepBatchState.QUEUED if accepted else StepBatchState.REFUSED
        batch.second, batch.second_name, batch.decided_at = actor.id, actor.name, timezone.now()
        batch.save(update_fields=["state", "second", "second_name", "decided_at"])
    return batch


def undo_batch(*, batch_id: int, why: str, actor: Actor) -> StepBatch:
    """Take back what a batch has done: closed steps are open again with their old clock, owners are as before.

    Refused: 422 without a reason, 403 for another part of the city, 409 unless it is done.
    """
    if not why.strip():
        raise refuse(422, "required", "Say why the batch is undone.", "why")
    with transaction.atomic():
        batch = _held(batch_id, actor)
        if batch.state != StepBatchState.DONE:
            raise refuse(409, "conflict", "Only a batch that is done can be undone.", "batch")
        batch.state, batch.undo_why, batch.undone_at = StepBatchState.UNDOING, why, timezone.now()
        batch.undone_by, batch.undone_by_name, batch.worked_at = actor.id, actor.name, None
        batch.save(update_fields=["state", "undo_why", "undone_at", "undone_by", "undone_by_name", "worked_at"])
    return batch


def begin(batch: StepBatch) -> None:
    """Have a worker go on with a batch, if there is anything to do; without a queue the next sweep finds it."""
    if batch.state in OPEN:
        transaction.on_commit(lambda: _send(batch.pk))


def _send(batch_id: int) -> None:
    with contextlib.suppress(OperationalError):  # the task by its name: tasks import services, not the other way round
        current_app.send_task("screening.tasks.work_on_steps", args=[batch_id])


def work_on(batch_id: int, *, seconds: float) -> StepBatch | None:
    """Work on a batch for so long, chunk by chunk; None if another worker is at it or nothing is to be done."""
    begin, batch = time.monotonic(), None
    while True:
        with transaction.atomic():
            found = StepBatch.objects.select_for_update(skip_locked=True).filter(pk=batch_id, state__in=OPEN).first()
            if found is None:
                return batch
            batch = found
            undoing = batch.state == StepBatchState.UNDOING
            wanted = BatchedStepState.DONE if undoing else BatchedStepState.WAITING
            steps = list(batch.steps.filter(state=wanted).order_by("id")[:CHUNK])
            if steps:
                _undo(batch, steps) if undoing else _do(batch, steps)
                BatchedStep.objects.bulk_update(steps, ["state", "why", "event"])
                batch.worked_at = timezone.now()
            else:
                batch.state = StepBatchState.UNDONE if undoing else StepBatchState.DONE
            batch.save(update_fields=["state", "worked_at"])
        if not steps or time.monotonic() - begin > seconds:
            return batch


def forgotten_batches() -> list[int]:
    """Batches whose task was lost or whose worker was killed."""
    since = timezone.now() - timedelta(seconds=KILLED_SECONDS)
    return list(StepBatch.objects.filter(state__in=OPEN).exclude(worked_at__gt=since).values_list("pk", flat=True))


def _held(batch_id: int, actor: Actor) -> StepBatch:
    scope = scope_of(actor)
    batch = batches_of(scope).select_related(None).select_for_update().filter(pk=batch_id).first()
    if batch is None or not scope.names:
        raise refuse(403, "forbidden", "This batch is of another part of the city.", "batch")
    return batch


def _do(batch: StepBatch, steps: Sequence[BatchedStep]) -> None:
    rounds = Episode.objects.in_bulk([step.episode_id for step in steps])
    chosen = {step.episode_id: _as_asked(rounds.get(step.episode_id), step) for step in steps}
    episodes = [episode for episode in chosen.values() if episode is not None]
    known = {step.episode_id: step.known for step in steps}
    written = _close(batch, episodes, known) if batch.kind == StepBatchKind.CLOSE else _hand_over(batch, episodes)
    for step in steps:
        event, fault = written.get(step.episode_id, ("", "gone"))
        step.state = BatchedStepState.DONE if event else BatchedStepState.SKIPPED
        step.event, step.why = event or None, fault


def _as_asked(episode: Episode | None, step: BatchedStep) -> Episode | None:
    """The round, if it still waits for the step that was chosen."""
    return episode if episode is not None and episode.step == step.step else None


def _close(batch: StepBatch, episodes: Sequence[Episode], known: Mapping[Any, str]) -> dict[Any, tuple[str, str]]:
    assert batch.closed_on
    note = noted(batch.note, batch.evidence, asked=batch.actor_name, second=batch.second_name)
    actor = Actor(batch.second, batch.second_name, Role.OFFICER)
    closings = [Closing(one, batch.reason, batch.closed_on, note, known[one.pk]) for one in episodes]
    answers = close_rounds(closings, actor=actor)
    return {one.closing.episode.pk: (one.event, one.fault) for one in answers}


def _hand_over(batch: StepBatch, episodes: Sequence[Episode]) -> dict[Any, tuple[str, str]]:
    assert batch.target
    actor = Actor(batch.actor, batch.actor_name, Role.OFFICER)
    day = timezone.localdate(batch.made_at)
    events = hand_over_rounds(episodes=episodes, facility=batch.target, reason=batch.note, on=day, actor=actor)
    return {episode: (event, "" if event else "gone") for episode, event in events.items()}


def _undo(batch: StepBatch, steps: Sequence[BatchedStep]) -> None:
    """A decision that somebody has taken back since (one round opened again) stays as it is."""
    sources = {str(step.event): step.patient_id for step in steps}
    closing = batch.kind == StepBatchKind.CLOSE
    take_back = projection.take_back_staff_events if closing else take_back_hand_overs
    taken_back = take_back(sources, note=batch.undo_why, actor=batch.undone_by)
    for step in steps:
        step.state = BatchedStepState.UNDONE if str(step.event) in taken_back else BatchedStepState.SKIPPED
        step.why = "" if str(step.event) in taken_back else "gone"
    record_access(
        actor=Actor(batch.undone_by, batch.undone_by_name, Role.OFFICER),
        action="update",
        patients=sorted({step.patient_id for step in steps}),
        resource_type="Episode",
        reason="undone",
    )
