"""What a laboratory has lost sight of stands on a list until something happens to it."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from healthhub.accounts.actors import Actor, Role
from records.models import Facility
from screening.laboratory.alarms import alarm_count, alarm_counts, kits_out, late, unanswered, unread
from screening.laboratory.orders import issue_kit, place_order
from screening.laboratory.specimens import reject_specimen, tubes_of
from screening.models import Kit, KitLot, Order, Specimen
from tests.screening.clinic_room import signed_in
from tests.screening.conftest import make_patient
from tests.screening.test_bench import arrive, enter
from tests.screening.test_laboratory_specimens import make_lot

pytestmark = pytest.mark.django_db
LATE = "/clinic/bench/late/"


@pytest.fixture
def technician(station: Facility) -> Client:
    return signed_in(Role.LABORATORY, station)


def pass_by(days: int) -> None:
    """Let so many days pass for everything that is there."""
    for model in (Order, Specimen, Kit):
        for row in model.objects.all():
            model.objects.filter(pk=row.pk).update(due_on=row.due_on - timedelta(days=days))


def test_pain_kits_logged_not_read(technician: Client, station: Facility, clinician: Actor, man: str) -> None:
    """Pain (bowel screening reports): a tube is logged, then nobody reads it and nobody notices."""
    kit = arrive(man, station, clinician)
    assert list(late(unread(station.pk))) == []
    pass_by(8)
    assert [row.barcode for row in late(unread(station.pk))] == [kit.barcode]
    [line] = technician.get(LATE).context["lines"]
    assert (line["code"], line["person"].name, line["kind"]) == (kit.barcode, "Nguyễn Văn Đức", "urgent")
    enter(technician, kit)
    assert list(unread(station.pk)) == []


def test_a_rejection_takes_a_tube_off_the_list(station: Facility, clinician: Actor, man: str) -> None:
    kit = arrive(man, station, clinician)
    tube = tubes_of([kit.barcode], facility=station, actor=clinician)[kit.barcode]
    reject_specimen(tube=tube, reason="leaked", facility=station, actor=clinician)
    assert alarm_counts(station.pk) == {"unread": 0, "orders": 0, "kits": 0}
    assert list(unread(station.pk)) == []


def test_a_withdrawn_result_puts_its_tube_back(
    technician: Client, station: Facility, clinician: Actor, man: str
) -> None:
    kit = arrive(man, station, clinician)
    enter(technician, kit)
    result = Specimen.objects.get().result_id
    technician.post(f"/clinic/people/{man}/results/{result}/withdraw/", {"why": "nhầm ống"})
    assert [row.barcode for row in unread(station.pk)] == [kit.barcode]


def test_a_kit_that_does_not_come_back_is_late_by_the_protocols_clock(
    station: Facility, clinician: Actor, man: str
) -> None:
    order = Order.objects.get(pk=place_order(patient_id=man, test="fit", facility=station, actor=clinician))
    kit = issue_kit(order=order, facility=station, actor=clinician, lot=make_lot(station))
    assert kit.due_on == timezone.localdate() + timedelta(days=30)
    pass_by(31)
    assert [row.pk for row in late(kits_out(station.pk))] == [kit.pk]


def test_an_order_without_a_result_is_late_at_both_facilities(
    station: Facility, laboratory: Facility, clinician: Actor, man: str
) -> None:
    place_order(patient_id=man, test="fit", facility=station, actor=clinician, performer=laboratory)
    pass_by(38)
    for facility in (station, laboratory):
        assert [row.patient_id for row in late(unanswered(facility.pk))] == [man]
    assert alarm_count(laboratory.pk) == 1


def test_the_list_costs_the_same_however_long_it_is(technician: Client, station: Facility, clinician: Actor) -> None:
    lot: KitLot = make_lot(station)
    counts = []
    for number in range(2):
        for letter in "ABC"[: number * 2 + 1]:
            person = make_patient(station, name=f"Lê {letter}{number}", gender="male", born="1960-03-12")
            arrive(person, station, clinician, lot)
        with CaptureQueriesContext(connection) as queries:
            technician.get(f"{LATE}?all=yes&kind=unread")
        counts.append(len(queries))
    assert counts[0] == counts[1]
