"""The pages of letters and messages in a real browser: axe finds nothing, nothing overflows a phone."""

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.utils import timezone
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from healthhub.accounts.actors import SYSTEM, Role
from healthhub.accounts.models import User
from records.models import Membership
from screening.messages import Outgoing, queue
from screening.messages.letters import gather, print_batch
from screening.messages.sending import sweep
from screening.models import Message
from tests.journeys.browser import DESK, PASSWORD, PHONE, browsing, needs_browser
from tests.screening.conftest import make_facility, make_patient

pytestmark = needs_browser
NOWHERE = [{"use": "home", "period": {"start": "2010-01-01"}}]


@pytest.fixture
def addresses(live_server: LiveServer, settings: Settings, tmp_path: Path) -> dict[str, list[str]]:
    """The pages of a clinician, an officer and a citizen, with something on each."""
    settings.MEDIA_ROOT = settings.VAR_DIR = tmp_path
    settings.MESSAGES = settings.MESSAGES | {"hours": "0-24"}
    station = make_facility("01901", "Trạm y tế Dịch Vọng")
    phone: list[Any] = [{"system": "phone", "value": "0912345678"}]
    man = make_patient(station, name="Nguyễn Văn Đức", gender="male", born="1960-03-12", telecom=phone)
    posted = make_patient(station, name="Trần Thị Hoa", gender="female", born="1960-03-12")
    lost = make_patient(station, name="Lê Văn Xa", gender="male", born="1960-03-12", address=NOWHERE)
    rows = [
        Outgoing(one, "invitation", f"campaign/{number}", facility=station.pk)
        for number, one in enumerate((man, posted, lost))
    ]
    with time_machine.travel(timezone.now() - timedelta(days=6)):
        queue(rows, actor=SYSTEM)
        sweep()
        (batch,) = gather()
        print_batch(batch)
    queue([Outgoing(posted, "reminder", "campaign/1", facility=station.pk)], actor=SYSTEM)
    for email, role, extra in (
        ("mai@example.vn", Role.CLINICIAN, {"facility": station}),
        ("chau@example.vn", Role.OFFICER, {}),
        ("duc@example.vn", Role.CITIZEN, {"patient_id": man}),
    ):
        user = User.objects.create_user(email, PASSWORD, name="BS Lê Thị Mai")
        Membership.objects.create(user=user, role=role.value, **extra)
    token = Message.objects.get(patient_id=man).token
    about = f"/clinic/people/{man}/messages/"
    return {
        "": [f"/m/{token}"],
        "mai@example.vn": ["/clinic/letters/", f"/clinic/letters/{batch}/", "/clinic/messages/", about],
        "chau@example.vn": ["/city/letters/"],
        "duc@example.vn": ["/me/messages/", "/me/messages/preferences/"],
    }


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
@pytest.mark.parametrize("language", ["vi", "en"])
def test_no_violation_on_the_pages_of_letters_and_messages(
    addresses: dict[str, list[str]], live_server: LiveServer, size: dict[str, int], language: str
) -> None:
    shots = os.environ.get("SHOTS")
    with browsing(live_server.url) as street:
        for email, pages in addresses.items():
            window = street.window(size)
            if email:
                window.sign_in(email)
            else:
                window.open("/")
            if language == "en":
                window.page.click("form[action='/language/'] button[value=en]")
            for number, address in enumerate(pages):
                window.open(address)
                window.unfold()
                assert window.faults() == [], address
                if shots:
                    name = f"{email.split('@')[0] or 'open'}-{number}-{size['width']}-{language}.png"
                    window.page.screenshot(path=str(Path(shots) / name), full_page=True)
            assert window.complaints == []
