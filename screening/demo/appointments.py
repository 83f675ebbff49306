"""Sessions of the demo clinic around the demo's present day, and some people in them, so that its day list is alive."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

from django.utils import timezone

from screening.appointments.shapes import (
    Service,
    appointment_resource,
    in_slot,
    schedule_resource,
    slot_resource,
)
from screening.demo.calendar import working_day
from screening.demo.places import Site
from screening.demo.plan import Options
from screening.demo.present import Recent
from screening.demo.tags import META
from screening.facts import ZONE

_COLONOSCOPY = Service("assessment", "colorectal", "colonoscopy")
_FIT = Service("screening", "colorectal")
_CHECK = Service("annual-check")

# (key, service, days from today, begins, slots, minutes, places a slot, where)
_SESSIONS: Sequence[tuple[str, Service, int, time, int, int, int, str]] = (
    ("c0", _COLONOSCOPY, -1, time(8), 6, 30, 1, "Phòng nội soi, tầng 3. Nhịn ăn từ tối hôm trước."),
    ("c1", _COLONOSCOPY, 3, time(8), 6, 30, 1, "Phòng nội soi, tầng 3. Nhịn ăn từ tối hôm trước."),
    ("c2", _COLONOSCOPY, 10, time(8), 6, 30, 1, "Phòng nội soi, tầng 3. Nhịn ăn từ tối hôm trước."),
    ("c3", _COLONOSCOPY, 24, time(8), 6, 30, 1, "Phòng nội soi, tầng 3. Nhịn ăn từ tối hôm trước."),
    ("f0", _FIT, 0, time(13, 30), 4, 45, 5, "Quầy phát bộ lấy mẫu, tầng 1."),
    ("f1", _FIT, 7, time(13, 30), 4, 45, 5, "Quầy phát bộ lấy mẫu, tầng 1."),
    ("k0", _CHECK, 0, time(7, 30), 6, 40, 8, "Khu khám sức khỏe, tầng 2. Mang theo căn cước."),
    ("k1", _CHECK, 7, time(7, 30), 6, 40, 8, "Khu khám sức khỏe, tầng 2. Mang theo căn cước."),
)
# (session, slot, place of the person among the recent tests, status once its time has come)
_PEOPLE: Sequence[tuple[str, int, int, str]] = (
    ("c0", 0, 0, "noshow"), ("c1", 1, 13, "fulfilled"), ("k0", 0, 1, "fulfilled"), ("k0", 0, 4, "arrived"),
    ("k0", 1, 6, "booked"), ("k0", 1, 9, "booked"), ("k0", 2, 11, "booked"), ("f0", 0, 16, "booked"),
)  # fmt: skip


def sessions(options: Options, *, clinic: Site) -> Iterator[tuple[Site, dict[str, Any]]]:
    """The clinic's Schedules and Slots."""
    for key, service, days, begins, count, minutes, places, where in _SESSIONS:
        day = _day(options, days)
        name = _id(options, key)
        times = [_at(day, begins, number * minutes) for number in range(count + 1)]
        yield (
            clinic,
            {"id": name, "meta": META}
            | schedule_resource(
                facility_code=clinic.code,
                facility_name=clinic.name,
                service=service,
                starts_at=times[0],
                ends_at=times[-1],
                place=where,
                open_to="citizens",
            ),
        )
        for number in range(count):
            slot = slot_resource(
                schedule=name, service=service, starts_at=times[number], ends_at=times[number + 1], places=places
            )
            yield clinic, {"id": f"{name}-{number}", "meta": META} | slot


def appointments(options: Options, *, clinic: Site, recent: Sequence[Recent]) -> Iterator[tuple[Site, dict[str, Any]]]:
    """People of the recent tests in these sessions; what lies before the server's own day has taken place."""
    plans = {key: (service, days, begins, minutes) for key, service, days, begins, _n, minutes, _p, _w in _SESSIONS}
    for key, slot, place, status in _PEOPLE:
        if place >= len(recent):
            continue
        service, days, begins, minutes = plans[key]
        day = _day(options, days)
        resource = appointment_resource(
            patient=recent[place].test.person.id,
            service=service,
            facility_code=clinic.code,
            facility_name=clinic.name,
            status=_status(status, day),
            created=_at(options.today - timedelta(days=6), time(9), 0),
        )
        starts = _at(day, begins, slot * minutes)
        name = f"{_id(options, key)}-{slot}"
        ends = starts + timedelta(minutes=minutes)
        resource = in_slot(resource, slot=name, starts_at=starts, ends_at=ends)
        yield clinic, {"id": f"{name}-p{place}", "meta": META} | resource


def _status(status: str, day: date) -> str:
    """By the server's clock nobody can have come to what is still to be, nor be expected at what is over."""
    today = timezone.localdate()
    if day > today:
        return "booked"
    if day < today:
        return "fulfilled" if status == "booked" else status
    return "booked" if status == "noshow" else status


def _day(options: Options, days: int) -> date:
    day = options.today + timedelta(days=days)
    return working_day(day) if days > 0 else day


def _at(day: date, begins: time, minutes: int) -> datetime:
    return datetime.combine(day, begins, tzinfo=ZONE) + timedelta(minutes=minutes)


def _id(options: Options, key: str) -> str:
    return f"demo{options.seed}-session-{key}"
