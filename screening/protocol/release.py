"""When a citizen may see her result: at once, or after somebody has spoken to her, with a longest wait."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from screening.protocol.events import ASSESSED, CONTACTED, RESULT, Event
from screening.protocol.shapes import AFTER_CONTACT, Protocol


class Version(NamedTuple):
    """A version of a source, and the day on which it was recorded."""

    event: Event
    recorded_on: date


class Release(NamedTuple):
    """Shown from ``released_on``, or from ``hold_until`` at the latest; never while both are None."""

    released_on: date | None
    hold_until: date | None


def release(
    protocol: Protocol, versions: Sequence[Version], *, told: Iterable[date], assessed: Iterable[date]
) -> Release:
    """``versions`` are those of one result, oldest first; ``told`` are the days on which the person was told of it,
    ``assessed`` the days of its round's assessments.

    Who was told of a result that was corrected to another category since was not told of this one.
    """
    event, said_since, corrected = versions[-1].event, versions[-1].recorded_on, False
    for older in reversed(versions[:-1]):
        if _says(older.event) != _says(event):
            corrected = True
            break
        said_since = older.recorded_on
    if event.withdrawn or event.data.get("preliminary"):
        return Release(None, None)
    resulted = event.data.get("resulted_on")
    clock = max(date.fromisoformat(resulted), event.occurred_on) if resulted else event.occurred_on
    category = protocol.category(event.data["test"], event.data["category"])
    if category is None or category.release != AFTER_CONTACT:
        return Release(clock, None)
    known = [day for day in told if not corrected or day >= said_since]
    known += [day for day in assessed if day >= (said_since if corrected else event.occurred_on)]
    return Release(min(known, default=None), max(clock, said_since) + timedelta(days=category.hold_days))


def told_of(events: Iterable[Event]) -> Mapping[str, list[date]]:
    """Source of a result -> the days on which the person was told of it. Wants the last word of each source only."""
    found: dict[str, list[date]] = {}
    for event in events:
        if event.fact == CONTACTED and not event.withdrawn:
            for source in event.data["about"]:
                found.setdefault(source, []).append(event.occurred_on)
    return found


def assessed_on(events: Iterable[Event]) -> list[date]:
    """The days of a round's assessments."""
    return [event.occurred_on for event in events if event.fact == ASSESSED and not event.withdrawn]


def _says(event: Event) -> tuple[object, ...]:
    """What a version tells the person; nothing if it is taken back or not final."""
    if event.fact != RESULT or event.withdrawn or event.data.get("preliminary"):
        return ()
    return event.data["test"], event.data["category"]
