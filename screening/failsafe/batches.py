"""One decision of an officer about all open steps of a filter: whom it is about is frozen when it is asked for.

A closing waits for a second officer; a handing over is done at once. Each step keeps what became of it, and undoing
takes back exactly the decisions that the batch wrote. The work itself is in ``batch_work``.
"""

import contextlib
from collections.abc import Mapping
from datetime import date

from celery import current_app
from django.db import connection, transaction
from django.db.models import Min, QuerySet
from django.utils import timezone
from kombu.exceptions import OperationalError

from fhir.outcomes import refuse
from healthhub.accounts.actors import Actor
from healthhub.audit.log import record_access
from records.models import Facility
from screening.citizen import here
from screening.failsafe.batch_work import OPEN
from screening.failsafe.closing import closures_waiting, still_asked
from screening.failsafe.scope import Scope, scope_of
from screening.marks import with_known
from screening.models import OpenRound, StepBatch, StepBatchKind, StepBatchState
from screening.protocol import protocol_for
from screening.protocol.shapes import DECEASED

_FREEZE = """
INSERT INTO screening_batchedstep (batch_id, episode_id, patient_id, step, holder, known, state, why)
SELECT %s, r.id, r.patient_id, r.step, r.holder, r.known, 'waiting', ''
FROM ({rounds}) AS r(id, patient_id, step, holder, known)
"""


def reasons_of(rounds: QuerySet[OpenRound]) -> list[tuple[str, str]]:
    """(key, label) of the reasons that the protocols of all these rounds know. A death is told of one person."""
    versions = rounds.order_by().values("programme", "episode__protocol_version").annotate(day=Min("opened_on"))
    known = [protocol_for(one["programme"], one["day"]).reasons for one in versions]
    first = known[0] if known else {}
    return [
        (key, here(reason.label))
        for key, reason in first.items()
        if key != DECEASED and all(key in reasons for reasons in known)
    ]


def ask_closing(
    rounds: QuerySet[OpenRound],
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
    rounds: QuerySet[OpenRound], *, asked: Mapping[str, str], target: Facility, note: str, actor: Actor
) -> StepBatch:
    """Give these steps to a facility. Refused (422): without a reason, to one that is not registered, nobody chosen."""
    if not note.strip():
        raise refuse(422, "required", "Say why the steps are handed over.", "note")
    if not target.active or target.code is None:
        raise refuse(422, "business-rule", "The steps can only go to a registered facility.", "facility")
    batch = StepBatch(kind=StepBatchKind.HAND_OVER, state=StepBatchState.QUEUED, target=target, note=note)
    return _freeze(batch, rounds.exclude(holder=target.pk), asked, actor)


def _freeze(batch: StepBatch, rounds: QuerySet[OpenRound], asked: Mapping[str, str], actor: Actor) -> StepBatch:
    scope = scope_of(actor)
    batch.asked, batch.area, batch.actor, batch.actor_name = dict(asked), scope.area, actor.id, actor.name
    if not rounds.exists():
        raise refuse(422, "business-rule", "Nobody is in this selection any more.", "")
    steps = with_known(rounds.order_by(), episode="episode")
    frozen = steps.values_list("episode_id", "patient_id", "step", "holder", "known")
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


def _held(batch_id: int, actor: Actor) -> StepBatch:
    scope = scope_of(actor)
    batch = batches_of(scope).select_related(None).select_for_update().filter(pk=batch_id).first()
    if batch is None or not scope.names:
        raise refuse(403, "forbidden", "This batch is of another part of the city.", "batch")
    return batch
