"""Opening a record in an emergency at the desk, and who reads of it: the person and the auditor."""

import re

import pytest
from django.conf import settings
from django.test import Client

from healthhub.accounts.actors import Role
from healthhub.accounts.models import User
from healthhub.audit.log import entries_about
from records.models import EmergencyAccess, Facility, Membership
from screening.messages.discretion import is_discreet
from screening.messages.texts import texts
from screening.models import Message
from tests.screening.clinic_room import signed_in
from tests.screening.conftest import Sender, make_patient

pytestmark = pytest.mark.django_db
CCCD = "001160012345"
WHY = {"reason": "unconscious", "told": "Hôn mê, cần biết thuốc đang dùng."}


@pytest.fixture
def lan(laboratory: Facility) -> str:
    """Somebody whom the station does not know, with a positive test."""
    numbers = [{"system": settings.FHIR_SYSTEMS["cccd"], "value": CCCD}]
    phone = [{"system": "phone", "value": "0912345678"}]
    extra = {"identifier": numbers, "telecom": phone}
    person = make_patient(laboratory, name="Lê Thị Lan", gender="female", born="1960-03-12", **extra)
    Sender(laboratory).fit(person, "50")
    return person


@pytest.fixture
def doctor(station: Facility) -> Client:
    return signed_in(Role.CLINICIAN, station)


def test_the_page_that_may_not_be_seen_leads_there_in_the_same_words_for_everybody(doctor: Client, lan: str) -> None:
    answers = [doctor.get(f"/clinic/people/{person}/") for person in (lan, "nobody")]
    pages = [
        answer.content.decode().replace(person, "?") for answer, person in zip(answers, (lan, "nobody"), strict=True)
    ]
    assert [answer.status_code for answer in answers] == [403, 403]
    assert _without_tokens(pages[0]) == _without_tokens(pages[1])
    assert [line.action for line in entries_about(lan)[:1]] == ["refused"]
    assert "/clinic/people/?/emergency/" in pages[0]
    assert "Lê Thị Lan" not in pages[0]
    forms = [doctor.get(f"/clinic/people/{person}/emergency/").content.decode() for person in (lan, "nobody")]
    assert _without_tokens(forms[0].replace(lan, "?")) == _without_tokens(forms[1].replace("nobody", "?"))


def _without_tokens(page: str) -> str:
    return re.sub(r'(csrfmiddlewaretoken" value|nonce)="[^"]*"', "", page)


def test_with_a_reason_the_record_opens_for_reading(doctor: Client, lan: str) -> None:
    answer = doctor.post(f"/clinic/people/{lan}/emergency/", WHY, follow=True)
    page = answer.content.decode()
    assert (answer.status_code, answer.request["PATH_INFO"]) == (200, f"/clinic/people/{lan}/")
    assert "Lê Thị Lan" in page
    assert "Đang mở trong trường hợp khẩn cấp" in page
    assert "/results/new/" not in page
    assert "/assess/" not in page
    assert "/refer/" not in page
    for address in ("results/new/", "orders/", "messages/"):
        assert doctor.get(f"/clinic/people/{lan}/{address}").status_code == 404
    assert "Lê Thị Lan" not in doctor.post("/clinic/people/", {"query": CCCD}).content.decode()
    assert {line.reason for line in entries_about(lan).filter(action="view")} == {"emergency:unconscious"}


def test_without_a_reason_or_words_it_stays_closed(doctor: Client, lan: str) -> None:
    for said in ({}, {"reason": "life"}, {"reason": "life", "told": "gấp"}, {"reason": "curious", "told": WHY["told"]}):
        assert doctor.post(f"/clinic/people/{lan}/emergency/", said).status_code == 200
    assert not EmergencyAccess.objects.exists()
    assert doctor.get(f"/clinic/people/{lan}/").status_code == 403


def test_a_number_opens_it_only_whole(doctor: Client, lan: str) -> None:
    wrong = doctor.post("/clinic/emergency/", WHY | {"number": "001160012346"})
    assert (wrong.status_code, "Lê Thị Lan" in wrong.content.decode()) == (403, False)
    assert doctor.post("/clinic/emergency/", WHY | {"number": CCCD[:9]}).status_code == 200  # no such number
    answer = doctor.post("/clinic/emergency/", WHY | {"number": CCCD})
    assert answer.headers["Location"] == f"/clinic/people/{lan}/"
    assert "Trong 24 giờ qua bạn đã mở 1 hồ sơ" in doctor.get("/clinic/emergency/").content.decode()


def test_numbers_cannot_be_tried_out(doctor: Client, lan: str) -> None:
    tries = [doctor.post("/clinic/emergency/", WHY | {"number": f"0011600123{n:02}"}).status_code for n in range(21)]
    assert (tries[:20], tries[20]) == ([403] * 20, 429)
    assert doctor.post("/clinic/emergency/", WHY | {"number": CCCD}).status_code == 429
    assert not EmergencyAccess.objects.exists()


def test_its_opener_closes_it(doctor: Client, lan: str, station: Facility) -> None:
    doctor.post(f"/clinic/people/{lan}/emergency/", WHY)
    opening = EmergencyAccess.objects.get()
    colleague = signed_in(Role.CLINICIAN, station, email="ha@example.vn")
    assert colleague.post(f"/clinic/emergency/{opening.pk}/end/").status_code == 403
    assert doctor.get(f"/clinic/emergency/{opening.pk}/end/").status_code == 405
    assert doctor.get(f"/clinic/people/{lan}/").status_code == 200
    doctor.post(f"/clinic/emergency/{opening.pk}/end/")
    assert doctor.get(f"/clinic/people/{lan}/").status_code == 403


def test_nobody_opens_without_the_second_factor_or_from_another_site(doctor: Client, lan: str) -> None:
    user = User.objects.get(pk=Membership.objects.get().user_id)
    half, forged = Client(), Client(enforce_csrf_checks=True)
    half.force_login(user, second_factor=False)  # type: ignore[call-arg]
    forged.force_login(user)
    for address in (f"/clinic/people/{lan}/emergency/", "/clinic/emergency/"):
        assert "/2fa/" in half.post(address, WHY | {"number": CCCD}).headers["Location"]
        assert forged.post(address, WHY | {"number": CCCD}).status_code == 403
    assert not EmergencyAccess.objects.exists()


@pytest.mark.parametrize("role", [Role.LABORATORY, Role.REGISTRAR, Role.FACILITY_ADMIN, Role.OFFICER, Role.AUDITOR])
def test_other_staff_find_no_such_door(role: Role, lan: str, station: Facility) -> None:
    staff = signed_in(role, station)
    for address in (f"/clinic/people/{lan}/emergency/", "/clinic/emergency/"):
        assert staff.get(address).status_code == 403
        assert staff.post(address, WHY | {"number": CCCD}).status_code == 403
    assert "emergency" not in staff.get(f"/clinic/people/{lan}/").content.decode()


def test_the_person_reads_who_where_when_and_why_and_is_told_by_a_message(
    doctor: Client, lan: str, station: Facility
) -> None:
    doctor.post(f"/clinic/people/{lan}/emergency/", WHY)
    citizen = signed_in(Role.CITIZEN, patient=lan, email="lan@example.vn")
    for address in ("/me/", "/me/access/"):
        page = citizen.get(address).content.decode()
        assert "Hồ sơ của bạn đã được mở trong trường hợp khẩn cấp" in page
        assert "Trạm y tế Dịch Vọng" in page
        assert "Nhân viên y tế" in page
        assert "Người bệnh bất tỉnh" in page
        assert WHY["told"] not in page  # it may say what nobody has told her yet
    message = Message.objects.get()
    assert (message.kind, message.channel, message.state) == ("record_opened", "sms", "queued")
    assert (message.patient_id, message.facility_id != station.pk, message.data) == (lan, True, {})
    for language in ("vi", "en"):
        text = texts()["record_opened", language]
        assert [is_discreet(part.replace("{link}", "")) for part in (text.short, text.subject, text.body)] == [True] * 3


def test_another_citizen_reads_nothing_of_it(doctor: Client, lan: str, man: str) -> None:
    doctor.post(f"/clinic/people/{lan}/emergency/", WHY)
    other = signed_in(Role.CITIZEN, patient=man, email="duc@example.vn")
    assert "khẩn cấp" not in other.get("/me/").content.decode()
    assert other.get("/audit/emergencies/").status_code == 403


def test_an_auditor_finds_it_first_and_judges_it(doctor: Client, lan: str) -> None:
    doctor.post(f"/clinic/people/{lan}/emergency/", WHY)
    opening = EmergencyAccess.objects.get()
    auditor = signed_in(Role.AUDITOR, email="kiem@example.vn")
    assert auditor.get("/", follow=True).request["PATH_INFO"] == "/audit/emergencies/"
    assert [one.pk for one in auditor.get("/audit/emergencies/").context["openings"]] == [opening.pk]
    page = auditor.get(f"/audit/emergencies/{opening.pk}/").content.decode()
    assert WHY["told"] in page

    auditor.post(f"/audit/emergencies/{opening.pk}/", {"outcome": "unjustified"})
    opening.refresh_from_db()
    assert opening.outcome == ""
    auditor.post(f"/audit/emergencies/{opening.pk}/", {"outcome": "unjustified", "note": "Không có ca cấp cứu nào."})
    assert auditor.get("/audit/emergencies/").context["openings"] == []
    assert [one.outcome for one in auditor.get("/audit/emergencies/?tab=done").context["openings"]] == ["unjustified"]
    citizen = signed_in(Role.CITIZEN, patient=lan, email="lan@example.vn")
    assert "Không có lý do chính đáng" in citizen.get("/me/").content.decode()


def test_an_auditor_who_opened_it_herself_does_not_judge_it(doctor: Client, lan: str) -> None:
    doctor.post(f"/clinic/people/{lan}/emergency/", WHY)
    opening = EmergencyAccess.objects.get()
    mine = Membership.objects.create(user_id=opening.user_id, role=Role.AUDITOR.value)
    doctor.post("/as/", {"membership": mine.pk})
    page = doctor.get(f"/audit/emergencies/{opening.pk}/")
    assert (page.status_code, "<textarea" in page.content.decode()) == (200, False)
    said = {"outcome": "justified", "note": "Chính tôi mở."}
    assert doctor.post(f"/audit/emergencies/{opening.pk}/", said).status_code == 403
    opening.refresh_from_db()
    assert opening.outcome == ""


def test_the_auditors_list_goes_on_by_key(doctor: Client, lan: str) -> None:
    doctor.post(f"/clinic/people/{lan}/emergency/", WHY)
    first = EmergencyAccess.objects.get()
    EmergencyAccess.objects.bulk_create(
        EmergencyAccess(
            patient_id=lan, user_id=first.user_id, name="?", role=first.role, facility_id=first.facility_id,
            reason="other", told="?", opened_at=first.opened_at, until=first.until,
        )
        for _ in range(29)
    )  # fmt: skip
    auditor = signed_in(Role.AUDITOR, email="kiem@example.vn")
    page = auditor.get("/audit/emergencies/")
    after = auditor.get("/audit/emergencies/" + page.context["next"])
    seen = [one.pk for one in (*page.context["openings"], *after.context["openings"])]
    assert (len(page.context["openings"]), seen) == (25, sorted(EmergencyAccess.objects.values_list("pk", flat=True)))
    assert after.context["next"] == ""
