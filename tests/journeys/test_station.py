"""A health worker takes today's people along, enters results without network, and sends them when she is back."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import expect
from pytest_django.live_server_helper import LiveServer

from healthhub.accounts.actors import Role
from healthhub.accounts.models import User
from records.models import Facility, Membership
from screening.models import OfflineEntry, ScreeningResult
from tests.journeys.browser import PASSWORD, PHONE, Window, browsing, needs_browser
from tests.screening.conftest import Sender, make_facility, make_patient

pytestmark = needs_browser
WORDS = "mật khẩu của trạm"


@pytest.fixture
def station(live_server: LiveServer) -> Facility:
    """A station with a health worker, and two people whose sample must be taken again."""
    facility = make_facility("01901", "Trạm y tế Dịch Vọng")
    user = User.objects.create_user("mai@example.vn", PASSWORD, name="YS Lê Thị Mai")
    Membership.objects.create(user=user, role=Role.CLINICIAN.value, facility=facility)
    day = str(timezone.localdate() - timedelta(days=40))
    spoilt = {"valueCodeableConcept": {"text": "Mẫu không đạt"}}
    for name, born in (("Nguyễn Văn Đức", "1960-03-12"), ("Trần Thị Hoa", "1965-04-05")):
        patient = make_patient(facility, name=name, gender="male", born=born)
        Sender(facility).fit(patient, None, on=day, specimen=f"OLD-{born}", code="29771-3", **spoilt)
    return facility


def test_results_entered_without_network_are_sent_once_and_conflicts_are_shown(
    live_server: LiveServer, station: Facility
) -> None:
    with browsing(live_server.url) as street:
        window = street.window(PHONE)
        window.sign_in("mai@example.vn")
        _takes_the_list(window)
        assert window.faults() == []

        page = window.page
        page.context.set_offline(True)
        page.reload()
        expect(page.locator("[data-part=network]")).to_have_text("Không có mạng")
        _unlocks(window, "không phải mật khẩu")
        expect(page.locator("[data-part=said]")).to_contain_text("Mật khẩu chưa đúng")
        _unlocks(window, WORDS)
        _enters(window, "duc", value="48,6", specimen="ONG-0001", means="Dương tính")
        _enters(window, "hoa", value="3", specimen="ONG-0002", means="Âm tính")
        expect(page.locator("[data-part=queue-title]")).to_have_text("Chờ gửi: 2 kết quả")
        assert window.faults() == []
        page.click("[data-part=send]")
        expect(page.locator("[data-part=said]")).to_contain_text("Mọi thứ vẫn được giữ trong máy")
        stored = page.evaluate(_STORED)
        assert not re.search("Nguyễn|Trần|ONG-|48,6|collected_on", stored), (
            "people's data lie on the device unencrypted"
        )

    assert ScreeningResult.objects.filter(category="positive").count() == 0


def test_sending_again_doubles_nothing_and_a_conflict_waits_for_the_worker(
    live_server: LiveServer, station: Facility
) -> None:
    with browsing(live_server.url) as street:
        window = street.window(PHONE)
        window.sign_in("mai@example.vn")
        _takes_the_list(window)
        page = window.page
        page.context.set_offline(True)
        _enters(window, "duc", value="48,6", specimen="ONG-0001", means="Dương tính")
        _enters(window, "hoa", value="3", specimen="OLD-1965-04-05", means="Âm tính", days_ago=40)
        # The answer of the first sending is lost on its way: the device must send again.
        page.route("**/station/sync/", lambda route: (route.fetch(), route.abort()))
        page.context.set_offline(False)
        expect(page.locator("[data-part=said]")).to_contain_text("Mọi thứ vẫn được giữ trong máy")
        page.unroute("**/station/sync/")
        page.click("[data-part=send]")
        expect(page.locator("[data-part=said]")).to_contain_text("Đã gửi 1 kết quả; còn 1")
        expect(page.locator("[data-part=queue]")).to_contain_text("Mẫu không đạt")
        assert window.faults() == []
        page.click("text=Sửa hồ sơ theo kết quả này")
        expect(page.locator("[data-part=said]")).to_contain_text("Đã gửi xong 1 kết quả")
        expect(page.locator("[data-part=queue-empty]")).to_be_visible()

    rows = ScreeningResult.objects.order_by("specimen_id").values_list("specimen_id", "category")
    assert list(rows) == [("OLD-1960-03-12", "inadequate"), ("OLD-1965-04-05", "negative"), ("ONG-0001", "positive")]
    assert list(OfflineEntry.objects.values_list("state", flat=True)) == ["saved", "saved"]


def _takes_the_list(window: Window) -> None:
    page = window.page
    window.open("/clinic/station/")
    page.get_by_role("link", name="Mở trang trạm").click()
    page.fill("[name=passphrase]", WORDS)
    page.click("[data-part=unlock] button[type=submit]")
    expect(page.locator("[data-part=list-state]")).to_contain_text("Danh sách 2 người")
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")


def _unlocks(window: Window, passphrase: str) -> None:
    window.page.fill("[name=passphrase]", passphrase)
    window.page.click("[data-part=unlock] button[type=submit]")


def _enters(window: Window, name: str, *, value: str, specimen: str, means: str, days_ago: int = 0) -> None:
    page = window.page
    page.fill("[data-part=find]", name)
    page.click("[data-part=people] button")
    page.select_option("[name=test]", "fit")
    page.fill("[name=specimen_id]", specimen)
    page.fill("[name=value]", value)
    if days_ago:
        page.fill("[name=collected_on]", str(timezone.localdate() - timedelta(days=days_ago)))
    expect(page.locator("[data-part=reading]")).to_contain_text(means)
    page.click("[data-part=form] button[type=submit]")
    expect(page.locator("[data-part=said]")).to_contain_text("Đã giữ kết quả")


_STORED = """
async () => {
  const text = []
  const open = indexedDB.open("healthhub-station", 1)
  await new Promise((done) => (open.onsuccess = done))
  for (const name of open.result.objectStoreNames) {
    const all = open.result.transaction(name).objectStore(name).getAll()
    await new Promise((done) => (all.onsuccess = done))
    for (const one of all.result) {
      text.push(JSON.stringify(one))
      if (one.data) text.push(new TextDecoder("utf-8", { fatal: false }).decode(one.data))
    }
  }
  return text.join("\\n")
}
"""
