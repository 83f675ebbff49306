"""Files staged, approved or stored before rows of known people stood apart mean afterwards what they meant."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from records.models import Facility
from screening.models import ImportBatch
from tests.screening.conftest import make_patient
from tests.screening.test_upgrading import migrate, upgrade

pytestmark = pytest.mark.django_db(transaction=True)
BEFORE = [("screening", "0013_closings_as_tasks")]


@pytest.fixture
def people(station: Facility) -> tuple[str, datetime, str]:
    """Somebody known before a file, when that began, and whom it registered. Written before the tables are set back."""
    known = make_patient(station, name="Nguyễn Văn Đức", gender="male", born="1960-03-12")
    began = timezone.now()
    lan = make_patient(station, name="Trần Thị Lan", gender="female", born="1960-03-12")
    make_patient(station, name="Trần Thị Lan", gender="female", born="1960-03-13", id=lan)  # changed since
    return known, began, lan


@pytest.fixture
def old(people: tuple[str, datetime, str]) -> Iterator[Any]:
    """The models as they were before."""
    newest = [key for key in MigrationExecutor(connection).loader.graph.leaf_nodes() if key[0] == "screening"]
    try:
        yield migrate(BEFORE)
    finally:
        migrate(newest)


def test_rows_of_known_people_stand_apart_from_those_that_registered_somebody(
    old: Any, people: tuple[str, datetime, str]
) -> None:
    known, began, lan = people
    batches = old.get_model("screening", "ImportBatch").objects
    rows = old.get_model("screening", "StagedRow").objects

    def batch(state: str, told: list[tuple[str, str, str]], **fields: Any) -> int:
        kinds = [kind for kind, _state, _patient in told]
        counts = {"new": kinds.count("new"), "corrected": kinds.count("correction"), "nobody": kinds.count("nobody")}
        one = batches.create(filename="a.csv", file="", sha256="0" * 64, state=state, **counts | fields)
        for number, (kind, of, patient) in enumerate(told, 2):
            rows.create(batch=one, row=number, kind=kind, state=of, patient=patient)
        return int(one.pk)

    waiting = batch("review", [("new", "staged", known), ("new", "staged", ""), ("nobody", "staged", "")])
    storing = batch(
        "storing",
        [("new", "staged", known), ("new", "left", known), ("new", "stored", lan), ("new", "stored", lan)],
        approved_at=began,
        kinds=["new", "close"],
    )
    undone = batch(
        "undone",
        [("new", "undone", known), ("correction", "undone", lan)],
        approved_at=began + timedelta(days=1),
        kinds=["correction"],
    )
    forgotten = batch("done", [], new=7, kinds=["new"])
    upgrade()

    def now(pk: int) -> tuple[int, int, list[str], list[str]]:
        one = ImportBatch.objects.get(pk=pk)
        return one.new, one.matched, list(one.rows.order_by("row").values_list("kind", flat=True)), one.kinds

    assert now(waiting) == (1, 1, ["matched", "new", "nobody"], [])
    assert now(storing) == (1, 3, ["matched", "matched", "new", "matched"], ["new", "close", "matched"])
    assert now(undone) == (0, 1, ["matched", "correction"], ["correction"])
    assert now(forgotten) == (7, 0, [], ["new", "matched"])
    migrate(BEFORE)
    again = batches.get(pk=storing)
    assert (again.new, again.kinds, set(rows.filter(batch=again).values_list("kind", flat=True))) == (
        4,
        ["new", "close"],
        {"new"},
    )
