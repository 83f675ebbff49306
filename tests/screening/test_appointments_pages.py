"""The pages of appointments: the day, booking, sessions, the citizen's own; what each may see, and what it costs."""

from datetime import time, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from healthhub.accounts.actors import Role
from healthhub.audit.models import AccessEntry
from screening.appointments import booking
from screening.appointments.notes import notes_for
from screening.models import Appointment, ClosedDay, Episode, Session, Slot
from screening.recall.refresh import refresh_noted
from tests.screening.appointment_room import CHECK, COLONOSCOPY, FIT, in_days, planned, slots_of, the
from tests.screening.clinic_room import signed_in
from tests.screening.conftest import make_patient

pytestmark = pytest.mark.django_db


@pytest.fixture
def doctor(station):
    return signed_in(Role.CLINICIAN, station)


def today(station, **changes):
    return planned(station, **({"days": 0, "starts": time(0), "ends": time(23, 50), "minutes": 1430} | changes))


def positive(send, man, days_ago=10):
    send.fit(man, "50", on=f"{timezone.localdate() - timedelta(days=days_ago):%Y-%m-%d}")
    return Episode.objects.get(patient_id=man)


def person(station, name="Nguyễn Thị Sáu"):
    return make_patient(station, name=name, gender="female", born="1960-03-12")


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


# Sessions


def form(**changes):
    filled = {
        "service": "assessment.colorectal.colonoscopy",
        "day": f"{in_days(7):%d/%m/%Y}",
        "starts": "8h30",
        "ends": "10:00",
        "minutes": "30",
        "places": "2",
        "weeks": "2",
        "open_to": "citizens",
        "place": "Phòng 2, tầng 3",
    }
    return filled | changes


def test_sessions_are_planned_from_the_form(doctor, station):
    doctor.post("/clinic/appointments/sessions/", {"day": f"{in_days(14):%d/%m/%Y}", "note": "Nghỉ"})
    assert ClosedDay.objects.get().day == in_days(14)
    assert doctor.post("/clinic/appointments/sessions/new/", form()).status_code == 302
    session = Session.objects.get()
    assert (session.day, session.place, session.slots.count()) == (in_days(7), "Phòng 2, tầng 3", 3)
    assert "Nội soi đại tràng" in doctor.get("/clinic/appointments/sessions/").content.decode()
    doctor.post(f"/clinic/appointments/sessions/closed/{in_days(14)}/")
    assert ClosedDay.objects.count() == 0


@pytest.mark.parametrize(
    ("fault", "field"),
    [
        ({"ends": "08:40"}, "ends"),
        ({"day": "01/01/2020"}, "day"),
        ({"service": "x"}, "service"),
        ({"places": "0"}, "places"),
    ],
)
def test_impossible_plans_are_told_at_their_field(doctor, station, fault, field):
    page = doctor.post("/clinic/appointments/sessions/new/", form(**fault))
    assert list(page.context["form"].errors) == [field]
    assert Session.objects.count() == 0


def test_a_session_changes_with_people_in_it_but_not_below_them(doctor, station, clinician):
    session = planned(station, minutes=60, places=3)
    for number in range(2):
        booking.book(patient_id=person(station, f"Lê {number}"), slot_id=slots_of(session)[0].pk, actor=clinician)
    change = {"places": "1", "open_to": "own", "place": "Phòng 5"}
    assert list(doctor.post(f"/clinic/appointments/sessions/{session.pk}/", change).context["form"].errors) == [
        "places"
    ]
    assert doctor.post(f"/clinic/appointments/sessions/{session.pk}/", change | {"places": "2"}).status_code == 302
    session.refresh_from_db()
    assert (session.place, session.open_to, slots_of(session)[0].free) == ("Phòng 5", "own", 0)


def test_cancelling_a_session_shows_where_each_goes_first(doctor, station, clinician, man):
    session, other = planned(station, minutes=60), planned(station, days=6, minutes=60)
    held = the(booking.book(patient_id=man, slot_id=slots_of(session)[0].pk, actor=clinician))
    address = f"/clinic/appointments/sessions/{session.pk}/cancel/"
    page = doctor.get(address)
    assert "Nguyễn Văn Đức" in page.content.decode()
    assert (
        doctor.post(f"/clinic/appointments/sessions/{session.pk}/cancel/", {}).status_code == 200
    )  # not named: nothing happens
    session.refresh_from_db()
    assert session.active
    doctor.post(address, {f"to-{held.pk}": slots_of(other)[0].pk})
    held.refresh_from_db()
    session.refresh_from_db()
    assert (held.status, held.day, session.active) == ("booked", in_days(6), False)


# The citizen


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
