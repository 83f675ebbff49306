"""Transactions are all or nothing; batches carry out what they can."""

import json
from typing import Any

import pytest
from django.db import connection

from fhir.models import Resource
from tests.fhir.conftest import FhirClient, patient, weight

pytestmark = pytest.mark.django_db

CCCD = "identifier=http://fhir.hl7.org.vn/core/sid/cccd|001065012345"
PERSON = "urn:uuid:61ebe359-bfdc-4613-8bf2-c5e300945f0a"


def entry(method: str, url: str, resource: Any = None, full_url: str = "", **request: Any) -> dict[str, Any]:
    made: dict[str, Any] = {"request": {"method": method, "url": url, **request}}
    if resource is not None:
        made["resource"] = json.loads(resource) if isinstance(resource, str) else resource
    if full_url:
        made["fullUrl"] = full_url
    return made


def bundle(kind: str, *entries: dict[str, Any]) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": kind, "entry": list(entries)}


def stored(kind: str) -> int:
    return Resource.objects.filter(type=kind, deleted=False).count()


def test_references_between_entries_become_references_to_what_was_saved(clinic: FhirClient) -> None:
    answer = clinic.post(
        "",
        bundle(
            "transaction",
            entry("POST", "Observation", weight(PERSON)),
            entry("POST", "Patient", patient(), PERSON, ifNoneExist=CCCD),
        ),
    )
    assert answer.status_code == 200
    body = answer.json()
    assert [part["response"]["status"] for part in body["entry"]] == ["201", "201"]
    person = body["entry"][1]["response"]["location"].split("/fhir/")[1].split("/_history")[0]
    observation = clinic.get(body["entry"][0]["response"]["location"].split("/fhir")[1]).json()
    assert observation["subject"] == {"reference": person}


def test_a_second_transaction_finds_the_person_of_the_first(clinic: FhirClient, other_clinic: FhirClient) -> None:
    def post(client: FhirClient) -> Any:
        return client.post(
            "",
            bundle(
                "transaction",
                entry("POST", "Patient", patient(), PERSON, ifNoneExist=CCCD),
                entry("POST", "Observation", weight(PERSON)),
            ),
        )

    assert [part["response"]["status"] for part in post(clinic).json()["entry"]] == ["201", "201"]
    assert [part["response"]["status"] for part in post(other_clinic).json()["entry"]] == ["200", "201"]
    assert (stored("Patient"), stored("Observation")) == (1, 2)


def test_one_bad_entry_undoes_the_whole_transaction_and_says_where(clinic: FhirClient) -> None:
    answer = clinic.post(
        "",
        bundle(
            "transaction",
            entry("POST", "Patient", patient(), PERSON),
            entry("POST", "Observation", weight(PERSON, "61", status="nope")),
        ),
    )
    assert answer.status_code == 422
    assert [issue["expression"] for issue in answer.json()["issue"]] == [["Bundle.entry[1].resource.status"]]
    assert (stored("Patient"), stored("Observation")) == (0, 0)


def test_a_transaction_deletes_updates_and_reads(clinic: FhirClient) -> None:
    clinic.put("/Patient/p", patient(id="p"))
    weighed = clinic.post("/Observation", weight("Patient/p")).json()["id"]
    body = clinic.post(
        "",
        bundle(
            "transaction",
            entry("GET", "Patient/p"),
            entry("PUT", "Patient/p", patient(id="p", gender="other")),
            entry("DELETE", f"Observation/{weighed}"),
            entry("GET", "Observation?subject=Patient/p"),
        ),
    ).json()
    assert [part["response"]["status"] for part in body["entry"]] == ["200", "200", "204", "200"]
    assert body["entry"][0]["resource"]["gender"] == "other"
    assert "entry" not in body["entry"][3]["resource"]


def test_a_batch_keeps_the_good_and_tells_the_bad(clinic: FhirClient) -> None:
    body = clinic.post(
        "",
        bundle(
            "batch",
            entry("POST", "Patient", patient(gender="zzz")),
            entry("POST", "Patient", patient()),
            entry("GET", "Patient/nobody"),
        ),
    ).json()
    assert [part["response"]["status"] for part in body["entry"]] == ["422", "201", "404"]
    assert body["entry"][0]["response"]["outcome"]["issue"][0]["expression"] == ["Bundle.entry[0].resource.gender"]
    assert stored("Patient") == 1


def test_a_conditional_reference_is_resolved_or_refused(clinic: FhirClient) -> None:
    clinic.put("/Patient/p", patient(id="p"))
    good = clinic.post("", bundle("transaction", entry("POST", "Observation", weight(f"Patient?{CCCD}"))))
    assert good.status_code == 200
    assert stored("Observation") == 1
    bad = clinic.post("", bundle("transaction", entry("POST", "Observation", weight("Patient?identifier=none"))))
    assert bad.status_code == 412
    assert stored("Observation") == 1


def test_numbers_inside_a_transaction_keep_their_digits(clinic: FhirClient) -> None:
    clinic.put("/Patient/p", patient(id="p"))
    text = json.dumps(bundle("transaction", entry("POST", "Observation", weight("Patient/p", "777"))))
    clinic.post("", text.replace("777", "61.5000"))
    assert '"value":61.5000' in Resource.objects.get(type="Observation").content.replace(" ", "")


def test_what_is_no_transaction_is_refused(clinic: FhirClient) -> None:
    assert clinic.post("", bundle("collection")).status_code == 400
    assert clinic.post("", patient()).status_code == 400
    wrong = clinic.post("", bundle("transaction", entry("PATCH", "Patient/p"), {"resource": patient()}))
    assert wrong.status_code == 400
    assert [issue["expression"] for issue in wrong.json()["issue"]] == [
        ["Bundle.entry[0].request.method"],
        ["Bundle.entry[1].request"],
    ]


@pytest.mark.parametrize("read", ["Observation/nothing", "Observation?bogus=1", "Observation/a/b/c/d"])
def test_a_read_that_fails_undoes_the_writes_of_its_transaction(clinic: FhirClient, read: str) -> None:
    answer = clinic.post("", bundle("transaction", entry("POST", "Patient", patient()), entry("GET", read)))
    assert answer.status_code in (400, 404)
    assert answer.json()["issue"][0]["expression"][0].startswith("Bundle.entry[1]")
    assert stored("Patient") == 0


def test_a_deletion_heeds_if_match(clinic: FhirClient) -> None:
    person = clinic.post("/Patient", patient()).json()["id"]
    stale = clinic.post("", bundle("transaction", entry("DELETE", f"Patient/{person}", ifMatch='W/"2"')))
    assert (stale.status_code, stored("Patient")) == (412, 1)
    seen = clinic.post("", bundle("transaction", entry("DELETE", f"Patient/{person}", ifMatch='W/"1"')))
    assert (seen.status_code, stored("Patient")) == (200, 0)


@pytest.mark.parametrize(
    "pair",
    [
        (entry("DELETE", "Patient/p1"), entry("PUT", "Patient/p1", patient(id="p1"))),
        (entry("DELETE", "Patient/p1"), entry("DELETE", "Patient/p1")),
        (entry("POST", "Patient", patient(), ifNoneExist=CCCD), entry("POST", "Patient", patient(), ifNoneExist=CCCD)),
    ],
)
def test_two_entries_about_one_resource_are_refused(
    clinic: FhirClient, pair: tuple[dict[str, Any], dict[str, Any]]
) -> None:
    answer = clinic.post("", bundle("transaction", *pair))
    assert (answer.status_code, answer.json()["issue"][0]["expression"]) == (400, ["Bundle.entry[1]"])
    assert stored("Patient") == 0


@pytest.mark.parametrize("request_", [{"ifMatch": 5}, {"ifNoneExist": 5}, {"ifNoneExist": ["a"]}, {"ifNoneMatch": "x"}])
def test_conditions_of_a_wrong_shape_are_refused_with_their_place(clinic: FhirClient, request_: dict[str, Any]) -> None:
    method, url = ("POST", "Patient") if "ifNoneExist" in request_ else ("PUT", "Patient/p1")
    answer = clinic.post("", bundle("transaction", entry(method, url, patient(id="p1"), **request_)))
    assert answer.status_code == 400
    assert answer.json()["issue"][0]["expression"] == [f"Bundle.entry[0].request.{next(iter(request_))}"]


@pytest.mark.parametrize("entries", [{}, None, "x", [1], [None]])
def test_entries_that_are_no_objects_are_refused_not_passed_over(clinic: FhirClient, entries: Any) -> None:
    answer = clinic.post("", {"resourceType": "Bundle", "type": "batch", "entry": entries})
    assert (answer.status_code, answer.json()["issue"][0]["expression"]) == (400, ["Bundle.entry"])


def test_entries_from_another_server_refer_to_each_other_as_they_did_there(clinic: FhirClient) -> None:
    there = "https://clinic.example/fhir"
    answer = clinic.post(
        "",
        bundle(
            "transaction",
            entry("POST", "Patient", patient(), f"{there}/Patient/7"),
            entry("POST", "Observation", weight("Patient/7"), f"{there}/Observation/8"),
            entry("POST", "Observation", weight(f"{there}/Patient/7"), f"{there}/Observation/9"),
        ),
    )
    locations = [
        part["response"]["location"].split("/fhir")[1].split("/_history")[0] for part in answer.json()["entry"]
    ]
    subjects = {clinic.get(place).json()["subject"]["reference"] for place in locations[1:]}
    assert subjects == {locations[0].lstrip("/")}


def test_a_urn_that_is_no_entrys_is_refused(clinic: FhirClient) -> None:
    answer = clinic.post("", bundle("transaction", entry("POST", "Observation", weight(PERSON))))
    assert (answer.status_code, answer.json()["issue"][0]["expression"]) == (422, ["Bundle.entry[0].resource"])
    assert stored("Observation") == 0


def test_a_batch_reads_versions_and_histories(clinic: FhirClient) -> None:
    person = clinic.post("/Patient", patient()).json()["id"]
    urls = (f"Patient/{person}", f"Patient/{person}/_history/1", f"Patient/{person}/_history", "Patient?_count=0")
    answer = clinic.post("", bundle("batch", *(entry("GET", url) for url in urls)))
    assert [part["response"]["status"] for part in answer.json()["entry"]] == ["200"] * 4
    assert [part["resource"].get("type") for part in answer.json()["entry"]] == [None, None, "history", "searchset"]


def test_a_transaction_that_also_reads_still_waits_for_the_disk(clinic: FhirClient) -> None:
    """Reads switch that off for their own log line."""
    clinic.post("", bundle("transaction", entry("POST", "Patient", patient()), entry("GET", "Patient")))
    with connection.cursor() as cursor:  # still inside the test's transaction, where the setting would have stayed
        cursor.execute("SELECT source FROM pg_settings WHERE name = 'synchronous_commit'")
        assert cursor.fetchone() == ("database",)  # as the database has it, not this session
