"""The pages of call and recall in a real browser: axe finds nothing, nothing overflows, a decision is undone."""

import os
from datetime import date, timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from pytest_django.live_server_helper import LiveServer

from healthhub.accounts.actors import SYSTEM, Actor, Role
from healthhub.accounts.models import User
from records.models import Membership
from screening.models import Invitation
from screening.recall.decisions import cease_screening, defer_screening
from screening.recall.run import carry_on, start_run
from tests.journeys.browser import DESK, PASSWORD, PHONE, browsing, needs_browser
from tests.screening.conftest import Sender, make_facility, make_patient

pytestmark = [*needs_browser, pytest.mark.django_db(transaction=True)]
PICTURES = os.environ.get("RECALL_PICTURES", "")


@pytest.fixture
def addresses(live_server: LiveServer) -> dict[str, list[str]]:
    """The pages of an officer, a clinician and a citizen, with something on each."""
    today = timezone.localdate()
    station = make_facility("01901", "Trạm y tế Dịch Vọng")
    man = make_patient(station, name="Nguyễn Văn Đức", gender="male", born="1960-03-12")
    woman = make_patient(station, name="Trần Thị Hoa", gender="female", born="1980-03-12")
    make_patient(station, name="Lê Văn Không Rõ", gender="male", born="1970-01-01", ward="99999")
    Sender(station).fit(woman, "5", on=str(today - timedelta(days=100)))
    carry_on(start_run(today))
    Invitation.objects.filter(patient_id=man).update(
        state="nonresponder", sent_on=today - timedelta(days=200), reminders=1, ended_on=today
    )
    Invitation.objects.create(
        patient_id=woman, programme="colorectal", due_on=date(2020, 1, 1), planned_on=today - timedelta(days=2)
    )
    clinician = Actor("user:1", "BS Mai", Role.CLINICIAN, facility=station.pk)
    cease_screening(
        patient=woman,
        programme="cervical",
        reason="organ-absent",
        evidence="Giấy ra viện",
        review_on=today + timedelta(days=90),
        actor=clinician,
    )
    defer_screening(patient=man, programme="stomach", reason="ill", until=today + timedelta(days=60), actor=SYSTEM)
    for email, role, of in (
        ("officer@example.vn", Role.OFFICER, {}),
        ("mai@example.vn", Role.CLINICIAN, {"facility": station}),
        ("duc@example.vn", Role.CITIZEN, {"patient_id": man}),
    ):
        user = User.objects.create_user(email, PASSWORD, name=email)
        Membership.objects.create(user=user, role=role.value, **of)
    about = f"/clinic/people/{woman}/"
    return {
        "officer@example.vn": [
            "/city/recall/?programme=colorectal",
            "/city/recall/colorectal/unclear/",
            f"/city/recall/places/colorectal/{station.pk}/",
        ],
        "mai@example.vn": [
            "/clinic/recall/",
            "/clinic/recall/?tab=ceased",
            about,
            f"{about}screening/colorectal/cease/",
            f"{about}screening/colorectal/opt-out/",
        ],
        "duc@example.vn": ["/me/screening/", "/me/screening/colorectal/defer/"],
    }


def test_recall_pages_are_sound_on_a_desk_and_on_a_phone(
    live_server: LiveServer, addresses: dict[str, list[str]]
) -> None:
    found: dict[str, list[str]] = {}
    with browsing(live_server.url) as street:
        for name, size in (("desk", DESK), ("phone", PHONE)):
            for email, pages in addresses.items():
                window = street.window(size)
                window.sign_in(email)
                for number, address in enumerate(pages):
                    window.open(address)
                    window.unfold()
                    if faults := [*window.faults(), *window.complaints]:
                        found[f"{name} {address}"] = faults
                    if PICTURES:
                        picture = Path(PICTURES) / f"{email.split('@')[0]}-{number}-{name}.png"
                        window.page.screenshot(path=picture, full_page=True)
                    window.complaints.clear()
    assert found == {}


def test_a_citizen_puts_it_off_and_changes_her_mind(live_server: LiveServer, addresses: dict[str, list[str]]) -> None:
    until = f"{timezone.localdate() + timedelta(days=40):%d/%m/%Y}"
    with browsing(live_server.url) as street:
        window = street.window(PHONE)
        window.sign_in("duc@example.vn")
        window.open("/me/screening/colorectal/defer/")
        window.page.check("input[name=reason][value=away]")
        window.page.fill("[name=ends_on]", until)
        window.page.click("main form button[type=submit]")
        window.page.wait_for_url("**/me/screening/")
        assert f"Hoãn đến {until} (đi vắng)" in window.page.inner_text("main")
        window.page.click("a[href$='/undo/'] >> nth=0")
        window.page.click("main form button[type=submit]")
        window.page.wait_for_url("**/me/screening/")
        assert f"Hoãn đến {until}" not in window.page.inner_text("main")
