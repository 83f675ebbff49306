"""After signing out, and from another device, nothing of the session is left."""

import re

import pytest
from playwright.sync_api import expect
from pytest_django.live_server_helper import LiveServer

from healthhub.accounts.actors import Role
from healthhub.accounts.models import User
from records.models import Membership
from tests.journeys.browser import DESK, PASSWORD, PHONE, browsing, needs_browser

pytestmark = needs_browser
CHAU = "chau@example.vn"


@pytest.fixture
def officer(live_server: LiveServer) -> None:
    """Somebody with a page of her own."""
    user = User.objects.create_user(CHAU, PASSWORD, name="Lê Minh Châu")
    Membership.objects.create(user=user, role=Role.OFFICER.value)


def test_going_back_after_signing_out_shows_nothing(live_server: LiveServer, officer: None) -> None:
    with browsing(live_server.url) as street:
        window = street.window()
        window.sign_in(CHAU)
        window.open("/city/failsafe/")
        expect(window.page.locator("header")).to_contain_text("Lê Minh Châu")
        window.page.click("header >> text=Đăng xuất")
        expect(window.page.locator("header")).not_to_contain_text("Đăng xuất")
        window.page.go_back()
        expect(window.page).to_have_url(re.compile("/accounts/login/"))


def test_a_device_is_signed_out_from_another_one(live_server: LiveServer, officer: None) -> None:
    with browsing(live_server.url) as street:
        desk, phone = street.window(DESK), street.window(PHONE, java_script_enabled=False)
        phone.sign_in(CHAU)
        desk.sign_in(CHAU)
        desk.page.click("header >> text=Tài khoản")
        desk.page.click("main >> text=Xem các thiết bị, đăng xuất từ xa")
        assert desk.faults_on_any_screen() == []
        desk.page.click("main >> text=Đăng xuất thiết bị này")
        expect(desk.page.get_by_role("status")).to_contain_text("Đã đăng xuất thiết bị đó")
        phone.open("/city/")
        expect(phone.page).to_have_url(re.compile("/accounts/login/"))
        desk.open("/city/")
        expect(desk.page).to_have_url(re.compile("/city/$"))
