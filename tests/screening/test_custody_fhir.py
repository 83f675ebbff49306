"""The chain of custody over FHIR: read as Provenances, and written as the laboratory's pages write it."""

from typing import Any

import pytest
from django.utils import timezone

from healthhub.accounts.actors import Actor, Role
from records.models import CareRelation, Facility
from screening.laboratory.orders import issue_kit, place_order
from screening.laboratory.specimens import receive, reject_specimen, tubes_of
from screening.models import CustodyEvent, Order
from screening.publishing.noting import mark_unpublished
from screening.publishing.sweep import publish_noted
from tests.fhir.conftest import FhirClient, make_clinic
from tests.screening.conftest import Sender, make_patient
from tests.screening.test_laboratory_specimens import make_lot
from tests.screening.test_publishing import LOCAL, code_of, found

pytestmark = pytest.mark.django_db
TUBES = "https://healthhub.example/fhir/sid/specimen/01901"
CUSTODIAN = {"system": "http://terminology.hl7.org/CodeSystem/provenance-participant-type", "code": "custodian"}


@pytest.fixture
def software(db: None) -> FhirClient:
    """A station's software."""
    return make_clinic("clinic", "Trạm y tế Dịch Vọng", "01901")


@pytest.fixture
def laboratory(db: None) -> FhirClient:
    return make_clinic("laboratory", "Phòng xét nghiệm", "01902")


@pytest.fixture
def station(software: FhirClient) -> Facility:
    return Facility.objects.get(code="01901")


@pytest.fixture
def man(station: Facility) -> str:
    return make_patient(station, name="Nguyễn Văn Đức", gender="male", born="1960-03-12")


def chain(software: FhirClient, query: str) -> list[str]:
    """What has happened, once the sweep has run; the order of one moment is nobody's."""
    publish_noted()
    return sorted(code_of(one["activity"]) for one in found(software, "Provenance", query))


def written(software: FhirClient, man: str, **elements: Any) -> dict[str, Any]:
    specimen = {
        "resourceType": "Specimen",
        "identifier": [{"system": TUBES, "value": "TUBE-1"}],
        "status": "available",
        "subject": {"reference": f"Patient/{man}"},
        **elements,
    }
    answer = software.post("/Specimen", specimen)
    assert answer.status_code == 201, answer.content
    return dict(answer.json())


def now() -> str:
    return timezone.localtime().isoformat(timespec="seconds")


def said(specimen: str, kind: str, to: str = "", **elements: Any) -> dict[str, Any]:
    agents: list[dict[str, Any]] = [{"who": {"display": "KTV Bình"}}]
    if to:
        agents.append({"type": {"coding": [CUSTODIAN]}, "who": {"reference": f"Organization/{to}"}})
    return {
        "resourceType": "Provenance",
        "target": [{"reference": f"Specimen/{specimen}"}],
        "recorded": now(),
        "activity": {"coding": [{"system": LOCAL, "code": f"custody-{kind}"}]},
        "agent": agents,
        **elements,
    }


def test_what_the_pages_log_is_read_as_a_chain(software: FhirClient, station: Facility, man: str) -> None:
    actor = Actor("user:1", "KTV Bình", Role.LABORATORY, facility=station.pk)
    order = Order.objects.get(pk=place_order(patient_id=man, test="fit", facility=station, actor=actor))
    kit = issue_kit(order=order, facility=station, actor=actor, lot=make_lot(station))
    receive([kit.barcode], facility=station, actor=actor)
    tube = tubes_of([kit.barcode], facility=station, actor=actor)[kit.barcode]
    specimen = reject_specimen(tube=tube, reason="leaked", facility=station, actor=actor, note="Nắp hở")
    assert chain(software, f"patient=Patient/{man}") == [
        *("custody-issued", "custody-received", "custody-rejected", "custody-repeated")
    ]
    (rejected,) = [
        one
        for one in found(software, "Provenance", f"target=Specimen/{specimen}")
        if code_of(one["activity"]) == "custody-rejected"
    ]
    assert (code_of(rejected["reason"][0]), rejected["reason"][0]["text"]) == ("rejected-leaked", "Nắp hở")
    assert rejected["agent"] == [
        {"who": {"display": "KTV Bình"}, "onBehalfOf": {"reference": f"Organization/{station.pk}"}}
    ]
    assert [one["reference"] for one in rejected["target"]] == [
        f"Specimen/{specimen}",
        f"DeviceUseStatement/{kit.statement}",
        f"Patient/{man}",
    ]


def test_what_software_says_of_a_sample_is_in_the_chain(software: FhirClient, man: str) -> None:
    specimen = written(software, man, collection={"collectedDateTime": f"{timezone.localdate()}"})
    arrived = {**specimen, "receivedTime": now()}
    assert software.put(f"/Specimen/{specimen['id']}", arrived).status_code == 200
    assert software.put(f"/Specimen/{specimen['id']}", {**arrived, "note": [{"text": "x"}]}).status_code == 200
    leaked = {"coding": [{"system": LOCAL, "code": "rejected-leaked"}]}
    refused = {**arrived, "status": "unsatisfactory", "condition": [leaked]}
    assert software.put(f"/Specimen/{specimen['id']}", refused).status_code == 200
    assert software.put(f"/Specimen/{specimen['id']}", arrived).status_code == 200
    events = CustodyEvent.objects.order_by("pk").values_list("kind", "reason", "actor")
    assert list(events) == [
        ("collected", "", "client:clinic"),
        ("received", "", "client:clinic"),
        ("rejected", "leaked", "client:clinic"),
        ("repeated", "leaked", "client:clinic"),
        ("received", "", "client:clinic"),
    ]
    assert chain(software, f"patient=Patient/{man}") == [
        *("custody-collected", "custody-received", "custody-received", "custody-rejected", "custody-repeated")
    ]


def test_software_sends_a_sample_on_and_the_receiver_reads_the_chain(
    software: FhirClient, laboratory: FhirClient, man: str
) -> None:
    specimen = written(software, man, receivedTime=now())
    assert chain(laboratory, f"patient=Patient/{man}") == []
    answer = software.post("/Provenance", said(specimen["id"], "sent", laboratory.actor.facility or ""))
    assert answer.status_code == 201, answer.content
    assert CareRelation.objects.filter(patient=man, facility=laboratory.actor.facility).exists()
    event = CustodyEvent.objects.get(kind="sent")
    assert (event.provenance, event.to_facility_id) == (answer.json()["id"], laboratory.actor.facility)
    assert chain(laboratory, f"patient=Patient/{man}") == ["custody-received", "custody-sent"]
    own = written(laboratory, man, receivedTime=now())
    everything = ["custody-received", "custody-received", "custody-sent"]
    assert chain(laboratory, f"target=Specimen/{own['id']}") == everything
    assert chain(software, f"target=Specimen/{specimen['id']}") == everything


def test_a_sample_is_thrown_away_once_it_has_its_result(software: FhirClient, station: Facility, man: str) -> None:
    specimen = written(software, man, receivedTime=now())
    refused = software.post("/Provenance", said(specimen["id"], "disposed"))
    assert (refused.status_code, refused.json()["issue"][0]["expression"]) == (409, ["Provenance.target"])
    Sender(station).fit(man, "5", on=f"{timezone.localdate()}", specimen="TUBE-1")
    assert software.post("/Provenance", said(specimen["id"], "disposed")).status_code == 201
    assert software.post("/Provenance", said(specimen["id"], "disposed")).status_code == 409
    assert CustodyEvent.objects.filter(kind="disposed").count() == 1


@pytest.mark.parametrize(
    ("kind", "to", "about", "expression"),
    [
        ("received", "", "Specimen", "Provenance.activity"),
        ("sent", "", "Specimen", "Provenance.agent"),
        ("sent", "own", "Specimen", "Provenance.agent"),
        ("sent", "laboratory", "Patient", "Provenance.target"),
    ],
)
def test_what_says_too_little_is_refused(
    software: FhirClient, laboratory: FhirClient, man: str, kind: str, to: str, about: str, expression: str
) -> None:
    specimen = written(software, man)
    facility = {"own": software.actor.facility, "laboratory": laboratory.actor.facility, "": ""}[to] or ""
    aim = {"target": [{"reference": f"Patient/{man}"}]} if about == "Patient" else {}
    refused = software.post("/Provenance", said(specimen["id"], kind, facility, **aim))
    assert (refused.status_code, refused.json()["issue"][0]["expression"]) == (422, [expression])
    assert not CustodyEvent.objects.filter(kind="sent").exists()


def test_nobody_sends_another_facilitys_sample(software: FhirClient, laboratory: FhirClient, man: str) -> None:
    specimen = written(software, man)
    refused = laboratory.post("/Provenance", said(specimen["id"], "sent", software.actor.facility or ""))
    assert refused.status_code == 422
    assert not CustodyEvent.objects.filter(kind="sent").exists()


def test_the_chain_stays_as_it_is(software: FhirClient, man: str) -> None:
    written(software, man, receivedTime=now())
    publish_noted()
    (event,) = found(software, "Provenance", f"patient=Patient/{man}")
    changed = software.put(f"/Provenance/{event['id']}", {**event, "recorded": "2020-01-01T00:00:00+07:00"})
    assert (changed.status_code, software.delete(f"/Provenance/{event['id']}").status_code) == (422, 422)
    mark_unpublished([man])
    publish_noted()
    assert found(software, "Provenance", f"patient=Patient/{man}") == [event]


def test_somebodys_own_provenance_is_kept(software: FhirClient, man: str) -> None:
    own = said(written(software, man)["id"], "x", activity={"text": "Chép lại từ sổ"})
    assert software.post("/Provenance", own).status_code == 201
