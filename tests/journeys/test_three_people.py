"""A result comes in by form, by file and by FHIR; each time the citizen reads it and the city's figure moves by one.

Everything as people do it, in real browsers, with a real worker that counts and imports.
"""

import csv
import io
import re
import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from healthhub.accounts.actors import Role
from healthhub.accounts.models import User
from healthhub.accounts.oauth.clients import add_client
from healthhub.accounts.oauth.models import Kind
from records.models import Facility, Membership
from tests.journeys.browser import DESK, PASSWORD, PHONE, Street, Window, browsing, needs_browser
from tests.journeys.celery_programs import CeleryPrograms
from tests.screening.conftest import Sender, make_facility, make_patient
from tests.screening.importing import GOOD, csv_text

pytestmark = needs_browser

MINUTE = 60
SECRET = "secret-of-the-clinic"
BLOOD = "Có máu ẩn trong mẫu phân của bạn"
NO_BLOOD = "Không phát hiện máu ẩn trong mẫu phân của bạn"


@dataclass(frozen=True)
class City:
    """The people's Patient ids, by the first part of their e-mail."""

    station: Facility
    duc: str
    hoa: str
    lan: str


@pytest.fixture
def city(live_server: LiveServer) -> City:
    """A station with its staff and software, three people in its care, an officer, and one result of last month."""
    station = make_facility("01901", "Trạm y tế Dịch Vọng")
    _user("mai", Role.CLINICIAN, name="BS Lê Thị Mai", facility=station)
    _user("viet", Role.LABORATORY, name="KTV Phạm Quốc Việt", facility=station)
    _user("chau", Role.OFFICER, name="Lê Minh Châu")
    people = {
        "duc": make_patient(station, name="Nguyễn Văn Đức", gender="male", born="1960-03-12"),
        "hoa": make_patient(station, name="Trần Thị Hoa", gender="female", born="1965-04-05", **_cccd("000165000002")),
        "lan": make_patient(station, name="Lê Thị Lan", gender="female", born="1970-06-07"),
    }
    for email, patient in people.items():
        _user(email, Role.CITIZEN, name=email, patient_id=patient)
    earlier = make_patient(station, name="Phạm Văn Bình", gender="male", born="1958-01-02")
    Sender(station).fit(earlier, "3", on=str(timezone.localdate() - timedelta(days=40)))
    add_client(
        "station-software",
        name="Phần mềm trạm",
        kind=Kind.SERVICE,
        scopes=["system/*.cruds"],
        facility=station.pk,
        secret=SECRET,
    )
    Membership.objects.create(client_id="station-software", role=Role.CLIENT.value, facility=station)
    return City(station, **people)


def test_a_result_by_each_door_reaches_the_citizen_and_the_city(
    live_server: LiveServer, city: City, celery_programs: CeleryPrograms, tmp_path: Path
) -> None:
    celery_programs.start("worker", "beat")
    with browsing(live_server.url) as street:
        officer = street.window(DESK)
        officer.sign_in("chau@example.vn")
        _tests_become(officer, 1, positive=0)

        clinician = street.window(DESK)
        _enters_by_form(clinician, "nguyen van duc", value="48,6")
        duc = _reads(street, "duc", BLOOD, step="Nội soi đại tràng")
        _sees_who_looked(duc, "BS Lê Thị Mai", "Trạm y tế Dịch Vọng")
        _tests_become(officer, 2, positive=1)

        technician = street.window(DESK)
        _uploads(technician, tmp_path / "kết quả.csv")
        hoa = _reads(street, "hoa", NO_BLOOD)
        _tests_become(officer, 3, positive=1)

        _posts(live_server.url, city)
        lan = _reads(street, "lan", BLOOD, step="Nội soi đại tràng")
        _tests_become(officer, 4, positive=2)

        _file_equals_page(officer)
        windows = (officer, clinician, duc, technician, hoa, lan)
        assert [window.complaints for window in windows] == [[]] * len(windows)


def test_the_form_works_without_javascript(live_server: LiveServer, city: City) -> None:
    with browsing(live_server.url) as street:
        clinician = street.window(DESK, java_script_enabled=False)
        _enters_by_form(clinician, "nguyen van duc", value="48,6", scripts=False)
        _reads(street, "duc", BLOOD, step="Nội soi đại tràng", java_script_enabled=False)


def _enters_by_form(window: Window, name: str, *, value: str, scripts: bool = True) -> None:
    """Find somebody by name, enter a FIT of yesterday, see what it means, save."""
    page = window.page
    window.sign_in("mai@example.vn")
    expect(page).to_have_url(re.compile("/clinic/$"))
    page.click("main >> text=Tìm người, nhập kết quả")
    page.wait_for_url("**/clinic/people/")
    page.fill("[name=query]", name)
    if not scripts:
        page.click("form.hh-find button")
    page.click("#found >> text=Nguyễn Văn Đức")
    page.click("main >> text=Nhập kết quả")
    page.click("main a[href*='test=fit']")
    page.wait_for_url("**/results/new/?test=fit")
    yesterday = timezone.localdate() - timedelta(days=1)
    page.fill("[name=specimen_id]", "DV-0001")
    page.fill("[name=collected_on]", f"{yesterday:%d/%m/%Y}")
    page.fill("[name=value]", value)
    if not scripts:
        page.click("#reading >> text=Xem trước")
    reading = page.locator("#reading")
    expect(reading).to_contain_text("48,6")
    expect(reading).to_contain_text("Dương tính")
    expect(reading).to_contain_text("Nội soi đại tràng")
    page.click("text=Xác nhận và lưu")
    expect(page.locator("main article.hh-result")).to_have_count(1)
    expect(page.locator("main article.hh-result")).to_contain_text("Dương tính")


def _uploads(window: Window, path: Path) -> None:
    """Upload a file of one good and one bad row, watch it, see it done without touching the page."""
    day = f"{timezone.localdate() - timedelta(days=2):%d/%m/%Y}"
    about = {"citizen_id": "000165000002", "full_name": "Trần Thị Hoa", "birth_date": "05/04/1965", "result": "8,1"}
    row = GOOD | about | {"specimen_id": "DV-0002", "collected_on": day, "resulted_on": day}
    path.write_text(csv_text([list(row.values()), list((row | {"specimen_id": "DV-0003", "sex": "?"}).values())]))
    page = window.page
    window.sign_in("viet@example.vn")
    window.open("/clinic/imports/")
    page.set_input_files("[name=file]", path)
    page.click("main form button")
    page.get_by_role("button", name="Duyệt và lưu").click(timeout=MINUTE * 1000)
    page.wait_for_selector("text=Hoàn tác cả tệp", timeout=MINUTE * 1000)
    page.get_by_role("link", name="Sai 1").click()
    assert "Giới tính" in page.locator("main table").inner_text()
    window.open("/clinic/imports/")
    expect(page.locator("#batches li")).to_contain_text("2 dòng")


def _posts(site: str, city: City) -> None:
    """As the station's software: a token, then an Observation."""
    grant = {"grant_type": "client_credentials"}
    answer = requests.post(f"{site}/oauth/token", grant, auth=("station-software", SECRET), timeout=10)
    headers = {"Authorization": f"Bearer {answer.json()['access_token']}", "Content-Type": "application/fhir+json"}
    observation = {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "27396-1"}]},
        "subject": {"reference": f"Patient/{city.lan}"},
        "effectiveDateTime": str(timezone.localdate() - timedelta(days=3)),
        "performer": [{"reference": f"Organization/{city.station.pk}"}],
        "valueQuantity": {"value": 31.5, "unit": "µg/g", "system": "http://unitsofmeasure.org", "code": "ug/g"},
    }
    answer = requests.post(f"{site}/fhir/Observation", json=observation, headers=headers, timeout=10)
    assert answer.status_code == 201, answer.text


def _reads(street: Street, who: str, verdict: str, *, step: str = "", **options: Any) -> Window:
    """On a phone: sign in, read what it means and what comes next."""
    window = street.window(PHONE, **options)
    window.sign_in(f"{who}@example.vn")
    main = window.page.locator("main")
    expect(main).to_contain_text(verdict)
    expect(main).to_contain_text(f"{step}: trước " if step else "Hiện bạn chưa cần làm gì")
    window.page.click("main a[href*='/me/results/']")
    expect(window.page.locator("h1")).to_contain_text(verdict)
    expect(main).to_contain_text("Việc tiếp theo")
    return window


def _sees_who_looked(window: Window, *words: str) -> None:
    window.open("/me/access/")
    for word in words:
        expect(window.page.locator(".hh-looks")).to_contain_text(word)


def _tests_become(window: Window, tested: int, *, positive: int) -> None:
    """Look at /city/ until the worker has counted: it moves to exactly these figures within a minute."""
    seen = []
    deadline = time.monotonic() + MINUTE
    while time.monotonic() < deadline:
        window.open("/city/")
        if window.page.locator(".hh-tiles").count():
            figures = _tile(window.page, "Đã xét nghiệm"), _tile(window.page, "Dương tính")
            seen += [figures] if figures not in seen else []
        if "Mọi kết quả đã lưu đều được tính" in window.page.inner_text("main") and (tested, positive) in seen:
            assert seen[-1] == (tested, positive)
            assert {count for count, _positive in seen} <= {tested - 1, tested}
            return
        time.sleep(0.3)
    pytest.fail(f"the city's figures were {seen}, not {(tested, positive)}")


def _file_equals_page(window: Window) -> None:
    """The officer's CSV holds the table that the page shows."""
    page = window.page
    with page.expect_download() as started:
        page.click("main >> text=Tải bảng này (CSV)")
    text = Path(started.value.path()).read_text(encoding="utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    names = ("Đã xét nghiệm", "Dương tính", "Mẫu không đạt", "Đã giới thiệu đi khám", "Đã khám chẩn đoán")
    shown = [
        (line.locator("th").inner_text(), [_number(cell) for cell in line.locator("td.hh-num").all_inner_texts()])
        for line in page.locator("section[aria-labelledby=places] tbody tr").all()
    ]
    assert [(row["Quận, huyện"], [int(row[name]) for name in names]) for row in rows] == shown
    shares = page.locator("section[aria-labelledby=places] tbody .hh-share strong").all_inner_texts()
    assert [f"{float(row['Tỷ lệ dương tính (%)']):.1f}%".replace(".", ",") for row in rows] == shares
    assert sum(int(row["Đã xét nghiệm"]) for row in rows) == _tile(page, "Đã xét nghiệm")


def _tile(page: Page, label: str) -> int:
    tile = page.locator(".hh-tile").filter(has=page.get_by_role("heading", name=label, exact=True))
    return _number(tile.locator(".hh-tile__figure").inner_text())


def _number(text: str) -> int:
    return int(re.sub(r"[.\s]", "", text))


def _cccd(number: str) -> dict[str, Any]:
    return {"identifier": [{"system": "http://fhir.hl7.org.vn/core/sid/cccd", "value": number}]}


def _user(account: str, role: Role, *, name: str, **membership: Any) -> None:
    user = User.objects.create_user(f"{account}@example.vn", PASSWORD, name=name)
    Membership.objects.create(user=user, role=role.value, **membership)
