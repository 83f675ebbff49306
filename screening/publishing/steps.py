"""The open steps of a round as they are published: one Task for each step that one owner has.

Two results may ask the same owner for the same step (two positives, one colonoscopy): that is one Task. Its id is made
of the step and of what opened it, so it stays the same when the step is handed over or somebody is referred: its owner
changes. What opened a step are several ids then; all of them mean its Task, and one of them is its.
"""

from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import uuid5

from screening.models import Episode
from screening.places import holder_of
from screening.projection import NAMESPACE

ENDED = ("completed", "cancelled", "rejected", "failed", "entered-in-error")


@dataclass(frozen=True, slots=True)
class Awaited:
    """A step that one owner has to do. ``need`` is its most urgent one, ``ids`` those by which its Task may go."""

    episode: Episode
    need: Mapping[str, str]
    ids: Sequence[str]

    @property
    def key(self) -> tuple[str, str, str]:
        """Round, step and owner."""
        return str(self.episode.pk), self.need["step"], self.need["owner"]

    def task(self, stored: Mapping[str, Mapping[str, Any]]) -> str:
        """The id of its Task: the one that is written already, if any."""
        written = [name for name in self.ids if name in stored]
        waits = [name for name in written if stored[name]["status"] not in ENDED]
        return next(iter(waits or written or self.ids))


def step_id(episode: Episode, step: str, source: str) -> str:
    """An id of the Task of a step which that source opened."""
    return str(uuid5(NAMESPACE, f"{episode.pk}/{step}/{source}/Task"))


def awaited(episode: Episode) -> list[Awaited]:
    """What a round waits for, the most urgent step first; nothing once it is closed."""
    found: dict[tuple[str, str], list[dict[str, str]]] = {}
    for need in episode.needs:
        found.setdefault((need["step"], need["owner"]), []).append(need)
    return [
        Awaited(
            episode,
            min(needs, key=lambda need: need["due_on"]),
            list(dict.fromkeys(step_id(episode, need["step"], need["source"]) for need in needs)),
        )
        for needs in found.values()
    ]


def awaited_by(task: str, rounds: Iterable[Episode]) -> Awaited | None:
    """The open step whose Task this is. The rounds are read with their ``patient``."""
    return next((one for episode in rounds for one in awaited(episode) if task in one.ids), None)


def seen_by(step: Awaited) -> Any:
    """The round with just this step as the one that it waits for, at the place that holds it. For reading only."""
    seen, need = copy(step.episode), step.need
    seen.step, seen.state, seen.category, seen.owner = need["step"], need["state"], need["category"], need["owner"]
    seen.holder, seen.due_on = holder_of(need, step.episode), date.fromisoformat(need["due_on"])
    return seen
