"""A round that waits for steps of two facilities stands on the list of each, with that one's own step."""

from datetime import date
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from fhir import store
from fhir.reader import read
from fhir.text import parse
from healthhub.accounts.actors import SYSTEM, Role
from records.models import CareRelation, Facility
from screening.failsafe.checks import find_lost
from screening.failsafe.figures import failsafe_figures, rounds_in
from screening.failsafe.handover import hand_over
from screening.failsafe.nightly import run_nightly
from screening.failsafe.scope import Scope
from screening.models import Assignment, Episode, FailsafeAlarm, OpenRound
from screening.places import as_held
from screening.rebuild import rebuild
from tests.screening.clinic_room import signed_in
from tests.screening.conftest import Sender, make_facility
from tests.screening.test_worklist import soon

pytestmark = pytest.mark.django_db
CITY = Scope(None, None, names=True)
BOTH = {"colonoscopy": date(2024, 7, 5), "repeat_fit": date(2024, 6, 7)}


@pytest.fixture
def beside(send: Sender, laboratory: Facility, man: str) -> Episode:
    """A colonoscopy of the station's, due on 5 July, and a sample of the laboratory's to repeat, due on 7 June."""
    send.fit(man, "50", on="2024-05-06", specimen="A1")
    Sender(laboratory).fit(man, None, on="2024-05-08", specimen="B1", valueString="Không đạt")
    return Episode.objects.get()


def lists() -> dict[str, dict[str, date]]:
    """Holder -> step -> due date, of all lists."""
    found: dict[str, dict[str, date]] = {}
    for one in OpenRound.objects.all():
        found.setdefault(one.holder, {})[one.step] = one.first_due_on
    return found


def shown(client: Client, address: str = "?tab=open") -> list[tuple[str, date]]:
    page = client.get(f"/clinic/{address}")
    lines = page.context["worklist"].lines
    assert len(lines) == page.context["worklist"].counts[page.context["worklist"].tab]
    return [(line.step, line.due_on) for line in lines]


def ticked(client: Client) -> list[Any]:
    return [line.value for line in client.get("/clinic/?tab=open").context["worklist"].lines]


def test_each_owner_has_its_own_step_on_its_list(beside: Episode, station: Facility, laboratory: Facility) -> None:
    here, there = signed_in(Role.CLINICIAN, station), signed_in(Role.CLINICIAN, laboratory)
    assert shown(here) == [("Nội soi đại tràng", BOTH["colonoscopy"])]
    assert shown(there) == [("Lấy lại mẫu FIT", BOTH["repeat_fit"])]
    (line,) = there.get("/clinic/?tab=overdue&step=repeat_fit").context["worklist"].lines
    assert (line.action, line.test, line.own) == ("enter", "fit", True)
    assert [(one.step, one.place) for one in line.beside] == [("Nội soi đại tràng", station.name)]
    assert station.name in there.get("/clinic/").content.decode()


def test_the_rows_of_the_lists_follow_whatever_happens(
    beside: Episode, station: Facility, laboratory: Facility, man: str
) -> None:
    assert lists() == {
        station.pk: {"colonoscopy": BOTH["colonoscopy"]},
        laboratory.pk: {"repeat_fit": BOTH["repeat_fit"]},
    }
    rebuild()
    assert len(lists()) == 2
    Sender(laboratory).fit(man, "5", on="2024-05-20", specimen="B2")
    assert lists() == {station.pk: {"colonoscopy": BOTH["colonoscopy"]}}
    Sender(station).procedure(man, on="2024-06-01")
    assert (lists(), Episode.objects.get().state) == ({}, "closed")


def test_a_step_of_the_departments_beside_a_facilitys_follows_the_person(
    send: Sender, laboratory: Facility, woman: str
) -> None:
    smear = send.observation(woman, None, on="2024-05-04", code="10524-7", valueString="không đạt")
    store.save(smear | {"performer": [{"display": "?"}]}, actor=SYSTEM)
    send.fit(woman, None, on="2024-05-06", code="82675-0", valueString="HPV 16")
    assert lists().keys() == {"department", send.facility.pk}
    assert Episode.objects.get().owner == send.facility.pk
    patient = parse(read(type="Patient", id=woman, actor=SYSTEM).content).resource
    store.save({**patient, "managingOrganization": {"reference": f"Organization/{laboratory.pk}"}}, actor=SYSTEM)
    assert lists().keys() == {laboratory.pk, send.facility.pk}


def test_each_facility_gives_its_own_step_to_its_own_people(
    beside: Episode, station: Facility, laboratory: Facility
) -> None:
    here, there = signed_in(Role.CLINICIAN, station), signed_in(Role.CLINICIAN, laboratory)
    user = there.get("/clinic/").context["user"]
    there.post("/clinic/worklist/assign/", {"rounds": ticked(there), "confirmed": "yes", "assignee": str(user.pk)})
    assert Assignment.objects.get().step == "repeat_fit"
    assert shown(there, "?tab=mine") == [("Lấy lại mẫu FIT", BOTH["repeat_fit"])]
    assert here.get("/clinic/").context["worklist"].counts["mine"] == 0
    assert len(shown(here, "?tab=open&assigned=nobody")) == 1


@pytest.mark.parametrize(("closing", "left"), [("station", "repeat_fit"), ("laboratory", "colonoscopy")])
def test_a_facility_closes_what_it_holds_and_leaves_the_others_step_open(
    beside: Episode, station: Facility, laboratory: Facility, closing: str, left: str
) -> None:
    client = signed_in(Role.CLINICIAN, {"station": station, "laboratory": laboratory}[closing])
    said = {"reason": "declined", "on": soon(0), "evidence": "", "note": ""}
    client.post("/clinic/worklist/close/", {"rounds": ticked(client), "confirmed": "yes", **said})
    episode = Episode.objects.get()
    assert ([need["step"] for need in episode.needs], shown(client)) == ([left], [])
    rebuild()
    assert [need["step"] for need in Episode.objects.get().needs] == [left]


def test_the_others_step_is_closed_on_the_persons_page_too(beside: Episode, laboratory: Facility, man: str) -> None:
    there = signed_in(Role.CLINICIAN, laboratory)
    address = f"/clinic/people/{man}/rounds/{beside.pk}/close/"
    page = there.get(address)
    assert "Lấy lại mẫu FIT" in page.context["title"]
    known = page.context["form"].initial["known"]
    there.post(address, {"reason": "declined", "on": soon(0), "note": "", "evidence": "", "known": known})
    assert [need["step"] for need in Episode.objects.get().needs] == ["colonoscopy"]


def test_officers_see_each_step_with_its_owner_and_its_level(
    beside: Episode, station: Facility, laboratory: Facility
) -> None:
    """On 21 June the repeat has gone up to the district; the colonoscopy is not even due."""
    on = date(2024, 6, 21)
    rows = {row.key: (row.open, row.overdue, row.district) for row in failsafe_figures(CITY, on).facilities}
    assert rows == {station.pk: (1, 0, 0), laboratory.pk: (1, 1, 1)}
    assert [one.step for one in rounds_in(CITY, on, level="district")] == ["repeat_fit"]
    assert not rounds_in(CITY, on, level="late", facility=station.pk).exists()
    officer = signed_in(Role.OFFICER)
    lines = officer.get(f"/city/failsafe/people/?level=open&facility={laboratory.pk}").context["people"].lines
    assert [(line.step, line.owner) for line in lines] == [("Lấy lại mẫu FIT", laboratory.name)]
    assert len(officer.get("/city/failsafe/people/?level=open").context["people"].lines) == 2


def test_the_department_hands_over_the_others_step(beside: Episode, station: Facility, laboratory: Facility) -> None:
    third, officer = make_facility("01903", "Bệnh viện K"), signed_in(Role.OFFICER)
    address = f"/city/failsafe/rounds/{beside.pk}/?at={laboratory.pk}"
    assert "Lấy lại mẫu FIT" in officer.get(address).context["title"]
    officer.post(address, {"facility": third.code, "reason": "Phòng xét nghiệm nghỉ"})
    assert lists() == {station.pk: {"colonoscopy": BOTH["colonoscopy"]}, third.pk: {"repeat_fit": BOTH["repeat_fit"]}}
    assert CareRelation.objects.filter(facility=third, basis="handed").exists()


def test_of_two_samples_to_repeat_only_the_one_of_that_facility_is_handed_over(
    send: Sender, station: Facility, laboratory: Facility, man: str
) -> None:
    third = make_facility("01903", "Bệnh viện K")
    send.fit(man, None, on="2024-05-06", specimen="A1", valueString="Không đạt")
    Sender(laboratory).fit(man, None, on="2024-05-06", specimen="B1", valueString="Không đạt")
    rows = OpenRound.objects.filter(holder=laboratory.pk).select_related("episode__patient")
    (there,) = as_held(rows)
    hand_over(episode=there, facility=third, reason="Nghỉ", on=timezone.localdate(), actor=SYSTEM)
    assert set(lists()) == {station.pk, third.pk}


@pytest.mark.parametrize("check", ["nobody_sees", "open_owner_gone"])
def test_the_checks_look_at_every_owner(beside: Episode, laboratory: Facility, check: str) -> None:
    assert find_lost(date(2024, 5, 9))[check] == []
    if check == "nobody_sees":
        CareRelation.objects.filter(facility=laboratory).delete()
    else:
        Facility.objects.filter(pk=laboratory.pk).update(active=False)
    assert [one.facility for one in find_lost(date(2024, 5, 9))[check]] == [laboratory.pk]
    run_nightly(date(2024, 5, 9))
    assert FailsafeAlarm.objects.filter(check_name=check).values_list("facility_id", flat=True).get() == laboratory.pk
