"""The rest of a record: visits, diagnoses, prescriptions, allergies and vaccinations, for some people of the demo."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import Any

from screening.demo.people import Person
from screening.demo.places import Site
from screening.demo.tags import META

ICD10 = "http://hl7.org/fhir/sid/icd-10"
ATC = "http://www.whocc.no/atc"
CVX = "http://hl7.org/fhir/sid/cvx"
SNOMED = "http://snomed.info/sct"
_TERMINOLOGY = "http://terminology.hl7.org/CodeSystem"


@dataclass(frozen=True, slots=True)
class Illness:
    """A lasting diagnosis with the medicine that is usual for it; names as a Vietnamese record writes them."""

    icd: str
    name: str
    atc: str
    medicine: str
    dose: str


ILLNESSES = (
    Illness("I10", "Tăng huyết áp vô căn (nguyên phát)", "C08CA01", "Amlodipin 5 mg", "Uống 1 viên mỗi sáng"),
    Illness("E11", "Đái tháo đường típ 2", "A10BA02", "Metformin 500 mg", "Uống 1 viên sau bữa sáng và bữa tối"),
    Illness("E78", "Rối loạn chuyển hóa lipoprotein", "C10AA05", "Atorvastatin 10 mg", "Uống 1 viên mỗi tối"),
    Illness("K29", "Viêm dạ dày và tá tràng", "A02BC01", "Omeprazol 20 mg", "Uống 1 viên trước bữa sáng 30 phút"),
    Illness("M17", "Thoái hóa khớp gối", "N02BE01", "Paracetamol 500 mg", "Uống 1 viên khi đau, tối đa 4 viên/ngày"),
)
_ALLERGIES = (("373270004", "Penicillin"), ("387207008", "Ibuprofen"), ("735029006", "Tôm, cua"))
_VACCINES = (("141", "Vắc xin cúm mùa"), ("45", "Vắc xin viêm gan B"), ("09", "Vắc xin uốn ván, bạch hầu"))


def history(person: Person, *, site: Site, on: date, rng: Random) -> Iterator[dict[str, Any]]:
    """A visit on that day with a diagnosis and its prescription, and perhaps an allergy or a vaccination."""
    illness = rng.choice(ILLNESSES)
    yield from visit(person, illness, site=site, on=on, name="1", since=on - timedelta(days=rng.randint(0, 2500)))
    if rng.random() < 0.3:
        yield allergy(person, *rng.choice(_ALLERGIES), on=on, name="1")
    if rng.random() < 0.5:
        given = on - timedelta(days=rng.randint(20, 700))
        yield vaccination(person, *rng.choice(_VACCINES), site=site, on=given, name="1")


def visit(
    person: Person, illness: Illness, *, site: Site, on: date, name: str, since: date
) -> Iterator[dict[str, Any]]:
    """An ambulatory visit, the diagnosis that was treated and the medicine that was prescribed."""
    subject = {"reference": f"Patient/{person.id}"}
    encounter = {"reference": f"Encounter/{person.id}-e{name}"}
    coding = {"system": ICD10, "code": illness.icd, "display": illness.name}
    diagnosis = {"coding": [coding], "text": illness.name}
    doctor = {"reference": f"Practitioner/{site.id}-w1"}
    yield {
        "resourceType": "Encounter",
        "id": f"{person.id}-e{name}",
        "meta": META,
        "status": "finished",
        "class": {"system": f"{_TERMINOLOGY}/v3-ActCode", "code": "AMB", "display": "ambulatory"},
        "subject": subject,
        "participant": [{"individual": doctor}],
        "period": {"start": f"{on}T08:30:00+07:00", "end": f"{on}T09:00:00+07:00"},
        "reasonCode": [diagnosis],
        "serviceProvider": {"reference": f"Organization/{site.id}", "display": site.name},
    }
    yield {
        "resourceType": "Condition",
        "id": f"{person.id}-c{name}",
        "meta": META,
        "clinicalStatus": {"coding": [{"system": f"{_TERMINOLOGY}/condition-clinical", "code": "active"}]},
        "verificationStatus": {"coding": [{"system": f"{_TERMINOLOGY}/condition-ver-status", "code": "confirmed"}]},
        "category": [{"coding": [{"system": f"{_TERMINOLOGY}/condition-category", "code": "encounter-diagnosis"}]}],
        "code": diagnosis,
        "subject": subject,
        "encounter": encounter,
        "onsetDateTime": f"{since:%Y-%m}",
        "recordedDate": on.isoformat(),
    }
    yield {
        "resourceType": "MedicationRequest",
        "id": f"{person.id}-m{name}",
        "meta": META,
        "status": "active",
        "intent": "order",
        "medicationCodeableConcept": {
            "coding": [{"system": ATC, "code": illness.atc, "display": illness.medicine}],
            "text": illness.medicine,
        },
        "subject": subject,
        "encounter": encounter,
        "authoredOn": on.isoformat(),
        "requester": doctor,
        "reasonReference": [{"reference": f"Condition/{person.id}-c{name}"}],
        "dosageInstruction": [{"text": illness.dose}],
    }


def allergy(person: Person, code: str, substance: str, *, on: date, name: str) -> dict[str, Any]:
    """An allergy that the person told of."""
    return {
        "resourceType": "AllergyIntolerance",
        "id": f"{person.id}-a{name}",
        "meta": META,
        "clinicalStatus": {"coding": [{"system": f"{_TERMINOLOGY}/allergyintolerance-clinical", "code": "active"}]},
        "verificationStatus": {
            "coding": [{"system": f"{_TERMINOLOGY}/allergyintolerance-verification", "code": "confirmed"}]
        },
        "type": "allergy",
        "code": {"coding": [{"system": SNOMED, "code": code}], "text": substance},
        "patient": {"reference": f"Patient/{person.id}"},
        "recordedDate": on.isoformat(),
        "reaction": [{"manifestation": [{"text": "Nổi mề đay"}], "severity": "mild"}],
    }


def vaccination(person: Person, code: str, vaccine: str, *, site: Site, on: date, name: str) -> dict[str, Any]:
    """A vaccination given at the facility."""
    return {
        "resourceType": "Immunization",
        "id": f"{person.id}-i{name}",
        "meta": META,
        "status": "completed",
        "vaccineCode": {"coding": [{"system": CVX, "code": code}], "text": vaccine},
        "patient": {"reference": f"Patient/{person.id}"},
        "occurrenceDateTime": on.isoformat(),
        "primarySource": True,
        "performer": [{"actor": {"reference": f"Organization/{site.id}"}}],
    }
