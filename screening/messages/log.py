"""What was sent to somebody, for staff and for herself; who cannot be reached."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from django.db.models import Exists, OuterRef, QuerySet
from django.utils.translation import gettext as _

from healthhub.accounts.actors import Actor
from records.access import visible_to
from screening.messages.approval import sendable_kinds
from screening.messages.words import mark_of, reason_words
from screening.models.messages import BadContact, Channel, Message, MessageState

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

SHOWN = 50


@dataclass(frozen=True, slots=True)
class Line:
    """One message in a list. ``can_resend`` if it has ended, ``can_report`` if its address may prove wrong."""

    id: int
    kind: str
    channel: str
    address: str
    state: str
    mark: str
    reason: "_StrPromise | str"
    at: datetime
    delivered_at: datetime | None
    opened_at: datetime | None
    text: str
    template: str
    segments: int
    can_resend: bool
    can_report: bool


def messages_to(patient: str) -> list[Line]:
    """A person's messages, newest first."""
    found = list(Message.objects.filter(patient_id=patient).order_by("-id")[:SHOWN])
    waits = any(one.state == MessageState.QUEUED for one in found)
    sendable = sendable_kinds() if waits else []
    return [_line(one, held=one.state == MessageState.QUEUED and one.kind not in sendable) for one in found]


def bad_contacts(patient: str) -> QuerySet[BadContact]:
    """Her contacts that were found wrong, newest first."""
    return BadContact.objects.filter(patient_id=patient, cleared_at__isnull=True).order_by("-id")


def undelivered(*, actor: Actor, after: int | None = None, limit: int = 20) -> Sequence[Message]:
    """Messages that reached nobody by any way, of people whom the actor may see: newest first, with the person."""
    later = Message.objects.filter(patient=OuterRef("patient"), kind=OuterRef("kind"), about=OuterRef("about"))
    found = (
        Message.objects.filter(state=MessageState.FAILED, patient__in=visible_to(actor))
        .exclude(Exists(later.filter(pk__gt=OuterRef("pk"))))
        .select_related("patient")
        .order_by("-id")
    )
    return list((found.filter(pk__lt=after) if after else found)[: limit + 1])


def _line(message: Message, *, held: bool) -> Line:
    ended = message.state in (MessageState.SENT, MessageState.FAILED)
    return Line(
        id=message.pk,
        kind=message.get_kind_display(),
        channel=str(Channel(message.channel).label) if message.channel else "",
        address=message.address,
        state=message.get_state_display(),
        mark=mark_of(message),
        reason=_("Nội dung chờ Sở Y tế duyệt")
        if held
        else reason_words(message.reason)
        if message.state != MessageState.SENT
        else "",
        at=message.sent_at or message.created_at,
        delivered_at=message.delivered_at,
        opened_at=message.opened_at,
        text=message.text,
        template=message.template,
        segments=message.segments,
        can_resend=ended,
        can_report=message.state == MessageState.SENT,
    )
