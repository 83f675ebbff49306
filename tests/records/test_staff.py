"""Administrators invite staff and end roles: who gives what, what a letter is worth, and when access is over."""

import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.core.exceptions import PermissionDenied
from django.test import Client
from django.utils import timezone

from healthhub.accounts.actors import Actor, Role
from healthhub.accounts.models import User
from healthhub.audit.models import AccessEntry
from records.memberships import actor_for_user, held_by
from records.models import Facility, Membership, StaffInvitation
from records.staff import GIVES, end_membership, invite_staff, staff_of, withdraw_invitation

pytestmark = pytest.mark.django_db

PASSWORD = "một câu dài dễ nhớ"
INVITED = {"name": "Trần Thị Lan", "email": "Lan@Station.example"}


def member(email: str, role: Role, **place: Any) -> User:
    user = User.objects.create_user(email, name=email.partition("@")[0])
    Membership.objects.create(user=user, role=role.value, **place)
    return user


def actor(user: User) -> Actor:
    found = actor_for_user(user)
    assert found
    return found


def browser_of(user: User) -> Client:
    browser = Client()
    browser.force_login(user)
    return browser


@pytest.fixture
def chief(hoa_binh: str) -> User:
    """The administrator of Hòa Bình's station."""
    return member("chief@station.example", Role.FACILITY_ADMIN, facility_id=hoa_binh)


@pytest.fixture
def keeper() -> User:
    """Keeps HealthHub running."""
    return member("keeper@city.example", Role.ADMIN)


def invite(browser: Client, role: Role, **fields: str) -> Any:
    return browser.post("/staff/invite/", {**INVITED, "role": role.value, **fields})


def link() -> str:
    found = re.search(r"http://\S+(/invitation/\S+/)", str(mail.outbox[-1].body))
    assert found
    return found[1]


def memberships() -> list[tuple[str, str, str | None]]:
    rows = Membership.objects.filter(active=True, user__isnull=False).order_by("pk")
    return [(one.user.email, one.role, one.facility_id) for one in rows.select_related("user") if one.user]


def test_who_is_invited_opens_an_account_and_works_at_that_facility(chief: User, hoa_binh: str) -> None:
    before = memberships()
    assert invite(browser_of(chief), Role.REGISTRAR).headers["Location"] == "/staff/"
    assert [one.to for one in mail.outbox] == [["lan@station.example"]]
    assert "Nhân viên tiếp đón, tại Trạm y tế Hòa Bình" in str(mail.outbox[0].body)
    assert memberships() == before  # not before she answers

    browser = Client()
    assert browser.get(link()).headers["Location"] == "/invitation/"
    assert 'value="Trần Thị Lan"' in browser.get("/invitation/").content.decode()
    sent = browser.post("/invitation/", {"name": "Trần Thị Lan", "password": PASSWORD, "again": PASSWORD})
    assert sent.headers["Location"] == "/accounts/login/"
    assert memberships() == [*before, ("lan@station.example", "registrar", hoa_binh)]
    signed_in = browser.post("/accounts/login/", {"login": "lan@station.example", "password": PASSWORD})
    assert signed_in.status_code == 302
    assert browser.get("/").headers["Location"] == "/accounts/2fa/totp/activate/"
    acts = AccessEntry.objects.filter(action__in=("invite", "accept")).order_by("id")
    assert list(acts.values_list("actor_name", "role", "action", "reason")) == [
        ("chief", "facility_admin", "invite", "registrar"),
        ("Trần Thị Lan", "registrar", "accept", "registrar"),
    ]


def test_a_link_is_answered_once(chief: User) -> None:
    invite(browser_of(chief), Role.REGISTRAR)
    for status in (200, 410):
        browser = Client()
        browser.get(link())
        assert browser.get("/invitation/").status_code == status
        browser.post("/invitation/", {"name": "Lan", "password": PASSWORD, "again": PASSWORD})
    assert User.objects.filter(email="lan@station.example").count() == 1


@pytest.mark.parametrize("how", ["withdrawn", "over", "changed", "sent again"])
def test_a_link_that_is_worth_nothing_any_more_opens_no_account(chief: User, how: str) -> None:
    invite(browser_of(chief), Role.REGISTRAR)
    address, then = link(), timezone.now()
    if how == "withdrawn":
        withdraw_invitation(invitation=StaffInvitation.objects.get(), actor=actor(chief))
    if how == "over":
        then += timedelta(days=7, minutes=1)
    if how == "changed":
        address = address[:-3] + ("A/" if address[-3] != "A" else "B/")
    if how == "sent again":
        invite(browser_of(chief), Role.REGISTRAR)
        assert link() != address
    with time_machine.travel(then, tick=False):
        browser = Client()
        browser.get(address)
        page = browser.post("/invitation/", {"name": "Lan", "password": PASSWORD, "again": PASSWORD})
    assert (page.status_code, User.objects.filter(email="lan@station.example").exists()) == (410, False)


def test_who_has_an_account_takes_the_role_with_that_account_and_no_other(chief: User, thang_long: str) -> None:
    lan = member("lan@station.example", Role.CLINICIAN, facility_id=thang_long)
    other = member("other@station.example", Role.CLINICIAN, facility_id=thang_long)
    invite(browser_of(chief), Role.CLINICIAN)

    stranger = Client()
    stranger.get(link())
    assert "Địa chỉ này đã có tài khoản" in stranger.get("/invitation/").content.decode()
    stranger.post("/invitation/", {"name": "Lan", "password": PASSWORD, "again": PASSWORD})
    wrong = browser_of(other)
    wrong.get(link())
    assert "một tài khoản khác" in wrong.get("/invitation/").content.decode()
    assert wrong.post("/invitation/").status_code == 403
    assert (len(held_by(lan)), len(held_by(other))) == (1, 1)

    browser = browser_of(lan)
    browser.get(link())
    assert browser.post("/invitation/").headers["Location"] == "/as/"
    assert [one.place for one in held_by(lan)] == ["Trạm y tế Thăng Long", "Trạm y tế Hòa Bình"]


@pytest.mark.parametrize("role", [role for role in Role if role not in (Role.CLIENT, Role.SYSTEM)])
def test_each_administrator_gives_her_own_roles_and_nobody_else_gives_any(
    role: Role, chief: User, keeper: User, hoa_binh: str, thang_long: str
) -> None:
    given = {
        "chief": {Role.CLINICIAN, Role.LABORATORY, Role.REGISTRAR, Role.FACILITY_ADMIN},
        "keeper": {Role.FACILITY_ADMIN, Role.OFFICER, Role.ANALYST, Role.AUDITOR, Role.ADMIN},
    }
    for user in (chief, keeper):
        StaffInvitation.objects.all().delete()
        invite(browser_of(user), role, facility="01902")
        made = StaffInvitation.objects.values_list("role", "facility_id")
        place = {"chief": hoa_binh, "keeper": thang_long if role == Role.FACILITY_ADMIN else None}[user.name]
        assert list(made) == ([(role.value, place)] if role in given[user.name] else [])
        if role not in given[user.name]:
            with pytest.raises(PermissionDenied):
                invite_staff(email="x@y.example", name="X", role=role, actor=actor(user))
    if role not in GIVES:
        place_of = {"facility_id": hoa_binh} if role in given["chief"] else {}
        someone = browser_of(member("someone@city.example", role, **place_of))
        assert {someone.get(page).status_code for page in ("/staff/", "/staff/invite/")} == {403}
        assert invite(someone, Role.CLINICIAN).status_code == 403


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"email": "chief@station.example"}, "Không ai tự giao vai trò cho chính mình."),
        ({"email": "chief@"}, "email"),
        ({"role": ""}, "Trường này là bắt buộc"),
    ],
)
def test_what_cannot_be_is_said_at_the_field(chief: User, fields: dict[str, str], says: str) -> None:
    page = browser_of(chief).post("/staff/invite/", {**INVITED, "role": "clinician", **fields})
    assert (page.status_code, says in page.content.decode(), mail.outbox) == (200, True, [])
    assert not StaffInvitation.objects.exists()


def test_the_department_names_a_facility_that_there_is(keeper: User, thang_long: str) -> None:
    browser = browser_of(keeper)
    assert "Hãy cho biết cơ sở." in invite(browser, Role.FACILITY_ADMIN).content.decode()
    assert "Không có cơ sở nào mang mã này." in invite(browser, Role.FACILITY_ADMIN, facility="99").content.decode()
    Facility.objects.filter(pk=thang_long).update(active=False)
    assert "Không có cơ sở nào" in invite(browser, Role.FACILITY_ADMIN, facility="01902").content.decode()
    assert mail.outbox == []


def test_without_a_letter_there_is_no_invitation(chief: User, settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9  # nobody listens there
    page = invite(browser_of(chief), Role.CLINICIAN)
    assert "Chưa gửi được thư mời" in page.content.decode()
    assert not StaffInvitation.objects.exists()


def test_an_ended_role_opens_nothing_and_signs_out_who_has_no_other(chief: User, hoa_binh: str) -> None:
    lan = member("lan@station.example", Role.CLINICIAN, facility_id=hoa_binh)
    hers, page = browser_of(lan), "/clinic/people/"
    session = hers.session
    del session["seen_at"]  # so that her first page notes where she is signed in
    session.save()
    assert hers.get(page).status_code == 200
    held = Membership.objects.get(user=lan)
    browser = browser_of(chief)
    assert browser.get(f"/staff/{held.pk}/end/").status_code == 200
    assert hers.get(page).status_code == 200
    assert browser.post(f"/staff/{held.pk}/end/").headers["Location"] == "/staff/"
    assert hers.get(page).headers["Location"].startswith("/accounts/login/")
    assert AccessEntry.objects.filter(action="end", resource_id=str(held.pk), reason="clinician").count() == 1


def test_nobody_ends_what_is_another_facilitys_or_her_own(chief: User, keeper: User, thang_long: str) -> None:
    there = member("there@station.example", Role.CLINICIAN, facility_id=thang_long)
    held = Membership.objects.get(user=there)
    own = Membership.objects.get(user=chief)
    for one, status in ((held, 404), (own, 403)):
        assert browser_of(chief).post(f"/staff/{one.pk}/end/").status_code == status
    with pytest.raises(PermissionDenied):
        end_membership(membership=held, actor=actor(chief))
    with pytest.raises(PermissionDenied):  # whoever runs HealthHub appoints no clinicians, and ends none
        end_membership(membership=held, actor=actor(keeper))
    assert Membership.objects.filter(active=True).count() == 3


def test_an_administrator_sees_her_own_facilitys_staff_only(chief: User, hoa_binh: str, thang_long: str) -> None:
    here = member("here@station.example", Role.LABORATORY, facility_id=hoa_binh)
    member("there@station.example", Role.LABORATORY, facility_id=thang_long)
    member("hoa@example.vn", Role.CITIZEN, patient_id="p1")
    assert {one.user for one in staff_of(actor(chief))} == {chief, here}
    page = browser_of(chief).get("/staff/").content.decode()
    assert ("here@station.example" in page, "there@station.example" in page) == (True, False)


def test_a_long_list_has_pages_and_costs_the_same_however_long(
    chief: User, hoa_binh: str, django_assert_num_queries: Any
) -> None:
    browser = browser_of(chief)
    with django_assert_num_queries(6):
        browser.get("/staff/")
    for number in range(60):
        member(f"n{number:02}@station.example", Role.CLINICIAN, facility_id=hoa_binh)
    with django_assert_num_queries(6):
        first = browser.get("/staff/").content.decode()
    more = re.search(r'href="(\?q=&(?:amp;)?after=\d+)"', first)
    assert more
    second = browser.get("/staff/" + more[1].replace("&amp;", "&")).content.decode()
    shown = [re.findall(r"n\d\d@station", page) for page in (first, second)]
    assert sorted({*shown[0], *shown[1]}) == [f"n{number:02}@station" for number in range(60)]
    assert set(shown[0]) & set(shown[1]) == set()
    assert re.findall(r"n\d\d@station", browser.get("/staff/?q=n07").content.decode())[0] == "n07@station"
