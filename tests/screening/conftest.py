"""A station, a laboratory, people with an address, and short ways to send a screening resource."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.conf import settings
from pytest_django import Settings

from fhir import store
from healthhub.accounts.actors import SYSTEM, Actor, Role
from records.models import Facility
from tests.screening.local_gateways import Office, Postbox, http_office, smtp_office

Send = Callable[..., str]


@pytest.fixture
def station(db: None) -> Facility:
    """A commune health station."""
    return make_facility("01901", "Trạm y tế Dịch Vọng")


@pytest.fixture
def laboratory(db: None) -> Facility:
    """Another facility."""
    return make_facility("01902", "Trung tâm Kỹ thuật cao và Tiêu hóa")


@pytest.fixture
def clinician(station: Facility) -> Actor:
    """Somebody who works at the station."""
    return Actor("user:1", "Bác sĩ An", Role.CLINICIAN, facility=station.organization_id)


@pytest.fixture
def man(station: Facility) -> str:
    """The id of a man of 64 years (in 2024) in Dịch Vọng."""
    return make_patient(station, name="Nguyễn Văn Đức", gender="male", born="1960-03-12")


@pytest.fixture
def woman(station: Facility) -> str:
    """The id of a woman of 44 years (in 2024) in Dịch Vọng."""
    return make_patient(station, name="Trần Thị Hoa", gender="female", born="1980-03-12")


@dataclass
class Sender:
    """Sends FHIR resources of the station; ``fit("20.5")`` answers the Observation's id."""

    facility: Facility

    def fit(self, patient: str, value: str | None = "20", **extra: Any) -> str:
        return store.save(self.observation(patient, value, **extra), actor=SYSTEM, facility=self.facility.pk).id

    def observation(
        self,
        patient: str,
        value: str | None = "20",
        *,
        on: str = "2024-05-06",
        specimen: str = "",
        unit: str = "ug/g",
        code: str = "27396-1",
        **extra: Any,
    ) -> dict[str, Any]:
        resource = {
            "resourceType": "Observation",
            "status": "final",
            "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
            "subject": {"reference": f"Patient/{patient}"},
            "effectiveDateTime": on,
            "performer": [{"reference": f"Organization/{self.facility.pk}"}],
        }
        if value is not None:
            quantity = {"value": Decimal(value), "unit": unit, "system": "http://unitsofmeasure.org", "code": unit}
            resource["valueQuantity"] = quantity
        if specimen:
            system = f"{settings.FHIR_SYSTEMS['specimen']}/{self.facility.code}"
            resource["specimen"] = {"identifier": {"system": system, "value": specimen}}
        return resource | extra

    def procedure(self, patient: str, *, on: str, code: str = "73761001", **extra: Any) -> str:
        resource = {
            "resourceType": "Procedure",
            "status": "completed",
            "code": {"coding": [{"system": "http://snomed.info/sct", "code": code}]},
            "subject": {"reference": f"Patient/{patient}"},
            "performedDateTime": on,
        }
        return store.save(resource | extra, actor=SYSTEM, facility=self.facility.pk).id

    def referral(self, patient: str, *, on: str, due: str, code: str = "73761001", **extra: Any) -> str:
        resource = {
            "resourceType": "ServiceRequest",
            "status": "active",
            "intent": "order",
            "code": {"coding": [{"system": "http://snomed.info/sct", "code": code}]},
            "subject": {"reference": f"Patient/{patient}"},
            "requester": {"reference": f"Organization/{self.facility.pk}"},
            "authoredOn": on,
            "occurrenceDateTime": due,
        }
        return store.save(resource | extra, actor=SYSTEM, facility=self.facility.pk).id


@pytest.fixture
def send(station: Facility) -> Sender:
    """The station's software."""
    return Sender(station)


@pytest.fixture
def noon() -> Iterator[None]:
    """By day, when telephones may ring."""
    with time_machine.travel("2026-11-23T12:00:00+07:00", tick=True):
        yield


@pytest.fixture
def sms(settings: Settings) -> Iterator[Office]:
    """An SMS gateway."""
    with http_office() as office:
        settings.MESSAGES = settings.MESSAGES | {"sms_url": office.url, "sms_token": "secret"}
        yield office


@pytest.fixture
def zalo(settings: Settings) -> Iterator[Office]:
    """A Zalo gateway."""
    with http_office() as office:
        ours = {"zalo_url": office.url, "zalo_token": "secret", "zalo_templates": '{"invitation": "4711"}'}
        settings.MESSAGES = settings.MESSAGES | ours
        yield office


@pytest.fixture
def postbox(settings: Settings) -> Iterator[Postbox]:
    """A mail server."""
    with smtp_office() as box:
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", box.port
        yield box


def make_facility(code: str, name: str) -> Facility:
    """A registered facility."""
    identifier = {"system": settings.FHIR_SYSTEMS["facility"], "value": code}
    saved = store.save({"resourceType": "Organization", "identifier": [identifier], "name": name}, actor=SYSTEM)
    return Facility.objects.get(pk=saved.id)


def make_patient(facility: Facility, *, name: str, gender: str, born: str, ward: str = "00175", **extra: Any) -> str:
    """The id of a person who lives in a unit since 2010 (00175: a commune of Cầu Giấy until mid-2025)."""
    address = {
        "use": "home",
        "text": "Hà Nội",
        "period": {"start": "2010-01-01"},
        "extension": [{"url": settings.FHIR_SYSTEMS["ward"], "valueCoding": {"code": ward}}],
    }
    patient = {
        "resourceType": "Patient",
        "name": [{"use": "official", "text": name}],
        "gender": gender,
        "birthDate": born,
        "address": [address],
    }
    return store.save(patient | extra, actor=SYSTEM, facility=facility.pk).id
