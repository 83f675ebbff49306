"""What clients send by mistake gets an OperationOutcome, never a fault and never HTML."""

import pytest

from tests.fhir.conftest import FhirClient, patient, weight

ME = {"resourceType": "Patient", "birthDate": "1965-03-02"}


def outcome(response: object) -> str:
    """The first issue's sentence, from an answer that is an OperationOutcome."""
    body = response.json()  # type: ignore[attr-defined]
    assert response["Content-Type"].startswith("application/fhir+json")  # type: ignore[index]
    assert body["resourceType"] == "OperationOutcome"
    return str(body["issue"][0]["diagnostics"])


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PATCH", "/Patient/1", "GET, PUT, DELETE, HEAD"),
        ("OPTIONS", "/Patient", "GET, POST, HEAD"),
        ("GET", "", "POST"),
        ("DELETE", "/metadata", "GET, HEAD"),
        ("GET", "/Patient/_search", "POST"),
        ("PUT", "/Patient?identifier=1", "GET, POST, HEAD"),
    ],
)
def test_a_method_that_is_not_done_is_told_with_those_that_are(
    clinic: FhirClient, method: str, path: str, allowed: str
) -> None:
    response = clinic.request(method, path)
    assert (response.status_code, response["Allow"]) == (405, allowed)
    assert outcome(response) == f"{method} is not done here, only {allowed}."


def test_an_address_that_is_none_is_told_in_fhir(clinic: FhirClient) -> None:
    for path in ("/Patient/", "/Patient/1/$everything", "/Patient/1/_history/1/2"):
        response = clinic.get(path)
        assert (response.status_code, outcome(response)) == (404, "There is no such address.")


def test_head_answers_as_get_does(clinic: FhirClient) -> None:
    person = clinic.post("/Patient", patient()).json()["id"]
    read, asked = clinic.get(f"/Patient/{person}"), clinic.request("HEAD", f"/Patient/{person}")
    assert (asked.status_code, asked["ETag"], asked["Content-Length"]) == (200, read["ETag"], read["Content-Length"])


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/Patient/a%00b", 404),
        ("/Patient/a%00b/_history", 404),
        ("/Patient/%ED%A0%80", 404),
        ("/Patient?name=a%00b", 400),
        ("/Patient?_id=%00", 400),
        ("/Observation?patient=a%00b", 400),
        ("/Patient?a%00b=1", 400),
    ],
)
def test_nul_in_an_address_is_refused(clinic: FhirClient, path: str, status: int) -> None:
    response = clinic.get(path)
    assert response.status_code == status
    assert outcome(response)


def test_deleting_an_id_that_nothing_can_have_is_no_error(clinic: FhirClient) -> None:
    assert clinic.delete("/Patient/a%00b").status_code == 204


def test_half_a_surrogate_pair_in_a_batch_is_told_and_the_rest_is_done(clinic: FhirClient) -> None:
    body = (
        '{"resourceType":"Bundle","type":"batch","entry":['
        '{"request":{"method":"GET","url":"Patient?name=\\ud800"}},{"request":{"method":"GET","url":"Patient/\\ud800"}},'
        '{"request":{"method":"\\ud800","url":"Patient"}},{"request":{"method":"GET","url":"Patient?_count=0"}}]}'
    )
    entries = clinic.post("", body).json()["entry"]
    assert [entry["response"]["status"] for entry in entries] == ["400", "404", "400", "200"]


@pytest.mark.parametrize("moment", ["9999-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00"])
def test_the_first_and_the_last_moment_of_time_are_kept_and_found(clinic: FhirClient, moment: str) -> None:
    person = clinic.post("/Patient", patient()).json()["id"]
    saved = clinic.post("/Observation", weight(f"Patient/{person}", effectiveDateTime=moment))
    assert saved.status_code == 201
    for comparison in ("ge0001", "le9999", "ap9999-12-31"):
        assert clinic.get(f"/Observation?_lastUpdated={comparison}").status_code == 200
    found = clinic.get("/Observation").json()["entry"]
    assert [entry["resource"]["effectiveDateTime"] for entry in found] == [moment]


@pytest.mark.parametrize("wish", ["json", "application/fhir+json", "application/fhir%2Bjson", "text/json"])
def test_format_may_be_written_with_a_bare_plus_sign(clinic: FhirClient, wish: str) -> None:
    assert clinic.get(f"/Patient?_format={wish}&_pretty=true").status_code == 200


def test_any_of_several_etags_saves_the_body(clinic: FhirClient) -> None:
    person = clinic.post("/Patient", patient()).json()["id"]
    answers = [
        clinic.get(f"/Patient/{person}", **{"If-None-Match": tags}).status_code
        for tags in ('W/"2", W/"1"', "*", 'W/"11"', "1")
    ]
    assert answers == [304, 304, 200, 200]


def test_if_none_match_star_keeps_put_from_overwriting(clinic: FhirClient) -> None:
    first = clinic.put("/Patient/p1", {**ME, "id": "p1"}, **{"If-None-Match": "*"})
    second = clinic.put("/Patient/p1", {**ME, "id": "p1", "gender": "male"}, **{"If-None-Match": "*"})
    assert (first.status_code, second.status_code) == (201, 412)
    assert clinic.get("/Patient/p1")["ETag"] == 'W/"1"'


def test_a_reference_by_the_servers_own_address_is_refused_with_the_right_one(clinic: FhirClient) -> None:
    person = clinic.post("/Patient", patient()).json()["id"]
    response = clinic.post("/Observation", weight(f"http://testserver/fhir/Patient/{person}"))
    assert response.status_code == 422
    assert f"as Patient/{person}, not as http://testserver/fhir/Patient/{person}" in outcome(response)
