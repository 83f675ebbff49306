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

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
AXE = Path(__file__).resolve().parents[2] / "node_modules/axe-core/axe.min.js"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
_RUN = """
rules => axe.run(document, {runOnly: rules, resultTypes: ["violations"]}).then(found => found.violations.map(
  one => ({id: one.id, nodes: one.nodes.slice(0, 1).map(node => ({html: node.html}))})))
"""
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
    """One person's window: her page, and what the browser complained of (a broken content policy is such a thing)."""

    page: Page
    site: str
    complaints: list[str] = field(default_factory=list)

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

    def unfold(self, within: str = "") -> None:
        """Open everything that is folded, on the whole page or ``within`` a part of it (``main``)."""
        for summary in self.page.query_selector_all(f"{within} summary"):
            summary.click()

    def faults(self) -> list[str]:
        """What axe finds on the page, and whether it is wider than the screen."""
        if not self.page.evaluate("'axe' in window"):
            self.page.evaluate(AXE.read_text())
        found = self.page.evaluate(_RUN, RULES)
        faults = [f"{one['id']}: {one['nodes'][0]['html'][:120]}" for one in found]
        wider = self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        return [*faults, *([f"{wider} px too wide"] if wider > 0 else [])]


@dataclass
class Street:
    """A browser that opens windows on one site."""

    browser: Browser
    site: str

    def window(self, size: Any = DESK, **options: Any) -> Window:
        """A window that shares nothing with the others: somebody else's machine."""
        page = self.browser.new_context(viewport=size, locale="vi-VN", **options).new_page()
        window = Window(page, self.site)
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
