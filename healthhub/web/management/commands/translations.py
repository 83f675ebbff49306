"""`manage.py translations extract | check | compile`: the English catalogue, without GNU gettext's programs."""

import argparse
import io
from collections.abc import Iterator
from pathlib import Path

from babel.messages import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from healthhub.web.messages import Text, find_texts

FOLDERS = ["healthhub", "fhir", "records", "screening"]
KEPT_LINES = ("msg", '"MIME-Version', '"Content-T', '"Plural-Forms', '"Language:')


class Command(BaseCommand):
    """Vietnamese is the language of the texts in the code, so only other languages have a catalogue."""

    help = "Collects the texts to translate, checks that each is translated, compiles the catalogues."
    requires_system_checks = []

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("action", choices=["extract", "check", "compile"])

    def handle(self, *, action: str, **options: object) -> None:
        for path in self._catalogues():
            if action == "compile":
                with path.with_suffix(".mo").open("wb") as file:
                    write_mo(file, read(path))
                continue
            old, new = read(path), updated(path, find_texts(Path(settings.BASE_DIR), FOLDERS))
            if action == "extract":
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(as_text(new), encoding="utf-8")
                open_texts = sum(not is_translated(message.string) for message in new if message.id)
                self.stdout.write(f"{path}: {len(new)} texts, {open_texts} to translate")
            elif problems := list(find_problems(old, new)):
                raise CommandError("\n".join([f"{path}:", *problems, "Run `make messages`, then translate."]))

    def _catalogues(self) -> Iterator[Path]:
        for language, _name in settings.LANGUAGES:
            if language != settings.LANGUAGE_CODE:
                yield Path(settings.LOCALE_PATHS[0]) / language / "LC_MESSAGES" / "django.po"


def read(path: Path) -> Catalog:
    """The catalogue in the file, an empty one if there is none yet."""
    language = path.parts[-3]
    if not path.exists():
        return Catalog(locale=language)
    with path.open("rb") as file:
        return read_po(file, locale=language, domain="django")


def updated(path: Path, texts: dict[Text, set[str]]) -> Catalog:
    """The texts in use, with the translations that the file has for them; texts out of use are dropped."""
    old, new = read(path), Catalog(locale=path.parts[-3])
    for context, singular, plural in texts:
        known = old.get(singular, context)
        string = known.string if known and isinstance(known.string, str) == (plural is None) else None
        id_ = singular if plural is None else (singular, plural)
        new.add(id_, string, context=context, locations=[(use, 0) for use in sorted(texts[context, singular, plural])])
    return new


def as_text(catalog: Catalog) -> str:
    """The file's text: sorted, and without dates and line numbers, which would change with every edit elsewhere."""
    buffer = io.BytesIO()
    write_po(buffer, catalog, width=110, sort_output=True, include_lineno=False, omit_header=False)
    header, _blank, rest = buffer.getvalue().decode().partition("\n\n")
    lines = [line for line in header.splitlines() if line.startswith(KEPT_LINES)]
    return "\n".join(lines) + "\n\n" + rest.rstrip("\n") + "\n"


def find_problems(old: Catalog, new: Catalog) -> Iterator[str]:
    """What is missing, out of use or wrong in the file, one line each."""
    in_file = {(message.context, message.id) for message in old if message.id}
    in_use = {(message.context, message.id) for message in new if message.id}
    yield from (f"  not in the catalogue: {id_!r}" for _context, id_ in sorted(in_use - in_file, key=str))
    yield from (f"  no longer used: {id_!r}" for _context, id_ in sorted(in_file - in_use, key=str))
    for message in old:
        if message.id and (message.context, message.id) in in_use:
            if not is_translated(message.string) or message.fuzzy:
                yield f"  not translated: {message.id!r}"
            else:
                yield from (f"  {message.id!r}: {error}" for error in message.check(old))


def is_translated(string: object) -> bool:
    """Whether every form of the translation has a text."""
    return all(string) if isinstance(string, list | tuple) else bool(string)
