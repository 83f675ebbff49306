"""Lots of kits over FHIR: a Device is a delivery, entered by software or on the page, and read as the same resource."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from healthhub.accounts.actors import Role
from records.models import Facility
from screening.models import KitLot
from screening.publishing.sweep import publish_noted
from tests.fhir.conftest import FhirClient, make_clinic
from tests.screening.clinic_room import signed_in
from tests.screening.test_laboratory_specimens import make_lot
from tests.screening.test_publishing import LOCAL, found

pytestmark = pytest.mark.django_db


@pytest.fixture
def software(db: None) -> FhirClient:
    """A clinic's software."""
    return make_clinic("clinic", "Trạm y tế Dịch Vọng", "01901")


@pytest.fixture
def station(software: FhirClient) -> Facility:
    return Facility.objects.get(code="01901")


def local(code: str) -> dict[str, Any]:
    return {"coding": [{"system": LOCAL, "code": code}]}


def delivery(**elements: Any) -> dict[str, Any]:
    device = {
        "resourceType": "Device",
        "type": local("kit-lot"),
        "lotNumber": "L2611",
        "expirationDate": f"{timezone.localdate() + timedelta(days=300)}",
        "deviceName": [{"name": "OC-Sensor", "type": "model-name"}],
        "property": [{"type": local("kit-quantity"), "valueQuantity": [{"value": 100}]}],
        **elements,
    }
    return {name: value for name, value in device.items() if value is not None}


def test_software_enters_a_lot_which_stands_on_the_page(software: FhirClient, station: Facility) -> None:
    answer = software.post("/Device", delivery())
    assert answer.status_code == 201, answer.content
    lot = KitLot.objects.get()
    assert (lot.programme, lot.test, lot.kit, lot.lot, lot.quantity) == ("colorectal", "fit", "OC-Sensor", "L2611", 100)
    assert (lot.facility_id, lot.device, lot.added_by) == (station.pk, answer.json()["id"], "client:clinic")
    assert "L2611" in signed_in(Role.LABORATORY, station).get("/clinic/bench/kits/").content.decode()
    publish_noted()
    assert [one["id"] for one in found(software, "Device", "")] == [lot.device]


def test_a_lot_of_the_page_is_read_by_its_facility_alone(software: FhirClient, station: Facility) -> None:
    lot = make_lot(station)
    publish_noted()
    (device,) = found(software, "Device", f"type={LOCAL}|kit-lot")
    assert (device["id"], device["lotNumber"], device["expirationDate"], device["deviceName"][0]["name"]) == (
        lot.device,
        lot.lot,
        f"{lot.expires_on}",
        lot.kit,
    )
    assert device["property"][0]["valueQuantity"] == [{"value": lot.quantity}]
    assert found(make_clinic("other", "Trạm khác", "01902"), "Device", "") == []


@pytest.mark.parametrize(
    ("change", "expression"),
    [
        ({"lotNumber": None}, "Device.lotNumber"),
        ({"lotNumber": "L" * 41}, "Device.lotNumber"),
        ({"expirationDate": None}, "Device.expirationDate"),
        ({"expirationDate": "2020-01-01"}, "Device.expirationDate"),
        ({"deviceName": None}, "Device.deviceName"),
        ({"deviceName": [{"name": "Không có", "type": "model-name"}]}, "Device.deviceName"),
        ({"property": None}, "Device.property"),
        ({"property": [{"type": local("kit-quantity"), "valueQuantity": [{"value": 0}]}]}, "Device.property"),
    ],
)
def test_what_says_too_little_is_refused(software: FhirClient, change: dict[str, Any], expression: str) -> None:
    refused = software.post("/Device", delivery(**change))
    assert (refused.status_code, refused.json()["issue"][0]["expression"]) == (422, [expression])
    assert not KitLot.objects.exists()


def test_a_lot_is_entered_once_and_stays(software: FhirClient, station: Facility) -> None:
    device = software.post("/Device", delivery()).json()
    assert software.post("/Device", delivery()).status_code == 409
    other = software.put(f"/Device/{device['id']}", {**device, "lotNumber": "L9"})
    assert (other.status_code, other.json()["issue"][0]["expression"]) == (422, ["Device.lotNumber"])
    assert software.delete(f"/Device/{device['id']}").status_code == 422
    noted = software.put(f"/Device/{device['id']}", {**device, "note": [{"text": "Tủ 2"}]})
    assert noted.status_code == 200
    publish_noted()
    assert found(software, "Device", "")[0]["note"] == [{"text": "Tủ 2"}]
    assert KitLot.objects.get().lot == "L2611"


def test_any_other_device_is_kept(software: FhirClient) -> None:
    assert software.post("/Device", {"resourceType": "Device", "lotNumber": "1"}).status_code == 201
    assert not KitLot.objects.exists()


def test_lots_that_are_written_cost_a_sweep_one_statement(station: Facility) -> None:
    make_lot(station)
    publish_noted()
    with CaptureQueriesContext(connection) as queries:
        publish_noted()
    assert len([one for one in queries if "kitlot" in one["sql"]]) == 1
