"""A laboratory at work in a real browser: twenty results by keyboard alone, and every page of it accessible."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from healthhub.accounts.actors import Actor, Role
from healthhub.accounts.models import User
from records.models import Facility, Membership
from screening.laboratory.matching import park_result
from screening.laboratory.orders import issue_kit, place_order
from screening.laboratory.specimens import receive
from screening.models import EntryDifference, Kit, KitLot, Notice, Order, ScreeningResult, Specimen
from tests.journeys.browser import DESK, PASSWORD, PHONE, browsing, needs_browser
from tests.screening.conftest import Sender, make_facility, make_patient
from tests.screening.test_laboratory_specimens import make_lot

pytestmark = needs_browser

RESULTS = 20
SHOTS = os.environ.get("LABORATORY_SHOTS", "")  # a folder to keep pictures of the pages in


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
            _type(page, value)
        expect(page.get_by_text(f"Đã nhập {RESULTS} kết quả trong đợt này.")).to_be_visible()
        assert window.complaints == []
    results = ScreeningResult.objects.filter(specimen_id__in=[kit.barcode for kit in room.kits])
    assert {result.specimen_id: str(result.value.normalize()) for result in results if result.value} == {
        kit.barcode: value.replace(",", ".") for kit, value in zip(room.kits, values, strict=True)
    }
    assert results.filter(outcome="negative").count() == 7
    assert Order.objects.filter(result_id__isnull=True).count() == 0


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
        page.click("text=Xác nhận và lưu 2 kết quả")
        expect(page.get_by_text("Đã lưu 2 kết quả.")).to_be_visible()
        assert page.input_value("[name=value-3]") == "nhiều"
        assert window.complaints == []
    assert ScreeningResult.objects.count() == 2


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
@pytest.mark.parametrize("language", ["vi", "en"])
def test_the_laboratorys_pages_are_accessible(
    live_server: LiveServer, room: Room, size: dict[str, int], language: str
) -> None:
    pages = _pages(room)
    faults: dict[str, list[str]] = {}
    with browsing(live_server.url) as street:
        window = street.window(size)
        window.open("/")
        if language == "en":
            window.page.click("button[name=language]")
        window.sign_in("viet@example.vn")
        for address in pages:
            window.open(address)
            window.unfold()
            faults[address] = window.faults()
            _picture(window.page, f"{address}-{language}-{size['width']}")
        window.open("/clinic/bench/")
        window.page.fill("[name=scan]", room.kits[5].barcode)
        window.page.keyboard.press("Enter")
        window.page.fill("[name=value]", "48,6")
        window.page.wait_for_selector("[name=mark]", state="attached")
        faults["an entry"] = window.faults()
        _picture(window.page, f"entry-{language}-{size['width']}")
        window.open("/clinic/bench/rack/")
        for row, value in ((1, "3"), (2, "nhiều")):
            window.page.fill(f"[name=barcode-{row}]", room.kits[5 + row].barcode)
            window.page.fill(f"[name=value-{row}]", value)
        window.page.click("form[data-rack] .hh-rack__actions button")
        window.page.wait_for_selector("[name=mark]", state="attached")
        faults["a rack"] = window.faults()
        _picture(window.page, f"rack-{language}-{size['width']}")
    assert {address: found for address, found in faults.items() if found} == {}
    assert window.complaints == []


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


def _pages(room: Room) -> list[str]:
    """The laboratory's addresses, with something on each."""
    station, man = room.station, room.kits[0].patient_id
    fields = {"full_name": "Nguyen Van A", "birth_date": "1950-03-12", "test": "fit", "value": "48,6", "unit": "ug/g"}
    row = park_result(
        payload="OBX|1|NM|27396-1||48.6|ug/g|||||F",
        fields=fields,
        reason="person_unknown",
        source="hl7v2",
        facility=station,
        actor=room.doctor,
    )
    today = timezone.localdate()
    sender = Sender(station)
    waiting = sender.fit(man, "48.6", on=str(today), specimen="P-1", status="preliminary")
    sender.fit(room.kits[1].patient_id, None, on=str(today), specimen="P-2", valueString="không rõ")
    difference = EntryDifference.objects.create(
        observation_id=sender.fit(room.kits[2].patient_id, "3", on=str(today), specimen="P-3", status="preliminary"),
        patient_id=room.kits[2].patient_id,
        facility=station,
        test="fit",
        first={"vi": "Âm tính: 3 µg/g", "en": "Negative: 3 µg/g"},
        second={"vi": "Dương tính: 30 µg/g", "en": "Positive: 30 µg/g"},
        second_fields={},
        second_by="user:9",
        second_name="KTV Hòa",
        found_at=timezone.now(),
    )
    Notice.objects.create(
        facility=station,
        patient_id=man,
        observation_id=waiting,
        version=2,
        text="corrected",
        made_at=timezone.now(),
    )
    Specimen.objects.filter(barcode=room.kits[3].barcode).update(due_on=today.replace(day=1))
    code = room.kits[4].barcode
    return [
        "/clinic/bench/",
        "/clinic/bench/rack/",
        "/clinic/bench/receive/",
        "/clinic/bench/send/",
        f"/clinic/bench/reject/{code}/",
        "/clinic/bench/late/?kind=unread&all=yes",
        "/clinic/bench/late/?kind=orders&all=yes",
        "/clinic/bench/kits/",
        "/clinic/bench/verify/",
        f"/clinic/bench/verify/{waiting}/",
        f"/clinic/bench/differences/{difference.pk}/",
        "/clinic/bench/matching/",
        "/clinic/bench/matching/new/",
        f"/clinic/bench/matching/{row.pk}/",
        f"/clinic/bench/matching/{row.pk}/{man}/",
        f"/clinic/people/{man}/orders/",
        f"/clinic/labels/?code={code}",
        f"/clinic/labels/?paper=slip&code={code}",
        "/clinic/notices/",
    ]


def _picture(page: Page, name: str) -> Any:
    if SHOTS:
        page.screenshot(path=Path(SHOTS) / f"{name.strip('/').replace('/', '_').replace('?', '-')}.png", full_page=True)
