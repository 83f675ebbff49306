"""The demo's published sign-ins open nothing outside the demo."""

import base64
from typing import Any

import pytest
from django.test import Client
from oauth2_provider.models import Application

from healthhub.accounts.demo import DEMO_CLIENT_ID, DEMO_CLIENT_SECRET, DEMO_PASSWORD
from healthhub.accounts.models import User
from healthhub.accounts.oauth.clients import add_client
from healthhub.accounts.oauth.models import Kind

pytestmark = pytest.mark.django_db

EMAIL = "clinician@demo.healthhub.example"


@pytest.fixture
def demo_user() -> User:
    return User.objects.create_user(EMAIL, DEMO_PASSWORD)


@pytest.fixture
def demo_client() -> Application:
    add_client(DEMO_CLIENT_ID, name="Demo", kind=Kind.SERVICE, scopes=["system/*.cruds"], secret=DEMO_CLIENT_SECRET)
    return Application.objects.get(client_id=DEMO_CLIENT_ID)


def sign_in(browser: Client) -> bool:
    browser.post("/accounts/login/", {"login": EMAIL, "password": DEMO_PASSWORD})
    return "_auth_user_id" in browser.session


def ask_for_token(secret: str = DEMO_CLIENT_SECRET) -> int:
    basic = base64.b64encode(f"{DEMO_CLIENT_ID}:{secret}".encode()).decode()
    answer = Client().post(
        "/oauth/token", {"grant_type": "client_credentials"}, headers={"Authorization": f"Basic {basic}"}
    )
    return answer.status_code


def test_the_demos_password_works_in_the_demo_only(demo_user: User, settings: Any) -> None:
    settings.DEMO = True
    assert sign_in(Client())
    settings.DEMO = False
    assert not sign_in(Client())


def test_a_session_of_the_demo_ends_with_the_demo(demo_user: User, settings: Any) -> None:
    settings.DEMO = True
    browser = Client()
    sign_in(browser)
    assert "_auth_user_id" in browser.session
    settings.DEMO = False
    assert browser.get("/clinic/").status_code == 302


def test_the_demos_software_client_works_in_the_demo_only(demo_client: Application, settings: Any) -> None:
    settings.DEMO = True
    assert ask_for_token() == 200
    assert ask_for_token("another secret") == 401
    settings.DEMO = False
    assert ask_for_token() >= 400
