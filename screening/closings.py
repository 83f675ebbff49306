"""Closing what rounds wait for, with a coded reason of the protocol: one round, or many of them at once."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from uuid import UUID

from django.db import transaction

from fhir.ids import new_id
from fhir.outcomes import Refused, refuse
from healthhub.accounts.actors import Actor
from healthhub.audit.log import record_access
from healthhub.postgresql.wall import unwalled
from screening import projection
from screening.marks import with_known
from screening.models import Episode, EpisodeEvent, EventKind, OpenRound
from screening.places import holder_of, waiting_at
from screening.projection import StaffEvent
from screening.protocol import Event, protocol_for
from screening.protocol.events import ASSESSED, CLOSED, RESULT, effective

UNKNOWN_REASON: Final = "reason"  # the round's version of the protocol has no such reason
GONE: Final = "gone"  # it is closed already, or waits for another step now
CHANGED: Final = "changed"  # something has become known since it was shown or asked for
TOO_EARLY: Final = "day"  # the closing day is before the sample or the examination


@dataclass(frozen=True, slots=True)
class Closing:
    """Close the step that the round waits for (``episode.step``), for this reason, on that day, and whatever else is
    open at the place that holds it (``episode.holder``). What other places hold stays open, for them to decide.
    ``alone`` closes that step only, whatever else the place holds.

    ``known`` is the mark of what was known when this was asked for (see ``marks``): nothing newer is closed with it.
    None closes what is known now.
    """

    episode: Episode
    reason: str
    on: date
    note: str = ""
    known: str | None = None
    alone: bool = False


@dataclass(frozen=True, slots=True)
class Closed:
    """What became of it: the ``event`` that was written, or "" and the ``fault``."""

    closing: Closing
    event: str = ""
    fault: str = ""


def close_episode(
    *,
    episode: Episode,
    reason: str,
    on: date,
    actor: Actor,
    note: str = "",
    known: str | None = None,
    alone: bool = False,
) -> None:
    """Close what a round still waits for (see ``close_rounds``).

    Refused: 422 for an unknown reason or a day before the newest result or finding, 409 if it is closed already or
    something has become known since ``known``.
    """
    with transaction.atomic():
        (closed,) = close_rounds([Closing(episode, reason, on, note, known, alone)], actor=actor)
        if closed.fault:
            raise _refused(closed)


@unwalled()
def close_rounds(closings: Sequence[Closing], *, actor: Actor) -> list[Closed]:
    """Close many rounds in one transaction and a constant number of statements; what is not as asked stays as it is.

    It closes the steps of the results and findings known now, as they read now: a later one, or a correction to another
    category, opens the round again. A closing that was asked for earlier closes nothing that came since.
    """
    with transaction.atomic():
        projection.lock_people([closing.episode.patient_id for closing in closings])
        ids = [closing.episode.pk for closing in closings]
        held = OpenRound.objects.filter(episode__in=ids).values("episode")
        rounds = {one.pk: one for one in with_known(Episode.objects.filter(pk__in=held).select_related("patient"))}
        known = _known_of(list(rounds))
        answers = [_closed(closing, rounds, known.get(closing.episode.pk, [])) for closing in closings]
        events = [_event(answer, rounds, known[answer.closing.episode.pk]) for answer in answers if answer.event]
        projection.add_staff_events(events, actor=actor.id)
        _log([answer.closing for answer in answers if answer.event], actor)
    return answers


def _closed(closing: Closing, rounds: Mapping[UUID, Any], known: Sequence[Event]) -> Closed:
    episode = closing.episode
    if closing.reason not in protocol_for(episode.programme, episode.opened_on).reasons:
        return Closed(closing, fault=UNKNOWN_REASON)
    now = rounds.get(episode.pk)
    if now is None or not _closes(closing, now):
        return Closed(closing, fault=GONE)
    if closing.known not in (None, now.known):
        return Closed(closing, fault=CHANGED)
    if any(closing.on < event.occurred_on for event in known):
        return Closed(closing, fault=TOO_EARLY)
    return Closed(closing, event=new_id())


def _event(answer: Closed, rounds: Mapping[UUID, Any], known: Sequence[Event]) -> StaffEvent:
    closing = answer.closing
    now = rounds[closing.episode.pk]
    closed = _closes(closing, now)
    others = [need for need in now.needs if need not in closed]
    # What an earlier closing closed stays that one's, so that it is open again if that one is taken back.
    spares = [[step["source"], step["category"], step["step"]] for step in (*others, *now.waived)]
    closes = [[event.source, event.data["category" if event.fact == RESULT else "finding"]] for event in known]
    data = {"reason": closing.reason, "closes": closes, "note": closing.note}
    data["at"] = holder_of(closed[0], now)
    return StaffEvent(
        id=answer.event,
        patient=closing.episode.patient_id,
        programme=closing.episode.programme,
        fact=CLOSED,
        occurred_on=closing.on,
        data=data | {"spares": spares} if spares else data,
    )


def _closes(closing: Closing, now: Episode) -> list[Mapping[str, str]]:
    """The open steps that it is about; none if the round waits for another one now."""
    episode = closing.episode
    if closing.alone:
        place = episode.holder
    elif (waiting := waiting_at(now, episode.step, episode.holder)) is not None:
        place = waiting.holder
    else:
        return []
    held = [need for need in now.needs if holder_of(need, now) == place]
    return [need for need in held if need["step"] == episode.step] if closing.alone else held


def _known_of(episodes: Sequence[UUID]) -> dict[UUID, list[Event]]:
    """The results and findings of each round as they read now."""
    rows: dict[UUID, list[Event]] = defaultdict(list)
    for row in EpisodeEvent.objects.filter(episode__in=episodes):
        source, withdrawn = f"{row.source_type}/{row.source_id}", row.kind == EventKind.WITHDRAWN
        assert row.episode_id
        rows[row.episode_id].append(Event(row.fact, row.occurred_on, source, row.source_version, withdrawn, row.data))
    return {
        episode: [event for event in effective(events) if event.fact in (RESULT, ASSESSED) and not event.withdrawn]
        for episode, events in rows.items()
    }


def _log(closings: Sequence[Closing], actor: Actor) -> None:
    by_reason: dict[str, list[Episode]] = defaultdict(list)
    for closing in closings:
        by_reason[closing.reason].append(closing.episode)
    for reason, episodes in by_reason.items():
        record_access(
            actor=actor,
            action="update",
            patients=sorted({episode.patient_id for episode in episodes}),
            resource_type="Episode",
            resource_id=str(episodes[0].pk) if len(episodes) == 1 else "",
            reason=reason,
        )


def _refused(closed: Closed) -> Refused:
    closing = closed.closing
    if closed.fault == UNKNOWN_REASON:
        reasons = ", ".join(protocol_for(closing.episode.programme, closing.episode.opened_on).reasons)
        return refuse(422, "code-invalid", f"Reason {closing.reason!r} is none of {reasons}.", "reason")
    if closed.fault == TOO_EARLY:
        return refuse(422, "business-rule", "The closing day is before the sample or the examination.", "on")
    if closed.fault == CHANGED:
        return overtaken()
    return refuse(409, "conflict", "The round is closed already.", "episode")


def overtaken() -> Refused:
    """Why a closing is not done that something new has overtaken; ``known`` is how a form tells it from other 409s."""
    told = "A result, referral or finding has come since this closing was asked for. Look at it and ask again."
    return refuse(409, "conflict", told, "known")
