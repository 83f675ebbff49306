"""The demo's sign-ins and what each may do. Everybody knows their password, so they exist in the demo only."""

from typing import Any

from django.contrib.auth.hashers import make_password
from oauth2_provider.models import get_application_model

from healthhub.accounts.actors import Role
from healthhub.accounts.demo import (
    DEMO_CLIENT_ID,
    DEMO_CLIENT_SECRET,
    DEMO_DOMAIN,
    DEMO_PASSWORD,
    set_up_demo_codes,
)
from healthhub.accounts.models import User
from records.models import Membership
from screening.demo.people import Person
from screening.demo.places import Site

_STAFF = {
    Role.CLINICIAN: "BS Nguyễn Thu Hà",
    Role.LABORATORY: "KTV Phạm Quốc Việt",
    Role.OFFICER: "Lê Minh Châu",
    Role.ANALYST: "Đỗ Hoàng Anh",
}


def demo_accounts_exist() -> bool:
    """Whether a load was finished: accounts are its last step."""
    return User.objects.filter(email=_email(Role.CITIZEN)).exists()


def create_demo_accounts(*, clinic: Site, citizen: Person) -> User:
    """Create the five users and the clinic's OAuth client with their memberships; the clinician.

    Clinician, laboratory and client work at the demo clinic; officer and analyst are for the whole city and see
    nobody's record; the citizen sees her own.
    """
    password = make_password(DEMO_PASSWORD)
    users: dict[Role, User] = {}
    for role, name in (_STAFF | {Role.CITIZEN: citizen.name.text}).items():
        users[role] = user = User.objects.create(email=_email(role), name=name, password=password)
        at: dict[str, Any] = {}
        if role in (Role.CLINICIAN, Role.LABORATORY):
            at = {"facility_id": clinic.id}
        elif role is Role.CITIZEN:
            at = {"patient_id": citizen.id}
        Membership.objects.create(user=user, role=role.value, **at)
    set_up_demo_codes()
    application = get_application_model()
    application.objects.create(
        client_id=DEMO_CLIENT_ID,
        client_secret=DEMO_CLIENT_SECRET,  # stored hashed
        client_type=application.CLIENT_CONFIDENTIAL,
        authorization_grant_type=application.GRANT_CLIENT_CREDENTIALS,
        name=clinic.name,
    )
    Membership.objects.create(client_id=DEMO_CLIENT_ID, role=Role.CLIENT.value, facility_id=clinic.id)
    return users[Role.CLINICIAN]


def _email(role: Role) -> str:
    return f"{role.value}@{DEMO_DOMAIN}"
