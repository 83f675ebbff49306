"""``manage.py simulate_recall --people 200000 --years 10``: ten years of an invented city in an empty database."""

import time
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import Count

from records.models import Citizen
from screening.models import Invitation
from screening.recall.simulation import PROGRAMMES, City


class Command(BaseCommand):
    """Every night's books must balance and agree with what the simulation knows; it stops at the first that do not."""

    help = "Run call and recall over an invented city and check the books every night."

    def add_arguments(self, parser: CommandParser) -> None:
        """Size, length, seed and how many days lie between two nights."""
        parser.add_argument("--people", type=int, default=200_000)
        parser.add_argument("--years", type=int, default=10)
        parser.add_argument("--seed", type=int, default=1)
        parser.add_argument("--step", type=int, default=1, help="days between two nights")
        parser.add_argument("--programme", action="append", help=f"default: {', '.join(PROGRAMMES)}")

    def handle(self, *args: Any, **options: Any) -> None:
        """One line every four weeks."""
        if Citizen.objects.exists():
            raise CommandError("The database has people in it. Simulate in an empty one: HEALTHHUB_VAR=var/simulation.")
        began = time.monotonic()
        city = City(
            size=options["people"],
            seed=options["seed"],
            first=date(2016, 11, 7),
            programmes=tuple(options["programme"] or PROGRAMMES),
        )
        self.stdout.write(f"{len(city.register.people)} people settled in {time.monotonic() - began:.0f} s")
        nights = 0
        for night in city.run(options["years"], step=options["step"]):
            nights += 1
            if not night.holds:
                raise CommandError(f"The books do not balance: {night}")
            if nights % max(1, 28 // options["step"]) == 1:
                self.stdout.write(f"{night.on} night {nights}, {time.monotonic() - began:.0f} s: {night.eligible}")
                self.stdout.flush()
        calls = dict(Invitation.objects.values_list("state").annotate(Count("pk")).order_by("state"))
        self.stdout.write(f"{nights} nights, {len(city.register.people)} people, every one balanced; {calls}; "
                          f"{time.monotonic() - began:.0f} s")  # fmt: skip
