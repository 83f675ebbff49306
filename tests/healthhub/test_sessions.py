"""How long a session lasts, where one is signed in, and what stays behind after it."""

import time
from typing import Any

import pytest
from allauth.usersessions.models import UserSession
from django.test import Client
from django.urls import reverse

from healthhub.accounts.actors import Role
from healthhub.accounts.devices import device_of
from healthhub.accounts.models import User
from healthhub.audit.models import AccessEntry
from records.models import Membership
from tests.sign_in import force_login

pytestmark = pytest.mark.django_db
MINUTE = 60
SESSIONS = "/accounts/sessions/"
PHONE = "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36"
DESK = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0"


@pytest.fixture
def chau() -> User:
    return member("chau@example.vn", Role.OFFICER)


def member(email: str, role: Role, **place: Any) -> User:
    user = User.objects.create_user(email, "a long password", name="Châu")
    Membership.objects.create(user=user, role=role.value, **place)
    return user


def signed_in(user: User, **headers: str) -> Client:
    browser = Client(headers=headers or None)
    force_login(browser, user)
    session = browser.session
    del session["seen_at"]  # nothing has been asked for yet
    session.save()
    return browser


def is_in(browser: Client, page: str = SESSIONS) -> bool:
    return browser.get(page).status_code == 200


def age(browser: Client, *, rest: float = 0, whole: float = 0) -> None:
    """Let so many seconds have passed since the last use, or since signing in."""
    session = browser.session
    session["seen_at"] = session.get("seen_at", time.time()) - rest
    records = session["account_authentication_methods"]
    session["account_authentication_methods"] = [one | {"at": one["at"] - whole} for one in records]
    session.save()


def log() -> list[tuple[str, str]]:
    return list(AccessEntry.objects.order_by("id").values_list("action", "reason"))


@pytest.mark.parametrize(("role", "minutes"), [(Role.OFFICER, 30), (Role.CITIZEN, 15)])
def test_a_session_that_rests_too_long_ends_and_says_so(role: Role, minutes: int) -> None:
    browser = Client()
    user = member("a@example.vn", role)
    force_login(browser, user, second_factor=role != Role.CITIZEN)
    assert is_in(browser)
    age(browser, rest=(minutes - 1) * MINUTE)
    assert is_in(browser)
    age(browser, rest=(minutes + 1) * MINUTE)
    answer = browser.get(SESSIONS, follow=True)
    assert answer.redirect_chain == [(f"/accounts/login/?next={SESSIONS}", 302)]
    assert "Phiên làm việc đã hết" in answer.content.decode()
    assert log() == [("sign-out", "idle")]
    assert UserSession.objects.count() == 0


def test_use_keeps_a_session_and_twelve_hours_end_it_all_the_same(chau: User) -> None:
    browser = signed_in(chau)
    for _time in range(4):
        assert is_in(browser)
        age(browser, rest=20 * MINUTE)
    assert is_in(browser)
    age(browser, whole=12 * 60 * MINUTE + 1)
    assert not is_in(browser)
    assert log() == [("sign-out", "limit")]


def test_a_page_that_asks_by_itself_keeps_no_session(chau: User) -> None:
    browser = signed_in(chau)
    assert is_in(browser)
    age(browser, rest=20 * MINUTE)
    assert browser.get(SESSIONS, headers={"HX-Request": "true"}).status_code == 200
    age(browser, rest=20 * MINUTE)
    assert not is_in(browser)


def test_a_session_that_says_not_how_it_began_is_none(chau: User) -> None:
    browser = signed_in(chau)
    session = browser.session
    del session["account_authentication_methods"]
    session.save()
    assert not is_in(browser)


def test_requests_that_follow_each_other_write_nothing(chau: User, django_assert_max_num_queries: Any) -> None:
    browser = signed_in(chau)
    browser.get("/accounts/password/change/")
    with django_assert_max_num_queries(3) as queries:  # session, user, memberships
        browser.get("/accounts/password/change/")
    assert [one["sql"] for one in queries if not one["sql"].startswith("SELECT")] == []


def test_a_deactivated_user_is_out_at_once(chau: User) -> None:
    browser = signed_in(chau)
    assert browser.get("/city/").status_code == 200
    User.objects.update(is_active=False)
    assert browser.get("/city/").status_code == 302
    page = Client().post("/accounts/login/", {"login": chau.email, "password": "a long password"}, follow=True)
    assert "Tài khoản đã bị khóa" in page.content.decode()
    assert log()[-1] == ("sign-in-refused", "inactive")


def test_each_device_is_listed_and_can_be_signed_out(chau: User) -> None:
    desk, phone = signed_in(chau, user_agent=DESK), signed_in(chau, user_agent=PHONE)
    other = signed_in(member("b@example.vn", Role.OFFICER))
    assert [is_in(one) for one in (phone, other, desk)] == [True, True, True]
    page = desk.get(SESSIONS).content.decode()
    assert [name in page for name in ("Edge, Windows", "Chrome, Android", "127.0.0.1")] == [True] * 3
    assert page.count("Đăng xuất thiết bị này") == 1
    theirs = UserSession.objects.get(user__email="b@example.vn").pk
    mine = UserSession.objects.get(session_key=phone.session.session_key).pk
    for asked in (theirs, "x", "", 10**30):
        desk.post(SESSIONS, {"end": asked})
    assert [is_in(one) for one in (phone, other)] == [True, True]
    assert "Đã đăng xuất thiết bị đó" in desk.post(SESSIONS, {"end": mine}, follow=True).content.decode()
    assert [is_in(one) for one in (phone, other, desk)] == [False, True, True]


def test_one_signs_out_everywhere(chau: User) -> None:
    browsers = [signed_in(chau), signed_in(chau)]
    assert [is_in(one) for one in browsers] == [True, True]
    assert browsers[0].post(SESSIONS, {"end": "all"}).headers["Location"] == "/accounts/login/"
    assert [is_in(one) for one in browsers] == [False, False]


def test_another_password_ends_the_other_sessions(chau: User) -> None:
    here, there = signed_in(chau), signed_in(chau)
    new = "quả chuối xanh 2026"
    here.post("/accounts/password/change/", {"oldpassword": "a long password", "password1": new, "password2": new})
    assert [is_in(one) for one in (here, there)] == [True, False]


@pytest.mark.parametrize("page", ["city", "mfa_index", "account_sessions", "account_change_password", "home"])
def test_no_page_of_somebody_signed_in_is_stored(chau: User, page: str) -> None:
    assert "no-store" in signed_in(chau).get(reverse(page), follow=True).headers["Cache-Control"]


def test_a_browser_is_named_in_few_words() -> None:
    assert device_of(PHONE) == "Chrome, Android"
    assert (
        device_of("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604.1")
        == "Safari, iPhone"
    )
    assert device_of("curl/8") == ""
