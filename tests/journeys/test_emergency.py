"""A record is opened in an emergency: the doctor at her desk, the person on a telephone, the auditor afterwards."""

import re

import pytest
from django.conf import settings
from playwright.sync_api import expect
from pytest_django.live_server_helper import LiveServer

from healthhub.accounts.actors import Role
from healthhub.accounts.models import User
from records.models import Membership
from tests.journeys.browser import DESK, PASSWORD, PHONE, Window, browsing, needs_browser
from tests.screening.conftest import Sender, make_facility, make_patient

pytestmark = needs_browser
CCCD = "001160012345"
DOCTOR, CITIZEN, AUDITOR = "mai@example.vn", "lan@example.vn", "kiem@example.vn"


@pytest.fixture
def lan(live_server: LiveServer) -> str:
    """Lan, of whom only another facility knows, and the three who have to do with it."""
    station = make_facility("01901", "Trạm y tế Dịch Vọng")
    elsewhere = make_facility("01902", "Trung tâm Kỹ thuật cao và Tiêu hóa")
    numbers = [{"system": settings.FHIR_SYSTEMS["cccd"], "value": CCCD}]
    person = make_patient(elsewhere, name="Lê Thị Lan", gender="female", born="1960-03-12", identifier=numbers)
    Sender(elsewhere).fit(person, "50")
    for email, name, role, place in (
        (DOCTOR, "BS Lê Thị Mai", Role.CLINICIAN, {"facility": station}),
        (CITIZEN, "Lê Thị Lan", Role.CITIZEN, {"patient_id": person}),
        (AUDITOR, "Hồ Thị Kiểm", Role.AUDITOR, {}),
    ):
        user = User.objects.create_user(email, PASSWORD, name=name)
        Membership.objects.create(user=user, role=role.value, **place)
    return person


@pytest.mark.parametrize("scripts", [True, False])
def test_opened_told_closed_and_judged(live_server: LiveServer, lan: str, scripts: bool) -> None:
    with browsing(live_server.url) as street:
        desk = street.window(DESK, java_script_enabled=scripts)
        desk.sign_in(DOCTOR)
        page = desk.page
        desk.open(f"/clinic/people/{lan}/")
        expect(page.locator("h1")).to_have_text("Hồ sơ này không thuộc phạm vi của bạn")
        assert _faults(desk, scripts) == []
        page.click("main >> text=Tìm người")
        page.click("main >> text=Mở hồ sơ trong trường hợp khẩn cấp")
        page.fill("[name=number]", CCCD)
        page.click("main button:has-text('Mở hồ sơ')")
        expect(page.locator(".nhsuk-error-summary")).to_contain_text("Hãy chọn một mục.")
        assert _faults(desk, scripts) == []
        page.click("text=Người bệnh bất tỉnh")
        page.fill("[name=told]", "Cấp cứu 115 đưa đến, hôn mê.")
        page.click("main button:has-text('Mở hồ sơ')")
        expect(page).to_have_url(re.compile(f"/clinic/people/{lan}/$"))
        expect(page.locator("main")).to_contain_text("Đang mở trong trường hợp khẩn cấp, chỉ để đọc")
        expect(page.locator("main")).to_contain_text("Lê Thị Lan")
        assert _faults(desk, scripts) == []
        page.click("text=Đóng hồ sơ ngay")
        desk.open(f"/clinic/people/{lan}/")
        expect(page.locator("main")).not_to_contain_text("Lê Thị Lan")

        phone = street.window(PHONE, java_script_enabled=scripts)
        phone.sign_in(CITIZEN)
        notice = phone.page.locator(".hh-notice", has_text="Hồ sơ của bạn đã được mở trong trường hợp khẩn cấp")
        for told in ("BS Lê Thị Mai", "Nhân viên y tế", "Trạm y tế Dịch Vọng", "Người bệnh bất tỉnh"):
            expect(notice).to_contain_text(told)
        assert _faults(phone, scripts) == []

        office = street.window(DESK, java_script_enabled=scripts)
        office.sign_in(AUDITOR)
        expect(office.page).to_have_url(re.compile("/audit/emergencies/$"))
        assert _faults(office, scripts) == []
        office.page.click("main >> text=BS Lê Thị Mai")
        office.page.click("text='Có lý do chính đáng'")
        office.page.fill("[name=note]", "Đã đối chiếu với sổ cấp cứu.")
        assert _faults(office, scripts) == []
        office.page.click("main button:has-text('Ghi kết quả xem xét')")
        expect(office.page.locator("main")).to_contain_text("Không còn lần mở nào chờ xem xét")

        phone.open("/me/access/")
        expect(notice).to_contain_text("Có lý do chính đáng")
        assert _faults(phone, scripts) == []
        complaints = [one for one in desk.complaints if "403" not in one]  # that the record is closed, said twice
        assert [*complaints, *phone.complaints, *office.complaints] == []


def _faults(window: Window, scripts: bool) -> list[str]:
    """What axe finds on a phone and at a desk; it is a script itself."""
    return window.faults_on_any_screen() if scripts else []
