"""A clinic with its software, and short ways to talk FHIR as it would."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone
from oauth2_provider.models import AccessToken, Application

from fhir import store
from healthhub.accounts.actors import Actor, Role, system_actor
from healthhub.accounts.oauth.clients import add_client
from healthhub.accounts.oauth.models import Kind
from records import memberships
from records.models import Membership

TESTER = system_actor("tests")


@dataclass(frozen=True)
class FhirClient:
    """A clinic's software: bearer token, FHIR JSON."""

    http: Client
    token: str
    actor: Actor

    def request(self, method: str, path: str, body: Any = None, **headers: str) -> HttpResponse:
        """Send a request; ``body`` is a dict to serialise, or text to send as it is."""
        data = body if isinstance(body, str | bytes) else store.text.serialise(body) if body is not None else ""
        return self.http.generic(
            method,
            f"/fhir{path}",
            data,
            content_type="application/fhir+json",
            headers={"Authorization": f"Bearer {self.token}", **headers},
        )

    def get(self, path: str, **headers: str) -> HttpResponse:
        """GET."""
        return self.request("GET", path, **headers)

    def post(self, path: str, body: Any, **headers: str) -> HttpResponse:
        """POST."""
        return self.request("POST", path, body, **headers)

    def put(self, path: str, body: Any, **headers: str) -> HttpResponse:
        """PUT."""
        return self.request("PUT", path, body, **headers)

    def delete(self, path: str, **headers: str) -> HttpResponse:
        """DELETE."""
        return self.request("DELETE", path, **headers)


def make_clinic(client_id: str, name: str, code: str) -> FhirClient:
    """A facility with a software client of its own."""
    system = "http://fhir.hl7.org.vn/core/sid/ma-cskcb"
    organization = store.save(
        {"resourceType": "Organization", "name": name, "identifier": [{"system": system, "value": code}]}, actor=TESTER
    )
    add_client(client_id, name=name, kind=Kind.SERVICE, scopes=["system/*.cruds"], facility=organization.id)
    token = f"token-of-{client_id}"
    AccessToken.objects.create(
        application=Application.objects.get(client_id=client_id),
        token=token,
        expires=timezone.now() + timedelta(hours=1),
        scope="system/*.cruds",
    )
    Membership.objects.create(client_id=client_id, role=Role.CLIENT, facility_id=organization.id)
    actor = memberships.actor_for_client(client_id)
    assert actor
    return FhirClient(Client(), token, actor)


@pytest.fixture
def clinic(db: None) -> FhirClient:
    """The clinic that most tests speak for."""
    return make_clinic("clinic", "Trạm y tế Dịch Vọng", "01901")


@pytest.fixture
def other_clinic(db: None) -> FhirClient:
    """A clinic that has nothing to do with the first one."""
    return make_clinic("other", "Trạm y tế Mỹ Đình", "01902")


def patient(**more: Any) -> dict[str, Any]:
    """A person as a clinic registers one."""
    return {
        "resourceType": "Patient",
        "identifier": [{"system": "http://fhir.hl7.org.vn/core/sid/cccd", "value": "001065012345"}],
        "name": [{"use": "official", "text": "Nguyễn Văn Đức", "family": "Nguyễn", "given": ["Văn", "Đức"]}],
        "gender": "male",
        "birthDate": "1965-03-02",
        **more,
    }


def weight(subject: str, value: str = "61.50", **more: Any) -> str:
    """A measurement as text, so that its number keeps its digits."""
    body = {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "29463-7"}]},
        "subject": {"reference": subject},
        "effectiveDateTime": "2017-05-12",
        "valueQuantity": {"value": "@", "unit": "kg", "system": "http://unitsofmeasure.org", "code": "kg"},
        **more,
    }
    return store.text.serialise(body).replace('"@"', value)
