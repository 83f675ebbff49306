"""Sessions, places and people of the tests about appointments."""

from datetime import date, time, timedelta
from typing import Any

from django.utils import timezone

from healthhub.accounts.actors import Actor, Role
from records.models import Facility
from screening.appointments.planning import Plan, plan_sessions
from screening.appointments.shapes import Service
from screening.models import Appointment, Episode, Session, Slot
from tests.screening.conftest import Sender, make_patient

COLONOSCOPY = Service("assessment", "colorectal", "colonoscopy")
FIT = Service("screening", "colorectal")
CHECK = Service("annual-check")


def in_days(days: int) -> date:
    """So many days from today."""
    return timezone.localdate() + timedelta(days=days)


def staff_of(facility: Facility, id: str = "user:1") -> Actor:
    """Somebody who works there."""
    return Actor(id, "Bác sĩ An", Role.CLINICIAN, facility=facility.pk)


def citizen(patient: str) -> Actor:
    """The person herself."""
    return Actor("user:9", "Người dân", Role.CITIZEN, patient=patient)


def planned(facility: Facility, *, days: int = 3, service: Service = COLONOSCOPY, **changes: Any) -> Session:
    """A morning of two slots, 8:00 and 8:30, with one place each and open to all, unless told otherwise."""
    settings: dict[str, Any] = {
        "service": service,
        "day": in_days(days),
        "starts": time(8),
        "ends": time(9),
        "minutes": 30,
        "places": 1,
        "open_to": "citizens",
    }
    made = plan_sessions(facility=facility, plan=Plan(**(settings | changes)), actor=staff_of(facility))
    return Session.objects.get(pk=made.sessions[0])


def slots_of(session: Session) -> list[Slot]:
    """In order of time."""
    return list(session.slots.order_by("starts_at"))


def the(saved: Any) -> Appointment:
    """The row of an appointment just saved."""
    return Appointment.objects.get(pk=saved.id)


def today(facility: Facility, **changes: Any) -> Session:
    """A session of one slot, the whole of today."""
    return planned(facility, **({"days": 0, "starts": time(0), "ends": time(23, 50), "minutes": 1430} | changes))


def positive(send: Sender, patient: str, days_ago: int = 10) -> Episode:
    """The round of somebody whose FIT was positive."""
    send.fit(patient, "50", on=f"{in_days(-days_ago)}")
    return Episode.objects.get(patient_id=patient)


def person(facility: Facility, name: str = "Nguyễn Thị Sáu") -> str:
    """Somebody else in the facility's care."""
    return make_patient(facility, name=name, gender="female", born="1960-03-12")
