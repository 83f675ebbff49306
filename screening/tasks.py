"""Celery tasks: ids in, one service call each, safe to run twice."""

from celery import shared_task
from django.utils import timezone

from screening.activation import run_asked
from screening.appointments import notices, queue
from screening.failsafe.batch_work import OPEN, forgotten_batches, work_on
from screening.failsafe.nightly import run_nightly
from screening.imports.batches import forget_rows, unfinished
from screening.imports.running import run_batch
from screening.machines.receiving import forget_messages
from screening.messages import letters, sending
from screening.models import MOVING
from screening.planning import publish
from screening.protocol import protocols
from screening.publishing.sweep import publish_noted
from screening.recall.nightly import go_on, tonight
from screening.recall.refresh import refresh_noted
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
    if batch is not None and batch.state in MOVING:
        import_batch.delay(batch_id)


@shared_task
def resume_imports() -> None:
    """Queue files whose task was lost or whose worker was killed (every minute)."""
    for batch_id in unfinished():
        import_batch.delay(batch_id)


@shared_task
def refresh_standings() -> None:
    """Work out again where the people stand whom writes have noted (every few seconds)."""
    refresh_noted(timezone.localdate())


@shared_task
def publish_pathways() -> None:
    """Write the FHIR resources of the pathways that have changed (every few seconds)."""
    publish_noted(seconds=SLICE_SECONDS)


@shared_task
def recall() -> None:
    """Start tonight's call and recall (every night)."""
    tonight()
    carry_on_recall.delay()


@shared_task
def carry_on_recall() -> None:
    """Work on tonight's run for a while and queue the rest (also every few minutes, for a run that was killed)."""
    if go_on(seconds=SLICE_SECONDS):
        carry_on_recall.delay()


@shared_task
def send_messages() -> None:
    """Send what is due (every few seconds)."""
    sending.sweep()


@shared_task
def gather_letters() -> None:
    """Put the letters that wait into batches (every morning), and print what was left unprinted."""
    for batch_id in letters.gather():
        print_letters.delay(batch_id)


@shared_task
def resume_letters() -> None:
    """Print batches whose worker was killed (every few minutes)."""
    for batch_id in letters.unprinted():
        print_letters.delay(batch_id)


@shared_task
def print_letters(batch_id: int) -> None:
    """Make the PDF of a batch."""
    letters.print_batch(batch_id)


@shared_task
def serve_waiting_list() -> None:
    """Give places that became free to those who wait (every few minutes; writes do it at once for their own)."""
    queue.fill_places()


@shared_task
def remind_of_appointments() -> None:
    """Remind of appointments in 7 days and tomorrow (every morning)."""
    notices.remind()


@shared_task
def check_nobody_is_lost() -> None:
    """Look for people lost and note who is late (every night, after recall and statistics)."""
    run_nightly()


@shared_task
def work_on_steps(batch_id: int) -> None:
    """Work on an officer's batch of steps for a while, and queue the rest."""
    batch = work_on(batch_id, seconds=SLICE_SECONDS)
    if batch is not None and batch.state in OPEN:
        work_on_steps.delay(batch_id)


@shared_task
def resume_steps() -> None:
    """Queue batches of steps whose task was lost or whose worker was killed (every minute)."""
    for batch_id in forgotten_batches():
        work_on_steps.delay(batch_id)


@shared_task
def dry_run_protocol(version_id: int) -> None:
    """Run a draft of a protocol on paper, as an officer has asked."""
    run_asked(version_id=version_id)


@shared_task
def publish_protocols() -> None:
    """Save the protocols as PlanDefinition and ActivityDefinition; their status changes with the day (every night)."""
    publish(protocols())


@shared_task
def forget_imports() -> None:
    """Remove staged rows and raw machine messages that were kept long enough (every night)."""
    forget_rows()
    forget_messages()
