"""Which machines may send results: ``manage.py machine``, ``machine add``, ``machine stop``, ``machine code``."""

import ipaddress
from argparse import ArgumentParser, ArgumentTypeError
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import translation

from healthhub.accounts.actors import system_actor
from records.models import Facility
from screening.machines.connections import NotPossible, add_connection, networks_in, stop_connection
from screening.models import CodeMapping, MachineConnection, MachineProtocol
from screening.protocol import named_test

_ACTOR = system_actor("machine")


class Command(BaseCommand):
    """Without a verb it lists the connections. A wrong facility, address, folder or test is refused, so that no machine
    is turned away later for a slip of the pen."""

    help = "List, add and stop machines that send results; say which test a code of theirs means."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """A verb and what it needs."""
        verbs = parser.add_subparsers(dest="verb")
        add = verbs.add_parser("add", help="let a machine send: by HL7 (--sender, --from) or into a --folder (ASTM)")
        add.add_argument("name")
        add.add_argument("--facility", required=True, metavar="CODE")
        add.add_argument("--sender", default="", help="MSH-4 of its messages")
        add.add_argument("--application", default="", help="MSH-3, if several senders share MSH-4")
        add.add_argument("--from", dest="networks", nargs="+", type=_network, default=[], metavar="ADDRESS")
        add.add_argument("--folder", type=Path, help="where it drops ASTM files")
        add.add_argument("--tests", nargs="+", type=_test, default=[], help="the tests that it may send; default: all")
        add.add_argument("--encoding", default="", help="of messages that do not name theirs in MSH-18, as cp1258")
        stop = verbs.add_parser("stop", help="take nothing from a machine any more")
        stop.add_argument("id", type=int)
        code = verbs.add_parser("code", help="say which test a code of a facility's machines means")
        code.add_argument("code")
        code.add_argument("test", type=lambda text: "" if text == "-" else _test(text), help="a test, or - for none")
        code.add_argument("--facility", required=True, metavar="CODE")
        code.add_argument("--form", choices=("hl7", "astm", "xml4"), default="hl7")

    def handle(self, *args: Any, verb: str | None, **options: Any) -> None:
        """Do it, then list."""
        if verb == "add":
            self.add(**options)
        elif verb == "stop":
            found = MachineConnection.objects.filter(pk=options["id"]).first()
            if found is None:
                raise CommandError(f"There is no machine {options['id']}.")
            stop_connection(connection=found, actor=_ACTOR)
        elif verb == "code":
            CodeMapping.objects.update_or_create(
                facility=_facility(options["facility"]).pk,
                system=options["form"],
                code=options["code"],
                defaults={"test": options["test"]},
            )
        codes = dict(Facility.objects.values_list("pk", "code"))
        for one in MachineConnection.objects.order_by("pk"):
            where = one.folder or f"{one.sending_facility} {one.sending_application} from {one.addresses}"
            state = "" if one.active else " (stopped)"
            self.stdout.write(f"{one.pk}  {codes.get(one.facility)}  {one.name}: {one.protocol} {where}{state}")

    def add(
        self, *, name: str, facility: str, sender: str, networks: list[str], folder: Path | None, **rest: Any
    ) -> None:
        """Add a connection."""
        if bool(folder) == bool(sender and networks):
            raise CommandError("Give --sender and --from for HL7, or --folder for ASTM files.")
        if folder and not folder.is_dir():
            raise CommandError(f"{folder} is no folder.")
        told = {
            "name": name,
            "sending_facility": sender,
            "sending_application": rest["application"],
            "tests": rest["tests"],
            "encoding": rest["encoding"],
        }
        try:
            with translation.override("en"):
                add_connection(
                    facility=_facility(facility),
                    protocol=MachineProtocol.ASTM if folder else MachineProtocol.HL7,
                    actor=_ACTOR,
                    folder=str(folder.resolve()) if folder else "",
                    addresses=networks_in(networks),
                    **told,
                )
        except NotPossible as fault:
            raise CommandError(str(fault)) from None


def _facility(code: str) -> Facility:
    found = Facility.objects.filter(code=code).first()
    if found is None:
        raise CommandError(f"No facility has the code {code}.")
    return found


def _network(text: str) -> str:
    try:
        return str(ipaddress.ip_network(text))
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from None


def _test(text: str) -> str:
    found = named_test(text)
    if found is None:
        raise ArgumentTypeError(f"no protocol has a test {text!r}")
    return found[1]
