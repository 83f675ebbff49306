"""Who saw what, for the notice that a breach asks for within 72 hours (Law 91/2025, article 23)."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from django.db.models import OuterRef, QuerySet, Subquery
from django.utils.timezone import localtime

from healthhub.accounts.actors import system_actor
from healthhub.audit.log import record_access
from healthhub.audit.models import AccessEntry
from healthhub.web.spreadsheets import harmless
from records.models import Citizen, Facility

COLUMNS: Final = (
    *("id", "at", "actor", "actor_name", "role", "facility", "facility_name", "client", "address", "action"),
    *("resource_type", "resource_id", "patient", "patient_name", "reason"),
)


@dataclass(slots=True)
class Summary:
    """What a notice has to say: how many people and since when, and through whom."""

    lines: int = 0
    people: set[str] = field(default_factory=set)
    actors: Counter[str] = field(default_factory=Counter)
    first: datetime | None = None
    last: datetime | None = None

    def add(self, line: dict[str, object]) -> None:
        """Count a line."""
        self.lines += 1
        self.actors[f"{line['actor']} ({line['actor_name']}, {line['role']})"] += 1
        if patient := line["patient"]:
            self.people.add(str(patient))
        at = line["at"]
        assert isinstance(at, datetime)
        self.first, self.last = self.first or at, at


def who_saw(
    summary: Summary, *, citizen: str | None, actor: str | None, since: datetime | None
) -> Iterator[tuple[str, ...]]:
    """The lines in their order, each cell safe to open in a spreadsheet, counted in ``summary``.

    That they were taken out is logged first, about the person asked about; so call it within no transaction.
    """
    newest = AccessEntry.objects.order_by("-id").values_list("pk", flat=True).first() or 0
    record_access(
        actor=system_actor("who_saw"),
        action="export",
        patients=[citizen],
        resource_type="AccessLog",
        resource_id=actor or "",
        reason=f"who_saw since {since:%Y-%m-%d}" if since else "who_saw",
    )
    lines: QuerySet[AccessEntry] = AccessEntry.objects.filter(pk__lte=newest)
    if citizen is not None:
        lines = lines.filter(patient=citizen)
    if actor is not None:
        lines = lines.filter(actor=actor)
    if since is not None:
        lines = lines.filter(at__gte=since)
    named = lines.annotate(
        facility_name=Subquery(Facility.objects.filter(pk=OuterRef("facility")).values("name")),
        patient_name=Subquery(Citizen.objects.filter(pk=OuterRef("patient")).values("full_name")),
    )
    for line in named.order_by("id").values(*COLUMNS).iterator():
        summary.add(line)
        line["at"] = localtime(line["at"]).isoformat(sep=" ", timespec="seconds")
        yield tuple(harmless(str(line[name] or "")) for name in COLUMNS)
