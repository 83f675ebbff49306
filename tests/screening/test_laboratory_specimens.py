"""Orders, kits and samples: what arrives, what is rejected, and that nobody is lost on the way."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.db import DatabaseError, transaction
from django.utils import timezone

from fhir import store
from fhir.outcomes import Refused
from healthhub.accounts.actors import Actor, Role
from records.access import can_see
from records.models import Facility
from screening.laboratory.awaited import awaited_by
from screening.laboratory.barcodes import bars_of, is_mistyped, new_barcodes, read_barcodes
from screening.laboratory.orders import cancel_order, issue_kit, place_order
from screening.laboratory.projection import rebuild
from screening.laboratory.specimens import accept_again, collect, receive, reject_specimen, send_on, tubes_of
from screening.models import CustodyEvent, Episode, Kit, KitLot, Order, ScreeningResult, Specimen
from screening.results import enter_result
from tests.screening.clinic_room import signed_in
from tests.screening.conftest import Sender

pytestmark = pytest.mark.django_db


@pytest.fixture
def technician(laboratory: Facility) -> Actor:
    return Actor("user:2", "KTV Việt", Role.LABORATORY, facility=laboratory.organization_id)


@pytest.fixture
def lot(station: Facility) -> KitLot:
    return make_lot(station)


def make_lot(facility: Facility, *, days: int = 300, quantity: int = 10) -> KitLot:
    return KitLot.objects.create(
        facility=facility,
        programme="colorectal",
        test="fit",
        kit="OC-Sensor",
        lot=f"L{days}",
        expires_on=timezone.localdate() + timedelta(days=days),
        quantity=quantity,
        added_by="user:1",
    )


def issue(man: str, station: Facility, clinician: Actor, lot: KitLot | None = None, **options: Facility) -> Kit:
    order = place_order(patient_id=man, test="fit", facility=station, actor=clinician, **options)
    return issue_kit(order=Order.objects.get(pk=order), facility=station, actor=clinician, lot=lot)


def test_a_barcode_typed_wrongly_is_noticed(station: Facility) -> None:
    first, second = new_barcodes("01901", 2)
    assert (len(first), first[:5], first == second) == (13, "01901", False)
    assert is_mistyped(first) is False
    wrong = {first[:at] + ("1" if first[at] != "1" else "2") + first[at + 1 :] for at in range(len(first))}
    assert {is_mistyped(one) for one in wrong} == {True}
    assert is_mistyped("ANY-OTHER-LABEL") is False


def test_what_a_scanner_sends_is_read_once_each() -> None:
    assert read_barcodes(" a1\nB2;a1,c3 ") == ["A1", "B2", "C3"]


def test_the_bars_of_a_label_start_after_the_quiet_zone() -> None:
    bars = bars_of("019010000042K")
    assert bars.bars[0] == (10, 2)  # Code 128 begins with two dark modules
    assert bars.bars[-1][0] + bars.bars[-1][1] == bars.width - 10


def test_an_order_is_a_row_with_its_clock(station: Facility, clinician: Actor, man: str) -> None:
    order = Order.objects.get(pk=place_order(patient_id=man, test="fit", facility=station, actor=clinician))
    today = timezone.localdate()
    assert (order.programme, order.test, order.status, order.facility_id) == (
        "colorectal",
        "fit",
        "active",
        station.organization_id,
    )
    assert order.due_on == today + timedelta(days=30 + 7)  # the protocol's time for a sample, and for its reading


def test_a_test_is_ordered_once_until_its_result(station: Facility, clinician: Actor, man: str) -> None:
    first = place_order(patient_id=man, test="fit", facility=station, actor=clinician)
    with pytest.raises(Refused) as refused:
        place_order(patient_id=man, test="fit", facility=station, actor=clinician)
    assert refused.value.status == 409
    cancel_order(order=Order.objects.get(pk=first), actor=clinician, reason="nhầm")
    assert Order.objects.get(pk=first).status == "revoked"
    place_order(patient_id=man, test="fit", facility=station, actor=clinician)


def test_a_result_answers_the_order_and_its_withdrawal_opens_it_again(
    station: Facility, clinician: Actor, man: str, lot: KitLot
) -> None:
    kit = issue(man, station, clinician, lot)
    receive([kit.barcode], facility=station, actor=clinician)
    saved = _enter(station, clinician, man, kit.barcode)
    assert Order.objects.get().result_id == saved
    assert Specimen.objects.get().result_id == saved
    stored = {**store.text.parse(_content(saved)).resource, "status": "entered-in-error"}
    store.save(stored, actor=clinician)
    assert (Order.objects.get().result_id, Specimen.objects.get().result_id) == (None, None)


def test_a_preliminary_result_answers_nothing(station: Facility, clinician: Actor, man: str) -> None:
    kit = issue(man, station, clinician)
    receive([kit.barcode], facility=station, actor=clinician)
    saved = _enter(station, clinician, man, kit.barcode)
    store.save({**store.text.parse(_content(saved)).resource, "status": "preliminary"}, actor=clinician)
    assert (Order.objects.get().result_id, Specimen.objects.get().result_id) == (None, None)


def test_an_expired_lot_and_an_empty_one_are_not_given_out(station: Facility, clinician: Actor, man: str) -> None:
    order = Order.objects.get(pk=place_order(patient_id=man, test="fit", facility=station, actor=clinician))
    for lot, status in ((make_lot(station, days=-1), 422), (make_lot(station, quantity=0), 409)):
        with pytest.raises(Refused) as refused:
            issue_kit(order=order, facility=station, actor=clinician, lot=lot)
        assert refused.value.status == status
    assert Kit.objects.count() == 0


def test_a_scan_receives_a_sample_once(station: Facility, clinician: Actor, man: str, lot: KitLot) -> None:
    kit = issue(man, station, clinician, lot)
    states = [receive([kit.barcode], facility=station, actor=clinician)[0].state for _ in range(2)]
    assert states == ["new", "again"]
    row = Specimen.objects.get()
    assert (row.patient_id, row.test, row.status, row.order_id) == (man, "fit", "available", kit.order_id)
    assert row.due_on == timezone.localdate() + timedelta(days=7)
    assert Kit.objects.get().returned_on == timezone.localdate()
    assert list(CustodyEvent.objects.order_by("pk").values_list("kind", "actor")) == [
        ("issued", "user:1"),
        ("received", "user:1"),
    ]


def test_a_bad_scan_does_not_hold_up_the_others(station: Facility, clinician: Actor, man: str) -> None:
    kit = issue(man, station, clinician)
    wrong = kit.barcode[:-1] + ("0" if kit.barcode[-1] != "0" else "1")
    found = receive([wrong, "NEVER-SEEN", kit.barcode], facility=station, actor=clinician)
    assert [one.state for one in found] == ["mistyped", "unknown", "new"]


def test_custody_events_cannot_be_changed(station: Facility, clinician: Actor, man: str) -> None:
    issue(man, station, clinician)
    with pytest.raises(DatabaseError, match="appended only"), transaction.atomic():
        CustodyEvent.objects.update(actor="user:9")
    with pytest.raises(DatabaseError, match="appended only"), transaction.atomic():
        CustodyEvent.objects.all().delete()


def test_a_laboratory_sees_the_people_whose_samples_are_sent_to_it(
    station: Facility, laboratory: Facility, clinician: Actor, technician: Actor, man: str
) -> None:
    kit = issue(man, station, clinician)
    assert receive([kit.barcode], facility=laboratory, actor=technician)[0].state == "elsewhere"
    assert can_see(technician, man) is False
    sent, unknown = send_on([kit.barcode, "X"], facility=station, to=laboratory, actor=clinician)
    assert ([tube.barcode for tube in sent], unknown) == ([kit.barcode], ["X"])
    assert receive([kit.barcode], facility=laboratory, actor=technician)[0].state == "new"
    assert Specimen.objects.get().facility_id == laboratory.pk


def test_an_order_for_a_laboratory_lets_it_read_the_person(
    station: Facility, laboratory: Facility, clinician: Actor, technician: Actor, man: str
) -> None:
    kit = issue(man, station, clinician, performer=laboratory)
    assert can_see(technician, man) is True
    assert receive([kit.barcode], facility=laboratory, actor=technician)[0].state == "new"


def test_a_rejected_sample_must_be_taken_again(station: Facility, clinician: Actor, man: str, lot: KitLot) -> None:
    """Pain: a rejected tube is thrown away and nobody asks the person for another one."""
    kit = issue(man, station, clinician, lot)
    tube = tubes_of([kit.barcode], facility=station, actor=clinician)[kit.barcode]
    reject_specimen(tube=tube, reason="leaked", facility=station, actor=clinician)
    result, episode = ScreeningResult.objects.get(), Episode.objects.get()
    assert (result.outcome, result.specimen_id, episode.state, episode.step) == (
        "inadequate",
        kit.barcode,
        "repeat_due",
        "repeat_fit",
    )
    assert (Specimen.objects.get().reason, Order.objects.get().result_id) == ("leaked", result.pk)
    assert list(CustodyEvent.objects.order_by("pk").values_list("kind", "reason")) == [
        ("issued", ""),
        ("rejected", "leaked"),
        ("repeated", "leaked"),
    ]


def test_a_sample_rejected_by_a_laboratorys_software_must_be_taken_again(
    station: Facility, clinician: Actor, man: str
) -> None:
    kit = issue(man, station, clinician)
    receive([kit.barcode], facility=station, actor=clinician)
    stored = store.text.parse(_content(Specimen.objects.get().pk, "Specimen")).resource
    store.save({**stored, "status": "unsatisfactory"}, actor=clinician)
    assert Episode.objects.get().state == "repeat_due"


def test_a_rejection_taken_back_withdraws_its_result(station: Facility, clinician: Actor, man: str) -> None:
    kit = issue(man, station, clinician)
    tube = tubes_of([kit.barcode], facility=station, actor=clinician)[kit.barcode]
    reject_specimen(tube=tube, reason="leaked", facility=station, actor=clinician)
    accept_again(specimen=Specimen.objects.get(), facility=station, actor=clinician)
    assert ScreeningResult.objects.count() == 0
    assert (Specimen.objects.get().status, Order.objects.get().result_id) == ("available", None)


def test_a_sample_with_a_result_is_not_rejected(station: Facility, clinician: Actor, man: str) -> None:
    kit = issue(man, station, clinician)
    receive([kit.barcode], facility=station, actor=clinician)
    _enter(station, clinician, man, kit.barcode)
    tube = tubes_of([kit.barcode], facility=station, actor=clinician)[kit.barcode]
    with pytest.raises(Refused) as refused:
        reject_specimen(tube=tube, reason="leaked", facility=station, actor=clinician)
    assert refused.value.status == 409


def test_a_tube_never_belongs_to_two_people(station: Facility, clinician: Actor, man: str, woman: str) -> None:
    kit = issue(man, station, clinician)
    collect(kit=kit, facility=station, actor=clinician)
    stored = store.text.parse(_content(Specimen.objects.get().pk, "Specimen")).resource
    twin = {name: value for name, value in stored.items() if name not in ("id", "meta")}
    for person, status in ((man, 409), (woman, 409)):
        with pytest.raises(Refused) as refused:
            store.save({**twin, "subject": {"reference": f"Patient/{person}"}}, actor=clinician)
        assert refused.value.status == status


def test_orders_and_samples_are_remade_from_their_resources(
    station: Facility, clinician: Actor, man: str, lot: KitLot
) -> None:
    kit = issue(man, station, clinician, lot)
    receive([kit.barcode], facility=station, actor=clinician)
    _enter(station, clinician, man, kit.barcode)
    before = [list(model.objects.order_by("pk").values()) for model in (Order, Specimen)]
    rebuild()
    assert [list(model.objects.order_by("pk").values()) for model in (Order, Specimen)] == before


def _enter(facility: Facility, actor: Actor, patient: str, barcode: str) -> str:
    return enter_result(
        facility=facility,
        actor=actor,
        patient_id=patient,
        test="fit",
        value="3",
        unit="ug/g",
        collected_on=timezone.localdate(),
        specimen_id=barcode,
    ).id


def _content(name: str, type_: str = "Observation") -> str:
    from fhir.models import Resource

    return Resource.objects.get(type=type_, id=name).content


def test_an_expired_kit_is_read_through_no_door(
    station: Facility, clinician: Actor, man: str, lot: KitLot, send: Sender
) -> None:
    kit = issue(man, station, clinician, lot)
    KitLot.objects.update(expires_on=timezone.localdate() - timedelta(days=1))
    today = str(timezone.localdate())
    with pytest.raises(Refused) as refused:
        send.fit(man, "3", on=today, specimen=kit.barcode)
    assert [(one.code, one.expression) for one in refused.value.issues] == [("business-rule", "Observation.specimen")]
    local = {"system": settings.FHIR_SYSTEMS["screening"], "code": "inadequate"}
    send.fit(man, None, on=today, specimen=kit.barcode, valueCodeableConcept={"coding": [local]})
    assert Episode.objects.get().state == "repeat_due"


def test_a_sample_taken_in_time_is_read_later(
    station: Facility, clinician: Actor, man: str, lot: KitLot, send: Sender
) -> None:
    kit = issue(man, station, clinician, lot)
    KitLot.objects.update(expires_on=timezone.localdate() - timedelta(days=1))
    send.fit(man, "3", on=str(timezone.localdate() - timedelta(days=1)), specimen=kit.barcode)
    assert ScreeningResult.objects.get().outcome == "negative"


def test_a_number_that_two_laboratories_use_is_two_tubes(
    station: Facility, laboratory: Facility, clinician: Actor, technician: Actor, man: str
) -> None:
    place_order(patient_id=man, test="fit", facility=station, actor=clinician, performer=laboratory)
    identifier = {"system": f"{settings.FHIR_SYSTEMS['specimen']}/{station.code}", "value": "17"}
    specimen = {"resourceType": "Specimen", "identifier": [identifier], "subject": {"reference": f"Patient/{man}"}}
    store.save(specimen, actor=clinician)
    assert can_see(technician, man) is True
    assert tubes_of(["17"], facility=station, actor=clinician)["17"].person is not None
    assert tubes_of(["17"], facility=laboratory, actor=technician)["17"].person is None


def test_a_person_reads_that_her_sample_is_at_the_laboratory_until_it_has_a_result(
    man: str, station: Facility, clinician: Actor, technician: Actor, laboratory: Facility, lot: KitLot
) -> None:
    kit = issue(man, station, clinician, lot, performer=laboratory)
    citizen = signed_in(Role.CITIZEN, patient=man)
    assert awaited_by(man) == []  # the kit is at home with him
    receive([kit.barcode], facility=station, actor=clinician)
    send_on([kit.barcode], facility=station, actor=clinician, to=laboratory)
    receive([kit.barcode], facility=laboratory, actor=technician)
    [one] = awaited_by(man)
    due = Specimen.objects.get(facility=laboratory).due_on
    assert (one.facility, f"{due:%d/%m/%Y}" in one.next) == (laboratory.name, True)
    for page in ("/me/", "/me/results/"):
        assert one.verdict in citizen.get(page).content.decode()
    enter_result(
        facility=laboratory, actor=technician, patient_id=man, test="fit", value="3", unit="ug/g",
        collected_on=timezone.localdate(), specimen_id=kit.barcode,
    )  # fmt: skip
    assert awaited_by(man) == []
    assert one.verdict not in citizen.get("/me/results/").content.decode()


def test_nobody_waits_for_a_sample_that_was_rejected(
    man: str, station: Facility, clinician: Actor, lot: KitLot
) -> None:
    kit = issue(man, station, clinician, lot)
    receive([kit.barcode], facility=station, actor=clinician)
    assert len(awaited_by(man)) == 1
    tube = tubes_of([kit.barcode], facility=station, actor=clinician)[kit.barcode]
    reject_specimen(tube=tube, reason="leaked", facility=station, actor=clinician)
    assert awaited_by(man) == []
