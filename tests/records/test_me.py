"""A citizen's own pages, at the address bar."""

from typing import Any

import pytest
from django.test import Client

from fhir import store
from healthhub.accounts.actors import SYSTEM, Actor, Role
from healthhub.accounts.models import User
from healthhub.audit.log import entries_about, record_access
from records.models import Membership
from tests.records.conftest import Write, glucose

CCCD = "001160012345"


@pytest.fixture
def duc(patient: Write, clinic: Actor) -> str:
    """Đức's Patient."""
    address = {
        "use": "home",
        "text": "Số 5 ngõ 1",
        "period": {"start": "2017-01-01"},
        "extension": [
            {
                "url": "http://fhir.hl7.org.vn/core/StructureDefinition/vn-ext-ward",
                "valueCoding": {"code": "00175"},
            }
        ],
    }
    return patient("Nguyễn Văn Đức", by=clinic, cccd=CCCD, gender="male", address=[address])


@pytest.fixture
def browser(duc: str) -> Client:
    """Đức, signed in."""
    return sign_in(Role.CITIZEN, patient_id=duc)


def sign_in(role: Role, **place: Any) -> Client:
    user = User.objects.create_user(f"{role}@example.vn", name="Nguyễn Văn Đức")
    Membership.objects.create(user=user, role=role.value, **place)
    client = Client()
    client.force_login(user)
    return client


def test_home_says_who_i_am_without_my_whole_number(browser: Client) -> None:
    page = browser.get("/me/").content.decode()
    assert "Nguyễn Văn Đức" in page
    assert "12/03/1960" in page
    assert "2345" in page
    assert CCCD not in page


def test_the_address_is_told_by_the_old_map_and_by_todays(browser: Client) -> None:
    page = browser.get("/me/record/").content.decode()
    assert "Quận Cầu Giấy" in page
    assert "Từ 01/07/2025 thuộc" in page


def test_the_record_is_grouped_with_counts_and_last_dates(
    browser: Client, duc: str, write: Write, clinic: Actor
) -> None:
    for day in ("2024-02-03", "2023-02-03"):
        write("Observation", by=clinic, **glucose(duc, effectiveDateTime=day, valueString="bình thường"))
    groups = browser.get("/me/").context["groups"]
    assert [(group["key"], group["count"], group["last"]) for group in groups] == [("observations", "2", "03/02/2024")]
    page = browser.get("/me/record/observations/").content.decode()
    assert page.index("03/02/2024") < page.index("03/02/2023")
    assert "Trạm y tế Hòa Bình" in page
    assert browser.get("/me/record/allergies/").status_code == 404


def test_who_has_looked_is_shown_with_place_and_deed(browser: Client, duc: str, clinic: Actor) -> None:
    nurse = Actor("user:77", "Điều dưỡng Mai", Role.CLINICIAN, facility=clinic.facility)
    record_access(actor=nurse, action="view", patients=[duc])
    page = browser.get("/me/access/").content.decode()
    assert "Điều dưỡng Mai" in page
    assert "Nhân viên y tế · Trạm y tế Hòa Bình" in page
    assert "xem hồ sơ" in page


def test_my_own_visits_are_listed_on_demand_only(browser: Client) -> None:
    browser.get("/me/")
    lines = [line for day in browser.get("/me/access/").context["days"] for line in day.lines]
    assert [line.own for line in lines if line.own] == []
    everything = [line for day in browser.get("/me/access/?who=all").context["days"] for line in day.lines]
    assert [line.who for line in everything if line.own] == ["Bạn"]


@pytest.mark.parametrize("address", ["/me/", "/me/record/", "/me/access/", "/me/results/"])
def test_every_page_leaves_its_line_in_the_log(browser: Client, duc: str, address: str) -> None:
    before = entries_about(duc).count()
    assert browser.get(address).status_code == 200
    newest = entries_about(duc)[0]
    assert (entries_about(duc).count(), newest.action, newest.reason) == (before + 1, "view", address)


@pytest.mark.parametrize("role", [Role.CLINICIAN, Role.LABORATORY, Role.OFFICER, Role.ANALYST])
def test_staff_have_no_business_on_a_citizens_pages(duc: str, hoa_binh: str, role: Role) -> None:
    staff = sign_in(role, facility_id=hoa_binh, patient_id=duc)
    answer = staff.get("/me/")
    assert (answer.status_code, "Nguyễn Văn Đức" in answer.content.decode()) == (403, False)


def test_another_persons_record_is_out_of_reach(browser: Client, patient: Write, stranger: Actor) -> None:
    other = patient("Lê Thị Lan", by=stranger)
    observation = store.save({"resourceType": "Observation", **glucose(other)}, actor=SYSTEM).id
    assert browser.get(f"/me/results/{observation}/").status_code == 404
    assert "Lê Thị Lan" not in browser.get("/me/").content.decode()


def test_a_stranger_is_asked_to_sign_in_and_comes_back(db: None) -> None:
    answer = Client().get("/me/access/?who=all")
    assert answer.headers["Location"] == "/accounts/login/?next=/me/access/%3Fwho%3Dall"


def test_the_browser_keeps_no_copy_of_a_record(browser: Client) -> None:
    assert "no-store" in browser.get("/me/").headers["Cache-Control"]


def test_home_takes_the_same_number_of_statements_however_long_the_record(
    browser: Client, duc: str, write: Write, clinic: Actor, django_assert_max_num_queries: Any
) -> None:
    for day in range(1, 20):
        write("Observation", by=clinic, **glucose(duc, effectiveDateTime=f"2024-02-{day:02}"))
    browser.get("/me/")
    with django_assert_max_num_queries(15):
        browser.get("/me/")
