"""The pages of call and recall: the city's books, the clinic's lists, decisions by staff and by the citizen."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client
from django.utils import timezone

from fhir import store
from healthhub.accounts.actors import SYSTEM, Role
from healthhub.audit.models import AccessEntry
from records.models import Facility, Membership
from screening.models import Balance, BalanceDifference, Capacity, Decision, Invitation, RecallRun, Standing
from screening.recall.refresh import refresh_people
from screening.recall.run import carry_on, start_run
from tests.screening.conftest import make_patient

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


def test_the_city_reads_who_is_behind_each_difference(station: Facility, man: str, woman: str) -> None:
    unborn = make_patient(station, name="Không rõ", gender="female", born="1970-01-01")
    ageless = {"resourceType": "Patient", "id": unborn, "name": [{"text": "Không rõ"}], "gender": "female"}
    store.save(ageless, actor=SYSTEM)
    refresh_people([man, woman, unborn], TODAY)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM records_citizen WHERE patient_id = %s", [man])  # fallen out of every list
    carry_on(start_run(TODAY))
    officer = signed_in(Role.OFFICER)
    behind = {}
    for kind in ("missing", "unclear"):
        page = officer.get(f"/city/recall/colorectal/{kind}/")
        behind[kind] = [row.patient_id for row in page.context["rows"]]
        assert [one in page.content.decode() for one in (man, woman, unborn)] == [
            one in behind[kind] for one in (man, woman, unborn)
        ]
    assert behind == {"missing": [man], "unclear": [unborn]}
    seen = AccessEntry.objects.filter(resource_type="Balance").values_list("patient", flat=True)
    assert sorted(seen) == sorted([man, unborn])


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


def test_the_books_open_on_the_programme_that_needs_to_be_seen(station: Facility, man: str, woman: str) -> None:
    officer = signed_in(Role.OFFICER)
    carry_on(start_run(TODAY))
    eligible = Balance.objects.order_by("-eligible", "programme").values_list("programme", "eligible")
    assert officer.get("/city/recall/").context["programme"] in {name for name, count in eligible if count == 2}
    difference = {"on": TODAY, "programme": "breast", "patient_id": woman, "kind": "wrong", "detail": "standing"}
    BalanceDifference.objects.create(**difference)
    page = officer.get("/city/recall/")
    assert page.context["programme"] == "breast"
    assert "Đếm lại thấy sai" in page.content.decode()
    RecallRun.objects.update(counts={"late": 7})
    assert "ngày mời không còn đúng: 7" in officer.get("/city/recall/").content.decode()
    listed = officer.get("/city/recall/breast/wrong/").content.decode()
    assert woman in listed
    assert "Trần Thị Hoa" not in listed


def test_the_clinics_lists_go_on_after_the_last_line_shown(station: Facility) -> None:
    people = [make_patient(station, name=f"Người {n:02}", gender="male", born="1970-01-01") for n in range(120)]
    refresh_people(people, TODAY)
    Standing.objects.update(facility_id=station.pk)
    for number, one in enumerate(people):
        ended = TODAY - timedelta(days=number // 7)
        invited = {"planned_on": ended, "due_on": ended, "sent_on": ended, "ended_on": ended, "kind": "call"}
        Invitation.objects.create(patient_id=one, programme="colorectal", state="nonresponder", **invited)
    clinic, seen, after = signed_in(Role.CLINICIAN, facility=station), [], "?tab=silent"
    while after:
        page = clinic.get(f"/clinic/recall/{after}")
        lines = [line["patient"].pk for line in page.context["lines"]]
        assert len(lines) <= 50
        Invitation.objects.filter(patient_id__in=lines[:5]).update(state="responded")  # settled while she reads
        seen, after = seen + lines, page.context["next"]
    assert len(seen) == 120
    assert set(seen) == set(people)
    first = clinic.get("/clinic/recall/?tab=silent").context["lines"]
    for place in ("2026-01-01.abc", ".abc", "2026-01-01.", "2026-01-01.1e5", "x.1", "2026-01-01\x00"):
        assert clinic.get("/clinic/recall/", {"tab": "silent", "after": place}).context["lines"] == first
