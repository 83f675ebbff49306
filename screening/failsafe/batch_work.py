"""Working on a batch: chunk by chunk, each a transaction of its own that can be broken off and taken up again.

What is not as it was asked for is left alone and says why; a step that cannot be done does not hold up the others.
"""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

from django.db import InterfaceError, OperationalError, transaction
from django.utils import timezone

from healthhub.accounts.actors import Actor, Role
from healthhub.audit.log import record_access
from screening import projection
from screening.closings import GONE, Closing, close_rounds
from screening.failsafe.closing import noted
from screening.failsafe.handover import hand_over_rounds, take_back_hand_overs
from screening.failsafe.scope import Scope, scope_later
from screening.models import BatchedStep, BatchedStepState, Episode, OpenRound, StepBatch, StepBatchKind, StepBatchState
from screening.places import as_held

CHUNK: Final = 200
KILLED_SECONDS: Final = 60  # a batch that nobody has worked on for so long is taken up by another worker
OPEN: Final = (StepBatchState.QUEUED, StepBatchState.UNDOING)
ELSEWHERE: Final = "elsewhere"  # she lives in another part of the city now than the officer answers for
ERROR: Final = "error"  # it failed by a fault of ours, which the log names

logger = logging.getLogger(__name__)


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
                _work(batch, steps, _undo if undoing else _do)
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


def _work(
    batch: StepBatch, steps: Sequence[BatchedStep], work: Callable[[StepBatch, Sequence[BatchedStep]], None]
) -> None:
    """Do it for all at once; if that fails, for each alone, so that only the one that cannot be done is left out.

    A database that is away or busy is no fault of a step: that is tried again later. The log names no person.
    """
    try:
        with transaction.atomic():
            work(batch, steps)
    except (OperationalError, InterfaceError):
        raise
    except Exception as error:
        if len(steps) > 1:
            for step in steps:
                _work(batch, [step], work)
            return
        (step,) = steps
        logger.error("Step %s of batch %s failed: %s", step.pk, batch.pk, type(error).__name__)
        step.state, step.why = BatchedStepState.SKIPPED, ERROR


def _do(batch: StepBatch, steps: Sequence[BatchedStep]) -> None:
    scope = scope_later(_decider(batch).id)
    open_now = OpenRound.objects.filter(episode__in=[step.episode_id for step in steps])
    rounds = {(one.pk, one.holder): one for one in as_held(open_now.select_related("episode__patient"))}
    faults = {_key(step): _fault_of(rounds.get(_key(step)), step, scope) for step in steps}
    episodes = [rounds[key] for key, fault in faults.items() if not fault]
    known = {_key(step): step.known for step in steps}
    written = _close(batch, episodes, known) if batch.kind == StepBatchKind.CLOSE else _hand_over(batch, episodes)
    for step in steps:
        event, fault = written.get(_key(step), ("", faults[_key(step)]))
        step.state = BatchedStepState.DONE if event else BatchedStepState.SKIPPED
        step.event, step.why = event or None, fault


def _key(step: BatchedStep) -> tuple[Any, str]:
    return step.episode_id, step.holder


def _decider(batch: StepBatch) -> Actor:
    """On whose word it is done: a closing on the second person's."""
    if batch.kind == StepBatchKind.CLOSE:
        return Actor(batch.second, batch.second_name, Role.OFFICER)
    return Actor(batch.actor, batch.actor_name, Role.OFFICER)


def _fault_of(episode: Episode | None, step: BatchedStep, scope: Scope) -> str:
    """Why the step is left alone: it waits for another one now, or is not the officer's to decide about any more."""
    if episode is None or episode.step != step.step:
        return GONE
    return "" if scope.areas is None or episode.area_id in scope.areas else ELSEWHERE


def _close(batch: StepBatch, episodes: Sequence[Episode], known: Mapping[Any, str]) -> dict[Any, tuple[str, str]]:
    assert batch.closed_on
    note = noted(batch.note, batch.evidence, asked=batch.actor_name, second=batch.second_name)
    closings = [Closing(one, batch.reason, batch.closed_on, note, known[one.pk, one.holder]) for one in episodes]
    answers = close_rounds(closings, actor=_decider(batch))
    return {(one.closing.episode.pk, one.closing.episode.holder): (one.event, one.fault) for one in answers}


def _hand_over(batch: StepBatch, episodes: Sequence[Episode]) -> dict[Any, tuple[str, str]]:
    assert batch.target
    day = timezone.localdate(batch.made_at)
    events = hand_over_rounds(
        episodes=episodes, facility=batch.target, reason=batch.note, on=day, actor=_decider(batch)
    )
    return {episode: (event, "" if event else GONE) for episode, event in events.items()}


def _undo(batch: StepBatch, steps: Sequence[BatchedStep]) -> None:
    """A decision that somebody has taken back since (one round opened again) stays as it is."""
    sources = {str(step.event): step.patient_id for step in steps}
    closing = batch.kind == StepBatchKind.CLOSE
    take_back = projection.take_back_staff_events if closing else take_back_hand_overs
    taken_back = take_back(sources, note=batch.undo_why, actor=batch.undone_by)
    for step in steps:
        step.state = BatchedStepState.UNDONE if str(step.event) in taken_back else BatchedStepState.SKIPPED
        step.why = "" if str(step.event) in taken_back else GONE
    record_access(
        actor=Actor(batch.undone_by, batch.undone_by_name, Role.OFFICER),
        action="update",
        patients=sorted({step.patient_id for step in steps}),
        resource_type="Episode",
        reason="undone",
    )
