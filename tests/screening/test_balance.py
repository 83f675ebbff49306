"""The nightly books of each programme: everybody for whom it is, is accounted for once."""

from datetime import date

import pytest
from django.db import connection

from fhir import store
from healthhub.accounts.actors import SYSTEM
from records.models import Citizen, Facility
from screening.models import Balance, BalanceDifference, Standing
from screening.recall.refresh import refresh_noted
from screening.recall.run import carry_on, start_run
from tests.screening.conftest import Sender, make_patient

pytestmark = pytest.mark.django_db
ON = date(2024, 5, 6)


def books(programme: str = "colorectal") -> dict[str, int]:
    carry_on(start_run(ON))
    names = ("eligible", "screened", "due", "overdue", "missing", "surplus", "unclear", "excluded")
    rows = Balance.objects.filter(on=ON, programme=programme)
    return {name: sum(getattr(row, name) for row in rows) for name in names}


def test_the_books_balance(send: Sender, station: Facility, man: str, woman: str) -> None:
    send.fit(man, "5", on="2024-05-02")
    make_patient(station, name="Trẻ", gender="male", born="2000-01-01")
    assert books() == {
        "eligible": 2, "screened": 1, "due": 0, "overdue": 1, "missing": 0, "surplus": 0, "unclear": 0, "excluded": 0,
    }  # fmt: skip


def test_somebody_dropped_between_the_record_and_the_lists_is_found(man: str, woman: str) -> None:
    refresh_noted(ON)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM records_citizen WHERE patient_id = %s", [man])
    found = books()
    assert (found["eligible"], found["missing"]) == (2, 1)
    assert list(BalanceDifference.objects.filter(programme="colorectal").values_list("patient_id", "kind")) == [
        (man, "missing")
    ]


def test_somebody_without_a_birth_date_is_listed_as_unclear(station: Facility, man: str) -> None:
    unknown = make_patient(station, name="Không rõ", gender="female", born="1970-01-01")
    patient = {"resourceType": "Patient", "id": unknown, "name": [{"text": "Không rõ"}], "gender": "female"}
    store.save(patient, actor=SYSTEM)
    refresh_noted(ON)
    found = books()
    assert (found["eligible"], found["unclear"]) == (1, 1)
    one = BalanceDifference.objects.get(programme="colorectal")
    assert (one.patient_id, one.kind, one.detail) == (unknown, "unclear", "birth_date")


def test_a_standing_too_many_is_found(man: str) -> None:
    carry_on(start_run(ON))
    Citizen.objects.filter(pk=man).update(active=True)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE fhir_resource SET content = replace(content, '1960', '2010') WHERE id = %s", [man])
    from screening.protocol import protocol_for
    from screening.recall.balance import balance

    assert balance([protocol_for("colorectal", ON)], ON) == 1
    assert Standing.objects.filter(patient_id=man, programme="colorectal").count() == 1
    assert BalanceDifference.objects.get(programme="colorectal").kind == "surplus"
