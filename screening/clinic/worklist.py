"""The clinic's worklist: tabs with counts, filters, pages by key. It starts from the people whom the actor may see."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.utils.translation import gettext_lazy as _

from healthhub.accounts.actors import Actor
from healthhub.audit.log import record_access
from records.access import visible_to
from records.identity import Identity, identity
from screening.citizen import here
from screening.clinic.words import SOON_DAYS, due_in_words, due_kind
from screening.episodes import open_episodes
from screening.models import Episode, EpisodeState, ScreeningResult
from screening.protocol import current, programmes, protocol_for
from screening.protocol.events import DEPARTMENT

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

PAGE: Final = 25
TABS: Final["dict[str, _StrPromise]"] = {
    "overdue": _("Quá hạn"),
    "week": _("Đến hạn trong 7 ngày"),
    "waiting": _("Chờ kết quả khám"),
    "verify": _("Cần kiểm tra"),
    "open": _("Tất cả việc đang mở"),
}


@dataclass(frozen=True, slots=True)
class Filters:
    """What the list is narrowed to; "" is everything."""

    programme: str = ""
    step: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """One open round. ``action`` is what to do next (refer, assess, enter, verify), ``test`` the one to enter."""

    episode: Episode
    person: Identity
    programme: str
    step: str
    due_on: date
    due_words: str
    kind: str
    own: bool
    result_id: str | None
    action: str
    test: str


@dataclass(frozen=True, slots=True)
class Worklist:
    """One page of a tab; ``after`` continues it, "" at the end."""

    tab: str
    counts: dict[str, int]
    lines: list[Line]
    after: str


def load_worklist(
    *, facility: str, on: date, tab: str, filters: Filters, after: str, actor: Actor, reason: str, limit: int = PAGE
) -> Worklist:
    """The page, in three statements whatever its length; the access log names everybody on it.

    An unknown ``tab`` means the first one that is not empty.
    """
    rounds = _narrowed(open_episodes(facility).filter(patient__in=visible_to(actor)), filters)
    counts = rounds.aggregate(**{key: Count("pk", filter=_condition(key, on)) for key in TABS})
    if tab not in TABS:
        tab = next((key for key in TABS if counts[key]), "overdue")
    page = _after(rounds.filter(_condition(tab, on)).order_by("due_on", "id"), after)
    newest = ScreeningResult.objects.filter(episode=OuterRef("pk")).order_by("-collected_on", "observation_id")
    found = list(page.annotate(newest_result=Subquery(newest.values("observation_id")[:1]))[: limit + 1])
    shown = found[:limit]
    if shown:
        people = sorted({episode.patient_id for episode in shown})
        record_access(actor=actor, action="view", patients=people, resource_type="Episode", reason=reason)
    last = shown[-1] if len(found) > limit else None
    return Worklist(
        tab=tab,
        counts=counts,
        lines=[_line(episode, on, facility) for episode in shown],
        after=f"{last.due_on:%Y-%m-%d}.{last.pk}" if last else "",
    )


def step_choices(programme: str = "") -> list[tuple[str, str]]:
    """The steps of one programme or of all, for the filter."""
    keys = [programme] if programme else programmes()
    return list(
        {step.key: (step.key, here(step.name)) for key in keys for step in current(key).steps.values()}.values()
    )


def programme_choices() -> list[tuple[str, str]]:
    """All programmes by name."""
    return [(key, here(current(key).name)) for key in programmes()]


def _narrowed(rounds: QuerySet[Episode], filters: Filters) -> QuerySet[Episode]:
    if filters.programme:
        rounds = rounds.filter(programme=filters.programme)
    if filters.step:
        rounds = rounds.filter(step=filters.step)
    return rounds


def _condition(tab: str, on: date) -> Q:
    return {
        "overdue": Q(due_on__lt=on),
        "week": Q(due_on__gte=on, due_on__lt=on + timedelta(days=SOON_DAYS)),
        "waiting": Q(state=EpisodeState.REFERRED),
        "verify": Q(state=EpisodeState.TO_VERIFY),
        "open": Q(pk__isnull=False),
    }[tab]


def _after(rounds: QuerySet[Episode], after: str) -> QuerySet[Episode]:
    """What follows the round that a page ended with; the place in the address holds a day and an id, nobody's data."""
    day, _dot, key = after.partition(".")
    try:
        due_on, pk = date.fromisoformat(day), UUID(key)
    except ValueError:
        return rounds
    return rounds.filter(Q(due_on__gt=due_on) | Q(due_on=due_on, pk__gt=pk))


def _line(episode: Any, on: date, facility: str) -> Line:
    protocol = protocol_for(episode.programme, episode.opened_on)
    step = protocol.steps[episode.step]
    days = (episode.due_on - on).days
    action = next_action(episode)
    return Line(
        episode=episode,
        person=identity(episode.patient, on=on, with_area=False),
        programme=here(protocol.name),
        step=here(step.name),
        due_on=episode.due_on,
        due_words=due_in_words(days),
        kind=due_kind(days),
        own=episode.owner not in (DEPARTMENT, "") and episode.owner == facility,
        result_id=episode.newest_result,
        action=action,
        test=test_awaited(episode) if action == "enter" else "",
    )


def next_action(episode: Episode) -> str:
    """What moves an open round on: refer, assess, enter (another result) or verify."""
    return {
        EpisodeState.ASSESSMENT_DUE: "refer",
        EpisodeState.REFERRED: "assess",
        EpisodeState.REPEAT_DUE: "enter",
        EpisodeState.TRIAGE_DUE: "enter",
        EpisodeState.TO_VERIFY: "verify",
    }.get(EpisodeState(episode.state), "")


def test_awaited(episode: Episode) -> str:
    """The test whose result an open round waits for; "" if the protocol names none."""
    protocol = protocol_for(episode.programme, episode.opened_on)
    exits = protocol.steps[episode.step].discharged_by if episode.step in protocol.steps else ()
    named = [pattern.removeprefix("result:") for pattern in exits if pattern.startswith("result:")]
    return next((key for key in named if key in protocol.tests), "")
