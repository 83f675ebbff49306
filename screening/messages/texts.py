"""The texts of messages: read once, checked when read, filled with a place, a day and a link."""

import re
import string
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Final

from django.conf import settings

from screening.messages.discretion import discreet
from screening.models.messages import MessageKind

FILE: Final = Path(__file__).with_name("texts.toml")
LANGUAGES: Final = ("vi", "en")
FIELDS: Final = frozenset({"facility", "when", "where", "link"})
_TIME = re.compile(r"[0-2][0-9]:[0-5][0-9]")


@dataclass(frozen=True, slots=True)
class Text:
    """A text of one kind in one language; ``version`` is the kind's. Who approved it: ``messages.approval``."""

    kind: str
    language: str
    version: int
    short: str
    subject: str
    body: str

    @property
    def name(self) -> str:
        """As messages keep it: kind, language and version."""
        return f"{self.kind}.{self.language}.{self.version}"


@cache
def texts() -> Mapping[tuple[str, str], Text]:
    """All texts by kind and language. Raises ValueError if one is missing or has an unknown field."""
    raw = tomllib.loads(FILE.read_text(encoding="utf-8"))
    found = {(kind, language): _read(raw, kind, language) for kind in MessageKind.values for language in LANGUAGES}
    if unknown := set(raw) - set(MessageKind.values):
        raise ValueError(f"{FILE.name}: no such kind: {sorted(unknown)}")
    return found


def text_of(kind: str, language: str) -> Text:
    """The text of a kind, in Vietnamese if there is none in that language."""
    return texts().get((kind, language)) or texts()[kind, "vi"]


def fill(template: str, *, language: str, facility: str, data: Mapping[str, str], link: str) -> str:
    """A template with its fields filled; names that tell too much are replaced (see ``discretion``)."""
    place = data.get("place", "")
    return template.format(
        facility=discreet(facility, language),
        when=_when(data, language),
        where=f" {'tại' if language == 'vi' else 'at'} {discreet(place, language)}" if place else "",
        link=link,
    ).strip()


def link_of(token: str) -> str:
    """The page that a message leads to: it asks to sign in, whatever the token."""
    return f"{settings.PUBLIC_URL}/m/{token}"


def _when(data: Mapping[str, str], language: str) -> str:
    try:
        day = date.fromisoformat(data.get("date", ""))
    except ValueError:
        return ""
    time = data.get("time", "")
    time = time[:5] if _TIME.match(time) else ""
    if language == "vi":
        return f"{f' lúc {time}' if time else ''} ngày {day:%d/%m/%Y}"
    return f" on {day:%d/%m/%Y}{f' at {time}' if time else ''}"


def _read(raw: Mapping[str, Mapping], kind: str, language: str) -> Text:
    try:
        of_kind = raw[kind]
        words = of_kind[language]
        found = Text(kind, language, of_kind["version"], **words)
    except (KeyError, TypeError) as error:
        raise ValueError(f"{FILE.name}: {kind}.{language} is not complete: {error}") from error
    for template in (found.short, found.subject, found.body):
        fields = {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}
        if fields - FIELDS:
            raise ValueError(f"{FILE.name}: {kind}.{language} uses {sorted(fields - FIELDS)}")
    return found
