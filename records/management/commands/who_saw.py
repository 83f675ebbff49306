"""manage.py who_saw: the breach kit. Who did what with whose record, as CSV, with a summary."""

import csv
import os
import re
from argparse import ArgumentParser
from datetime import datetime
from pathlib import Path
from typing import Any, TextIO

from django.core.management.base import BaseCommand, CommandError
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.timezone import is_naive, localtime, make_aware

from healthhub.accounts.models import User
from records.breach import COLUMNS, Summary, who_saw
from records.models import Citizen
from records.models.citizens import carrying

_SHOWN = 20


class Command(BaseCommand):
    """Each option narrows the lines; at least one is needed. The summary goes to stderr: it never is in the CSV."""

    help = "Say who did what with whose record, for the notice of a breach."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Options."""
        parser.add_argument("--citizen", help="a Patient's id, or - to type a citizen or insurance number")
        parser.add_argument("--user", help="an e-mail address, or an actor as the log has it: user:12, client:his")
        parser.add_argument("--since", help="a day or a time, as in 2026-11-23 or 2026-11-23T14:30")
        parser.add_argument("--out", type=Path, help="the new file to write; without it the CSV is printed")

    def handle(self, *args: Any, **options: Any) -> None:
        """Write the lines, then tell what a notice has to say."""
        if not (options["citizen"] or options["user"] or options["since"]):
            raise CommandError("Name a citizen, a user or a time.")
        citizen = _citizen(options["citizen"]) if options["citizen"] else None
        actor = _actor(options["user"]) if options["user"] else None
        since = _time(options["since"]) if options["since"] else None
        summary = Summary()
        out = _new_file(options["out"]) if options["out"] else None
        try:
            writer = csv.writer(out or self.stdout)
            writer.writerow(COLUMNS)
            writer.writerows(who_saw(summary, citizen=citizen, actor=actor, since=since))
        finally:
            if out:
                out.close()
        self.stderr.write(_told(summary), self.style.NOTICE)


def _new_file(path: Path) -> TextIO:
    """A file that only its owner may read; with the mark by which Excel knows UTF-8."""
    try:
        number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise CommandError(f"{path} cannot be made: {error.strerror}.") from error
    return os.fdopen(number, "w", encoding="utf-8-sig", newline="")


def _citizen(text: str) -> str:
    if text != "-":
        if not Citizen.objects.filter(pk=text).exists():
            raise CommandError(f"There is no Patient {text}.")
        return text
    number = re.sub(r"[\s.\-]", "", input("Number: ")).upper()
    found = list(Citizen.objects.filter(carrying([number])).values_list("pk", flat=True)[:2]) if number else []
    if len(found) != 1:
        raise CommandError("Nobody, or more than one person, has this number. Name the Patient's id.")
    return str(found[0])


def _actor(text: str) -> str:
    if re.fullmatch(r"(user|client|system):\S+", text):
        return text
    user = User.objects.filter(email=text.lower()).first()
    if user is None:
        raise CommandError(f"There is no account {text}.")
    return f"user:{user.pk}"


def _time(text: str) -> datetime:
    """In the city's time, where no zone is said."""
    try:
        day = parse_date(text)
        found = datetime(day.year, day.month, day.day) if day else parse_datetime(text)  # noqa: DTZ001 - made aware below
    except ValueError:
        found = None
    if found is None:
        raise CommandError(f"{text} is no day or time such as 2026-11-23 or 2026-11-23T14:30.")
    return make_aware(found) if is_naive(found) else found


def _told(summary: Summary) -> str:
    if not summary.first or not summary.last:
        return "No line of the access log is about this."
    span = f"{localtime(summary.first):%d/%m/%Y %H:%M} to {localtime(summary.last):%d/%m/%Y %H:%M}"
    head = f"{summary.lines} lines about {len(summary.people)} people by {len(summary.actors)} actors, {span}."
    shown = [f"{count:>8}  {who}" for who, count in summary.actors.most_common(_SHOWN)]
    more = len(summary.actors) - len(shown)
    return "\n".join([head, *shown, *([f"          and {more} more"] if more else [])])
