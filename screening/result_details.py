"""What is folded under a result: how it was measured, who entered it, what it said before."""

from dataclasses import dataclass
from datetime import date, datetime
from itertools import pairwise
from typing import NamedTuple

from django.contrib.auth import get_user_model
from django.utils import timezone
from django.utils.translation import gettext as _

from fhir.models import Resource, ResourceVersion
from fhir.text import parse
from healthhub.web.charts import CutoffBar, cutoff_bar
from records.display import read_value
from screening.citizen import amount, here, language
from screening.episodes import wordings_shown
from screening.models import ScreeningResult
from screening.protocol import protocol_for
from screening.wording import are_approved


@dataclass(frozen=True, slots=True)
class Version:
    """What a result said before it was corrected, and until when."""

    value: str
    until: date


@dataclass(frozen=True, slots=True)
class Details:
    """What lies behind a verdict; texts are "" where nothing is recorded."""

    value: str
    cutoff: str
    kit: str
    specimen: str
    resulted_on: date | None
    entered_by: str
    entered_on: date | None
    reading: str
    protocol: str
    approved: bool
    bar: CutoffBar | None
    earlier: list[Version]


class _Text(NamedTuple):
    """One version of the Observation."""

    author: str
    saved_at: datetime
    value: str


def details(result: ScreeningResult) -> Details:
    """The details of a result (select ``facility`` and ``episode`` with it); the caller has checked access."""
    protocol = protocol_for(result.programme, result.collected_on)
    test = protocol.tests.get(result.test)
    unit = test.units[result.unit].display if test and result.unit in test.units else result.unit
    versions = _versions(result.observation_id)
    value, cutoff = amount(result.value, unit, result.comparator), amount(result.cutoff, unit)
    bar = None
    if result.value is not None and result.cutoff is not None:
        bar = cutoff_bar(value=float(result.value), cutoff=float(result.cutoff), value_text=value, cutoff_text=cutoff)
    return Details(
        value=value or (versions[-1].value if versions else ""),
        cutoff=cutoff,
        kit=result.kit,
        specimen=result.specimen_id,
        resulted_on=result.resulted_on,
        entered_by=author_name(versions[0].author, facility=_facility(result)) if versions else "",
        entered_on=timezone.localdate(versions[0].saved_at) if versions else None,
        reading=result.explanation.get(language(), ""),
        protocol=f"{here(protocol.name)}, {protocol.version}",
        approved=are_approved(*wordings_shown(result)),
        bar=bar,
        earlier=[
            Version(old.value, timezone.localdate(new.saved_at))
            for old, new in reversed(list(pairwise(versions)))
            if old.value != new.value
        ],
    )


def author_name(author: str, *, facility: str) -> str:
    """Who wrote a version, from the version's actor's id: a person's name, a facility's software, or HealthHub."""
    kind, _colon, key = author.partition(":")
    if kind == "user" and key.isdecimal():
        user = get_user_model().objects.filter(pk=int(key)).first()
        return (user.name or user.email) if user else _("Nhân viên y tế")
    if kind == "client":
        return _("Phần mềm của %(facility)s") % {"facility": facility} if facility else _("Phần mềm của cơ sở y tế")
    return "HealthHub" if author else ""


def _facility(result: ScreeningResult) -> str:
    return result.facility.name if result.facility else ""


def _versions(observation_id: str) -> list[_Text]:
    """All versions, oldest first."""
    key = {"type": "Observation", "id": observation_id, "deleted": False}
    columns = ("author", "last_updated", "content")
    rows = [
        *ResourceVersion.objects.filter(**key).order_by("version").values_list(*columns),
        *Resource.objects.filter(**key).values_list(*columns),
    ]
    return [_Text(author, saved_at, read_value(parse(content).resource)) for author, saved_at, content in rows]
