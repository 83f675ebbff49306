"""Whom the department looks after: the open steps of the city, or of the part of it that an officer answers for."""

from dataclasses import dataclass

from django.core.exceptions import PermissionDenied

from healthhub.accounts.actors import Actor, Role
from records.memberships import in_force
from records.models import Area, AreaKind, AreaSuccession, Membership


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
    if actor.role not in (Role.OFFICER, Role.ANALYST):
        raise PermissionDenied
    area = Area.objects.get(pk=actor.area) if actor.area else None
    return Scope(area, _within(area) if area else None, names=actor.role is Role.OFFICER)


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
    return Scope(None, frozenset().union(*(_within(area) for area in areas if area)), names=True)


def answers_for_city(actor: Actor) -> bool:
    """Whether an officer decides what holds for the whole city: one without a part of it."""
    return actor.role is Role.OFFICER and scope_of(actor).area is None


def _within(area: Area) -> frozenset[int]:
    """The unit with all in it, on the old map and on today's: somebody recorded by either is in it.

    A ward that came from several districts belongs to each of their officers: asked twice is better than never.
    """
    found = {area.pk}
    if area.kind == AreaKind.DISTRICT:
        found |= set(Area.objects.filter(parent=area).values_list("pk", flat=True))
    for _round in range(5):
        later = set(AreaSuccession.objects.filter(old__in=found).values_list("new_id", flat=True)) - found
        if not later:
            break
        found |= later
    if area.kind != AreaKind.DISTRICT:
        found |= set(AreaSuccession.objects.filter(new=area).values_list("old_id", flat=True))
    return frozenset(found)
