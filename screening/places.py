"""An open round as one of the places sees it that hold a step of it: with its own steps first, and their clocks."""

from collections.abc import Iterable, Mapping
from copy import copy
from datetime import date
from typing import Any

from screening.models import Episode, OpenRound
from screening.protocol.events import DEPARTMENT

_DAYS = ("due_on", "warn_on", "limit_on")


def holder_of(need: Mapping[str, str], episode: Episode) -> str:
    """Whose list an open step is on: its owner's, or for the department's the facility that the person belongs to."""
    if need["owner"] != DEPARTMENT:
        return need["owner"]
    return episode.patient.facility_id or DEPARTMENT


def seen_from(episode: Episode, holder: str) -> Any:
    """The round with that place's most urgent step as the one that it waits for; as it is if the place holds none.

    ``holder`` is that place; ``needs`` keeps every open step, the place's own ones first. The answer is for reading:
    rounds are written by the projection alone. ``due_from`` and ``due_rule`` are kept for the round's own step only.
    """
    own = [need for need in episode.needs if holder_of(need, episode) == holder]
    if not own or own == episode.needs:
        return episode
    seen, first = copy(episode), own[0]
    seen.holder = holder
    others = [need for need in episode.needs if need not in own]
    seen.needs = [*own, *others]
    for name in ("district_on", "city_on"):
        setattr(seen, name, min(date.fromisoformat(need[name]) for need in own))
    seen.first_due_on = min(date.fromisoformat(need["due_on"]) for need in own)
    if first != episode.needs[0]:
        seen.step, seen.state, seen.category = first["step"], first["state"], first["category"]
        seen.owner, seen.due_from, seen.due_rule = first["owner"], None, ""
        for name in _DAYS:
            setattr(seen, name, date.fromisoformat(first[name]))
    return seen


def as_held(rounds: Iterable[OpenRound]) -> list[Any]:
    """The rounds behind rows that were read with ``episode`` and its ``patient``, each as its row's place sees it.

    What the rows were annotated with is carried over.
    """
    found = []
    for one in rounds:
        seen = copy(seen_from(one.episode, one.holder))
        own = {field.attname for field in OpenRound._meta.concrete_fields}
        for name, value in vars(one).items():
            if not name.startswith("_") and name not in own:
                setattr(seen, name, value)
        found.append(seen)
    return found


def waiting_at(episode: Episode, step: str, holder: str) -> Any:
    """The round as that place sees it, if it is the one with this step; else as another place with it does, or None."""
    places = dict.fromkeys(holder_of(need, episode) for need in episode.needs)
    seen = [seen_from(episode, place) for place in sorted(places, key=lambda place: place != holder)]
    return next((one for one in seen if one.step == step), None)
