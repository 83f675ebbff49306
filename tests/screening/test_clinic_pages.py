"""The clinic's desk: the worklist, finding and registering people, the person's page."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from healthhub.accounts.actors import Role
from healthhub.audit.models import AccessEntry
from records.identifiers import demo_cccd
from records.models import CareRelation, Citizen, Facility
from screening.models import Episode, OpenRound
from tests.screening.clinic_room import mark_in, signed_in
from tests.screening.conftest import Sender, make_patient

pytestmark = pytest.mark.django_db


@pytest.fixture
def doctor(station: Facility) -> Client:
    return signed_in(Role.CLINICIAN, station)


@pytest.fixture
def technician(laboratory: Facility) -> Client:
    """Somebody of the other facility."""
    return signed_in(Role.LABORATORY, laboratory)


def positives(send: Sender, station: Facility, *days_ago: int) -> list[str]:
    """People whose colonoscopy was due 60 days after a result of so many days ago."""
    people = []
    for days in days_ago:
        person = make_patient(station, name=f"Nguyễn Văn {days}", gender="male", born="1960-03-12")
        send.fit(person, "50", on=f"{timezone.localdate() - timedelta(days=days):%Y-%m-%d}")
        people.append(person)
    return people


def names(page: Any) -> list[str]:
    return [line.person.name for line in page.context["worklist"].lines]


def test_nobody_calls_the_family_of_the_dead_unwarned(doctor: Client, send: Sender, station: Facility) -> None:
    extra = {"deceasedDateTime": "2024-06-01"}
    person = make_patient(station, name="Nguyễn Văn Đức", gender="male", born="1960-03-12", **extra)
    send.fit(person, "50")
    assert doctor.get("/clinic/").context["worklist"].counts["open"] == 0
    assert "Đã mất" in doctor.get(f"/clinic/people/{person}/").content.decode()


def test_what_cannot_be_an_id_is_no_address(doctor: Client) -> None:
    paths = ["/clinic/people/%00/", "/clinic/people/a%20b/", "/me/results/%00/", f"/clinic/people/{'a' * 65}/"]
    assert [doctor.get(path).status_code for path in paths] == [404] * 4
    assert doctor.post("/clinic/people/", {"query": "nguyen", "after": "\0"}).status_code == 200


def test_strangers_are_asked_to_sign_in(client: Client) -> None:
    assert client.get("/clinic/").status_code == 302


@pytest.mark.parametrize("role", [Role.OFFICER, Role.ANALYST])
def test_the_department_does_not_enter_the_clinic(role: Role, man: str) -> None:
    client = signed_in(role)
    paths = ["/clinic/", "/clinic/people/", f"/clinic/people/{man}/", "/clinic/imports/"]
    assert [client.get(path).status_code for path in paths] == [403] * 4


def test_a_citizen_does_not_enter_the_clinic(man: str) -> None:
    client = signed_in(Role.CITIZEN, patient=man)
    assert client.get(f"/clinic/people/{man}/").status_code == 403


def test_a_clinician_without_facility_sees_no_worklist(send: Sender, station: Facility) -> None:
    positives(send, station, 70)
    client = signed_in(Role.CLINICIAN)
    assert client.get("/clinic/").status_code == 403


# Worklist


def test_the_worklist_counts_and_orders_by_due_date(doctor: Client, send: Sender, station: Facility, man: str) -> None:
    positives(send, station, 10, 70, 58, 65)
    send.fit(man, "3")  # negative: nothing to do
    page = doctor.get("/clinic/")
    counts = {"overdue": 2, "week": 1, "waiting": 0, "verify": 0, "unmatched": 0, "missed": 0, "mine": 0, "open": 4}
    assert page.context["worklist"].counts == counts
    assert page.context["worklist"].tab == "overdue"
    assert names(page) == ["Nguyễn Văn 70", "Nguyễn Văn 65"]
    assert [line.due_words for line in page.context["worklist"].lines] == ["quá hạn 10 ngày", "quá hạn 5 ngày"]
    assert names(doctor.get("/clinic/?tab=week")) == ["Nguyễn Văn 58"]


def test_filters_narrow_list_and_counts(doctor: Client, send: Sender, station: Facility, woman: str) -> None:
    positives(send, station, 70)
    send.fit(woman, None, on="2024-05-06", valueString="Không đạt")
    page = doctor.get("/clinic/?tab=open&step=repeat_fit&programme=colorectal")
    assert names(page) == ["Trần Thị Hoa"]
    assert page.context["worklist"].counts["open"] == 1
    assert 'href="?tab=week&amp;step=repeat_fit&amp;programme=colorectal"' in page.content.decode()


def test_pages_follow_each_other_without_gap_or_double(
    doctor: Client, send: Sender, station: Facility, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("screening.clinic.worklist.load_worklist.__kwdefaults__", {"limit": 2})
    positives(send, station, 70, 70, 70, 66, 65)
    seen, address = [], "/clinic/?tab=overdue"
    while address:
        page = doctor.get(address)
        seen += [line.person.id for line in page.context["worklist"].lines]
        address = f"/clinic/{page.context['next_page']}" if page.context["next_page"] else ""
    assert len(seen) == 5
    assert len(set(seen)) == 5


def test_no_name_stands_in_an_address(
    doctor: Client, send: Sender, station: Facility, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("screening.clinic.worklist.load_worklist.__kwdefaults__", {"limit": 1})
    positives(send, station, 70, 66)
    episode = Episode.objects.order_by("due_on")[0]
    row = OpenRound.objects.get(episode=episode)
    page = doctor.get("/clinic/?tab=overdue")
    assert page.context["next_page"] == f"?tab=overdue&after={episode.due_on:%Y-%m-%d}.{row.pk}"


def test_the_worklist_costs_the_same_for_one_and_for_many(doctor: Client, send: Sender, station: Facility) -> None:
    positives(send, station, 70)
    doctor.get("/clinic/")
    with CaptureQueriesContext(
        connection,
    ) as few:
        doctor.get("/clinic/")
    positives(send, station, *range(71, 91))
    with CaptureQueriesContext(connection) as many:
        page = doctor.get("/clinic/")
    assert len(names(page)) == 21
    assert len(many) == len(few)


def test_another_facility_has_its_own_worklist(technician: Client, send: Sender, station: Facility) -> None:
    positives(send, station, 70)
    page = technician.get("/clinic/")
    assert page.context["worklist"].counts["open"] == 0
    assert "Không có việc nào ở đây" in page.content.decode()


def test_everybody_on_the_page_finds_the_look_in_the_log(doctor: Client, send: Sender, station: Facility) -> None:
    people = positives(send, station, 70, 66)
    AccessEntry.objects.all()
    before = AccessEntry.objects.count()
    doctor.get("/clinic/")
    logged = AccessEntry.objects.order_by("-id")[: AccessEntry.objects.count() - before]
    assert {(entry.patient, entry.action) for entry in logged} == {(person, "view") for person in people}


# Finding and registering


@pytest.mark.parametrize("query", ["nguyen van duc", "Đức 1960", "12/03/1960"])
def test_people_are_found_by_what_one_knows_of_them(doctor: Client, man: str, query: str) -> None:
    page = doctor.post("/clinic/people/", {"query": query})
    assert [one.id for one in page.context["people"]] == [man]


def test_the_live_list_is_the_list_alone(doctor: Client, man: str) -> None:
    page = doctor.post("/clinic/people/", {"query": "duc"}, headers={"hx-request": "true"})
    assert "Nguyễn Văn Đức" in page.content.decode()
    assert "<html" not in page.content.decode()


def test_others_people_are_not_found(technician: Client, man: str) -> None:
    page = technician.post("/clinic/people/", {"query": "nguyen van duc"})
    assert page.context["people"] == []
    assert "Không tìm thấy ai" in page.content.decode()


def test_somebody_with_papers_comes_into_care_after_her_name_was_compared(
    technician: Client, laboratory: Facility, station: Facility
) -> None:
    number = demo_cccd(7, sex="female", birth_year=1980)
    cccd = {"identifier": [{"system": "http://fhir.hl7.org.vn/core/sid/cccd", "value": number}]}
    person = make_patient(station, name="Trần Thị Hoa", gender="female", born="1980-03-12", **cccd)
    shown = {"number": number, "birth_date": "12/03/1980"}

    page = technician.post("/clinic/people/present/", shown)
    assert "Trần Thị Hoa" in page.content.decode()
    assert not CareRelation.objects.filter(patient_id=person, facility=laboratory).exists()
    assert AccessEntry.objects.filter(patient=person, facility=laboratory.pk, action="find").count() == 1

    page = technician.post("/clinic/people/present/", {**shown, "confirmed": "yes"})
    assert page.headers["Location"] == f"/clinic/people/{person}/"
    assert technician.get(page.headers["Location"]).status_code == 200
    assert Citizen.objects.filter(cccd=number).count() == 1


def test_a_number_with_another_birth_date_shows_nobody(technician: Client, station: Facility) -> None:
    number = demo_cccd(7, sex="female", birth_year=1980)
    cccd = {"identifier": [{"system": "http://fhir.hl7.org.vn/core/sid/cccd", "value": number}]}
    make_patient(station, name="Trần Thị Hoa", gender="female", born="1980-03-12", **cccd)
    page = technician.post("/clinic/people/present/", {"number": number, "birth_date": "13/03/1980"})
    assert "Trần Thị Hoa" not in page.content.decode()
    assert "Chưa có hồ sơ nào với số và ngày sinh này" in page.content.decode()


NEW = {"full_name": "Lê Văn Bình", "birth_date": "01/02/1970", "sex": "male", "cccd": "001070123456"}


def test_a_new_person_is_registered(doctor: Client, station: Facility) -> None:
    page = doctor.post("/clinic/people/register/", NEW)
    person = Citizen.objects.get(cccd="001070123456")
    assert page.headers["Location"] == f"/clinic/people/{person.pk}/"
    assert (person.full_name, f"{person.birth_date}", person.sex) == ("Lê Văn Bình", "1970-02-01", "male")


def test_odd_digits_warn_once_and_do_not_block(doctor: Client) -> None:
    odd = {**NEW, "sex": "female"}
    page = doctor.post("/clinic/people/register/", odd)
    assert page.context["warnings"] == ["Chữ số thứ tư của số căn cước không khớp với giới tính."]
    assert not Citizen.objects.filter(cccd="001070123456").exists()
    doctor.post("/clinic/people/register/", {**odd, "mark": mark_in(page.content)})
    assert Citizen.objects.get(cccd="001070123456").sex == "female"


def test_a_confirmation_is_for_what_was_shown(doctor: Client) -> None:
    odd = {**NEW, "sex": "female"}
    mark = mark_in(doctor.post("/clinic/people/register/", odd).content)
    doctor.post("/clinic/people/register/", {**odd, "cccd": "001070654321", "mark": mark})
    assert not Citizen.objects.filter(full_name="Lê Văn Bình").exists()


def test_possible_duplicates_are_shown_first(doctor: Client, man: str, woman: str) -> None:
    page = doctor.post(
        "/clinic/people/register/", {"full_name": "Nguyen Van Duc", "birth_date": "12/03/1960", "sex": "male"}
    )
    assert [one.id for one in page.context["alike"]] == [man]
    assert Citizen.objects.count() == 2


def test_errors_stand_beside_the_fields(doctor: Client) -> None:
    page = doctor.post("/clinic/people/register/", {**NEW, "cccd": "123", "birth_date": "31/02/1970"})
    assert page.context["form"].errors == {
        "cccd": ["Số căn cước phải có đúng 12 chữ số."],
        "birth_date": ["Ngày phải có dạng ngày/tháng/năm, ví dụ 05/11/2026."],
    }


# The person's page


def test_the_persons_page_shows_screening_and_logs_one_view(doctor: Client, send: Sender, man: str) -> None:
    send.fit(man, "50.5", on="2024-05-06")
    before = AccessEntry.objects.filter(patient=man).count()
    page = doctor.get(reverse("clinic-person", args=[man]))
    text = page.content.decode()
    assert "Dương tính: 50,5 µg/g ≥ ngưỡng 20 µg/g" in text
    standings = [(one.programme, one.word) for one in page.context["standings"] if one.episode]
    assert standings == [("colorectal", "Nội soi đại tràng")]
    assert page.context["results"][0].step == "refer"
    assert AccessEntry.objects.filter(patient=man).count() - before == 1


def test_a_person_of_another_facility_stays_closed(technician: Client, send: Sender, man: str) -> None:
    observation = send.fit(man, "50")
    person = reverse("clinic-person", args=[man])
    assert technician.get(person).status_code == 403
    rest = [
        "results/new/?test=fit",
        *(f"results/{observation}/{what}/" for what in ("correct", "withdraw", "refer", "assess")),
    ]
    assert [technician.get(person + path).status_code for path in rest] == [404] * 5
    assert [technician.post(person + path).status_code for path in rest] == [404] * 5


def test_somebody_who_does_not_exist_is_as_closed_as_anothers_person(doctor: Client) -> None:
    assert doctor.get("/clinic/people/nobody/").status_code == 403
    assert doctor.get("/clinic/people/nobody/results/new/?test=fit").status_code == 404


def test_the_persons_page_costs_the_same_for_one_result_and_for_many(doctor: Client, send: Sender, man: str) -> None:
    send.fit(man, "50")
    doctor.get(f"/clinic/people/{man}/")
    with CaptureQueriesContext(connection) as few:
        doctor.get(f"/clinic/people/{man}/")
    for year in range(2012, 2022):
        send.fit(man, "3", on=f"{year}-05-06")
    with CaptureQueriesContext(connection) as many:
        page = doctor.get(f"/clinic/people/{man}/")
    assert len(page.context["results"]) == 11
    assert len(many) == len(few)
