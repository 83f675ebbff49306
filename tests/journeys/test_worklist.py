"""A clinician clears a worklist by keyboard in a real browser, and every page of the failsafe passes axe."""

from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django.live_server_helper import LiveServer

from healthhub.accounts.actors import Role
from healthhub.accounts.models import User
from records.models import Membership
from screening.failsafe.nightly import run_nightly
from screening.models import ContactAttempt, Episode
from tests.journeys.browser import DESK, PASSWORD, browsing, needs_browser
from tests.screening.conftest import Sender, make_facility, make_patient

pytestmark = needs_browser

DOCTOR, NURSE, OFFICER = "mai@example.vn", "ha@example.vn", "chau@example.vn"


@pytest.fixture
def people(live_server: LiveServer) -> list[str]:
    """Five men with a positive test, a doctor, a nurse and an officer."""
    station = make_facility("01901", "Trạm y tế Dịch Vọng")
    sender, today = Sender(station), timezone.localdate()
    for email, name, role, place in (
        (DOCTOR, "BS Lê Thị Mai", Role.CLINICIAN, station),
        (NURSE, "ĐD Phạm Thu Hà", Role.CLINICIAN, station),
        (OFFICER, "Lê Minh Châu", Role.OFFICER, None),
    ):
        user = User.objects.create_user(email, PASSWORD, name=name)
        Membership.objects.create(user=user, role=role.value, facility=place)
    found = []
    for number, days in enumerate((120, 100, 80, 70, 65), start=1):
        person = make_patient(station, name=f"Nguyễn Văn {number}", gender="male", born="1960-03-12")
        sender.fit(person, "50", on=str(today - timedelta(days=days)))
        found.append(person)
    run_nightly(today)
    return found


def test_a_clinician_clears_her_worklist(live_server: LiveServer, people: list[str]) -> None:
    soon = f"{timezone.localdate() + timedelta(days=9):%d/%m/%Y}"
    with browsing(live_server.url) as street:
        window = street.window(DESK)
        window.sign_in(DOCTOR)
        page = window.page
        window.open("/clinic/?tab=overdue")
        assert page.locator("[data-row]").count() == 5

        # The help opens by key, and keys can be turned off.
        page.keyboard.press("?")
        assert page.locator("#keys").is_visible()
        page.keyboard.press("Escape")
        page.wait_for_selector("#keys", state="hidden")

        # j moves and shows the person beside; x ticks.
        page.keyboard.press("j")
        page.wait_for_selector("#preview .hh-person__name")
        assert page.inner_text("#preview .hh-person__name") == "Nguyễn Văn 1"
        page.keyboard.press("x")
        page.keyboard.press("j")
        page.keyboard.press("x")
        assert page.locator("input[name=rounds]:checked").count() == 2
        assert window.faults() == []

        # Two go to the nurse, by mistake: undone within ten seconds.
        page.click("text=Giao việc")
        page.select_option("[name=assignee]", label="ĐD Phạm Thu Hà")
        page.click("main .hh-form button[type=submit]")
        page.wait_for_selector("[data-undo]")
        assert window.faults() == []
        page.click("[data-undo] button")
        page.wait_for_url("**/clinic/**")
        assert page.locator("text=Đã hoàn tác 2 việc").count() == 1

        # Three are referred together, with their names in view.
        for row in range(3):
            page.locator("input[name=rounds]").nth(row).check()
        page.click(".hh-worklist__actions >> text=Giới thiệu đi khám")
        assert page.locator("text=Nguyễn Văn 3").count() == 1
        assert window.faults() == []
        page.fill("[name=due_on]", soon)
        page.click("main .hh-form button[type=submit]")
        page.wait_for_selector("text=Đã xong cho 3 người.")

        # One was called in vain; one declined and is closed with the reason.
        window.open("/clinic/?tab=overdue")
        assert page.locator("[data-row]").count() == 2
        page.locator("input[name=rounds]").nth(0).check()
        page.click(".hh-worklist__actions >> text=Ghi lần liên lạc")
        page.check("[name=way][value=phone]")
        page.check("[name=outcome][value=no_answer]")
        page.fill("[name=at]", "00:01")
        page.click("main .hh-form button[type=submit]")
        page.wait_for_selector("text=Đã xong cho 1 người.")
        page.locator("input[name=rounds]").nth(1).check()
        page.click(".hh-worklist__actions >> text=Khép lại với lý do")
        page.check("[name=reason][value=declined]")
        page.click("main .hh-form button[type=submit]")
        page.wait_for_selector("text=Đã xong cho 1 người.")
        assert page.locator("[data-row]").count() == 1
        assert window.complaints == []
    assert sorted(Episode.objects.values_list("state", flat=True)) == [
        "assessment_due",
        "closed",
        "referred",
        "referred",
        "referred",
    ]
    assert ContactAttempt.objects.count() == 1


def test_keys_that_are_off_do_nothing(live_server: LiveServer, people: list[str]) -> None:
    with browsing(live_server.url) as street:
        window = street.window(DESK)
        window.sign_in(DOCTOR)
        window.open("/clinic/?tab=open")
        window.page.keyboard.press("?")
        window.page.uncheck("#keys-on", force=True)
        window.page.keyboard.press("Escape")
        window.page.wait_for_selector("#keys", state="hidden")
        window.page.keyboard.press("j")
        assert window.page.locator("[data-current]").count() == 0
