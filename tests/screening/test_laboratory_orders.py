"""Ordering at the desk, the kit that goes with it, and what is printed."""

import pytest
from django.test import Client

from healthhub.accounts.actors import Actor, Role
from healthhub.audit.log import entries_about
from records.models import Facility
from screening.models import Kit, KitLot, Order, Specimen
from tests.screening.clinic_room import signed_in
from tests.screening.test_bench import arrive
from tests.screening.test_laboratory_specimens import make_lot

pytestmark = pytest.mark.django_db


@pytest.fixture
def doctor(station: Facility) -> Client:
    return signed_in(Role.CLINICIAN, station)


def order(doctor: Client, person: str, station: Facility, **changed: str) -> object:
    filled = {"test": "fit", "performer": station.pk, "lot": "", **changed}
    return doctor.post(f"/clinic/people/{person}/orders/", filled, follow=True)


def test_an_order_gives_a_kit_and_its_slip(doctor: Client, station: Facility, man: str) -> None:
    lot = make_lot(station)
    page = order(doctor, man, station, lot=str(lot.pk))
    kit = Kit.objects.get()
    assert (kit.patient_id, kit.lot_id, Order.objects.get().pk) == (man, lot.pk, kit.order_id)
    text = page.content.decode()  # type: ignore[attr-defined]
    assert kit.barcode in text
    assert "Nguyễn Văn Đức" in text
    assert "Cách lấy mẫu" in text


def test_a_sample_taken_at_once_is_collected_with_the_order(doctor: Client, station: Facility, woman: str) -> None:
    order(doctor, woman, station, test="hpv", collected="on")
    specimen = Specimen.objects.get()
    assert (specimen.test, specimen.received_at, specimen.barcode) == ("hpv", None, Kit.objects.get().barcode)
    assert Kit.objects.get().returned_on == specimen.collected_on


def test_a_second_order_of_the_test_is_refused_and_no_kit_is_lost(doctor: Client, station: Facility, man: str) -> None:
    order(doctor, man, station)
    page = order(doctor, man, station)
    assert page.context["form"].non_field_errors() == [  # type: ignore[attr-defined]
        "Xét nghiệm này đang có một chỉ định chưa có kết quả."
    ]
    assert (Order.objects.count(), Kit.objects.count()) == (1, 1)


def test_a_kit_of_another_test_is_not_given(doctor: Client, station: Facility, woman: str) -> None:
    page = order(doctor, woman, station, test="hpv", lot=str(make_lot(station).pk))
    assert page.context["form"].errors["lot"] == ["Bộ kit này dùng cho xét nghiệm khác."]  # type: ignore[attr-defined]


def test_a_lot_that_expires_soon_is_pointed_out_and_an_expired_one_not_offered(
    doctor: Client, station: Facility, man: str
) -> None:
    soon, expired = make_lot(station, days=10), make_lot(station, days=-1)
    page = doctor.get(f"/clinic/people/{man}/orders/")
    offered = {key for key, _label in page.context["form"].fields["lot"].choices}
    assert (str(soon.pk) in offered, str(expired.pk) in offered) == (True, False)
    assert page.context["soon"] == [soon]


def test_an_order_is_taken_back(doctor: Client, station: Facility, man: str) -> None:
    order(doctor, man, station)
    doctor.post(f"/clinic/people/{man}/orders/{Order.objects.get().pk}/cancel/")
    assert Order.objects.get().status == "revoked"


@pytest.mark.parametrize("paper", ["sheet", "roll", "slip"])
def test_labels_are_printed_for_people_of_the_facility_only(
    doctor: Client, station: Facility, laboratory: Facility, clinician: Actor, man: str, paper: str
) -> None:
    kit = arrive(man, station, clinician)
    address = f"/clinic/labels/?paper={paper}&code={kit.barcode}"
    text = doctor.get(address).content.decode()
    assert ("<rect" in text, "style=" in text) == (True, False)  # the content policy forbids inline styles
    assert entries_about(man).first().action == "print"
    assert signed_in(Role.LABORATORY, laboratory).get(address).status_code == 404


def test_a_lot_is_entered_once(doctor: Client, station: Facility) -> None:
    lot = {"kit": "colorectal|fit|OC-Sensor", "lot": "A1", "expires_on": "01/01/2099", "quantity": "100"}
    doctor.post("/clinic/bench/kits/", lot)
    found = KitLot.objects.get()
    assert (found.programme, found.test, found.kit, found.quantity) == ("colorectal", "fit", "OC-Sensor", 100)
    assert doctor.post("/clinic/bench/kits/", lot).context["form"].errors["lot"] == ["Cơ sở đã nhập lô này."]
    late = doctor.post("/clinic/bench/kits/", {**lot, "lot": "A2", "expires_on": "01/01/2020"})
    assert late.context["form"].errors["expires_on"] == ["Lô này đã hết hạn."]
