"""Remake everything that is derived from stored resources: index, people, results, statistics."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from fhir import hooks, reindex


class Command(BaseCommand):
    """``manage.py rebuild``."""

    help = "Remake the search index and every table derived from stored resources."

    def add_arguments(self, parser: CommandParser) -> None:
        """``--skip-index`` leaves the search index as it is."""
        parser.add_argument("--skip-index", action="store_true", help="leave the search index as it is")

    def handle(self, *args: Any, **options: Any) -> None:
        """Index first, then each app's derived rows in the order of their registration."""
        if not options["skip_index"]:
            for done in reindex.reindex_all():
                self.stderr.write(f"\rindexed {done}", ending="")
            self.stderr.write("")
        hooks.run_rebuild()
        self.stdout.write(self.style.SUCCESS("Rebuilt."))
