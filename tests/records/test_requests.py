"""A person asks for her record to be corrected: routed to who wrote it, on the law's clock, answered in words."""

from datetime import date
from typing import Any

import pytest
import time_machine
from django.core.exceptions import PermissionDenied
from django.test import Client

from fhir.outcomes import Refused
from healthhub.accounts.actors import Actor, Role
from healthhub.audit.log import entries_about
from records.access import RecordPolicy
from records.models import Area, AreaKind, Citizen, Facility, RecordRequest
from records.rights import requests
from records.rights.clocks import answer_by, done_by
from records.rights.requests import answer_request, ask_about_record, requests_to, withdraw_request
from tests.records.conftest import Write, glucose
from tests.records.test_me import sign_in

pytestmark = pytest.mark.django_db
MONDAY = "2026-11-23T09:00:00+07:00"


@pytest.fixture
def duc(patient: Write, clinic: Actor, hoa_binh: str) -> str:
    return patient("Nguyễn Văn Đức", by=clinic, managingOrganization={"reference": f"Organization/{hoa_binh}"})


@pytest.fixture
def me(duc: str) -> Actor:
    return Actor("user:901", "Nguyễn Văn Đức", Role.CITIZEN, patient=duc)


@pytest.fixture
def illness(duc: str, write: Write, stranger: Actor) -> str:
    """What the other facility wrote about him."""
    RecordPolicy().record_presented(frozenset({duc}), actor=stranger)
    subject = {"reference": f"Patient/{duc}"}
    return write("Condition", by=stranger, code={"text": "Tiểu đường"}, subject=subject, onsetDateTime="2015-02")


def staff(facility: str | None, role: Role = Role.CLINICIAN, **place: Any) -> Actor:
    return Actor("user:902", "BS Lê Thị Mai", role, facility=facility, **place)


@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        (date(2026, 11, 23), date(2026, 11, 25)),  # Monday: Wednesday
        (date(2026, 11, 26), date(2026, 11, 30)),  # Thursday: Friday, then Monday
        (date(2026, 11, 27), date(2026, 12, 1)),  # Friday: Monday, Tuesday
        (date(2026, 11, 28), date(2026, 12, 1)),  # Saturday: the same
    ],
)
def test_the_laws_days(asked: date, answered: date) -> None:
    assert answer_by(asked) == answered
    assert (done_by(asked) - asked).days == 10


def test_a_request_goes_to_who_wrote_the_entry_and_about_oneself_to_who_looks_after_one(
    me: Actor, illness: str, hoa_binh: str, thang_long: str
) -> None:
    with time_machine.travel(MONDAY):
        entry = ask_about_record(kind="correct", text="Tôi không bị", about=("Condition", illness), actor=me)
        person = ask_about_record(kind="correct", text="Sai địa chỉ", actor=me)
    assert (entry.facility_id, entry.title, entry.answer_by) == (thang_long, "Tiểu đường, 02/2015", date(2026, 11, 25))
    assert (person.facility_id, person.title, person.done_by) == (hoa_binh, "", date(2026, 12, 3))
    assert [list(requests_to(staff(place))) for place in (thang_long, hoa_binh)] == [[entry], [person]]


def test_without_a_facility_the_department_answers_for_its_part_of_the_city(patient: Write, clinic: Actor) -> None:
    area, other = Area.objects.filter(kind=AreaKind.DISTRICT).order_by("pk")[:2]
    lan = patient("Lan", by=clinic)
    asked = ask_about_record(
        kind="delete", text="Xóa số điện thoại", actor=Actor("user:1", "", Role.CITIZEN, patient=lan)
    )

    Citizen.objects.filter(pk=lan).update(area=area)
    officers = [staff(None, Role.OFFICER, area=place) for place in (None, area.pk, other.pk)]
    assert [list(requests_to(one)) for one in officers] == [[asked], [asked], []]
    assert list(requests_to(staff(clinic.facility))) == []


def test_it_is_accepted_then_done_and_both_are_in_the_log(me: Actor, illness: str, thang_long: str) -> None:
    asked = ask_about_record(kind="correct", text="Sai", about=("Condition", illness), actor=me)
    doctor = staff(thang_long)
    assert answer_request(request=asked, state="accepted", answer="Chúng tôi sẽ xem lại", actor=doctor)
    stale = RecordRequest.objects.get()
    assert answer_request(request=stale, state="done", answer="", actor=doctor)
    assert not answer_request(request=stale, state="refused", answer="Không", actor=doctor)  # somebody was faster
    asked.refresh_from_db()
    assert (asked.state, asked.answer, asked.answerer_name) == ("done", "Chúng tôi sẽ xem lại", "BS Lê Thị Mai")
    assert asked.ended_at is not None
    told = entries_about(me.patient or "").filter(resource_type="RecordRequest").order_by("id")
    assert [(one.action, one.role) for one in told] == [
        ("ask", "citizen"),
        ("answer", "clinician"),
        ("answer", "clinician"),
    ]


def test_nobody_else_asks_answers_or_withdraws(
    me: Actor, illness: str, hoa_binh: str, patient: Write, clinic: Actor, write: Write
) -> None:
    hoa = patient("Trần Thị Hoa", by=clinic)
    hers = write("Observation", by=clinic, **glucose(hoa))
    her = Actor("user:903", "Hoa", Role.CITIZEN, patient=hoa)
    for about in (("Observation", hers), ("Condition", "none"), ("Patient", me.patient or ""), ("Nothing", "x")):
        with pytest.raises(Refused):
            ask_about_record(kind="correct", text="Sai", about=about, actor=me)
    with pytest.raises(PermissionDenied):
        ask_about_record(kind="correct", text="Sai", actor=staff(hoa_binh))
    asked = ask_about_record(kind="correct", text="Sai", about=("Condition", illness), actor=me)
    for actor in (staff(hoa_binh), staff(None, Role.OFFICER), staff(None, Role.ANALYST), me, her):
        with pytest.raises(PermissionDenied):
            answer_request(request=asked, state="refused", answer="Không", actor=actor)
    with pytest.raises(PermissionDenied):
        withdraw_request(request=asked, actor=her)
    assert RecordRequest.objects.get().state == "asked"
    assert withdraw_request(request=asked, actor=me)
    assert not withdraw_request(request=asked, actor=me)


def test_nobody_answers_her_own_request(duc: str, hoa_binh: str) -> None:
    asked = ask_about_record(kind="correct", text="Sai", actor=Actor("user:902", "Mai", Role.CITIZEN, patient=duc))
    with pytest.raises(PermissionDenied):
        answer_request(request=asked, state="done", answer="", actor=staff(hoa_binh))


def test_too_many_open_requests_are_refused(me: Actor) -> None:
    for _number in range(20):
        ask_about_record(kind="correct", text="Sai", actor=me)
    with pytest.raises(Refused):
        ask_about_record(kind="correct", text="Sai", actor=me)
    withdraw_request(request=RecordRequest.objects.latest("pk"), actor=me)
    ask_about_record(kind="correct", text="Sai", actor=me)


@pytest.fixture
def browser(duc: str) -> Client:
    return sign_in(Role.CITIZEN, patient_id=duc)


@pytest.fixture
def doctor(thang_long: str) -> Client:
    return sign_in(Role.CLINICIAN, facility=Facility.objects.get(pk=thang_long))


def test_both_sides_by_their_pages(
    browser: Client, doctor: Client, illness: str, django_assert_max_num_queries: Any
) -> None:
    group = browser.get("/me/record/conditions/").content.decode()
    address = f"/me/requests/new/?about=Condition/{illness}"
    assert f'href="{address}"' in group
    assert browser.post(address, {"kind": "correct", "text": ""}).status_code == 200  # says what is missing
    with time_machine.travel(MONDAY):
        assert browser.post(address, {"kind": "correct", "text": "Tôi không bị <b>bệnh</b> này"}).status_code == 302
    asked = RecordRequest.objects.get()
    RecordRequest.objects.update(answer_by=date(2026, 11, 20))
    with django_assert_max_num_queries(14):
        listed = doctor.get("/requests/")
    assert [(one["row"], one["late"]) for one in listed.context["requests"]] == [(asked, True)]
    own = doctor.get(f"/requests/{asked.pk}/").content.decode()
    assert "Tôi không bị &lt;b&gt;bệnh&lt;/b&gt; này" in own
    refused = doctor.post(f"/requests/{asked.pk}/", {"state": "refused", "answer": " "})
    assert refused.context["form"].errors == {"answer": ["Hãy nói vì sao không làm được."]}
    assert doctor.post(f"/requests/{asked.pk}/", {"state": "refused", "answer": "Xét nghiệm đúng"}).status_code == 302
    mine = browser.get("/me/requests/").content.decode()
    assert ("Xét nghiệm đúng" in mine, "Không làm được" in mine, "Rút lại yêu cầu" in mine) == (True, True, False)
    assert doctor.get("/requests/").context["requests"] == []
    assert [one["row"] for one in doctor.get("/requests/?tab=over").context["requests"]] == [asked]


def test_pages_of_others_requests_do_not_open(
    browser: Client, me: Actor, hoa_binh: str, illness: str, patient: Write, clinic: Actor
) -> None:
    asked = ask_about_record(kind="correct", text="Sai", about=("Condition", illness), actor=me)
    elsewhere = sign_in(Role.LABORATORY, facility=Facility.objects.get(pk=hoa_binh))
    assert elsewhere.get("/requests/").context["requests"] == []
    assert elsewhere.get(f"/requests/{asked.pk}/").status_code == 404
    assert elsewhere.post(f"/requests/{asked.pk}/", {"state": "done"}).status_code == 404
    assert browser.get(f"/requests/{asked.pk}/").status_code == 403
    assert browser.get("/me/requests/new/?about=Condition/other").status_code == 404
    assert browser.post("/me/requests/", {"request": "9" * 30}).status_code == 404
    assert RecordRequest.objects.get().state == "asked"


def test_a_long_list_goes_on_by_the_clock(
    doctor: Client, me: Actor, illness: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requests, "MOST_OPEN", 30)
    for day in ("2026-11-24", "2026-11-23"):  # the older clock comes first, though it was written later
        with time_machine.travel(f"{day}T09:00:00+07:00"):
            for _number in range(15):
                ask_about_record(kind="correct", text="Sai", about=("Condition", illness), actor=me)
    seen, address = [], "/requests/"
    while address != "/requests/end":
        page = doctor.get(address)
        seen += [one["row"].pk for one in page.context["requests"]]
        address = f"/requests/{page.context['next'] or 'end'}"
    assert seen == list(RecordRequest.objects.order_by("done_by", "pk").values_list("pk", flat=True))
    assert len(seen) == 30
