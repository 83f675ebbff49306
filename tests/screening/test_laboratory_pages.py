"""Lists of the laboratory continue after the last line that was shown, whatever was settled meanwhile."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from healthhub.accounts.actors import Actor, Role
from records.models import Facility
from screening.models import Kit, ScreeningResult, Specimen
from screening.views import specimens, verify
from tests.screening.clinic_room import signed_in
from tests.screening.conftest import Sender, make_patient
from tests.screening.test_bench import arrive

pytestmark = pytest.mark.django_db


@pytest.fixture
def technician(station: Facility, monkeypatch: pytest.MonkeyPatch) -> Client:
    monkeypatch.setattr(specimens, "PAGE", 1)
    monkeypatch.setattr(verify, "PAGE", 1)
    return signed_in(Role.LABORATORY, station)


def walk(client: Client, address: str) -> list[str]:
    """The people on all pages, one a page."""
    path, query, found = address.split("?")[0], address.partition("?")[2], []
    while True:
        page = client.get(f"{path}?{query}")
        found += [line["person"].id for line in page.context["lines"]]
        if not page.context["next_page"]:
            return found
        assert page.context["next_page"].replace("&", "&amp;") in page.content.decode()
        query = page.context["next_page"].removeprefix("?")


def test_samples_without_a_day_stand_last_and_nobody_is_skipped(
    technician: Client, station: Facility, clinician: Actor
) -> None:
    people = [make_patient(station, name=f"Lê {n}", gender="male", born="1960-03-12") for n in "ABCD"]
    kits: list[Kit] = [arrive(person, station, clinician) for person in people]
    today = timezone.localdate()
    for kit, due in zip(kits, (today, today - timedelta(days=3), None, None), strict=True):
        Specimen.objects.filter(barcode=kit.barcode).update(due_on=due)
    undated = sorted(Specimen.objects.filter(due_on=None).values_list("pk", "patient_id"))
    assert walk(technician, "/clinic/bench/late/?kind=unread&all=yes") == [
        people[1],
        people[0],
        *[person for _pk, person in undated],
    ]


def test_a_line_settled_meanwhile_hides_no_other(
    technician: Client, send: Sender, station: Facility, clinician: Actor
) -> None:
    people = [make_patient(station, name=f"Lê {n}", gender="male", born="1960-03-12") for n in "ABC"]
    for number, person in enumerate(people, 6):
        send.fit(person, None, on=f"2024-05-0{number}", valueString="không rõ", specimen=f"S{number}")
    first = technician.get("/clinic/bench/verify/")
    ScreeningResult.objects.filter(patient=people[0]).delete()  # somebody has settled it
    assert walk(technician, f"/clinic/bench/verify/{first.context['next_page']}") == people[1:]


@pytest.mark.parametrize("after", ["x", "2024-13-01.a", ".", "%00.%00", "9" * 5000])
def test_a_place_that_is_none_breaks_nothing(technician: Client, after: str) -> None:
    for address in ("late", "verify", "tell", "matching"):
        assert technician.get(f"/clinic/bench/{address}/?after={after}").status_code == 200
