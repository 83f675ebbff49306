"""A citizen decides about her own call, in a real browser."""

from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django.live_server_helper import LiveServer

from healthhub.accounts.actors import Role
from healthhub.accounts.models import User
from records.models import Membership
from screening.recall.run import carry_on, start_run
from tests.journeys.browser import PASSWORD, PHONE, browsing, needs_browser
from tests.screening.conftest import make_facility, make_patient

pytestmark = [*needs_browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def man(live_server: LiveServer) -> str:
    """Somebody who is due, and can sign in."""
    station = make_facility("01901", "Trạm y tế Dịch Vọng")
    man = make_patient(station, name="Nguyễn Văn Đức", gender="male", born="1960-03-12")
    user = User.objects.create_user("duc@example.vn", PASSWORD, name="Nguyễn Văn Đức")
    Membership.objects.create(user=user, role=Role.CITIZEN.value, patient_id=man)
    carry_on(start_run(timezone.localdate()))
    return man


def test_a_citizen_puts_it_off_and_changes_her_mind(live_server: LiveServer, man: str) -> None:
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
