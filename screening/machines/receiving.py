"""Takes in one HL7 message and says truthfully what became of it.

AA only after the commit: everything in it is stored, known already, or parked in the matching queue (the text says so).
AE: nothing of it was written, with the reason for each place. AR: not taken at all (who, what kind, which character
set). The same control id again gets the first answer and changes nothing.
"""

import hashlib
import ipaddress
import logging
import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from django.db import DatabaseError, transaction
from django.db import connection as database
from django.utils import timezone, translation

from fhir.outcomes import Refused
from screening.imports.columns import Column
from screening.machines.answers import Fault, acknowledge, place_of
from screening.machines.codes import table_of
from screening.machines.heads import BadMessage, Head, decode, read_head
from screening.machines.hl7v2 import read_report
from screening.machines.inbox import keep_refused
from screening.machines.taking import Taken, take_results
from screening.models import MachineConnection, MachineMessage, MachineProtocol
from screening.versions import notice_versions

logger = logging.getLogger(__name__)

KEEP: Final = timedelta(days=90)
LONGEST: Final = 199  # characters of a control id, as HL7 has it
_LOCK = "SELECT pg_advisory_xact_lock(%s, hashtext(%s))"
_LOCK_SPACE: Final = 0x48480019  # ours among advisory locks


@dataclass(frozen=True, slots=True)
class _Answer:
    code: str
    text: str
    faults: list[Fault]
    taken: Taken


def receive(raw: bytes, *, peer: str) -> bytes:
    """The acknowledgement of a message that came from this address. Never raises for what a sender may do wrong."""
    with translation.override("en"):
        head: Head | None = None
        try:
            head = read_head(raw)
            return _receive(raw, head, peer).encode()
        except BadMessage as bad:
            logger.warning("HL7 message from %s refused: %s %s", peer, bad.code, bad.error)
            answer = acknowledge(head, bad.code, str(bad), [(bad.place, bad.error, str(bad))])
            problem = str(bad)
        except Exception:
            logger.exception("HL7 message from %s failed", peer)
            problem = "An error on our side; nothing of the message was stored. Please send it again."
            answer = acknowledge(head, "AE", problem, [("", "207", problem)])
        _show(raw, head, peer, problem, answer)
        return answer.encode()


def forget_messages() -> int:
    """Remove raw messages that were kept long enough for a dispute; how many. One that waits for somebody stays."""
    old = MachineMessage.objects.filter(received_at__lt=timezone.now() - KEEP)
    return old.exclude(accepted=False, settled_at__isnull=True).delete()[0]


def _show(raw: bytes, head: Head | None, peer: str, problem: str, answer: str) -> None:
    """Let the facility see what one of its machines sent in vain: known by its address where the head cannot be read.
    Of strangers nothing is kept: it is none of ours, and could fill the disk."""
    try:
        known = MachineConnection.objects.filter(protocol=MachineProtocol.HL7, active=True).order_by("pk")
        mine = [one for one in known if _may_call(one.addresses, peer)]
        if head:
            mine = [one for one in mine if one.sending_facility == head.facility]
            mine = [one for one in mine if one.sending_application in ("", head.application)]
        if len({one.facility for one in mine}) == 1:
            connection = mine[0]
            name = head.control_id if head and len(head.control_id) <= LONGEST else ""
            keep_refused(raw, connection=connection, name=name, problem=problem, answer=answer, peer=peer)
    except DatabaseError:
        logger.exception("HL7 message from %s: what was refused could not be kept", peer)


def _receive(raw: bytes, head: Head, peer: str) -> str:
    notice_versions()  # a server runs for months
    sender = _sender(head, peer)
    if not head.control_id:
        raise BadMessage("AR", "MSH-10 is empty: such a message cannot be acknowledged.", place="MSH^1^10", error="101")
    if len(head.control_id) > LONGEST:
        told = f"MSH-10 is longer than {LONGEST} characters."
        raise BadMessage("AR", told, place="MSH^1^10", error="102")
    digest = _digest(raw.lstrip(b"\r\n "), head)
    with transaction.atomic():
        with database.cursor() as cursor:  # the same message by two connections at once: the second waits
            cursor.execute(_LOCK, [_LOCK_SPACE, f"{sender.pk} {head.control_id}"])
        earlier = MachineMessage.objects.filter(connection=sender, control_id=head.control_id, accepted=True).first()
        if earlier and earlier.digest == digest:
            return earlier.answer
        if earlier:
            told = f"Control id {head.control_id} was used before for another message. Use a new one."
            answer, codec = _Answer("AE", told, [("MSH^1^10", "205", told)], Taken()), ""
        else:
            answer, codec = _take(raw, head, sender)
        text = acknowledge(head, answer.code, answer.text, answer.faults)
        if answer.code != "AA":  # a machine that sends it again and again is one entry to look at, as old as the first
            again = MachineMessage.objects.filter(connection=sender, control_id=head.control_id, digest=digest)
            waiting = again.filter(accepted=False, settled_at__isnull=True)
            if waiting.update(answer=text, problem=answer.text, peer=peer):
                return text
        MachineMessage.objects.create(
            connection=sender,
            facility=sender.facility,
            received_at=timezone.now(),
            peer=peer,
            control_id=head.control_id,
            digest=digest,
            raw=raw,
            encoding=codec,
            accepted=answer.code == "AA",
            answer=text,
            problem="" if answer.code == "AA" else answer.text,
            stored=answer.taken.stored + answer.taken.withdrawn,
            parked=answer.taken.parked,
        )
    return text


def _take(raw: bytes, head: Head, sender: MachineConnection) -> tuple[_Answer, str]:
    """Nothing stays written unless the answer is AA."""
    codec = ""
    try:
        text, codec = decode(raw, head, sender.encoding)
        report = read_report(text, head, table_of(sender.facility, "hl7"), facility=sender.facility)
        with transaction.atomic():
            taken = take_results(report.results, connection=sender, payload=text, form="hl7")
    except BadMessage as bad:
        return _Answer(bad.code, str(bad), [(bad.place, bad.error, str(bad))], Taken()), codec
    except Refused as refused:
        faults = [("", "207", issue.diagnostics) for issue in refused.issues]
        return _Answer("AE", f"Not stored: {refused}", faults, Taken()), codec
    if taken.refused:
        faults = [(place_of(place, column), _error(column), told) for place, column, told in taken.refused]
        return _Answer("AE", f"Nothing was stored: {taken.refused[0][2]}", faults, taken), codec
    return _Answer("AA", _sentence(taken, report.left_out), [], taken), codec


def _sentence(taken: Taken, left_out: list[str]) -> str:
    parts = [
        f"{count} {what}"
        for count, what in (
            (taken.stored, "stored"),
            (taken.unchanged, "known already, unchanged"),
            (taken.withdrawn, "withdrawn"),
            (taken.parked, "parked: kept in the matching queue until somebody says whose or what it is"),
            (len(left_out), "left out: " + " ".join(left_out)[:500]),
        )
        if count
    ]
    return "; ".join(parts) or "Nothing to store."


def _error(column: Column | None) -> str:
    return {Column.TEST: "103", Column.UNIT: "103", Column.SPECIMEN_ID: "204"}.get(column, "102") if column else "207"


def _sender(head: Head, peer: str) -> MachineConnection:
    """Whose machine it is: by MSH-4, MSH-3 where the table names it, and the address that it calls from. Where entries
    of two facilities fit, neither gets it."""
    known = MachineConnection.objects.filter(
        protocol=MachineProtocol.HL7, active=True, sending_facility=head.facility
    ).exclude(sending_facility="")
    named = [one for one in known if one.sending_application in ("", head.application)]
    fitting = [one for one in named if _may_call(one.addresses, peer)]
    if len({one.facility for one in fitting}) == 1:
        return min(fitting, key=lambda one: one.sending_application == "")
    told = "This sender (MSH-3, MSH-4, network address) is not known here"
    told += ", or to more than one facility." if fitting else "."
    raise BadMessage("AR", told, place="MSH^1^4", error="204")


def _may_call(addresses: str, peer: str) -> bool:
    try:
        caller = ipaddress.ip_address(peer)
        return any(caller in ipaddress.ip_network(text.strip()) for text in addresses.split(",") if text.strip())
    except ValueError:
        return False


def _digest(raw: bytes, head: Head) -> str:
    """Of the message without the time at which it was sent (MSH-7), which a repetition may have anew."""
    bar = head.separators[0].encode()
    line, rest = re.split(rb"(?=[\r\n])", raw, maxsplit=1) if re.search(rb"[\r\n]", raw) else (raw, b"")
    fields = line.split(bar)
    if len(fields) > 6:
        fields[6] = b""
    return hashlib.sha256(bar.join(fields) + rest).hexdigest()
