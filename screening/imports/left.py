"""A facility's rows that were not stored: those that somebody must still look at, and all that were left out.

Nothing leaves the first list by itself but a row whose result has been stored since.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Final

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext as _

from fhir.models import Resource
from healthhub.accounts.actors import Actor
from healthhub.audit.log import record_access
from screening.imports.batches import NotAllowed, TooLate, check_allowed
from screening.imports.columns import Header
from screening.imports.lanes import write_back
from screening.imports.leaving import Leaving
from screening.imports.running import rules_of
from screening.imports.storing import park_wrong, store_rows
from screening.models import MOVING, BatchState, ImportBatch, RowKind, RowState, ScreeningResult, StagedRow
from screening.models.imports import ResultFlag
from screening.models.result import Outcome

_ENDED: Final = ~Q(batch__state__in=[*MOVING, BatchState.MAPPING, BatchState.REVIEW])
_UNSEEN: Final = Q(state__in=(RowState.LEFT, RowState.UNDONE), seen_at__isnull=True) & ~Q(flag=ResultFlag.NONE)
_WRONG: Final = Q(kind=RowKind.ERROR, state=RowState.STAGED)


def waiting(facility: str) -> QuerySet[StagedRow]:
    """Rows of ended files that must not be forgotten: left out or undone though positive or unreadable, without a
    second look; and wrong ones. Not those whose result was stored since, as positive if the row is."""
    rows = StagedRow.objects.filter(_ENDED, _UNSEEN | _WRONG, batch__facility=facility)
    positive = Q(flag=ResultFlag.POSITIVE)
    return rows.exclude(positive & Exists(_stored_since(outcome=Outcome.POSITIVE))).exclude(
        ~positive & Exists(_stored_since())
    )


def waiting_count(facility: str) -> int:
    """How many wait."""
    return waiting(facility).count()


def left_out(facility: str) -> QuerySet[StagedRow]:
    """Every row that was left out, whatever has been said of it since."""
    return StagedRow.objects.filter(_ENDED, state=RowState.LEFT, batch__facility=facility)


def confirm_left(*, row: StagedRow, actor: Actor) -> None:
    """A second person agrees that this positive is left out. NotAllowed for whoever left it out."""
    with transaction.atomic():
        fresh = _lock(row, actor, (RowState.LEFT, RowState.UNDONE))
        if fresh.seen_at or fresh.flag == ResultFlag.NONE:
            raise TooLate(_("Dòng này đã được xử lý. Hãy tải lại trang."))
        if fresh.left_by == actor.id:
            raise NotAllowed(_("Người đã loại dòng này không thể tự xác nhận; cần người thứ hai xem."))
        StagedRow.objects.filter(pk=fresh.pk).update(**_seen(actor))
        _log(fresh, actor, "confirm")


def to_confirm(batch: ImportBatch, actor: Actor) -> QuerySet[StagedRow]:
    """The file's rows that wait for a second look which this actor may give: not those that she left out herself."""
    return batch.rows.filter(_ENDED, _UNSEEN).exclude(left_by=actor.id).order_by("pk")


def confirm_file(*, batch: ImportBatch, rows: Collection[int], actor: Actor) -> int:
    """The same for these rows of a file, all of which the actor was shown; how many still waited."""
    check_allowed(actor, batch)
    with transaction.atomic():
        found = to_confirm(batch, actor).filter(pk__in=rows).select_for_update(of=("self",))
        patients = dict(found.values_list("pk", "patient"))
        batch.rows.filter(pk__in=patients).update(**_seen(actor))
        if patients:
            record_access(
                actor=actor,
                action="confirm",
                patients=sorted(filter(None, set(patients.values()))) or [None],
                resource_type="ImportBatch",
                resource_id=str(batch.pk),
            )
    return len(patients)


def leave_wrong(*, row: StagedRow, leaving: Leaving, actor: Actor) -> None:
    """Leave out a row that is wrong; a positive or unreadable one then waits for a second look."""
    with transaction.atomic():
        fresh = _lock(row, actor, (RowState.STAGED,), kind=RowKind.ERROR)
        StagedRow.objects.filter(pk=fresh.pk).update(state=RowState.LEFT, **leaving.fields(actor))
        _log(fresh, actor, "leave")


def queue_wrong(*, row: StagedRow, actor: Actor) -> None:
    """Put a row that is wrong into the matching queue, where it can be read and entered by hand."""
    with transaction.atomic():
        fresh = _lock(row, actor, (RowState.STAGED,), kind=RowKind.ERROR)
        park_wrong([fresh], _header(fresh.batch), rules_of(fresh.batch), form=fresh.batch.form, actor=actor)
        write_back([fresh])
        ImportBatch.objects.filter(pk=fresh.batch_id).update(parked=F("parked") + 1)
        _log(fresh, actor, "queue")


def restore_row(*, row: StagedRow, actor: Actor) -> StagedRow:
    """Store a row that was left out or undone after all, checked anew: its state then says what became of it. One that
    is wrong waits again. Who left it out, and why, stays with it."""
    with transaction.atomic():
        fresh = _lock(row, actor, (RowState.LEFT, RowState.UNDONE))
        fresh.state, fresh.decision = RowState.STAGED, ""
        if fresh.kind != RowKind.ERROR:
            store_rows([fresh], _header(fresh.batch), rules_of(fresh.batch), form=fresh.batch.form, actor=actor)
        write_back([fresh])
        StagedRow.objects.filter(pk=fresh.pk).update(decision="")
        became = {RowState.STORED: "stored", RowState.PARKED: "parked"}.get(RowState(fresh.state))
        if became:
            ImportBatch.objects.filter(pk=fresh.batch_id).update(**{became: F(became) + 1})
        _log(fresh, actor, "restore")
    return fresh


def _stored_since(**filters: str) -> QuerySet[ScreeningResult]:
    """Results of the row's specimen that were written after it was left out, or after its file came."""
    since = Coalesce(OuterRef(OuterRef("left_at")), OuterRef(OuterRef("batch__created_at")))
    written = Resource.objects.filter(type="Observation", id=OuterRef("observation_id"), last_updated__gt=since)
    results = ScreeningResult.objects.filter(
        facility=OuterRef("batch__facility"), specimen_id=OuterRef("specimen"), test=OuterRef("test"), **filters
    )
    return results.exclude(specimen_id="").filter(Exists(written))


def _lock(row: StagedRow, actor: Actor, states: tuple[RowState, ...], kind: RowKind | None = None) -> StagedRow:
    """The row as it is now, locked, if it is in one of these states and its file has ended."""
    check_allowed(actor, row.batch)
    rows = StagedRow.objects.select_for_update(of=("self",)).select_related("batch")
    fresh = rows.filter(_ENDED, pk=row.pk, state__in=states).first()
    if fresh is None or (kind is not None and fresh.kind != kind):
        raise TooLate(_("Dòng này đã được xử lý. Hãy tải lại trang."))
    return fresh


def _seen(actor: Actor) -> dict[str, str | datetime]:
    return {"seen_by": actor.id, "seen_name": actor.name[:255], "seen_at": timezone.now()}


def _header(batch: ImportBatch) -> Header:
    return Header(tuple(batch.header), {}, (), ()).mapped(batch.columns)


def _log(row: StagedRow, actor: Actor, action: str) -> None:
    record_access(
        actor=actor,
        action=action,
        patients=[row.patient or None],
        resource_type="StagedRow",
        resource_id=str(row.pk),
    )
