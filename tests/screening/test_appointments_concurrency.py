"""Bookers at the same moment: never one more than there are places, and nobody waits for ever."""

import pytest
from django.db import connection

from screening.appointments import booking
from screening.appointments.planning import cancel_session
from screening.appointments.queue import fill_places
from screening.models import Appointment, Slot
from tests.screening.appointment_room import COLONOSCOPY, planned, slots_of, the
from tests.screening.conftest import make_patient
from tests.screening.test_intake_concurrency import at_once

pytestmark = pytest.mark.django_db(transaction=True)


def people(station, count):
    return [make_patient(station, name=f"Nguyễn Văn {n}", gender="male", born="1960-03-12") for n in range(count)]


def test_the_last_place_goes_to_one_of_many(station, clinician):
    slot = slots_of(planned(station, minutes=60, places=2))[0]
    crowd = people(station, 6)
    answers = at_once(
        *[lambda one=one: booking.book(patient_id=one, slot_id=slot.pk, actor=clinician).id for one in crowd]
    )
    assert sorted(answer == "conflict" for answer in answers) == [False] * 2 + [True] * 4
    assert (Appointment.objects.count(), Slot.objects.get().taken) == (2, 2)


def test_one_person_booked_twice_at_the_same_moment_has_one_appointment(station, clinician, man):
    for week in range(3):
        slots = slots_of(planned(station, days=3 + 7 * week))
        at_once(
            *[lambda slot=slot: booking.book(patient_id=man, slot_id=slot.pk, actor=clinician).id for slot in slots]
        )
        assert Appointment.objects.filter(status="booked").count() == 1


def test_two_who_change_places_do_not_lock_each_other_out(station, clinician):
    one, two = slots_of(planned(station, places=2))
    first, second = (
        the(booking.book(patient_id=person, slot_id=slot.pk, actor=clinician))
        for person, slot in zip(people(station, 2), (one, two), strict=True)
    )
    for there, back in ((two, one), (one, two)) * 3:
        at_once(
            lambda there=there: booking.move(appointment_id=first.pk, slot_id=there.pk, actor=clinician),
            lambda back=back: booking.move(appointment_id=second.pk, slot_id=back.pk, actor=clinician),
        )
    assert sorted(slot.taken for slot in Slot.objects.all()) == [1, 1]


def test_a_freed_place_is_given_once_however_many_serve_the_queue(station, clinician):
    holder, *line = people(station, 4)
    slot = slots_of(planned(station, minutes=60))[0]
    held = the(booking.book(patient_id=holder, slot_id=slot.pk, actor=clinician))
    for one in line:
        booking.wait(patient_id=one, facility=station, service=COLONOSCOPY, actor=clinician)
    at_once(lambda: booking.cancel(appointment_id=held.pk, actor=clinician), fill_places, fill_places)
    fill_places()
    assert Appointment.objects.get(status="booked").patient_id == line[0]
    assert Slot.objects.get().taken == 1
    assert connection.is_usable()


def test_nobody_is_booked_into_a_session_that_is_being_cancelled(station, clinician, man):
    for week in range(4):
        session = planned(station, days=3 + 7 * week)
        slot = slots_of(session)[0]
        at_once(
            lambda session=session: cancel_session(session=session, moves={}, actor=clinician),
            lambda slot=slot: booking.book(patient_id=man, slot_id=slot.pk, actor=clinician).id,
        )
        assert not Appointment.objects.filter(status="booked", slot__session__active=False).exists()
