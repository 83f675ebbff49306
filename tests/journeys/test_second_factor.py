"""The second factor as people meet it: an app set up with and without scripts, and a passkey in Chromium."""

import base64
import re

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from playwright.sync_api import CDPSession, expect
from pytest_django.live_server_helper import LiveServer

from healthhub.accounts.actors import Role
from healthhub.accounts.models import User
from records.models import Membership
from tests.journeys.browser import PASSWORD, PHONE, Window, browsing, needs_browser
from tests.sign_in import fresh_code

pytestmark = needs_browser
CHAU = "chau@example.vn"


@pytest.fixture
def officer(live_server: LiveServer) -> None:
    """Somebody who has never signed in."""
    user = User.objects.create_user(CHAU, PASSWORD, name="Lê Minh Châu")
    Membership.objects.create(user=user, role=Role.OFFICER.value)


@pytest.mark.parametrize("scripts", [True, False])
def test_an_app_is_set_up_at_the_first_sign_in_and_asked_for_at_the_next(
    live_server: LiveServer, officer: None, scripts: bool
) -> None:
    with browsing(live_server.url) as street:
        window = street.window(PHONE, java_script_enabled=scripts)
        page = window.page
        _gives_password(window)
        expect(page).to_have_url(re.compile("/2fa/totp/activate/$"))
        expect(page.get_by_role("img", name="Hình để ứng dụng quét").locator("svg")).to_be_visible()
        _looks_right(window, scripts)
        secret = page.inner_text("[data-secret]")
        page.fill("[name=code]", "000000")
        page.click("text=Xác nhận")
        expect(page.locator("main")).to_contain_text("Mã không đúng")
        assert page.inner_text("[data-secret]") == secret
        page.fill("[name=code]", fresh_code(secret))
        page.click("text=Xác nhận")
        expect(page.locator(".hh-codes li")).to_have_count(10)
        _looks_right(window, scripts)
        spare = page.locator(".hh-codes li").first.inner_text()
        page.click("main >> text=Tiếp tục")
        expect(page).to_have_url(re.compile("/city/$"))

        other = street.window(PHONE, java_script_enabled=scripts)
        for code in (fresh_code(secret), spare):
            _gives_password(other)
            expect(other.page).to_have_url(re.compile("/2fa/authenticate/$"))
            _looks_right(other, scripts)
            other.page.fill("[name=code]", code)
            other.page.click("text=Tiếp tục")
            expect(other.page).to_have_url(re.compile("/city/$"))
            for name in ("", "totp/deactivate/", "recovery-codes/", "reauthenticate/"):
                other.open(f"/accounts/2fa/{name}")
                _looks_right(other, scripts)
            other.page.click("header >> text=Đăng xuất")
        assert (window.complaints, other.complaints) == ([], [])


def test_a_passkey_is_set_up_and_used(live_server: LiveServer, officer: None) -> None:
    with browsing(live_server.url) as street:
        window = street.window()
        page = window.page
        devtools = page.context.new_cdp_session(page)
        devtools.send("WebAuthn.enable")
        key = devtools.send(
            "WebAuthn.addVirtualAuthenticator",
            {
                "options": {
                    "protocol": "ctap2",
                    "transport": "internal",
                    "hasUserVerification": True,
                    "isUserVerified": True,
                    "automaticPresenceSimulation": True,
                }
            },
        )["authenticatorId"]
        _gives_password(window)
        page.click("text=Dùng khóa truy cập thay cho ứng dụng")
        _looks_right(window)
        page.fill("[name=name]", "Điện thoại của Châu")
        page.click("main button >> text=Thêm khóa truy cập")
        expect(page.locator(".hh-codes li")).to_have_count(10)
        page.click("main >> text=Tiếp tục")
        expect(page).to_have_url(re.compile("/city/$"))
        page.click("header >> text=Đăng xuất")

        _gives_password(window)
        expect(page).to_have_url(re.compile("/2fa/authenticate/$"))
        _looks_right(window)
        page.click("main button >> text=Dùng khóa truy cập")
        expect(page).to_have_url(re.compile("/city/$"))
        window.open("/accounts/2fa/")
        expect(page.locator("main")).to_contain_text("Điện thoại của Châu, thêm ngày")
        _looks_right(window)
        page.click("text=Bỏ khóa Điện thoại của Châu")
        expect(page.locator("main")).to_contain_text("Đây là bước xác minh cuối cùng của bạn")
        window.open("/accounts/2fa/webauthn/reauthenticate/")
        _looks_right(window)
        page.click("main button >> text=Dùng khóa truy cập")
        expect(page).to_have_url(re.compile("/city/$"))
        page.click("header >> text=Đăng xuất")

        _forges(devtools, key)
        _gives_password(window)
        page.click("main button >> text=Dùng khóa truy cập")
        expect(page.locator(".hh-notice")).to_contain_text("Mã không đúng", timeout=20_000)
        window.open("/city/")
        expect(page).not_to_have_url(re.compile("/city/$"))
        page.click("text=Đăng nhập bằng tài khoản khác")
        expect(page).to_have_url(re.compile("/accounts/login/$"))
        expect(page.locator("[name=login]")).to_have_value("")
        assert window.complaints == []


def _forges(devtools: CDPSession, key: str) -> None:
    """Another private key under the registered name."""
    (known,) = devtools.send("WebAuthn.getCredentials", {"authenticatorId": key})["credentials"]
    devtools.send("WebAuthn.clearCredentials", {"authenticatorId": key})
    private = generate_private_key(SECP256R1()).private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    forged = known | {"privateKey": base64.b64encode(private).decode(), "signCount": known["signCount"] + 10}
    devtools.send("WebAuthn.addCredential", {"authenticatorId": key, "credential": forged})


def _gives_password(window: Window) -> None:
    window.open("/accounts/login/")
    window.page.fill("[name=login]", CHAU)
    window.page.fill("[name=password]", PASSWORD)
    window.page.click("main button[type=submit]")


def _looks_right(window: Window, scripts: bool = True) -> None:
    if scripts:
        assert window.faults() == []
