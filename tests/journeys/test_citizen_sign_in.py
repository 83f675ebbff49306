"""A citizen signs in with her number and the code on her telephone, with and without scripts; a worker sends it."""

import json
import re
from pathlib import Path

import pytest
from django.conf import settings
from playwright.sync_api import expect
from pytest_django.live_server_helper import LiveServer

from tests.journeys.browser import PHONE, browsing, needs_browser
from tests.journeys.celery_programs import CeleryPrograms, wait_for
from tests.screening.conftest import make_facility, make_patient

pytestmark = needs_browser


@pytest.mark.parametrize("scripts", [True, False])
def test_a_citizen_gets_a_code_and_reads_her_record(
    live_server: LiveServer, celery_programs: CeleryPrograms, scripts: bool
) -> None:
    phone = f"+849123450{scripts:02}"
    make_patient(
        make_facility("01901", "Trạm y tế Dịch Vọng"),
        name="Trần Thị Hoa",
        gender="female",
        born="1965-04-05",
        identifier=[{"system": settings.FHIR_SYSTEMS["cccd"], "value": "000165000002"}],
        telecom=[{"system": "phone", "value": phone}],
    )
    before = len(_sent(phone))
    celery_programs.start("worker")
    with browsing(live_server.url) as street:
        window = street.window(PHONE, java_script_enabled=scripts)
        page = window.page
        window.open("/accounts/login/")
        page.click("text=Người dân: đăng nhập bằng số căn cước")
        page.fill("[name=number]", "000165000002")
        page.click("main button")
        expect(page.locator("h1")).to_have_text("Nhập mã đăng nhập")
        page.fill("[name=code]", "không")
        page.click("main button")
        expect(page.locator("main")).to_contain_text("Mã không đúng hoặc đã hết hạn")
        if scripts:
            assert window.faults_on_any_screen() == []
        codes = wait_for(lambda: _sent(phone)[before:], seconds=60)
        assert codes
        page.fill("[name=code]", codes[0])
        page.click("main button")
        expect(page).to_have_url(re.compile("/me/$"))
        expect(page.locator("body")).to_contain_text("Trần Thị Hoa")
        assert window.complaints == []


def _sent(phone: str) -> list[str]:
    """The codes that a machine without gateways has written down for this telephone."""
    lines = [
        json.loads(line)
        for path in sorted((Path(settings.VAR_DIR) / "outbox").glob("sms-*.jsonl"))
        for line in path.read_text().splitlines()
    ]
    return [re.findall(r"\b\d{6}\b", line["text"])[0] for line in lines if line["to"] == phone and "mã" in line["text"]]
