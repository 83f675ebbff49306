"""Working on a file: in chunks and lanes, by one process at a time; killed, it loses nothing and does nothing twice."""

import threading
from io import StringIO

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from fhir.models import Resource
from healthhub.accounts.actors import Actor, Role
from healthhub.accounts.models import User
from records.models import Citizen, Membership
from screening import tasks
from screening.imports import lanes, running
from screening.imports.batches import (
    NotAllowed,
    approve_batch,
    batch_of_path,
    queue_batch,
    unfinished,
)
from screening.imports.running import run_batch
from screening.models import (
    MOVING,
    BatchState,
    ImportBatch,
    ScreeningResult,
    StagedRow,
)
from tests.screening.conftest import make_facility
from tests.screening.importing import chunks_of, csv_text, errors_of, person, take, told

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path / "media"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "results.csv"


@pytest.fixture
def uploader(station):
    user = User.objects.create_user("lab@example.org", name="Phòng xét nghiệm")
    Membership.objects.create(user=user, role=Role.LABORATORY, facility=station)
    return user


@pytest.fixture
def actor(uploader, station):
    return Actor(f"user:{uploader.pk}", uploader.name, Role.LABORATORY, facility=station.pk)


@pytest.mark.parametrize("changes", [{}, {"citizen_id": ""}], ids=["stored", "parked"])
def test_statements_do_not_grow_with_the_chunk(station, path, changes):
    found = []
    for start, count in ((0, 5), (100, 50)):
        path.write_text(csv_text([person(n, **changes) for n in range(start + 1, start + count + 1)]))
        batch = batch_of_path(path)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            run_batch(batch.pk)
        found.append(len(queries))
    assert found[1] <= found[0] + 2


def test_a_facility_uploads_through_a_task(station, laboratory, actor, uploader, path, settings):
    path.write_text(csv_text([person(1), person(2, facility_code="01902")]))
    with path.open("rb") as file:
        batch = queue_batch(file=file, filename="kết quả.csv", uploader=uploader, actor=actor)
    assert (batch.state, unfinished()) == (BatchState.QUEUED, [batch.pk])
    tasks.import_batch(batch.pk)
    batch.refresh_from_db()
    assert (batch.state, told(batch), unfinished()) == (BatchState.REVIEW, (1, 0, 0, 0, 1), [])
    assert not Resource.objects.filter(type="Observation").exists()
    assert "không phải là mã cơ sở của bạn" in errors_of(batch)[0][2]
    assert not (settings.MEDIA_ROOT / batch.file).exists()  # all of it lies in staged rows
    approve_batch(batch=batch, kinds=["new"], approver=uploader, actor=actor)
    assert unfinished() == [batch.pk]
    tasks.import_batch(batch.pk)
    batch.refresh_from_db()
    assert (batch.state, batch.stored, batch.percent, unfinished()) == (BatchState.DONE, 1, 100, [])
    assert Resource.objects.get(type="Observation").author == actor.id
    tasks.import_batch(batch.pk)  # delivered twice
    batch.refresh_from_db()
    assert told(batch) == (1, 0, 0, 0, 1)


@pytest.mark.parametrize("role", [Role.CITIZEN, Role.OFFICER, Role.ANALYST])
def test_only_care_may_upload(station, uploader, role):
    with pytest.raises(NotAllowed):
        queue_batch(
            file=StringIO(), filename="x", uploader=uploader, actor=Actor("user:1", "x", role, facility=station.pk)
        )


def test_a_membership_that_ended_meanwhile_stops_the_file(station, actor, uploader, path):
    path.write_text(csv_text([person(1)]))
    with path.open("rb") as file:
        batch = queue_batch(file=file, filename="x.csv", uploader=uploader, actor=actor)
    Membership.objects.update(active=False)
    Membership.objects.create(user=uploader, role=Role.LABORATORY, facility_id="elsewhere")
    assert run_batch(batch.pk).state == BatchState.FAILED
    assert not ScreeningResult.objects.exists()


def test_a_file_is_its_facilitys_wherever_else_its_uploader_works(station, actor, uploader, path):
    path.write_text(csv_text([person(1)]))
    with path.open("rb") as file:
        batch = queue_batch(file=file, filename="x.csv", uploader=uploader, actor=actor)
    Membership.objects.create(user=uploader, role=Role.OFFICER)
    Membership.objects.create(user=uploader, role=Role.LABORATORY, facility_id="elsewhere")
    assert run_batch(batch.pk).state != BatchState.FAILED


@pytest.mark.parametrize(
    ("module", "works_in", "state"), [(running, "_stage", "reading"), (lanes, "take_chunk", "storing")]
)
@pytest.mark.parametrize("dies_at", ["before the commit", "after the commit"])
def test_a_run_that_is_killed_goes_on_and_counts_nothing_twice(
    station, path, monkeypatch, dies_at, module, works_in, state
):
    chunks_of(monkeypatch, 2)
    rows = [person(n, sex="x" if n % 4 == 0 else "Nữ") for n in range(1, 12)]
    path.write_text(csv_text(rows))
    batch = batch_of_path(path)
    real, calls = getattr(module, works_in), []

    def dying(*args):
        calls.append(1)
        going = real(*args)
        if dies_at == "before the commit" and len(calls) == 2:
            raise KeyboardInterrupt
        return going

    ticks = []

    def dying_progress(batch):
        ticks.append(batch.state)
        if dies_at == "after the commit" and ticks.count(state) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(module, works_in, dying)
    with pytest.raises(KeyboardInterrupt):
        run_batch(batch.pk, progress=dying_progress)
    broken = ImportBatch.objects.get()
    assert broken.state == state
    assert StagedRow.objects.count() == broken.processed
    assert ScreeningResult.objects.count() == broken.stored
    assert 0 < (broken.processed if state == "reading" else broken.stored) < 9
    monkeypatch.setattr(module, works_in, real)
    assert batch_of_path(path).pk == batch.pk
    done = run_batch(batch.pk)
    assert (done.state, done.processed, done.handled, told(done)) == (BatchState.DONE, 11, 11, (9, 0, 0, 0, 2))
    assert (done.stored, ScreeningResult.objects.count()) == (9, 9)
    assert [number for number, _column, _reason in errors_of(done)] == ["5", "9"]


def test_a_slice_of_time_leaves_the_rest_to_the_next(station, path, monkeypatch):
    chunks_of(monkeypatch, 2)
    path.write_text(csv_text([person(n) for n in range(1, 6)]))
    batch = batch_of_path(path)
    seen = []
    while (found := run_batch(batch.pk, seconds=0)).state in MOVING:
        seen.append((found.state, found.percent))
    assert seen == [
        ("reading", 40),
        ("reading", 80),
        ("reading", 99),
        ("storing", 40),
        ("storing", 80),
        ("storing", 99),
    ]
    assert told(found) == (5, 0, 0, 0, 0)


@pytest.mark.django_db(transaction=True)
def test_a_batch_is_worked_on_by_one_process_at_a_time(tmp_path):
    from records.areas import load_areas

    load_areas()
    make_facility("01901", "Trạm y tế Dịch Vọng")
    path = tmp_path / "a.csv"
    path.write_text(csv_text([person(1)]))
    batch = batch_of_path(path)
    answers = []

    def other():
        answers.append(run_batch(batch.pk))
        connections.close_all()

    def progress(_batch):
        if answers:
            return
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()

    run_batch(batch.pk, progress=progress)
    assert answers == [None]


@pytest.mark.django_db(transaction=True)
def test_two_lanes_store_every_row_once_and_count_it_once(tmp_path, monkeypatch):
    from records.areas import load_areas

    load_areas()
    make_facility("01901", "Trạm y tế Dịch Vọng")
    chunks_of(monkeypatch, 7)
    rows = [person(n // 2, specimen_id=f"S{n}", collected_on=f"0{n % 2 + 1}/05/2024") for n in range(2, 122)]
    rows += [person(n, specimen_id=f"B{n}", result="x") for n in range(3)]
    batch = take(tmp_path / "a.csv", csv_text(rows))
    assert set(StagedRow.objects.values_list("lane", flat=True)) == {0, 1}
    assert (batch.state, told(batch), batch.stored, batch.handled) == (BatchState.DONE, (120, 0, 0, 0, 3), 120, 123)
    assert (ScreeningResult.objects.count(), Citizen.objects.count()) == (120, 60)

    def fails(*_args, **_options):
        raise ValueError("of a lane")

    monkeypatch.setattr(lanes, "store_rows", fails)
    (tmp_path / "b.csv").write_text(csv_text([person(n, specimen_id=f"C{n}") for n in range(40)]))
    second = batch_of_path(tmp_path / "b.csv")
    with pytest.raises(ValueError, match="of a lane"):
        run_batch(second.pk)
    monkeypatch.undo()
    assert run_batch(second.pk).stored == 40
