"""What the reviewer of a file may do: leave kinds out, stop, take everything back within a day."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from pytest_django import Settings

from fhir.models import Resource, ResourceVersion
from healthhub.accounts.actors import SYSTEM, Actor, Role
from healthhub.accounts.models import User
from records.models import Citizen, Facility, Membership
from screening.imports import lanes, running
from screening.imports.batches import (
    NotAllowed,
    TooLate,
    approve_batch,
    cancel_batch,
    forget_rows,
    queue_batch,
    undo_batch,
)
from screening.imports.errors import error_lines
from screening.imports.leaving import Leaving
from screening.imports.running import run_batch
from screening.models import ImportBatch, ScreeningResult, StagedRow, UnmatchedResult
from screening.results import withdraw_result
from tests.screening.importing import csv_text, person, row, take, told

pytestmark = pytest.mark.django_db
WRONG_FILE = Leaving("wrong_file")


@pytest.fixture(autouse=True)
def _media(settings: Settings, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"


@pytest.fixture
def user(station: Facility) -> User:
    user = User.objects.create_user("lab@example.org", name="Phòng xét nghiệm")
    Membership.objects.create(user=user, role=Role.LABORATORY, facility=station)
    return user


@pytest.fixture
def actor(user: User, station: Facility) -> Actor:
    return Actor(f"user:{user.pk}", user.name, Role.LABORATORY, facility=station.pk)


def uploaded(rows: list[list[object]], user: User, actor: Actor, tmp_path: Path) -> ImportBatch:
    path = tmp_path / "upload.csv"
    path.write_text(csv_text(rows))
    with path.open("rb") as file:
        batch = queue_batch(file=file, filename="upload.csv", uploader=user, actor=actor)
    found = run_batch(batch.pk)
    assert found
    return found


def approved(batch: ImportBatch, user: User, actor: Actor, *kinds: str, leaving: Leaving | None = None) -> ImportBatch:
    kinds = kinds or ("new", "matched", "correction", "close", "nobody")
    approve_batch(batch=batch, kinds=kinds, approver=user, actor=actor, leaving=leaving)
    found = run_batch(batch.pk)
    assert found
    return found


def undone(batch: ImportBatch, user: User, actor: Actor) -> ImportBatch:
    undo_batch(batch=batch, undoer=user, actor=actor, leaving=WRONG_FILE)
    found = run_batch(batch.pk)
    assert found
    return found


def test_nothing_is_written_before_somebody_approves(user: User, actor: Actor, tmp_path: Path) -> None:
    batch = uploaded([person(1), person(2, citizen_id="")], user, actor, tmp_path)
    assert (batch.state, told(batch), batch.nobody) == ("review", (1, 0, 0, 0, 0), 1)
    assert not Citizen.objects.exists()
    assert not ScreeningResult.objects.exists()
    assert not UnmatchedResult.objects.exists()


def test_a_correction_is_shown_old_and_new_and_may_be_left_out(user: User, actor: Actor, tmp_path: Path) -> None:
    take(tmp_path / "a.csv", csv_text([row(result="12,5", note="lần đầu")]))
    batch = uploaded([row(result="30", collected_on="07/05/2024"), person(9)], user, actor, tmp_path)
    assert told(batch) == (1, 1, 0, 0, 0)
    assert StagedRow.objects.get(batch=batch, kind="correction").differences == [
        ["Kết quả", "12,5 ug/g (Âm tính)", "30 ug/g (Dương tính)"],
        ["Ngày lấy mẫu", "06/05/2024", "07/05/2024"],
        ["Ghi chú", "lần đầu", ""],
    ]
    done = approved(batch, user, actor, "new", leaving=Leaving("duplicate"))
    assert (done.state, done.stored) == ("done", 1)
    assert ScreeningResult.objects.get(specimen_id="S001").outcome == "negative"
    lines = b"".join(error_lines(done)).decode("utf-8-sig").splitlines()
    assert lines[1].startswith("2,,Trùng với kết quả đã nhập từ phiếu giấy,01901,S001")


def test_what_was_entered_since_the_review_is_judged_anew(user: User, actor: Actor, tmp_path: Path) -> None:
    batch = uploaded([person(1), person(2)], user, actor, tmp_path)
    take(tmp_path / "a.csv", csv_text([person(1), person(2, result="30")]))
    done = approved(batch, user, actor)
    assert (told(done), done.stored) == ((0, 1, 1, 0, 0), 1)


def test_undoing_withdraws_what_was_new_and_restores_what_was_corrected(
    user: User, actor: Actor, tmp_path: Path
) -> None:
    take(tmp_path / "a.csv", csv_text([row(result="12,5", note="lần đầu")]))
    Resource.objects.filter(type="Observation").update(facility=actor.facility)
    earlier = json.loads(Resource.objects.get(type="Observation").content)
    batch = approved(
        uploaded([row(result="30"), person(2), person(3, citizen_id="")], user, actor, tmp_path), user, actor
    )
    assert (batch.stored, batch.parked, ScreeningResult.objects.count()) == (2, 1, 2)
    back = undone(batch, user, actor)
    assert (back.state, back.undone, back.kept) == ("undone", 3, 0)
    restored = json.loads(Resource.objects.get(type="Observation", id=earlier["id"]).content)
    assert restored.pop("meta")["versionId"] == "3"
    assert restored == {name: value for name, value in earlier.items() if name != "meta"} | {"status": "corrected"}
    assert ScreeningResult.objects.get().outcome == "negative"
    withdrawn = json.loads(Resource.objects.filter(type="Observation").exclude(id=earlier["id"]).get().content)
    assert withdrawn["status"] == "entered-in-error"
    assert ResourceVersion.objects.filter(type="Observation").count() == 3  # nothing is erased
    assert UnmatchedResult.objects.get().state == "rejected"


def test_an_undone_file_may_come_again(user: User, actor: Actor, tmp_path: Path) -> None:
    rows = [person(1, result="80"), person(2, citizen_id="")]
    undone(approved(uploaded(rows, user, actor, tmp_path), user, actor), user, actor)
    assert (ScreeningResult.objects.count(), UnmatchedResult.objects.get().state) == (0, "rejected")
    again = approved(uploaded(rows, user, actor, tmp_path), user, actor)
    assert (again.stored, again.parked) == (1, 1)
    assert (ScreeningResult.objects.get().outcome, UnmatchedResult.objects.get().state) == ("positive", "open")


def test_a_row_changed_since_is_not_undone_but_listed(user: User, actor: Actor, tmp_path: Path) -> None:
    batch = approved(uploaded([person(1), person(2)], user, actor, tmp_path), user, actor)
    withdraw_result(observation_id=ScreeningResult.objects.get(specimen_id="S001").pk, actor=SYSTEM)
    back = undone(batch, user, actor)
    assert (back.undone, back.kept) == (1, 1)
    assert "đã được người khác sửa" in b"".join(error_lines(back)).decode()
    assert StagedRow.objects.get(state="kept").texts[1] == "S001"


def test_a_file_is_undone_within_a_day_and_once(user: User, actor: Actor, tmp_path: Path) -> None:
    batch = approved(uploaded([person(1)], user, actor, tmp_path), user, actor)
    assert batch.finished_at
    ImportBatch.objects.update(finished_at=batch.finished_at - timedelta(hours=25))
    with pytest.raises(TooLate):
        undo_batch(batch=batch, undoer=user, actor=actor, leaving=WRONG_FILE)
    ImportBatch.objects.update(finished_at=batch.finished_at)
    undone(batch, user, actor)
    with pytest.raises(TooLate):
        undo_batch(batch=batch, undoer=user, actor=actor, leaving=WRONG_FILE)


@pytest.mark.parametrize("state", ["reading", "storing"])
def test_a_file_can_be_stopped_at_work(
    user: User, actor: Actor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    monkeypatch.setattr(running, "CHUNK", 2)
    monkeypatch.setattr(lanes, "CHUNK", 2)
    path = tmp_path / "a.csv"
    path.write_text(csv_text([person(n) for n in range(1, 8)]))
    with path.open("rb") as file:
        batch = queue_batch(file=file, filename="a.csv", uploader=user, actor=actor, auto=True)

    def progress(batch: ImportBatch) -> None:
        if batch.state == state:
            ImportBatch.objects.filter(pk=batch.pk).update(cancel_asked=True)  # as the page of another process does

    found = run_batch(batch.pk, progress=progress)
    assert found
    assert found.state == "cancelled"
    assert found.stored in ((0,) if state == "reading" else (1, 2))
    assert ScreeningResult.objects.count() == found.stored
    assert not (Path(tmp_path) / "media" / batch.file).exists()
    if found.stored:
        assert undone(found, user, actor).undone == found.stored
        assert not ScreeningResult.objects.exists()


def test_only_the_own_facility_may(user: User, actor: Actor, laboratory: Facility, tmp_path: Path) -> None:
    batch = uploaded([person(1)], user, actor, tmp_path)
    other = Actor("user:9", "Khác", Role.LABORATORY, facility=laboratory.pk)
    with pytest.raises(NotAllowed):
        approve_batch(batch=batch, kinds=["new"], approver=user, actor=other)
    with pytest.raises(NotAllowed):
        cancel_batch(batch=batch, actor=other)
    with pytest.raises(TooLate):
        undo_batch(batch=batch, undoer=user, actor=actor, leaving=WRONG_FILE)


def test_an_undo_that_is_killed_goes_on(
    user: User, actor: Actor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "CHUNK", 2)
    monkeypatch.setattr(lanes, "CHUNK", 2)
    batch = approved(uploaded([person(n) for n in range(1, 6)], user, actor, tmp_path), user, actor)
    undo_batch(batch=batch, undoer=user, actor=actor, leaving=WRONG_FILE)

    def dying(_batch: ImportBatch) -> None:
        raise KeyboardInterrupt  # after the first chunk

    with pytest.raises(KeyboardInterrupt):
        run_batch(batch.pk, progress=dying)
    assert ScreeningResult.objects.count() == 3
    back = run_batch(batch.pk)
    assert back
    assert (back.state, back.undone, ScreeningResult.objects.count()) == ("undone", 5, 0)


def test_rows_of_files_that_ended_long_ago_are_forgotten(user: User, actor: Actor, tmp_path: Path) -> None:
    waiting = uploaded([person(5)], user, actor, tmp_path)
    done = approved(uploaded([person(1)], user, actor, tmp_path), user, actor)
    assert forget_rows() == 0
    ImportBatch.objects.filter(pk=done.pk).update(finished_at=timezone.now() - timedelta(days=31))
    assert forget_rows() == 1
    assert list(StagedRow.objects.values_list("batch", flat=True)) == [waiting.pk]
    assert ImportBatch.objects.get(pk=done.pk).stored == 1
