"""Works on a batch: reads it into staged rows, stores the approved ones, or takes them back; in chunks, each committed
with the batch's counters, so it can stop anywhere and go on.

A run that is killed is found again (by the queue, or by ``unfinished``) and goes on after the last committed row.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from typing import Any, Final

from django.utils import timezone, translation
from django.utils.translation import gettext as _

from fhir.outcomes import Refused
from healthhub.accounts.actors import Actor, system_actor
from records.access import CARE
from records.memberships import held_by
from records.models import Facility
from screening.imports.batches import APPROVABLE, NotAllowed, finish, finish_cancelled, forget_file, locked
from screening.imports.columns import Column, Header
from screening.imports.differences import heading
from screening.imports.garbage import collected_seldom
from screening.imports.lanes import CHUNK, Storing, store_approved, write_back
from screening.imports.opening import NeedsCodes, NeedsColumns, Opened, open_batch
from screening.imports.reading import SourceRow, Unreadable
from screening.imports.retrying import in_one_transaction
from screening.imports.rows import Rules
from screening.imports.staging import stage_rows
from screening.imports.storing import park_wrong
from screening.imports.undoing import undo_rows
from screening.models import MOVING, BatchState, ImportBatch, RowKind, RowState, StagedRow
from screening.models.imports import COUNTERS

#: All that a run writes; what pages write (``cancel_asked``) must not be overwritten.
_OURS: Final = tuple(
    field.name
    for field in ImportBatch._meta.concrete_fields
    if field.name not in ("id", "cancel_asked", "leaving", "created_at", "uploader", "approver", "undoer")
)

Progress = Callable[[ImportBatch], None]


class _Pause(Exception):
    """The slice of time is over."""


class _Cancelled(Exception):
    """The owner has cancelled."""


class _Clock:
    """Says after each chunk whether to go on."""

    def __init__(self, seconds: float | None, progress: Progress | None) -> None:
        self.until = None if seconds is None else time.monotonic() + seconds
        self.progress = progress

    def tick(self, batch: ImportBatch) -> None:
        """Tell the progress; raise _Pause or _Cancelled if it is to stop."""
        if self.progress:
            self.progress(batch)
        if ImportBatch.objects.filter(pk=batch.pk, cancel_asked=True).exists() and batch.state != BatchState.UNDOING:
            raise _Cancelled
        if self.until is not None and time.monotonic() > self.until:
            raise _Pause


def run_batch(batch_id: int, *, seconds: float | None = None, progress: Progress | None = None) -> ImportBatch | None:
    """Work on a batch until somebody is to review it or it is done, or for about so many seconds; the batch as it then
    stands.

    None if another process is working on it. Safe to call again at any time: what is done is done once.
    """
    with locked(batch_id) as mine:
        if not mine:
            return None
        batch = ImportBatch.objects.get(pk=batch_id)
        clock = _Clock(seconds, progress)
        with translation.override(batch.language), collected_seldom():
            try:
                while batch.state in MOVING:
                    _STEPS[BatchState(batch.state)](batch, clock)
            except _Pause:
                pass
            except _Cancelled:
                finish_cancelled(batch)
            except (Unreadable, NotAllowed) as error:
                finish(batch, BatchState.FAILED, problem=str(error))
            except Refused as refused:  # of the actor, not of a row
                finish(batch, BatchState.FAILED, problem=str(refused))
        return batch


def _read(batch: ImportBatch, clock: _Clock) -> None:
    """Read the file into staged rows."""
    _actor_of(batch, batch.uploader)
    try:
        opened = open_batch(batch)
    except FileNotFoundError:
        raise Unreadable(_("Tệp không còn nữa.")) from None
    except (NeedsColumns, NeedsCodes) as needed:
        if batch.auto:
            raise Unreadable(str(needed)) from needed
        batch.form, batch.state = needed.form, BatchState.MAPPING
        batch.header, batch.columns = list(needed.header.texts), needed.header.columns
        batch.sample, batch.codes = needed.sample, needed.codes
        batch.save(update_fields=_OURS)
        return
    if batch.state == BatchState.QUEUED:
        batch.state, batch.started_at, batch.total = BatchState.READING, timezone.now(), opened.estimate
        batch.form, batch.header, batch.columns = opened.form, list(opened.header.texts), opened.header.columns
        batch.notices = [{"text": text} for text in [*_seen_before(batch), *opened.notices]]
        batch.sample = opened.sample
        batch.save(update_fields=_OURS)
    rules = rules_of(batch)
    for chunk in _chunks(opened.rows, after=batch.processed_row):
        _in_one(batch, partial(_stage, batch, chunk, opened, rules))
        clock.tick(batch)
    batch.total, batch.read_at, batch.state = batch.processed, timezone.now(), BatchState.REVIEW
    batch.handled = batch.processed - sum(getattr(batch, COUNTERS[kind]) for kind in APPROVABLE)
    if batch.auto:
        batch.state, batch.kinds = BatchState.STORING, [str(kind) for kind in APPROVABLE]
        batch.approved_at = batch.read_at
    batch.save(update_fields=_OURS)
    forget_file(batch)


def _stage(batch: ImportBatch, chunk: list[SourceRow], opened: Opened, rules: Rules) -> bool:
    staged = stage_rows(chunk, opened.header, rules, batch=batch)
    batch.processed += len(chunk)
    batch.processed_row = chunk[-1].number
    batch.total = max(batch.total, batch.processed)
    _count(batch, Counter(RowKind(one.kind) for one in staged))
    _tally(batch, staged)
    return True


def _store(batch: ImportBatch, clock: _Clock) -> None:
    """Store what was approved."""
    actor = _actor_of(batch, batch.approver if batch.approver_id else batch.uploader)
    header = Header(tuple(batch.header), {}, (), ()).mapped(batch.columns)
    rules = rules_of(batch)
    store_approved(Storing(batch, header, rules, actor), lambda: clock.tick(batch))
    if batch.auto and batch.form != "table" and batch.facility:  # nobody would see a machine's wrong rows
        while _in_one(batch, lambda: _queue_wrong(batch, header, rules, actor)):
            clock.tick(batch)
    finish(batch, BatchState.DONE)


def _queue_wrong(batch: ImportBatch, header: Header, rules: Rules, actor: Actor) -> bool:
    """Put the next rows that could not be read into the facility's matching queue."""
    chunk = list(batch.rows.filter(kind=RowKind.ERROR, state=RowState.STAGED).order_by("row")[:CHUNK])
    if chunk:
        park_wrong(chunk, header, rules, form=batch.form, actor=actor)
        write_back(chunk)
        batch.parked += len(chunk)
    return bool(chunk)


def _undo(batch: ImportBatch, clock: _Clock) -> None:
    """Take back what was stored."""
    actor = _actor_of(batch, batch.undoer)
    while _in_one(batch, lambda: _undo_chunk(batch, actor)):
        clock.tick(batch)
    batch.state, batch.undone_at = BatchState.UNDONE, timezone.now()
    batch.save(update_fields=_OURS)


def _undo_chunk(batch: ImportBatch, actor: Actor) -> bool:
    chunk = _next(batch, after=batch.undone_row)
    if not chunk:
        return False
    ours = [one for one in chunk if one.state in (RowState.STORED, RowState.PARKED)]
    undo_rows(ours, actor=actor)
    write_back(ours)
    undone = [one.pk for one in ours if one.state == RowState.UNDONE]
    if undone and batch.leaving:
        StagedRow.objects.filter(pk__in=undone).update(**batch.leaving)
    batch.undone_row = chunk[-1].row
    batch.handled += len(chunk)
    batch.undone += sum(one.state == RowState.UNDONE for one in ours)
    batch.kept += sum(one.state == RowState.KEPT for one in ours)
    return True


_STEPS: Final = {
    BatchState.QUEUED: _read,
    BatchState.READING: _read,
    BatchState.STORING: _store,
    BatchState.UNDOING: _undo,
}


def _in_one(batch: ImportBatch, work: Callable[[], bool]) -> bool:
    """Do a chunk's work and move the batch on, in one transaction."""
    before = {name: getattr(batch, name) for name in _OURS} | {"notices": [dict(notice) for notice in batch.notices]}

    def work_and_move_on() -> bool:
        going = work()
        batch.save(update_fields=_OURS)
        return going

    def put_back() -> None:
        for name, value in before.items():
            setattr(batch, name, value)

    return in_one_transaction(work_and_move_on, before_again=put_back)


def _next(batch: ImportBatch, *, after: int) -> list[StagedRow]:
    return list(StagedRow.objects.filter(batch=batch, row__gt=after).order_by("row")[:CHUNK])


def _count(batch: ImportBatch, more: Counter[RowKind]) -> None:
    for kind, name in COUNTERS.items():
        setattr(batch, name, getattr(batch, name) + more[kind])


def _tally(batch: ImportBatch, staged: Sequence[StagedRow]) -> None:
    """Count notices about rows by their text: memory must not grow with the file."""
    notices = {notice["text"]: notice for notice in batch.notices}
    for one in staged:
        for column, sentence in one.notices:
            text = f"{heading(Column(column))}: {sentence}" if column else sentence
            notice = notices.setdefault(text, {"text": text, "count": 0, "row": one.row})
            notice["count"] = notice.get("count", 0) + 1
    batch.notices = list(notices.values())


def _chunks(rows: Iterator[SourceRow], *, after: int) -> Iterator[list[SourceRow]]:
    rest: Iterable[SourceRow] = (row for row in rows if row.number > after)
    rest = iter(rest)
    while chunk := list(islice(rest, CHUNK)):
        yield chunk


def rules_of(batch: ImportBatch) -> Rules:
    """What the batch's rows are checked against today."""
    known = Facility.objects.filter(active=True, code__isnull=False)
    facilities = {facility.code: facility for facility in known if facility.code}
    return Rules(facilities, batch.facility, timezone.localdate(), loose=batch.form != "table")


def _actor_of(batch: ImportBatch, user: Any) -> Actor:
    if batch.uploader_id is None and user is None:
        return system_actor("import")
    held = (one.actor for one in held_by(user))
    actor = next((one for one in held if one.role in CARE and one.facility == batch.facility), None)
    if actor is None:
        raise NotAllowed(_("Người tải tệp lên không còn quyền ghi cho cơ sở này."))
    return actor


def _seen_before(batch: ImportBatch) -> list[str]:
    same = ImportBatch.objects.filter(sha256=batch.sha256, facility=batch.facility, state=BatchState.DONE)
    earlier = same.exclude(pk=batch.pk).first()
    if earlier is None or earlier.finished_at is None:
        return []
    day = timezone.localtime(earlier.finished_at)
    return [
        _(
            "Tệp này đã được xử lý ngày {day}. Kết quả giống với bản đang lưu được giữ nguyên; "
            "kết quả đã sửa sau ngày đó trở lại như trong tệp này."
        ).format(day=f"{day:%d/%m/%Y %H:%M}")
    ]
