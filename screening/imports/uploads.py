"""Taking in an uploaded file, and the batches that a facility may see."""

import contextlib
from typing import IO, Any

from celery import current_app
from django.db import transaction
from django.db.models import QuerySet
from kombu.exceptions import OperationalError

from healthhub.accounts.actors import Actor
from screening.imports.batches import queue_batch
from screening.models import ImportBatch


def upload(*, file: IO[bytes], filename: str, uploader: Any, actor: Actor) -> ImportBatch:
    """Keep the file and queue its batch. Raises NotAllowed."""
    batch = queue_batch(file=file, filename=filename, uploader=uploader, actor=actor)
    send(batch)
    return batch


def batches_of(facility: str) -> QuerySet[ImportBatch]:
    """The batches that people of a facility uploaded, newest first."""
    return ImportBatch.objects.filter(facility=facility).select_related("uploader").order_by("-id")


def send(batch: ImportBatch) -> None:
    """Have a worker go on with a batch; with the queue out of reach it waits for the next sweep."""
    transaction.on_commit(lambda: _send(batch.pk))


def _send(batch_id: int) -> None:
    with contextlib.suppress(OperationalError):  # the task by its name: tasks import services, not the other way round
        current_app.send_task("screening.tasks.import_batch", args=[batch_id])
