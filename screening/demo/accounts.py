"""The demo's sign-ins and what each may do. Everybody knows their password, so they exist in the demo only."""

from datetime import timedelta
from typing import Any

from django.contrib.auth.hashers import make_password
from django.utils import timezone

from healthhub.accounts.actors import Role
from healthhub.accounts.demo import (
    DEMO_CLIENT_ID,
    DEMO_CLIENT_SECRET,
    DEMO_DOMAIN,
    DEMO_OF_TWO,
    DEMO_PASSWORD,
    set_up_demo_codes,
)
from healthhub.accounts.models import User
from healthhub.accounts.oauth.clients import add_client
from healthhub.accounts.oauth.models import Kind
from records.models import Membership
from screening.demo.people import Person
from screening.demo.places import Site

_STAFF = {
    Role.CLINICIAN: "BS Nguyễn Thu Hà",
    Role.LABORATORY: "KTV Phạm Quốc Việt",
    Role.REGISTRAR: "Trần Thị Lan",
    Role.FACILITY_ADMIN: "Vũ Đức Thắng",
    Role.OFFICER: "Lê Minh Châu",
    Role.ANALYST: "Đỗ Hoàng Anh",
    Role.ADMIN: "Hoàng Văn Nam",
    Role.AUDITOR: "Bùi Thị Ngọc",
    Role.GUARDIAN: "Phan Thị Mai",
}
_AT_CLINIC = (Role.CLINICIAN, Role.LABORATORY, Role.REGISTRAR, Role.FACILITY_ADMIN)
_DOCTOR = "BS Đặng Quang Huy"  # works at two facilities


def demo_accounts_exist() -> bool:
    """Whether a load was finished: accounts are its last step."""
    return User.objects.filter(email=_email(Role.CITIZEN)).exists()


def create_demo_accounts(*, clinic: Site, station: Site, citizen: Person, ward: Person) -> User:
    """Create a user of each role, a doctor of two facilities and the clinic's OAuth client; the clinician.

    Staff and client work at the demo clinic, the doctor also at the station; officer and analyst are for the whole
    city and see nobody's record; the citizen sees her own, the guardian the ward's for a year.
    """
    password = make_password(DEMO_PASSWORD)
    users: dict[Role, User] = {}
    for role, name in (_STAFF | {Role.CITIZEN: citizen.name.text}).items():
        users[role] = user = User.objects.create(email=_email(role), name=name, password=password)
        at: dict[str, Any] = {}
        if role in _AT_CLINIC:
            at = {"facility_id": clinic.id}
        elif role is Role.CITIZEN:
            at = {"patient_id": citizen.id}
        elif role is Role.GUARDIAN:
            at = {"patient_id": ward.id, "valid_to": timezone.localdate() + timedelta(days=365)}
        Membership.objects.create(user=user, role=role.value, **at)
    doctor = User.objects.create(email=f"{DEMO_OF_TWO}@{DEMO_DOMAIN}", name=_DOCTOR, password=password)
    for site in (clinic, station):
        Membership.objects.create(user=doctor, role=Role.CLINICIAN.value, facility_id=site.id)
    set_up_demo_codes()
    add_client(
        DEMO_CLIENT_ID,
        name=clinic.name,
        kind=Kind.SERVICE,
        scopes=["system/*.cruds"],
        facility=clinic.id,
        secret=DEMO_CLIENT_SECRET,
    )
    Membership.objects.create(client_id=DEMO_CLIENT_ID, role=Role.CLIENT.value, facility_id=clinic.id)
    return users[Role.CLINICIAN]


def _email(role: Role) -> str:
    return f"{role.value}@{DEMO_DOMAIN}"
