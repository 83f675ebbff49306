"""A clinic's software takes somebody from the order to the end over FHIR alone; each next step is a Task."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone
from oauth2_provider.models import AccessToken

from records.models import Facility
from screening.elements import ZONE
from screening.models import Appointment, ContactAttempt, Episode, Kit, Order, ScreeningResult, Specimen, Standing
from screening.publishing.sweep import publish_noted
from screening.recall.refresh import refresh_noted
from tests.fhir.conftest import FhirClient, make_clinic

pytestmark = pytest.mark.django_db
LOCAL = "https://healthhub.example/fhir/CodeSystem/screening"
SNOMED, LOINC = "http://snomed.info/sct", "http://loinc.org"
FIRST = date(2026, 2, 2)
FIT = {"coding": [{"system": LOINC, "code": "27396-1"}]}
COLONOSCOPY = {"coding": [{"system": SNOMED, "code": "73761001"}]}


class Software:
    """Posts resources about one person and reads her Tasks, week after week."""

    def __init__(self, clock: Any) -> None:
        self.clock = clock
        self.client: FhirClient = make_clinic("clinic", "Trạm y tế Dịch Vọng", "01901")
        AccessToken.objects.update(expires=timezone.now() + timedelta(days=3650))
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

    @property
    def today(self) -> str:
        """As FHIR writes it."""
        return f"{timezone.localdate()}"

    def a_week_passes(self) -> None:
        self.clock.shift(timedelta(weeks=1))

    def send(self, resource: dict[str, Any]) -> str:
        answer = self.client.post(f"/{resource['resourceType']}", resource)
        assert answer.status_code == 201, answer.content
        return str(answer.json()["id"])

    def change(self, kind: str, name: str, **elements: Any) -> None:
        """Read it, change it, put it back: a new version."""
        answer = self.client.put(f"/{kind}/{name}", self.client.get(f"/{kind}/{name}").json() | elements)
        assert answer.status_code == 200, answer.content

    def about(self, type_: str, **elements: Any) -> str:
        return self.send({"resourceType": type_, "subject": {"reference": f"Patient/{self.patient}"}, **elements})

    def done(self, code: dict[str, Any], outcome: str) -> None:
        """A Procedure of today with its finding, a week after what was before."""
        self.a_week_passes()
        status = {"status": "completed", "performedDateTime": self.today}
        self.about("Procedure", **status, code=code, outcome=self.local(outcome))

    def local(self, *codes: str) -> dict[str, Any]:
        return {"coding": [{"system": LOCAL, "code": code} for code in codes]}

    def found(self, kind: str, query: str) -> list[dict[str, Any]]:
        """What a search finds, once the sweep has run."""
        refresh_noted(timezone.localdate())
        publish_noted()
        return [entry["resource"] for entry in self.client.get(f"/{kind}?{query}").json().get("entry", ())]

    def tasks(self) -> list[dict[str, Any]]:
        """The Tasks that wait."""
        return self.found("Task", f"patient=Patient/{self.patient}&status=requested,accepted,in-progress")

    def open_steps(self) -> list[tuple[str, str]]:
        """(step, status) of them."""
        return [(one["code"]["coding"][0]["code"].removeprefix("step-"), one["status"]) for one in self.tasks()]


@pytest.fixture
def software(db: None) -> Iterator[Software]:
    """A clinic with one person; its clock is ours."""
    with time_machine.travel(datetime(FIRST.year, FIRST.month, FIRST.day, 9, tzinfo=ZONE)) as clock:
        yield Software(clock)


def test_a_clinics_software_does_all_that_the_pages_do(software: Software) -> None:
    # Order, specimen, result: a first entry counts for nothing until somebody has verified it.
    order = software.about("ServiceRequest", status="active", intent="order", code=FIT, authoredOn=software.today)
    assert Order.objects.get().pk == order
    kit = {"resourceType": "Device", "id": "kit", "type": software.local("kit")}
    statement = software.about(
        "DeviceUseStatement",
        contained=[kit],
        basedOn=[{"reference": f"ServiceRequest/{order}"}],
        status="active",
        device={"reference": "#kit"},
    )
    [given] = software.found("DeviceUseStatement", f"patient=Patient/{software.patient}")
    tube = given["identifier"][0]
    assert (given["id"], tube["value"]) == (statement, Kit.objects.get().barcode)
    collected = software.today
    software.a_week_passes()
    software.about(
        "Specimen",
        identifier=[tube],
        status="available",
        request=[{"reference": f"ServiceRequest/{order}"}],
        receivedTime=f"{software.today}T08:00:00+07:00",
        collection={"collectedDateTime": collected},
    )
    assert Specimen.objects.get().barcode == tube["value"]
    [back] = software.found("DeviceUseStatement", f"patient=Patient/{software.patient}")
    assert back["status"] == "completed"
    result = software.about(
        "Observation",
        status="preliminary",
        code=FIT,
        basedOn=[{"reference": f"ServiceRequest/{order}"}],
        effectiveDateTime=collected,
        issued=f"{software.today}T08:00:00+07:00",
        specimen={"identifier": tube},
        valueQuantity={"value": 48.6, "unit": "µg/g", "system": "http://unitsofmeasure.org", "code": "ug/g"},
        performer=[{"reference": f"Organization/{software.facility}"}],
    )
    assert software.open_steps() == [("verify_result", "requested")]
    assert ScreeningResult.objects.get().released_on is None
    software.change("Observation", result, status="final")
    assert software.open_steps() == [("colonoscopy", "requested")]
    assert ScreeningResult.objects.get().released_on is not None
    assert Order.objects.get().result_id == result

    # The person is told, referred, and has a day and an hour.
    software.a_week_passes()
    told = [{"reference": f"Observation/{result}"}]
    software.about("Communication", status="completed", sent=f"{software.today}T08:00:00+07:00", about=told)
    software.about(
        "ServiceRequest",
        status="active",
        intent="order",
        code=COLONOSCOPY,
        authoredOn=software.today,
        occurrenceDateTime=f"{timezone.localdate() + timedelta(weeks=2)}",
    )
    assert software.open_steps() == [("colonoscopy", "in-progress")]
    appointment = software.send(booking(software, day=timezone.localdate() + timedelta(weeks=1)))
    assert Appointment.objects.get().status == "booked"
    assert (Episode.objects.get().state, software.open_steps()) == ("referred", [("colonoscopy", "in-progress")])

    # She comes; what was found leads from one step to the next.
    software.done(COLONOSCOPY, "lesion-sampled")
    software.change("Appointment", appointment, status="fulfilled")
    assert Appointment.objects.get().status == "fulfilled"
    assert software.open_steps() == [("histology", "requested")]
    software.a_week_passes()
    software.about(
        "DiagnosticReport",
        status="final",
        code=software.local("colorectal-histology"),
        effectiveDateTime=software.today,
        conclusionCode=[software.local("cancer")],
    )
    assert software.open_steps() == [("staging", "requested")]
    software.about(
        "Condition",
        code={"coding": [{"system": "http://hl7.org/fhir/sid/icd-10", "code": "C18.7"}]},
        recordedDate=software.today,
        onsetDateTime=software.today,
    )
    software.a_week_passes()
    software.about(
        "Observation",
        status="final",
        code=software.local("colorectal-staging"),
        effectiveDateTime=software.today,
        component=[
            {"code": {"coding": [{"system": LOINC, "code": code}]}, "valueCodeableConcept": {"text": value}}
            for code, value in (("21905-5", "T2"), ("21906-3", "N0"), ("21907-1", "M0"))
        ],
    )
    assert software.open_steps() == [("mdt", "requested")]
    software.done(software.local("colorectal-mdt"), "treat-curative")
    assert software.open_steps() == [("treatment", "requested")]
    software.done(software.local("colorectal-treatment"), "surgery")
    assert software.open_steps() == [("colonoscopy_after_cancer", "requested")]
    assert Episode.objects.count() == 1

    # A year later the last look ends the round; the plan knows when she is called again.
    software.clock.shift(timedelta(weeks=50))
    AccessToken.objects.update(expires=timezone.now() + timedelta(hours=1))
    software.done(COLONOSCOPY, "normal")
    episode = Episode.objects.get()
    assert (episode.state, episode.outcome, episode.detail) == ("closed", "assessed", "normal")
    assert software.open_steps() == []


def booking(software: Software, *, day: date) -> dict[str, Any]:
    """A place in a session that the software plans itself, for its person."""
    start, end = f"{day}T08:00:00+07:00", f"{day}T08:30:00+07:00"
    schedule = software.send(
        {
            "resourceType": "Schedule",
            "serviceCategory": [software.local("assessment")],
            "serviceType": [software.local("programme-colorectal"), software.local("step-colonoscopy")],
            "actor": [{"display": "Phòng nội soi 2"}],
            "planningHorizon": {"start": start, "end": end},
        }
    )
    slot = {"resourceType": "Slot", "status": "free", "start": start, "end": end}
    name = software.send({**slot, "schedule": {"reference": f"Schedule/{schedule}"}})
    (free,) = software.found("Slot", f"status=free&start=ge{day}")
    assert free["id"] == name
    return {
        "resourceType": "Appointment",
        "status": "booked",
        "start": start,
        "end": end,
        "slot": [{"reference": f"Slot/{name}"}],
        "participant": [{"actor": {"reference": f"Patient/{software.patient}"}, "status": "accepted"}],
    }


def test_a_clinics_software_closes_a_step_for_a_coded_reason_and_a_new_result_opens_it_again(
    software: Software,
) -> None:
    value = {"value": 48.6, "unit": "µg/g", "system": "http://unitsofmeasure.org", "code": "ug/g"}
    positive = {"status": "final", "code": FIT, "valueQuantity": value}
    software.about("Observation", effectiveDateTime=software.today, **positive)
    software.a_week_passes()
    (task,) = software.tasks()
    why = {"statusReason": software.local("reason-declined"), "note": [{"text": "Đã tư vấn hai lần"}]}
    software.change("Task", task["id"], status="cancelled", **why)
    episode = Episode.objects.get()
    assert (episode.state, episode.outcome, episode.detail) == ("closed", "closed", "declined")
    assert software.open_steps() == []
    (ended,) = software.found("Task", f"patient=Patient/{software.patient}&status=cancelled")
    told = [*ended["note"], {"text": "Người nhà gọi lại, đồng ý khám"}]
    software.change("Task", task["id"], status="requested", note=told)
    assert software.open_steps() == [("colonoscopy", "requested")]
    software.about(
        "Communication",
        status="not-done",
        statusReason=software.local("contact-no_answer"),
        topic=software.local("programme-colorectal"),
        medium=[software.local("way-phone")],
        sent=f"{software.today}T08:00:00+07:00",
    )
    assert ContactAttempt.objects.get().outcome == "no_answer"
    assert software.open_steps() == [("colonoscopy", "requested")]
    software.change("Task", task["id"], status="cancelled", **why)
    assert software.open_steps() == []
    software.about("Observation", effectiveDateTime=software.today, **positive)
    assert software.open_steps() == [("colonoscopy", "requested")]


def test_a_clinics_software_holds_screening_back_and_calls_again(software: Software) -> None:
    until = timezone.localdate() + timedelta(weeks=52)
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
