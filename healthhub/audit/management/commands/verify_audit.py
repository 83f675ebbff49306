"""`manage.py verify_audit`: whether the access log is still what was sealed."""

from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from healthhub.audit.verification import Verified, verify


class Command(BaseCommand):
    """Reads the whole log, so it takes its time; changes nothing. Ends with 1 if anything is broken."""

    help = "Check that no line of the access log and no seal was changed, removed or added."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Options."""
        parser.add_argument(
            "--known", type=_seal, metavar="NUMBER:DIGEST", help="a seal as it was noted elsewhere, which must be here"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Name every break, or say how much is intact and the last digest, to be kept elsewhere."""
        found = verify(known=options["known"])
        if found.breaks:
            raise CommandError("The access log is broken:\n" + "\n".join([*found.breaks, _open(found)]))
        last = f"seal {found.last.pk}:{found.last.digest}" if found.last else "no seal yet"
        self.stdout.write(f"{found.entries} sealed lines are intact ({last}).\n{_open(found)}")


def _open(found: Verified) -> str:
    since = f", the oldest of {found.oldest:%Y-%m-%d %H:%M} UTC" if found.oldest else ""
    return f"{found.unsealed} lines are not sealed yet{since}."


def _seal(text: str) -> tuple[int, str]:
    number, _, digest = text.partition(":")
    if not number.isdigit() or len(digest) != 64:
        raise ArgumentTypeError("write it as verify_audit prints it: NUMBER:DIGEST")
    return int(number), digest
