"""A laboratory at work in a real browser: twenty results by keyboard alone, and a rack."""

from dataclasses import dataclass
from io import BytesIO

import pytest
import zxingcpp
from PIL import Image
from playwright.sync_api import Page, Route, expect
from pytest_django.live_server_helper import LiveServer
from zxingcpp import BarcodeFormat

from healthhub.accounts.actors import Actor, Role
from healthhub.accounts.models import User
from records.models import Facility, Membership
from screening.laboratory.orders import issue_kit, place_order
from screening.laboratory.specimens import receive
from screening.models import Kit, KitLot, Order, ScreeningResult
from tests.journeys.browser import DESK, PASSWORD, browsing, needs_browser
from tests.screening.conftest import make_facility, make_patient
from tests.screening.test_laboratory_specimens import make_lot

pytestmark = needs_browser

RESULTS = 20


@dataclass(frozen=True)
class Room:
    """A station with a rack of tubes that have arrived; ``doctor`` works there too."""

    station: Facility
    doctor: Actor
    kits: list[Kit]


@pytest.fixture
def room(live_server: LiveServer) -> Room:
    station = make_facility("01901", "Trạm y tế Dịch Vọng")
    technician = User.objects.create_user("viet@example.vn", PASSWORD, name="KTV Phạm Quốc Việt")
    Membership.objects.create(user=technician, role=Role.LABORATORY.value, facility=station)
    doctor = Actor("user:900", "BS Lê Thị Mai", Role.CLINICIAN, facility=station.pk)
    lot = make_lot(station, quantity=100)
    return Room(station, doctor, [_arrive(station, doctor, lot, number) for number in range(RESULTS)])


def test_a_laboratory_enters_twenty_results_by_keyboard(live_server: LiveServer, room: Room) -> None:
    values = [f"{number * 3},5" for number in range(RESULTS)]  # 0,5 to 57,5 µg/g: below 20 seven are negative
    with browsing(live_server.url) as street:
        window = street.window(DESK)
        window.sign_in("viet@example.vn")
        window.open("/clinic/bench/")
        page = window.page
        for number, (kit, value) in enumerate(zip(room.kits, values, strict=True)):
            _scan(page, kit)
            if number == 4:  # a slip of the hand: taken back by keyboard, and entered again
                _type(page, "99")
                page.keyboard.press("Alt+z")
                expect(page.locator(".hh-bench")).to_be_visible()
            if number == 9:
                page.fill("[name=value]", value)
                expect(page.locator("#reading")).to_contain_text(f" {value} µg/g")
                assert window.faults_on_any_screen() == []
                page.set_viewport_size(DESK)
                page.fill("[name=value]", "")
            _type(page, value)
        expect(page.get_by_text(f"Đã nhập {RESULTS} kết quả trong đợt này.")).to_be_visible()
        assert window.complaints == []
    results = ScreeningResult.objects.filter(specimen_id__in=[kit.barcode for kit in room.kits])
    assert {result.specimen_id: str(result.value.normalize()) for result in results if result.value} == {
        kit.barcode: value.replace(",", ".") for kit, value in zip(room.kits, values, strict=True)
    }
    assert results.filter(outcome="negative").count() == 7
    assert Order.objects.filter(result_id__isnull=True).count() == 0


@pytest.mark.parametrize("paper", ["sheet", "roll", "slip"])
def test_a_printed_label_is_read_by_a_scanner(live_server: LiveServer, room: Room, paper: str) -> None:
    codes = [kit.barcode for kit in room.kits[:3]]
    with browsing(live_server.url) as street:
        window = street.window(DESK, device_scale_factor=2)  # about what 200 dots an inch print
        window.sign_in("viet@example.vn")
        window.open(f"/clinic/labels/?paper={paper}&" + "&".join(f"code={code}" for code in codes))
        window.page.emulate_media(media="print")
        printed = Image.open(BytesIO(window.page.screenshot(full_page=True)))
    found = zxingcpp.read_barcodes(printed)
    assert sorted((one.format, one.text) for one in found) == sorted((BarcodeFormat.Code128, one) for one in codes)


def test_what_is_typed_while_the_page_still_loads_is_read_too(live_server: LiveServer, room: Room) -> None:
    with browsing(live_server.url) as street:
        window = street.window(DESK)
        window.sign_in("viet@example.vn")
        window.open("/clinic/bench/")
        page = window.page
        held: list[Route] = []
        page.route("**/htmx*.js", lambda route: held.append(route))
        page.keyboard.type(room.kits[0].barcode)
        page.keyboard.press("Enter")
        expect(page.locator("[name=value]")).to_be_focused()
        page.keyboard.type("48,6")
        expect(page.locator("#reading")).not_to_contain_text("48,6")
        held[0].continue_()
        expect(page.locator("#reading")).to_contain_text("Dương tính: 48,6 µg/g ≥ ngưỡng 20 µg/g")


def test_the_bench_works_without_javascript(live_server: LiveServer, room: Room) -> None:
    with browsing(live_server.url) as street:
        window = street.window(DESK, java_script_enabled=False)
        window.sign_in("viet@example.vn")
        window.open("/clinic/bench/")
        page = window.page
        page.fill("[name=scan]", room.kits[0].barcode)
        page.keyboard.press("Enter")
        page.fill("[name=value]", "48,6")
        page.keyboard.press("Enter")
        expect(page.locator("#reading")).to_contain_text("Dương tính: 48,6 µg/g ≥ ngưỡng 20 µg/g")
        page.click("#reading button")
        expect(page.locator(".hh-last")).to_contain_text("Dương tính: 48,6 µg/g")
    assert ScreeningResult.objects.get().specimen_id == room.kits[0].barcode


def test_a_rack_is_filled_by_keyboard(live_server: LiveServer, room: Room) -> None:
    with browsing(live_server.url) as street:
        window = street.window(DESK)
        window.sign_in("viet@example.vn")
        window.open("/clinic/bench/rack/")
        page = window.page
        page.focus("[name=barcode-1]")
        for kit in room.kits[:3]:
            page.keyboard.type(kit.barcode)
            page.keyboard.press("Enter")  # as a scanner does: the next row
        page.focus("[name=value-1]")
        for value in ("3", "48,6", "nhiều"):
            page.keyboard.type(value)
            page.keyboard.press("Enter")
        page.click("text=Xem cách đọc")
        expect(page.get_by_text("1 hàng cần sửa")).to_be_visible()
        assert window.faults_on_any_screen() == []
        page.click("text=Xác nhận và lưu 2 kết quả")
        expect(page.get_by_text("Đã lưu 2 kết quả.")).to_be_visible()
        assert page.input_value("[name=value-3]") == "nhiều"
        assert window.complaints == []
    assert ScreeningResult.objects.count() == 2


def _scan(page: Page, kit: Kit) -> None:
    """As a scanner does: the code and Enter, into whatever has the focus."""
    expect(page.locator("[name=scan]")).to_be_focused()
    page.keyboard.type(kit.barcode)
    page.keyboard.press("Enter")
    expect(page.locator(".hh-bench__title")).to_contain_text(kit.barcode)


def _type(page: Page, value: str) -> None:
    """The value, a look at its reading, Enter; the cursor is in the scan field again."""
    expect(page.locator("[name=value]")).to_be_focused()
    page.keyboard.type(value)
    expect(page.locator("#reading")).to_contain_text(f" {value} µg/g")
    page.keyboard.press("Enter")
    expect(page.locator(".hh-last")).to_contain_text(f" {value} µg/g")


def _arrive(station: Facility, doctor: Actor, lot: KitLot | None, number: int) -> Kit:
    person = make_patient(station, name=f"Nguyễn Văn {chr(65 + number)}", gender="male", born=f"19{50 + number}-03-12")
    order = Order.objects.get(pk=place_order(patient_id=person, test="fit", facility=station, actor=doctor))
    kit = issue_kit(order=order, facility=station, actor=doctor, lot=lot)
    receive([kit.barcode], facility=station, actor=doctor)
    return kit
