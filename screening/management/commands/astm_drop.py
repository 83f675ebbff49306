"""Take in the ASTM files that analysers drop into folders: ``manage.py astm_drop [--every SECONDS]``."""

import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from screening.machines.dropping import drop_folders, take_folder
from screening.versions import notice_versions


class Command(BaseCommand):
    """Goes through the folders of all machine connections once, or again and again."""

    help = "Import the ASTM files in the folders of machine connections."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """How often."""
        parser.add_argument("--every", type=float, metavar="SECONDS", help="look again after so many seconds, for ever")

    def handle(self, *args: Any, every: float | None, **options: Any) -> None:
        """Look."""
        while True:
            notice_versions()
            for connection in drop_folders():
                try:
                    batches = take_folder(connection)
                except OSError as error:
                    self.stderr.write(f"{connection.name}: {error}")
                    continue
                for batch in batches:
                    self.stdout.write(
                        f"{connection.name}: {batch.filename}: {batch.state}, {batch.stored} stored, "
                        f"{batch.unchanged} unchanged, {batch.parked} parked, {batch.failed} failed {batch.problem}"
                    )
            if every is None:
                return
            time.sleep(every)  # --every: how often the folder is looked into
