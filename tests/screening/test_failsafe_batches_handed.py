"""All steps of a filter handed over to a facility, with what it may then read, and taken back."""

from datetime import date

import pytest
from django.utils import timezone

from fhir.outcomes import Refused
from healthhub.accounts.actors import Actor, Role
from healthhub.accounts.models import User
from records.access import presented_at, visible_to
from records.models import CareRelation, Facility, Membership
from screening.failsafe.batches import ask_hand_over, undo_batch
from screening.failsafe.filters import Asked
from screening.failsafe.handover import hand_over
from screening.models import Episode, StepBatch
from tests.screening.batch_room import CITY, PAGE, acting, an, backlog, client_of, finish

__all__ = ["an", "backlog"]
pytestmark = pytest.mark.django_db


# Handing over


def test_all_of_a_filter_go_to_a_facility_and_back(
    backlog: list[str], an: User, station: Facility, laboratory: Facility
) -> None:
    client = client_of(an)
    data = {"count": 30, "facility": laboratory.code, "reason": "Trạm đã đóng cửa"}
    client.post(f"{PAGE}hand-over/?level=late&facility={station.pk}", data)
    batch = finish(StepBatch.objects.get())
    assert set(Episode.objects.values_list("owner", "holder")) == {(laboratory.pk, laboratory.pk)}
    assert CareRelation.objects.filter(facility=laboratory, basis="handed").count() == 30
    undo_batch(batch_id=batch.pk, why="Trạm mở lại", actor=acting(an))
    finish(batch)
    assert set(Episode.objects.values_list("owner", "holder")) == {(station.pk, station.pk)}


def test_undoing_a_handing_over_ends_what_it_let_a_facility_read(
    backlog: list[str], an: User, laboratory: Facility
) -> None:
    """Unless another handing over, or another reason, still lets it read."""
    first, second, third, fourth = backlog[:4]
    presented_at({(second, laboratory.pk)})
    reasons = {"facility": laboratory, "reason": "Gần nhà", "on": date(2024, 6, 1), "actor": acting(an)}
    hand_over(episode=Episode.objects.get(patient=third), **reasons)
    hand_over(episode=Episode.objects.get(patient=third), **{**reasons, "facility": Facility.objects.get(code="01901")})
    asked = Asked(level="late")
    given = {"asked": asked.address, "target": laboratory, "note": "Trạm đóng cửa", "actor": acting(an)}
    batch = finish(ask_hand_over(asked.rounds(CITY, timezone.localdate()), **given))
    reader = Actor("user:9", "Bác sĩ Lý", Role.CLINICIAN, facility=laboratory.pk)

    def read() -> list[bool]:
        seen = set(visible_to(reader).values_list("pk", flat=True))
        return [one in seen for one in (first, second, third, fourth)]

    assert (batch.state, read()) == ("done", [True] * 4)
    undo_batch(batch_id=batch.pk, why="Nhầm cơ sở", actor=acting(an))
    assert (finish(batch).state, read()) == ("undone", [False, True, True, False])
    assert CareRelation.objects.filter(facility=laboratory, basis="handed").count() == 1


def test_handing_over_needs_a_reason_and_somebody(backlog: list[str], an: User, laboratory: Facility) -> None:
    rounds = Asked(level="late").rounds(CITY, timezone.localdate())
    for chosen, note in ((rounds, " "), (rounds.none(), "x")):
        with pytest.raises(Refused) as refused:
            ask_hand_over(chosen, asked={}, target=laboratory, note=note, actor=acting(an))
        assert refused.value.status == 422


@pytest.mark.parametrize("path", [f"{PAGE}close/", "/city/failsafe/batches/", "/city/failsafe/closings/"])
def test_analysts_and_clinics_decide_about_nobody(path: str, station: Facility) -> None:
    for role, place in ((Role.ANALYST, None), (Role.CLINICIAN, station)):
        user = User.objects.create_user(f"{role}@example.vn", name="Ai đó")
        Membership.objects.create(user=user, role=role.value, facility=place)
        assert client_of(user).get(path).status_code == 403
