"""Check, compare, run on paper and publish protocols: ``manage.py protocol check|diff|dry-run|publish``."""

import json
import tomllib
from datetime import date
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from screening.paper import COUNTS, area_names, run_on_paper
from screening.planning import publish
from screening.protocol import Protocol, ProtocolError, protocols
from screening.protocol.check import faults_of_versions
from screening.protocol.differences import differences
from screening.protocol.load import Source, of_source, source_of
from screening.versions import notice_versions

_HEADS = {
    "before": "before",
    "after": "after",
    "enters": "new",
    "leaves": "fall out",
    "moved": "other date",
    "earlier": "earlier",
    "later": "later",
    "becomes_due": "becomes due",
    "no_longer_due": "no longer due",
}


class Command(BaseCommand):
    """Each part is a word of its own; a protocol is named by its file or as programme@version."""

    help = "Check, compare, run on paper and publish protocols."

    def add_arguments(self, parser: CommandParser) -> None:
        """The four words and what each takes."""
        words = parser.add_subparsers(dest="word", required=True)
        check = words.add_parser("check", help="tell every fault of a file, with its place")
        check.add_argument("file", metavar="FILE|PROGRAMME@VERSION")
        diff = words.add_parser("diff", help="compare two versions field by field")
        diff.add_argument("old", metavar="OLD")
        diff.add_argument("new", metavar="NEW")
        diff.add_argument("--language", choices=("vi", "en"), default="en")
        diff.add_argument("--json", action="store_true", help="print JSON")
        paper = words.add_parser("dry-run", help="what a version would change for everybody, by area; writes nothing")
        paper.add_argument("file", metavar="FILE|PROGRAMME@VERSION")
        paper.add_argument("--on", type=date.fromisoformat, metavar="YYYY-MM-DD", help="the day; its first, or today")
        paper.add_argument("--json", action="store_true", help="print JSON")
        words.add_parser("publish", help="save all versions as PlanDefinition and ActivityDefinition")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do the word's part."""
        if options["word"] != "check":
            notice_versions(now=True)
        getattr(self, f"_{options['word'].replace('-', '_')}")(options)

    def _check(self, options: dict[str, Any]) -> None:
        protocol = self._read(options["file"])
        others = [one for one in protocols() if (one.programme, one.version) != (protocol.programme, protocol.version)]
        if faults := faults_of_versions([*others, protocol]):
            raise CommandError("\n".join(faults))
        self.stdout.write(f"{protocol.programme} {protocol.version}: no fault.")

    def _diff(self, options: dict[str, Any]) -> None:
        texts = [self._source(options[name]) for name in ("old", "new")]
        for source in texts:
            self._parse(source)
        found = differences(*(tomllib.loads(source.text) for source in texts))
        if options["json"]:
            rows = [
                {
                    "kind": one.kind,
                    "path": one.path,
                    "old": one.old["en"],
                    "new": one.new["en"],
                    "sentence": one.sentence(options["language"]),
                }
                for one in found
            ]
            self.stdout.write(json.dumps(rows, ensure_ascii=False, indent=2))
            return
        signs = {"added": "+", "removed": "-", "changed": "~"}
        for one in found:
            self.stdout.write(f"{signs[one.kind]} {one.sentence(options['language'])}")
        if not found:
            self.stdout.write("No difference.")

    def _dry_run(self, options: dict[str, Any]) -> None:
        protocol = self._read(options["file"])
        on = options["on"] or max(protocol.valid_from, timezone.localdate())

        def progress(percent: int) -> None:
            self.stderr.write(f"\r{percent:3d} %", ending="" if percent < 100 else "\n")

        found = run_on_paper(protocol, on, progress=progress)
        names = area_names(list(found.areas))
        if options["json"]:
            shown = found.as_json()
            for row in shown["areas"]:
                row["name"], row["district"] = names[row["area"]]
            self.stdout.write(json.dumps(shown, ensure_ascii=False, indent=2))
            return
        against = f"{found.programme} {found.against}" if found.against else "no version (a new programme)"
        self.stdout.write(f"{found.programme} {found.version} on {on:%d/%m/%Y}, against {against}. Nothing is written.")
        self.stdout.write(f"{'':<40}" + "".join(f"{_HEADS[name]:>15}" for name in COUNTS))
        rows = [("All", found.total)]
        rows += [
            (", ".join(part for part in names[area] if part) or "area not known", counts)
            for area, counts in sorted(found.areas.items(), key=lambda item: names[item[0]][::-1])
        ]
        for name, counts in rows:
            self.stdout.write(f"{name:<40}" + "".join(f"{counts[key]:>15}" for key in COUNTS))

    def _publish(self, options: dict[str, Any]) -> None:
        saved = publish(protocols())
        changed = sum(one.changed for one in saved)
        self.stdout.write(f"{len(saved)} definitions, {changed} of them new or changed.")

    def _read(self, name: str) -> Protocol:
        return self._parse(self._source(name))

    def _parse(self, source: Source) -> Protocol:
        try:
            return of_source(source)
        except ProtocolError as faults:
            raise CommandError(str(faults)) from None

    def _source(self, name: str) -> Source:
        path = Path(name)
        if path.is_file():
            try:
                return Source(path.name, path.read_text(encoding="utf-8"))
            except UnicodeDecodeError:
                raise CommandError(f"{name}: is not a text in UTF-8.") from None
        programme, at, version = name.partition("@")
        found = source_of(programme, version) if at else None
        if found is None:
            known = ", ".join(f"{one.programme}@{one.version}" for one in protocols())
            raise CommandError(f"{name}: no such file, nor a known version ({known}).", returncode=2)
        return found
