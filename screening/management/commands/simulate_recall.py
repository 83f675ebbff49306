"""``manage.py simulate_recall --people 200000 --years 10``: ten years of an invented city in an empty database."""

import signal
import time
from datetime import date
from typing import Any, Final

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import Count

from records.models import Citizen
from screening.models import Invitation
from screening.recall.simulation import PROGRAMMES, City

SAVED: Final = settings.VAR_DIR / "simulation.pickle"
EVERY: Final = 28  # days between two lines


class Command(BaseCommand):
    """Every night's books must balance and agree with what the simulation knows; it stops at the first that do not.

    SIGTERM stops it after the night it is in, a fault in that night; ``--resume`` goes on there.
    """

    help = "Run call and recall over an invented city and check the books every night."

    def add_arguments(self, parser: CommandParser) -> None:
        """Size, length, seed and how many days lie between two nights."""
        parser.add_argument("--people", type=int, default=200_000)
        parser.add_argument("--years", type=int, default=10)
        parser.add_argument("--seed", type=int, default=1)
        parser.add_argument("--step", type=int, default=1, help="days between two nights")
        parser.add_argument("--programme", action="append", help=f"default: {', '.join(PROGRAMMES)}")
        parser.add_argument("--resume", action="store_true", help="go on with a simulation that was stopped")

    def handle(self, *args: Any, **options: Any) -> None:
        """One line every four weeks."""
        self.stopping = False
        signal.signal(signal.SIGTERM, self._stop)
        self.began = time.monotonic()
        city = self._resumed() if options["resume"] else self._founded(options)
        try:
            self._run(city, options["years"], options["step"])
        finally:
            if city.save(SAVED):
                self.stdout.write(f"Saved before {city.on}; --resume goes on there.")
        calls = dict(Invitation.objects.values_list("state").annotate(Count("pk")).order_by("state"))
        ended = "stopped" if self.stopping else "every one balanced"
        self._say(f"{city.nights} nights, {len(city.register.people)} people, {ended}; {calls}")

    def _run(self, city: City, years: int, step: int) -> None:
        for night in city.run(years, step=step):
            if not night.holds:
                raise CommandError(f"The books do not balance: {night}")
            if city.nights % max(1, EVERY // step) == 0:
                self._say(f"{night.on} night {city.nights + 1}: {night.eligible}")
            if self.stopping:
                break

    def _founded(self, options: dict[str, Any]) -> City:
        if Citizen.objects.exists():
            raise CommandError("The database has people in it. Simulate in an empty one: HEALTHHUB_VAR=var/simulation.")
        programmes = tuple(options["programme"] or PROGRAMMES)
        city = City(size=options["people"], seed=options["seed"], first=date(2016, 11, 7), programmes=programmes)
        self._say(f"{len(city.register.people)} people settled")
        return city

    def _resumed(self) -> City:
        if not SAVED.exists():
            raise CommandError(f"No simulation was stopped here: {SAVED} is missing.")
        city = City.load(SAVED)
        SAVED.unlink()  # it speaks of the database as it stands now
        return city

    def _stop(self, *_signal: Any) -> None:
        self.stopping = True

    def _say(self, text: str) -> None:
        self.stdout.write(f"{text}, {time.monotonic() - self.began:.0f} s")
        self.stdout.flush()
