"""Which machines may send: made, changed, stopped and started again by a facility's laboratory or by the command.

MLLP has no secret that could be renewed. A sender is known by its name (MSH-4, MSH-3) and the address that it calls
from, so these are what is changed when a machine is replaced. Whatever happens is in the access log. The listener asks
the table for every message, the watcher of folders for every file: a machine that is stopped is stopped at once.
"""

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db import connection as database
from django.db.models import Count, Max, Q, Sum
from django.utils import timezone
from django.utils.translation import gettext as _

from healthhub.accounts.actors import Actor
from healthhub.audit.log import record_access
from records.models import Facility
from screening.models import MachineConnection, MachineMessage, MachineProtocol

COUNTED: Final = timedelta(days=30)
CHANGEABLE: Final = ("name", "sending_facility", "sending_application", "addresses", "tests", "encoding")
_LONGEST: Final = 500  # characters of the column
_LOCK: Final = 0x4848001A  # ours among advisory locks
WIDEST: Final = {4: 16, 6: 48}  # bits of a network's prefix: one that is wider lets half the world in


class NotPossible(Exception):
    """The connection cannot be so; the message says why, in the active language."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """What a machine has sent in the last days."""

    messages: int = 0
    stored: int = 0
    parked: int = 0
    refused: int = 0
    last: datetime | None = None


def connections_of(facility: str) -> list[tuple[MachineConnection, Traffic]]:
    """The facility's machines with their traffic; two statements, whatever their number."""
    recent = Q(received_at__gt=timezone.now() - COUNTED)
    found = MachineMessage.objects.filter(facility=facility).values("connection").order_by()
    counted = found.annotate(
        messages=Count("pk", filter=recent),
        stored=Sum("stored", filter=recent, default=0),
        parked=Sum("parked", filter=recent, default=0),
        refused=Count("pk", filter=recent & Q(accepted=False)),
        last=Max("received_at"),
    )
    columns = counted.values_list("connection", "messages", "stored", "parked", "refused", "last")
    traffic = {machine: Traffic(*rest) for machine, *rest in columns}
    machines = MachineConnection.objects.filter(facility=facility).order_by("-active", "name", "pk")
    return [(machine, traffic.get(machine.pk, Traffic())) for machine in machines]


def add_connection(
    *, facility: Facility, protocol: str, actor: Actor, folder: str = "", **told: Any
) -> MachineConnection:
    """Let a machine send. Without a ``folder``, one for ASTM files gets its own below MACHINE_FOLDERS, which the
    watcher makes. Raises NotPossible."""
    with transaction.atomic():
        made = _kept(MachineConnection(facility=facility.pk, protocol=protocol, folder=folder, **told))
        if protocol == MachineProtocol.ASTM and not folder:
            made.folder = str(Path(settings.MACHINE_FOLDERS) / f"{facility.code or facility.pk}-{made.pk}")
            made.save(update_fields=["folder"])
        _log(made, actor, "create")
    return made


def change_connection(*, connection: MachineConnection, actor: Actor, told: Mapping[str, Any]) -> None:
    """Change who the machine is, e.g. when it was replaced or moved. Raises NotPossible."""
    changed = [name for name in CHANGEABLE if name in told and getattr(connection, name) != told[name]]
    if changed:
        with transaction.atomic():
            for name in changed:
                setattr(connection, name, told[name])
            _kept(connection)
            _log(connection, actor, "change", reason=", ".join(changed))


def stop_connection(*, connection: MachineConnection, actor: Actor) -> None:
    """Take nothing from the machine any more."""
    if MachineConnection.objects.filter(pk=connection.pk, active=True).update(active=False):
        _log(connection, actor, "stop")


def start_connection(*, connection: MachineConnection, actor: Actor) -> None:
    """Let it send again. Raises NotPossible if another one has its name meanwhile."""
    with transaction.atomic():
        connection.active = True
        _kept(connection)
        _log(connection, actor, "start")


def networks_in(texts: Sequence[str]) -> str:
    """Addresses and networks as the table keeps them. Raises NotPossible."""
    found = []
    for text in texts:
        try:
            network = ipaddress.ip_network(text)
        except ValueError:
            raise NotPossible(_("“%(text)s” không phải là địa chỉ IP hay mạng.") % {"text": text}) from None
        if network.prefixlen < WIDEST[network.version] and not network.is_loopback:
            raise NotPossible(_("Mạng %(text)s quá rộng: ai cũng gửi được.") % {"text": text})
        found.append(str(network))
    joined = ",".join(found)  # longer than what was written: an address is kept as a network of one
    if len(joined) > _LONGEST:
        raise NotPossible(_("Quá nhiều địa chỉ. Hãy gộp thành mạng, ví dụ 10.2.0.0/24."))
    return joined


def is_active(connection: MachineConnection) -> bool:
    """Whether it may still send, asked anew."""
    return MachineConnection.objects.filter(pk=connection.pk, active=True).exists()


def _kept(connection: MachineConnection) -> MachineConnection:
    try:
        with transaction.atomic():
            if connection.protocol == MachineProtocol.HL7 and connection.active:
                _check_sender(connection)
            connection.save()
    except IntegrityError:
        raise NotPossible(_("Đã có một máy đang nhận với tên gửi (MSH-4, MSH-3) này.")) from None
    return connection


def _check_sender(connection: MachineConnection) -> None:
    """Nobody takes in what another facility's machine sends: neither under that facility's code, nor by an entry that
    the same message could fit. Raises NotPossible. Two facilities that add one at the same time wait for each other."""
    with database.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
    name = connection.sending_facility
    if Facility.objects.filter(code__iexact=name).exclude(pk=connection.facility).exists():
        raise NotPossible(_("“%(name)s” là mã của một cơ sở khác.") % {"name": name})
    others = MachineConnection.objects.filter(protocol=MachineProtocol.HL7, active=True, sending_facility__iexact=name)
    mine = _networks(connection.addresses)
    for other in others.exclude(facility=connection.facility):
        theirs = _networks(other.addresses)
        if any(one.version == two.version and one.overlaps(two) for one in mine for two in theirs):
            raise NotPossible(_("Một cơ sở khác đang nhận từ nơi gửi (MSH-4) và địa chỉ mạng này."))


def _networks(addresses: str) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    return [ipaddress.ip_network(text.strip()) for text in addresses.split(",") if text.strip()]


def _log(connection: MachineConnection, actor: Actor, action: str, *, reason: str = "") -> None:
    record_access(
        actor=actor,
        action=action,
        patients=[None],
        resource_type="MachineConnection",
        resource_id=str(connection.pk),
        reason=reason,
    )
