"""Call and recall by hand: ``manage.py recall [--on 2026-11-23] [--programme colorectal]``."""

from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from screening.protocol import programmes
from screening.recall.run import carry_on, start_run
from screening.versions import notice_versions


class Command(BaseCommand):
    """The nightly run. Killed, it goes on where it was when started again; a second run of a day does nothing twice."""

    help = "Work out who is due, plan and send invitations, remind, and write the nightly balance."

    def add_arguments(self, parser: CommandParser) -> None:
        """The night and the programmes."""
        parser.add_argument("--on", type=date.fromisoformat, default=None, metavar="YYYY-MM-DD", help="default: today")
        parser.add_argument("--programme", action="append", help="only this programme; may be repeated")

    def handle(self, *args: Any, **options: Any) -> None:
        """Say each step that is done, then the counts."""
        notice_versions(now=True)
        only = options["programme"] or []
        if unknown := set(only) - set(programmes()):
            raise CommandError(f"Unknown: {', '.join(sorted(unknown))}. Known: {', '.join(programmes())}.")
        run = start_run(options["on"] or timezone.localdate(), only=only)
        shown = -1

        def show() -> bool:
            nonlocal shown
            run.refresh_from_db()
            if run.percent != shown:
                shown = run.percent
                self.stdout.write(f"{shown:3} %  {run.done[-1] if run.done else ''}")
            return False

        run = carry_on(run, stop=show)
        self.stdout.write(", ".join(f"{word} {count}" for word, count in sorted(run.counts.items())))
