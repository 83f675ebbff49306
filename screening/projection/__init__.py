"""From facts to results, events and rounds, a batch at a time: the same for the live hooks and for the rebuild."""

from screening.projection.folding import (
    StaffEvent,
    add_staff_events,
    apply,
    follow_citizens,
    follow_people,
    take_back_staff_events,
)
from screening.projection.incoming import NAMESPACE, Incoming
from screening.projection.reading import lock_people
from screening.projection.rounds import episode_row

__all__ = [
    "NAMESPACE",
    "Incoming",
    "StaffEvent",
    "add_staff_events",
    "apply",
    "episode_row",
    "follow_citizens",
    "follow_people",
    "lock_people",
    "take_back_staff_events",
]
