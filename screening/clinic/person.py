"""A person's results for staff: each in a line, with what may be done about it."""

from collections.abc import Sequence
from dataclasses import dataclass

from healthhub.accounts.actors import Actor
from screening.citizen import amount, here, language
from screening.clinic.steps import next_action
from screening.clinic.words import OUTCOME_WORDS
from screening.models import EpisodeState, ScreeningResult
from screening.places import waiting_at
from screening.protocol import protocol_for


@dataclass(frozen=True, slots=True)
class ResultLine:
    """A result. ``label`` is the protocol's category, ``reading`` how the value was read. ``step`` is what its round
    waits for because of it ("refer" or "assess"), "" if nothing is to be done here."""

    result: ScreeningResult
    test: str
    value: str
    kind: str
    word: str
    label: str
    reading: str
    own: bool
    corrected: bool
    step: str


def result_lines(results: Sequence[ScreeningResult], *, actor: Actor) -> list[ResultLine]:
    """The lines of a person's results (``results.results_of``), newest first."""
    return [_line(result, actor) for result in results]


def _line(result: ScreeningResult, actor: Actor) -> ResultLine:
    protocol = protocol_for(result.programme, result.collected_on)
    test, category = protocol.tests.get(result.test), protocol.category(result.test, result.category)
    unit = test.units[result.unit].display if test and result.unit in test.units else result.unit
    kind, word = OUTCOME_WORDS[result.outcome]
    return ResultLine(
        result=result,
        test=here(test.name) if test else result.test,
        value=amount(result.value, unit, result.comparator),
        kind=kind,
        word=str(word),
        label=here(category.label) if category else "",
        reading=result.explanation.get(language(), ""),
        own=result.facility_id == actor.facility,
        corrected=result.status == "corrected",
        step=_step(result),
    )


def _step(result: ScreeningResult) -> str:
    """What may be done about the result now."""
    episode = result.episode
    if episode is None or episode.state == EpisodeState.CLOSED:
        return ""
    category = protocol_for(result.programme, result.collected_on).category(result.test, result.category)
    waiting = waiting_at(episode, category.leads_to or "", "") if category else None
    if waiting is None:
        return ""
    action = next_action(waiting)
    return action if action in ("refer", "assess") else ""
