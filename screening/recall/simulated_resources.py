"""The resources that the simulated city writes: the same as a clinic's software would."""

from datetime import date
from decimal import Decimal
from typing import Any

from django.conf import settings

from screening.recall.reading import CODES, PREFIX
from screening.recall.simulated_people import Person

Json = dict[str, Any]
LOINC, SNOMED = "http://loinc.org", "http://snomed.info/sct"


def station(name: str, code: str, ward: str) -> Json:
    """A health station in a ward."""
    uri = settings.FHIR_SYSTEMS["ward"]
    return {
        "resourceType": "Organization", "id": name, "name": f"Trạm mô phỏng {code}",
        "identifier": [{"system": settings.FHIR_SYSTEMS["facility"], "value": code}],
        "address": [{"text": "Hà Nội", "period": {"start": "2016-01-01"},
                     "extension": [{"url": uri, "valueCoding": {"code": ward}}]}],
    }  # fmt: skip


def patient(one: Person, since: date, died: date | None = None) -> Json:
    """The Patient as it now stands; somebody who has left the city has an address without a unit of it."""
    uri = settings.FHIR_SYSTEMS["ward"]
    place = {"extension": [{"url": uri, "valueCoding": {"code": one.ward}}]} if one.ward else {}
    dead = {"deceasedDateTime": f"{died}"} if died else {} if one.alive else {"deceasedBoolean": True}
    return {
        "resourceType": "Patient", "id": one.id, "name": [{"text": "Người mô phỏng"}], "gender": one.sex,
        "birthDate": f"{one.birth_date}",
        "address": [{"use": "home", "text": "Mô phỏng", "period": {"start": f"{since}"}, **place}], **dead,
    }  # fmt: skip


def result(name: str, one: Person, programme: str, day: date, station: str, micrograms: int | None) -> Json:
    """A FIT result of so much blood, or in the cervical programme HPV 16 (``micrograms`` not 0) or none."""
    shared = {
        "resourceType": "Observation", "id": name, "status": "final",
        "subject": {"reference": f"Patient/{one.id}"}, "effectiveDateTime": f"{day}",
        "performer": [{"reference": f"Organization/{station}"}],
    }  # fmt: skip
    if programme == "colorectal":
        unit = {"unit": "ug/g", "system": "http://unitsofmeasure.org", "code": "ug/g"}
        code = {"coding": [{"system": LOINC, "code": "27396-1"}]}
        return shared | {"code": code, "valueQuantity": {"value": Decimal(micrograms or 0), **unit}}
    found = {"system": SNOMED, "code": "10828004" if micrograms else "260385009"}
    code = {"coding": [{"system": LOINC, "code": "82675-0"}]}
    return shared | {"code": code, "valueCodeableConcept": {"coding": [found]}}


def examination(name: str, one: Person, programme: str, day: date) -> Json:
    """A colonoscopy or colposcopy that found nothing."""
    local = {"system": settings.FHIR_SYSTEMS["screening"], "code": "normal"}
    return {
        "resourceType": "Procedure", "id": name, "status": "completed",
        "code": {"coding": [{"system": SNOMED, "code": "73761001" if programme == "colorectal" else "392003006"}]},
        "subject": {"reference": f"Patient/{one.id}"}, "performedDateTime": f"{day}",
        "outcome": {"coding": [local]},
    }  # fmt: skip


def decision(name: str, one: Person, programme: str, kind: str, reason: str, day: date, end: date) -> Json:
    """Not to call her, or not before ``end``."""

    def concept(code: str) -> Json:
        return {"coding": [{"system": settings.FHIR_SYSTEMS["screening"], "code": code}]}

    return {
        "resourceType": "ServiceRequest", "id": name, "status": "active", "intent": "directive",
        "doNotPerform": True, "category": [concept(CODES[kind])], "code": concept(f"{PREFIX}{programme}"),
        "subject": {"reference": f"Patient/{one.id}"}, "authoredOn": f"{day}", "reasonCode": [concept(reason)],
        "occurrencePeriod": {"end": f"{end}"}, "note": [{"text": "Mô phỏng"}],
    }  # fmt: skip
