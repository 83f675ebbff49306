"""Take in a file of results: ``manage.py import_results FILE``."""

import time
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from records.models import Facility
from screening.imports.batches import batch_of_path, notice_texts
from screening.imports.errors import error_lines
from screening.imports.running import run_batch
from screening.models import BatchState, ImportBatch
from screening.versions import notice_versions


class Command(BaseCommand):
    """Runs the importer of the upload page here and now, for all facilities: reads, and stores all good rows without a
    review.

    Ends with 0 if the file was read, bad rows or not; with 2 if it cannot be read. A run that was broken off goes on
    where it stood.
    """

    help = "Import screening results from a CSV, XLSX, XML4 or ASTM file."

    def add_arguments(self, parser: CommandParser) -> None:
        """FILE, and where to put the bad rows."""
        parser.add_argument("file", type=Path, metavar="FILE", help="CSV, XLSX, XML4 or ASTM")
        parser.add_argument(
            "--facility", metavar="CODE", help="take results of this facility only, and read its codes (XML4, ASTM)"
        )
        parser.add_argument(
            "--errors", type=Path, metavar="FILE", help="write the bad rows there, with column and reason"
        )

    def handle(self, *args: Any, file: Path, errors: Path | None, facility: str | None, **options: Any) -> None:
        """Run and tell."""
        if not file.is_file():
            raise CommandError(f"{file}: no such file.", returncode=2)
        known = Facility.objects.filter(code=facility, active=True).first() if facility is not None else None
        if facility is not None and known is None:
            raise CommandError(f"No facility has the code {facility}.", returncode=2)
        notice_versions(now=True)
        self.started = time.monotonic()
        batch = run_batch(batch_of_path(file, facility=known.pk if known else None).pk, progress=self.show)
        if batch is None:
            raise CommandError(f"{file} is being imported by another process.", returncode=2)
        self.stderr.write("")
        if batch.state == BatchState.FAILED:
            raise CommandError(f"{file}: {batch.problem}", returncode=2)
        for text in notice_texts(batch):
            self.stdout.write(f"- {text}")
        self.stdout.write(
            f"{batch.processed} rows: {batch.new} new, {batch.matched} matched, "
            f"{batch.corrected} corrected, {batch.unchanged} unchanged, "
            f"{batch.repeated} repeated, {batch.close + batch.nobody} set aside, {batch.failed} failed "
            f"({time.monotonic() - self.started:.1f} s)"
        )
        if batch.parked:
            self.stdout.write(f"{batch.parked} rows name nobody for certain: they wait in the matching queue.")
        if batch.failed and errors:
            with errors.open("wb") as bad:
                bad.writelines(error_lines(batch))
        if batch.failed:
            self.stdout.write(f"Bad rows: {errors or 'give --errors FILE, or see the batch'}")

    def show(self, batch: ImportBatch) -> None:
        """The line of progress."""
        seconds = time.monotonic() - self.started
        self.stderr.write(
            f"\r{batch.state} {batch.percent:3d} %  {batch.processed} rows read, {batch.handled} handled, "
            f"{batch.failed} failed  {seconds:.0f} s ",
            ending="",
        )
        self.stderr.flush()
