"""Print the city's figures: ``manage.py statistics [--json]``."""

import json
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from screening.protocol import programmes
from screening.statistics import cells
from screening.statistics.report import Filters, report, to_dict
from screening.versions import notice_versions


def _month(text: str) -> date:
    return date.fromisoformat(text if len(text) > 7 else f"{text}-01")


class Command(BaseCommand):
    """The report of the statistics page, from the same function."""

    help = "Print the figures of the screening programmes."

    def add_arguments(self, parser: CommandParser) -> None:
        """The page's filters, and the form."""
        parser.add_argument("--json", action="store_true", help="print JSON")
        parser.add_argument("--programme", default="", help="only this programme, e.g. colorectal")
        parser.add_argument("--from", type=_month, dest="first", metavar="YYYY-MM", help="first month")
        parser.add_argument("--to", type=_month, dest="last", metavar="YYYY-MM", help="last month")
        parser.add_argument("--district", action="append", metavar="CODE", help="only this district; may be repeated")
        parser.add_argument(
            "--as-is", action="store_true", help="do not count first what has changed since the last refresh"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Count what is stale, then print: the figures equal a count of the stored results."""
        notice_versions(now=True)
        if options["programme"] and options["programme"] not in programmes():
            raise CommandError(f"Unknown programme {options['programme']}. Known: {', '.join(programmes())}.")
        if not options["as_is"]:
            cells.refresh()
        districts = tuple(options["district"]) if options["district"] else None
        found = report(Filters(options["programme"], options["first"], options["last"], districts))
        if options["json"]:
            self.stdout.write(json.dumps(to_dict(found), ensure_ascii=False, indent=2))
            return
        for title, table, label in (("Tests", found.totals, ""), ("Districts", found.districts, "area_name")):
            heads = f"{'tested':>9}{'positive':>9}{'inadeq.':>8}{'referred':>9}{'assessed':>9}"
            self.stdout.write(f"\n{title:<34}{heads}  positivity (95 %)")
            for row in table:
                name = f"{row['programme']} {row['test']}" + (f" {row[label] or '?'}" if label else "")
                self.stdout.write(
                    f"{name:<34}{row['tested']:>9}{row['positive']:>9}{row['inadequate']:>8}{row['referred']:>9}"
                    f"{row['assessed']:>9}  {row['positivity']:.1%} "
                    f"({row['positivity_low']:.1%} - {row['positivity_high']:.1%})"
                )
