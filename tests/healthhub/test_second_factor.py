"""Staff get in with two factors: what the server refuses, keeps and says. In a browser: ``journeys``."""

import re
import time
from io import StringIO
from typing import Any
from urllib.parse import quote

import pytest
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from healthhub.accounts import encryption
from healthhub.accounts.actors import Role
from healthhub.accounts.demo import DEMO_PASSWORD, DEMO_TOTP_SECRET, set_up_demo_codes
from healthhub.accounts.models import User
from healthhub.audit.models import AccessEntry
from records.models import Membership
from tests.sign_in import code_at, force_login

pytestmark = pytest.mark.django_db
EMAIL, PASSWORD = "mai@station.example", "a long password"
LOGIN, SET_UP, CODE = "/accounts/login/", "/accounts/2fa/totp/activate/", "/accounts/2fa/authenticate/"


@pytest.fixture
def mai() -> User:
    return member(Role.OFFICER)


def member(role: Role, **place: Any) -> User:
    user = User.objects.create_user(EMAIL, PASSWORD, name="Mai")
    Membership.objects.create(user=user, role=role.value, **place)
    return user


def enter(browser: Client) -> Any:
    return browser.post(LOGIN, {"login": EMAIL, "password": PASSWORD})


def now() -> int:
    return int(time.time()) // 30


def set_up(browser: Client) -> str:
    """The secret of the app that somebody has set up at her first sign-in."""
    enter(browser)
    secret = re.search(r"data-secret>(\w+)<", browser.get(SET_UP).content.decode())
    assert secret
    answer = browser.post(SET_UP, {"code": code_at(secret[1], now() - 1)})
    assert answer.headers["Location"] == "/accounts/2fa/recovery-codes/"
    return secret[1]


def recovery_codes(browser: Client) -> list[str]:
    page = browser.get("/accounts/2fa/recovery-codes/").content.decode()
    return re.findall(r'hh-secret">(\d{8})<', page)


def test_a_password_alone_opens_no_page_for_staff(mai: User) -> None:
    browser = Client()
    enter(browser)
    closed = ["/", "/city/", "/city/failsafe/", "/clinic/", "/me/", "/accounts/2fa/", "/accounts/password/change/"]
    assert {browser.get(page).headers.get("Location") for page in closed} == {SET_UP}
    decide = reverse("city-batch-decide", kwargs={"batch_id": 1})
    assert browser.post(decide).headers["Location"] == SET_UP
    assert browser.get(SET_UP).status_code == 200
    assert browser.post("/accounts/logout/").headers["Location"] == "/"


@pytest.mark.parametrize("role", [role for role in Role if role not in (Role.CITIZEN, Role.CLIENT, Role.SYSTEM)])
def test_every_role_but_the_citizens_own_needs_it(role: Role) -> None:
    browser = Client()
    force_login(browser, member(role), second_factor=False)
    assert (browser.get("/").headers.get("Location") == SET_UP) is (role is not Role.GUARDIAN)


def test_a_citizen_needs_none(settings: Any) -> None:
    member(Role.CITIZEN, patient_id="p1")
    browser = Client()
    assert enter(browser).headers["Location"] == "/"
    assert browser.get("/").headers["Location"] == "/me/"
    assert "Tài khoản nhân viên" not in browser.get(SET_UP).content.decode()


def test_the_first_sign_in_sets_it_up_and_the_second_asks_for_it(mai: User) -> None:
    browser = Client()
    secret = set_up(browser)
    assert len(recovery_codes(browser)) == 10
    assert browser.get("/").headers["Location"] == "/city/"

    later = Client()
    assert enter(later).headers["Location"] == CODE
    assert "_auth_user_id" not in later.session
    assert "Mã không đúng" in later.post(CODE, {"code": "000000"}).content.decode()
    assert later.post(CODE, {"code": code_at(secret, now())}).headers["Location"] == "/"
    assert later.get("/").headers["Location"] == "/city/"


def test_a_password_alone_adds_no_second_factor_beside_the_one_there_is(mai: User) -> None:
    left_open = Client()
    enter(left_open)
    set_up(Client())  # in another session
    for name in ("mfa_activate_totp", "mfa_add_webauthn"):
        page = reverse(name)
        assert left_open.get(page).headers["Location"] == f"/accounts/2fa/reauthenticate/?next={quote(page, safe='')}"
        assert left_open.post(page, {"code": "000000"}).headers["Location"] == "/accounts/2fa/reauthenticate/?next=%2F"


def test_the_session_gets_another_key_when_it_can_do_more(mai: User) -> None:
    browser = Client()
    enter(browser)
    before = browser.session.session_key
    set_up(browser)
    key = browser.session.session_key
    assert key != before
    page = browser.get("/accounts/sessions/").content.decode()
    assert page.count("Thiết bị bạn đang dùng") == 1
    assert list(UserSession.objects.values_list("session_key", flat=True)) == [key]


def test_a_code_works_once_even_in_the_periods_beside_its_own(mai: User) -> None:
    browser = Client()
    secret = set_up(browser)  # by the code of the period before
    for counter, works in ((now() - 1, False), (now(), True), (now(), False), (now() + 1, True), (now() + 1, False)):
        other = Client()
        enter(other)
        assert (other.post(CODE, {"code": code_at(secret, counter)}).status_code == 302) is works


def test_a_recovery_code_works_once_and_is_shown_once(mai: User) -> None:
    browser = Client()
    set_up(browser)
    codes = recovery_codes(browser)
    assert recovery_codes(browser) == []
    for works in (True, False):
        other = Client()
        enter(other)
        assert (other.post(CODE, {"code": codes[3]}).status_code == 302) is works


def test_secrets_lie_encrypted_in_the_database(mai: User, settings: Any) -> None:
    browser = Client()
    secret = set_up(browser)
    rows = {row.type: row.data for row in Authenticator.objects.all()}
    assert secret not in str(rows)
    stored = rows["totp"]["secret"]
    assert encryption.decrypt(stored, purpose="second-factor") == secret
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another key", [settings.SECRET_KEY]
    assert encryption.decrypt(stored, purpose="second-factor") == secret
    settings.SECRET_KEY_FALLBACKS = []
    with pytest.raises(encryption.InvalidToken):
        encryption.decrypt(stored, purpose="second-factor")


def test_staff_never_lose_the_last_second_factor(mai: User) -> None:
    browser = Client()
    set_up(browser)
    page = browser.post("/accounts/2fa/totp/deactivate/")
    assert "bước xác minh cuối cùng" in page.content.decode()
    assert Authenticator.objects.filter(type="totp").count() == 1


def test_a_session_opened_before_must_show_it_again(mai: User) -> None:
    secret = set_up(Client())
    old = Client()
    force_login(old, mai, second_factor=False)
    sent = old.get("/city/?year=2017").headers["Location"]
    assert sent == "/accounts/2fa/reauthenticate/?next=%2Fcity%2F%3Fyear%3D2017"
    answer = old.post(sent, {"code": code_at(secret, now()), "next": "/city/?year=2017"})
    assert answer.headers["Location"] == "/city/?year=2017"
    assert old.get("/").headers["Location"] == "/city/"


def test_the_picture_is_drawn_in_the_page_without_style_or_script(mai: User) -> None:
    browser = Client()
    enter(browser)
    page = browser.get(SET_UP).content.decode()
    drawn = page[page.index("<svg", page.index("hh-qr")) :].split("</svg>")[0]
    assert "<path" in drawn
    assert re.findall("style|script|xlink", drawn) == []


def test_the_demo_shows_its_codes_and_nobody_else_sees_any(settings: Any, mai: User) -> None:
    settings.DEMO = True
    demo = User.objects.create_user("officer@demo.healthhub.example", DEMO_PASSWORD)
    Membership.objects.create(user=demo, role=Role.OFFICER.value)
    set_up_demo_codes()
    seen = []
    for _person in range(2):
        browser = Client()
        browser.post(LOGIN, {"login": demo.email, "password": DEMO_PASSWORD})
        shown = re.search(r'hh-secret">(\d{6})<', browser.get(CODE).content.decode())
        assert shown
        seen.append(shown[1])
        assert browser.post(CODE, {"code": shown[1]}).headers["Location"] == "/"
    assert set(seen) <= {code_at(DEMO_TOTP_SECRET, now() + beside) for beside in (-2, -1, 0, 1)}
    assert len(set(seen)) == 2

    set_up(Client())
    browser = Client()
    enter(browser)
    assert "hh-secret" not in browser.get(CODE).content.decode()


def test_whoever_has_lost_everything_sets_up_anew(mai: User) -> None:
    browser = Client()
    set_up(browser)
    assert browser.get("/city/").status_code == 200
    out = StringIO()
    call_command("reset_second_factor", EMAIL.upper(), stdout=out)
    assert out.getvalue() == f"{EMAIL}: 2 second factors taken away, 1 sessions ended.\n"
    assert browser.get("/city/").headers["Location"].startswith(LOGIN)
    assert enter(Client()).headers["Location"] == "/"
    set_up(browser)
    assert AccessEntry.objects.get(action="second-factor-reset").resource_id == str(mai.pk)
    with pytest.raises(CommandError):
        call_command("reset_second_factor", "nobody@station.example")
