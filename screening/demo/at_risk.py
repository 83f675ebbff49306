"""People at risk of liver and lung cancer, too young or too little at risk for it yet, and one who is excluded."""

from collections.abc import Iterator
from typing import Any

from screening.demo.calendar import FIRST
from screening.demo.cast import days_ago, resident
from screening.demo.history import ICD10
from screening.demo.people import patient
from screening.demo.places import Site
from screening.demo.plan import Options
from screening.demo.tags import META

_STATES = "http://terminology.hl7.org/CodeSystem"
# (person, age, her sex, what is known, since so many days)
_DIAGNOSES = (
    (351, 52, 0.0, (ICD10, "B18.1", "Viêm gan vi rút B mạn tính"), 40),
    (352, 31, 1.0, (ICD10, "B18.1", "Viêm gan vi rút B mạn tính"), 300),
    (353, 47, 1.0, ("http://snomed.info/sct", "116140006", "Cắt tử cung toàn phần"), 2400),
)
_PACK_YEARS = ((354, 61, 30), (355, 58, 12))


def people_at_risk(options: Options, *, clinic: Site) -> Iterator[tuple[Site, dict[str, Any]]]:
    """The people and what their records show."""
    for number, age, women, (system, code, name), days in _DIAGNOSES:
        person = resident(options, clinic, number, ages={(age, age): 1}, women=women)
        yield clinic, patient(person, site=clinic, since=FIRST)
        on = days_ago(options, days).isoformat()
        shared = {
            "id": f"{person.id}-known",
            "meta": META,
            "code": {"coding": [{"system": system, "code": code, "display": name}], "text": name},
            "subject": {"reference": f"Patient/{person.id}"},
        }
        if system == ICD10:
            status = {"coding": [{"system": f"{_STATES}/condition-ver-status", "code": "confirmed"}]}
            yield clinic, {"resourceType": "Condition", **shared, "verificationStatus": status, "onsetDateTime": on}
        else:
            yield clinic, {"resourceType": "Procedure", **shared, "status": "completed", "performedDateTime": on}
    for number, age, amount in _PACK_YEARS:
        person = resident(options, clinic, number, ages={(age, age): 1}, women=0.0)
        yield clinic, patient(person, site=clinic, since=FIRST)
        yield (
            clinic,
            {
                "resourceType": "Observation",
                "id": f"{person.id}-packyears",
                "meta": META,
                "status": "final",
                "code": {"coding": [{"system": "http://loinc.org", "code": "8664-5"}], "text": "Số bao-năm"},
                "subject": {"reference": f"Patient/{person.id}"},
                "effectiveDateTime": days_ago(options, 30).isoformat(),
                "valueQuantity": {"value": amount, "system": "http://unitsofmeasure.org", "code": "{PackYears}"},
            },
        )
