"""An officer of the department brings a new version of a protocol into force, in a browser, with a real worker."""

from datetime import timedelta
from pathlib import Path

from django.utils import timezone
from pytest_django.live_server_helper import LiveServer

from healthhub.accounts.actors import Role
from healthhub.accounts.models import User
from records.models import Membership
from screening.models import ProtocolVersion
from screening.protocol import protocol_for
from screening.versions import notice_versions
from tests.journeys.browser import DESK, PASSWORD, browsing, needs_browser
from tests.journeys.celery_programs import CeleryPrograms
from tests.screening.conftest import make_facility, make_patient
from tests.screening.protocol_drafts import older_and_rarer

pytestmark = needs_browser


def test_an_officer_dry_runs_and_activates_a_protocol(
    live_server: LiveServer, celery_programs: CeleryPrograms, tmp_path: Path
) -> None:
    station = make_facility("01901", "Trạm y tế Trung Hoà")
    for number, (born, ward) in enumerate((("1960-03-12", "00175"), ("1985-03-12", "00175"), ("1986-03-12", "09568"))):
        make_patient(station, name=f"Lê Văn {number}", gender="male", born=born, ward=ward)
    officer = User.objects.create_user("chau@example.vn", PASSWORD, name="Lê Minh Châu")
    Membership.objects.create(user=officer, role=Role.OFFICER.value)
    start = timezone.localdate() + timedelta(days=30)
    good, bad = tmp_path / "colorectal.toml", tmp_path / "bad.toml"
    good.write_text(older_and_rarer(valid_from=start), encoding="utf-8")
    bad.write_text(older_and_rarer(limit_days__180="limit_days = 18"), encoding="utf-8")
    celery_programs.start("worker")
    faults = {}
    with browsing(live_server.url) as street:
        window = street.window(DESK)
        page = window.page
        window.sign_in("chau@example.vn")
        window.open("/city/protocols/")
        page.click("a[href='/city/protocols/new/']")
        page.set_input_files("[name=file]", bad)
        page.click("main form button")
        page.wait_for_selector("text=steps.colonoscopy: within_days")
        faults["faulty"] = window.faults_on_any_screen()
        page.set_input_files("[name=file]", good)
        page.click("main form button")
        page.wait_for_selector("#dry-run")
        page.click("form[action$='/run/'] button")
        page.wait_for_selector("#paper .hh-tiles", timeout=60_000)  # the worker has done it, the page has noticed
        page.reload()
        faults["paper"] = window.faults_on_any_screen()
        page.fill("[name=valid_from]", f"{timezone.localdate():%d/%m/%Y}")
        page.click("form[action$='/activate/'] button")
        page.wait_for_selector(".nhsuk-error-summary")
        faults["too early"] = window.faults_on_any_screen()
        page.fill("[name=valid_from]", f"{start:%d/%m/%Y}")
        page.click("form[action$='/activate/'] button")
        page.wait_for_selector("form[action$='/activate/']", state="detached")
        faults["active"] = window.faults_on_any_screen()
        expected = [line for line in window.complaints if "422" not in line]
    assert (expected, {name: found for name, found in faults.items() if found}) == ([], {})
    version = ProtocolVersion.objects.get()
    assert (version.state, version.decided_name, version.dry_run["total"]["leaves"]) == ("active", "Lê Minh Châu", 2)
    notice_versions(now=True)
    assert protocol_for("colorectal", start).version == "2027.1"
