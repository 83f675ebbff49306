"""Apps that act for staff: opened from a person's page, for what the one who opens may see (SMART App Launch)."""

import base64
import json
import re
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client

from healthhub.accounts.models import User
from healthhub.accounts.oauth.models import Authorisation
from records.models import Membership
from tests.fhir.conftest import FhirClient, patient
from tests.records.apps.app import App, fhir, found

pytestmark = pytest.mark.django_db


def test_a_clinician_opens_an_app_from_the_persons_page(clinician: App, people: list[str]) -> None:
    page = clinician.window.get(f"/clinic/people/{people[1]}/apps/").content.decode()
    (address,) = re.findall(r'action="(/clinic/people/[^"]+)"', page)
    opened = urlsplit(clinician.window.post(address)["Location"])
    assert f"{opened.scheme}://{opened.netloc}{opened.path}" == "https://app.example/launch"
    told = parse_qs(opened.query)
    assert told["iss"] == ["http://testserver/fhir"]
    (word,) = told["launch"]
    assert people[1] not in word
    scope = "launch fhirUser openid patient/Observation.rs"
    got = clinician.token(scope, launch=word)
    assert got["patient"] == people[1]
    (entry,) = fhir(got["access_token"], "Observation").json()["entry"]
    assert entry["resource"]["subject"]["reference"] == f"Patient/{people[1]}"
    assert clinician.answer(scope, launch=word)["error"] == "invalid_request"  # once only


def test_a_launch_is_for_who_opened_it_and_for_minutes(clinician: App, people: list[str], clinic: FhirClient) -> None:
    page = clinician.window.get(f"/clinic/people/{people[1]}/apps/").content.decode()
    (address,) = re.findall(r'action="(/clinic/people/[^"]+)"', page)
    (word,) = parse_qs(urlsplit(clinician.window.post(address)["Location"]).query)["launch"]
    colleague = User.objects.create_user("colleague@example.vn")
    Membership.objects.create(user=colleague, role="clinician", facility_id=clinic.actor.facility)
    window = Client()
    window.force_login(colleague)
    assert App("growth", window).answer("launch patient/Patient.rs", launch=word)["error"] == "invalid_request"
    assert clinician.answer("launch patient/Patient.rs", launch=word)["code"]


def test_a_clinician_who_starts_from_the_app_chooses_the_person(clinician: App, people: list[str]) -> None:
    scope = "launch/patient patient/Patient.rs"
    page = clinician.window.get(clinician.address(scope)).content.decode()
    assert "Mở Biểu đồ cho ai?" in page
    looked = clinician.window.post(clinician.address(scope), {"find": "Nguyễn Văn Đức"}).content.decode()
    assert set(re.findall(r'name="person" value="([^"]+)"', looked)) == set(people)
    got = clinician.token(scope, person=people[0])
    assert got["patient"] == people[0]
    assert found(fhir(got["access_token"], "Patient")) == {people[0]}


def test_nobody_is_chosen_whom_the_clinician_may_not_see(clinician: App, other_clinic: FhirClient) -> None:
    identifier = [{"system": "http://fhir.hl7.org.vn/core/sid/cccd", "value": "001065012399"}]
    stranger = other_clinic.post("/Patient", patient(identifier=identifier)).json()["id"]
    page = clinician.window.post(
        clinician.address("launch/patient patient/Patient.rs"), {"person": stranger, "answer": "allow"}
    )
    assert "Mở Biểu đồ cho ai?" in page.content.decode()
    assert Authorisation.objects.count() == 0
    assert clinician.window.get(f"/clinic/people/{stranger}/apps/").status_code == 403


def test_an_app_for_clinicians_opens_for_its_facility_and_a_citizens_for_citizens(
    clinician: App, citizen: App, other_clinic: FhirClient
) -> None:
    scope = "user/Patient.rs"
    assert App("growth", citizen.window).window.get(clinician.address(scope)).status_code == 403
    assert clinician.window.get(citizen.address(scope)).status_code == 403
    foreign = User.objects.create_user("foreign@example.vn")
    Membership.objects.create(user=foreign, role="clinician", facility_id=other_clinic.actor.facility)
    window = Client()
    window.force_login(foreign)
    assert window.get(clinician.address(scope)).status_code == 403


def test_scopes_of_a_user_show_what_the_user_may_see(clinician: App, people: list[str]) -> None:
    got = clinician.token("user/Patient.rs")
    assert "patient" not in got
    assert found(fhir(got["access_token"], "Patient")) == set(people)


def test_a_browser_of_another_site_may_read_answers_but_not_pages() -> None:
    there = {"Origin": "https://app.example"}
    asked = there | {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization"}
    before = Client().options("/fhir/Patient", headers=asked)
    assert (before.status_code, before["Access-Control-Allow-Origin"]) == (204, "*")
    assert "Authorization" in before["Access-Control-Allow-Headers"]
    after = Client().get("/fhir/Patient", headers=there)
    assert (after.status_code, after["Access-Control-Allow-Origin"]) == (401, "*")
    assert "Access-Control-Allow-Credentials" not in after
    assert "Access-Control-Allow-Origin" not in Client().get("/", headers=there)
    assert "Access-Control-Allow-Origin" not in Client().get("/oauth/authorize", headers=there)


def test_the_practitioner_of_a_clinician_is_in_the_directory(clinician: App, people: list[str]) -> None:
    got = clinician.token("openid fhirUser user/Practitioner.rs")
    claims = json.loads(base64.urlsafe_b64decode(got["id_token"].split(".")[1] + "=="))
    read = fhir(got["access_token"], claims["fhirUser"].removeprefix("http://testserver/fhir/"))
    assert read.json()["name"] == [{"text": "BS Hà"}]
