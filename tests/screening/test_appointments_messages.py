"""Who is told what about an appointment: each once, never a result, nothing after it is off."""

from datetime import timedelta

import pytest
from django.utils import timezone

from fhir import store
from screening.appointments import booking, notices, planning
from screening.models import Appointment, Message
from tests.screening.appointment_room import in_days, planned, slots_of, the
from tests.screening.conftest import make_patient

pytestmark = pytest.mark.django_db


@pytest.fixture
def man(station):
    phone = [{"system": "phone", "value": "0912345678"}]
    return make_patient(station, name="Nguyễn Văn Đức", gender="male", born="1960-03-12", telecom=phone)


def told(state=None):
    rows = Message.objects.order_by("pk")
    return list((rows.filter(state=state) if state else rows).values_list("kind", flat=True))


def test_a_booking_is_told_once_and_moving_it_told_anew(station, clinician, man):
    first, second = slots_of(planned(station))
    held = the(booking.book(patient_id=man, slot_id=first.pk, actor=clinician))
    message = Message.objects.get()
    assert (message.kind, message.data, message.facility_id) == (
        "appointment",
        {"date": f"{in_days(3)}", "time": "08:00"},
        station.pk,
    )
    booking.move(appointment_id=held.pk, slot_id=second.pk, actor=clinician)
    assert told("queued") == ["appointment_changed"]
    assert told("cancelled") == ["appointment"]


def test_who_cancels_herself_is_not_told_but_who_is_put_off_is(station, clinician, man):
    session = planned(station)
    held = the(booking.book(patient_id=man, slot_id=slots_of(session)[0].pk, actor=clinician))
    booking.cancel(appointment_id=held.pk, actor=clinician)
    assert told("queued") == []
    held = the(booking.book(patient_id=man, slot_id=slots_of(session)[0].pk, actor=clinician))
    planning.cancel_session(session=session, moves={held.pk: ""}, actor=clinician)
    assert told("queued") == ["appointment_changed"]


def test_reminders_go_out_7_days_and_1_day_before_once(station, clinician, man):
    session = planned(station, days=20)
    booking.book(patient_id=man, slot_id=slots_of(session)[0].pk, actor=clinician)
    Appointment.objects.update(queued_at=timezone.now() - timedelta(days=1))
    assert [notices.remind(today=in_days(day)) for day in (12, 13, 13, 14, 19, 19, 20)] == [0, 1, 0, 0, 1, 0, 0]
    assert told() == ["appointment", "appointment_reminder", "appointment_reminder"]


def test_an_edit_that_keeps_the_time_reminds_nobody_again_but_another_time_does(station, clinician, man):
    session = planned(station, days=7)
    first, second = slots_of(session)[:2]
    held = the(booking.book(patient_id=man, slot_id=first.pk, actor=clinician))
    Appointment.objects.update(queued_at=timezone.now() - timedelta(days=5))
    assert notices.remind() == 1
    stored = store.text.parse(store.tables.lock_existing([("Appointment", held.pk)])["Appointment", held.pk].content)
    store.save(stored.resource | {"comment": "Đi cùng con gái"}, actor=clinician)
    assert (Appointment.objects.get().version, notices.remind()) == (held.version + 1, 0)
    booking.move(appointment_id=held.pk, slot_id=second.pk, actor=clinician)
    assert told("queued") == ["appointment_changed"]
    assert notices.remind() == 1
    assert told("queued") == ["appointment_changed", "appointment_reminder"]


def test_a_cancelled_appointment_takes_its_reminder_back(station, clinician, man):
    held = the(booking.book(patient_id=man, slot_id=slots_of(planned(station, days=1))[0].pk, actor=clinician))
    notices.remind()
    booking.cancel(appointment_id=held.pk, actor=clinician)
    assert told("queued") == []
    assert told("cancelled") == ["appointment", "appointment_reminder"]


def test_nothing_is_sent_about_the_dead(station, clinician, man):
    booking.book(patient_id=man, slot_id=slots_of(planned(station, days=1))[0].pk, actor=clinician)
    patient = store.text.parse(store.tables.lock_existing([("Patient", man)])["Patient", man].content).resource
    store.save(patient | {"deceasedBoolean": True}, actor=clinician)
    assert notices.remind() == 0
    assert told("queued") == []


def test_a_walk_in_and_attendance_are_told_to_nobody(station, clinician, man):
    session = planned(station, days=0)
    booking.walk_in(patient_id=man, slot_id=slots_of(session)[0].pk, actor=clinician)
    assert told() == []
