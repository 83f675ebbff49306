"""What machines have sent and nobody could take: kept, shown to the facility, until somebody says what became of it."""

from collections.abc import Mapping
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from fhir.outcomes import refuse
from healthhub.accounts.actors import Actor
from healthhub.audit.log import record_access
from screening.models import MachineConnection, MachineMessage

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

LONGEST: Final = 1024 * 1024  # bytes of a file that are kept; the file itself lies in failed/
OTHER: Final = "other"
SETTLED_AS: Final["Mapping[str, _StrPromise]"] = {
    "sent_again": _("Máy đã gửi lại và được nhận"),
    "by_hand": _("Kết quả đã được nhập tay"),
    "no_result": _("Không có kết quả nào của người bệnh"),
    OTHER: _("Lý do khác (ghi rõ)"),
}


def waiting_messages(facility: str) -> QuerySet[MachineMessage]:
    """Messages and files that were refused, oldest first; not those of which a later one, of the same control id, was
    taken."""
    later = MachineMessage.objects.filter(
        connection=OuterRef("connection"), control_id=OuterRef("control_id"), accepted=True, pk__gt=OuterRef("pk")
    )
    waiting = MachineMessage.objects.filter(facility=facility, accepted=False, settled_at__isnull=True)
    return waiting.exclude(Exists(later.exclude(control_id=""))).order_by("received_at", "pk")


def settle_message(*, message: MachineMessage, settled_as: str, note: str, actor: Actor) -> None:
    """Say what became of it. Refused: 422 for another reason or one without words, 409 if it is settled."""
    if settled_as not in SETTLED_AS or (settled_as == OTHER and not note.strip()):
        raise refuse(422, "code-invalid", f"The reason is one of {', '.join(SETTLED_AS)}.", "reason")
    told = {"settled_as": settled_as, "settled_note": note.strip()[:500], "settled_at": timezone.now()}
    who = {"settled_by": actor.id, "settled_name": actor.name[:255]}
    waiting = MachineMessage.objects.filter(pk=message.pk, accepted=False, settled_at__isnull=True)
    if not waiting.update(**told, **who):
        raise refuse(409, "conflict", "Somebody has settled this message already.", "message")
    record_access(
        actor=actor, action="settle", patients=[None], resource_type="MachineMessage", resource_id=str(message.pk)
    )


def settle_sent_again(raw: bytes, *, connection: MachineConnection, name: str) -> None:
    """Let a refused file wait no more once it has been taken: the very same one, or one of that name which was cut then
    and is whole now. A name alone says nothing: many analysers write every file under the same."""
    waiting = MachineMessage.objects.filter(connection=connection, accepted=False, settled_at__isnull=True)
    digest = sha256(raw).hexdigest()
    taken = [
        one.pk
        for one in waiting.filter(Q(control_id=name[:200]) | Q(digest=digest))
        if one.digest == digest or raw.startswith(bytes(one.raw).rstrip())
    ]
    who = {"settled_by": f"machine:{connection.pk}", "settled_name": connection.name}
    waiting.filter(pk__in=taken).update(settled_as="sent_again", settled_at=timezone.now(), **who)


def keep_refused(
    raw: bytes, *, connection: MachineConnection, name: str, problem: str, answer: str = "", peer: str = ""
) -> MachineMessage:
    """Keep what could not be taken. The same thing again, while it waits, is one entry."""
    digest = sha256(raw).hexdigest()
    waiting = MachineMessage.objects.filter(
        connection=connection, digest=digest, problem=problem, accepted=False, settled_at__isnull=True
    )
    return waiting.first() or MachineMessage.objects.create(
        connection=connection,
        facility=connection.facility,
        received_at=timezone.now(),
        peer=peer,
        control_id=name[:200],
        digest=digest,
        raw=raw[:LONGEST],
        answer=answer,
        problem=problem,
    )
