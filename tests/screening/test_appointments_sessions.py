"""The pages on which a facility plans, changes and cancels its sessions."""

import pytest

from healthhub.accounts.actors import Role
from screening.appointments import booking
from screening.models import ClosedDay, Session
from tests.screening.appointment_room import (
    in_days,
    person,
    planned,
    slots_of,
    the,
)
from tests.screening.clinic_room import signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def doctor(station):
    return signed_in(Role.CLINICIAN, station)


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
