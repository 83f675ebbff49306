"""Two facilities, their staff, and a way to write resources as any of them."""

from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings

from fhir import store
from healthhub.accounts.actors import SYSTEM, Actor, Role

Write = Callable[..., str]


@pytest.fixture
def hoa_binh(db: None) -> str:
    """The id of a registered facility."""
    return _facility("01901", "Trạm y tế Hòa Bình")


@pytest.fixture
def thang_long(db: None) -> str:
    """The id of another registered facility."""
    return _facility("01902", "Trạm y tế Thăng Long")


@pytest.fixture
def clinic(hoa_binh: str) -> Actor:
    """Software of the first facility."""
    return Actor("client:hoa-binh", "Trạm y tế Hòa Bình", Role.CLIENT, facility=hoa_binh)


@pytest.fixture
def stranger(thang_long: str) -> Actor:
    """Software of the other facility."""
    return Actor("client:thang-long", "Trạm y tế Thăng Long", Role.CLIENT, facility=thang_long)


@pytest.fixture
def write(db: None) -> Write:
    """Save a resource given by its elements; answers its id."""

    def save(type_: str, *, by: Actor, **elements: Any) -> str:
        return store.save({"resourceType": type_, **elements}, actor=by).id

    return save


@pytest.fixture
def patient(write: Write) -> Write:
    """Save a Patient: ``patient("Nguyễn Văn Đức", by=clinic, cccd="…")``."""

    def save(name: str, *, by: Actor, cccd: str = "", born: str = "1960-03-12", **elements: Any) -> str:
        numbers = [{"system": settings.FHIR_SYSTEMS["cccd"], "value": cccd}] if cccd else []
        given = {"name": [{"use": "official", "text": name}], "birthDate": born, **elements}
        return write("Patient", by=by, **({"identifier": numbers} if numbers else {}), **given)

    return save


def glucose(patient_id: str, **elements: Any) -> dict[str, Any]:
    """A small Observation about somebody."""
    return {
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "2345-7", "display": "Glucose"}]},
        "subject": {"reference": f"Patient/{patient_id}"},
        **elements,
    }


def _facility(code: str, name: str) -> str:
    identifier = {"system": settings.FHIR_SYSTEMS["facility"], "value": code}
    organization = {"resourceType": "Organization", "identifier": [identifier], "name": name}
    return store.save(organization, actor=SYSTEM).id
