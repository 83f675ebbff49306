"""Breast density in a file: an optional column beside a mammography's result."""

from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from records.models import Facility
from screening.components import stored_components
from screening.forms.matching import fill
from screening.imports.columns import Column, recognise
from screening.models import Episode, ScreeningResult, StagedRow, UnmatchedResult
from screening.protocol import current
from tests.screening.importing import csv_text, errors_of, everything, observations, row, take, told, write_xlsx

pytestmark = pytest.mark.django_db
MAMMOGRAPHY = current("breast").tests["mammography"]


@pytest.fixture(autouse=True)
def _media(settings: Settings, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "results.csv"


def images(**changes: Any) -> list[Any]:
    return row(**{"test": "mammography", "unit": "", "result": "BI-RADS 1", "density": "c"} | changes)


def density() -> dict[str, str]:
    return stored_components(ScreeningResult.objects.get().observation_id, MAMMOGRAPHY)


@pytest.mark.parametrize("said", ["c", "C", "ACR c", "ACR-C", "Loại C", "c: đặc không đều"])
def test_density_is_stored_beside_the_result(station: Facility, path: Path, said: str) -> None:
    assert told(take(path, csv_text([images(density=said)]))) == (1, 0, 0, 0, 0)
    assert density() == {"density": "c"}
    coded = observations()[0]["component"][0]["valueCodeableConcept"]["coding"][0]["code"]
    assert coded == "129718006"


def test_excel_tells_it_too(station: Facility, tmp_path: Path) -> None:
    assert told(take(write_xlsx(tmp_path / "a.xlsx", [images()]))) == (1, 0, 0, 0, 0)
    assert density() == {"density": "c"}


@pytest.mark.parametrize(
    "heading", ["density", "Mật độ mô vú", "Mật độ vú", "Mật độ tuyến vú", "Breast density", "ACR"]
)
def test_its_heading_is_recognised(heading: str) -> None:
    assert recognise([heading]).places == {Column.DENSITY: 0}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"density": "e"}, "“e” không đọc được"),
        ({"density": "3"}, "“3” không đọc được"),  # of an older scale
        ({"test": "fit", "result": "12,5", "unit": "µg/g"}, "chỉ ghi cùng nhũ ảnh"),
    ],
)
def test_what_cannot_be_one_is_told_with_its_row_and_column(
    station: Facility, path: Path, changes: dict[str, str], reason: str
) -> None:
    batch = take(path, csv_text([row(specimen_id="S9"), images(**changes)]))
    ((number, column, told_reason),) = errors_of(batch)
    assert (number, column, reason in told_reason) == ("3", "density", True)


def test_another_density_is_a_correction_and_none_is_no_difference(station: Facility, path: Path) -> None:
    take(path, csv_text([images()]))
    before = everything()
    assert (told(take(path, csv_text([images(density="")]))), everything()) == ((0, 0, 1, 0, 0), before)
    batch = take(path, csv_text([images(density="b")]))
    assert told(batch) == (0, 1, 0, 0, 0)
    assert StagedRow.objects.get(batch=batch).differences == [
        ["Mật độ mô vú", "c: đặc không đều", "b: mô tuyến rải rác"]
    ]
    assert density() == {"density": "b"}
    assert told(take(path, csv_text([images(density="", result="BI-RADS 2")]))) == (0, 1, 0, 0, 0)
    assert density() == {"density": "b"}


def test_two_rows_of_one_tube_that_differ_in_density_alone_are_not_the_same(station: Facility, path: Path) -> None:
    assert told(take(path, csv_text([images(), images(density="d")]))) == (1, 0, 0, 0, 1)


def test_a_dense_breast_in_a_file_asks_for_an_ultrasound_as_on_the_page(station: Facility, path: Path) -> None:
    second = images(test="mammography_second", specimen_id="S2")
    take(path, csv_text([images(), second]))
    assert Episode.objects.get().step == "supplemental_ultrasound"


def test_a_row_that_waits_to_be_matched_keeps_it(station: Facility, path: Path) -> None:
    take(path, csv_text([images(citizen_id="")]))
    parked = UnmatchedResult.objects.get()
    assert parked.fields["density"] == "c"
    assert fill(parked.fields, MAMMOGRAPHY)["component_density"] == "c"
