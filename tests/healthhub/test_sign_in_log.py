"""What happens at the door is counted, limited and logged, and tells nobody whether an account exists."""

import re
import time
from typing import Any

import pytest
from django.test import Client

from healthhub.accounts.actors import Role
from healthhub.accounts.models import User
from healthhub.audit.models import AccessEntry
from records.models import Membership
from tests.healthhub.test_second_factor import CODE, EMAIL, LOGIN, PASSWORD, enter, member, now, set_up
from tests.sign_in import code_at

pytestmark = pytest.mark.django_db


def log() -> list[tuple[str, str, str]]:
    return list(AccessEntry.objects.order_by("id").values_list("actor", "action", "reason"))


def attempt(email: str, password: str = "wrong", *, address: str = "10.0.0.1") -> str:
    """What the page says, but for what differs on every page."""
    page = Client(REMOTE_ADDR=address).post(LOGIN, {"login": email, "password": password}).content.decode()
    return re.sub(r'csrf\S+ value="\w+"', "", page).replace(email, "")


def test_each_way_in_and_out_leaves_a_line() -> None:
    user = member(Role.OFFICER)
    me, door = f"user:{user.pk}", "system:sign-in"
    browser = Client()
    browser.post(LOGIN, {"login": EMAIL, "password": "wrong"})
    secret = set_up(browser)
    browser.post("/accounts/logout/")
    enter(browser)
    browser.post(CODE, {"code": "000000"})
    browser.post(CODE, {"code": code_at(secret, now())})
    assert log() == [
        (door, "sign-in-refused", "password"),
        (me, "sign-in", "password"),
        (me, "sign-out", "own"),
        (door, "sign-in-refused", "second-factor"),
        (me, "sign-in", "password+mfa"),
    ]
    lines = AccessEntry.objects.order_by("id").values_list("resource_type", "resource_id", "role", "patient")
    assert set(lines) == {("User", str(user.pk), "officer", None), ("User", str(user.pk), "system", None)}


def test_a_citizen_reads_who_has_signed_in_to_her_record() -> None:
    member(Role.CITIZEN, patient_id="p1")
    browser = Client()
    browser.post(LOGIN, {"login": EMAIL, "password": "wrong"})
    enter(browser)
    about = AccessEntry.objects.filter(patient="p1").order_by("id").values_list("action", flat=True)
    assert list(about) == ["sign-in-refused", "sign-in"]


def test_an_account_is_locked_after_five_wrong_passwords_whether_it_exists_or_not() -> None:
    member(Role.CITIZEN, patient_id="p1")
    known, unknown = EMAIL, "nobody@station.example"
    pages: dict[str, list[str]] = {known: [], unknown: []}
    for number in range(6):
        for email, said in pages.items():
            said.append(attempt(email, address=f"10.0.{number}.1"))
    assert pages[known] == pages[unknown]
    assert ["Email hoặc mật khẩu không đúng" in page for page in pages[known]] == [True] * 5 + [False]
    assert "Sai quá nhiều lần" in pages[known][5]
    assert "Sai quá nhiều lần" in attempt(known, PASSWORD, address="10.9.9.9")  # the right one, from elsewhere
    assert AccessEntry.objects.filter(reason="locked", resource_id=str(User.objects.get().pk)).count() == 2
    assert AccessEntry.objects.filter(reason="locked", resource_id="").count() == 1


def test_an_address_that_tries_many_accounts_is_locked() -> None:
    said = [attempt(f"nobody{number}@station.example") for number in range(21)]
    assert ["Sai quá nhiều lần" in page for page in said] == [False] * 20 + [True]
    assert "Sai quá nhiều lần" not in attempt("nobody@station.example", address="10.0.0.2")


def test_codes_are_locked_after_five_wrong_ones() -> None:
    member(Role.OFFICER)
    secret = set_up(Client())
    for _number in range(5):
        browser = Client()  # another session each time: it is the account that is locked
        enter(browser)
        assert "Mã không đúng" in browser.post(CODE, {"code": "000000"}).content.decode()
    locked = browser.post(CODE, {"code": code_at(secret, now())})
    assert "Sai quá nhiều lần" in locked.content.decode()
    assert log()[-1][1:] == ("sign-in-refused", "locked")


def test_a_wrong_password_and_an_unknown_account_take_the_same_time(settings: Any) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.PBKDF2PasswordHasher"]
    settings.ACCOUNT_RATE_LIMITS = False
    Membership.objects.create(user=User.objects.create_user(EMAIL, PASSWORD), role="citizen", patient_id="p1")
    took: dict[str, list[float]] = {EMAIL: [], "nobody@station.example": []}
    for _number in range(7):
        for email, times in took.items():
            begin = time.thread_time()
            attempt(email)
            times.append(time.thread_time() - begin)
    known, unknown = (min(times) for times in took.values())
    assert abs(known - unknown) < 0.25 * known
