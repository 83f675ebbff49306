"""A person may hold several memberships: one counts at a time, is shown on every page, and ends when it ends."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from healthhub.accounts.actors import Actor, Role
from healthhub.accounts.models import User
from records.memberships import actor_for_user, held_by
from records.models import Area, Membership

pytestmark = pytest.mark.django_db


@pytest.fixture
def doctor(hoa_binh: str, thang_long: str) -> User:
    """A clinician of two facilities."""
    user = User.objects.create_user("bs@healthhub.example", "a long password", name="BS Đặng Quang Huy")
    for facility in (hoa_binh, thang_long):
        Membership.objects.create(user=user, role=Role.CLINICIAN, facility_id=facility)
    return user


@pytest.fixture
def browser(doctor: User) -> Client:
    """The doctor, just signed in."""
    return browser_of(doctor)


def browser_of(user: User, **options: Any) -> Client:
    client = Client(**options)
    client.force_login(user)
    return client


def membership(user: User, facility: str) -> Membership:
    return Membership.objects.get(user=user, facility_id=facility)


def choose(browser: Client, held: Membership, **fields: str) -> Any:
    return browser.post("/as/", {"membership": held.pk, **fields})


def who(page: Any) -> str:
    """What the page's head says of the one who acts: "BS Đặng Quang Huy Nhân viên y tế · Trạm …"."""
    found = re.search(r'hh-header__who">(.*?)</p>', page.content.decode(), re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", found[1]).split()) if found else ""


def test_who_has_several_roles_chooses_one_before_anything_else(
    browser: Client, doctor: User, hoa_binh: str, thang_long: str
) -> None:
    assert browser.get("/").headers["Location"] == "/as/"
    sent = browser.get("/clinic/people/?q=a").headers["Location"]
    assert sent == "/as/?next=%2Fclinic%2Fpeople%2F%3Fq%3Da"
    assert browser.post("/clinic/people/").status_code == 403

    offered = re.findall(r'name="membership"\s+value="(\d+)"', browser.get(sent).content.decode())
    assert offered == [str(membership(doctor, place).pk) for place in (hoa_binh, thang_long)]
    chosen = choose(browser, membership(doctor, thang_long), next="/clinic/people/?q=a")
    assert chosen.headers["Location"] == "/clinic/people/?q=a"
    page = browser.get("/clinic/people/")
    assert vars(page.wsgi_request)["actor"].facility == thang_long
    assert who(page) == "BS Đặng Quang Huy Nhân viên y tế · Trạm y tế Thăng Long"


def test_every_page_says_as_whom_one_works_also_the_accounts_own(browser: Client, doctor: User, hoa_binh: str) -> None:
    assert who(browser.get("/accounts/password/change/")) == ""
    choose(browser, membership(doctor, hoa_binh))
    for address in ("/clinic/people/", "/as/", "/accounts/password/change/"):
        assert who(browser.get(address)) == "BS Đặng Quang Huy Nhân viên y tế · Trạm y tế Hòa Bình"


def test_a_form_opened_before_the_switch_is_not_sent_under_the_new_role(
    doctor: User, hoa_binh: str, thang_long: str
) -> None:
    browser = browser_of(doctor, enforce_csrf_checks=True)

    def token() -> str:
        found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', browser.get("/as/").content.decode())
        assert found
        return found[1]

    old = token()
    assert choose(browser, membership(doctor, hoa_binh), csrfmiddlewaretoken=old).status_code == 302
    form = token()
    assert choose(browser, membership(doctor, thang_long), csrfmiddlewaretoken=form).status_code == 302
    stale = choose(browser, membership(doctor, hoa_binh), csrfmiddlewaretoken=form)
    assert (stale.status_code, "chưa được lưu" in stale.content.decode()) == (403, True)


def test_nobody_chooses_what_is_another_persons_or_has_ended(browser: Client, doctor: User, hoa_binh: str) -> None:
    other = User.objects.create_user("other@healthhub.example")
    theirs = Membership.objects.create(user=other, role=Role.OFFICER)
    ended = Membership.objects.create(user=doctor, role=Role.OFFICER, active=False)

    for held in (theirs, ended):
        assert choose(browser, held).status_code == 404
    assert browser.post("/as/", {"membership": "x"}).status_code == 404
    assert browser.get("/city/").status_code == 302


def test_the_choice_leads_to_no_other_site(browser: Client, doctor: User, hoa_binh: str) -> None:
    for address in ("https://evil.example/", "//evil.example/", "javascript:alert(1)"):
        assert choose(browser, membership(doctor, hoa_binh), next=address).headers["Location"] == "/"


@pytest.mark.parametrize("how", ["switched off", "after its last day"])
def test_an_ended_membership_counts_no_more_at_the_next_request(
    browser: Client, doctor: User, hoa_binh: str, thang_long: str, how: str
) -> None:
    held = membership(doctor, hoa_binh)
    held.valid_to = timezone.localdate()
    held.save()
    choose(browser, held)
    assert browser.get("/clinic/people/").status_code == 200

    if how == "switched off":
        held.active = False
    else:
        held.valid_to = timezone.localdate() - timedelta(days=1)
    held.save()
    assert browser.get("/clinic/people/").headers["Location"].startswith("/as/")  # never silently the other one
    assert browser.post("/clinic/people/").status_code == 403
    assert [one.actor.facility for one in held_by(doctor)] == [thang_long]


def test_a_membership_that_comes_in_place_of_the_only_one_is_chosen_first(
    doctor: User, hoa_binh: str, thang_long: str
) -> None:
    later = membership(doctor, thang_long)
    browser = browser_of(doctor)
    later.active = False
    later.save()
    assert who(browser.get("/clinic/people/")).endswith("Hòa Bình")  # the only one needs no choice

    Membership.objects.filter(user=doctor).update(active=False)
    assert browser.get("/clinic/people/").status_code == 403
    Membership.objects.filter(pk=later.pk).update(active=True)
    assert browser.get("/clinic/people/").status_code == 302


def test_a_deactivated_account_is_out_at_once(browser: Client, doctor: User, hoa_binh: str) -> None:
    choose(browser, membership(doctor, hoa_binh))
    doctor.is_active = False
    doctor.save()

    assert browser.get("/clinic/people/").headers["Location"].startswith("/accounts/login/")
    assert held_by(doctor) == []


def test_an_officers_actor_says_which_part_of_the_city_is_hers(db: None) -> None:
    user = User.objects.create_user("cb@healthhub.example", name="Lê Minh Châu")
    district = Area.objects.filter(kind="district").earliest("code")
    Membership.objects.create(user=user, role=Role.OFFICER, area=district)

    assert actor_for_user(user) == Actor(f"user:{user.pk}", "Lê Minh Châu", Role.OFFICER, area=district.pk)
    assert [one.place for one in held_by(user)] == [district.name]


def test_a_page_costs_one_query_for_who_acts(browser: Client, doctor: User, hoa_binh: str) -> None:
    choose(browser, membership(doctor, hoa_binh))
    with CaptureQueriesContext(connection) as queries:
        browser.get("/as/")
    assert [re.findall(r'FROM "(\w+)"', query["sql"])[-1:] for query in queries][:3] == [
        ["django_session"],
        ["accounts_user"],
        ["records_membership"],
    ]
    assert len([query for query in queries if "records_" in query["sql"]]) == 1
