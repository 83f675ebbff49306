"""Clinics, people and the apps that act for them."""

import pytest
from django.test import Client

from healthhub.accounts.models import User
from healthhub.accounts.oauth.clients import add_client
from healthhub.accounts.oauth.models import Kind
from records.models import Membership
from tests.fhir.conftest import FhirClient, make_clinic, patient, weight
from tests.records.apps.app import BACK, SCOPES, App


@pytest.fixture
def clinic(db: None) -> FhirClient:
    """A clinic with software of its own."""
    return make_clinic("clinic", "Trạm y tế Dịch Vọng", "01901")


@pytest.fixture
def other_clinic(db: None) -> FhirClient:
    """A clinic that has nothing to do with the first one."""
    return make_clinic("other", "Trạm y tế Mỹ Đình", "01902")


@pytest.fixture
def people(clinic: FhirClient) -> list[str]:
    """Two people whom the clinic cares for, each with a weight."""
    ids = []
    for number in ("001065012345", "001065012346"):
        identifier = [{"system": "http://fhir.hl7.org.vn/core/sid/cccd", "value": number}]
        ids.append(clinic.post("/Patient", patient(identifier=identifier)).json()["id"])
        assert clinic.post("/Observation", weight(f"Patient/{ids[-1]}")).status_code == 201
    return ids


@pytest.fixture
def citizen(people: list[str]) -> App:
    user = User.objects.create_user("hoa@example.vn", name="Hoa")
    Membership.objects.create(user=user, role="citizen", patient_id=people[0])
    add_client("my-app", name="Sổ sức khỏe", kind=Kind.CITIZEN, scopes=SCOPES, redirects=[BACK], public=True)
    window = Client()
    window.force_login(user)
    return App("my-app", window)


@pytest.fixture
def clinician(people: list[str], clinic: FhirClient) -> App:
    user = User.objects.create_user("ha@example.vn", name="BS Hà")
    Membership.objects.create(user=user, role="clinician", facility_id=clinic.actor.facility)
    add_client(
        "growth",
        name="Biểu đồ",
        kind=Kind.CLINICIAN,
        scopes=SCOPES,
        facility=clinic.actor.facility or "",
        redirects=[BACK],
        public=True,
        launch_url="https://app.example/launch",
    )
    window = Client()
    window.force_login(user)
    return App("growth", window)
