"""The pages of appointments at the desk: the day and booking; what each may see, and what it costs."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from healthhub.accounts.actors import Role
from healthhub.audit.models import AccessEntry
from screening.appointments import booking
from screening.appointments.notes import notes_for
from screening.models import Appointment, Session, Slot
from screening.recall.refresh import refresh_noted
from tests.screening.appointment_room import (
    CHECK,
    COLONOSCOPY,
    FIT,
    in_days,
    person,
    planned,
    positive,
    slots_of,
    the,
    today,
)
from tests.screening.clinic_room import signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def doctor(station):
    return signed_in(Role.CLINICIAN, station)


# The day


def test_the_day_shows_who_comes_and_one_click_records_it(doctor, station, clinician, man):
    held = the(booking.book(patient_id=man, slot_id=slots_of(today(station))[0].pk, actor=clinician))
    page = doctor.get("/clinic/appointments/")
    assert "Nguyễn Văn Đức" in page.content.decode()
    answer = doctor.post(f"/clinic/appointments/{held.pk}/status/", {"status": "arrived"})
    assert answer.headers["Location"].endswith(f"#a-{held.pk}")
    held.refresh_from_db()
    assert held.status == "arrived"
    doctor.post(f"/clinic/appointments/{held.pk}/status/", {"status": "fulfilled", "back": "appointment"})
    held.refresh_from_db()
    assert held.status == "fulfilled"
    assert AccessEntry.objects.filter(patient=man, action="view", resource_type="Appointment").exists()


def test_a_day_left_open_is_an_alarm_until_everybody_is_recorded(doctor, station, clinician, man):
    other = person(station)
    for one in (man, other):
        booking.book(patient_id=one, slot_id=slots_of(today(station, places=2))[0].pk, actor=clinician)
        break
    booking.book(patient_id=other, slot_id=Slot.objects.get().pk, actor=clinician)
    Appointment.objects.update(day=in_days(-1))
    Session.objects.update(day=in_days(-1))
    page = doctor.get("/clinic/appointments/")
    assert page.context["unclosed"] == [(in_days(-1), 2)]
    assert "còn 2 người chưa ghi đến hay không đến" in page.content.decode()
    form = {held.pk: "fulfilled" if held.patient_id == man else "noshow" for held in Appointment.objects.all()}
    assert doctor.post(f"/clinic/appointments/close/?day={in_days(-1)}", form).status_code == 302
    assert dict(Appointment.objects.values_list("patient_id", "status")) == {man: "fulfilled", other: "noshow"}
    assert doctor.get("/clinic/appointments/").context["unclosed"] == []
    waiting = doctor.get("/clinic/appointments/waiting/").content.decode()
    assert "Nguyễn Thị Sáu" in waiting
    assert "Nguyễn Văn Đức" not in waiting


def test_the_day_costs_the_same_for_one_and_for_many(doctor, station, clinician, man):
    slot = slots_of(today(station, places=30))[0]
    booking.book(patient_id=man, slot_id=slot.pk, actor=clinician)
    doctor.get("/clinic/appointments/")  # the session is known from then on
    with CaptureQueriesContext(
        connection,
    ) as few:
        doctor.get("/clinic/appointments/")
    for number in range(8):
        booking.book(patient_id=person(station, f"Lê Thị {number}"), slot_id=slot.pk, actor=clinician)
    with CaptureQueriesContext(connection) as many:
        page = doctor.get("/clinic/appointments/")
    assert len(page.context["found"].sessions[0].lines) == 9
    assert len(many) == len(few)


def test_waiting_list_sessions_and_worklist_cost_the_same_for_many(doctor, station, send, clinician):
    paths = ("/clinic/appointments/waiting/", "/clinic/appointments/sessions/", "/clinic/?tab=open")
    people = [person(station, f"Lê Thị {number}") for number in range(6)]
    costs = []
    doctor.get("/clinic/people/")  # the session is known from then on
    for few in (people[:1], people[1:]):
        for number, one in enumerate(few):
            positive(send, one)
            if number % 2:
                booking.wait(patient_id=one, facility=station, service=COLONOSCOPY, actor=clinician)
            else:
                days = 3 + people.index(one)
                booking.book(patient_id=one, slot_id=slots_of(planned(station, days=days))[0].pk, actor=clinician)
                Appointment.objects.filter(patient_id=one).update(status="noshow")
        booking.wait(patient_id=few[0], facility=station, service=FIT, actor=clinician)
        counts = []
        for path in paths:
            with CaptureQueriesContext(connection) as made:
                doctor.get(path)
            counts.append(len(made))
        costs.append(counts)
    assert costs[0] == costs[1]


def test_a_walk_in_is_taken_from_the_persons_page(doctor, station, man):
    today(station, service=CHECK)
    assert "Đến không hẹn trước" in doctor.get(f"/clinic/people/{man}/").content.decode()
    page = doctor.get(f"/clinic/people/{man}/appointments/walk-in/")
    slot = page.context["sessions"][0][2]
    doctor.post(f"/clinic/people/{man}/appointments/walk-in/", {"slot": slot.pk})
    assert list(Appointment.objects.values_list("status", "walk_in")) == [("arrived", True)]


def test_who_arrives_for_a_yearly_check_is_shown_what_screening_is_due(doctor, station, clinician, man):
    held = the(booking.walk_in(patient_id=man, slot_id=slots_of(today(station, service=CHECK))[0].pk, actor=clinician))
    address = f"/clinic/appointments/{held.pk}/"
    assert "Đang tính lại" in doctor.get(address).content.decode()
    refresh_noted(timezone.localdate())
    page = doctor.get(address).content.decode()
    assert f"/clinic/people/{man}/results/new/?test=fit" in page
    assert "Đang tính lại" not in page


# Booking


def test_a_step_is_booked_before_its_due_date_first_and_late_ones_are_marked(doctor, station, send, man):
    episode = positive(send, man)
    planned(station, days=5)
    planned(station, days=80)
    page = doctor.get(f"/clinic/people/{man}/appointments/new/")
    days = lambda name: [offer.session.day for offer in page.context[name]]  # noqa: E731
    assert (days("in_time"), days("late")) == ([in_days(5)], [in_days(80)])
    slot = page.context["late"][0].slots[0]
    doctor.post(f"/clinic/people/{man}/appointments/new/?service=assessment.colorectal.colonoscopy", {"slot": slot.pk})
    held = Appointment.objects.get()
    assert "sau hạn" in doctor.get(f"/clinic/appointments/{held.pk}/").content.decode()
    due = episode.due_on
    episode.refresh_from_db()
    assert episode.due_on == due


def test_the_standing_says_that_a_step_is_booked_and_that_it_was_missed(doctor, station, send, clinician, man):
    episode = positive(send, man)
    held = the(booking.book(patient_id=man, slot_id=slots_of(planned(station))[0].pk, actor=clinician))
    assert f"Đã hẹn ngày {in_days(3):%d/%m/%Y}" in doctor.get(f"/clinic/people/{man}/").content.decode()
    assert (notes_for([episode])[episode.pk].missed, notes_for([episode])[episode.pk].kind) == (False, "wait")
    Appointment.objects.update(status="noshow")
    note = notes_for([episode])[episode.pk]
    assert (note.missed, note.kind, note.appointment.pk) == (True, "urgent", held.pk)
    assert "Không đến hẹn ngày" in doctor.get(f"/clinic/people/{man}/").content.decode()
    assert "Nguyễn Văn Đức" in doctor.get("/clinic/?tab=open").content.decode()


def test_the_last_place_taken_meanwhile_is_told_and_the_queue_offered(doctor, station, send, clinician, man):
    positive(send, man)
    slot = slots_of(planned(station, minutes=60))[0]
    booking.book(patient_id=person(station), slot_id=slot.pk, actor=clinician)
    address = f"/clinic/people/{man}/appointments/new/?service=assessment.colorectal.colonoscopy"
    page = doctor.post(address, {"slot": slot.pk}).content.decode()
    assert "Chỗ này vừa hết" in page
    answer = doctor.post(address, {"wait": "yes", "wanted_from": f"{in_days(5):%d/%m/%Y}"})
    held = Appointment.objects.get(patient_id=man)
    assert (answer.status_code, held.status, held.wanted_from) == (302, "waitlist", in_days(5))


def test_cancelling_asks_for_the_reason(doctor, station, clinician, man):
    held = the(booking.book(patient_id=man, slot_id=slots_of(planned(station))[0].pk, actor=clinician))
    address = f"/clinic/appointments/{held.pk}/cancel/"
    assert doctor.post(address, {}).status_code == 200
    assert doctor.post(address, {"reason": "facility"}).status_code == 302
    held.refresh_from_db()
    assert (held.status, held.reason) == ("cancelled", "cancelled-facility")


def test_another_facility_sees_nothing_of_it(station, laboratory, clinician, man):
    held = the(booking.book(patient_id=man, slot_id=slots_of(today(station))[0].pk, actor=clinician))
    stranger = signed_in(Role.CLINICIAN, laboratory)
    session = Session.objects.get()
    paths = [
        f"/clinic/appointments/{held.pk}/",
        f"/clinic/appointments/{held.pk}/cancel/",
        f"/clinic/people/{man}/appointments/new/",
        f"/clinic/appointments/sessions/{session.pk}/",
        f"/clinic/appointments/sessions/{session.pk}/cancel/",
    ]
    assert [stranger.get(path).status_code for path in paths] == [404] * 5
    assert stranger.post(f"/clinic/appointments/{held.pk}/status/", {"status": "arrived"}).status_code == 404
    for path in ("/clinic/appointments/", "/clinic/appointments/waiting/", "/clinic/appointments/sessions/"):
        assert "Nguyễn Văn Đức" not in stranger.get(path).content.decode()


@pytest.mark.parametrize("role", [Role.OFFICER, Role.ANALYST])
def test_the_department_and_citizens_do_not_enter(role, station, man):
    session = planned(station)
    for client in (signed_in(role), signed_in(Role.CITIZEN, patient=man)):
        for path in ("", "waiting/", "sessions/", "sessions/new/", f"sessions/{session.pk}/"):
            assert client.get(f"/clinic/appointments/{path}").status_code == 403
    assert signed_in(Role.LABORATORY, station).get("/me/appointments/").status_code == 403


def test_the_service_of_a_page_is_that_of_its_address(doctor, station, clinician, man):
    planned(station, service=FIT)
    page = doctor.get(f"/clinic/people/{man}/appointments/new/?service=nonsense.x")
    assert page.context["service"] == FIT
    booking.wait(patient_id=man, facility=station, service=COLONOSCOPY, actor=clinician)
    assert doctor.get("/clinic/appointments/waiting/").context["lines"][0]["service"] == "Nội soi đại tràng"


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31", "2026-13-40", "x", "²", ""])
def test_an_impossible_day_in_the_address_is_today(doctor, station, day):
    assert doctor.get(f"/clinic/appointments/?day={day}").context["found"].day == timezone.localdate()
    assert doctor.get(f"/clinic/appointments/sessions/?from={day}").status_code == 200
    assert doctor.get(f"/clinic/appointments/close/?day={day}").status_code == 200


def test_a_nul_in_what_is_sent_is_a_bad_request(doctor, station, man):
    assert doctor.post(f"/clinic/people/{man}/appointments/walk-in/", {"slot": "\x00"}).status_code == 400
