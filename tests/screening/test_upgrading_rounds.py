"""Rounds, batches and kits that were there before: on the list of every place that holds a step, and published."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from records.models import Facility
from screening.models import BatchedStep, Kit, OpenRound, UnpublishedPerson
from tests.screening.conftest import make_patient
from tests.screening.test_upgrading import migrate, upgrade

pytestmark = pytest.mark.django_db(transaction=True)
DUE = date(2026, 3, 1)


@pytest.fixture
def patient(station: Facility) -> str:
    return make_patient(station, name="Nguyễn Văn Đức", gender="male", born="1960-03-12")


@pytest.fixture
def back(patient: str, laboratory: Facility) -> Iterator[Any]:
    """Sets the tables back to a migration; people and facilities are written before."""
    newest = [key for key in MigrationExecutor(connection).loader.graph.leaf_nodes() if key[0] == "screening"]
    try:
        yield lambda name: migrate([("screening", name)])
    finally:
        migrate(newest)


def need(step: str, owner: str, due: date, state: str = "assessment_due") -> dict[str, str]:
    days = {"due_on": due, "warn_on": due, "limit_on": due}
    told = {"district_on": due + timedelta(days=14), "city_on": due + timedelta(days=30)}
    return {"step": step, "state": state, "source": f"Observation/{step}", "category": "positive", "owner": owner} | {
        name: day.isoformat() for name, day in (days | told).items()
    }


def add_round(old: Any, patient: str, *needs: dict[str, str], area: int | None = None) -> UUID:
    """A round as it stood before; closed if it needs nothing."""
    days = dict.fromkeys(("due_on", "warn_on", "limit_on", "first_due_on", "district_on", "city_on"), DUE)
    standing: dict[str, Any] = {"state": "closed", "step": "", "owner": "", "closed_on": DUE, "outcome": "negative"}
    if needs:
        standing = {name: needs[0][name] for name in ("state", "step", "owner")} | days
    one = old.get_model("screening", "Episode").objects.create(
        id=uuid4(),
        patient_id=patient,
        programme="colorectal",
        protocol_version="2026.1",
        opened_on=date(2026, 1, 5),
        category="positive",
        needs=list(needs),
        holder="somebody" if needs else "",
        area_id=area,
        **standing,
    )
    return UUID(str(one.pk))


def test_rounds_open_before_stand_on_the_list_of_every_place_with_its_own_days(
    patient: str, back: Any, station: Facility, laboratory: Facility
) -> None:
    nobodys = make_patient(station, name="Trần Thị Lan", gender="female", born="1960-03-12")
    old = back("0015_notices_of_findings")
    people = old.get_model("records", "Citizen").objects
    people.filter(pk=patient).update(facility_id=station.pk)
    people.filter(pk=nobodys).update(facility_id=None)
    area = people.get(pk=patient).area_id
    later, soon = DUE + timedelta(days=40), DUE + timedelta(days=5)
    shared = add_round(
        old,
        patient,
        need("colonoscopy", laboratory.pk, DUE),
        need("repeat_fit", station.pk, later, "repeat_due"),
        need("mdt", station.pk, soon, "decision_due"),
        area=area,
    )
    departments = add_round(old, patient, need("colonoscopy", "department", DUE))
    without = add_round(old, nobodys, need("colonoscopy", "department", DUE))
    add_round(old, patient)
    upgrade()
    found = OpenRound.objects.values_list(
        "episode", "holder", "patient", "step", "state", "area", "first_due_on", "district_on", "city_on"
    )
    days = [DUE, DUE + timedelta(days=14), DUE + timedelta(days=30)]
    own = [soon, soon + timedelta(days=14), soon + timedelta(days=30)]
    assert set(found) == {
        (shared, laboratory.pk, patient, "colonoscopy", "assessment_due", area, *days),
        (shared, station.pk, patient, "repeat_fit", "repeat_due", area, *own),
        (departments, station.pk, patient, "colonoscopy", "assessment_due", None, *days),
        (without, "department", nobodys, "colonoscopy", "assessment_due", None, *days),
    }
    assert set(OpenRound.objects.values_list("programme", "opened_on")) == {("colorectal", date(2026, 1, 5))}


def test_steps_of_batches_made_before_are_those_of_whose_list_the_round_was_on(
    patient: str, back: Any, station: Facility
) -> None:
    old = back("0015_notices_of_findings")
    episode = add_round(old, patient, need("colonoscopy", station.pk, DUE))
    batch = old.get_model("screening", "StepBatch").objects.create(kind="close", state="waiting", actor="user:1")
    steps = old.get_model("screening", "BatchedStep").objects
    steps.create(batch=batch, episode_id=episode, patient_id=patient, step="colonoscopy")
    steps.create(batch=batch, episode_id=uuid4(), patient_id=patient, step="colonoscopy")  # of a round that is gone
    upgrade()
    assert list(BatchedStep.objects.order_by("id").values_list("holder", flat=True)) == ["somebody", ""]


def test_kits_given_out_before_become_statements_and_their_people_are_published_again(
    patient: str, back: Any, station: Facility
) -> None:
    other = make_patient(station, name="Trần Thị Lan", gender="female", born="1960-03-12")
    make_patient(station, name="Lê Thị Mai", gender="female", born="1970-01-01")
    old = back("0016_open_rounds")
    UnpublishedPerson.objects.all().delete()
    UnpublishedPerson.objects.create(patient=other)  # waits already
    today = timezone.localdate()
    kits = old.get_model("screening", "Kit").objects
    for number, who in enumerate((patient, patient, other)):
        kits.create(
            barcode=f"01901-{number}",
            facility_id=station.pk,
            patient_id=who,
            order_id=f"order-{number}",
            programme="colorectal",
            test="fit",
            issued_on=today,
            due_on=today,
        )
    upgrade()
    statements = Kit.objects.values_list("statement", flat=True)
    assert len(set(statements)) == 3
    assert {UUID(one).version for one in statements} == {4}
    assert sorted(UnpublishedPerson.objects.values_list("patient", flat=True)) == sorted([patient, other, other])
