"""Whatever is derived can be dropped and remade from the stored resources: the rebuilt rows equal the live ones."""

from datetime import date
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection

from fhir import store
from fhir.models import Resource
from healthhub.accounts.actors import system_actor
from screening.demo.load import load
from screening.demo.plan import Options
from screening.models import ScreeningResult
from screening.results import withdraw_result
from screening.statistics import cells

pytestmark = pytest.mark.django_db

# Each derived table without its row numbers: rebuilding may number rows anew.
DERIVED = {
    "fhir_resource": "type, id, patient, code, starts, ends, tokens",
    "fhir_stringindex": "type, resource, param, folded, exact",
    "fhir_dateindex": "type, resource, param, low, high",
    "fhir_numberindex": "type, resource, param, low, high",
    "fhir_quantityindex": "type, resource, param, low, high, code, unit",
    "records_citizen": "*",
    "records_facility": "*",
    "records_practitioner": "*",
    "records_carerelation": "patient_id, facility_id, basis, since",
    "screening_screeningresult": "*",
    "screening_episode": "patient_id, programme, opened_on, state, step, due_on, closed_on, outcome, protocol_version",
    "screening_episodeevent": "kind, occurred_on, source_type, source_id, source_version",
    "screening_statisticscell": "area_id, programme, test, month, sex, age_band, tested, positive, negative, "
    "inadequate, unclassified, referred, assessed",
}


def rows(table: str, columns: str) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT t::text FROM (SELECT {columns} FROM {table}) t ORDER BY 1")
        return cursor.fetchall()


def everything() -> dict[str, list[Any]]:
    return {table: rows(table, columns) for table, columns in DERIVED.items()}


def test_rebuilt_rows_equal_the_live_ones() -> None:
    load(Options(tests=150, seed=1, districts=("005", "019", "268"), today=date(2026, 11, 2)), processes=1)
    actor = system_actor("tests")
    withdraw_result(observation_id=ScreeningResult.objects.order_by("pk")[0].pk, actor=actor)
    gone = ScreeningResult.objects.order_by("pk")[1].pk
    store.delete(type="Observation", id=gone, actor=actor)
    moved = store.text.parse(Resource.objects.filter(type="Patient").order_by("id")[0].content).resource
    store.save({**moved, "gender": "other"}, actor=actor)
    cells.refresh()
    live = everything()
    assert all(live[table] for table in DERIVED if table != "fhir_numberindex")
    call_command("rebuild")
    assert everything() == live
