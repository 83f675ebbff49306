"""The clinic's worklist: tabs with counts, filters, pages by key. It starts from the people whom the actor may see."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final

from django.db.models import Count, F, Q, QuerySet
from django.utils.translation import gettext_lazy as _

from healthhub.accounts.actors import Actor
from healthhub.audit.log import record_access
from records.access import about_visible, visible_to
from records.models import Area, Citizen
from screening.citizen import here
from screening.clinic.lines import Line, lines_of, with_details
from screening.clinic.missed import Missed, missed, missed_count
from screening.clinic.words import SOON_DAYS
from screening.episodes import open_rounds
from screening.failsafe.assignments import assigned_to, unassigned, with_assignee
from screening.failsafe.closing import closures_waiting, still_asked
from screening.failsafe.levels import at_level
from screening.laboratory.matching import unmatched_count
from screening.models import ClosureRequest, EpisodeState, OpenRound
from screening.protocol import current, programmes

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

PAGE: Final = 25
TABS: Final["dict[str, _StrPromise]"] = {
    "overdue": _("Quá hạn"),
    "week": _("Đến hạn trong 7 ngày"),
    "waiting": _("Chờ kết quả khám"),
    "verify": _("Cần kiểm tra"),
    "unmatched": _("Chưa khớp"),
    "missed": _("Không đến, không phản hồi"),
    "mine": _("Của tôi"),
    "open": _("Tất cả"),
}
ROUNDS: Final = tuple(tab for tab in TABS if tab not in ("unmatched", "missed"))
NOBODY: Final = "nobody"


@dataclass(frozen=True, slots=True)
class Filters:
    """What the list is narrowed to; "" is everything. ``assigned`` is a user's id or "nobody", ``area`` a unit's id."""

    programme: str = ""
    step: str = ""
    level: str = ""
    assigned: str = ""
    area: str = ""

    @property
    def any(self) -> bool:
        """Whether anything is left out."""
        return any((self.programme, self.step, self.level, self.assigned, self.area))


@dataclass(frozen=True, slots=True)
class Worklist:
    """One page of a tab; ``after`` continues it, "" at the end. ``missed`` holds the lines of that tab instead.

    ``areas`` are the ids of the units where the people of all its open rounds live.
    """

    tab: str
    counts: dict[str, int]
    lines: list[Line]
    after: str
    missed: list[Missed] = field(default_factory=list)
    areas: list[int] = field(default_factory=list)


def load_worklist(
    *,
    facility: str,
    on: date,
    tab: str,
    filters: Filters,
    after: str,
    user_id: int,
    actor: Actor,
    reason: str,
    limit: int = PAGE,
) -> Worklist:
    """The page, in a fixed number of statements whatever its length; the access log names everybody on it.

    An unknown ``tab`` means the first one that is not empty.
    """
    conditions = _conditions(on, actor, user_id)
    by_area = narrowed(counted_rounds(facility, actor), filters, on).order_by().values("area")
    counted: Any = by_area.annotate(**{key: Count("pk", filter=conditions[key]) for key in ROUNDS})
    groups = list(counted)
    counts = {key: sum(group[key] for group in groups) for key in ROUNDS}
    counts["unmatched"] = unmatched_count(facility)
    counts["missed"] = missed_count(facility, on, actor, filters.programme)
    if tab not in TABS or tab == "unmatched":
        tab = next((key for key in ROUNDS if counts[key]), "missed" if counts["missed"] else "overdue")
    ordered = {key: counts[key] for key in TABS}
    areas = [group["area"] for group in groups if group["area"]]
    if tab == "missed":
        people, place = missed(
            facility, on, actor, reason=reason, programme=filters.programme, after=after, limit=limit
        )
        return Worklist(tab, ordered, [], place, people, areas)
    rounds = narrowed(rounds_of(facility, actor), filters, on).filter(conditions[tab])
    page = following(rounds.order_by("first_due_on", "id"), after)
    found = list(with_details(page)[: limit + 1])
    shown = found[:limit]
    if shown:
        named = sorted({one.patient_id for one in shown})
        record_access(actor=actor, action="view", patients=named, resource_type="Episode", reason=reason)
    last = shown[-1] if len(found) > limit else None
    return Worklist(
        tab=tab,
        counts=ordered,
        lines=lines_of(shown, on=on, facility=facility),
        after=f"{last.first_due_on:%Y-%m-%d}.{last.pk}" if last else "",
        areas=areas,
    )


def rounds_of(facility: str, actor: Actor) -> QuerySet[OpenRound]:
    """The open rounds with a step that a facility answers for, of people whom the actor may see."""
    return open_rounds(facility).filter(patient__in=visible_to(actor))


def counted_rounds(facility: str, actor: Actor) -> QuerySet[OpenRound]:
    """The same rounds, said so that all of them are counted fastest (see ``about_visible``); pages read a few."""
    gone = Citizen.objects.filter(active=False).values("pk")
    rounds = open_rounds(facility).filter(about_visible(actor)).exclude(patient_id__in=gone)
    return rounds.select_related(None)


def rounds_on(
    tab: str, *, facility: str, on: date, filters: Filters, user_id: int, actor: Actor
) -> QuerySet[OpenRound]:
    """All rounds of a tab (one of ``ROUNDS``) and its filters, whatever page one is on, for work on all of them."""
    rounds = narrowed(counted_rounds(facility, actor), filters, on)
    return rounds.filter(_conditions(on, actor, user_id)[tab]).order_by("first_due_on", "id")


def narrowed(rounds: QuerySet[OpenRound], filters: Filters, on: date) -> QuerySet[OpenRound]:
    """Only what the filters leave."""
    if filters.programme:
        rounds = rounds.filter(programme=filters.programme)
    if filters.step:
        rounds = rounds.filter(step=filters.step)
    if filters.level:
        rounds = rounds.filter(at_level(filters.level, on))
    if filters.area:
        rounds = rounds.filter(area=int(filters.area))
    if filters.assigned == NOBODY:
        rounds = unassigned(rounds)
    elif filters.assigned:
        rounds = with_assignee(rounds).filter(Q(assigned_to=filters.assigned))
    return rounds


def step_choices(programme: str = "") -> list[tuple[str, str]]:
    """The steps of one programme or of all, for the filter."""
    keys = [programme] if programme else programmes()
    return list(
        {step.key: (step.key, here(step.name)) for key in keys for step in current(key).steps.values()}.values()
    )


def programme_choices() -> list[tuple[str, str]]:
    """All programmes by name."""
    return [(key, here(current(key).name)) for key in programmes()]


def area_choices(areas: Iterable[int]) -> list[tuple[str, str]]:
    """These units by name, with their district."""
    found = Area.objects.filter(pk__in=list(areas)).order_by("name", "code", "valid_from")
    rows = found.values_list("pk", "name", "parent__name")
    return [(str(pk), f"{name}, {district}" if district else name) for pk, name, district in rows]


def areas_lived_in(facility: str) -> list[int]:
    """Where the people of all the facility's open rounds live; without a filter the page knows it already."""
    lived = open_rounds(facility).order_by().values_list("area", flat=True).distinct()
    return [area for area in lived if area]


def _conditions(on: date, actor: Actor, user_id: int) -> dict[str, Q]:
    given = assigned_to(user_id).filter(episode__places__holder=F("facility"), episode__places__step=F("step"))
    mine = list(given.values_list("episode__places", flat=True))
    waiting = list(closures_waiting(actor).values_list("pk", flat=True))
    requests = still_asked(ClosureRequest.objects.filter(pk__in=waiting)) if waiting else []
    asked = [request.episode_id for request in requests]
    return {
        "overdue": Q(first_due_on__lt=on),
        "week": Q(first_due_on__gte=on, first_due_on__lt=on + timedelta(days=SOON_DAYS)),
        "waiting": Q(state=EpisodeState.REFERRED),
        "verify": Q(state__in=("to_verify", "reading_due")) | Q(episode__in=asked),
        "mine": Q(pk__in=mine),
        "open": Q(pk__isnull=False),
    }


def following(rounds: QuerySet[OpenRound], after: str) -> QuerySet[OpenRound]:
    """What follows the round that a page ended with; the place in the address holds a day and an id, nobody's data."""
    day, _dot, key = after.partition(".")
    try:
        due_on, pk = date.fromisoformat(day), int(key[:18])
    except ValueError:
        return rounds
    return rounds.filter(Q(first_due_on__gt=due_on) | Q(first_due_on=due_on, pk__gt=pk))
