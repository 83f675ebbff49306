"""From a signed-in user or an OAuth client to the actor it is: one active membership says role, facility and person."""

from typing import Any

from healthhub.accounts.actors import Actor, Role
from records.models import Membership


def actor_for_user(user: Any) -> Actor | None:
    """The actor of a signed-in user; None for anonymous or inactive users and those without an active membership."""
    if not user.is_authenticated or not user.is_active:
        return None
    membership = Membership.objects.filter(user_id=user.pk, active=True).first()
    return _actor(membership, id_=f"user:{user.pk}", name=user.name or user.email) if membership else None


def actor_for_client(client_id: str) -> Actor | None:
    """The actor of an OAuth client, named after its facility; None without an active membership. One query."""
    membership = Membership.objects.select_related("facility").filter(client_id=client_id, active=True).first()
    if membership is None:
        return None
    return _actor(membership, id_=f"client:{client_id}", name=_facility_name(membership) or client_id)


def _actor(membership: Membership, *, id_: str, name: str) -> Actor | None:
    role = Role(membership.role)
    if role is Role.SYSTEM:  # HealthHub's own work is never signed in
        return None
    return Actor(id=id_, name=name, role=role, facility=membership.facility_id, patient=membership.patient_id)


def _facility_name(membership: Membership) -> str:
    # The facility may not be known here yet: its Organization comes with the first write or not at all.
    return membership.facility.name if membership.facility_id and membership.facility else ""
