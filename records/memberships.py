"""From a signed-in user or an OAuth client to the actor it is: one membership in force says role, facility and person.

A person may hold several; one of them counts at a time. Which one is chosen after sign-in and kept in the session, and
looked up anew at every request, so that one that has ended does nothing any more.
"""

from dataclasses import dataclass
from typing import Any, Final

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import CharField, OuterRef, Q, Value
from django.db.models.functions import Concat
from django.http import HttpRequest
from django.utils import timezone

from healthhub.accounts.actors import Actor, Role
from records.models import EmergencyAccess, Membership

CHOSEN: Final = "membership"  # the session's key
_FIELDS: Final = ("pk", "role", "facility_id", "patient_id", "area_id")
_PLACES: Final = ("facility__name", "area__name", "patient__full_name")


@dataclass(frozen=True, slots=True)
class Held:
    """A membership in force: as whom one acts by it, and where ("" for citizens and for the whole city).

    ``place`` is the facility's name, the officer's area, or the person whom a guardian acts for.
    """

    id: int
    actor: Actor
    place: str


def in_force(prefix: str = "") -> Q:
    """The condition on memberships that count today; ``prefix`` leads to them ("memberships__")."""
    lasting = Q(**{f"{prefix}valid_to__isnull": True}) | Q(**{f"{prefix}valid_to__gte": timezone.localdate()})
    return Q(**{f"{prefix}active": True}) & lasting


def held_by(user: Any) -> list[Held]:
    """What a user may act as, oldest first; nothing for anonymous and inactive users. One query."""
    if not user.is_authenticated or not user.is_active:
        return []
    rows = (
        Membership.objects.filter(in_force(), user_id=user.pk)
        .order_by("pk")
        .values(*_FIELDS, *_PLACES, emergencies=_opened())
    )
    return [
        Held(row["pk"], actor, _place(row))
        for row in rows
        if (actor := _actor(row, id_=f"user:{user.pk}", name=user.name or user.email))
    ]


def chosen_of(request: HttpRequest, held: list[Held]) -> Held | None:
    """The membership that this session works under; None if it has ended or one is to be chosen first.

    The only one is taken unasked and kept, so that a form opened under it is never sent under another one that came
    in its place.
    """
    if not held:
        return None
    chosen = request.session.get(CHOSEN)
    if chosen is None and len(held) == 1:
        request.session[CHOSEN] = held[0].id
        return held[0]
    return next((one for one in held if one.id == chosen), None)


def choose(request: HttpRequest, held: Held) -> None:
    """Work under this membership from now on."""
    request.session[CHOSEN] = held.id


def actor_for_user(user: Any) -> Actor | None:
    """The actor of a user outside a session (a command, a test); None with no membership in force, or several."""
    held = held_by(user)
    return held[0].actor if len(held) == 1 else None


def actor_for_client(client_id: str) -> Actor | None:
    """The actor of an OAuth client, named after its facility; None without a membership in force. One query."""
    row = Membership.objects.filter(in_force(), client_id=client_id).values(*_FIELDS, "facility__name").first()
    # The facility may not be known here yet: its Organization comes with the first write or not at all.
    return _actor(row, id_=f"client:{client_id}", name=row["facility__name"] or client_id) if row else None


def actor_for_app(membership: int, *, user: int) -> Actor | None:
    """The actor of a user whom an app acts for by this membership; None if it is over or not hers. One query."""
    mine = Membership.objects.filter(in_force(), pk=membership, user_id=user, user__is_active=True)
    row = mine.values(*_FIELDS, "user__name", "user__email", emergencies=_opened()).first()
    return _actor(row, id_=f"user:{user}", name=row["user__name"] or row["user__email"]) if row else None


def _actor(row: dict[str, Any], *, id_: str, name: str) -> Actor | None:
    role = Role(row["role"])
    if role is Role.SYSTEM:  # HealthHub's own work is never signed in
        return None
    opened = [pair.split(":", 1) for pair in row.get("emergencies", ())]
    return Actor(
        id_,
        name,
        role,
        facility=row["facility_id"],
        patient=row["patient_id"],
        area=row["area_id"],
        emergencies=tuple((patient, reason) for reason, patient in opened),
    )


def _opened() -> ArraySubquery:
    """What the user has opened in an emergency that lasts, under this membership's role and facility."""
    lasting = EmergencyAccess.objects.lasting().filter(
        user=OuterRef("user"), role=OuterRef("role"), facility=OuterRef("facility")
    )
    pair = Concat("reason", Value(":"), "patient_id", output_field=CharField())
    return ArraySubquery(lasting.order_by("pk").values(pair=pair))


def _place(row: dict[str, Any]) -> str:
    ward = row["patient__full_name"] if row["role"] == Role.GUARDIAN else ""
    return row["facility__name"] or row["area__name"] or ward or ""
