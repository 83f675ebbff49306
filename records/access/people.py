"""Which people an actor may see."""

from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet

from healthhub.accounts.actors import Actor, Role
from records.access.rule import CARE
from records.models import CareRelation, Citizen, Consent


def visible_to(actor: Actor) -> QuerySet[Citizen]:
    """The people whom the actor may see. Every list or search of people starts here."""
    citizens = Citizen.objects.filter(active=True)
    if actor.is_system:
        return citizens
    if actor.role in CARE and actor.facility:
        here = Q(patient_id=OuterRef("pk"), facility_id=actor.facility)
        consents = Consent.objects.filter(here, withdrawn_at__isnull=True)
        return citizens.filter(Exists(CareRelation.objects.filter(here)) | Exists(consents))
    if actor.role is Role.CITIZEN and actor.patient:
        return citizens.filter(pk=actor.patient)
    return citizens.none()


def visible_ids(actor: Actor) -> QuerySet[Any, Any]:
    """The ids of the people whom the actor may see, for counting many of them, and of some who were merged since.

    The same rule as ``visible_to``, said as a set that the database makes once and not as a question for each person.
    Whoever counts with it leaves out the few who are not active.
    """
    if actor.role in CARE and actor.facility and not actor.is_system:
        cared = CareRelation.objects.filter(facility_id=actor.facility).values("patient_id")
        consented = Consent.objects.filter(facility_id=actor.facility, withdrawn_at__isnull=True).values("patient_id")
        return cared.union(consented)
    return visible_to(actor).values("pk")


def can_see(actor: Actor, patient_id: str) -> bool:
    """Whether the actor may see this person."""
    return visible_to(actor).filter(pk=patient_id).exists()
