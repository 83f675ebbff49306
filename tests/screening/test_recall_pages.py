"""The pages of call and recall: the city's books, the clinic's lists, decisions by staff and by the citizen."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.utils import timezone

from healthhub.accounts.actors import Role
from records.models import Facility, Membership
from screening.models import Capacity, Decision, Invitation
from screening.recall.run import carry_on, start_run

pytestmark = pytest.mark.django_db
TODAY = timezone.localdate()


def signed_in(role: Role, **of: Any) -> Client:
    user = get_user_model().objects.create_user(email=f"{role}@example.org", password="x", name=str(role))
    Membership.objects.create(user=user, role=role, **of)
    client = Client()
    client.force_login(user)
    return client


def test_the_city_sees_the_books_and_no_names(station: Facility, man: str, woman: str) -> None:
    carry_on(start_run(TODAY))
    officer = signed_in(Role.OFFICER)
    page = officer.get("/city/recall/?programme=colorectal")
    text = page.content.decode()
    assert page.status_code == 200
    assert "Cầu Giấy" in text
    assert "Nguyễn Văn Đức" not in text
    for kind in ("missing", "surplus", "unclear"):
        assert officer.get(f"/city/recall/colorectal/{kind}/").status_code == 200
    assert officer.get("/city/recall/colorectal/other/").status_code == 404


def test_unsent_invitations_are_an_alarm(man: str) -> None:
    Invitation.objects.create(
        patient_id=man, programme="colorectal", due_on=TODAY, kind="call", planned_on=TODAY - timedelta(days=1)
    )
    assert "Lời mời chưa gửi" in signed_in(Role.OFFICER).get("/city/recall/").content.decode()


def test_an_officer_sets_places(station: Facility) -> None:
    address = f"/city/recall/places/colorectal/{station.pk}/"
    officer = signed_in(Role.OFFICER)
    assert officer.get(address).status_code == 200
    sent = {f"day{weekday}": 7 for weekday in range(7)}
    assert officer.post(address, sent).status_code == 302
    assert set(Capacity.objects.values_list("facility_id", "programme", "places")) == {(station.pk, "colorectal", 7)}
    assert Capacity.objects.count() == 7


def test_staff_cease_with_evidence_and_undo(station: Facility, man: str) -> None:
    carry_on(start_run(TODAY))
    clinic = signed_in(Role.CLINICIAN, facility=station)
    address = f"/clinic/people/{man}/screening/colorectal/cease/"
    form = {"reason": "organ-absent", "ends_on": f"{TODAY + timedelta(days=300):%d/%m/%Y}", "evidence": ""}
    assert clinic.post(address, form).status_code == 200
    assert not Decision.objects.exists()
    assert clinic.post(address, form | {"evidence": "Giấy ra viện"}).status_code == 302
    page = clinic.get(f"/clinic/people/{man}/").content.decode()
    assert "Ngừng mời (không còn cơ quan cần sàng lọc)" in page
    assert "Nguyễn Văn Đức" in clinic.get("/clinic/recall/?tab=ceased").content.decode()
    assert (
        clinic.post(f"/clinic/people/{man}/decisions/{Decision.objects.get().pk}/undo/", {"note": ""}).status_code
        == 302
    )
    assert "chưa từng sàng lọc" in clinic.get(f"/clinic/people/{man}/").content.decode()


def test_a_citizen_defers_and_sees_why(man: str) -> None:
    carry_on(start_run(TODAY))
    me = signed_in(Role.CITIZEN, patient_id=man)
    assert "vì chương trình bắt đầu" in me.get("/me/screening/").content.decode()
    until = TODAY + timedelta(days=30)
    sent = me.post("/me/screening/colorectal/defer/", {"reason": "away", "ends_on": f"{until:%d/%m/%Y}"})
    assert sent.status_code == 302
    assert f"Hoãn đến {until:%d/%m/%Y} (đi vắng)" in me.get("/me/screening/").content.decode()
    assert me.get("/me/screening/colorectal/cease/").status_code == 404
    assert me.post(f"/me/screening/decisions/{Decision.objects.get().pk}/undo/", {}).status_code == 302


def test_a_stranger_to_the_clinic_is_not_found(man: str) -> None:
    from tests.screening.conftest import make_facility

    other = signed_in(Role.CLINICIAN, facility=make_facility("01966", "Nơi khác"))
    assert other.get(f"/clinic/people/{man}/screening/colorectal/defer/").status_code == 404


def test_the_clinics_lists_take_no_query_per_person(station: Facility, django_assert_max_num_queries: Any) -> None:
    from tests.screening.conftest import make_patient

    for number in range(12):
        patient = make_patient(station, name=f"Người {number}", gender="male", born="1970-01-01")
        Decision.objects.create(
            request_id=f"d{number}", patient_id=patient, programme="colorectal", kind="cease", reason="not-fit",
            evidence="x", made_on=TODAY, review_on=TODAY, actor="user:1", version=1,
        )  # fmt: skip
    clinic = signed_in(Role.CLINICIAN, facility=station)
    with django_assert_max_num_queries(16):
        assert clinic.get("/clinic/recall/?tab=review").status_code == 200
