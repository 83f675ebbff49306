"""What sign-in must know of memberships: registered with ``healthhub.accounts``, which lies below."""

from dataclasses import replace
from datetime import date
from typing import Final
from uuid import uuid4

from django.db import transaction

from healthhub.accounts.actors import Actor, Role, system_actor
from healthhub.accounts.addresses import address_of
from healthhub.accounts.events import Action, Happened, on_sign_in
from healthhub.accounts.models import NO_MAILBOX, User
from healthhub.accounts.one_time import Register, use_register
from healthhub.accounts.staff import answer_who_is_staff
from healthhub.audit.log import record_access
from records.memberships import in_force
from records.models import BirthPrecision, Citizen, Membership

OWN_RECORD_ONLY: Final = (Role.CITIZEN.value, Role.GUARDIAN.value)


def holds_staff_role(user: User) -> bool:
    """Whether any role of the account, not only the one in use, opens other people's data."""
    return Membership.objects.filter(in_force(), user=user).exclude(role__in=OWN_RECORD_ONLY).exists()


def log_sign_in(happened: Happened) -> None:
    """A line in the access log; a citizen finds those of her own account among who has looked.

    A refusal is logged as HealthHub's act: nobody has proven who tried. The account meant is the resource.
    """
    user = happened.user
    chosen = happened.request.session.get("membership")
    # Asked for nobody too: an answer must not come sooner because there is no such account.
    held = list(Membership.objects.filter(in_force(), user_id=user.pk if user else 0).order_by("pk"))
    now = next((one for one in held if one.pk == chosen), held[0] if held else None)
    actor = system_actor("sign-in")
    if user and now and happened.action != Action.REFUSED:
        role = Role(now.role)
        actor = Actor(
            f"user:{user.pk}", user.name or user.email, role, facility=now.facility_id, patient=now.patient_id
        )
    record_access(
        actor=replace(actor, address=address_of(happened.request)),
        action=happened.action.value,
        patients=[now.patient_id if now and now.role == Role.CITIZEN else None],
        resource_type="User",
        resource_id=str(user.pk) if user else "",
        reason=happened.how,
    )


def find_citizen(number: str, born: date | None) -> str | None:
    """The one living person in the register with this citizen number, born on that day as far as the register knows.

    Two with the same number are a mistake that somebody must settle first: until then it opens neither record. Whose
    birth date is unknown cannot be told apart by it.
    """
    found = list(Citizen.objects.filter(cccd=number, active=True, deceased=False)[:2]) if number else []
    if len(found) != 1 or (born and not _born_on(found[0], born)):
        return None
    return found[0].pk


def _born_on(citizen: Citizen, day: date) -> bool:
    known = citizen.birth_date
    parts = {BirthPrecision.DAY: 3, BirthPrecision.MONTH: 2, BirthPrecision.YEAR: 1}.get(
        BirthPrecision(citizen.birth_precision), 0
    )
    return known is not None and parts > 0 and known.timetuple()[:parts] == day.timetuple()[:parts]


@transaction.atomic
def account_of(patient: str) -> User | None:
    """The person's own account, made at her first sign-in; None if it was closed."""
    citizen = Citizen.objects.select_for_update().get(pk=patient)  # of two sign-ins at once, one makes it
    held = Membership.objects.filter(patient_id=patient, role=Role.CITIZEN.value, user__isnull=False)
    known = held.filter(in_force()).select_related("user").order_by("pk").first()
    if known:
        return known.user if known.user and known.user.is_active else None
    if held.exists():
        return None
    user = User.objects.create_user(f"{uuid4()}@{NO_MAILBOX}", name=citizen.full_name)
    Membership.objects.create(user=user, role=Role.CITIZEN.value, patient_id=patient)
    return user


answer_who_is_staff(holds_staff_role)
on_sign_in(log_sign_in)
use_register(Register(find_citizen, account_of))
