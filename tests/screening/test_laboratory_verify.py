"""Results that a second person must confirm, and those that the person should hear from somebody."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from fhir.models import Resource, ResourceVersion
from fhir.outcomes import Refused
from healthhub.accounts.actors import Actor, Role
from healthhub.accounts.models import User
from records.models import Facility, Membership
from screening.laboratory.releasing import to_tell, told_too_late
from screening.laboratory.verifying import differences, settle_difference, to_verify_count
from screening.models import EntryDifference, Episode, Kit, Order, ScreeningResult, Specimen
from tests.screening.clinic_room import mark_in, signed_in
from tests.screening.conftest import Sender
from tests.screening.test_bench import BENCH, arrive

pytestmark = pytest.mark.django_db


@pytest.fixture
def first(station: Facility) -> Client:
    return signed_in(Role.LABORATORY, station)


@pytest.fixture
def second(station: Facility) -> Client:
    """A colleague of the first."""
    user = User.objects.create_user("hoa@example.vn", name="KTV Hòa")
    Membership.objects.create(user=user, role=Role.LABORATORY.value, facility=station)
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def kit(station: Facility, clinician: Actor, man: str) -> Kit:
    return arrive(man, station, clinician, test="afp")


def afp(value: str = "12", **changed: Any) -> dict[str, Any]:
    today = f"{timezone.localdate():%d/%m/%Y}"
    filled = {"value": value, "unit": "ng/mL", "collected_on": today, "resulted_on": today}
    return {**filled, **changed}


def save(client: Client, address: str, fields: dict[str, Any]) -> Any:
    page = client.post(address, fields)
    return client.post(address, {**fields, "mark": mark_in(page.content)})


def enter_first(first: Client, kit: Kit, value: str = "12") -> ScreeningResult:
    save(first, BENCH, afp(value, specimen_id=kit.barcode, test="afp"))
    return ScreeningResult.objects.get()


def test_a_first_entry_is_preliminary_and_counts_for_nothing(first: Client, kit: Kit, station: Facility) -> None:
    result = enter_first(first, kit)
    assert (result.status, to_verify_count(station.pk)) == ("preliminary", 1)
    assert Order.objects.get().result_id is None
    assert Episode.objects.get().state == "to_verify"


def test_a_second_person_confirms_by_the_same_reading(
    first: Client, second: Client, kit: Kit, station: Facility
) -> None:
    result = enter_first(first, kit)
    page = second.get(f"/clinic/bench/verify/{result.pk}/")
    assert page.context["form"]["value"].value() in (None, "")
    save(second, f"/clinic/bench/verify/{result.pk}/", afp())
    assert (ScreeningResult.objects.get().status, to_verify_count(station.pk)) == ("final", 0)
    assert Order.objects.get().result_id == result.pk
    authors = {*Resource.objects.filter(id=result.pk).values_list("author", flat=True)}
    authors |= {*ResourceVersion.objects.filter(id=result.pk).values_list("author", flat=True)}
    assert len(authors) == 2  # who entered and who confirmed are both on record


def test_whoever_entered_it_cannot_confirm_it(first: Client, kit: Kit) -> None:
    result = enter_first(first, kit)
    assert first.get(f"/clinic/bench/verify/{result.pk}/").headers["Location"] == "/clinic/bench/verify/"
    first.post(f"/clinic/bench/verify/{result.pk}/", afp())
    assert ScreeningResult.objects.get().status == "preliminary"


def test_a_difference_is_settled_by_nobody_but_a_person(first: Client, second: Client, kit: Kit) -> None:
    result = enter_first(first, kit)
    save(second, f"/clinic/bench/verify/{result.pk}/", afp("21"))
    difference = EntryDifference.objects.get()
    assert (ScreeningResult.objects.get().status, ScreeningResult.objects.get().value) == ("preliminary", 12)
    page = second.get("/clinic/bench/verify/")
    assert [line["second"] for line in page.context["differences"]] == ["Cao hơn ngưỡng: 21 ng/mL ≥ ngưỡng 20 ng/mL"]
    address = f"/clinic/bench/differences/{difference.pk}/"
    assert second.post(address, afp("21")).context["form"].errors["note"]
    save(second, address, afp("21", note="đọc lại ống"))
    settled = ScreeningResult.objects.get()
    assert (settled.status, settled.value, settled.outcome) == ("final", 21, "positive")
    assert EntryDifference.objects.get().settled_by.startswith("user:")


def test_whoever_made_the_first_entry_does_not_settle_the_difference(
    first: Client, second: Client, kit: Kit, station: Facility
) -> None:
    result = enter_first(first, kit)
    save(second, f"/clinic/bench/verify/{result.pk}/", afp("21"))
    address = f"/clinic/bench/differences/{EntryDifference.objects.get().pk}/"
    assert first.get(address).headers["Location"] == "/clinic/bench/verify/"
    first.post(address, afp("12", note="tôi đúng"))
    author = Resource.objects.get(id=result.pk).author
    with pytest.raises(Refused) as refused:
        settle_difference(
            difference=EntryDifference.objects.get(),
            facility=station,
            actor=Actor(author, "KTV", Role.LABORATORY, facility=station.pk),
            fields={},
        )
    assert (refused.value.status, ScreeningResult.objects.get().status) == (403, "preliminary")


def test_a_difference_goes_with_its_result(first: Client, second: Client, kit: Kit, station: Facility) -> None:
    result = enter_first(first, kit)
    save(second, f"/clinic/bench/verify/{result.pk}/", afp("21"))
    assert differences(station.pk).count() == 1
    first.post(f"/clinic/people/{result.patient_id}/results/{result.pk}/withdraw/", {"why": "nhầm ống"})
    assert differences(station.pk).count() == 0  # nobody could open it, and it would stand there for ever


def test_other_facilities_see_none_of_it(first: Client, kit: Kit, laboratory: Facility) -> None:
    result = enter_first(first, kit)
    stranger = signed_in(Role.LABORATORY, laboratory)
    assert stranger.get(f"/clinic/bench/verify/{result.pk}/").status_code == 404
    assert stranger.get("/clinic/bench/verify/").context["lines"] == []


def test_an_unreadable_result_waits_for_somebody(send: Sender, station: Facility, man: str, first: Client) -> None:
    send.fit(man, None, valueString="không rõ")
    [line] = first.get("/clinic/bench/verify/").context["lines"]
    assert line["second"] is False
    assert to_verify_count(station.pk) == 1


def test_a_held_result_is_on_the_list_until_its_longest_wait(
    station: Facility, clinician: Actor, woman: str, first: Client
) -> None:
    from screening.results import enter_result

    today = timezone.localdate()
    enter_result(
        facility=station,
        actor=clinician,
        patient_id=woman,
        test="cytology",
        value="cancer",
        collected_on=today,
        resulted_on=today,
    )
    [line] = first.get("/clinic/bench/tell/").context["lines"]
    assert line["result"].hold_until == today + timedelta(days=14)
    assert (to_tell(station.pk).count(), told_too_late(station.pk).count()) == (1, 0)
    assert told_too_late(station.pk, today + timedelta(days=14)).count() == 1


def test_a_rejected_tube_needs_no_second_person(first: Client, kit: Kit) -> None:
    first.post(f"/clinic/bench/reject/{kit.barcode}/", {"reason": "leaked"})
    assert (ScreeningResult.objects.get().status, Episode.objects.get().state) == ("final", "repeat_due")


def test_a_tube_with_a_first_entry_is_not_rejected_behind_it(first: Client, kit: Kit) -> None:
    enter_first(first, kit)
    page = first.post(f"/clinic/bench/reject/{kit.barcode}/", {"reason": "leaked"})
    assert page.status_code == 200
    assert (ScreeningResult.objects.get().status, Specimen.objects.get().status) == ("preliminary", "available")
