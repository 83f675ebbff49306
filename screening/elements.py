"""Reads the elements of FHIR resources that all screening facts have in common: days, codes, who did it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from screening.protocol.events import add_months

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
_date = re.compile(r"(\d{4})(?:-(\d\d))?(?:-(\d\d))?$")


@dataclass(frozen=True, slots=True)
class Fact:
    """What a resource says about screening. ``data`` is the event's (see ``protocol.events.Event``).

    ``programme`` is "" for facts of the person (contacted, died). ``result`` holds the columns of ScreeningResult that
    come from the resource; None for any other fact.
    """

    fact: str
    programme: str
    occurred_on: date
    data: dict[str, Any]
    result: dict[str, Any] | None = None


def day_of(text: Any) -> date | None:
    """The day in Hanoi of a FHIR date, dateTime or instant; of a month or year its first day. None if unreadable."""
    if not isinstance(text, str):
        return None
    if found := _date.match(text):
        year, month, day = (int(part) if part else 1 for part in found.groups())
        try:
            return date(year, month, day)
        except ValueError:
            return None
    moment = moment_of(text)
    try:
        return moment.astimezone(ZONE).date() if moment else None
    except OverflowError:  # 9999-12-31T23:59:59Z, which some systems write for "for ever"
        return None


def moment_of(text: Any) -> datetime | None:
    """The moment of a FHIR dateTime or instant with its time zone; None of anything else."""
    if not isinstance(text, str):
        return None
    moment = _moment(text) or _moment(re.sub(r"\.\d+", "", text))  # more digits of a second than Python reads
    return moment if moment and moment.tzinfo else None


def last_day_of(text: Any) -> date | None:
    """As ``day_of``, but of a month or year its last day."""
    first = day_of(text)
    found = _date.match(text) if first and isinstance(text, str) else None
    if first is None or found is None or found[3]:
        return first
    following = add_months(first, 1 if found[2] else 12)
    return date.fromordinal(following.toordinal() - 1)


def codings(concept: Any) -> list[Mapping[str, Any]]:
    """The codings of a CodeableConcept."""
    return concept.get("coding") or [] if isinstance(concept, Mapping) else []


def pairs(concept: Any) -> set[tuple[Any, Any]]:
    """The (system, code) of a CodeableConcept."""
    return {(coding.get("system"), coding.get("code")) for coding in codings(concept)}


def organization(reference: Any) -> str | None:
    """The id that a Reference to an Organization holds."""
    text = (reference or {}).get("reference") or ""
    return text.split("/")[1] if text.startswith("Organization/") else None


def performer_of(resource: Mapping[str, Any], facility: str | None) -> str | None:
    """The Organization that did it, or whose software wrote it. A Procedure names it one level deeper."""
    performers: Sequence[Mapping[str, Any]] = resource.get("performer") or ()
    for performer in performers:
        for reference in (performer, performer.get("actor"), performer.get("onBehalfOf")):
            if isinstance(reference, Mapping) and (found := organization(reference)):
                return found
    return facility


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return None
