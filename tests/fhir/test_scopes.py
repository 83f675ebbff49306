"""A token does no more than its SMART scopes say, whatever its facility may do."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from oauth2_provider.models import AccessToken, Application

from tests.fhir.conftest import FhirClient, patient, weight

pytestmark = pytest.mark.django_db

CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
LABORATORY = f"system/Observation.cruds?category={CATEGORY}|laboratory"
Narrow = Callable[..., FhirClient]


@pytest.fixture
def narrowed(clinic: FhirClient) -> Narrow:
    """The clinic's software with a token for these scopes only."""

    def give(*scopes: str) -> FhirClient:
        token = f"token for {' '.join(scopes)}"
        AccessToken.objects.get_or_create(
            token=token,
            application=Application.objects.get(client_id="clinic"),
            scope=" ".join(scopes),
            defaults={"expires": timezone.now() + timedelta(hours=1)},
        )
        return FhirClient(clinic.http, token, clinic.actor)

    return give


@pytest.fixture
def person(clinic: FhirClient) -> str:
    return "Patient/" + clinic.post("/Patient", patient()).json()["id"]


def observed(clinic: FhirClient, person: str, category: str) -> str:
    return str(clinic.post("/Observation", measured(person, category)).json()["id"])


def measured(person: str, category: str, **more: Any) -> str:
    return weight(person, category=[{"coding": [{"system": CATEGORY, "code": category}]}], **more)


def refused(answer: Any) -> str:
    """The scope that is asked for, of an answer that refuses as RFC 6750 wants it."""
    assert answer.status_code == 403
    (issue,) = answer.json()["issue"]
    assert (issue["severity"], issue["code"]) == ("error", "forbidden")
    assert issue["diagnostics"].startswith("Insufficient scope")
    head, _, scope = answer["WWW-Authenticate"].partition(", scope=")
    assert head == 'Bearer realm="HealthHub", error="insufficient_scope"'
    return str(scope.strip('"'))


def found(answer: Any) -> set[str]:
    assert answer.status_code == 200, answer.content
    return {entry["resource"]["id"] for entry in answer.json().get("entry", [])}


def test_each_interaction_needs_its_letter(clinic: FhirClient, person: str, narrowed: Narrow) -> None:
    one = observed(clinic, person, "laboratory")
    nothing = narrowed("system/Patient.cruds")
    assert refused(nothing.get(f"/Observation/{one}")) == "system/Observation.r"
    assert refused(nothing.get(f"/Observation/{one}/_history")) == "system/Observation.r"
    assert refused(nothing.get(f"/Observation/{one}/_history/1")) == "system/Observation.r"
    assert refused(nothing.get("/Observation")) == "system/Observation.s"
    assert refused(nothing.post("/Observation", weight(person))) == "system/Observation.c"
    assert refused(nothing.put(f"/Observation/{one}", weight(person, id=one))) == "system/Observation.u"
    assert refused(nothing.delete(f"/Observation/{one}")) == "system/Observation.d"
    assert refused(nothing.get("/Observation/there-is-none")) == "system/Observation.r"
    reader = narrowed("system/Observation.r")
    assert reader.get(f"/Observation/{one}").status_code == 200
    assert refused(reader.get("/Observation")) == "system/Observation.s"


def test_a_conditional_creation_searches_too(narrowed: Narrow) -> None:
    asked = {"If-None-Exist": "identifier=001065012345"}
    assert refused(narrowed("system/Patient.c").post("/Patient", patient(), **asked)) == "system/Patient.s"
    assert narrowed("system/Patient.cs").post("/Patient", patient(), **asked).status_code == 201


def test_an_entry_of_a_transaction_is_refused_as_a_request_would_be(person: str, narrowed: Narrow) -> None:
    entry = {"request": {"method": "POST", "url": "Observation"}, "resource": json.loads(measured(person, "survey"))}
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [entry]}
    assert refused(narrowed("system/*.rs").post("", bundle)) == "system/Observation.c"
    batch = narrowed("system/*.rs").post("", {**bundle, "type": "batch"}).json()
    assert [entry["response"]["status"] for entry in batch["entry"]] == ["403"]


def test_scopes_do_not_widen_what_the_facility_may_read(other_clinic: FhirClient, person: str) -> None:
    assert other_clinic.get(f"/{person}").status_code == 404


def test_a_granular_scope_holds_for_reads_and_searches(clinic: FhirClient, person: str, narrowed: Narrow) -> None:
    laboratory, vital = observed(clinic, person, "laboratory"), observed(clinic, person, "vital-signs")
    app = narrowed(LABORATORY)
    assert found(clinic.get("/Observation")) == {laboratory, vital}
    assert found(app.get("/Observation")) == {laboratory}
    assert found(app.get(f"/Observation?patient={person}&code=http://loinc.org|29463-7")) == {laboratory}
    assert app.get("/Observation?_summary=count").json()["total"] == 1
    assert app.get("/Observation?_total=estimate&patient=" + person).json()["total"] == 1
    assert app.get(f"/Observation/{laboratory}").status_code == 200
    assert app.get(f"/Observation/{vital}").status_code == 404
    assert app.get(f"/Observation/{vital}/_history").status_code == 404
    assert app.get(f"/Observation/{vital}/_history/1").status_code == 404


def test_a_granular_scope_leaves_out_versions_that_are_not_in_it(
    clinic: FhirClient, person: str, narrowed: Narrow
) -> None:
    one = observed(clinic, person, "vital-signs")
    clinic.put(f"/Observation/{one}", measured(person, "laboratory", id=one))
    app = narrowed(LABORATORY)
    assert [
        entry["resource"]["meta"]["versionId"] for entry in app.get(f"/Observation/{one}/_history").json()["entry"]
    ] == ["2"]
    assert app.get(f"/Observation/{one}/_history/1").status_code == 404
    assert app.get(f"/Observation/{one}/_history/2").status_code == 200


def test_a_granular_scope_holds_for_what_is_sent_and_what_is_stored(
    clinic: FhirClient, person: str, narrowed: Narrow
) -> None:
    app = narrowed(LABORATORY)
    sent = app.post("/Observation", measured(person, "laboratory"))
    assert sent.status_code == 201, sent.content
    assert refused(app.post("/Observation", measured(person, "vital-signs"))) == "system/Observation.c"
    laboratory, vital = observed(clinic, person, "laboratory"), observed(clinic, person, "vital-signs")
    into, out_of = measured(person, "laboratory", id=vital), measured(person, "vital-signs", id=laboratory)
    assert refused(app.put(f"/Observation/{vital}", into)) == "system/Observation.u"
    assert refused(app.put(f"/Observation/{laboratory}", out_of)) == "system/Observation.u"
    assert refused(app.delete(f"/Observation/{vital}")) == "system/Observation.d"
    assert app.delete(f"/Observation/{laboratory}").status_code == 204


def test_several_scopes_of_a_type_add_up(clinic: FhirClient, person: str, narrowed: Narrow) -> None:
    ids = [observed(clinic, person, category) for category in ("laboratory", "vital-signs", "survey")]
    app = narrowed("system/Observation.rs?category=laboratory", "system/Observation.s?category=survey")
    assert found(app.get("/Observation")) == {ids[0], ids[2]}
    assert [app.get(f"/Observation/{one}").status_code for one in ids] == [200, 404, 404]


def test_a_conditional_reference_finds_only_what_the_scope_lets_be_searched(
    clinic: FhirClient, person: str, narrowed: Narrow
) -> None:
    entry = {
        "request": {"method": "POST", "url": "Observation"},
        "resource": json.loads(measured("Patient?identifier=001065012345", "laboratory")),
    }
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [entry]}
    assert refused(narrowed(LABORATORY).post("", bundle)) == "system/Patient.s"
    assert narrowed(LABORATORY, "system/Patient.s").post("", bundle).status_code == 200
