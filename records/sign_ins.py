"""What sign-in must know of memberships: registered with ``healthhub.accounts``, which lies below."""

from typing import Final

from healthhub.accounts.actors import Role
from healthhub.accounts.models import User
from healthhub.accounts.staff import answer_who_is_staff
from records.memberships import in_force
from records.models import Membership

OWN_RECORD_ONLY: Final = (Role.CITIZEN.value, Role.GUARDIAN.value)


def holds_staff_role(user: User) -> bool:
    """Whether any role of the account, not only the one in use, opens other people's data."""
    return Membership.objects.filter(in_force(), user=user).exclude(role__in=OWN_RECORD_ONLY).exists()


answer_who_is_staff(holds_staff_role)
