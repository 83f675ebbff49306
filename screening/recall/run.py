"""A night's call and recall: one list of steps, each a transaction of its own that notes that it is done.

A killed run goes on after the last step that committed; a second run of the same night finds nothing left; two
processes at once take turns. ``counts`` and ``percent`` of RecallRun show how far it is.
"""

import logging
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from screening.models import RecallRun
from screening.protocol import programmes, protocol_for
from screening.recall import invitations
from screening.recall.balance import balance
from screening.recall.refresh import lock, refresh_noted, refresh_standings
from screening.recall.standing import Scope

logger = logging.getLogger(__name__)

CHUNK = 250_000
_BOUNDS = """
SELECT patient_id FROM (SELECT patient_id, row_number() OVER (ORDER BY patient_id) AS place FROM records_citizen) AS p
WHERE place %% %s = 0 ORDER BY patient_id
"""


def start_run(on: date, *, only: Sequence[str] = ()) -> RecallRun:
    """The run of that night for these programmes (all, if none is named), new or as far as it has got."""
    chosen = sorted(only or programmes())
    with transaction.atomic():
        run, made = RecallRun.objects.get_or_create(on=on, programmes=chosen)
        if made:
            with connection.cursor() as cursor:
                cursor.execute(_BOUNDS, [CHUNK])
                run.bounds = [row[0] for row in cursor.fetchall()]
            run.steps = [
                *(["notes all"] if chosen == sorted(programmes()) else []),
                *(f"standings {programme} {chunk}" for programme in chosen for chunk in range(len(run.bounds) + 1)),
                "analyze all",
                *(f"{work} {programme}" for programme in chosen for work in _WORK),
                "balance all",
            ]
            run.save()
    return run


def carry_on(run: RecallRun, *, stop: Callable[[], bool] = lambda: False) -> RecallRun:
    """Do what is left of a run; ``stop`` is asked before each step."""
    while not stop():
        with transaction.atomic():
            run = RecallRun.objects.select_for_update().get(pk=run.pk)
            left = [step for step in run.steps if step not in set(run.done)]
            if not left:
                break
            lock()
            _step(run, left[0])
            run.save()
    if run.finished_at is None and len(run.done) == len(run.steps):
        run.finished_at = timezone.now()
        run.save()
        logger.info("Recall of %s: %s", run.on, run.counts)
    return run


def _step(run: RecallRun, step: str) -> None:
    """Do one step; it is done once it finds nothing left, so a large one takes several transactions."""
    work, programme, *rest = step.split()
    if work == "standings":
        chunk = int(rest[0])
        scope = Scope(
            after=run.bounds[chunk - 1] if chunk else "",
            upto=run.bounds[chunk] if chunk < len(run.bounds) else None,
        )
        changed = refresh_standings(protocol_for(programme, run.on), run.on, scope=scope)
        _add(run, {"eligible": changed.eligible, "changed": changed.written, "removed": changed.removed})
        run.done.append(step)
        return
    if work == "notes":  # everybody is looked at from here on, by later snapshots
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM screening_staleperson")
        run.done.append(step)
        return
    if work == "analyze":  # a first night's tables are new to the planner
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE screening_standing, screening_invitation")
        run.done.append(step)
        return
    if work == "balance":
        refresh_noted(run.on)
        _add(run, {"differences": balance([protocol_for(name, run.on) for name in run.programmes], run.on)})
        run.done.append(step)
        return
    found = _WORK[work](programme, run.on)
    _add(run, {work: found} if isinstance(found, int) else found)
    if work not in _BATCHED or not found:
        run.done.append(step)


def _add(run: RecallRun, counts: dict[str, int]) -> None:
    for word, count in counts.items():
        run.counts[word] = run.counts.get(word, 0) + count


_WORK: dict[str, Callable[[str, date], Any]] = {
    "settle": lambda programme, on: invitations.settle(on, programme=programme),
    "planned": lambda programme, on: invitations.plan(protocol_for(programme, on), on),
    "sent": invitations.send,
    "reminded": lambda programme, on: invitations.remind(protocol_for(programme, on), on),
    "nonresponders": lambda programme, on: invitations.give_up(protocol_for(programme, on), on),
}
_BATCHED = frozenset({"sent", "reminded", "nonresponders"})
