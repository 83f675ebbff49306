"""One decision for several people of the worklist, each in her own transaction: if one fails, only that one fails."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from fhir.outcomes import Refused
from healthhub.accounts.actors import Actor
from healthhub.audit.log import record_access
from screening.assessing import refer_for_assessment
from screening.citizen import here
from screening.clinic.lines import Line, lines_of, with_details
from screening.clinic.refusals import faults_of
from screening.clinic.worklist import rounds_of
from screening.failsafe.assignments import assign
from screening.failsafe.closing import close_step
from screening.failsafe.contacts import record_contact
from screening.models import Episode, OpenRound, ScreeningResult
from screening.places import as_held
from screening.protocol import protocol_for

MOST: Final = 100
CHUNK: Final = 1000
ACTIONS: Final = ("assign", "refer", "contact", "close")


@dataclass(frozen=True, slots=True)
class Selection:
    """``lines`` of what was ticked; ``gone`` of the ticks were closed, moved on, have news that the person who ticked
    was not shown, or are not this facility's."""

    lines: list[Line]
    gone: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one line: ``fault`` is "" if it was done."""

    line: Line
    fault: str


def selected(values: Sequence[str], *, facility: str, on: date, actor: Actor, reason: str) -> Selection:
    """The ticked rounds (``Line.value``) that are as they were shown; the access log names the people."""
    asked: dict[UUID, str] = {}
    for value in values[:MOST]:
        key, _colon, shown = value.partition(":")
        try:
            asked[UUID(key)] = shown
        except ValueError:
            continue
    rounds: Iterable[Any] = with_details(rounds_of(facility, actor).filter(episode__in=list(asked)))
    found = [one for one in rounds if asked[one.episode_id] == f"{one.step}:{one.known}"]
    if found:
        people = sorted({episode.patient_id for episode in found})
        record_access(actor=actor, action="view", patients=people, resource_type="Episode", reason=reason)
    return Selection(lines_of(found, on=on, facility=facility), len(set(values)) - len(found))


def carry_out(action: str, lines: Sequence[Line], fields: dict[str, Any], *, actor: Actor) -> list[Outcome]:
    """Do it for each (``refer``, ``contact``, ``close``), with the fields of its form."""
    one = _DOINGS[action]
    return [Outcome(line, _try(one, line, fields, actor)) for line in lines]


def assign_all(lines: Sequence[Line], assignee: int | None, *, actor: Actor) -> list[int]:
    """Give them all to one person; the ids of the assignments made, for undoing. Refused for a stranger."""
    made = assign(episodes=[line.episode for line in lines], assignee=assignee, actor=actor)
    return [one.pk for one in made]


def assign_whole(rounds: QuerySet[OpenRound], assignee: int | None, *, actor: Actor) -> list[int]:
    """The same for all rounds of a filter, in chunks of one transaction; the access log names everybody."""
    episodes = as_held(rounds.select_related("episode__patient"))
    with transaction.atomic():
        return [
            one.pk
            for start in range(0, len(episodes), CHUNK)
            for one in assign(episodes=episodes[start : start + CHUNK], assignee=assignee, actor=actor)
        ]


def reasons_for(lines: Sequence[Line]) -> list[tuple[str, str]]:
    """The reasons that every one of these rounds' protocols knows."""
    known = [protocol_for(line.episode.programme, line.episode.opened_on).reasons for line in lines]
    first = known[0] if known else {}
    return [(key, here(reason.label)) for key, reason in first.items() if all(key in reasons for reasons in known)]


def _try(one: Callable[..., None], line: Line, fields: dict[str, Any], actor: Actor) -> str:
    try:
        with transaction.atomic():
            one(line, fields, actor)
    except Refused as refused:
        return " ".join(fault.text for fault in faults_of(refused))
    return ""


def _refer(line: Line, fields: dict[str, Any], actor: Actor) -> None:
    if line.action != "refer":
        raise _not_so(_("Bước này không phải là giới thiệu đi khám."))
    refer_for_assessment(result=_result_of(line.episode), step=line.episode.step, actor=actor, **fields)


def _contact(line: Line, fields: dict[str, Any], actor: Actor) -> None:
    episode = line.episode
    record_contact(patient_id=episode.patient_id, programme=episode.programme, episode=episode, actor=actor, **fields)


def _close(line: Line, fields: dict[str, Any], actor: Actor) -> None:
    if fields["on"] < line.episode.opened_on:
        raise _not_so(_("Ngày này ở trước ngày lấy mẫu."))
    close_step(episode=line.episode, actor=actor, known=line.known, **fields)


def _result_of(episode: Episode) -> ScreeningResult:
    """The result that the round waits because of: that of its step if there is one, else the newest."""
    results = list(
        ScreeningResult.objects.filter(episode=episode).select_related("episode").order_by("-collected_on", "pk")
    )
    source = episode.needs[0]["source"]
    return next((result for result in results if f"Observation/{result.observation_id}" == source), results[0])


def _not_so(text: str) -> Refused:
    from fhir.outcomes import refuse

    return refuse(422, "business-rule", text, "")


_DOINGS: dict[str, Callable[[Line, dict[str, Any], Actor], None]] = {
    "refer": _refer,
    "contact": _contact,
    "close": _close,
}
