"""A row that corrects a value and states no cut-off: read by its kit's or the protocol's, which the review shows."""

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from healthhub.accounts.actors import SYSTEM
from records.models import Citizen, Facility
from screening.models import ScreeningResult, StagedRow
from screening.results import enter_result
from tests.screening.importing import csv_text, errors_of, everything, person, row, take, told

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _media(settings: Settings, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "results.csv"


@pytest.fixture
def lan(station: Facility, path: Path) -> str:
    take(path, csv_text([person(2)]))
    return Citizen.objects.get().pk


def stored(patient: str, station: Facility, value: str, **how: Any) -> None:
    """A result that the laboratory has read by a cut-off of its own."""
    enter_result(
        facility=station, actor=SYSTEM, patient_id=patient, test="fit", value=value, unit="ug/g",
        collected_on=date(2024, 5, 6), specimen_id="S7", **how,
    )  # fmt: skip


def sent(**changes: Any) -> str:
    return csv_text([person(2, specimen_id="S7", resulted_on="", **changes)])


OWN = {"cutoff": Decimal(10), "cutoff_unit": "ug/g"}


def test_the_same_value_without_its_cutoff_is_the_same_result(lan: str, station: Facility, path: Path) -> None:
    stored(lan, station, "15", **OWN)
    before = everything()
    assert (told(take(path, sent(result="15"))), everything()) == ((0, 0, 1, 0, 0), before)


def test_a_corrected_value_is_not_read_by_the_stored_cutoff_and_the_review_says_so(
    lan: str, station: Facility, path: Path
) -> None:
    stored(lan, station, "15", **OWN)
    batch = take(path, sent(result="30"))
    assert told(batch) == (0, 1, 0, 0, 0)
    assert StagedRow.objects.get(batch=batch).differences == [
        ["Kết quả", "15 ug/g (Dương tính)", "30 ug/g (Dương tính)"],
        ["Ngưỡng dương tính", "10 ug/g", "20 ug/g"],
    ]
    assert ScreeningResult.objects.get(specimen_id="S7").cutoff == 20


def test_a_value_that_the_stored_cutoff_calls_positive_needs_its_cutoff_stated(
    lan: str, station: Facility, path: Path
) -> None:
    stored(lan, station, "15", **OWN)
    before = everything()
    batch = take(path, sent(result="16"))
    ((number, column, reason),) = errors_of(batch)
    assert (told(batch), everything(), number, column) == ((0, 0, 0, 0, 1), before, "2", "cutoff")
    assert "(10 µg/g) là dương tính" in reason
    assert "(20 µg/g)" in reason
    assert told(take(path, sent(result="16", cutoff="10"))) == (0, 1, 0, 0, 0)
    assert ScreeningResult.objects.get(specimen_id="S7").outcome == "positive"
    assert told(take(path, sent(result="16", cutoff="20"))) == (0, 1, 0, 0, 0)  # whoever states it may say so
    assert ScreeningResult.objects.get(specimen_id="S7").outcome == "negative"


def test_another_kit_is_shown_with_its_cutoff(lan: str, station: Facility, path: Path) -> None:
    stored(lan, station, "30", **OWN)
    batch = take(path, sent(result="30", kit="OC-Sensor"))
    assert told(batch)[1] == 1
    changes = [what for what, _old, _new in StagedRow.objects.get(batch=batch).differences]
    assert changes == ["Bộ kit", "Ngưỡng dương tính"]


def test_a_corrected_value_keeps_the_kit_and_its_cutoff_where_the_row_names_none(
    lan: str, station: Facility, path: Path
) -> None:
    stored(lan, station, "12.5", kit="OC-Sensor")
    batch = take(path, sent(result="30"))
    assert [what for what, *_values in StagedRow.objects.get(batch=batch).differences] == ["Kết quả"]
    result = ScreeningResult.objects.get(specimen_id="S7")
    assert (result.kit, result.outcome) == ("OC-Sensor", "positive")


def test_a_first_result_without_a_cutoff_is_read_by_the_protocols(station: Facility, path: Path) -> None:
    take(path, csv_text([row(result="15"), person(3, result="25")]))
    found = ScreeningResult.objects.order_by("specimen_id").values_list("cutoff", "outcome")
    assert list(found) == [(20, "negative"), (20, "positive")]
