"""People in a real browser: each has a window of her own, and what it complains of is kept."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from healthhub.accounts.demo import DEMO_TOTP_SECRET
from tests.sign_in import fresh_code

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
AXE = Path(__file__).resolve().parents[2] / "node_modules/axe-core/axe.min.js"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
_RUN = """
rules => axe.run(document, {runOnly: rules, reporter: "no-passes", selectors: false, preload: false}).then(found => ({
  faults: found.violations.map(one => `${one.id}: ${one.nodes[0].html.slice(0, 120)}`),
  wider: document.documentElement.scrollWidth - document.documentElement.clientWidth,
}))
"""
_AXE = AXE.read_text() if AXE.exists() else ""
PHONE: Any = {"width": 390, "height": 844}
DESK: Any = {"width": 1280, "height": 900}
PASSWORD = "a long password"

_MUST_RUN = os.environ.get("CI", "").lower() in {"1", "true"}  # there a missing browser is a failure, not a skip
needs_browser = [
    pytest.mark.skipif(CHROMIUM is None and not _MUST_RUN, reason="needs Chromium (scripts/chromium installs it)"),
    pytest.mark.skipif(not AXE.exists() and not _MUST_RUN, reason="needs axe-core (make test installs it)"),
]


@dataclass
class Window:
    """One person's window: her page, and what the browser complained of (a broken content policy is such a thing).

    ``secrets`` are those of the apps on people's telephones, by e-mail, the same in all windows of a street.
    """

    page: Page
    site: str
    complaints: list[str] = field(default_factory=list)
    secrets: dict[str, str] = field(default_factory=dict)

    def open(self, address: str) -> None:
        """Go to an address of the site."""
        self.page.goto(self.site + address)

    def sign_in(self, email: str, password: str = PASSWORD) -> None:
        """By the sign-in page; it leads to the person's own room."""
        self.open("/accounts/login/")
        self.page.fill("[name=login]", email)
        self.page.fill("[name=password]", password)
        self.page.click("main button[type=submit]")
        self.page.wait_for_url(lambda address: "/accounts/login/" not in address)
        if "/2fa/" in self.page.url:
            self._give_second_factor(email)

    def _give_second_factor(self, email: str) -> None:
        """As the page asks: set up an app by the secret that is shown, or give the code of one set up before."""
        first = "/activate/" in self.page.url
        if first:
            self.secrets[email] = self.page.inner_text("[data-secret]")
        self.page.fill("[name=code]", fresh_code(self.secrets.get(email, DEMO_TOTP_SECRET)))
        self.page.click("main form:has([name=code]) button")
        if first:
            self.page.wait_for_url("**/recovery-codes/")
            self.page.click("main a[href='/']")
        self.page.wait_for_url(lambda address: "/2fa/" not in address)

    def unfold(self, within: str = "") -> None:
        """Open everything that is folded, on the whole page or ``within`` a part of it (``main``)."""
        self.page.evaluate(
            "within => document.querySelectorAll(within).forEach(one => one.open = true)", f"{within} details"
        )

    def faults(self) -> list[str]:
        """What axe finds on the page, and whether it is wider than the screen."""
        if not self.page.evaluate("'axe' in window"):
            self.page.evaluate(_AXE)
            self.page.context.add_init_script(_AXE)  # this person will look again, on other pages
        found = self.page.evaluate(_RUN, RULES)
        return [*found["faults"], *([f"{found['wider']} px too wide"] if found["wider"] > 0 else [])]

    def faults_on_any_screen(self) -> list[str]:
        """The same on a phone and at a desk; first as the window is."""
        found = []
        for size in sorted((DESK, PHONE), key=lambda one: one != self.page.viewport_size):
            self.page.set_viewport_size(size)
            found += [f"{size['width']}: {fault}" for fault in self.faults()]
        return found


@dataclass
class Street:
    """A browser that opens windows on one site."""

    browser: Browser
    site: str
    secrets: dict[str, str] = field(default_factory=dict)

    def window(self, size: Any = DESK, **options: Any) -> Window:
        """A window that shares nothing with the others: somebody else's machine."""
        page = self.browser.new_context(viewport=size, locale="vi-VN", **options).new_page()
        window = Window(page, self.site, secrets=self.secrets)
        page.on("console", lambda line: window.complaints.append(line.text) if line.type == "error" else None)
        page.on("pageerror", lambda error: window.complaints.append(str(error)))
        return window


@contextmanager
def browsing(site: str) -> Iterator[Street]:
    """A browser. Inside, ask the database nothing: Playwright's loop runs in this thread and Django refuses."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield Street(browser, site)
        browser.close()
