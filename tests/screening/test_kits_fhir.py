"""Kits given out over FHIR, by the rule of the page; those of the page are read back as the same resource."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from fhir.outcomes import Refused
from healthhub.accounts.actors import Role
from records.models import Facility
from screening.laboratory.alarms import kits_out
from screening.laboratory.orders import issue_kit, place_order
from screening.laboratory.specimens import collect
from screening.models import CustodyEvent, Kit, KitLot, Order, Specimen
from screening.publishing.noting import mark_unpublished
from screening.publishing.sweep import publish_noted
from tests.fhir.conftest import TESTER, FhirClient, make_clinic
from tests.screening.clinic_room import signed_in
from tests.screening.conftest import make_patient
from tests.screening.test_laboratory_specimens import make_lot

pytestmark = pytest.mark.django_db
LOCAL = "https://healthhub.example/fhir/CodeSystem/screening"
TUBES = "https://healthhub.example/fhir/sid/specimen/01901"
FIT = {"coding": [{"system": "http://loinc.org", "code": "27396-1"}]}


@pytest.fixture
def software(db: None) -> FhirClient:
    """A clinic's software."""
    return make_clinic("clinic", "Trạm y tế Dịch Vọng", "01901")


@pytest.fixture
def station(software: FhirClient) -> Facility:
    return Facility.objects.get(code="01901")


@pytest.fixture
def man(station: Facility) -> str:
    return make_patient(station, name="Nguyễn Văn Đức", gender="male", born="1960-03-12")


@pytest.fixture
def lot(station: Facility) -> KitLot:
    return make_lot(station)


@pytest.fixture
def order(software: FhirClient, man: str) -> str:
    return place_order(patient_id=man, test="fit", facility=Facility.objects.get(code="01901"), actor=software.actor)


def given(man: str, order: str, lot: str = "L300", **elements: Any) -> dict[str, Any]:
    device = {
        "resourceType": "Device",
        "id": "kit",
        "type": {"coding": [{"system": LOCAL, "code": "kit"}]},
        **({"lotNumber": lot} if lot else {}),
    }
    return {
        "resourceType": "DeviceUseStatement",
        "contained": [device | elements.pop("device", {})],
        "basedOn": [{"reference": f"ServiceRequest/{order}"}],
        "status": "active",
        "subject": {"reference": f"Patient/{man}"},
        "device": {"reference": "#kit"},
        **elements,
    }


def refusal(software: FhirClient, resource: dict[str, Any]) -> tuple[int, str, str]:
    """(status, where, what it says); nothing was given out."""
    before = Kit.objects.count()
    answer = software.post("/DeviceUseStatement", resource)
    assert Kit.objects.count() == before
    issue = answer.json()["issue"][0]
    return answer.status_code, issue["expression"][0], issue["diagnostics"]


def read_back(software: FhirClient, name: str) -> dict[str, Any]:
    publish_noted()
    found: dict[str, Any] = software.get(f"/DeviceUseStatement/{name}").json()
    return found


def test_software_gives_out_a_kit_as_the_page_does_and_reads_its_barcode(
    software: FhirClient, station: Facility, man: str, order: str, lot: KitLot
) -> None:
    answer = software.post("/DeviceUseStatement", given(man, order, note=[{"text": "Đã hướng dẫn"}]))
    assert answer.status_code == 201, answer.content
    kit = Kit.objects.get()
    assert (kit.patient_id, kit.order_id, kit.lot, kit.facility, kit.test, kit.issued_on) == (
        man,
        order,
        lot,
        station,
        "fit",
        timezone.localdate(),
    )
    event = CustodyEvent.objects.get()
    assert (event.barcode, event.kind, event.actor) == (kit.barcode, "issued", "client:clinic")
    stored = read_back(software, answer.json()["id"])
    assert stored["identifier"] == [{"system": TUBES, "value": kit.barcode}]
    assert (stored["status"], stored["note"]) == ("active", [{"text": "Đã hướng dẫn"}])
    page = signed_in(Role.CLINICIAN, station).get(f"/clinic/people/{man}/orders/")
    assert kit.barcode in page.content.decode()


def test_a_kit_of_the_page_is_the_same_resource(software: FhirClient, station: Facility, man: str, lot: KitLot) -> None:
    clinician: Client = signed_in(Role.CLINICIAN, station)
    clinician.post(f"/clinic/people/{man}/orders/", {"test": "fit", "performer": station.pk, "lot": lot.pk})
    kit = Kit.objects.get()
    publish_noted()
    [entry] = software.get(f"/DeviceUseStatement?identifier={TUBES}|{kit.barcode}").json()["entry"]
    shown = entry["resource"]
    [device] = shown["contained"]
    assert (device["lotNumber"], device["expirationDate"], device["deviceName"][0]["name"]) == (
        "L300",
        f"{lot.expires_on}",
        "OC-Sensor",
    )
    assert (shown["id"], shown["basedOn"], shown["subject"], shown["status"]) == (
        kit.statement,
        [{"reference": f"ServiceRequest/{kit.order_id}"}],
        {"reference": f"Patient/{man}"},
        "active",
    )
    version = shown["meta"]["versionId"]
    collect(kit=kit, facility=station, actor=software.actor)
    back = read_back(software, shown["id"])
    assert (back["status"], back["meta"]["versionId"]) == ("completed", str(int(version) + 1))
    mark_unpublished([man])
    assert read_back(software, shown["id"])["meta"]["versionId"] == back["meta"]["versionId"]


def test_a_sample_that_software_receives_brings_its_kit_back(
    software: FhirClient, station: Facility, man: str, order: str, lot: KitLot
) -> None:
    name = software.post("/DeviceUseStatement", given(man, order)).json()["id"]
    kit = Kit.objects.get()
    assert list(kits_out(station.pk)) == [kit]
    tube = {
        "resourceType": "Specimen",
        "identifier": [{"system": TUBES, "value": kit.barcode}],
        "status": "available",
        "subject": {"reference": f"Patient/{man}"},
        "receivedTime": timezone.localtime().isoformat(timespec="seconds"),
    }
    assert software.post("/Specimen", tube).status_code == 201
    assert (Specimen.objects.get().test, list(kits_out(station.pk))) == ("fit", [])
    kit.refresh_from_db()
    assert kit.returned_on == timezone.localdate()
    assert read_back(software, name)["status"] == "completed"


def test_order_and_kit_come_in_one_bundle(software: FhirClient, man: str, lot: KitLot) -> None:
    request = {
        "resourceType": "ServiceRequest",
        "status": "active",
        "intent": "order",
        "code": FIT,
        "subject": {"reference": f"Patient/{man}"},
    }
    urn = "urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0"
    statement = given(man, "") | {"basedOn": [{"reference": urn}]}
    entries = [
        {"resource": statement, "request": {"method": "POST", "url": "DeviceUseStatement"}},
        {"fullUrl": urn, "resource": request, "request": {"method": "POST", "url": "ServiceRequest"}},
    ]
    answer = software.post("", {"resourceType": "Bundle", "type": "transaction", "entry": entries})
    assert answer.status_code == 200, answer.content
    assert Kit.objects.get().order_id == Order.objects.get().pk


def test_a_tube_without_a_lot_is_given_out_too(software: FhirClient, man: str, order: str) -> None:
    assert software.post("/DeviceUseStatement", given(man, order, lot="")).status_code == 201
    assert Kit.objects.get().lot is None


def test_what_the_page_refuses_software_is_refused(
    software: FhirClient, station: Facility, man: str, order: str, lot: KitLot
) -> None:
    where = "DeviceUseStatement.contained"
    assert refusal(software, given(man, order, lot="L7"))[:2] == (422, where)
    other = make_clinic("other", "Trạm y tế Mỹ Đình", "01902")
    make_lot(Facility.objects.get(code="01902"), days=200)
    told = refusal(software, given(man, order, lot="L200"))
    assert told == (422, where, "Your facility has no lot L200 of kits for this test. Enter it on the page of kits.")
    make_lot(station, days=-1)
    yesterday = timezone.localdate() - timedelta(days=1)
    assert refusal(software, given(man, order, lot="L-1")) == (422, where, f"The lot expired on {yesterday}.")
    wrong_end = given(man, order, device={"expirationDate": "2020-01-01"})
    assert refusal(software, wrong_end)[:2] == (422, where)
    make_lot(station, days=100, quantity=0)
    assert refusal(software, given(man, order, lot="L100"))[:2] == (409, where)
    assert refusal(other, given(man, order))[0] == 403
    assert software.post("/DeviceUseStatement", given(man, order)).status_code == 201


def test_a_kit_goes_to_nobody_but_the_person_who_was_ordered_it(
    software: FhirClient, station: Facility, man: str, order: str, lot: KitLot
) -> None:
    woman = make_patient(station, name="Trần Thị Hoa", gender="female", born="1970-03-12")
    where = "DeviceUseStatement.basedOn"
    assert refusal(software, given(woman, order))[:2] == (422, where)
    nameless = {key: value for key, value in given(man, order).items() if key != "basedOn"}
    assert refusal(software, nameless)[:2] == (422, where)
    make_clinic("other", "Trạm y tế Mỹ Đình", "01902")
    theirs = place_order(
        patient_id=man,
        test="fit",
        facility=Facility.objects.get(code="01902"),
        actor=TESTER,
    )
    assert refusal(software, given(man, theirs))[:2] == (422, where)
    software.put(f"/ServiceRequest/{order}", software.get(f"/ServiceRequest/{order}").json() | {"status": "revoked"})
    assert refusal(software, given(man, order))[:2] == (409, where)


def test_what_was_given_out_stays_on_record(software: FhirClient, man: str, order: str, lot: KitLot) -> None:
    name = software.post("/DeviceUseStatement", given(man, order)).json()["id"]
    stored = read_back(software, name)
    answer = software.put(f"/DeviceUseStatement/{name}", stored | {"status": "entered-in-error"})
    assert (answer.status_code, answer.json()["issue"][0]["expression"]) == (422, ["DeviceUseStatement.status"])
    bare = {key: value for key, value in stored.items() if key != "contained"} | {"device": {"display": "Máy đo"}}
    assert software.put(f"/DeviceUseStatement/{name}", bare).status_code == 422
    assert software.delete(f"/DeviceUseStatement/{name}").status_code == 422
    assert software.put(f"/DeviceUseStatement/{name}", stored | {"note": [{"text": "Gọi nhắc"}]}).status_code == 200
    assert Kit.objects.count() == 1


@pytest.mark.parametrize(
    ("element", "value"),
    [
        ("status", "completed"),
        ("identifier", [{"system": TUBES, "value": "019010000001X"}]),
        ("recordedOn", "2020-01-01"),
        ("timingDateTime", "2020-01-01"),
    ],
)
def test_what_cannot_be_said_of_a_kit_is_refused(
    software: FhirClient, man: str, order: str, lot: KitLot, element: str, value: Any
) -> None:
    answer = refusal(software, given(man, order, **{element: value}))
    assert answer[:2] == (422, f"DeviceUseStatement.{element}")


def test_another_device_is_nobodys_kit(software: FhirClient, man: str, order: str) -> None:
    meter = given(man, order, device={"type": {"text": "Máy đo đường huyết"}}, lot="")
    assert software.post("/DeviceUseStatement", meter).status_code == 201
    assert Kit.objects.count() == 0


def test_giving_out_on_a_page_needs_an_open_order_too(
    software: FhirClient, station: Facility, man: str, order: str
) -> None:
    Order.objects.filter(pk=order).update(status="revoked")
    with pytest.raises(Refused, match="answered or taken back"):
        issue_kit(order=Order.objects.get(), facility=station, actor=software.actor)
