"""Clients who write the same things at the same moment: each gets an answer, and nothing is there twice."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.db import connection

from fhir.models import Resource, ResourceVersion
from tests.fhir.conftest import FhirClient, patient, weight

pytestmark = pytest.mark.django_db(transaction=True)

AT_ONCE = 4
CCCD = "identifier=http://fhir.hl7.org.vn/core/sid/cccd|001065012345"


def at_once(send: Callable[[int], Any]) -> list[Any]:
    """The answers to requests that start at the same moment, each over a database connection of its own."""
    start = Barrier(AT_ONCE)

    def one(number: int) -> Any:
        try:
            start.wait(10)
            return send(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(one, range(AT_ONCE)))


def test_identical_conditional_creations_make_one_person(clinic: FhirClient) -> None:
    for criteria in (CCCD, "identifier=001065012345"):
        answers = at_once(lambda _, asked=criteria: clinic.post("/Patient", patient(), **{"If-None-Exist": asked}))
        assert len({answer.json()["id"] for answer in answers}) == 1
    assert Resource.objects.filter(type="Patient").count() == 1


def test_of_updates_of_one_version_exactly_one_wins(clinic: FhirClient) -> None:
    clinic.put("/Patient/p1", patient(id="p1"))
    answers = at_once(
        lambda n: clinic.put("/Patient/p1", patient(id="p1", birthDate=f"196{n}-01-01"), **{"If-Match": 'W/"1"'})
    )
    assert sorted(answer.status_code for answer in answers) == [200, 412, 412, 412]
    assert ResourceVersion.objects.filter(type="Patient").count() == 1


def test_creations_under_one_id_make_one_first_version(clinic: FhirClient) -> None:
    answers = at_once(lambda n: clinic.put("/Patient/p1", patient(id="p1", birthDate=f"196{n}-01-01")))
    codes = [answer.status_code for answer in answers]
    assert codes.count(201) == 1
    assert set(codes) <= {200, 201, 409}
    assert ResourceVersion.objects.filter(type="Patient").count() == codes.count(200)


def test_transactions_about_the_same_resources_in_other_orders_wait_for_each_other(clinic: FhirClient) -> None:
    person = clinic.post("/Patient", patient()).json()["id"]
    names = [f"w{number}" for number in range(8)]
    for name in names:
        clinic.put(f"/Observation/{name}", weight(f"Patient/{person}", id=name))

    def delete_half_and_change_half(number: int) -> Any:
        turned = names[number:] + names[:number]
        entries = [{"request": {"method": "DELETE", "url": f"Observation/{name}"}} for name in turned[:4]]
        for name in turned[4:]:
            changed = json.loads(weight(f"Patient/{person}", f"6{number}.5", id=name))
            entries.append({"request": {"method": "PUT", "url": f"Observation/{name}"}, "resource": changed})
        return clinic.post("", {"resourceType": "Bundle", "type": "transaction", "entry": entries})

    assert [answer.status_code for answer in at_once(delete_half_and_change_half)] == [200] * AT_ONCE


def test_a_connection_that_the_database_closed_costs_no_request(clinic: FhirClient) -> None:
    assert clinic.get("/Patient").status_code == 200
    mine = connection.connection.get_backend_pid()

    def end_it() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s, 1000)", [mine])
        connection.close()

    with ThreadPoolExecutor(1) as pool:
        pool.submit(end_it).result()
    connection.health_check_done = False  # as at the start of each request, which the test client leaves out
    assert clinic.get("/Patient").status_code == 200
