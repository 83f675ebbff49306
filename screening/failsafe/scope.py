"""Whom the department looks after: the open steps of the city, or of the part of it that an officer answers for."""

from dataclasses import dataclass
from typing import Final

from django.core.exceptions import PermissionDenied

from healthhub.accounts.actors import Actor, Role
from records.access import Action, What, Whose, roles_with
from records.areas import units_within
from records.memberships import in_force
from records.models import Area, Membership

NAMED: Final = roles_with(Action.READ, What.WAITING, Whose.AREA)


@dataclass(frozen=True, slots=True)
class Scope:
    """``areas`` are the ids of the units in an officer's part of the city, None for all. Analysts see no names."""

    area: Area | None
    areas: frozenset[int] | None
    names: bool


def scope_of(actor: Actor) -> Scope:
    """The officer's or analyst's part of the city. PermissionDenied for everybody else."""
    if actor.is_system:
        return Scope(None, None, names=True)
    if actor.role not in roles_with(Action.READ, What.FIGURES, Whose.ALL):
        raise PermissionDenied
    area = Area.objects.get(pk=actor.area) if actor.area else None
    return Scope(area, units_within(area.pk) if area else None, names=actor.role in NAMED)


def scope_later(officer: str) -> Scope:
    """What an officer (an actor's id) answers for when her word is carried out, under whichever of her memberships.

    Nothing if none is in force any more.
    """
    kind, _colon, key = officer.partition(":")
    user = int(key) if kind == "user" and key.isdigit() else 0
    held = Membership.objects.filter(in_force(), user_id=user, user__is_active=True, role=Role.OFFICER)
    areas = [one.area for one in held.select_related("area")]
    if None in areas:
        return Scope(None, None, names=True)
    return Scope(None, frozenset().union(*(units_within(area.pk) for area in areas if area)), names=True)


def answers_for_city(actor: Actor) -> bool:
    """Whether an officer decides what holds for the whole city: one without a part of it."""
    return actor.role is Role.OFFICER and scope_of(actor).area is None
