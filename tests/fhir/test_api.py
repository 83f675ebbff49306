"""The RESTful interactions as a clinic's programmer meets them (https://hl7.org/fhir/R4/http.html)."""

import json
from typing import Any

import pytest
from django.test import Client

from fhir.models import Resource
from tests.fhir.conftest import FhirClient, patient, weight

pytestmark = pytest.mark.django_db


def issues(response: Any) -> list[dict[str, Any]]:
    body = response.json()
    assert body["resourceType"] == "OperationOutcome"
    return list(body["issue"])


def test_create_answers_with_location_version_and_the_resource(clinic: FhirClient) -> None:
    answer = clinic.post("/Patient", patient())
    created = answer.json()
    assert answer.status_code == 201
    assert answer["ETag"] == 'W/"1"'
    assert answer["Location"] == f"http://testserver/fhir/Patient/{created['id']}/_history/1"
    assert answer["Content-Type"] == "application/fhir+json; charset=utf-8"
    assert {key: value for key, value in created.items() if key not in ("id", "meta")} == patient()


def test_prefer_minimal_leaves_the_body_out(clinic: FhirClient) -> None:
    answer = clinic.post("/Patient", patient(), Prefer="return=minimal")
    assert (answer.status_code, answer.content, answer["ETag"]) == (201, b"", 'W/"1"')


def test_prefer_operation_outcome_answers_with_one(clinic: FhirClient) -> None:
    answer = clinic.post("/Patient", patient(), Prefer="return=OperationOutcome")
    assert [issue["severity"] for issue in issues(answer)] == ["information"]


def test_read_hands_back_the_text_and_304_to_who_has_it(clinic: FhirClient) -> None:
    created = clinic.post("/Patient", patient())
    name = created.json()["id"]
    answer = clinic.get(f"/Patient/{name}")
    assert (answer.status_code, answer.content, answer["ETag"]) == (200, created.content, 'W/"1"')
    again = clinic.get(f"/Patient/{name}", **{"If-None-Match": 'W/"1"'})
    assert (again.status_code, again.content) == (304, b"")


def test_update_needs_the_same_id_in_body_and_address(clinic: FhirClient) -> None:
    answer = clinic.put("/Patient/one", patient(id="two"))
    assert answer.status_code == 400
    assert issues(answer)[0]["expression"] == ["Patient.id"]


def test_update_creates_under_the_clients_id(clinic: FhirClient) -> None:
    answer = clinic.put("/Patient/mine.1", patient(id="mine.1"))
    assert (answer.status_code, answer.json()["id"]) == (201, "mine.1")
    again = clinic.put("/Patient/mine.1", patient(id="mine.1", gender="other"))
    assert (again.status_code, again["ETag"]) == (200, 'W/"2"')
    assert clinic.get("/Patient/mine.1/_history/1").json()["gender"] == "male"


def test_a_lost_update_is_prevented_by_if_match(clinic: FhirClient) -> None:
    clinic.put("/Patient/p", patient(id="p"))
    clinic.put("/Patient/p", patient(id="p", gender="other"))
    answer = clinic.put("/Patient/p", patient(id="p", gender="female"), **{"If-Match": 'W/"1"'})
    assert answer.status_code == 412
    assert clinic.get("/Patient/p").json()["gender"] == "other"


def test_a_deleted_resource_answers_410_and_keeps_its_history(clinic: FhirClient) -> None:
    clinic.put("/Patient/p", patient(id="p"))
    assert clinic.delete("/Patient/p").status_code == 204
    assert clinic.get("/Patient/p").status_code == 410
    assert clinic.get("/Patient?_id=p").json().get("entry", []) == []
    history = clinic.get("/Patient/p/_history").json()
    assert [entry["request"]["method"] for entry in history["entry"]] == ["DELETE", "POST"]
    assert clinic.get("/Patient/p/_history/1").json()["id"] == "p"
    assert clinic.get("/Patient/p/_history/2").status_code == 410


def test_deleting_nothing_is_no_error(clinic: FhirClient) -> None:
    assert clinic.delete("/Patient/nobody").status_code == 204


@pytest.mark.parametrize(
    ("body", "expression"),
    [
        (patient(gender="zzz"), "Patient.gender"),
        (patient(birthDate="2024-13-40"), "Patient.birthDate"),
        (patient(multipleBirthInteger="3"), "Patient.multipleBirthInteger"),
        (patient(nonsense=1), "Patient.nonsense"),
        (patient(managingOrganization={"reference": "the clinic"}), "Patient.managingOrganization.reference"),
    ],
)
def test_bad_content_is_told_with_its_place(clinic: FhirClient, body: dict[str, Any], expression: str) -> None:
    answer = clinic.post("/Patient", body)
    assert answer.status_code == 422
    assert [issue["expression"] for issue in issues(answer)] == [[expression]]
    assert not Resource.objects.filter(type="Patient").exists()


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"{", 400), (b"[]", 400), (b'{"resourceType":"Patient","gender":"male","gender":"male"}', 400), (b"\xff{}", 400)],
)
def test_what_is_no_json_object_is_refused(clinic: FhirClient, body: bytes, status: int) -> None:
    answer = clinic.post("/Patient", body)
    assert answer.status_code == status
    assert len(issues(answer)) == 1


def test_unknown_and_declined_types_are_told_apart(clinic: FhirClient) -> None:
    assert issues(clinic.get("/Nonsense"))[0]["diagnostics"].startswith("Nonsense is not a resource type")
    assert issues(clinic.get("/MedicinalProduct"))[0]["diagnostics"].startswith("MedicinalProduct resources are not")
    assert clinic.get("/Nonsense").status_code == 404


def test_another_type_than_the_addresss_is_refused(clinic: FhirClient) -> None:
    assert clinic.post("/Observation", patient()).status_code == 400


def test_xml_is_declined_in_both_directions(clinic: FhirClient) -> None:
    assert clinic.get("/Patient", Accept="application/fhir+xml").status_code == 406


def test_without_a_token_nothing_is_told(clinic: FhirClient) -> None:
    clinic.put("/Patient/p", patient(id="p"))
    for path in ("/fhir/Patient/p", "/fhir/Patient", "/fhir/Patient/p/_history"):
        answer = Client().get(path)
        assert (answer.status_code, issues(answer)[0]["code"]) == (401, "login")
        assert answer["WWW-Authenticate"].startswith("Bearer")


def test_a_clinic_reads_nothing_of_another_clinics_people(clinic: FhirClient, other_clinic: FhirClient) -> None:
    clinic.put("/Patient/p", patient(id="p"))
    clinic.post("/Observation", weight("Patient/p"))
    clinic.put("/Patient/p", patient(id="p", gender="other"))
    for path in ("/Patient/p", "/Patient/p/_history", "/Patient/p/_history/1"):
        assert other_clinic.get(path).status_code == 404
    for path in ("/Patient", "/Observation?subject=Patient/p", "/Patient?_id=p&_total=accurate"):
        answer = other_clinic.get(path).json()
        assert (answer.get("entry", []), answer.get("total", 0)) == ([], 0)
    assert other_clinic.put("/Patient/p", patient(id="p")).status_code == 403
    assert other_clinic.post("/Observation", weight("Patient/p")).status_code == 403
    assert other_clinic.delete("/Patient/p").status_code == 403


def test_search_pages_follow_the_next_link_to_the_end(clinic: FhirClient) -> None:
    clinic.put("/Patient/p", patient(id="p"))
    sent = {clinic.post("/Observation", weight("Patient/p", f"6{number}.0")).json()["id"] for number in range(7)}
    address, seen = "/Observation?subject=Patient/p&_count=3&_total=accurate", []
    while address:
        page = clinic.get(address).json()
        assert page["total"] == 7
        seen += [entry["resource"]["id"] for entry in page["entry"]]
        address = next((link["url"].split("/fhir")[1] for link in page["link"] if link["relation"] == "next"), "")
    assert (len(seen), set(seen)) == (7, sent)


def test_an_unknown_search_parameter_is_an_error_unless_the_client_is_lenient(clinic: FhirClient) -> None:
    clinic.put("/Patient/p", patient(id="p"))
    strict = clinic.get("/Patient?colour=red")
    assert (strict.status_code, "colour" in issues(strict)[0]["diagnostics"]) == (400, True)
    lenient = clinic.get("/Patient?colour=red", Prefer="handling=lenient")
    assert [entry["search"]["mode"] for entry in lenient.json()["entry"]] == ["match", "outcome"]


def test_search_by_post_keeps_names_out_of_addresses(clinic: FhirClient) -> None:
    clinic.put("/Patient/p", patient(id="p"))
    answer = clinic.http.post(
        "/fhir/Patient/_search",
        "name=nguyen",
        content_type="application/x-www-form-urlencoded",
        headers={"Authorization": f"Bearer {clinic.token}"},
    )
    assert [entry["resource"]["id"] for entry in answer.json()["entry"]] == ["p"]


def test_conditional_create_finds_the_person_who_is_here_already(clinic: FhirClient, other_clinic: FhirClient) -> None:
    criteria = {"If-None-Exist": "identifier=http://fhir.hl7.org.vn/core/sid/cccd|001065012345"}
    first = clinic.post("/Patient", patient(), **criteria)
    second = clinic.post("/Patient", patient(), **criteria)
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json()["id"] == second.json()["id"]
    elsewhere = other_clinic.post("/Patient", patient(), **criteria)
    assert (elsewhere.status_code, elsewhere.json()["id"]) == (200, first.json()["id"])
    assert other_clinic.post("/Observation", weight(f"Patient/{first.json()['id']}")).status_code == 201


def test_conditional_create_with_another_birth_date_opens_nobodys_record(
    clinic: FhirClient, other_clinic: FhirClient
) -> None:
    criteria = {"If-None-Exist": "identifier=http://fhir.hl7.org.vn/core/sid/cccd|001065012345"}
    name = clinic.post("/Patient", patient(), **criteria).json()["id"]
    answer = other_clinic.post("/Patient", patient(birthDate="1965-03-03"), **criteria)
    assert (answer.status_code, issues(answer)[0]["expression"]) == (409, ["Patient.birthDate"])
    assert other_clinic.get(f"/Patient/{name}").status_code == 404


def test_metadata_lists_what_can_be_done_and_needs_no_sign_in() -> None:
    statement = Client().get("/fhir/metadata").json()
    types = {entry["type"]: entry for entry in statement["rest"][0]["resource"]}
    assert statement["fhirVersion"] == "4.0.1"
    assert "MedicinalProduct" not in types
    assert {"name": "code", "type": "token"} in types["Observation"]["searchParam"]


def test_every_search_parameter_that_metadata_names_can_be_searched_with(clinic: FhirClient) -> None:
    statement = clinic.get("/metadata").json()
    sample = {"date": "2017", "number": "1", "quantity": "1", "reference": "1"}
    for entry in statement["rest"][0]["resource"]:
        if entry["type"] not in ("Patient", "Observation", "Encounter", "PlanDefinition", "Questionnaire"):
            continue
        for parameter in entry["searchParam"]:
            value = sample.get(parameter["type"], "x")
            answer = clinic.get(f"/{entry['type']}?{parameter['name']}={value}&_count=1")
            assert answer.status_code == 200, (entry["type"], parameter, json.loads(answer.content))
