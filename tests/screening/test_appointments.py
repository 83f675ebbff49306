"""Booking by the rules, whoever books: capacity, one open appointment of a service, times that suit, the queue."""

from datetime import time, timedelta

import pytest
from django.db import IntegrityError, InternalError, transaction
from django.utils import timezone

from fhir import store
from fhir.models import Resource
from fhir.outcomes import Refused
from fhir.text import parse
from healthhub.accounts.actors import SYSTEM
from records.models import Facility
from screening.appointments import booking, planning, projection
from screening.appointments.queue import fill_places, waiting
from screening.models import Appointment, AppointmentEvent, Session, Slot
from tests.screening.appointment_room import COLONOSCOPY, FIT, citizen, in_days, planned, slots_of, staff_of, the
from tests.screening.conftest import make_patient

pytestmark = pytest.mark.django_db


def people(station: Facility, count: int) -> list[str]:
    return [make_patient(station, name=f"Nguyễn Văn {n}", gender="male", born="1960-03-12") for n in range(count)]


def statuses(appointment: Appointment) -> list[tuple[str, str]]:
    events = AppointmentEvent.objects.filter(appointment_id=appointment.pk).order_by("version")
    return [(event.from_status, event.to_status) for event in events]


def slot_status(slot: Slot) -> str:
    return parse(Resource.objects.get(type="Slot", id=slot.pk).content).resource["status"]


def test_a_plan_of_weeks_leaves_out_closed_days_and_makes_nothing_twice(station, clinician):
    planning.close_day(facility=station, day=in_days(10), note="Nghỉ lễ", actor=clinician)
    plan = planning.Plan(FIT, in_days(3), time(8), time(11), 30, 10, weeks=4)
    made = planning.plan_sessions(facility=station, plan=plan, actor=clinician)
    assert (len(made.sessions), made.closed) == (3, [in_days(10)])
    assert Slot.objects.count() == 18
    assert {slot.places for slot in Slot.objects.all()} == {10}
    again = planning.plan_sessions(facility=station, plan=plan, actor=clinician)
    assert (again.sessions, len(again.taken)) == ([], 3)


def test_a_booked_place_is_taken_and_the_slot_says_so(station, clinician, man):
    slot = slots_of(planned(station))[0]
    held = the(booking.book(patient_id=man, slot_id=slot.pk, actor=clinician))
    assert (held.status, held.slot_id, held.facility_id) == ("booked", slot.pk, station.pk)
    assert (Slot.objects.get(pk=slot.pk).free, slot_status(slot)) == (0, "busy")
    booking.cancel(appointment_id=held.pk, actor=clinician)
    assert (Slot.objects.get(pk=slot.pk).free, slot_status(slot)) == (1, "free")
    assert statuses(held) == [("", "booked"), ("booked", "cancelled")]


def test_the_last_place_goes_to_one(station, clinician):
    first, second = people(station, 2)
    slot = slots_of(planned(station))[0]
    booking.book(patient_id=first, slot_id=slot.pk, actor=clinician)
    with pytest.raises(Refused) as refused:
        booking.book(patient_id=second, slot_id=slot.pk, actor=clinician)
    assert (refused.value.status, refused.value.issues[0].code) == (422, "conflict")
    assert Appointment.objects.count() == 1


def test_booking_again_moves_the_one_appointment(station, clinician, man):
    early, late = slots_of(planned(station))
    held = the(booking.book(patient_id=man, slot_id=early.pk, actor=clinician))
    booking.book(patient_id=man, slot_id=late.pk, actor=clinician)
    held.refresh_from_db()
    assert (Appointment.objects.count(), held.slot_id) == (1, late.pk)
    assert [slot.taken for slot in slots_of(late.session)] == [0, 1]
    moved = AppointmentEvent.objects.get(version=2)
    assert (moved.from_starts_at, moved.to_starts_at) == (early.starts_at, late.starts_at)


def test_what_happened_to_an_appointment_is_never_changed(station, clinician, man):
    booking.book(patient_id=man, slot_id=slots_of(planned(station))[0].pk, actor=clinician)
    for change in (lambda e: e.delete(), lambda e: e.update(actor="nobody")):
        with pytest.raises((InternalError, IntegrityError)), transaction.atomic():
            change(AppointmentEvent.objects.all())
    assert AppointmentEvent.objects.get().actor == clinician.id


@pytest.mark.parametrize(
    ("resource", "status", "expression"),
    [
        ({"status": "noshow"}, 422, "Appointment.status"),
        ({"status": "fulfilled"}, 422, "Appointment.status"),
        ({"end": "2030-01-01T00:00:00Z"}, 422, "Appointment.start"),
        ({"slot": [{"reference": "Slot/none"}]}, 422, "Appointment.slot"),
    ],
)
def test_impossible_appointments_are_refused(station, clinician, man, resource, status, expression):
    held = the(booking.book(patient_id=man, slot_id=slots_of(planned(station))[0].pk, actor=clinician))
    stored = parse(Resource.objects.get(type="Appointment", id=held.pk).content).resource
    with pytest.raises(Refused) as refused:
        store.save(stored | resource, actor=SYSTEM)
    assert (refused.value.status, refused.value.issues[0].expression) == (status, expression)


def test_the_past_is_not_booked_but_a_walk_in_of_today_is_taken_beyond_the_places(station, clinician):
    first, second = people(station, 2)
    session = planned(station, days=0, starts=time(0), ends=time(23, 30), minutes=1410)
    slot = slots_of(session)[0]
    assert the(booking.walk_in(patient_id=first, slot_id=slot.pk, actor=clinician)).status == "arrived"
    assert the(booking.walk_in(patient_id=second, slot_id=slot.pk, actor=clinician)).walk_in
    slot.refresh_from_db()
    assert (slot.taken, slot.free) == (2, 0)
    third = make_patient(station, name="Lê Văn Ba", gender="male", born="1960-03-12")
    with pytest.raises(Refused):
        booking.book(patient_id=third, slot_id=slot.pk, actor=clinician)


def test_attendance_is_recorded_and_taken_back(station, clinician, man):
    session = planned(station, days=0, starts=time(0), ends=time(23, 30), minutes=1410)
    held = the(booking.book(patient_id=man, slot_id=slots_of(session)[0].pk, actor=clinician))
    for status in ("arrived", "booked", "noshow", "arrived", "fulfilled"):
        booking.mark(appointment_ids=[held.pk], status=status, actor=clinician)
    assert [to for _from, to in statuses(held)] == ["booked", "arrived", "booked", "noshow", "arrived", "fulfilled"]


def test_only_the_sessions_facility_records_who_came(station, laboratory, clinician, man):
    session = planned(laboratory, days=0, starts=time(0), ends=time(23, 30), minutes=1410)
    held = the(booking.book(patient_id=man, slot_id=slots_of(session)[0].pk, actor=clinician))
    with pytest.raises(Refused) as refused:
        booking.mark(appointment_ids=[held.pk], status="arrived", actor=clinician)
    assert refused.value.status == 403
    booking.mark(appointment_ids=[held.pk], status="arrived", actor=staff_of(laboratory))


def test_a_session_of_own_staff_only_is_closed_to_others(station, laboratory, clinician, man):
    for open_to, who in (("own", clinician), ("own", citizen(man)), ("staff", citizen(man))):
        slot = slots_of(planned(laboratory, open_to=open_to, days=3 if who is clinician else 4 + len(open_to)))[0]
        with pytest.raises(Refused) as refused:
            booking.book(patient_id=man, slot_id=slot.pk, actor=who)
        assert refused.value.status == 403


def test_nobody_books_for_somebody_out_of_their_care(station, laboratory, man):
    slot = slots_of(planned(station))[0]
    with pytest.raises(Refused) as refused:
        booking.book(patient_id=man, slot_id=slot.pk, actor=staff_of(laboratory))
    assert refused.value.status == 403
    with pytest.raises(Refused):
        booking.book(patient_id=man, slot_id=slot.pk, actor=citizen("somebody-else"))


def test_a_citizen_changes_and_cancels_until_the_day_before(station, man):
    soon, later = slots_of(planned(station, days=5))
    held = the(booking.book(patient_id=man, slot_id=soon.pk, actor=citizen(man)))
    booking.move(appointment_id=held.pk, slot_id=later.pk, actor=citizen(man))
    booking.cancel(appointment_id=held.pk, actor=citizen(man))
    held = the(booking.book(patient_id=man, slot_id=soon.pk, actor=citizen(man)))
    assert booking.too_late(held, held.starts_at - timedelta(hours=23))
    with pytest.raises(Refused) as refused:
        booking.cancel(appointment_id=held.pk, actor=citizen("another"))
    assert refused.value.status == 404


def test_a_place_given_back_goes_to_the_first_in_line(station, clinician):
    holder, first, second = people(station, 3)
    session = planned(station, minutes=60)
    slot = slots_of(session)[0]
    held = the(booking.book(patient_id=holder, slot_id=slot.pk, actor=clinician))
    line = [
        the(booking.wait(patient_id=one, facility=station, service=COLONOSCOPY, actor=clinician))
        for one in (first, second)
    ]
    assert fill_places() == 0
    booking.cancel(appointment_id=held.pk, actor=clinician)
    assert fill_places() == 1
    assert [Appointment.objects.get(pk=one.pk).status for one in line] == ["booked", "waitlist"]
    assert statuses(line[0]) == [("", "waitlist"), ("waitlist", "booked")]
    assert [one.patient_id for one in waiting(station.pk)] == [second]


def test_who_waits_gets_no_day_that_does_not_suit(station, clinician, man):
    held = the(
        booking.wait(
            patient_id=man,
            facility=station,
            service=COLONOSCOPY,
            actor=clinician,
            wanted_from=in_days(7),
            wanted_to=in_days(9),
        )
    )
    planned(station, days=3)
    planned(station, days=1, starts=time(0), ends=time(0, 30))
    assert fill_places() == 0
    session = planned(station, days=8)
    assert fill_places() == 1
    held.refresh_from_db()
    assert held.day == session.day


def test_a_place_given_back_is_served_right_after_the_write(station, clinician, django_capture_on_commit_callbacks):
    holder, first = people(station, 2)
    slot = slots_of(planned(station, minutes=60))[0]
    held = the(booking.book(patient_id=holder, slot_id=slot.pk, actor=clinician))
    booking.wait(patient_id=first, facility=station, service=COLONOSCOPY, actor=clinician)
    with django_capture_on_commit_callbacks(execute=True):
        booking.cancel(appointment_id=held.pk, actor=clinician)
    assert Appointment.objects.get(patient_id=first).status == "booked"


def test_a_cancelled_session_moves_or_requeues_everybody(station, clinician):
    one, two = people(station, 2)
    session, other = planned(station), planned(station, days=5, minutes=60)
    booked = [
        the(booking.book(patient_id=person, slot_id=slot.pk, actor=clinician))
        for person, slot in zip((one, two), slots_of(session), strict=True)
    ]
    moves = planning.proposed_moves(session)
    assert [move.slot.session_id if move.slot else None for move in moves] == [other.pk, None]
    named = {move.appointment.pk: move.slot.pk if move.slot else "" for move in moves}
    with pytest.raises(Refused) as refused:
        planning.cancel_session(session=session, moves={booked[0].pk: ""}, actor=clinician)
    assert refused.value.status == 409
    assert planning.cancel_session(session=session, moves=named, actor=clinician) == (1, 1)
    rows = [Appointment.objects.get(pk=row.pk) for row in booked]
    assert [(row.status, row.priority) for row in rows] == [("booked", 0), ("waitlist", 1)]
    session.refresh_from_db()
    assert (session.active, {slot.open for slot in slots_of(session)}) == (False, {False})


def test_no_door_takes_a_session_from_under_its_people(station, clinician, man):
    session = planned(station)
    slot = slots_of(session)[0]
    booking.book(patient_id=man, slot_id=slot.pk, actor=clinician)
    schedule = parse(Resource.objects.get(type="Schedule", id=session.pk).content).resource
    stored = parse(Resource.objects.get(type="Slot", id=slot.pk).content).resource
    for write in (
        lambda: store.save(schedule | {"active": False}, actor=SYSTEM),
        lambda: store.save(stored | {"status": "busy-unavailable"}, actor=SYSTEM),
        lambda: store.save(
            stored | {"start": "2030-01-01T08:00:00+07:00", "end": "2030-01-01T09:00:00+07:00"}, actor=SYSTEM
        ),
        lambda: store.delete(type="Slot", id=slot.pk, actor=SYSTEM),
        lambda: store.delete(type="Schedule", id=session.pk, actor=SYSTEM),
    ):
        with pytest.raises(Refused) as refused:
            write()
        assert refused.value.status in (409, 422)
    assert Session.objects.get().active


def test_the_dead_are_not_waited_for(station, clinician, man):
    slot = slots_of(planned(station))[0]
    held = the(booking.book(patient_id=man, slot_id=slot.pk, actor=clinician))
    patient = parse(Resource.objects.get(type="Patient", id=man).content).resource
    store.save(patient | {"deceasedDateTime": "2026-11-01"}, actor=SYSTEM)
    held.refresh_from_db()
    assert (held.status, held.reason) == ("cancelled", "pat-dec")
    with pytest.raises(Refused):
        booking.book(patient_id=man, slot_id=slot.pk, actor=clinician)


def test_a_deleted_appointment_gives_its_place_back(station, clinician, man):
    slot = slots_of(planned(station))[0]
    held = the(booking.book(patient_id=man, slot_id=slot.pk, actor=clinician))
    store.delete(type="Appointment", id=held.pk, actor=clinician)
    assert (Appointment.objects.count(), Slot.objects.get(pk=slot.pk).taken) == (0, 0)
    assert statuses(held)[-1] == ("booked", "entered-in-error")


def test_a_rebuild_gives_the_same_rows(station, laboratory, clinician):
    first, second, third = people(station, 3)
    session, elsewhere = planned(station), planned(laboratory, days=4)
    held = the(booking.book(patient_id=first, slot_id=slots_of(session)[0].pk, actor=clinician))
    booking.cancel(appointment_id=held.pk, actor=clinician)
    booking.book(patient_id=second, slot_id=slots_of(session)[1].pk, actor=clinician)
    booking.book(patient_id=third, slot_id=slots_of(elsewhere)[0].pk, actor=clinician)
    waits = the(booking.wait(patient_id=first, facility=laboratory, service=FIT, actor=clinician))
    booking.cancel(appointment_id=waits.pk, actor=clinician)
    booking.wait(patient_id=second, facility=laboratory, service=FIT, actor=clinician)

    def rows() -> list[list[dict[str, object]]]:
        return [list(model.objects.order_by("pk").values()) for model in (Session, Slot, Appointment)]

    before, events = rows(), AppointmentEvent.objects.count()
    projection.rebuild()
    after = rows()
    for row in [*before[2], *after[2]]:
        row["queued_at"] = abs(row["queued_at"] - timezone.now()) < timedelta(minutes=1)
    assert after == before
    assert AppointmentEvent.objects.count() == events
