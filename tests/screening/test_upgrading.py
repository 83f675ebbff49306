"""Tables that were filled before a migration mean after it what they meant, and nobody falls out of sight."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from records.models import Facility
from screening.failsafe.closing import closed_for_reason
from screening.failsafe.nightly import run_nightly
from screening.imports.left import waiting
from screening.laboratory.notices import open_notices
from screening.models import ClosureRequest, Episode, Escalation, UnpublishedPerson
from tests.screening.conftest import make_patient

pytestmark = pytest.mark.django_db(transaction=True)
BEFORE = [("screening", "0004_screening_management_sql")]
HEADER = ["Mã mẫu", "Xét nghiệm", "Kết quả", "Đơn vị"]
COLUMNS = {"specimen_id": {"at": 0}, "test": {"at": 1}, "result": {"at": 2}, "unit": {"at": 3}}


def migrate(targets: list[tuple[str, str]]) -> Any:
    """The models as they are there."""
    executor = MigrationExecutor(connection)
    return executor.migrate(targets).apps


@pytest.fixture
def patient(station: Facility) -> str:
    return make_patient(station, name="Nguyễn Văn Đức", gender="male", born="1960-03-12")


@pytest.fixture
def old() -> Iterator[Any]:
    """The models of the first release's tables."""
    newest = [key for key in MigrationExecutor(connection).loader.graph.leaf_nodes() if key[0] == "screening"]
    try:
        yield migrate(BEFORE)
    finally:
        migrate(newest)


def upgrade() -> None:
    migrate([key for key in MigrationExecutor(connection).loader.graph.leaf_nodes() if key[0] == "screening"])


def test_rows_left_out_before_wait_for_their_second_look(old: Any, station: Facility) -> None:
    batch = old.get_model("screening", "ImportBatch").objects.create(
        filename="a.csv", file="", sha256="0" * 64, facility=station.pk, header=HEADER, columns=COLUMNS, state="done"
    )
    rows = [
        ("S1", "fit", "80", "µg/g", "new", "left"),
        ("S2", "fit", "5", "µg/g", "new", "left"),
        ("S3", "fit", "nhiều", "", "error", "left"),
        ("S4", "hpv", "HPV 16", "", "new", "undone"),
        ("S5", "fit", "80", "µg/g", "new", "stored"),
        ("S6", "fit", "nhiều", "", "error", "staged"),
    ]
    staged = old.get_model("screening", "StagedRow").objects
    for number, (*texts, kind, state) in enumerate(rows, 2):
        staged.create(batch=batch, row=number, kind=kind, state=state, texts=texts)
    upgrade()
    found = waiting(station.pk).order_by("row").values_list("specimen", "test", "flag")
    assert list(found) == [
        ("S1", "fit", "positive"),
        ("S3", "fit", "unread"),
        ("S4", "hpv", "positive"),
        ("S6", "fit", "unread"),
    ]


def open_round(old: Any, patient: str, station: Facility, due: date) -> None:
    shared = {
        "patient_id": patient,
        "programme": "colorectal",
        "protocol_version": "2026.1",
        "opened_on": date(2026, 1, 5),
        "state": "assessment_due",
        "category": "positive",
        "due_on": due,
        "warn_on": due,
        "limit_on": due,
        "owner": station.pk,
    }
    one = old.get_model("screening", "Episode").objects.create(id=uuid4(), step="colonoscopy", needs=[], **shared)
    old.get_model("screening", "EpisodeEvent").objects.create(
        id=uuid4(),
        patient_id=patient,
        programme="colorectal",
        episode=one,
        kind="result",
        fact="result",
        occurred_on=date(2026, 1, 5),
        recorded_at=timezone.now(),
        source_type="Observation",
        source_id="o1",
        source_version=1,
    )


def test_late_steps_of_rounds_opened_before_go_up_a_level(patient: str, old: Any, station: Facility) -> None:
    due = timezone.localdate() - timedelta(days=20)
    open_round(old, patient, station, due)
    upgrade()
    need = Episode.objects.get().needs[0]
    assert (need["step"], need["source"], need["due_on"]) == ("colonoscopy", "Observation/o1", due.isoformat())
    assert need.keys() == {
        *("step", "state", "source", "category", "owner"),
        *("due_on", "warn_on", "limit_on", "district_on", "city_on"),
    }
    run_nightly()
    assert list(Escalation.objects.values_list("step", "due_on", "level")) == [("colonoscopy", due, "district")]


def test_tasks_of_open_steps_are_written_again_with_what_is_known(patient: str, old: Any, station: Facility) -> None:
    asked = old.get_model("screening", "ClosureRequest").objects
    shared = {"episode_id": uuid4(), "reason": "moved_away", "closed_on": date(2026, 1, 1), "facility_id": station.pk}
    for step in ("colonoscopy", "histology"):
        asked.create(**shared, step=step, actor="user:1", actor_name="Bác sĩ An")
    open_round(old, patient, station, timezone.localdate())
    upgrade()
    assert set(UnpublishedPerson.objects.values_list("patient", flat=True)) == {patient}
    assert len(set(ClosureRequest.objects.values_list("task", flat=True))) == 2


def test_rounds_closed_for_a_reason_before_stay_on_the_list_to_review(
    patient: str, old: Any, station: Facility
) -> None:
    open_round(old, patient, station, timezone.localdate())
    day = timezone.localdate() - timedelta(days=9)
    rounds = old.get_model("screening", "Episode").objects
    rounds.update(state="closed", step="", outcome="closed", detail="declined", closed_on=day)
    shared = {"patient_id": patient, "programme": "colorectal", "kind": "closed", "fact": "closed", "source_version": 1}
    old.get_model("screening", "EpisodeEvent").objects.create(
        **shared,
        id=uuid4(),
        episode=rounds.get(),
        occurred_on=day,
        recorded_at=timezone.now(),
        source_type="staff",
        source_id="c1",
        data={"reason": "declined", "closes": [], "note": "Không đi"},
    )
    upgrade()
    (found,) = closed_for_reason(timezone.localdate(), place="") | closed_for_reason(
        timezone.localdate(), place=station.pk
    )
    (step,) = found.waived
    assert (step["reason"], step["closing"], step["on"], found.waived_on) == ("declined", "c1", day.isoformat(), day)


def test_what_was_told_before_of_results_stays_told_of_results(patient: str, old: Any, station: Facility) -> None:
    told = {"patient_id": patient, "facility_id": station.pk, "version": 2, "text": "corrected"}
    old.get_model("screening", "Notice").objects.create(observation_id="o1", made_at=timezone.now(), **told)
    upgrade()
    [notice] = open_notices(station.pk)
    assert (notice.source_type, notice.source_id, notice.version) == ("Observation", "o1", 2)
