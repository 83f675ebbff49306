"""A file of results: good rows are kept; twice changes nothing; another value is a correction."""

import json
from datetime import date

import pytest

from fhir.models import Resource, ResourceVersion
from healthhub.accounts.actors import SYSTEM
from records.models import Citizen
from screening.imports.batches import (
    notice_texts,
)
from screening.models import (
    BatchState,
    ScreeningResult,
)
from screening.results import enter_result, withdraw_result
from screening.statistics import cells
from screening.statistics.report import report
from tests.screening.importing import (
    ENGLISH,
    HEADINGS,
    csv_text,
    everything,
    observations,
    person,
    row,
    take,
    told,
    write_xlsx,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path / "media"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "results.csv"


def test_a_row_becomes_a_person_and_a_result(station, path):
    batch = take(path, csv_text([row()]))
    assert (batch.state, batch.total, batch.processed, told(batch)) == (BatchState.DONE, 1, 1, (1, 0, 0, 0, 0))
    citizen = Citizen.objects.select_related("area").get()
    assert (citizen.full_name, citizen.cccd, citizen.phone) == ("Nguyễn Thị Lan", "000160000001", "+84912345678")
    assert (citizen.area.code, citizen.facility_id) == ("00175", station.pk)
    result = ScreeningResult.objects.get()
    assert (result.patient_id, result.facility_id, result.specimen_id) == (citizen.pk, station.pk, "S001")
    assert (f"{result.value:.1f}", result.unit, result.outcome) == ("12.5", "ug/g", "negative")
    assert Resource.objects.get(type="Observation").facility == station.pk


def test_excel_and_csv_with_either_headings_give_the_same(station, laboratory, tmp_path):
    take(write_xlsx(tmp_path / "a.xlsx", [person(1), person(2, result=25)], header=HEADINGS))
    before = everything()
    batch = take(tmp_path / "b.csv", csv_text([person(1), person(2, result="25")], header=ENGLISH, delimiter=";"))
    assert (told(batch), everything()) == ((0, 0, 2, 0, 0), before)


def test_the_same_file_twice_changes_nothing(station, path):
    rows = [person(n, note="ghi chú" if n % 2 else "") for n in range(1, 9)]
    rows.append(person(3, specimen_id="H1", test="hpv", result="HPV 16", unit=""))
    assert told(take(path, csv_text(rows))) == (9, 0, 0, 0, 0)
    before = everything()
    again = take(path)
    assert (told(again), everything()) == ((0, 0, 9, 0, 0), before)
    assert "đã được xử lý ngày" in notice_texts(again)[0]


def test_another_value_is_a_new_version_of_the_same_result(station, path):
    take(path, csv_text([row(result="12,5")]))
    first = Resource.objects.get(type="Observation")
    batch = take(path, csv_text([row(result="25")]))
    assert told(batch) == (0, 1, 0, 0, 0)
    second = Resource.objects.get(type="Observation")
    assert (second.id, second.version, json.loads(second.content)["status"]) == (first.id, 2, "corrected")
    assert ResourceVersion.objects.get().content == first.content
    assert ScreeningResult.objects.get().outcome == "positive"
    cells.refresh()
    assert (report().tested, report().totals[0]["positive"]) == (1, 1)


def test_a_result_that_a_clinic_posted_is_known_and_keeps_what_only_fhir_can_tell(station, path, send):
    take(path, csv_text([row()]))
    patient = Citizen.objects.get().pk
    posted = send.fit(patient, "7", specimen="S9", device={"display": "OC-Sensor"}, bodySite={"text": "phân"})
    before = everything()
    assert told(take(path, csv_text([row(specimen_id="S9", result="7", resulted_on="")]))) == (0, 0, 1, 0, 0)
    assert everything() == before
    assert told(take(path, csv_text([row(specimen_id="S9", result="30", resulted_on="")]))) == (0, 1, 0, 0, 0)
    found = json.loads(Resource.objects.get(type="Observation", id=posted).content)
    assert (found["status"], found["valueQuantity"]["value"], found["bodySite"]) == ("corrected", 30, {"text": "phân"})


def test_the_same_result_by_form_and_by_file_is_one(station, path):
    take(path, csv_text([person(2)]))
    patient = Citizen.objects.get().pk
    enter_result(
        facility=station, actor=SYSTEM, patient_id=patient, test="fit", value="12.5", unit="ug/g", kit="OC-Sensor",
        collected_on=date(2024, 5, 6), specimen_id="S7",
    )  # fmt: skip
    same = person(2)
    same[ENGLISH.index("specimen_id")] = "S7"
    same[ENGLISH.index("resulted_on")] = ""
    assert told(take(path, csv_text([same]))) == (0, 0, 1, 0, 0)
    same[ENGLISH.index("result")] = "30"
    assert told(take(path, csv_text([same]))) == (0, 1, 0, 0, 0)
    corrected = next(one for one in observations() if one["status"] == "corrected")
    assert corrected["device"] == {"display": "OC-Sensor"}


def test_a_result_taken_back_stays_so_when_its_file_comes_again(station, path):
    take(path, csv_text([row()]))
    withdraw_result(observation_id=ScreeningResult.objects.get().pk, actor=SYSTEM)
    again = take(path)
    assert told(again) == (0, 0, 1, 0, 0)
    assert "đã được rút lại trước đây" in again.notices[-1]["text"]
    assert not ScreeningResult.objects.exists()
    assert told(take(path, csv_text([row(result="30")]))) == (1, 0, 0, 0, 0)
