"""Celery tasks: ids in, one service call each, safe to run twice."""

from celery import shared_task

from screening.imports.batches import run_batch, unfinished
from screening.models import BatchState
from screening.statistics import cells

SLICE_SECONDS = 15  # after that a file makes room for other tasks, the refresh of statistics among them


@shared_task
def refresh_statistics() -> None:
    """Count again what writes have marked stale (every few seconds)."""
    cells.refresh()


@shared_task
def rebuild_statistics() -> None:
    """Compare the cells with a full count and put right what differs (every night)."""
    cells.rebuild_and_compare()


@shared_task
def import_batch(batch_id: int) -> None:
    """Work on a file of results for a while, and queue the rest."""
    batch = run_batch(batch_id, seconds=SLICE_SECONDS)
    if batch is not None and batch.state == BatchState.RUNNING:
        import_batch.delay(batch_id)


@shared_task
def resume_imports() -> None:
    """Queue files whose task was lost or whose worker was killed (every minute)."""
    for batch_id in unfinished():
        import_batch.delay(batch_id)
