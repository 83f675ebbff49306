"""A clinic's software takes somebody from the order to the treatment over FHIR alone; each next step is a Task."""

from typing import Any

import pytest
from django.utils import timezone

from records.models import Facility
from screening.models import Episode, ScreeningResult, Standing
from screening.publishing.sweep import publish_noted
from screening.recall.refresh import refresh_noted
from tests.fhir.conftest import FhirClient, make_clinic

pytestmark = pytest.mark.django_db
LOCAL = "https://healthhub.example/fhir/CodeSystem/screening"
DAYS = [f"2026-{month:02}-{day:02}" for month in range(2, 10) for day in (2, 16)]


class Software:
    """Posts resources about one person and reads her Tasks."""

    def __init__(self) -> None:
        self.client: FhirClient = make_clinic("clinic", "Trạm y tế Dịch Vọng", "01901")
        self.facility = Facility.objects.get(code="01901").pk
        address = {
            "text": "Hà Nội",
            "period": {"start": "2010-01-01"},
            "extension": [
                {
                    "url": "http://fhir.hl7.org.vn/core/StructureDefinition/vn-ext-ward",
                    "valueCoding": {"code": "00175"},
                }
            ],
        }
        self.patient = self.send(
            {
                "resourceType": "Patient",
                "name": [{"text": "Nguyễn Văn Đức"}],
                "gender": "male",
                "birthDate": "1960-03-12",
                "address": [address],
            }
        )

    def send(self, resource: dict[str, Any]) -> str:
        answer = self.client.post(f"/{resource['resourceType']}", resource)
        assert answer.status_code == 201, answer.content
        return str(answer.json()["id"])

    def about(self, type_: str, **elements: Any) -> str:
        return self.send({"resourceType": type_, "subject": {"reference": f"Patient/{self.patient}"}, **elements})

    def local(self, code: str) -> dict[str, Any]:
        return {"coding": [{"system": LOCAL, "code": code}]}

    def open_steps(self) -> list[tuple[str, str]]:
        """(step, status) of the Tasks that wait, as the software reads them once the sweep has run."""
        refresh_noted(timezone.localdate())
        publish_noted()
        found = self.client.get(f"/Task?patient=Patient/{self.patient}&status=requested,accepted,in-progress").json()
        tasks = [entry["resource"] for entry in found.get("entry", ())]
        return [(task["code"]["coding"][0]["code"].removeprefix("step-"), task["status"]) for task in tasks]


@pytest.fixture
def software(db: None) -> Software:
    """A clinic with one person."""
    return Software()


def test_a_clinics_software_does_all_that_the_pages_do(software: Software) -> None:
    fit = {"coding": [{"system": "http://loinc.org", "code": "27396-1"}]}
    tube = {"system": "https://healthhub.example/fhir/sid/specimen/01901", "value": "26-000001"}
    order = software.about("ServiceRequest", status="active", intent="order", code=fit, authoredOn=DAYS[0])
    software.about(
        "Specimen",
        identifier=[tube],
        status="available",
        request=[{"reference": f"ServiceRequest/{order}"}],
        receivedTime=f"{DAYS[1]}T08:00:00+07:00",
        collection={"collectedDateTime": DAYS[0]},
    )
    result = software.about(
        "Observation",
        status="final",
        code=fit,
        basedOn=[{"reference": f"ServiceRequest/{order}"}],
        effectiveDateTime=DAYS[0],
        issued=f"{DAYS[1]}T08:00:00+07:00",
        specimen={"identifier": tube},
        valueQuantity={"value": 48.6, "unit": "µg/g", "system": "http://unitsofmeasure.org", "code": "ug/g"},
        performer=[{"reference": f"Organization/{software.facility}"}],
    )
    assert software.open_steps() == [("colonoscopy", "requested")]

    software.about(
        "Communication",
        status="completed",
        sent=f"{DAYS[2]}T08:00:00+07:00",
        about=[{"reference": f"Observation/{result}"}],
    )
    assert ScreeningResult.objects.get().released_on is not None
    software.about(
        "ServiceRequest",
        status="active",
        intent="order",
        code={"coding": [{"system": "http://snomed.info/sct", "code": "73761001"}]},
        authoredOn=DAYS[2],
        occurrenceDateTime=DAYS[3],
    )
    assert software.open_steps() == [("colonoscopy", "in-progress")]

    software.about(
        "Procedure",
        status="completed",
        code={"coding": [{"system": "http://snomed.info/sct", "code": "73761001"}]},
        performedDateTime=DAYS[3],
        outcome=software.local("lesion-sampled"),
    )
    assert software.open_steps() == [("histology", "requested")]
    software.about(
        "DiagnosticReport",
        status="final",
        code=software.local("colorectal-histology"),
        effectiveDateTime=DAYS[4],
        conclusionCode=[software.local("cancer")],
    )
    assert software.open_steps() == [("staging", "requested")]
    software.about(
        "Condition",
        code={"coding": [{"system": "http://hl7.org/fhir/sid/icd-10", "code": "C18.7"}]},
        recordedDate=DAYS[4],
        onsetDateTime=DAYS[4],
    )
    software.about(
        "Observation",
        status="final",
        code=software.local("colorectal-staging"),
        effectiveDateTime=DAYS[5],
        component=[
            {"code": {"text": name}, "valueString": value} for name, value in (("T", "T2"), ("N", "N0"), ("M", "M0"))
        ],
    )
    assert software.open_steps() == [("mdt", "requested")]
    software.about(
        "Procedure",
        status="completed",
        code=software.local("colorectal-mdt"),
        performedDateTime=DAYS[6],
        outcome=software.local("treat-curative"),
    )
    assert software.open_steps() == [("treatment", "requested")]
    software.about(
        "Procedure",
        status="completed",
        code=software.local("colorectal-treatment"),
        performedDateTime=DAYS[7],
        outcome=software.local("surgery"),
    )
    assert software.open_steps() == [("colonoscopy_after_cancer", "requested")]
    assert Episode.objects.count() == 1


def test_a_clinics_software_holds_screening_back_and_calls_again(software: Software) -> None:
    until = timezone.localdate().replace(year=timezone.localdate().year + 1, day=1)
    deferral = {
        "status": "active",
        "intent": "order",
        "doNotPerform": True,
        "category": [software.local("decision-defer")],
        "code": software.local("programme-colorectal"),
        "authoredOn": str(timezone.localdate()),
        "reasonCode": [software.local("later")],
        "occurrencePeriod": {"end": str(until)},
    }
    request = software.about("ServiceRequest", **deferral)
    refresh_noted(timezone.localdate())
    held = Standing.objects.get(patient_id=software.patient, programme="colorectal")
    assert (held.status, held.due_on) == ("deferred", until)
    revoked = {
        "resourceType": "ServiceRequest",
        "id": request,
        "subject": {"reference": f"Patient/{software.patient}"},
        **deferral,
        "status": "revoked",
    }
    assert software.client.put(f"/ServiceRequest/{request}", revoked).status_code == 200
    refresh_noted(timezone.localdate())
    assert Standing.objects.get(patient_id=software.patient, programme="colorectal").status == "overdue"
