"""The pages of the queue: who it may be, a match with its reading shown first, a rejection with a reason."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from healthhub.accounts.actors import Role
from healthhub.audit.log import entries_about
from records.models import Facility
from screening.models import ScreeningResult, UnmatchedResult
from tests.screening.clinic_room import mark_in, signed_in
from tests.screening.conftest import make_patient
from tests.screening.test_matching import park

pytestmark = pytest.mark.django_db
QUEUE = "/clinic/bench/matching/"
CCCD = "http://fhir.hl7.org.vn/core/sid/cccd"


@pytest.fixture
def technician(station: Facility) -> Client:
    return signed_in(Role.LABORATORY, station)


def names(page: Any) -> list[str]:
    return [one.person.name for one in page.context["candidates"]]


def test_candidates_come_by_name_birth_and_number(technician: Client, station: Facility, man: str) -> None:
    others = (("Nguyễn Văn Đức", "1971-01-01"), ("Nguyễn Văn Đạc", "1980-01-01"), ("Lê Thị Hoa", "1960-03-12"))
    for name, born in others:
        make_patient(station, name=name, gender="male", born=born)
    numbered = make_patient(
        station, name="Phạm Bình", gender="male", born="1955-05-05",
        identifier=[{"system": CCCD, "value": "001055000007"}],
    )  # fmt: skip
    row = park(station, birth_date="12/03/1960")
    page = technician.get(f"{QUEUE}{row.pk}/")
    assert names(page)[0] == "Nguyễn Văn Đức"
    assert page.context["candidates"][0].person.id == man
    assert [str(reason) for reason in page.context["candidates"][0].reasons] == ["cùng ngày sinh", "cùng tên"]
    row = park(station, cccd="001055000007", full_name="")
    assert technician.get(f"{QUEUE}{row.pk}/").context["candidates"][0].person.id == numbered


def test_only_people_of_the_facility_are_candidates(
    technician: Client, station: Facility, laboratory: Facility
) -> None:
    make_patient(laboratory, name="Nguyễn Văn Đức", gender="male", born="1960-03-12")
    row = park(station, birth_date="12/03/1960")
    assert names(technician.get(f"{QUEUE}{row.pk}/")) == []


def test_somebody_known_elsewhere_is_found_by_full_number_and_birth_date(
    technician: Client, station: Facility, laboratory: Facility
) -> None:
    identifier = [{"system": CCCD, "value": "001060000001"}]
    person = make_patient(laboratory, name="Nguyễn Văn Đức", gender="male", born="1960-03-12", identifier=identifier)
    row = park(station)
    papers = {"number": "001060000001", "birth_date": "12/03/1960"}
    assert (
        "Chưa có hồ sơ nào"
        in technician.post(f"{QUEUE}{row.pk}/", {**papers, "birth_date": "13/03/1960"}).content.decode()
    )
    assert technician.post(f"{QUEUE}{row.pk}/", papers).context["known"].pk == person
    answer = technician.post(f"{QUEUE}{row.pk}/", {**papers, "confirmed": "yes"})
    assert answer.headers["Location"] == f"{QUEUE}{row.pk}/{person}/"
    assert technician.get(answer.headers["Location"]).status_code == 200


def test_a_match_is_filled_in_as_it_came_and_saved_when_it_was_read(
    technician: Client, station: Facility, man: str
) -> None:
    row = park(station, specimen_id="TUBE-9", kit="OC Sensor")
    address = f"{QUEUE}{row.pk}/{man}/"
    form = technician.get(address).context["form"]
    filled = {name: form[name].value() or "" for name in form.fields}
    assert (filled["value"], filled["unit"], filled["kit"], filled["specimen_id"]) == (
        "48,6",
        "ug/g",
        "OC-Sensor",
        "TUBE-9",
    )
    page = technician.post(address, filled)
    assert page.context["preview"].word == "Dương tính"
    assert ScreeningResult.objects.count() == 0
    technician.post(address, {**filled, "mark": mark_in(page.content)})
    row.refresh_from_db()
    result = ScreeningResult.objects.get()
    assert (row.state, row.observation_id, result.patient_id) == ("matched", result.pk, man)


@pytest.mark.parametrize(
    ("said", "name"), [("fit", "FIT (máu ẩn trong phân)"), ("FIT", "FIT (máu ẩn trong phân)"), ("HGB-7", "HGB-7")]
)
def test_a_test_is_called_by_its_name_not_by_its_key(
    technician: Client, station: Facility, said: str, name: str
) -> None:
    row = park(station, test=said, sex="female")
    told = {str(label): text for label, text in technician.get(f"{QUEUE}{row.pk}/").context["fields"]}
    assert (told["Xét nghiệm"], told["Giới tính"]) == (name, "Nữ")
    assert technician.get(QUEUE).context["rows"][0]["test"] == name


def test_an_unknown_unit_is_left_for_a_person_to_say(technician: Client, station: Facility, man: str) -> None:
    row = park(station, unit="g/dL")
    assert technician.get(f"{QUEUE}{row.pk}/{man}/").context["form"].initial.get("unit") is None


def test_a_rejection_needs_a_reason(technician: Client, station: Facility) -> None:
    row = park(station)
    page = technician.post(f"{QUEUE}{row.pk}/", {"note": "không rõ"})
    assert page.context["reject"].errors["rejected_as"] == ["Hãy chọn một lý do."]
    technician.post(f"{QUEUE}{row.pk}/", {"rejected_as": "control", "note": ""})
    assert technician.get(QUEUE).context["rows"][0]["asked"] == "Mẫu kiểm chuẩn, không phải của người bệnh"
    page = technician.get(f"{QUEUE}{row.pk}/").content.decode()
    assert "Cần một người khác xem và loại." in page
    signed_in(Role.LABORATORY, station, email="second@example.vn").post(
        f"{QUEUE}{row.pk}/", {"rejected_as": "control", "note": ""}
    )
    assert UnmatchedResult.objects.get().state == "rejected"
    assert technician.get(QUEUE).context["rows"] == []


def test_another_facilitys_queue_is_not_found(laboratory: Facility, station: Facility, man: str) -> None:
    row = park(station)
    stranger = signed_in(Role.LABORATORY, laboratory)
    assert stranger.get(f"{QUEUE}{row.pk}/").status_code == 404
    assert stranger.get(f"{QUEUE}{row.pk}/{man}/").status_code == 404
    assert stranger.get(QUEUE).context["rows"] == []


def test_looking_for_candidates_leaves_a_line_in_their_log(technician: Client, station: Facility, man: str) -> None:
    row = park(station, birth_date="12/03/1960")
    technician.get(f"{QUEUE}{row.pk}/")
    assert entries_about(man).first().action == "find"


def test_the_queue_costs_the_same_however_long_it_is(technician: Client, station: Facility) -> None:
    counts = []
    for number in range(2):
        for value in range(1, 6):
            park(station, value=f"{number * 10 + value}")
        with CaptureQueriesContext(connection) as queries:
            technician.get(QUEUE)
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_the_test_may_be_written_as_people_write_it(technician: Client, station: Facility, man: str) -> None:
    row = park(station, test="Xét nghiệm máu ẩn trong phân")
    assert technician.get(f"{QUEUE}{row.pk}/{man}/").context["form"].test.key == "fit"
    row = park(station, test="chưa rõ")
    assert technician.get(f"{QUEUE}{row.pk}/{man}/").context.get("form") is None
    assert technician.get(f"{QUEUE}{row.pk}/{man}/?test=fit").context["form"].test.key == "fit"
