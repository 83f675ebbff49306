"""Every page, every role, with and without sign-in, to look and to write: as `pages.py` says, and refused otherwise."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from healthhub.accounts.actors import Role
from records.models import Facility
from tests.access.pages import ABOUT_A_PERSON, EVERYBODY, ROLES_OF
from tests.records.test_me import sign_in

pytestmark = pytest.mark.django_db
_ID = UUID(int=1)
_NAMED = {"action": "refer", "day": "2030-01-01", "kind": "defer", "programme": "colorectal", "group": "conditions"}


def patterns(found: Any = None) -> Iterator[URLPattern]:
    """HealthHub's own pages."""
    if found is None:
        found = [one for name in ("records.urls", "screening.urls") for one in get_resolver(name).url_patterns]
    for one in found:
        if isinstance(one, URLResolver):
            yield from patterns(one.url_patterns)
        else:
            yield one


def address(one: URLPattern) -> str:
    """The page of a thing that is not there, where it is of one."""
    some = {"IntConverter": 1, "UUIDConverter": _ID}
    made = one.pattern.converters
    return reverse(
        str(one.name), kwargs={name: _NAMED.get(name, some.get(type(of).__name__, "x")) for name, of in made.items()}
    )


def about(patient: str, name: str) -> str:
    """The page of that name about this person; what else its address names is not there."""
    return PAGES[name].replace("/people/x/", f"/people/{patient}/").replace("/matching/1/x/", f"/matching/1/{patient}/")


PAGES = {str(one.name): address(one) for one in patterns()}


@pytest.fixture
def places(hoa_binh: str, duc: str) -> dict[Role, dict[str, Any]]:
    """Where or for whom each role acts."""
    found: dict[Role, dict[str, Any]] = {role: {} for role in EVERYBODY}
    for role in (Role.CLINICIAN, Role.LABORATORY, Role.REGISTRAR, Role.FACILITY_ADMIN):
        found[role] = {"facility": Facility.objects.get(pk=hoa_binh)}
    for role in (Role.CITIZEN, Role.GUARDIAN):
        found[role] = {"patient_id": duc}
    return found


def test_every_page_has_a_line_in_the_table() -> None:
    assert set(PAGES) == set(ROLES_OF)
    assert {one.name for one in patterns() if "patient_id" in one.pattern.converters} == set(ABOUT_A_PERSON)


@pytest.mark.parametrize("role", sorted(EVERYBODY))
def test_a_role_opens_its_own_pages_and_no_others(role: Role, places: dict[Role, dict[str, Any]], duc: str) -> None:
    browser = sign_in(role, **places[role])
    browser.raise_request_exception = False
    let_in = set()
    for name in PAGES:
        where = about(duc, name)  # who is cared for at the facility
        answers = {browser.get(where).status_code, browser.post(where).status_code}
        assert 500 not in answers, name
        if answers != {403}:
            let_in.add(name)
            assert role in ROLES_OF[name], f"{role} gets {answers} from {name}"
    assert let_in == {name for name, roles in ROLES_OF.items() if role in roles}


def test_without_sign_in_every_page_but_the_open_ones_asks_for_it(db: None) -> None:
    stranger = Client(raise_request_exception=False)
    asked = set()
    for name, where in PAGES.items():
        answers = {
            getattr(answer, "url", "").startswith("/accounts/login/?next=")
            for answer in (stranger.get(where), stranger.post(where))
        }
        if answers == {True}:
            asked.add(name)
    assert set(PAGES) - asked == {name for name, roles in ROLES_OF.items() if Role.SYSTEM in roles}
