"""The citizen's own pages of appointments."""

from datetime import timedelta

import pytest
from django.utils import timezone

from healthhub.accounts.actors import Role
from screening.appointments import booking
from screening.models import Appointment
from screening.recall.refresh import refresh_noted
from tests.screening.appointment_room import FIT, in_days, person, planned, positive, slots_of, the, today
from tests.screening.clinic_room import signed_in

pytestmark = pytest.mark.django_db


def test_a_citizen_books_changes_and_cancels(station, send, man):
    me = signed_in(Role.CITIZEN, patient=man)
    positive(send, man)
    early, late = slots_of(planned(station, days=5))
    assert "Nội soi đại tràng" in me.get("/me/appointments/").content.decode()
    address = "/me/appointments/new/?service=assessment.colorectal.colonoscopy"
    assert me.get(address).context["offers"][0].slots == [early, late]
    assert me.post(address, {"slot": early.pk}).status_code == 302
    assert "08:00" in me.get("/me/").content.decode()
    me.post(address, {"slot": late.pk})
    held = Appointment.objects.get()
    assert held.slot_id == late.pk
    me.post(f"/me/appointments/{held.pk}/cancel/")
    held.refresh_from_db()
    assert held.status == "cancelled"


def test_a_citizen_waits_where_all_is_taken_and_is_served(
    station, send, clinician, man, django_capture_on_commit_callbacks
):
    me = signed_in(Role.CITIZEN, patient=man)
    positive(send, man)
    slot = slots_of(planned(station, days=5, minutes=60))[0]
    held = the(booking.book(patient_id=person(station), slot_id=slot.pk, actor=clinician))
    address = "/me/appointments/new/?service=assessment.colorectal.colonoscopy"
    page = me.get(address)
    assert (page.context["offers"], page.context["full"]) == ([], [station])
    assert "Nguyễn Thị Sáu" not in page.content.decode()
    me.post(address, {"facility": station.pk})
    assert "danh sách chờ" in me.get("/me/appointments/").content.decode()
    with django_capture_on_commit_callbacks(execute=True):
        booking.cancel(appointment_id=held.pk, actor=clinician)
    assert "08:00" in me.get("/me/appointments/").content.decode()


def test_a_citizen_is_offered_only_what_is_open_to_her_and_due(station, send, man):
    me = signed_in(Role.CITIZEN, patient=man)
    planned(station, open_to="staff")
    planned(station, open_to="citizens", service=FIT, days=4)
    wishes = [wish.name for wish, _key in me.get("/me/appointments/").context["wishes"]]
    assert wishes == ["Sàng lọc ung thư đại trực tràng"]
    send.fit(man, "3", on=f"{in_days(-20)}")  # negative: the next round is in a year
    refresh_noted(timezone.localdate())
    assert me.get("/me/appointments/").context["wishes"] == []
    assert me.get("/me/appointments/new/?service=screening.colorectal").status_code == 404


def test_a_citizen_sees_nobody_elses_appointment(station, clinician, man):
    other = person(station)
    held = the(booking.book(patient_id=other, slot_id=slots_of(planned(station))[0].pk, actor=clinician))
    me = signed_in(Role.CITIZEN, patient=man)
    assert me.get(f"/me/appointments/{held.pk}/cancel/").status_code == 404
    assert me.post(f"/me/appointments/{held.pk}/cancel/").status_code == 404
    pages = [me.get(path).content.decode() for path in ("/me/", "/me/appointments/")]
    assert not any("Nguyễn Thị Sáu" in page or held.pk in page for page in pages)
    held.refresh_from_db()
    assert held.status == "booked"


def test_too_near_to_the_time_the_citizen_is_asked_to_phone(station, clinician, man):
    held = the(booking.book(patient_id=man, slot_id=slots_of(today(station, days=1))[0].pk, actor=clinician))
    Appointment.objects.update(starts_at=timezone.now() + timedelta(hours=20))
    me = signed_in(Role.CITIZEN, patient=man)
    assert "hãy gọi cho Trạm y tế Dịch Vọng" in me.get("/me/appointments/").content.decode()
    me.post(f"/me/appointments/{held.pk}/cancel/")
    held.refresh_from_db()
    assert held.status == "booked"
