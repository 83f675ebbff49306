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
from screening.failsafe.closing import closed_for_reason
from screening.models import ClosureRequest, Episode, EpisodeEvent
from screening.protocol import POSITIVE, protocol_for

PAGE: Final = 25


@dataclass(frozen=True, slots=True)
class Closing:
    """``by`` said so on ``day``, at ``place``. ``asked`` is the request that waits for a second, None once closed.

    ``positive``: a positive result was closed without its assessment, so look at this one first.
    """

    episode: Episode
    person: Identity
    programme: str
    reason: str
    note: str
    evidence: str
    by: str
    place: str
    actor: str
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
            person=identity(one.episode.patient, with_area=False),
            programme=here(protocol_for(one.episode.programme, one.episode.opened_on).name),
            reason=_reason(one.episode, one.reason),
            note=one.note,
            evidence=one.evidence,
            by=one.actor_name,
            place=one.facility.name if one.facility else "",
            actor=one.actor,
            day=one.closed_on,
            positive=_positive(one.episode),
            asked=one.pk,
        )
        for one in requests
    ]


def closed_lines(facility: str, on: date, *, actor: Actor, after: str) -> Page:
    """The facility's closings of the last year, newest first, in two statements."""
    rounds = closed_for_reason(on).filter(holder=facility, patient__in=visible_to(actor))
    day, _dot, key = after.partition(".")
    try:
        since, pk = date.fromisoformat(day), UUID(key)
        rounds = rounds.filter(Q(closed_on__lt=since) | Q(closed_on=since, pk__lt=pk))
    except ValueError:
        pass
    found = list(rounds[: PAGE + 1])
    shown = found[:PAGE]
    said = {
        event.episode_id: event
        for event in EpisodeEvent.objects.filter(
            episode__in=[one.pk for one in shown], fact="closed", kind="closed"
        ).order_by("recorded_at")
    }
    lines = []
    for episode in shown:
        event = said.get(episode.pk)
        lines.append(
            Closing(
                episode=episode,
                person=identity(episode.patient, with_area=False),
                programme=here(protocol_for(episode.programme, episode.opened_on).name),
                reason=_reason(episode, episode.detail),
                note=event.data.get("note", "") if event else "",
                evidence="",
                by="",
                place="",
                actor=event.actor if event else "",
                day=episode.closed_on or on,
                positive=_positive(episode),
                asked=None,
            )
        )
    last = shown[-1] if len(found) > PAGE else None
    return Page(lines, f"{last.closed_on:%Y-%m-%d}.{last.pk}" if last else "")


def _reason(episode: Episode, key: str) -> str:
    reason = protocol_for(episode.programme, episode.opened_on).reasons.get(key)
    return here(reason.label) if reason else key


def _positive(episode: Episode) -> bool:
    protocol = protocol_for(episode.programme, episode.opened_on)
    found = (test.categories.get(episode.category) for test in protocol.tests.values())
    return any(category is not None and category.outcome == POSITIVE for category in found)
