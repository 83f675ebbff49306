"""A person's screening for staff: each result in a line with what may be done about it, and what happened since."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.utils.translation import gettext as _

from healthhub.accounts.actors import Actor
from screening.citizen import amount, here, language, written
from screening.clinic.words import OUTCOME_WORDS
from screening.models import EpisodeEvent, EpisodeState, ScreeningResult
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


@dataclass(frozen=True, slots=True)
class Happening:
    """A referral, an assessment or a closing, by day."""

    day: date
    title: str
    text: str


def result_lines(results: Sequence[ScreeningResult], *, actor: Actor) -> list[ResultLine]:
    """The lines of a person's results (``results.results_of``), newest first."""
    return [_line(result, actor) for result in results]


def happenings(patient_id: str) -> list[Happening]:
    """What was done in her rounds besides results, newest first, without what was taken back. One query."""
    events = EpisodeEvent.objects.filter(patient_id=patient_id, fact__in=("referred", "assessed", "closed"))
    newest: dict[tuple[str, str], EpisodeEvent] = {}
    for event in events.order_by("source_version", "recorded_at"):
        newest[event.source_type, event.source_id] = event
    valid = (event for event in newest.values() if event.kind != "withdrawn")
    return [_happening(event) for event in sorted(valid, key=lambda event: event.occurred_on, reverse=True)]


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
    if episode is None or episode.state not in (EpisodeState.ASSESSMENT_DUE, EpisodeState.REFERRED):
        return ""
    category = protocol_for(result.programme, result.collected_on).category(result.test, result.category)
    if category is None or category.leads_to != episode.step:
        return ""
    return "refer" if episode.state == EpisodeState.ASSESSMENT_DUE else "assess"


def _happening(event: EpisodeEvent) -> Happening:
    protocol = protocol_for(event.programme, event.occurred_on)
    assessment = protocol.assessments.get(event.data.get("assessment", ""))
    name = here(assessment.name) if assessment else ""
    if event.fact == "referred":
        due = date.fromisoformat(event.data["due_on"]) if event.data.get("due_on") else None
        return Happening(
            event.occurred_on,
            _("Giới thiệu: %(step)s") % {"step": name},
            _("đến trước ngày %(day)s") % {"day": written(due)} if due else "",
        )
    if event.fact == "assessed":
        finding = assessment.findings.get(event.data.get("finding", "")) if assessment else None
        return Happening(
            event.occurred_on, _("Đã làm: %(step)s") % {"step": name}, here(finding.label) if finding else ""
        )
    reason = protocol.reasons.get(event.data.get("reason", ""))
    return Happening(event.occurred_on, _("Khép lại bước đang chờ"), here(reason.label) if reason else "")
