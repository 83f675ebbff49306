"""What ``test_every_page`` does not reach: the menu when it is open, and a page without JavaScript."""

import pytest
from pytest_django.live_server_helper import LiveServer

from healthhub.accounts.actors import Role
from healthhub.accounts.models import User
from records.models import Membership
from tests.journeys.browser import PASSWORD, PHONE, browsing, needs_browser
from tests.screening.conftest import Sender, make_facility, make_patient

pytestmark = needs_browser


@pytest.fixture
def lan(live_server: LiveServer) -> str:
    """A woman with a positive and a negative result, who can sign in; the positive result's id."""
    station = make_facility("01901", "Trạm y tế Dịch Vọng")
    patient = make_patient(station, name="Lê Thị Lan", gender="female", born="1965-04-05")
    sender = Sender(station)
    sender.fit(patient, "3", on="2023-05-06")
    positive = sender.fit(patient, "48.6", on="2024-05-06", device={"display": "OC-Sensor"})
    user = User.objects.create_user("lan@example.vn", PASSWORD, name="Lê Thị Lan")
    Membership.objects.create(user=user, role=Role.CITIZEN.value, patient_id=patient)
    return positive


def test_the_open_menu_is_accessible(live_server: LiveServer, lan: str) -> None:
    with browsing(live_server.url) as street:
        window = street.window(PHONE)
        window.sign_in("lan@example.vn")
        window.unfold()
        assert (window.faults(), window.complaints) == ([], [])


def test_details_open_without_javascript(live_server: LiveServer, lan: str) -> None:
    with browsing(live_server.url) as street:
        window = street.window(PHONE, java_script_enabled=False)
        window.sign_in("lan@example.vn")
        window.open(f"/me/results/{lan}/")
        assert not window.page.is_visible("text=OC-Sensor")
        window.page.click("main summary")
        assert window.page.is_visible("text=OC-Sensor")
