"""Takes the README's pictures from a running demo: ``make demo`` in one terminal, ``make screenshots`` in another.

PORT (8000) says where the demo listens. Nothing is saved: the form is filled in and left.
"""

import os
import shutil
import sys
from pathlib import Path

from playwright.sync_api import Browser, Error, Page, sync_playwright

SITE = f"http://localhost:{os.environ.get('PORT', '8000')}"
IMAGES = Path(__file__).resolve().parent.parent / "docs/images"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PASSWORD = "demo-healthhub"


def main() -> int:
    """Take both pictures; the exit code."""
    if CHROMIUM is None:
        print("Needs Chromium: scripts/chromium installs it or says how.", file=sys.stderr)
        return 1
    IMAGES.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        try:
            _result_entry(_room(browser, "clinician", width=1280, height=760))
            _citizens_result(_room(browser, "citizen", width=390, height=844, scale=1.5))
        except Error as error:
            print(f"Is the demo running at {SITE}? {error.message}", file=sys.stderr)
            return 1
        finally:
            browser.close()
    return 0


def _room(browser: Browser, role: str, *, width: int, height: int, scale: float = 1) -> Page:
    """The first page of a demo user."""
    context = browser.new_context(
        viewport={"width": width, "height": height}, device_scale_factor=scale, locale="vi-VN", reduced_motion="reduce"
    )
    page = context.new_page()
    page.goto(f"{SITE}/accounts/login/")
    page.fill("[name=login]", f"{role}@demo.healthhub.example")
    page.fill("[name=password]", PASSWORD)
    page.click("main button[type=submit]")
    page.wait_for_url(lambda address: "/accounts/login/" not in address)
    if "/2fa/" in page.url:
        page.fill("[name=code]", page.inner_text(".hh-notice .hh-secret"))
        page.click("main form:has([name=code]) button")
    page.wait_for_url(lambda address: "/accounts/" not in address)
    return page


def _result_entry(page: Page) -> None:
    """A positive FIT, read by the protocol before it is saved."""
    page.goto(f"{SITE}/clinic/people/")
    page.fill("[name=query]", "nguyen van")
    page.click("#found .hh-list a >> nth=0")
    page.click("main a[href$='/results/new/']")
    page.click("main a[href*='test=fit']")
    page.wait_for_url("**/results/new/?test=fit")
    page.fill("[name=specimen_id]", "DV-0412")
    page.fill("[name=value]", "48,6")
    page.wait_for_selector("#reading [name=mark]", state="attached")
    _take(page, "result-entry.png")


def _citizens_result(page: Page) -> None:
    """What the citizen reads about a positive FIT, on a phone."""
    page.goto(f"{SITE}/me/")
    page.click("main a[href*='/me/results/']")
    page.wait_for_url("**/me/results/*/")
    _take(page, "citizen-result.png")


def _take(page: Page, name: str) -> None:
    page.evaluate("document.fonts.ready")
    path = IMAGES / name
    page.screenshot(path=path, animations="disabled", caret="hide")
    print(f"{path.relative_to(IMAGES.parent.parent)}  {path.stat().st_size // 1024} kB")


if __name__ == "__main__":
    sys.exit(main())
