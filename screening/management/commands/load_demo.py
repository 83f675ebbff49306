"""manage.py load_demo"""

import sys
import time
from argparse import ArgumentParser
from datetime import date
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from screening.demo.load import Refused, load
from screening.demo.places import UnknownDistricts
from screening.demo.plan import Options
from screening.planning import publish
from screening.protocol import protocols


class Command(BaseCommand):
    """Load the demo city, and publish the protocols that it was screened by."""

    help = (
        "Load the demo city: a simulation of the 2017 screening pilot, labelled as such and about no real person. "
        "The same options give the same resources, byte for byte but for the server's timestamps. "
        "Does nothing if the city is loaded; takes up a load that was broken off."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--tests", type=int, default=40700, help="screening tests in all (default: %(default)s)")
        parser.add_argument("--seed", type=int, default=1, help="another number, another city (default: %(default)s)")
        parser.add_argument(
            "--districts",
            default=",".join(settings.PILOT_DISTRICTS),
            help="codes of 2017, separated by commas; the first district has the demo clinic (default: %(default)s)",
        )
        parser.add_argument(
            "--today",
            type=date.fromisoformat,
            default=timezone.localdate(),
            help="YYYY-MM-DD, when the demo clinic's present work and the demo citizen's record lie (default: today)",
        )
        parser.add_argument("--processes", type=int, default=2, help="processes that write (default: %(default)s)")

    def handle(self, *args: Any, **options: Any) -> None:
        """Load, with a line of progress on standard error."""
        if not settings.DEMO:
            raise CommandError(
                "The demo city is not for a real deployment: its passwords are published. "
                "Set HEALTHHUB_DEMO=1 if this database is for a demonstration only."
            )
        wanted = Options(
            tests=options["tests"],
            seed=options["seed"],
            districts=tuple(code.strip() for code in options["districts"].split(",") if code.strip()),
            today=options["today"],
        )
        started = time.monotonic()
        try:
            done = load(wanted, processes=options["processes"], progress=self._progress(started))
        except Refused as refused:
            raise CommandError(str(refused)) from None
        except UnknownDistricts as unknown:
            raise CommandError(f"No district of Hanoi had this code in 2017: {unknown}.") from None
        if done is None:
            self.stdout.write("The demo city is loaded already.")
            return
        publish(protocols())
        seconds = time.monotonic() - started
        self.stdout.write(f"Loaded the demo city: {done.tests:,} tests, {done.resources:,} resources, {seconds:.1f} s.")

    def _progress(self, started: float) -> Any:
        """A line rewritten in place on a terminal, one line for each tenth elsewhere."""
        told = -1

        def progress(done: int, total: int) -> None:
            nonlocal told
            if sys.stderr.isatty():
                rate = done / max(time.monotonic() - started, 0.001)
                end = "\n" if done == total else ""
                self.stderr.write(
                    f"\r{done * 100 // total:3} %  {done:,} of {total:,} tests, {rate:,.0f}/s ", ending=end
                )
            elif (tenth := done * 10 // total) > told:
                told = tenth
                self.stderr.write(f"{tenth * 10} %")

        return progress
