"""Who works where: administrators invite staff by e-mail and end what they gave.

Those who keep HealthHub running appoint the department's people and each facility's first administrator; a facility's
administrator appoints those who see its patients. So nobody who can appoint sees a record by that, and nobody appoints
herself. An invitation is a letter with a signed link, good for a week and for one answer: the role exists only once
the person who reads that mailbox has taken it, so a mistyped address gives nothing away.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from django.conf import settings
from django.core import signing
from django.core.exceptions import PermissionDenied
from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models import Q, QuerySet
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from healthhub.accounts.actors import Actor, Role
from healthhub.accounts.models import User
from healthhub.accounts.sessions import end_sessions
from healthhub.audit.log import record_access
from healthhub.web.context import role_name
from records.access import Action, Thing, What, may
from records.memberships import held_by, in_force
from records.models import Area, Facility, Membership, StaffInvitation

#: Which roles who may give.
GIVES: Final[Mapping[Role, tuple[Role, ...]]] = {
    Role.FACILITY_ADMIN: (Role.CLINICIAN, Role.LABORATORY, Role.REGISTRAR, Role.FACILITY_ADMIN),
    Role.ADMIN: (Role.FACILITY_ADMIN, Role.OFFICER, Role.ANALYST, Role.AUDITOR, Role.ADMIN),
}
OF_A_FACILITY: Final = (*GIVES[Role.FACILITY_ADMIN],)
LASTS: Final = timedelta(days=7)
_SALT: Final = "staff-invitation"


class StaffError(ValueError):
    """What was asked for cannot be done; the text says why, in the reader's language."""


def staff_of(actor: Actor) -> QuerySet[Membership]:
    """The memberships in force that the actor manages, with users and facilities; those whom she may not: none."""
    rows = Membership.objects.filter(in_force(), user__isnull=False, role__in=GIVES.get(actor.role, ()))
    return _managed(rows, actor).select_related("user", "facility", "area")


def invitations_of(actor: Actor) -> QuerySet[StaffInvitation]:
    """Those that nobody has answered yet, also when their time is over: they can be sent again."""
    rows = StaffInvitation.objects.filter(_OPEN, role__in=GIVES.get(actor.role, ()))
    return _managed(rows, actor).select_related("facility", "area").order_by("-invited_at")


_OPEN: Final = Q(withdrawn_at__isnull=True, membership__isnull=True)


@transaction.atomic
def invite_staff(
    *, email: str, name: str, role: Role, actor: Actor, facility: Facility | None = None, area: Area | None = None
) -> StaffInvitation:
    """Ask somebody to take a role, in place of an earlier letter about the same one.

    A facility's administrator invites to her own facility whatever else is given. Raises PermissionDenied for roles
    that are not hers to give, StaffError with what is wrong otherwise, and what the mail server raises: without the
    letter there is no invitation.
    """
    if actor.role is Role.FACILITY_ADMIN:
        facility = Facility.objects.get(pk=actor.facility)
    facility = facility if role in OF_A_FACILITY else None
    area = area if role is Role.OFFICER else None
    _may_manage(actor, facility.pk if facility else None)
    if role not in GIVES.get(actor.role, ()):
        raise PermissionDenied
    if role in OF_A_FACILITY and facility is None:
        raise StaffError(_("Hãy cho biết cơ sở."))
    email = email.strip().lower()
    if User.objects.filter(pk=_number(actor), email=email).exists():
        raise StaffError(_("Không ai tự giao vai trò cho chính mình."))
    held = Membership.objects.filter(in_force(), user__email=email, role=role.value, facility=facility, area=area)
    if held.exists():
        raise StaffError(_("Người này đã có vai trò đó."))
    StaffInvitation.objects.filter(_OPEN, email=email, role=role.value, facility=facility, area=area).update(
        withdrawn_at=timezone.now()
    )
    now = timezone.now()
    invitation = StaffInvitation.objects.create(
        email=email,
        name=name.strip(),
        role=role.value,
        facility=facility,
        area=area,
        invited_by_id=_number(actor),
        invited_at=now,
        until=now + LASTS,
    )
    _log(actor, "invite", "StaffInvitation", invitation.pk, role)
    _send(invitation)
    return invitation


def withdraw_invitation(*, invitation: StaffInvitation, actor: Actor) -> None:
    """Its link is worth nothing from now on; one that was answered meanwhile stays answered."""
    if not invitations_of(actor).filter(pk=invitation.pk).exists():
        raise PermissionDenied
    if StaffInvitation.objects.filter(_OPEN, pk=invitation.pk).update(withdrawn_at=timezone.now()):
        _log(actor, "withdraw", "StaffInvitation", invitation.pk, Role(invitation.role))


def token_of(invitation: StaffInvitation) -> str:
    """The word in its link. Whoever has it can take the role, so it is for the letter only."""
    return signing.dumps(invitation.pk, salt=_SALT)


def open_invitation(token: str) -> StaffInvitation | None:
    """What a link stands for, if it can still be answered."""
    try:
        number = signing.loads(token, salt=_SALT, max_age=LASTS)
    except signing.BadSignature:
        return None
    return invitation_to_answer(number)


def invitation_to_answer(number: int) -> StaffInvitation | None:
    """That invitation, if it can still be answered: neither over, nor withdrawn, nor answered."""
    rows = StaffInvitation.objects.filter(_OPEN, pk=number, until__gt=timezone.now())
    return rows.select_related("facility", "area").first()


@transaction.atomic
def accept_invitation(*, invitation: StaffInvitation, user: User) -> Membership:
    """The role is hers from now on. Raises PermissionDenied for an account with another address than the letter's,
    StaffError if somebody was faster."""
    if user.email != invitation.email or not user.is_active:
        raise PermissionDenied
    locked = StaffInvitation.objects.select_for_update().filter(_OPEN, pk=invitation.pk, until__gt=timezone.now())
    if not locked.exists():
        raise StaffError(_("Lời mời này không còn dùng được."))
    membership, _new = Membership.objects.get_or_create(
        user=user,
        role=invitation.role,
        facility=invitation.facility,
        patient=None,
        area=invitation.area,
        active=True,
    )
    StaffInvitation.objects.filter(pk=invitation.pk).update(membership=membership)
    actor = next(one.actor for one in held_by(user) if one.id == membership.pk)
    _log(actor, "accept", "Membership", membership.pk, actor.role)
    return membership


@transaction.atomic
def open_account(*, invitation: StaffInvitation, name: str, password: str) -> User:
    """An account for somebody who has none yet, with the role taken. Raises what ``accept_invitation`` raises."""
    user = User.objects.create_user(invitation.email, password, name=name.strip())
    accept_invitation(invitation=invitation, user=user)
    return user


@transaction.atomic
def end_membership(*, membership: Membership, actor: Actor) -> None:
    """Nothing is opened by it from now on, neither by pages nor by apps; who has no other role is signed out too.

    Raises PermissionDenied for what the actor does not manage, and for her own: nobody locks herself out.
    """
    if not staff_of(actor).filter(pk=membership.pk).exists() or membership.user_id == _number(actor):
        raise PermissionDenied
    Membership.objects.filter(pk=membership.pk).update(active=False)
    _log(actor, "end", "Membership", membership.pk, Role(membership.role))
    user = membership.user
    if user and not held_by(user):
        end_sessions(user)


def _managed(rows: QuerySet[Any], actor: Actor) -> QuerySet[Any]:
    if may(actor, Action.MANAGE, Thing(What.STAFF)):
        return rows
    return rows.filter(facility_id=actor.facility) if _manages(actor, actor.facility) else rows.none()


def _manages(actor: Actor, facility: str | None) -> bool:
    return bool(may(actor, Action.MANAGE, Thing(What.STAFF, facility=facility)))


def _may_manage(actor: Actor, facility: str | None) -> None:
    if not _manages(actor, facility):
        raise PermissionDenied


def _number(actor: Actor) -> int:
    return int(actor.id.removeprefix("user:"))


def _log(actor: Actor, action: str, type_: str, number: int, role: Role) -> None:
    record_access(
        actor=actor, action=action, patients=[None], resource_type=type_, resource_id=str(number), reason=role.value
    )


def _send(invitation: StaffInvitation) -> None:
    context = {
        "invitation": invitation,
        "role": role_name(invitation.role),
        "place": invitation.facility or invitation.area or "",
        "link": settings.PUBLIC_URL + reverse("invitation-open", args=[token_of(invitation)]),
        "until": timezone.localtime(invitation.until),
    }
    EmailMessage(
        subject=_("Mời bạn làm việc trên HealthHub"),
        body=render_to_string("records/invitation.txt", context),
        to=[invitation.email],
        headers={"Auto-Submitted": "auto-generated"},
    ).send()
