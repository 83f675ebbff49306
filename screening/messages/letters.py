"""Letters: waiting ones are gathered into a batch for each facility and day, printed into one PDF, posted by people.

A letter counts as sent only when staff say that its batch was posted. Whoever dies or needs it no more between the
printing and the posting is named on the batch's page, to be taken out of the pile.
"""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from typing import Any, Final

from celery import current_app
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone
from kombu.exceptions import OperationalError

from healthhub.accounts.actors import Actor
from screening.messages.approval import sendable_kinds
from screening.messages.discretion import discreet
from screening.messages.letter_pdf import Letter, write_letters
from screening.messages.sending import held_back
from screening.messages.texts import fill, link_of, text_of
from screening.models.messages import BatchStage, LetterBatch, Message, MessageState

LARGEST: Final = 10_000
_WAITING: Final = "channel = 'letter' AND state = 'queued' AND next_try_at <= %s AND kind = ANY(%s)"
_SENDERS: Final = f"SELECT DISTINCT facility_id FROM screening_message WHERE {_WAITING}"
_GATHER: Final = f"""
UPDATE screening_message SET state = 'sending', batch_id = %s WHERE id IN (
    SELECT id FROM screening_message WHERE {_WAITING} AND facility_id IS NOT DISTINCT FROM %s
    ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED
)
"""
_PRINTED: Final = """
UPDATE screening_message m SET text = p.text, template = p.template, provider_id = p.page, attempts = 1
FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[]) AS p(id, text, template, page) WHERE m.id = p.id
"""
_STOP: Final = """
UPDATE screening_message m SET state = 'cancelled', reason = s.reason
FROM unnest(%s::bigint[], %s::text[]) AS s(id, reason) WHERE m.id = s.id AND m.state = 'sending'
"""


@dataclass(frozen=True, slots=True)
class Pull:
    """A printed letter that must not be posted, by its page in the file."""

    page: str
    reference: str
    reason: str


def gather(*, facility: str | None = None, everybody: bool = True) -> list[int]:
    """Put waiting letters whose text is approved into batches, of one facility unless ``everybody``; answers the ones
    to be printed, those left over from a worker that died among them. Twice at once makes nothing twice."""
    now = timezone.now()
    with connection.cursor() as cursor:
        cursor.execute(_SENDERS, [now, sendable_kinds()])
        senders = [row[0] for row in cursor.fetchall()]
    for sender in senders:
        if everybody or sender == facility:
            while _gather_for(sender, now) == LARGEST:
                pass
    return unprinted()


def request_print(batch_id: int) -> None:
    """Queue the making of a batch's file; without a queue, ``resume_letters`` makes it within minutes."""
    with contextlib.suppress(OperationalError):  # the task by its name: tasks import services, not the other way round
        current_app.send_task("screening.tasks.print_letters", args=[batch_id])


def unprinted() -> list[int]:
    """Batches whose file is still to be made."""
    return list(LetterBatch.objects.filter(stage=BatchStage.MAKING).order_by("id").values_list("pk", flat=True))


def print_batch(batch_id: int) -> bool:
    """Make the PDF of a batch; False if it is made already, or is being made by another worker.

    All in one transaction: a worker that dies leaves the batch as it was.
    """
    with transaction.atomic():
        batches = LetterBatch.objects.select_for_update(skip_locked=True, of=("self",))
        batch = batches.filter(pk=batch_id, stage=BatchStage.MAKING).select_related("facility").first()
        if batch is None:
            return False
        _stop(batch, count=False)
        messages = list(
            Message.objects.filter(batch=batch, state=MessageState.SENDING)
            .select_related("patient")
            .order_by("patient__area_id", "patient__address_text", "patient__sort_key", "id")
        )
        batch.file = f"letters/{batch.day:%Y-%m}/batch-{batch.pk}.pdf"
        path = Path(settings.MEDIA_ROOT) / batch.file
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = path.with_suffix(".new")
        name = batch.facility.name if batch.facility else ""
        written: list[tuple[int, str, str, str]] = []
        batch.letters = write_letters(_compose(messages, name, batch.day, written), fresh)
        with connection.cursor() as cursor:
            cursor.execute(_PRINTED, [list(column) for column in zip(*written, strict=True)] or [[]] * 4)
        batch.stage = BatchStage.READY
        batch.save(update_fields=["file", "letters", "stage"])
        fresh.replace(path)
    return True


def to_pull(batch: LetterBatch) -> list[Pull]:
    """Printed letters of an unposted batch that must not go any more. Two statements."""
    if batch.stage not in (BatchStage.READY, BatchStage.PRINTED):
        return []
    waiting = Message.objects.filter(batch=batch, state=MessageState.SENDING).values_list("pk", "provider_id")
    pages = dict(waiting)
    stopped = held_back(list(pages)) if pages else {}
    found = [Pull(pages[id_], reference(id_), reason) for id_, reason in stopped.items()]
    return sorted(found, key=lambda pull: int(pull.page or 0))


def mark_printed(*, batch: LetterBatch, actor: Actor) -> None:
    """The pile lies there. Again is nothing."""
    LetterBatch.objects.filter(pk=batch.pk, stage=BatchStage.READY).update(
        stage=BatchStage.PRINTED, printed_at=timezone.now(), printed_by=actor.id[:128]
    )


def mark_posted(*, batch: LetterBatch, on: date, actor: Actor) -> int:
    """The pile was taken to the post on that day, without those to be pulled; answers how many letters went."""
    with transaction.atomic():
        held = LetterBatch.objects.select_for_update().get(pk=batch.pk)
        if held.stage not in (BatchStage.READY, BatchStage.PRINTED):
            return 0
        held.pulled = _stop(held, count=True)
        sent = timezone.now()
        if on != timezone.localdate(sent):
            sent = timezone.make_aware(datetime.combine(on, time(12)))
        gone = Message.objects.filter(batch=held, state=MessageState.SENDING)
        count = gone.update(state=MessageState.SENT, sent_at=sent)
        held.stage, held.posted_on, held.posted_at = BatchStage.POSTED, on, timezone.now()
        held.posted_by = actor.id[:128]
        held.printed_at = held.printed_at or held.posted_at
        held.printed_by = held.printed_by or held.posted_by
        held.save()
    return count


def reference(message_id: int) -> str:
    """A letter's number as printed on it."""
    return f"HH-{message_id}"


def _gather_for(sender: str | None, now: datetime) -> int:
    with transaction.atomic():
        batch = LetterBatch.objects.create(facility_id=sender, day=timezone.localdate(now))
        with connection.cursor() as cursor:
            cursor.execute(_GATHER, [batch.pk, now, sendable_kinds(), sender, LARGEST])
            count = cursor.rowcount
        if count == 0:  # another worker was quicker
            batch.delete()
        else:
            LetterBatch.objects.filter(pk=batch.pk).update(letters=count)
    return count


def _stop(batch: LetterBatch, *, count: bool) -> int:
    """Cancel the letters of a batch that must not go any more; answers how many."""
    ids = list(Message.objects.filter(batch=batch, state=MessageState.SENDING).values_list("pk", flat=True))
    stopped = held_back(ids) if ids else {}
    if stopped:
        with connection.cursor() as cursor:
            cursor.execute(_STOP, [list(stopped), list(stopped.values())])
        if not count:  # not printed yet, so they leave the batch
            Message.objects.filter(pk__in=list(stopped)).update(batch=None)
    return len(stopped)


def _compose(
    messages: Sequence[Message], facility: str, day: date, written: list[tuple[int, str, str, str]]
) -> Iterator[Letter]:
    """The letters in order; ``written`` collects what is kept of each: id, text, template, page."""
    for page, message in enumerate(messages, start=1):
        text, other = text_of(message.kind, message.language), "en" if message.language == "vi" else "vi"
        shared: dict[str, Any] = {"facility": facility, "data": message.data, "link": link_of(message.token)}
        body = fill(text.body, language=text.language, **shared)
        written.append((message.pk, body, text.name, str(page)))
        yield Letter(
            reference=reference(message.pk),
            sender=discreet(facility, text.language),
            name=message.patient.full_name,
            address=message.address,
            day=day,
            language=text.language,
            subject=fill(text.subject, language=text.language, **shared),
            body=body,
            other=fill(text_of(message.kind, other).short, language=other, **shared),
            link=shared["link"],
        )
