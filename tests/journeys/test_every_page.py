"""Every page that can be shown, in a real browser, on a phone and at a desk, in both languages: axe finds nothing,
nothing is wider than the screen or breaks the content policy. A page neither visited nor excepted fails a test."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

import pytest
from django.db import transaction
from django.test import Client, override_settings
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from pytest_django import DjangoDbBlocker
from pytest_django.live_server_helper import LiveServer

from healthhub.accounts.actors import Role
from healthhub.accounts.demo import DEMO_DOMAIN, DEMO_PASSWORD
from healthhub.accounts.models import User
from healthhub.accounts.urls import PAGES as SIGN_IN_PAGES
from screening.demo import present
from tests.database import empty_tables
from tests.journeys.all_rooms import Visit, rooms
from tests.journeys.browser import DESK, PHONE, Street, Window, browsing, needs_browser
from tests.journeys.city_at_work import fill
from tests.records.test_me import sign_in
from tests.screening.conftest import make_facility, make_patient

#: What only takes a form, and answers a GET with 405.
WRITTEN_TO = {
    *("clinic-bulk", "clinic-bulk-undo", "clinic-reminder-read", "clinic-closure", "clinic-bench-undo"),
    *("clinic-order-cancel", "clinic-notice-seen", "me-notice-seen", "clinic-import-decide", "clinic-import-approve"),
    *("clinic-machine-switch", "clinic-import-undo"),
    *("clinic-station-pack", "clinic-station-sync", "clinic-day-reopen"),
    *("clinic-appointment-status", "city-protocol-run", "city-protocol-activate", "city-protocol-withdraw"),
    *("city-texts-decide", "gateway-reports"),
    *("message-not-me", "clinic-person-messages-act", "clinic-letters-make", "clinic-letters-printed"),
    *("person-app-open", "clinic-emergency-end", "staff-withdraw"),
    *("city-letters-make", "city-letters-printed", "city-batch-decide", "city-batch-undo", "city-closing"),
}
#: What a GET answers that is no page of its own.
NO_PAGE = {
    "account_set_password": "for an account that never had one",
    "account_reset_password_from_key": "for who has got the letter with the key",
    "account_reset_password_from_key_done": "leads on from there",
    "openid_connect_login": "takes a form and leads away, looked at in test_oidc",
    "openid_connect_callback": "leads on from there",
    "citizen_code": "after the citizen number, looked at in test_citizen_sign_in",
    "mfa_authenticate": "only between password and code, looked at in test_second_factor",
    "mfa_deactivate_totp": "of somebody with an app, looked at in test_second_factor",
    "mfa_view_recovery_codes": "of somebody with codes, looked at in test_second_factor",
    "mfa_reauthenticate": "of somebody with an app, looked at in test_second_factor",
    "mfa_reauthenticate_webauthn": "of somebody with a passkey, looked at in test_second_factor",
    "mfa_remove_webauthn": "of somebody with a passkey, looked at in test_second_factor",
    "invitation": "after the link in the letter, which leads there",
    "oauth-authorize": "asked for by an app, looked at in test_app_launch",
    "clinic-bench-end": "leads back to the bench",
    "clinic-preview": "a part of the worklist, looked at in test_worklist",
    "clinic-station-manifest": "JSON",
    "clinic-station-worker": "JavaScript",
    "clinic-station-session": "JSON",
    "clinic-import-template": "a file",
    "clinic-import-errors": "a file",
    "clinic-letters-file": "a file",
    "city-letters-file": "a file",
    "city-protocol-file": "a file",
    "city-csv": "a file",
}
ROOMS = ["open", "mine", "clinic", "people", "laboratory", "city", "audit", "roles", "facility", "system"]
_SOME = {"IntConverter": 1, "UUIDConverter": UUID(int=1)}


class City(NamedTuple):
    """Where the server is, and the pages of each room."""

    address: str
    rooms: dict[str, list[Visit]]


@pytest.fixture(scope="module")
def city(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[City]:
    """A server with something to see in every room, made once: the tests here only look."""
    folder = tmp_path_factory.mktemp("city")
    with pytest.MonkeyPatch.context() as patch, override_settings(MEDIA_ROOT=folder, DEMO=True):
        patch.setattr(present, "recent_count", lambda tests: present.RECENT_TESTS)
        with django_db_blocker.unblock():
            fill(folder)
            server = LiveServer("localhost")
            yield City(server.url, rooms())
            server.stop()
            empty_tables()


def test_every_page_is_visited_or_excepted(city: City) -> None:
    known = {one.name for room in city.rooms.values() for one in room} | WRITTEN_TO | set(NO_PAGE)
    ours = [get_resolver(module).url_patterns for module in ("records.urls", "screening.urls")]
    assert {one.name for patterns in ours for one in _patterns(patterns)} | SIGN_IN_PAGES == known
    assert list(city.rooms) == ROOMS


def test_what_is_only_written_to_shows_no_page(city: City) -> None:
    known = {"kind": "opt-out", "action": "refer", "day": "2030-01-01", "token": "x"}
    roles = ("clinician", "laboratory", "officer", "citizen")
    users = {who: User.objects.get(email=f"{who}@{DEMO_DOMAIN}") for who in roles}
    shown = set()
    for one in _patterns(get_resolver("screening.urls").url_patterns):
        if one.name not in WRITTEN_TO:
            continue
        kwargs = {
            name: known.get(name, _SOME.get(type(made).__name__, "x")) for name, made in one.pattern.converters.items()
        }
        client = Client()
        who = {"me": "citizen", "city": "officer"}.get(one.name.split("-")[0], "clinician")
        client.force_login(users["laboratory" if one.name.startswith("clinic-machine") else who])
        if client.get(reverse(one.name, kwargs=kwargs)).status_code != 405:
            shown.add(one.name)
    assert shown == set()


@pytest.fixture(scope="module")
def street(city: City) -> Iterator[Street]:
    """One browser for all rooms. As long as it is open, this thread may not ask the database."""
    with browsing(city.address) as street:
        yield street


#: What an address may hold that is nobody's: the same page for every facility, or every citizen.
NOBODYS = {"programme", "kind", "group", "day"}


def test_what_a_page_shows_of_somebody_is_shown_nowhere_else(city: City) -> None:
    """The same role at another facility, and another citizen, get the answer for things that are not there."""
    with transaction.atomic():
        elsewhere = make_facility("01999", "Trạm y tế khác")
        other = make_patient(elsewhere, name="Lê Văn Lạ", gender="male", born="1960-01-01")
        at_a_facility = dict.fromkeys(("clinician", "laboratory", "facility_admin"), elsewhere)
        browsers = {who: sign_in(Role(who), facility=place) for who, place in at_a_facility.items()}
        browsers["citizen"] = sign_in(Role.CITIZEN, patient_id=other)
        shown, tried = [], 0
        for one in (visit for room in city.rooms.values() for visit in room):
            if one.who not in browsers or not one.kwargs.keys() - NOBODYS or one.name == "clinic-person-emergency":
                continue
            tried += 1
            if (code := browsers[one.who].get(one.address).status_code) not in (403, 404):
                shown.append((one.name, code))
        transaction.set_rollback(True)
    assert shown == []
    assert tried > 40


@pytest.mark.parametrize("language", ["vi", "en"])
@pytest.mark.parametrize("room", [pytest.param(room, marks=needs_browser) for room in ROOMS])
def test_every_page_is_accessible(city: City, street: Street, room: str, language: str) -> None:
    faults: dict[str, list[str]] = {}
    visits = city.rooms[room]
    (who,) = {one.who for one in visits}
    window = street.window(DESK)
    window.open("/")
    if language == "en":
        window.page.click("button[name=language]")
    if who:
        window.sign_in(f"{who}@{DEMO_DOMAIN}", DEMO_PASSWORD)
    for number, visit in enumerate(visits):
        found = list(_look(window, visit, language, f"{room}-{number:02}-{visit.name}-{language}"))
        if found or window.complaints:
            faults[visit.address] = [*found, *window.complaints]
            window.complaints.clear()
    window.page.context.close()
    assert faults == {}


def _look(window: Window, visit: Visit, language: str, name: str) -> Iterator[str]:
    answer = window.page.goto(window.site + visit.address)
    if answer is None or answer.status != 200:
        yield f"HTTP {answer.status if answer else 'none'}"
        return
    if window.page.get_attribute("html", "lang") != language:
        yield "another language"
    window.unfold("main")  # the menu, open, would hide what is below it
    yield from window.faults_on_any_screen()
    if visit.query == "?test=fit":
        yield from _reading(window)
    if shots := os.environ.get("SHOTS"):
        for size in (DESK, PHONE):
            window.page.set_viewport_size(size)
            window.page.screenshot(path=str(Path(shots) / f"{name}-{size['width']}.png"), full_page=True)


def _reading(window: Window) -> Iterator[str]:
    """How a value is read is shown before it is saved."""
    window.page.fill("[name=value]", "48,6")
    window.page.wait_for_selector("[name=mark]", state="attached")
    yield from (f"with its reading: {fault}" for fault in window.faults_on_any_screen())


def _patterns(found: list[URLPattern | URLResolver]) -> Iterator[URLPattern]:
    for one in found:
        if isinstance(one, URLResolver):
            yield from _patterns(one.url_patterns)
        else:
            yield one
