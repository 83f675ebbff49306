"""Rows that are not stored: left out with a reason, kept, seen twice where they are positive, and restorable."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.utils import timezone

from healthhub.accounts.actors import Actor, Role
from healthhub.accounts.models import User
from healthhub.audit.models import AccessEntry
from records.models import Facility
from screening.imports.batches import NotAllowed, TooLate, approve_batch, cancel_batch, decide_row, forget_rows
from screening.imports.leaving import Leaving, NotGiven
from screening.imports.left import confirm_file, confirm_left, leave_wrong, left_out, queue_wrong, restore_row, waiting
from screening.models import ImportBatch, ScreeningResult, StagedRow, UnmatchedResult
from tests.screening.clinic_room import signed_in
from tests.screening.importing import csv_text, person, take
from tests.screening.test_imports_review import _media, actor, approved, undone, uploaded, user

__all__ = ["_media", "actor", "user"]
pytestmark = pytest.mark.django_db

POSITIVE, NEGATIVE = "80", "5"
CONTROL = Leaving("control")


@pytest.fixture
def second(station: Facility) -> Actor:
    return Actor("user:77", "Kỹ thuật viên Bình", Role.LABORATORY, facility=station.pk)


def specimens(actor: Actor) -> list[str]:
    assert actor.facility
    return list(waiting(actor.facility).order_by("pk").values_list("specimen", flat=True))


def with_one_left(result: str, user: User, actor: Actor, tmp_path: Path) -> StagedRow:
    """A file of two whose first row somebody leaves out."""
    batch = uploaded([person(1, result=result), person(2)], user, actor, tmp_path)
    decide_row(row=batch.rows.get(row=2), decision="left", actor=actor, leaving=CONTROL)
    approved(batch, user, actor)
    return StagedRow.objects.get(batch=batch, row=2)


@pytest.mark.parametrize(("reason", "note"), [("", ""), ("because", ""), ("other", " ")])
def test_a_reason_is_one_of_the_list_and_other_needs_words(reason: str, note: str) -> None:
    with pytest.raises(NotGiven):
        Leaving(reason, note)


def test_nothing_is_left_out_without_a_reason(user: User, actor: Actor, tmp_path: Path) -> None:
    batch = uploaded([person(1), person(2, citizen_id="")], user, actor, tmp_path)
    with pytest.raises(NotAllowed):
        decide_row(row=batch.rows.get(row=2), decision="left", actor=actor)
    with pytest.raises(NotAllowed):
        approve_batch(batch=batch, kinds=["new"], approver=user, actor=actor)
    with pytest.raises(NotAllowed):
        cancel_batch(batch=batch, actor=actor)
    batch.refresh_from_db()
    assert batch.state == "review"


def test_a_row_left_out_keeps_its_reason_and_who_said_it(user: User, actor: Actor, tmp_path: Path) -> None:
    row = with_one_left(NEGATIVE, user, actor, tmp_path)
    assert (row.state, row.left_as, row.left_by, row.left_name) == ("left", "control", actor.id, actor.name)
    assert row.left_at
    assert list(left_out(str(actor.facility))) == [row]
    assert specimens(actor) == []  # negative: nobody can be forgotten
    assert ScreeningResult.objects.get().specimen_id == "S002"


def test_a_left_positive_waits_for_a_second_person(user: User, actor: Actor, second: Actor, tmp_path: Path) -> None:
    row = with_one_left(POSITIVE, user, actor, tmp_path)
    assert (row.flag, specimens(actor)) == ("positive", ["S001"])
    with pytest.raises(NotAllowed):
        confirm_left(row=row, actor=actor)
    assert specimens(actor) == ["S001"]
    confirm_left(row=row, actor=second)
    assert specimens(actor) == []
    with pytest.raises(TooLate):
        confirm_left(row=row, actor=second)
    row.refresh_from_db()
    assert (row.seen_by, row.left_as) == (second.id, "control")
    assert AccessEntry.objects.filter(actor=second.id, action="confirm", resource_id=str(row.pk)).count() == 1


def test_another_facility_neither_sees_nor_settles_it(
    user: User, actor: Actor, laboratory: Facility, tmp_path: Path
) -> None:
    row = with_one_left(POSITIVE, user, actor, tmp_path)
    stranger = Actor("user:9", "Khác", Role.LABORATORY, facility=laboratory.pk)
    assert specimens(stranger) == []
    for settle in (confirm_left, restore_row):
        with pytest.raises(NotAllowed):
            settle(row=row, actor=stranger)


def test_kinds_that_are_not_approved_are_left_for_the_reason_of_the_file(
    user: User, actor: Actor, second: Actor, tmp_path: Path
) -> None:
    batch = uploaded([person(1), person(2, citizen_id="", result=POSITIVE)], user, actor, tmp_path)
    approved(batch, user, actor, "new", leaving=Leaving("other", "Ống của đợt trước"))
    row = StagedRow.objects.get(state="left")
    assert (row.left_as, row.left_note, row.left_by) == ("other", "Ống của đợt trước", actor.id)
    assert specimens(actor) == ["S002"]
    assert confirm_file(batch=batch, rows=[row.pk], actor=actor) == 0  # not by whoever left it out
    assert confirm_file(batch=batch, rows=[row.pk], actor=second) == 1
    assert specimens(actor) == []


def test_only_the_rows_that_stood_on_the_page_are_confirmed_at_once(
    user: User, actor: Actor, station: Facility, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("screening.views.left.PAGE", 2)
    batch = uploaded([person(number, result=POSITIVE) for number in range(1, 4)], user, actor, tmp_path)
    cancel_batch(batch=batch, actor=actor, leaving=CONTROL)
    client = signed_in(Role.LABORATORY, station, email="binh@example.vn")
    address = f"/clinic/imports/left/file/{batch.pk}/"
    page = client.get(address).content.decode()
    assert ["S001" in page, "S002" in page, "S003" in page, "còn 3 dòng" in page] == [True, True, False, True]
    assert client.post(address).url == address  # a click without rows confirms none
    assert specimens(actor) == ["S001", "S002", "S003"]
    shown = re.findall(r'name="row" value="(\d+)"', page)
    assert client.post(address, {"row": shown}).url == address
    assert specimens(actor) == ["S003"]
    last = re.findall(r'name="row" value="(\d+)"', client.get(address).content.decode())
    assert client.post(address, {"row": last}).url == "/clinic/imports/left/"
    assert specimens(actor) == []


def test_a_file_given_up_leaves_its_positives_to_be_looked_at(user: User, actor: Actor, tmp_path: Path) -> None:
    batch = uploaded([person(1, result=POSITIVE), person(2)], user, actor, tmp_path)
    cancel_batch(batch=batch, actor=actor, leaving=Leaving("wrong_file"))
    assert set(StagedRow.objects.values_list("state", "left_as")) == {("left", "wrong_file")}
    assert specimens(actor) == ["S001"]
    again = approved(uploaded([person(1, result=POSITIVE)], user, actor, tmp_path), user, actor)
    assert again.stored == 1
    assert specimens(actor) == []  # it has come in another way


def test_a_negative_stored_under_its_number_does_not_settle_a_positive(
    user: User, actor: Actor, tmp_path: Path
) -> None:
    with_one_left(POSITIVE, user, actor, tmp_path)
    take(tmp_path / "b.csv", csv_text([person(1, result=NEGATIVE)]))
    assert specimens(actor) == ["S001"]


def test_an_older_result_of_the_tube_does_not_settle_a_left_correction(
    user: User, actor: Actor, tmp_path: Path
) -> None:
    take(tmp_path / "a.csv", csv_text([person(1, result=NEGATIVE)]))
    with_one_left(POSITIVE, user, actor, tmp_path)
    assert StagedRow.objects.get(state="left").kind == "correction"
    assert specimens(actor) == ["S001"]


def test_undone_positives_wait_too(user: User, actor: Actor, second: Actor, tmp_path: Path) -> None:
    batch = approved(uploaded([person(1, result=POSITIVE), person(2)], user, actor, tmp_path), user, actor)
    undone(batch, user, actor)
    assert specimens(actor) == ["S001"]
    row = restore_row(row=StagedRow.objects.get(specimen="S001"), actor=second)
    assert (row.state, ScreeningResult.objects.get().outcome) == ("stored", "positive")
    assert specimens(actor) == []


def test_a_left_row_can_be_stored_after_all(user: User, actor: Actor, tmp_path: Path) -> None:
    row = with_one_left(POSITIVE, user, actor, tmp_path)
    restored = restore_row(row=row, actor=actor)
    assert (restored.state, specimens(actor)) == ("stored", [])
    assert ScreeningResult.objects.get(specimen_id="S001").outcome == "positive"
    assert ImportBatch.objects.get(pk=row.batch_id).stored == 2
    with pytest.raises(TooLate):
        restore_row(row=row, actor=actor)
    row.refresh_from_db()
    assert row.left_as == "control"  # that it was left, by whom and why, stays


def test_a_left_row_that_names_nobody_goes_to_the_queue(user: User, actor: Actor, tmp_path: Path) -> None:
    batch = uploaded([person(1, citizen_id="", result=POSITIVE)], user, actor, tmp_path)
    cancel_batch(batch=batch, actor=actor, leaving=CONTROL)
    assert restore_row(row=StagedRow.objects.get(), actor=actor).state == "parked"
    assert UnmatchedResult.objects.get().fields["value"] == POSITIVE


def test_a_wrong_row_waits_until_its_mended_version_is_stored(user: User, actor: Actor, tmp_path: Path) -> None:
    approved(uploaded([person(1, birth_date="31/02/1960"), person(2)], user, actor, tmp_path), user, actor)
    assert specimens(actor) == ["S001"]
    approved(uploaded([person(1)], user, actor, tmp_path), user, actor)
    assert specimens(actor) == []


@pytest.mark.parametrize(
    ("changes", "flag", "looks"),
    [
        ({"birth_date": "31/02/1960", "result": POSITIVE}, "positive", ["S001"]),
        ({"result": "nhiều"}, "unread", ["S001"]),
        ({"test": "máu"}, "unread", ["S001"]),
        ({"birth_date": "31/02/1960", "result": NEGATIVE}, "", []),
        ({"result": ""}, "", []),
        ({"result": "300", "cutoff": "1000"}, "positive", ["S001"]),
        ({"result": "<50", "cutoff": "50"}, "unread", ["S001"]),
    ],
)
def test_a_wrong_row_left_out_needs_a_second_look_unless_it_reads_negative(
    user: User, actor: Actor, second: Actor, tmp_path: Path, changes: dict[str, str], flag: str, looks: list[str]
) -> None:
    approved(uploaded([person(1, **changes), person(2)], user, actor, tmp_path), user, actor)
    row = StagedRow.objects.get(kind="error")
    assert (row.flag, specimens(actor)) == (flag, ["S001"])
    leave_wrong(row=row, leaving=CONTROL, actor=actor)
    assert specimens(actor) == looks
    if looks:
        confirm_left(row=row, actor=second)
    assert specimens(actor) == []


def test_a_positive_behind_a_lax_cutoff_is_queued_as_such(user: User, actor: Actor, tmp_path: Path) -> None:
    rows = [person(1, result="300", cutoff="1000"), person(2)]
    queue_wrong(row=approved(uploaded(rows, user, actor, tmp_path), user, actor).rows.get(kind="error"), actor=actor)
    parked = UnmatchedResult.objects.get()
    assert (parked.reason, parked.fields["cutoff"]) == ("cutoff_differs", "1000")


def test_a_wrong_row_can_be_read_by_hand_from_the_queue(user: User, actor: Actor, tmp_path: Path) -> None:
    batch = approved(uploaded([person(1, result="nhiều"), person(2)], user, actor, tmp_path), user, actor)
    queue_wrong(row=batch.rows.get(kind="error"), actor=actor)
    parked = UnmatchedResult.objects.get()
    assert (parked.reason, parked.fields["value"], parked.fields["cccd"]) == (
        *("value_unreadable", "nhiều"),
        "000160000001",
    )
    assert specimens(actor) == []


def test_the_purge_keeps_what_was_left_out_and_what_is_wrong(user: User, actor: Actor, tmp_path: Path) -> None:
    row = with_one_left(POSITIVE, user, actor, tmp_path)
    approved(uploaded([person(5, result="nhiều"), person(6)], user, actor, tmp_path), user, actor)
    undone(approved(uploaded([person(7, result=POSITIVE), person(8)], user, actor, tmp_path), user, actor), user, actor)
    ImportBatch.objects.update(finished_at=timezone.now() - timedelta(days=400))
    assert forget_rows() == 3
    assert sorted(StagedRow.objects.values_list("specimen", flat=True)) == ["S001", "S005", "S007"]
    row.refresh_from_db()
    assert (row.left_as, row.texts[1]) == ("control", "S001")
    assert specimens(actor) == ["S001", "S005", "S007"]


def test_what_waits_is_counted_in_its_own_index_however_much_was_ever_left_out(station: Facility) -> None:
    batch = ImportBatch.objects.create(filename="a.csv", sha256="0" * 64, facility=station.pk, state="done")
    seen = {"batch": batch, "kind": "new", "state": "left", "flag": "positive", "seen_at": timezone.now()}
    StagedRow.objects.bulk_create(StagedRow(row=number, **seen) for number in range(2, 3002))
    StagedRow.objects.create(batch=batch, row=4000, kind="new", state="left", flag="positive")
    StagedRow.objects.create(batch=batch, row=4001, kind="error")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE screening_stagedrow")
    plan = waiting(station.pk).explain()
    assert "using screening_stagedrow_waiting" in plan or "on screening_stagedrow_waiting" in plan, plan
    assert waiting(station.pk).count() == 2
