"""Stores the approved rows of a batch in two lanes at once: while PostgreSQL works for one, Python works for the other.

A person's rows are all in one lane (by her number), so the lanes never wait for each other's people. What is left to do
is what no row says to be done: a killed run goes on from there. Each chunk commits with the batch's counters.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Event, Thread
from typing import Any, Final

import orjson
from django.db import connection, connections
from django.utils import translation

from healthhub.accounts.actors import Actor
from screening.imports.batches import APPROVABLE
from screening.imports.columns import Header
from screening.imports.leaving import leave_rows
from screening.imports.retrying import in_one_transaction
from screening.imports.rows import LANES, Rules
from screening.imports.storing import store_rows
from screening.models import ImportBatch, RowKind, RowState, StagedRow
from screening.models.imports import COUNTERS

CHUNK: Final = 1000
_COUNTED: Final = (*COUNTERS.values(), "handled", "stored", "parked")
_WRITE_BACK: Final = """
UPDATE screening_stagedrow s SET kind = k.kind, state = k.state, problems = k.problems, candidates = k.candidates,
  patient = k.patient, observation = k.observation, version = k.version
FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::jsonb[], %s::jsonb[], %s::text[], %s::text[], %s::int[])
  AS k(id, kind, state, problems, candidates, patient, observation, version)
WHERE s.id = k.id
"""
_MOVE_ON: Final = (
    f"UPDATE screening_importbatch SET {', '.join(f'{name} = {name} + %s' for name in _COUNTED)} WHERE id = %s"
)


@dataclass(frozen=True, slots=True)
class Storing:
    """What every chunk needs."""

    batch: ImportBatch
    header: Header
    rules: Rules
    actor: Actor


def store_approved(work: Storing, tick: Callable[[], None]) -> None:
    """Store all that is left to do. ``tick`` is called after each chunk of this thread, and may raise to stop."""
    if connection.in_atomic_block:  # another connection would not see the rows
        for lane in range(LANES):
            while _store_chunk(work, lane):
                _refresh(work.batch)
                tick()
        return
    other = _Lane(work, 1)
    other.start()
    try:
        while _store_chunk(work, 0) or other.is_alive():
            _refresh(work.batch)
            tick()
            if not _left(work.batch, 0).exists():
                other.join(0.5)
    finally:
        other.stopped.set()
        other.join()
        _refresh(work.batch)
    if other.failure:
        raise other.failure


class _Lane(Thread):
    """A lane with a connection of its own."""

    def __init__(self, work: Storing, lane: int) -> None:
        super().__init__(name=f"import-{work.batch.pk}-{lane}")
        self.work, self.lane, self.language = work, lane, translation.get_language() or "vi"
        self.stopped = Event()
        self.failure: BaseException | None = None

    def run(self) -> None:
        try:
            with translation.override(self.language):
                while not self.stopped.is_set() and _store_chunk(self.work, self.lane):
                    pass
        except BaseException as failure:
            self.failure = failure
        finally:
            connections.close_all()


def _left(batch: ImportBatch, lane: int) -> Any:
    return StagedRow.objects.filter(batch=batch, lane=lane, state=RowState.STAGED, kind__in=APPROVABLE)


def _store_chunk(work: Storing, lane: int) -> bool:
    """Store a lane's next rows. False if there were none."""

    def store() -> bool:
        chunk = list(_left(work.batch, lane).order_by("row")[:CHUNK])
        if chunk:
            take_chunk(work, chunk)
        return bool(chunk)

    return in_one_transaction(store)


def take_chunk(work: Storing, chunk: Sequence[StagedRow]) -> None:
    """Store, park or leave the rows, and count them."""
    before = Counter(RowKind(one.kind) for one in chunk)
    wanted = [one for one in chunk if one.kind in work.batch.kinds and one.decision != "left"]
    leave_rows([one for one in chunk if one.kind not in work.batch.kinds or one.decision == "left"], work.batch.leaving)
    store_rows(wanted, work.header, work.rules, form=work.batch.form, actor=work.actor)
    write_back(chunk)
    after = Counter(RowKind(one.kind) for one in chunk)
    states = Counter(str(one.state) for one in chunk)
    changes = [after[kind] - before[kind] for kind in COUNTERS]
    with connection.cursor() as cursor:
        cursor.execute(
            _MOVE_ON, [*changes, len(chunk), states[RowState.STORED], states[RowState.PARKED], work.batch.pk]
        )


def write_back(rows: Sequence[StagedRow]) -> None:
    """Keep what became of the rows: one statement."""
    if rows:
        columns: list[list[Any]] = [
            [one.pk for one in rows],
            [str(one.kind) for one in rows],
            [str(one.state) for one in rows],
            [orjson.dumps(one.problems).decode() for one in rows],
            [orjson.dumps(one.candidates).decode() for one in rows],
            [one.patient for one in rows],
            [one.observation for one in rows],
            [one.version for one in rows],
        ]
        with connection.cursor() as cursor:
            cursor.execute(_WRITE_BACK, columns)


def _refresh(batch: ImportBatch) -> None:
    batch.refresh_from_db(fields=[*_COUNTED, "state"])
