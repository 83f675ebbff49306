"""In the review of a file, results of people who are known stand apart from people whom it would register."""

from pathlib import Path

import pytest
from pytest_django import Settings

from healthhub.accounts.actors import Actor
from healthhub.accounts.models import User
from records.models import Citizen, Facility
from screening.forms.files import ApproveForm
from screening.imports.batches import map_columns
from screening.imports.leaving import Leaving
from screening.imports.review import load_review
from screening.models import ImportBatch, ScreeningResult, StagedRow
from tests.screening.importing import chunks_of, csv_text, errors_of, person, row, take
from tests.screening.test_imports_review import actor, approved, undone, uploaded, user

__all__ = ["actor", "user"]
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _media(settings: Settings, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"


def kinds(batch: ImportBatch) -> dict[int, str]:
    return dict(StagedRow.objects.filter(batch=batch).values_list("row", "kind"))


def counted(batch: ImportBatch) -> tuple[int, int]:
    return batch.new, batch.matched


def test_who_is_known_is_told_apart_from_who_would_be_registered(user: User, actor: Actor, tmp_path: Path) -> None:
    take(tmp_path / "a.csv", csv_text([person(1)]))
    batch = uploaded([person(1, specimen_id="S9"), person(2)], user, actor, tmp_path)
    assert (kinds(batch), counted(batch)) == ({2: "matched", 3: "new"}, (1, 1))
    assert [label for _value, label in ApproveForm(batch=batch).fields["kinds"].choices] == [
        "Người mới (1)",
        "Người đã có hồ sơ (1)",
    ]
    review = load_review(batch=batch, tab="matched", after=0, actor=actor, reason="")
    assert ([line.row for line in review.lines], review.leaves) == ([2], True)
    assert "người đã có hồ sơ" in str(review.means)


def test_results_of_known_people_can_be_stored_alone(user: User, actor: Actor, tmp_path: Path) -> None:
    take(tmp_path / "a.csv", csv_text([person(1)]))
    batch = uploaded([person(1, specimen_id="S9"), person(2)], user, actor, tmp_path)
    done = approved(batch, user, actor, "matched", leaving=Leaving("wrong_file"))
    assert (done.stored, Citizen.objects.count()) == (1, 1)
    assert ScreeningResult.objects.filter(specimen_id="S9").exists()
    assert errors_of(done) == [["3", "", "Tải nhầm tệp"]]


def test_only_the_first_row_of_somebody_new_registers_her(
    user: User, actor: Actor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chunks_of(monkeypatch, 2)
    rows = [person(1, specimen_id=f"S{n}") for n in range(5)]
    batch = uploaded(rows, user, actor, tmp_path)
    assert counted(batch) == (5, 0)  # nobody knows her yet
    done = approved(batch, user, actor)
    assert (done.stored, Citizen.objects.count(), counted(done)) == (5, 1, (1, 4))
    assert [kind for _row, kind in sorted(kinds(done).items())] == ["new", *["matched"] * 4]


def test_somebody_registered_elsewhere_since_the_review_is_known(user: User, actor: Actor, tmp_path: Path) -> None:
    batch = uploaded([person(1)], user, actor, tmp_path)
    assert counted(batch) == (1, 0)
    take(tmp_path / "a.csv", csv_text([person(1, specimen_id="S9")]))
    done = approved(batch, user, actor)
    assert (done.stored, counted(done), Citizen.objects.count()) == (1, (0, 1), 1)
    assert set(ScreeningResult.objects.values_list("patient_id", flat=True)) == {Citizen.objects.get().pk}


def test_undoing_takes_the_results_of_known_people_back_too(
    user: User, actor: Actor, station: Facility, tmp_path: Path
) -> None:
    take(tmp_path / "a.csv", csv_text([person(1)]))
    done = approved(uploaded([person(1, specimen_id="S9"), person(2)], user, actor, tmp_path), user, actor)
    back = undone(done, user, actor)
    assert (back.undone, counted(back)) == (2, (1, 1))
    assert list(ScreeningResult.objects.values_list("specimen_id", flat=True)) == ["S001"]


def test_a_file_read_again_counts_its_rows_anew(user: User, actor: Actor, tmp_path: Path) -> None:

    take(tmp_path / "a.csv", csv_text([person(1)]))
    batch = uploaded([person(1, specimen_id="S9"), row(specimen_id="S10", citizen_id="")], user, actor, tmp_path)
    map_columns(batch=batch, columns=batch.columns, actor=actor)
    batch.refresh_from_db()
    assert (batch.processed, *counted(batch), batch.nobody) == (0, 0, 0, 0)
