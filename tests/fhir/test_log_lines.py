"""What the access log says of the API's requests: each app and address, each refusal, each search."""

from dataclasses import replace
from typing import Any

import pytest
from django.test import Client

from healthhub.audit.models import AccessEntry
from tests.fhir.conftest import FhirClient, patient, weight
from tests.fhir.test_scopes import Narrow, narrowed  # noqa: F401 - a fixture

pytestmark = pytest.mark.django_db
ADDRESS = "203.0.113.7"


@pytest.fixture
def hers(other_clinic: FhirClient) -> str:
    """A person of the other clinic, with a weight of the same id."""
    person = str(other_clinic.post("/Patient", patient()).json()["id"])
    other_clinic.put(f"/Observation/{person}", weight(f"Patient/{person}", id=person))
    return person


def lines(**only: Any) -> list[tuple[Any, ...]]:
    fields = ("actor", "action", "resource_type", "resource_id", "patient")
    return list(AccessEntry.objects.filter(**only).order_by("id").values_list(*fields))


def refused() -> list[tuple[Any, ...]]:
    return [line[2:] for line in lines(action="refused", actor="client:clinic")]


def test_each_interaction_names_the_address(clinic: FhirClient) -> None:
    far = replace(clinic, http=Client(REMOTE_ADDR=ADDRESS))
    person = far.post("/Patient", patient()).json()["id"]
    far.get(f"/Patient/{person}")
    far.get(f"/Patient?_id={person}")
    far.get("/Patient/nobody")
    assert [line[1] for line in lines(address=ADDRESS)] == ["create", "read", "search", "refused"]


@pytest.mark.parametrize("path", ["", "/_history", "/_history/1"])
def test_reading_what_is_not_ones_own_leaves_a_line_about_the_person(path: str, clinic: FhirClient, hers: str) -> None:
    assert clinic.get(f"/Observation/{hers}{path}").status_code == 404
    assert refused() == [("Observation", hers, hers)]


def test_what_does_not_exist_leaves_a_line_too(clinic: FhirClient) -> None:
    assert clinic.get("/Observation/nothing").status_code == 404
    assert refused() == [("Observation", "nothing", None)]


def test_writing_about_somebody_elses_patient_leaves_a_line_about_the_person(clinic: FhirClient, hers: str) -> None:
    assert clinic.post("/Observation", weight(f"Patient/{hers}")).status_code == 403
    assert clinic.put(f"/Observation/{hers}", weight(f"Patient/{hers}", id=hers)).status_code == 403
    assert clinic.delete(f"/Observation/{hers}").status_code == 403
    assert refused() == [("Observation", "", hers), ("Observation", hers, hers), ("Observation", hers, hers)]


@pytest.mark.parametrize("kind", ["batch", "transaction"])
def test_refusals_inside_a_bundle_leave_their_lines(kind: str, clinic: FhirClient, hers: str) -> None:
    mine = clinic.post("/Patient", patient(identifier=[{"system": "urn:mine", "value": "1"}])).json()["id"]
    own = {"request": {"method": "GET", "url": f"Patient/{mine}"}}
    other = {"request": {"method": "GET", "url": f"Patient/{hers}"}}
    clinic.post("", {"resourceType": "Bundle", "type": kind, "entry": [own, other]})
    assert refused() == [("Patient", hers, hers)]


def test_of_a_transaction_only_what_is_refused_is_named(clinic: FhirClient, hers: str) -> None:
    mine = clinic.post("/Patient", patient(identifier=[{"system": "urn:mine", "value": "1"}])).json()["id"]
    entries = "".join(
        f'{{"resource":{weight(f"Patient/{person}")},"request":{{"method":"POST","url":"Observation"}}}},'
        for person in (mine, hers)
    )
    answer = clinic.post("", f'{{"resourceType":"Bundle","type":"transaction","entry":[{entries.rstrip(",")}]}}')
    assert answer.status_code == 403
    assert refused() == [("Observation", "", hers)]


def test_a_number_with_another_birth_date_leaves_a_line(clinic: FhirClient, hers: str) -> None:
    sent = patient(birthDate="1999-01-01")
    criteria = "identifier=http://fhir.hl7.org.vn/core/sid/cccd|001065012345"
    assert clinic.post("/Patient", sent, **{"If-None-Exist": criteria}).status_code == 409
    assert refused() == [("Patient", hers, hers)]


def test_a_token_without_the_scope_leaves_a_line(clinic: FhirClient, hers: str, narrowed: Narrow) -> None:  # noqa: F811
    app = narrowed("system/Patient.r")
    assert app.get(f"/Observation/{hers}").status_code == 403
    assert app.get(f"/Observation?patient={hers}").status_code == 403
    assert refused() == [("Observation", hers, hers), ("Observation", "", hers)]


def test_a_search_without_an_answer_names_whom_it_asked_about(clinic: FhirClient, hers: str) -> None:
    clinic.get(f"/Observation?patient={hers}")
    clinic.get("/Observation?code=http://loinc.org|1-8")
    searched = [line[2:] for line in lines(action="search", actor="client:clinic")]
    assert searched == [("Observation", "", hers), ("Observation", "", None)]


def test_mistakes_are_no_refusals(clinic: FhirClient) -> None:
    clinic.get("/Nothing/1")
    clinic.get("/Observation?nothing=1")
    clinic.get("/Observation/1/2/3")
    clinic.post("/Patient", "{")
    assert refused() == []
