"""`manage.py access_table`: docs/access.md from the code."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from records.access.document import access_page

PAGE = Path(__file__).resolve().parents[3] / "docs" / "access.md"


class Command(BaseCommand):
    """Writes who may see what."""

    help = "Write docs/access.md from the table of records.access"

    def handle(self, *args: Any, **options: Any) -> None:
        """Write the file."""
        PAGE.write_text(access_page(), encoding="utf-8")
        self.stdout.write(str(PAGE))
