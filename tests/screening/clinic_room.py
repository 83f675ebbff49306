"""Staff who are signed in, and short ways through the clinic's forms."""

import re
from typing import Any

from django.test import Client

from healthhub.accounts.actors import Role
from healthhub.accounts.models import User
from records.models import Facility, Membership


def signed_in(role: Role, facility: Facility | None = None, *, patient: str | None = None, email: str = "") -> Client:
    """A browser of somebody with this role."""
    email = email or f"{role}.{facility.code if facility else patient or 'city'}@example.vn"
    user = User.objects.create_user(email, name="BS Lê Thị Mai")
    Membership.objects.create(user=user, role=role.value, facility=facility, patient_id=patient)
    client = Client()
    client.force_login(user)
    return client


def mark_in(page: bytes) -> str:
    """The proof, hidden in a page, that its reading was shown."""
    found = re.search(r'name="mark" value="(\w+)"', page.decode())
    assert found, "the page shows no reading"
    return found[1]


def fit(value: str = "12,5", **fields: Any) -> dict[str, Any]:
    """The form of a FIT result, filled in."""
    days = {"collected_on": "06/05/2024", "resulted_on": "08/05/2024"}
    return {"value": value, "unit": "ug/g", "category": "", "kit": "", "cutoff": "", "note": "", **days, **fields}
