"""Files of results as batches: taking one in, telling how to read it, approving, cancelling, undoing.

What takes long is done by ``running``, in a worker or by the command; here a page only says what shall be done.
"""

import hashlib
import logging
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import IO, Any, Final
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from healthhub.accounts.actors import Actor
from records.access import CARE, visible_to
from screening.imports.columns import Header, header_key
from screening.imports.leaving import NOT_LEFT, Leaving, as_kept
from screening.models import (
    MOVING,
    BatchState,
    CodeMapping,
    ColumnMapping,
    ImportBatch,
    RowKind,
    RowState,
    StagedRow,
)
from screening.models.imports import COUNTERS

logger = logging.getLogger(__name__)

_LOCK_SPACE: Final = 0x48480003  # ours among advisory locks; the second number is the batch
KEEP_ROWS: Final = timedelta(days=30)
APPROVABLE: Final = (RowKind.NEW, RowKind.MATCHED, RowKind.CORRECTION, RowKind.CLOSE, RowKind.NOBODY)
KEPT_FOR_EVER: Final = (
    Q(state=RowState.LEFT) | Q(kind=RowKind.ERROR, state=RowState.STAGED) | Q(state=RowState.UNDONE) & ~Q(flag="")
)
_READABLE: Final = (BatchState.MAPPING, BatchState.REVIEW)


class NotAllowed(Exception):
    """The actor may not do this to the batch; the message says why, in the active language."""


class TooLate(Exception):
    """The batch is no longer in a state for this; the message says so, in the active language."""


def queue_batch(*, file: IO[bytes], filename: str, uploader: Any, actor: Actor, auto: bool = False) -> ImportBatch:
    """Keep an uploaded file and note it as a batch; the caller queues ``tasks.import_batch``. Raises NotAllowed."""
    check_allowed(actor)
    with transaction.atomic():
        batch = ImportBatch.objects.create(
            filename=filename,
            language=translation.get_language() or "vi",
            uploader=uploader,
            facility=actor.facility,
            auto=auto,
        )
        target = Path(settings.MEDIA_ROOT) / "imports" / str(batch.pk) / "file"
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        digest = hashlib.sha256()
        with target.open("wb") as kept:
            while block := file.read(1 << 20):
                kept.write(block)
                digest.update(block)
        batch.file = str(target.relative_to(settings.MEDIA_ROOT))
        batch.sha256 = digest.hexdigest()
        batch.save(update_fields=["file", "sha256"])
    return batch


def batch_of_path(path: Path, *, facility: str | None = None) -> ImportBatch:
    """A batch for a file that lies on this machine, for commands: nobody reviews it. Without ``facility`` it may write
    for every one.

    The same file, still unfinished from a run that was broken off, is taken up again.
    """
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    where = str(path.resolve())
    broken_off = ImportBatch.objects.filter(
        file=where, sha256=digest, state__in=MOVING, uploader=None, facility=facility
    ).first()
    if broken_off:
        return broken_off
    language = translation.get_language() or "vi"
    return ImportBatch.objects.create(
        filename=path.name, file=where, sha256=digest, language=language, facility=facility, auto=True
    )


def map_columns(*, batch: ImportBatch, columns: Mapping[str, Mapping[str, Any]], actor: Actor) -> None:
    """Say which column is what, and read the file (again) so. Remembered for the facility and these headings."""
    check_allowed(actor, batch)
    header = Header(tuple(batch.header), {}, (), ()).mapped(columns)
    if header.missing:
        raise NotAllowed(_("Còn thiếu cột bắt buộc."))
    with transaction.atomic():
        fresh = _take(batch, _READABLE)
        fresh.columns = dict(columns)
        if fresh.facility:
            ColumnMapping.objects.update_or_create(
                facility=fresh.facility, header=header_key(fresh.header), defaults={"columns": fresh.columns}
            )
        _read_again(fresh)


def map_codes(*, batch: ImportBatch, tests: Mapping[str, str], actor: Actor) -> None:
    """Say which test each of the file's codes is ("" for none of ours), and read on. Remembered for the facility."""
    check_allowed(actor, batch)
    with transaction.atomic():
        fresh = _take(batch, _READABLE)
        for code, test in tests.items():
            CodeMapping.objects.update_or_create(
                facility=fresh.facility, system=fresh.form, code=code, defaults={"test": test}
            )
        fresh.codes = []
        _read_again(fresh)


def remembered_columns(facility: str | None, header: UUID) -> dict[str, Any] | None:
    """How the facility has told to read such a file."""
    found = ColumnMapping.objects.filter(facility=facility, header=header).first() if facility else None
    return found.columns if found else None


def decide_row(*, row: StagedRow, decision: str, actor: Actor, leaving: Leaving | None = None) -> None:
    """Say what becomes of a row: ``person:<id>`` of a candidate whom the actor may see, "left" with a reason, or ""
    (stored; a row that names nobody for certain goes to the queue)."""
    batch = row.batch
    check_allowed(actor, batch)
    if decision.startswith("person:"):
        patient = decision.removeprefix("person:")
        if patient not in row.candidates or not visible_to(actor).filter(pk=patient).exists():
            raise NotAllowed(_("Người này không có trong danh sách gần khớp mà bạn được xem."))
    elif decision not in ("", "left"):
        raise NotAllowed(_("Không hiểu lựa chọn này."))
    elif decision == "left" and (leaving is None or row.kind not in APPROVABLE):
        raise NotAllowed(_("Hãy chọn lý do không lưu."))
    told = leaving.fields(actor) if leaving and decision == "left" else NOT_LEFT
    with transaction.atomic():
        _take(batch, (BatchState.REVIEW,))
        StagedRow.objects.filter(pk=row.pk).update(decision=decision, **told)


def approve_batch(
    *, batch: ImportBatch, kinds: Collection[str], approver: Any, actor: Actor, leaving: Leaving | None = None
) -> None:
    """Let the rows of these kinds be stored; the caller queues ``tasks.import_batch``. ``leaving``: why not others."""
    check_allowed(actor, batch)
    with transaction.atomic():
        fresh = _take(batch, (BatchState.REVIEW,))
        fresh.kinds = [kind for kind in APPROVABLE if kind in kinds]
        left = [kind for kind in APPROVABLE if kind not in kinds]
        if leaving is None and fresh.rows.filter(kind__in=left).exclude(decision="left").exists():
            raise NotAllowed(_("Có nhóm dòng không được lưu: hãy chọn lý do."))
        fresh.leaving = as_kept(leaving, actor) if leaving else {}
        fresh.approver, fresh.approved_at, fresh.state = approver, timezone.now(), BatchState.STORING
        fresh.save(update_fields=["kinds", "leaving", "approver", "approved_at", "state"])


def cancel_batch(*, batch: ImportBatch, actor: Actor, leaving: Leaving | None = None) -> None:
    """Stop, whatever it is doing: at once if nobody works on it, else after the chunk at hand. What is stored stays
    (and can be undone); rows that have been read are left out, for ``leaving``."""
    check_allowed(actor, batch)
    if leaving is None and batch.rows.filter(state=RowState.STAGED).exists():
        raise NotAllowed(_("Hãy chọn lý do hủy tệp này."))
    told = as_kept(leaving, actor) if leaving else {}
    stopping = ImportBatch.objects.filter(pk=batch.pk, state__in=(*MOVING[:3], *_READABLE))
    if stopping.update(cancel_asked=True, leaving=told) == 0:
        raise TooLate(_("Tệp này đã xong, không còn gì để hủy."))
    with locked(batch.pk) as mine:
        if mine:
            finish_cancelled(ImportBatch.objects.get(pk=batch.pk))


def undo_batch(*, batch: ImportBatch, undoer: Any, actor: Actor, leaving: Leaving) -> None:
    """Take back what the batch has stored, within a day, for ``leaving``; the caller queues ``tasks.import_batch``."""
    check_allowed(actor, batch)
    with transaction.atomic():
        fresh = _take(batch, (BatchState.DONE, BatchState.CANCELLED))
        if not fresh.may_be_undone:
            raise TooLate(_("Chỉ hoàn tác được trong một ngày sau khi lưu."))
        fresh.state, fresh.undoer, fresh.handled = BatchState.UNDOING, undoer, 0
        fresh.leaving = as_kept(leaving, actor)
        fresh.save(update_fields=["state", "undoer", "handled", "leaving"])


def unfinished() -> list[int]:
    """Uploaded batches that nobody is working on: their task was lost, or its worker killed."""
    waiting = ImportBatch.objects.filter(state__in=MOVING, uploader__isnull=False)
    return [pk for pk in waiting.order_by("created_at").values_list("pk", flat=True) if not _is_locked(pk)]


def forget_rows() -> int:
    """Remove the rows of files that ended long ago: they hold people's data. How many.

    Counts and notices stay; so does every row that was left out, is wrong, or was undone and positive, with the reason.
    """
    ended = ImportBatch.objects.filter(finished_at__lt=timezone.now() - KEEP_ROWS).exclude(state__in=MOVING)
    return StagedRow.objects.filter(batch__in=ended).exclude(KEPT_FOR_EVER).delete()[0]


def finish_cancelled(batch: ImportBatch) -> None:
    """End a batch at its owner's wish; what was read and not stored is left out, for the reason given."""
    if batch.state in MOVING or batch.state in _READABLE:
        with transaction.atomic():
            batch.leaving = ImportBatch.objects.values_list("leaving", flat=True).get(pk=batch.pk)
            rest = batch.rows.filter(state=RowState.STAGED, kind__in=APPROVABLE)
            rest.filter(left_as="").update(**batch.leaving)
            rest.update(state=RowState.LEFT)
            finish(batch, BatchState.CANCELLED)


def finish(batch: ImportBatch, state: BatchState, *, problem: str = "") -> None:
    """End a batch; an uploaded file has been read, or never will be, and people's data need not lie about."""
    batch.state, batch.problem, batch.finished_at = state, problem, timezone.now()
    batch.started_at = batch.started_at or batch.finished_at
    batch.save()
    forget_file(batch)
    logger.info(
        "Import %d %s: %d rows, %d new, %d matched, %d corrected, %d unchanged, %d set aside, %d repeated, %d failed",
        *(batch.pk, state, batch.processed, batch.new, batch.matched, batch.corrected, batch.unchanged),
        *(batch.close + batch.nobody, batch.repeated, batch.failed),
    )


def forget_file(batch: ImportBatch) -> None:
    """Remove an uploaded file from the disk."""
    if batch.uploader_id is not None and batch.file:
        (Path(settings.MEDIA_ROOT) / batch.file).unlink(missing_ok=True)


def notice_texts(batch: ImportBatch) -> list[str]:
    """The batch's notices as sentences, with how many rows and the first of them."""
    return [
        _("{text} ({count} dòng, đầu tiên là dòng {row})").format(**notice) if notice.get("count") else notice["text"]
        for notice in batch.notices
    ]


@contextmanager
def locked(batch_id: int) -> Iterator[bool]:
    """Hold the batch for this connection; False if another one has it. A killed process lets go by itself."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [_LOCK_SPACE, batch_id])
        mine = bool(cursor.fetchone()[0])
    try:
        yield mine
    finally:
        if mine:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [_LOCK_SPACE, batch_id])


def _is_locked(batch_id: int) -> bool:
    with locked(batch_id) as free:
        return not free


def check_allowed(actor: Actor, batch: ImportBatch | None = None) -> None:
    """Raise NotAllowed for whoever may not write for the batch's facility."""
    if actor.is_system:
        return
    if actor.role not in CARE or not actor.facility or (batch is not None and batch.facility != actor.facility):
        raise NotAllowed(_("Bạn không có quyền tải kết quả lên."))


def _take(batch: ImportBatch, states: Collection[str]) -> ImportBatch:
    """The batch as it is now, locked against other pages, if it is in one of these states."""
    fresh = ImportBatch.objects.select_for_update().get(pk=batch.pk)
    if fresh.state not in states or fresh.cancel_asked:
        raise TooLate(_("Tệp này đã được xử lý tiếp hoặc đã hủy. Hãy tải lại trang."))
    return fresh


def _read_again(batch: ImportBatch) -> None:
    """Back to the queue, with nothing read."""
    batch.rows.all().delete()
    for name in (*("processed", "processed_row"), *COUNTERS.values()):
        setattr(batch, name, 0)
    batch.state = BatchState.QUEUED
    batch.save()
