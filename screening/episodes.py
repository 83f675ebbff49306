"""Rounds as people see them: the worklist, what a result means and what comes next, closing a step with a reason."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import OuterRef, QuerySet, Subquery

from screening.models import Episode, EpisodeState, OpenRound, ScreeningResult
from screening.places import as_held
from screening.protocol import NEGATIVE, POSITIVE, UNCLASSIFIED, protocol_for
from screening.protocol.beside import value_leading_to
from screening.protocol.events import add_months
from screening.protocol.shapes import VERIFY, Protocol, Text


@dataclass(frozen=True, slots=True)
class WorkItem:
    """A line of the worklist: ``days`` until the due date, negative when overdue, and ``limit_days`` until the last."""

    episode: Episode
    programme_name: Text
    step_name: Text
    due_on: date
    days: int
    limit_days: int | None
    result_id: str | None

    @property
    def overdue(self) -> bool:
        """Past its due date."""
        return self.days < 0


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a citizen reads, in one language."""

    verdict: str
    meaning: str
    next: str


def open_rounds(facility: str | None) -> QuerySet[OpenRound]:
    """Open rounds on a facility's list, most pressing first; None for the department: those of every list."""
    found = OpenRound.objects.select_related("episode__patient")
    if facility is not None:
        found = found.filter(holder=facility)
    return found.order_by("first_due_on", "patient__sort_key", "id")


def worklist(facility: str | None, on: date, *, limit: int = 500) -> list[WorkItem]:
    """The open rounds of a facility (an Organization's id) with the person and the newest result, in one query."""
    newest = ScreeningResult.objects.filter(episode=OuterRef("episode")).order_by("-collected_on", "observation_id")
    rounds = open_rounds(facility).annotate(newest_result=Subquery(newest.values("observation_id")[:1]))
    return [_item(episode, on) for episode in as_held(rounds[:limit])]


def explain(result: ScreeningResult) -> dict[str, Explanation]:
    """Verdict, meaning and what comes next, by language. Reads ``result.episode``: select it with the result."""
    protocol = protocol_for(result.programme, result.collected_on)
    category = protocol.category(result.test, result.category)
    wording = protocol.wording[category.wording if category else UNCLASSIFIED]
    further = protocol.wording.get(_moved_on(result, protocol), {})
    values = _dates(result, protocol)
    steps = _open_step(result)
    explanations: dict[str, Explanation] = {}
    for language, own in wording.items():
        text = {**own, **further.get(language, {})}
        filled = {**values, "step": steps[language]} if steps else values
        explanations[language] = Explanation(*(_fill(text[part], filled) for part in ("verdict", "meaning", "next")))
    return explanations


def wordings_shown(result: ScreeningResult) -> tuple[Protocol, list[str]]:
    """The version and the keys of the wording that ``explain`` puts together for a result."""
    protocol = protocol_for(result.programme, result.collected_on)
    category = protocol.category(result.test, result.category)
    keys = [category.wording if category else UNCLASSIFIED, _moved_on(result, protocol)]
    return protocol, [key for key in keys if key]


def _item(episode: Any, on: date) -> WorkItem:
    protocol = protocol_for(episode.programme, episode.opened_on)
    return WorkItem(
        episode=episode,
        programme_name=protocol.name,
        step_name=protocol.steps[episode.step].name,
        due_on=episode.due_on,
        days=(episode.due_on - on).days,
        limit_days=(episode.limit_on - on).days if episode.limit_on else None,
        result_id=episode.newest_result,
    )


def _moved_on(result: ScreeningResult, protocol: Protocol) -> str:
    """The wording that replaces the category's own "next" because the round has moved on; empty if it has not."""
    episode = result.episode
    if episode is None:
        return ""
    if episode.state == EpisodeState.CLOSED:
        if result.outcome == NEGATIVE:
            return "" if episode.outcome == NEGATIVE else "superseded"
        if result.outcome == POSITIVE and episode.outcome == "assessed":
            return "assessed"
        return "closed" if episode.outcome == "closed" else "superseded"
    category = protocol.category(result.test, result.category)
    step = category.leads_to if category else VERIFY
    waits = protocol.steps[step] if step else None
    if episode.state == EpisodeState.REFERRED and waits and waits.assessment:
        return "referred"
    if step == episode.step:
        return ""
    if result.outcome == NEGATIVE and (beside := value_leading_to(protocol.tests.get(result.test), episode.step)):
        return beside.wording
    return "still_due" if result.outcome == NEGATIVE else "now"


def _open_step(result: ScreeningResult) -> Text:
    """The name of what the result's round waits for; empty if for nothing."""
    episode = result.episode
    step = protocol_for(episode.programme, episode.opened_on).steps.get(episode.step) if episode else None
    return step.name if step else {}


def _dates(result: ScreeningResult, protocol: Protocol) -> Mapping[str, str]:
    """The dates that wording may name: the round's own, or counted from the result if it has none."""
    episode, category = result.episode, protocol.category(result.test, result.category)
    due = episode.due_on if episode else None
    step = protocol.steps.get((category.leads_to or "") if category else VERIFY)
    started = result.resulted_on or result.collected_on
    if step and (due is None or episode is None or episode.state == EpisodeState.CLOSED):
        due = step.due_on(started)
    months = category.next_months if category else None
    following = due if episode and episode.state == EpisodeState.CLOSED and due and not step else None
    if following is None and months:
        following = add_months(result.collected_on, months)
    return {
        "due": f"{due:%d/%m/%Y}" if due else "…",
        "next_month": f"{following:%m/%Y}" if following else "…",
    }


def _fill(text: str, values: Mapping[str, str]) -> str:
    for name, value in values.items():
        text = text.replace("{" + name + "}", value)
    return text
