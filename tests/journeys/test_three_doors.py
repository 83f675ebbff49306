"""One result, three doors: by form, by file and by a clinic's POST the same rows come to be."""

import csv
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from fhir.models import Resource
from fhir.store import text
from healthhub.accounts.actors import Role
from healthhub.accounts.models import User
from healthhub.audit.models import AccessEntry
from records.citizens import register_citizen
from records.models import Membership
from screening.imports.batches import batch_of_path
from screening.imports.running import run_batch
from screening.models import Episode, ScreeningResult, StatisticsCell
from screening.statistics import cells
from screening.statistics.report import report
from tests.fhir.conftest import FhirClient, make_clinic

pytestmark = pytest.mark.django_db

PERSON = {
    "full_name": "Nguyễn Văn Đức",
    "birth_date": "1960-03-02",
    "sex": "male",
    "cccd": "001060000017",
    "area_code": "00169",
}
FIT = {
    "value": "32.50",
    "unit": "ug/g",
    "collected_on": "2017-05-12",
    "resulted_on": "2017-05-15",
    "specimen": "XN-001",
}

Door = Callable[[FhirClient, str, Path], None]


def by_form(clinic: FhirClient, patient: str, folder: Path) -> None:
    """As a clinician: fill the form, look at the reading, confirm it."""
    user = User.objects.create_user("an@example.vn", name="Bác sĩ An")
    Membership.objects.create(user=user, role=Role.CLINICIAN, facility_id=clinic.actor.facility)
    browser = Client()
    browser.force_login(user)
    address = f"/clinic/people/{patient}/results/new/?test=fit"
    fields = {
        "specimen_id": FIT["specimen"],
        "value": FIT["value"],
        "unit": FIT["unit"],
        "collected_on": FIT["collected_on"],
        "resulted_on": FIT["resulted_on"],
    }
    page = browser.post(address, fields)
    assert not ScreeningResult.objects.exists(), "nothing may be saved before its reading was on the screen"
    assert page.status_code == 200, page
    preview = page.context["preview"]
    assert preview is not None, page.context["form"].errors
    answer = browser.post(address, {**fields, "mark": preview.mark})
    assert answer.status_code == 302


def by_file(clinic: FhirClient, patient: str, folder: Path) -> None:
    """As a laboratory: one row of a file."""
    row = {
        "Mã cơ sở": "01901",
        "Mã mẫu": FIT["specimen"],
        "Số định danh": PERSON["cccd"],
        "Họ và tên": PERSON["full_name"],
        "Ngày sinh": "02/03/1960",
        "Giới tính": "Nam",
        "Mã xã": PERSON["area_code"],
        "Xét nghiệm": "fit",
        "Ngày lấy mẫu": "12/05/2017",
        "Kết quả": "32,50",
        "Đơn vị": FIT["unit"],
        "Ngày trả kết quả": "15/05/2017",
    }
    path = folder / "results.csv"
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.DictWriter(file, row)
        writer.writeheader()
        writer.writerow(row)
    batch = batch_of_path(path)
    run_batch(batch.pk)
    batch.refresh_from_db()
    assert (batch.matched, batch.failed) == (1, 0)


def by_post(clinic: FhirClient, patient: str, folder: Path) -> None:
    """As a clinic's software: an Observation."""
    answer = clinic.post(
        "/Observation",
        {
            "resourceType": "Observation",
            "status": "final",
            "code": {"coding": [{"system": "http://loinc.org", "code": "27396-1"}]},
            "subject": {"reference": f"Patient/{patient}"},
            "effectiveDateTime": FIT["collected_on"],
            "issued": f"{FIT['resulted_on']}T00:00:00+07:00",
            "performer": [{"reference": f"Organization/{clinic.actor.facility}"}],
            "specimen": {
                "identifier": {"system": f"{settings.FHIR_SYSTEMS['specimen']}/01901", "value": FIT["specimen"]}
            },
            "valueQuantity": {
                "value": Decimal(FIT["value"]),
                "unit": "µg/g",
                "system": "http://unitsofmeasure.org",
                "code": FIT["unit"],
            },
        },
    )
    assert answer.status_code == 201, answer.content


DOORS = pytest.mark.parametrize("door", [by_form, by_file, by_post])


@pytest.fixture
def clinic(db: None) -> FhirClient:
    return make_clinic("clinic", "Trạm y tế Dịch Vọng", "01901")


@pytest.fixture
def patient(clinic: FhirClient) -> str:
    return register_citizen(**{**PERSON, "birth_date": date.fromisoformat(PERSON["birth_date"])}, actor=clinic.actor)  # type: ignore[arg-type]


def facts(rows: list[dict[str, Any]], *but: str) -> list[dict[str, Any]]:
    return [{name: value for name, value in row.items() if name not in but} for row in rows]


@DOORS
def test_every_door_makes_the_same_rows(door: Door, clinic: FhirClient, patient: str, tmp_path: Path) -> None:
    door(clinic, patient, tmp_path)
    result = facts(list(ScreeningResult.objects.values()), "observation_id", "episode_id", "area_id", "explanation")
    assert result == [
        {
            "patient_id": patient,
            "programme": "colorectal",
            "test": "fit",
            "category": "positive",
            "outcome": "positive",
            "value": Decimal("32.5"),
            "comparator": "",
            "unit": "ug/g",
            "kit": "",
            "cutoff": Decimal("20"),
            "collected_on": date.fromisoformat(FIT["collected_on"]),
            "resulted_on": date.fromisoformat(FIT["resulted_on"]),
            "specimen_id": "XN-001",
            "facility_id": clinic.actor.facility,
            "facility_code": "01901",
            "sex": "male",
            "age": 57,
            "status": "final",
            "version": 1,
            "released_on": date.fromisoformat(FIT["resulted_on"]),
            "hold_until": None,
        }
    ]
    assert ScreeningResult.objects.get().area.code == PERSON["area_code"]
    episode = Episode.objects.get()
    assert (episode.state, episode.step, str(episode.due_on)) == ("assessment_due", "colonoscopy", "2017-07-14")
    quantity = text.parse(Resource.objects.get(type="Observation").content).resource["valueQuantity"]
    assert str(quantity["value"]) == FIT["value"]
    cells.refresh()
    cell = StatisticsCell.objects.get()
    assert (cell.test, str(cell.month), cell.sex, cell.age_band) == ("fit", "2017-05-01", "male", "55-59")
    assert (cell.tested, cell.positive, cell.negative, cell.inadequate) == (1, 1, 0, 0)
    assert AccessEntry.objects.filter(patient=patient, resource_type="Observation", action="create").count() == 1


@DOORS
def test_every_door_refuses_a_wrong_unit_and_saves_nothing(
    door: Door, clinic: FhirClient, patient: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(FIT, "unit", "mmol/L")
    with pytest.raises(AssertionError):
        door(clinic, patient, tmp_path)
    assert not Resource.objects.filter(type="Observation").exists()


@DOORS
def test_the_citizen_reads_the_result_and_the_citys_figure_moves_by_one(
    door: Door, clinic: FhirClient, patient: str, tmp_path: Path
) -> None:
    before = report().tested
    door(clinic, patient, tmp_path)
    cells.refresh()
    assert report().tested == before + 1
    user = User.objects.create_user("duc@example.vn", name=PERSON["full_name"])
    Membership.objects.create(user=user, role=Role.CITIZEN, patient_id=patient)
    browser = Client()
    browser.force_login(user)
    page = browser.get("/me/").content.decode()
    assert "Có máu ẩn trong mẫu phân của bạn." in page
    assert "14/07/2017" in page
