"""Closings as lines of a list: those that wait for a second person, and those of the last year."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Final
from uuid import UUID

from django.db.models import Q

from healthhub.accounts.actors import Actor
from records.access import visible_to
from records.identity import Identity, identity
from screening.citizen import here
from screening.clinic.history import names_of
from screening.failsafe.closing import asked_by_software_of, closed_for_reason
from screening.models import ClosureRequest, Episode, EpisodeEvent
from screening.protocol import POSITIVE, protocol_for

PAGE: Final = 25


@dataclass(frozen=True, slots=True)
class Closing:
    """``by`` said so on ``day``, at ``place``. ``asked`` is the request that waits for a second, None once closed;
    ``software_of`` the facility whose software asked ("": a person did). ``closing`` is the decision that closed it
    then, to be taken back.

    ``positive``: a positive result was closed without its assessment, so look at this one first.
    """

    episode: Episode
    closing: str
    person: Identity
    programme: str
    reason: str
    note: str
    evidence: str
    by: str
    place: str
    actor: str
    software_of: str
    day: date
    positive: bool
    asked: int | None


@dataclass(frozen=True, slots=True)
class Page:
    """``after`` continues it, "" at the end."""

    lines: list[Closing]
    after: str


def asked_lines(requests: Iterable[ClosureRequest]) -> list[Closing]:
    """What waits for a second person."""
    return [
        Closing(
            episode=one.episode,
            closing="",
            person=identity(one.episode.patient, with_area=False),
            programme=here(protocol_for(one.episode.programme, one.episode.opened_on).name),
            reason=_reason(one.episode, one.reason),
            note=one.note,
            evidence=one.evidence,
            by=one.actor_name,
            place=one.facility.name if one.facility else "",
            actor=one.actor,
            software_of=asked_by_software_of(one),
            day=one.closed_on,
            positive=_positive(one.episode, one.episode.category),
            asked=one.pk,
        )
        for one in requests
    ]


def closed_lines(facility: str, on: date, *, actor: Actor, after: str) -> Page:
    """What was closed of the facility's steps in the last year, newest first, in three statements: one line for each
    decision, also where the round goes on elsewhere."""
    rounds = closed_for_reason(on, place=facility).filter(patient__in=visible_to(actor))
    day, _dot, key = after.partition(".")
    try:
        since, pk = date.fromisoformat(day), UUID(key)
        rounds = rounds.filter(Q(waived_on__lt=since) | Q(waived_on=since, pk__lt=pk))
    except ValueError:
        pass
    found = list(rounds[: PAGE + 1])
    shown = [(episode, step) for episode in found[:PAGE] for step in _decisions(episode, facility)]
    said = {
        event.source_id: event
        for event in EpisodeEvent.objects.filter(
            source_id__in=[step["closing"] for _, step in shown], source_type="staff", kind="closed"
        )
    }
    names = names_of(list(said.values()))
    lines = []
    for episode, step in shown:
        event = said.get(step["closing"])
        lines.append(
            Closing(
                episode=episode,
                closing=step["closing"],
                person=identity(episode.patient, with_area=False),
                programme=here(protocol_for(episode.programme, episode.opened_on).name),
                reason=_reason(episode, step["reason"]),
                note=event.data.get("note", "") if event else "",
                evidence="",
                by=names[event.actor] if event else "",
                place="",
                actor=event.actor if event else "",
                software_of="",
                day=date.fromisoformat(step["on"]),
                positive=_positive(episode, step["category"]),
                asked=None,
            )
        )
    last = found[PAGE - 1] if len(found) > PAGE else None
    return Page(lines, f"{last.waived_on:%Y-%m-%d}.{last.pk}" if last else "")


def _decisions(episode: Episode, facility: str) -> list[dict[str, str]]:
    """For each decision that closed steps of the facility its most urgent one, the newest decision first."""
    held: dict[str, dict[str, str]] = {}
    for step in episode.waived:
        if step["place"] == facility:
            held.setdefault(step["closing"], step)
    return sorted(held.values(), key=lambda step: step["on"], reverse=True)


def _reason(episode: Episode, key: str) -> str:
    reason = protocol_for(episode.programme, episode.opened_on).reasons.get(key)
    return here(reason.label) if reason else key


def _positive(episode: Episode, category: str) -> bool:
    protocol = protocol_for(episode.programme, episode.opened_on)
    found = (test.categories.get(category) for test in protocol.tests.values())
    return any(one is not None and one.outcome == POSITIVE for one in found)
