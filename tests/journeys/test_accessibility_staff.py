"""The clinic's and the city's pages in a real browser: axe finds nothing, nothing overflows a phone."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from healthhub.accounts.actors import Role
from healthhub.accounts.models import User
from records.memberships import actor_for_user
from records.models import Membership
from screening.imports.running import run_batch
from screening.imports.uploads import upload
from screening.statistics import cells
from tests.journeys.browser import DESK, PASSWORD, PHONE, browsing, needs_browser
from tests.screening.conftest import Sender, make_facility, make_patient
from tests.screening.importing import csv_text, person

pytestmark = needs_browser


@pytest.fixture
def addresses(live_server: LiveServer, settings: Settings, tmp_path: Path) -> dict[str, list[str]]:
    """The pages of a clinician and of an officer, with something on each."""
    settings.MEDIA_ROOT = tmp_path
    station = make_facility("01901", "Trạm y tế Dịch Vọng")
    man = make_patient(station, name="Nguyễn Văn Đức", gender="male", born="1960-03-12")
    today = timezone.localdate()
    sender = Sender(station)
    sender.fit(man, "3", on=str(today - timedelta(days=400)))
    positive = sender.fit(man, "48.6", on=str(today - timedelta(days=90)))
    user = User.objects.create_user("mai@example.vn", PASSWORD, name="BS Lê Thị Mai")
    Membership.objects.create(user=user, role=Role.CLINICIAN.value, facility=station)
    officer = User.objects.create_user("chau@example.vn", PASSWORD, name="Lê Minh Châu")
    Membership.objects.create(user=officer, role=Role.OFFICER.value)
    path = tmp_path / "kết quả.csv"
    path.write_text(csv_text([person(1), person(2, sex="?"), person(3, result="nhiều")]))
    actor = actor_for_user(user)
    assert actor
    with path.open("rb") as file:
        batch = upload(file=file, filename=path.name, uploader=user, actor=actor)
    run_batch(batch.pk)
    cells.refresh()
    about = f"/clinic/people/{man}/"
    return {
        "mai@example.vn": [
            "/clinic/",
            "/clinic/people/",
            "/clinic/people/present/",
            "/clinic/people/register/",
            about,
            f"{about}results/new/",
            f"{about}results/new/?test=fit",
            f"{about}results/{positive}/correct/",
            f"{about}results/{positive}/refer/",
            "/clinic/imports/",
            f"/clinic/imports/{batch.pk}/",
        ],
        "chau@example.vn": ["/city/", "/city/?test=via", "/city/?first=x"],
    }


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
@pytest.mark.parametrize("language", ["vi", "en"])
def test_the_staffs_pages_are_accessible(
    live_server: LiveServer, addresses: dict[str, list[str]], size: dict[str, int], language: str
) -> None:
    faults = {}
    with browsing(live_server.url) as street:
        for email, pages in addresses.items():
            window = street.window(size)
            window.open("/")
            if language == "en":
                window.page.click("button[name=language]")
            window.sign_in(email)
            for address in pages:
                window.open(address)
                assert window.page.get_attribute("html", "lang") == language
                window.unfold()
                faults[address] = window.faults()
                if address.endswith("new/?test=fit"):
                    window.page.fill("[name=value]", "48,6")
                    window.page.wait_for_selector("[name=mark]", state="attached")
                    faults[f"{address} with its reading"] = window.faults()
            assert window.complaints == []
    assert {address: found for address, found in faults.items() if found} == {}
