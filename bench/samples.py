"""What the load consists of, taken from the demo city: the people and results of the demo clinic."""

import random
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import connection

from fhir import text
from healthhub.accounts.actors import Actor
from records.memberships import actor_for_client

FIT = "http://loinc.org|27396-1"
_OF_CLINIC = """
SELECT r.id, r.patient FROM fhir_resource r JOIN records_carerelation c ON c.patient_id = r.patient
WHERE r.type = 'Observation' AND r.code = %s AND NOT r.deleted AND c.facility_id = %s ORDER BY r.id
"""


@dataclass(frozen=True)
class Samples:
    """Ids of the demo clinic's results and people."""

    actor: Actor
    facility: str
    observations: list[str]
    patients: list[str]

    @classmethod
    def of_clinic(cls, client_id: str) -> "Samples":
        """The demo clinic's own."""
        actor = actor_for_client(client_id)
        assert actor is not None
        with connection.cursor() as cursor:
            cursor.execute(_OF_CLINIC, [FIT, actor.facility])
            rows = cursor.fetchall()
        return cls(actor, actor.facility or "", [row[0] for row in rows], sorted({row[1] for row in rows}))


def measurement(patient: str) -> dict[str, Any]:
    """A body weight: an Observation of half a kilobyte that is no screening result."""
    return {
        "resourceType": "Observation",
        "status": "final",
        "category": [_concept("http://terminology.hl7.org/CodeSystem/observation-category", "vital-signs")],
        "code": _concept("http://loinc.org", "29463-7", "Body weight"),
        "subject": {"reference": patient},
        "effectiveDateTime": f"2017-{random.randint(1, 12):02}-{random.randint(1, 28):02}T08:30:00+07:00",
        "valueQuantity": _quantity(Decimal(random.randint(400, 900)) / 10, "kg", "kg"),
    }


def fit_result(patient: str) -> dict[str, Any]:
    """A FIT result, which moves an episode and the statistics."""
    return {
        **measurement(patient),
        "category": [_concept("http://terminology.hl7.org/CodeSystem/observation-category", "laboratory")],
        "code": _concept("http://loinc.org", "27396-1"),
        "effectiveDateTime": f"2017-{random.randint(3, 12):02}-{random.randint(1, 28):02}",
        "valueQuantity": _quantity(Decimal(random.randint(0, 400)) / 10, "µg/g", "ug/g"),
    }


def transaction(observations: int = 20) -> bytes:
    """A Bundle of one new person and her measurements."""
    person = "urn:uuid:61ebe359-bfdc-4613-8bf2-c5e300945f0a"
    patient = {
        "resourceType": "Patient",
        "name": [{"text": "Nguyễn Thị Đo"}],
        "gender": "female",
        "birthDate": "1960-02-03",
    }
    entries = [
        {"fullUrl": person, "resource": patient, "request": {"method": "POST", "url": "Patient"}},
        *(
            {"resource": measurement(person), "request": {"method": "POST", "url": "Observation"}}
            for _ in range(observations)
        ),
    ]
    return text.serialise({"resourceType": "Bundle", "type": "transaction", "entry": entries}).encode()


def _concept(system: str, code: str, display: str = "") -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code} | ({"display": display} if display else {})]}


def _quantity(value: Decimal, unit: str, code: str) -> dict[str, Any]:
    return {"value": value, "unit": unit, "system": "http://unitsofmeasure.org", "code": code}
