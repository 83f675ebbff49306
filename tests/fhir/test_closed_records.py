"""What the answers of the API must not tell a clinic about people in whose care it is not, and what is logged."""

from typing import Any

import pytest

from healthhub.audit.models import AccessEntry
from tests.fhir.conftest import FhirClient, patient, weight

CCCD = "identifier=http://fhir.hl7.org.vn/core/sid/cccd|001065012345"


@pytest.fixture
def hidden(other_clinic: FhirClient) -> str:
    """A person of the other clinic, with a weight of the same id."""
    person = str(other_clinic.post("/Patient", patient()).json()["id"])
    assert other_clinic.put(f"/Observation/{person}", weight(f"Patient/{person}", id=person)).status_code == 201
    return person


@pytest.mark.parametrize(
    "criteria", ["birthdate=lt1970", "birthdate=1965-03-02", "name=Nguyễn", "gender=male", "_lastUpdated=gt2000"]
)
def test_conditional_create_tells_nothing_of_strangers_by_other_criteria(
    clinic: FhirClient, hidden: str, criteria: str
) -> None:
    """An invalid Patient is never created, so its answer would show whether somebody matches."""
    sent = patient(gender="zzz", birthDate="1900-01-01")
    for asked in (criteria, f"{CCCD}&{criteria}", f"_id={hidden}"):
        assert clinic.post("/Patient", sent, **{"If-None-Exist": asked}).status_code == 422


def test_conditional_create_finds_by_no_other_identifier_than_those_sent(clinic: FhirClient, hidden: str) -> None:
    sent = patient(identifier=[{"system": "urn:mine", "value": "1"}])
    assert clinic.post("/Patient", sent, **{"If-None-Exist": CCCD}).status_code == 201
    assert clinic.get(f"/Patient/{hidden}").status_code == 404


@pytest.mark.parametrize("guard", [{}, {"If-Match": 'W/"9"'}, {"If-None-Match": "*"}])
def test_writing_what_is_hidden_tells_neither_its_version_nor_whom_it_is_about(
    clinic: FhirClient, hidden: str, guard: dict[str, str]
) -> None:
    mine = clinic.post("/Patient", patient(identifier=[{"system": "urn:mine", "value": "1"}])).json()["id"]
    responses = [
        clinic.put(f"/Observation/{hidden}", weight(f"Patient/{mine}", id=hidden), **guard),
        clinic.delete(f"/Observation/{hidden}", **guard),
    ]
    for response in responses:
        assert response.status_code == 403
        assert "version" not in response.content.decode()
        assert f"Patient/{hidden}" not in response.content.decode()


def test_an_estimate_about_one_person_is_a_count_of_what_may_be_read(clinic: FhirClient, hidden: str) -> None:
    assert clinic.get(f"/Observation?patient={hidden}&_total=estimate").json()["total"] == 0


def lines() -> list[tuple[Any, ...]]:
    """What the access log has gained, oldest first."""
    return list(AccessEntry.objects.order_by("id").values_list("action", "resource_type", "resource_id", "patient"))


def test_counting_one_persons_results_is_logged(clinic: FhirClient) -> None:
    person = clinic.post("/Patient", patient()).json()["id"]
    clinic.post("/Observation", weight(f"Patient/{person}"))
    before = len(lines())
    clinic.get(f"/Observation?patient={person}&_count=0")
    clinic.get("/Observation?_summary=count")
    clinic.get(f"/Condition?patient={person}&_count=0")  # that there is none is told too
    assert lines()[before:] == [
        ("search", "Observation", "", person),
        ("search", "Observation", "", None),
        ("search", "Condition", "", person),
    ]


def test_a_conditional_create_that_finds_the_resource_is_logged_as_a_read(clinic: FhirClient) -> None:
    person = clinic.post("/Patient", patient()).json()["id"]
    body = weight(f"Patient/{person}", identifier=[{"system": "urn:lab", "value": "7"}])
    first = clinic.post("/Observation", body, **{"If-None-Exist": "identifier=urn:lab|7"})
    second = clinic.post("/Observation", body, **{"If-None-Exist": "identifier=urn:lab|7"})
    assert (first.status_code, second.status_code) == (201, 200)
    assert lines()[-1] == ("read", "Observation", first.json()["id"], person)
