"""Whose a row of a file is: somebody known, somebody new, or somebody whom a person must choose."""

import json

import pytest
from django.db import connection

from records.models import Citizen
from records.models.citizens import carrying
from screening.models import (
    ScreeningResult,
    Specimen,
    StagedRow,
    UnmatchedResult,
)
from tests.screening.importing import csv_text, errors_of, everything, row, take, told

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path / "media"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "results.csv"


def test_one_person_in_many_rows_is_one_citizen(station, path):
    rows = [row(specimen_id=f"S{n}", collected_on=f"0{n}/05/2024", resulted_on="") for n in range(1, 6)]
    assert told(take(path, csv_text(rows))) == (5, 0, 0, 0, 0)
    assert Citizen.objects.count() == 1


def test_a_number_with_another_birth_date_is_kept_for_somebody_to_decide(station, path):
    batch = take(path, csv_text([row(), row(specimen_id="S2", birth_date="12/03/1970")]))
    assert (told(batch), batch.close, batch.parked) == ((1, 0, 0, 0, 0), 1, 1)
    again = take(path, csv_text([row(), row(specimen_id="S2", birth_date="12/03/1970")]))
    assert (told(again), again.close, again.parked) == ((0, 0, 1, 0, 0), 1, 1)
    parked = UnmatchedResult.objects.get()  # twice sent, once kept
    assert (parked.reason, parked.fields["birth_date"], parked.fields["specimen_id"]) == (
        "person_differs",
        "1970-03-12",
        "S2",
    )


def test_a_row_without_a_number_waits_to_be_matched(station, path):
    batch = take(path, csv_text([row(citizen_id="")]))
    assert (told(batch), batch.nobody, batch.parked) == ((0, 0, 0, 0, 0), 1, 1)
    assert not Citizen.objects.exists()
    parked = UnmatchedResult.objects.get()
    assert (parked.source, parked.reason, parked.fields["full_name"]) == ("file", "person_unknown", "Nguyễn Thị Lan")
    assert json.loads(parked.payload)["specimen_id"] == "S001"


def test_a_row_without_a_number_is_hers_whose_tube_it_is(station, path):
    take(path, csv_text([row()]))
    patient = Citizen.objects.get().pk
    assert told(take(path, csv_text([row(citizen_id="", result="30")]))) == (0, 1, 0, 0, 0)
    Specimen.objects.create(
        specimen_id="x", patient_id=patient, facility=station, barcode="S7", status="available", test="fit"
    )
    loose = [row(citizen_id="", specimen_id="S7"), row(citizen_id="", specimen_id="S8")]
    batch = take(path, csv_text(loose))
    assert (told(batch), batch.close) == ((1, 0, 0, 0, 0), 1)
    assert ScreeningResult.objects.get(specimen_id="S7").patient_id == patient


@pytest.mark.parametrize(
    ("changes", "close"),
    [
        ({"citizen_id": "000160000002"}, 1),  # a digit wrong
        ({"citizen_id": "000160000010"}, 1),  # two changed about
        ({"citizen_id": "000160000055"}, 0),  # a namesake
        ({"citizen_id": "0123456789"}, 1),  # a number of another kind
        ({"citizen_id": "000160000002", "full_name": "Nguyễn Thị Hoa"}, 0),
        ({"citizen_id": "000160000002", "birth_date": "03/12/1960"}, 1),  # day and month changed about
        ({"full_name": "Trần Văn Bình"}, 1),
        ({"full_name": "Nguyen Thi Lan"}, 0),
    ],
)
def test_somebody_nearly_known_is_not_registered_again(station, path, changes, close):
    take(path, csv_text([row()]))
    batch = take(path, csv_text([row(specimen_id="S2", **changes)]))
    known = changes == {"full_name": "Nguyen Thi Lan"}
    assert (batch.close, batch.new + batch.matched, batch.matched) == (close, 1 - close, known)
    if close:
        assert StagedRow.objects.get(batch=batch).candidates == [Citizen.objects.get().pk]


def test_a_specimen_never_changes_hands(station, path):
    take(path, csv_text([row()]))
    before = everything()
    batch = take(path, csv_text([row(citizen_id="000160000009", full_name="Lê Thị Hoa")]))
    assert (told(batch), everything()) == ((0, 0, 0, 0, 1), before)
    assert "một người khác" in errors_of(batch)[0][2]


def test_a_correction_may_name_the_person_by_the_newer_form_of_her_insurance_number(station, tmp_path):
    card = row(citizen_id="GD4010123456789")
    assert told(take(tmp_path / "a.csv", csv_text([card]))) == (1, 0, 0, 0, 0)
    later = row(citizen_id="0123456789", result="30")
    assert told(take(tmp_path / "b.csv", csv_text([later]))) == (0, 1, 0, 0, 0)
    assert Citizen.objects.count() == 1


def test_a_chunks_numbers_are_looked_up_by_index_however_many_they_are(db):
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")  # on so few people it would be right to read them all
    plan = Citizen.objects.filter(carrying(f"0001600{n:05d}" for n in range(1000))).explain()
    assert "Seq Scan" not in plan
