"""Takes a file in as a batch: in chunks, each committed with the batch's counters, so it can stop anywhere and go on.

A chunk's rows, its counters and the length of the file of bad rows commit together. A run that is killed is found again
(by the queue, or by ``unfinished``) and goes on after the last committed row.
"""

import hashlib
import logging
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import IO, Any, Final

from django.conf import settings
from django.db import OperationalError, connection, transaction
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from fhir.outcomes import Refused
from healthhub.accounts.actors import Actor, system_actor
from records.access import CARE
from records.memberships import actor_for_user
from records.models import Facility
from screening.imports.chunks import Outcome, store_rows
from screening.imports.columns import VIETNAMESE, Column
from screening.imports.errors import ErrorFile
from screening.imports.reading import Sheet, SourceRow, Unreadable, open_sheet
from screening.imports.rows import Problem, Row, Rules, check_row
from screening.models import BatchState, ImportBatch, ImportedRow

logger = logging.getLogger(__name__)

CHUNK: Final = 1000
_LOCK_SPACE: Final = 0x48480003  # ours among advisory locks; the second number is the batch
_TRIES: Final = 4
_RETRY = {"40001", "40P01"}  # serialization failure, deadlock


class NotAllowed(Exception):
    """The actor may not import results."""


def queue_batch(*, file: IO[bytes], filename: str, uploader: Any, actor: Actor) -> ImportBatch:
    """Keep an uploaded file and note it as a batch; the caller queues ``tasks.import_batch``. Raises NotAllowed."""
    if actor.role not in CARE or not actor.facility:
        raise NotAllowed(_("Bạn không có quyền tải kết quả lên."))
    with transaction.atomic():
        batch = _new(
            filename=filename, language=translation.get_language() or "vi", uploader=uploader, facility=actor.facility
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


def batch_of_path(path: Path) -> ImportBatch:
    """A batch for a file that lies on this machine, for the command, which may write for every facility.

    The same file, still unfinished from a run that was broken off, is taken up again.
    """
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    where = str(path.resolve())
    broken_off = ImportBatch.objects.filter(file=where, sha256=digest, state=BatchState.RUNNING, uploader=None).first()
    if broken_off:
        return broken_off
    batch = _new(filename=path.name, language=translation.get_language() or "vi", uploader=None, facility=None)
    batch.file, batch.sha256 = where, digest
    batch.save(update_fields=["file", "sha256"])
    return batch


def _new(**fields: Any) -> ImportBatch:
    return ImportBatch.objects.create(**fields)


def unfinished() -> list[int]:
    """Uploaded batches that nobody is working on: their task was lost, or its worker killed."""
    waiting = ImportBatch.objects.filter(state__in=(BatchState.QUEUED, BatchState.RUNNING), uploader__isnull=False)
    return [pk for pk in waiting.order_by("created_at").values_list("pk", flat=True) if not _is_locked(pk)]


def run_batch(
    batch_id: int, *, seconds: float | None = None, progress: Callable[[ImportBatch], None] | None = None
) -> ImportBatch | None:
    """Work on a batch until it is done, or for about so many seconds; the batch as it stands then.

    None if another process is working on it. Safe to call again at any time: what is done is done once.
    """
    with _locked(batch_id) as mine:
        if not mine:
            return None
        batch = ImportBatch.objects.get(pk=batch_id)
        if batch.state in (BatchState.QUEUED, BatchState.RUNNING):
            with translation.override(batch.language):
                _run(batch, until=None if seconds is None else time.monotonic() + seconds, progress=progress)
        return batch


def _run(batch: ImportBatch, *, until: float | None, progress: Callable[[ImportBatch], None] | None) -> None:
    try:
        actor = _actor_of(batch)
        sheet = open_sheet(Path(settings.MEDIA_ROOT) / batch.file)
    except (Unreadable, NotAllowed) as error:
        _finish(batch, BatchState.FAILED, problem=str(error))
        return
    except FileNotFoundError:
        _finish(batch, BatchState.FAILED, problem=_("Tệp không còn nữa."))
        return
    if batch.state == BatchState.QUEUED:
        batch.state, batch.started_at, batch.total = BatchState.RUNNING, timezone.now(), sheet.estimate
        batch.notices = [{"text": text} for text in [*_seen_before(batch), *sheet.notices]]
        batch.save()
    errors = ErrorFile(batch, sheet.header)
    rules = _rules(batch)
    for chunk in _chunks(sheet, after=batch.processed_row):
        try:
            _take(batch, chunk, rules, errors, actor=actor)
        except Refused as refused:  # of the actor, not of a row
            _finish(batch, BatchState.FAILED, problem=str(refused))
            return
        if progress:
            progress(batch)
        if until is not None and time.monotonic() > until:
            return
    _finish(batch, BatchState.DONE)


def _take(batch: ImportBatch, chunk: list[SourceRow], rules: Rules, errors: ErrorFile, *, actor: Actor) -> None:
    """Check and store one chunk and move the batch on, in one transaction; again if another writer was in the way."""
    checked = [(source, check_row(source, rules)) for source in chunk]
    rows = [row for _source, row in checked if isinstance(row, Row)]
    bad: list[tuple[SourceRow, list[Problem]]] = [(source, row) for source, row in checked if isinstance(row, list)]
    before = _counters(batch)
    for attempt in range(1, _TRIES + 1):
        try:
            with transaction.atomic():
                outcome = store_rows(rows, batch=batch, actor=actor)
                _move_on(batch, chunk, bad + [(row.source, [problem]) for row, problem in outcome.bad], outcome, errors)
            return
        except OperationalError as error:
            if getattr(error.__cause__, "pgcode", "") not in _RETRY or attempt == _TRIES or connection.in_atomic_block:
                raise
        _put_back(batch, before)
        time.sleep(0.2 * attempt)


def _move_on(
    batch: ImportBatch,
    chunk: list[SourceRow],
    bad: list[tuple[SourceRow, list[Problem]]],
    outcome: Outcome,
    errors: ErrorFile,
) -> None:
    batch.processed += len(chunk)
    batch.processed_row = chunk[-1].number
    batch.new += len(outcome.new)
    batch.corrected += len(outcome.corrected)
    batch.unchanged += len(outcome.unchanged)
    batch.repeated += len(outcome.repeated)
    batch.failed += len(bad)
    batch.total = max(batch.total, batch.processed)
    _tally(batch, outcome)
    if bad:
        bad.sort(key=lambda pair: pair[0].number)
        errors.append((source.texts, source.number, problems) for source, problems in bad)
    batch.save()


_COUNTERS: Final = (
    "processed",
    "processed_row",
    "new",
    "corrected",
    "unchanged",
    "repeated",
    "failed",
    "total",
    "errors_bytes",
    "errors_file",
)


def _counters(batch: ImportBatch) -> dict[str, Any]:
    return {name: getattr(batch, name) for name in _COUNTERS} | {"notices": [dict(notice) for notice in batch.notices]}


def _put_back(batch: ImportBatch, counters: dict[str, Any]) -> None:
    """Put the counters back to what is committed."""
    for name, value in counters.items():
        setattr(batch, name, value)


def _tally(batch: ImportBatch, outcome: Outcome) -> None:
    """Count notices about rows by their text: memory must not grow with the file."""
    notices = {notice["text"]: notice for notice in batch.notices}
    told: list[tuple[int, str]] = [
        (row.number, f"{_heading(notice.column)}: {notice.text}")
        for rows in (outcome.new, outcome.corrected, outcome.unchanged)
        for row in rows
        for notice in row.notices
    ]
    told += [(row.number, _("Dòng lặp lại y hệt một dòng phía trên đã được bỏ qua.")) for row in outcome.repeated]
    for number, text in sorted(told):
        notice = notices.setdefault(text, {"text": text, "count": 0, "row": number})
        notice["count"] += 1
    batch.notices = list(notices.values())


def _heading(column: Column) -> str:
    return str(column) if (translation.get_language() or "vi").startswith("en") else VIETNAMESE[column]


def notice_texts(batch: ImportBatch) -> list[str]:
    """The batch's notices as sentences, with how many rows and the first of them."""
    return [
        _("{text} ({count} dòng, đầu tiên là dòng {row})").format(**notice) if notice.get("count") else notice["text"]
        for notice in batch.notices
    ]


def _chunks(sheet: Sheet, *, after: int) -> Iterator[list[SourceRow]]:
    rows: Iterable[SourceRow] = (row for row in sheet.rows if row.number > after)
    rows = iter(rows)
    while chunk := list(islice(rows, CHUNK)):
        yield chunk


def _rules(batch: ImportBatch) -> Rules:
    known = Facility.objects.filter(active=True, code__isnull=False)
    facilities = {facility.code: facility for facility in known if facility.code}
    return Rules(facilities, batch.facility, timezone.localdate())


def _actor_of(batch: ImportBatch) -> Actor:
    if batch.uploader is None:
        return system_actor("import")
    actor = actor_for_user(batch.uploader)
    if actor is None or actor.role not in CARE or actor.facility != batch.facility:
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


def _finish(batch: ImportBatch, state: BatchState, *, problem: str = "") -> None:
    with transaction.atomic():
        batch.state, batch.problem, batch.finished_at = state, problem, timezone.now()
        if state == BatchState.DONE:
            batch.total = batch.processed
        batch.started_at = batch.started_at or batch.finished_at
        batch.save()
        ImportedRow.objects.filter(batch=batch).delete()
    if batch.uploader_id is not None:  # people's data that has been taken in need not lie about
        (Path(settings.MEDIA_ROOT) / batch.file).unlink(missing_ok=True)
    logger.info(
        "Import %d %s: %d rows, %d new, %d corrected, %d unchanged, %d repeated, %d failed",
        *(batch.pk, state, batch.processed, batch.new, batch.corrected, batch.unchanged, batch.repeated, batch.failed),
    )


@contextmanager
def _locked(batch_id: int) -> Iterator[bool]:
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
    with _locked(batch_id) as free:
        return not free
