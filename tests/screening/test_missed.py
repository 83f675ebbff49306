"""The list of those who did not come, page by page: nobody stands on two pages, nobody on none."""

from datetime import timedelta

import pytest
from django.utils import timezone

from healthhub.accounts.actors import Actor, Role
from healthhub.audit.models import AccessEntry
from records.models import Facility
from screening.clinic.missed import missed
from screening.models import Appointment, AppointmentStatus, Invitation, InvitationState
from tests.screening.clinic_room import signed_in
from tests.screening.conftest import make_patient

pytestmark = pytest.mark.django_db
TODAY = timezone.localdate()
KINDS = {"silent": "Đã mời và nhắc, không phản hồi", "absent": "Không đến hẹn"}


@pytest.fixture
def people(station: Facility) -> list[tuple[str, str]]:
    """(person, what) as they ought to be listed: two kinds on the same days, longest ago first."""
    found = []
    for days in (20, 20, 18, 18, 18, 15):
        for kind in ("silent", "absent"):
            name = f"Trần Thị {len(found)}"
            woman = make_patient(station, name=name, gender="female", born="1980-03-12")
            found.append((days, kind, woman, _make(kind, woman, station, days)))
    order = sorted(found, key=lambda one: (-one[0], one[1] == "absent", one[3]))
    return [(woman, KINDS[kind]) for _days, kind, woman, _key in order]


def _make(kind: str, woman: str, station: Facility, days: int) -> str:
    day = TODAY - timedelta(days=days)
    shared = {"patient_id": woman, "programme": "cervical", "facility": station}
    if kind == "silent":
        called = Invitation.objects.create(
            **shared, due_on=day, kind="call", planned_on=day, state=InvitationState.NONRESPONDER, ended_on=day
        )
        return f"{called.pk:020d}"
    key = f"missed-{woman}"
    Appointment.objects.create(
        **shared,
        appointment_id=key,
        kind="screening",
        status=AppointmentStatus.NOSHOW,
        slot_id=f"slot-{woman}",
        day=day,
        starts_at=timezone.now() - timedelta(days=days),
        ends_at=timezone.now() - timedelta(days=days),
        queued_at=timezone.now(),
        version=1,
    )
    return key


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 11, 12, 13])
def test_the_pages_together_hold_everybody_once(
    people: list[tuple[str, str]], station: Facility, clinician: Actor, limit: int
) -> None:
    seen, after, pages = [], "", 0
    while True:
        lines, after = missed(station.pk, TODAY, clinician, reason="test", after=after, limit=limit)
        seen += [(one.person.id, one.what) for one in lines]
        pages += 1
        if not after:
            break
    assert (seen, pages) == (people, -(-len(people) // limit))


def test_a_page_goes_on_where_the_last_one_ended_although_somebody_was_settled_meanwhile(
    people: list[tuple[str, str]], station: Facility, clinician: Actor
) -> None:
    _first, after = missed(station.pk, TODAY, clinician, reason="test", limit=4)
    Invitation.objects.filter(patient_id=people[0][0]).delete()
    Appointment.objects.filter(patient_id=people[3][0]).delete()  # with whom the page ended
    rest, _end = missed(station.pk, TODAY, clinician, reason="test", after=after, limit=100)
    assert [one.person.id for one in rest] == [woman for woman, _what in people[4:]]


@pytest.mark.parametrize("after", ["x", "2024-05-06", "2024-05-06.0.x", "2024-05-06.0.99999999999999999999", "\x00.1"])
def test_what_is_no_place_is_the_beginning(people: list[tuple[str, str]], station: Facility, after: str) -> None:
    page = signed_in(Role.CLINICIAN, station).get("/clinic/", {"tab": "missed", "after": after})
    assert [one.person.id for one in page.context["worklist"].missed] == [woman for woman, _what in people]


def test_the_page_leads_to_the_next_and_logs_whom_it_showed(station: Facility) -> None:
    for number in range(26):
        woman = make_patient(station, name=f"Lê Thị {number}", gender="female", born="1980-03-12")
        _make("absent", woman, station, 5)
    clinic = signed_in(Role.CLINICIAN, station)
    page = clinic.get("/clinic/?tab=missed")
    assert (page.context["worklist"].counts["missed"], len(page.context["worklist"].missed)) == (26, 25)
    href = page.context["next_page"]
    assert f'href="{href.replace("&", "&amp;")}"' in page.content.decode()
    before = AccessEntry.objects.filter(resource_type="Invitation").count()
    (last,) = clinic.get(f"/clinic/{href}").context["worklist"].missed
    shown = AccessEntry.objects.filter(resource_type="Invitation")
    assert (shown.count() - before, shown.order_by("-pk")[0].patient) == (1, last.person.id)
