"""The citizen's pages in a real browser: axe finds nothing, nothing overflows a phone, no content policy is broken."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, sync_playwright
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from healthhub.accounts.actors import Role
from healthhub.accounts.models import User
from records.models import Membership
from tests.screening.conftest import Sender, make_facility, make_patient

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
AXE = Path(__file__).resolve().parents[2] / "node_modules/axe-core/axe.min.js"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
PHONE, DESK = {"width": 390, "height": 844}, {"width": 1280, "height": 900}

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium (scripts/chromium installs it)"),
    pytest.mark.skipif(not AXE.exists(), reason="needs axe-core (make test installs it)"),
]


@pytest.fixture(autouse=True)
def _compiled_assets(settings: Settings) -> None:
    """The test server looks for assets in the apps; ours are compiled, and WhiteNoise serves them otherwise."""
    settings.STATICFILES_DIRS = [settings.STATIC_ROOT]


@pytest.fixture
def lan(live_server: LiveServer) -> str:
    """A woman with a positive and a negative result, who can sign in; the positive result's id."""
    station = make_facility("01901", "Trạm y tế Dịch Vọng")
    patient = make_patient(station, name="Lê Thị Lan", gender="female", born="1965-04-05")
    sender = Sender(station)
    sender.fit(patient, "3", on="2023-05-06")
    positive = sender.fit(patient, "48.6", on="2024-05-06", device={"display": "OC-Sensor"})
    user = User.objects.create_user("lan@example.vn", "a long password", name="Lê Thị Lan")
    Membership.objects.create(user=user, role=Role.CITIZEN.value, patient_id=patient)
    return positive


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
@pytest.mark.parametrize("language", ["vi", "en"])
def test_the_citizens_pages_are_accessible(
    live_server: LiveServer, lan: str, size: dict[str, int], language: str
) -> None:
    with _browser(size) as (page, complaints):
        faults = {}
        page.goto(live_server.url)
        if language == "en":
            page.click("button[name=language]")
        for address in ("/", "/accounts/login/", "/accounts/password/reset/"):
            page.goto(live_server.url + address)
            faults[address] = _faults(page)
        page.goto(f"{live_server.url}/accounts/login/")
        page.fill("[name=login]", "lan@example.vn")
        page.fill("[name=password]", "a long password")
        page.click("main button[type=submit]")
        for address in ("/me/", "/me/results/", f"/me/results/{lan}/", "/me/record/", "/me/access/?who=all"):
            page.goto(live_server.url + address)
            assert page.get_attribute("html", "lang") == language
            for summary in page.query_selector_all("summary"):
                summary.click()
            faults[address] = _faults(page)
    assert {address: found for address, found in faults.items() if found} == {}
    assert complaints == []


def test_details_open_without_javascript(live_server: LiveServer, lan: str) -> None:
    with _browser(PHONE, java_script_enabled=False) as (page, _complaints):
        page.goto(f"{live_server.url}/accounts/login/?next=/me/results/{lan}/")
        page.fill("[name=login]", "lan@example.vn")
        page.fill("[name=password]", "a long password")
        page.click("main button[type=submit]")
        assert not page.is_visible("text=OC-Sensor")
        page.click("summary")
        assert page.is_visible("text=OC-Sensor")


@contextmanager
def _browser(size: Any, **options: Any) -> Iterator[tuple[Page, list[str]]]:
    """A page, and what the browser complains of meanwhile (a broken content policy is such a complaint)."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_context(viewport=size, **options).new_page()
        complaints: list[str] = []
        page.on("console", lambda line: complaints.append(line.text) if line.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        yield page, complaints
        browser.close()


def _faults(page: Page) -> list[str]:
    """What axe finds on the page, and whether it is wider than the screen."""
    page.evaluate(AXE.read_text())
    found = page.evaluate("rules => axe.run(document, {runOnly: rules})", RULES)["violations"]
    faults = [f"{one['id']}: {one['nodes'][0]['html'][:120]}" for one in found]
    wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return [*faults, *([f"{wider} px too wide"] if wider > 0 else [])]
