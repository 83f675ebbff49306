"""A file of results: good rows are kept, bad ones told; twice changes nothing; another value is a correction.

Nothing is lost or done twice when a run is killed.
"""

import csv
import json
import threading
from datetime import date
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given
from hypothesis import settings as given_settings
from hypothesis import strategies as st

from fhir.hooks import _validators
from fhir.models import Resource, ResourceVersion
from fhir.outcomes import Issue
from healthhub.accounts.actors import SYSTEM, Actor, Role
from healthhub.accounts.models import User
from records.models import Citizen, Membership
from screening import tasks
from screening.imports import lanes, running
from screening.imports.batches import (
    NotAllowed,
    approve_batch,
    batch_of_path,
    notice_texts,
    queue_batch,
    unfinished,
)
from screening.imports.errors import error_lines, first_errors
from screening.imports.running import run_batch
from screening.models import (
    MOVING,
    BatchState,
    ImportBatch,
    ScreeningResult,
    Specimen,
    StagedRow,
    UnmatchedResult,
)
from screening.results import enter_result, withdraw_result
from screening.statistics import cells
from screening.statistics.report import report
from tests.screening.conftest import make_facility
from tests.screening.importing import ENGLISH, HEADINGS, csv_text, person, row, take, told, write_xlsx

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


def errors_of(batch):
    return [list(line) for line in first_errors(batch, 1000)]


def _chunks_of(monkeypatch, size):
    monkeypatch.setattr(running, "CHUNK", size)
    monkeypatch.setattr(lanes, "CHUNK", size)


def errors_file(batch):
    return b"".join(error_lines(batch))


def observations():
    return [json.loads(text) for text in Resource.objects.filter(type="Observation").values_list("content", flat=True)]


def everything():
    """What a file may change, as plain values."""
    return (
        sorted(Resource.objects.values_list("type", "id", "version", "content")),
        ResourceVersion.objects.count(),
        sorted(ScreeningResult.objects.values_list("observation_id", "patient_id", "category", "version")),
        sorted(Citizen.objects.values_list("patient_id", "cccd")),
    )


def test_a_row_becomes_a_person_and_a_result(station, path):
    batch = take(path, csv_text([row()]))
    assert (batch.state, batch.total, batch.processed, told(batch)) == (BatchState.DONE, 1, 1, (1, 0, 0, 0, 0))
    citizen = Citizen.objects.select_related("area").get()
    assert (citizen.full_name, citizen.cccd, citizen.phone) == ("Nguyễn Thị Lan", "000160000001", "+84912345678")
    assert (citizen.area.code, citizen.facility_id) == ("00175", station.pk)
    result = ScreeningResult.objects.get()
    assert (result.patient_id, result.facility_id, result.specimen_id) == (citizen.pk, station.pk, "S001")
    assert (f"{result.value:.1f}", result.unit, result.outcome) == ("12.5", "ug/g", "negative")
    assert Resource.objects.get(type="Observation").facility == station.pk


def test_excel_and_csv_with_either_headings_give_the_same(station, laboratory, tmp_path):
    take(write_xlsx(tmp_path / "a.xlsx", [person(1), person(2, result=25)], header=HEADINGS))
    before = everything()
    batch = take(tmp_path / "b.csv", csv_text([person(1), person(2, result="25")], header=ENGLISH, delimiter=";"))
    assert (told(batch), everything()) == ((0, 0, 2, 0, 0), before)


def test_the_same_file_twice_changes_nothing(station, path):
    rows = [person(n, note="ghi chú" if n % 2 else "") for n in range(1, 9)]
    rows.append(person(3, specimen_id="H1", test="hpv", result="HPV 16", unit=""))
    assert told(take(path, csv_text(rows))) == (9, 0, 0, 0, 0)
    before = everything()
    again = take(path)
    assert (told(again), everything()) == ((0, 0, 9, 0, 0), before)
    assert "đã được xử lý ngày" in notice_texts(again)[0]


def test_another_value_is_a_new_version_of_the_same_result(station, path):
    take(path, csv_text([row(result="12,5")]))
    first = Resource.objects.get(type="Observation")
    batch = take(path, csv_text([row(result="25")]))
    assert told(batch) == (0, 1, 0, 0, 0)
    second = Resource.objects.get(type="Observation")
    assert (second.id, second.version, json.loads(second.content)["status"]) == (first.id, 2, "corrected")
    assert ResourceVersion.objects.get().content == first.content
    assert ScreeningResult.objects.get().outcome == "positive"
    cells.refresh()
    assert (report().tested, report().totals[0]["positive"]) == (1, 1)


def test_a_result_that_a_clinic_posted_is_known_and_keeps_what_only_fhir_can_tell(station, path, send):
    take(path, csv_text([row()]))
    patient = Citizen.objects.get().pk
    posted = send.fit(patient, "7", specimen="S9", device={"display": "OC-Sensor"}, bodySite={"text": "phân"})
    before = everything()
    assert told(take(path, csv_text([row(specimen_id="S9", result="7", resulted_on="")]))) == (0, 0, 1, 0, 0)
    assert everything() == before
    assert told(take(path, csv_text([row(specimen_id="S9", result="30", resulted_on="")]))) == (0, 1, 0, 0, 0)
    found = json.loads(Resource.objects.get(type="Observation", id=posted).content)
    assert (found["status"], found["valueQuantity"]["value"], found["bodySite"]) == ("corrected", 30, {"text": "phân"})


def test_the_same_result_by_form_and_by_file_is_one(station, path):
    take(path, csv_text([person(2)]))
    patient = Citizen.objects.get().pk
    enter_result(
        facility=station, actor=SYSTEM, patient_id=patient, test="fit", value="12.5", unit="ug/g", kit="OC-Sensor",
        collected_on=date(2024, 5, 6), specimen_id="S7",
    )  # fmt: skip
    same = person(2)
    same[ENGLISH.index("specimen_id")] = "S7"
    same[ENGLISH.index("resulted_on")] = ""
    assert told(take(path, csv_text([same]))) == (0, 0, 1, 0, 0)
    same[ENGLISH.index("result")] = "30"
    assert told(take(path, csv_text([same]))) == (0, 1, 0, 0, 0)
    corrected = next(one for one in observations() if one["status"] == "corrected")
    assert corrected["device"] == {"display": "OC-Sensor"}


def test_a_result_taken_back_stays_so_when_its_file_comes_again(station, path):
    take(path, csv_text([row()]))
    withdraw_result(observation_id=ScreeningResult.objects.get().pk, actor=SYSTEM)
    again = take(path)
    assert told(again) == (0, 0, 1, 0, 0)
    assert "đã được rút lại trước đây" in again.notices[-1]["text"]
    assert not ScreeningResult.objects.exists()
    assert told(take(path, csv_text([row(result="30")]))) == (1, 0, 0, 0, 0)


def test_bad_rows_are_told_and_do_not_hold_back_good_ones(station, path):
    rows = [person(1), person(2, sex="x", result="abc"), person(3), person(4, birth_date="31/02/1960")]
    batch = take(path, csv_text(rows, header=HEADINGS))
    assert told(batch) == (2, 0, 0, 0, 2)
    assert [(number, columns) for number, columns, _reason in errors_of(batch)] == [
        ("3", "Giới tính; Kết quả"),
        ("5", "Ngày sinh"),
    ]
    assert errors_of(batch)[1][2].startswith("Ngày sinh: Không có ngày này: “31/02/1960”.")
    assert errors_file(batch).startswith(b"\xef\xbb\xbf")


def test_the_file_of_bad_rows_can_be_mended_and_sent_again(station, path):
    batch = take(path, csv_text([person(1, sex="x", note="=HYPERLINK(1)", result="-", unit=""), person(2)]))
    text = errors_file(batch).decode("utf-8-sig")
    header, line = csv.reader(StringIO(text))
    assert header == ["Dòng", "Cột", "Lý do", *ENGLISH]
    assert "'=HYPERLINK(1)" in line  # opened in Excel it does nothing
    again = take(path, text.replace(",x,", ",Nữ,"))
    assert (told(again), again.notices) == ((1, 0, 0, 0, 0), [])
    found = next(one for one in observations() if one.get("note"))
    assert (found["note"], found["interpretation"][0]["coding"][0]["code"]) == ([{"text": "=HYPERLINK(1)"}], "NEG")


def test_rows_that_repeat_others_of_the_file(station, path, monkeypatch):
    _chunks_of(monkeypatch, 2)
    rows = [person(1), person(1), person(2), person(1), person(2, result="30"), person(3)]
    batch = take(path, csv_text(rows))
    assert told(batch) == (3, 0, 0, 2, 1)
    assert errors_of(batch) == [
        ["6", "specimen_id", "specimen_id: Dòng 4 trong tệp này đã ghi mẫu và xét nghiệm này với nội dung khác."]
    ]
    assert notice_texts(batch) == ["Dòng lặp lại y hệt một dòng phía trên đã được bỏ qua. (2 dòng, đầu tiên là dòng 3)"]


def test_one_person_in_many_rows_is_one_citizen(station, path):
    rows = [row(specimen_id=f"S{n}", collected_on=f"0{n}/05/2024", resulted_on="") for n in range(1, 6)]
    assert told(take(path, csv_text(rows))) == (5, 0, 0, 0, 0)
    assert Citizen.objects.count() == 1


def test_a_number_with_another_birth_date_is_kept_for_somebody_to_decide(station, path):
    batch = take(path, csv_text([row(), row(specimen_id="S2", birth_date="12/03/1970")]))
    assert (told(batch), batch.close, batch.parked) == ((1, 0, 0, 0, 0), 1, 1)
    again = take(path, csv_text([row(), row(specimen_id="S2", birth_date="12/03/1970")]))
    assert (told(again), again.close, again.parked) == ((0, 0, 1, 0, 0), 1, 1)
    parked = UnmatchedResult.objects.get()  # twice sent, once kept
    assert (parked.reason, parked.fields["birth_date"], parked.fields["specimen_id"]) == (
        "person_differs",
        "1970-03-12",
        "S2",
    )


def test_a_row_without_a_number_waits_to_be_matched(station, path):
    batch = take(path, csv_text([row(citizen_id="")]))
    assert (told(batch), batch.nobody, batch.parked) == ((0, 0, 0, 0, 0), 1, 1)
    assert not Citizen.objects.exists()
    parked = UnmatchedResult.objects.get()
    assert (parked.source, parked.reason, parked.fields["full_name"]) == ("file", "person_unknown", "Nguyễn Thị Lan")
    assert json.loads(parked.payload)["specimen_id"] == "S001"


def test_a_row_without_a_number_is_hers_whose_tube_it_is(station, path):
    take(path, csv_text([row()]))
    patient = Citizen.objects.get().pk
    assert told(take(path, csv_text([row(citizen_id="", result="30")]))) == (0, 1, 0, 0, 0)
    Specimen.objects.create(
        specimen_id="x", patient_id=patient, facility=station, barcode="S7", status="available", test="fit"
    )
    loose = [row(citizen_id="", specimen_id="S7"), row(citizen_id="", specimen_id="S8")]
    batch = take(path, csv_text(loose))
    assert (told(batch), batch.close) == ((1, 0, 0, 0, 0), 1)
    assert ScreeningResult.objects.get(specimen_id="S7").patient_id == patient


@pytest.mark.parametrize(
    ("changes", "close"),
    [
        ({"citizen_id": "000160000002"}, 1),  # a digit wrong
        ({"citizen_id": "000160000010"}, 1),  # two changed about
        ({"citizen_id": "000160000055"}, 0),  # a namesake
        ({"citizen_id": "0123456789"}, 1),  # a number of another kind
        ({"citizen_id": "000160000002", "full_name": "Nguyễn Thị Hoa"}, 0),
        ({"citizen_id": "000160000002", "birth_date": "03/12/1960"}, 1),  # day and month changed about
        ({"full_name": "Trần Văn Bình"}, 1),
        ({"full_name": "Nguyen Thi Lan"}, 0),
    ],
)
def test_somebody_nearly_known_is_not_registered_again(station, path, changes, close):
    take(path, csv_text([row()]))
    batch = take(path, csv_text([row(specimen_id="S2", **changes)]))
    assert (batch.close, batch.new) == (close, 1 - close)
    if close:
        assert StagedRow.objects.get(batch=batch).candidates == [Citizen.objects.get().pk]


def test_a_specimen_never_changes_hands(station, path):
    take(path, csv_text([row()]))
    before = everything()
    batch = take(path, csv_text([row(citizen_id="000160000009", full_name="Lê Thị Hoa")]))
    assert (told(batch), everything()) == ((0, 0, 0, 0, 1), before)
    assert "một người khác" in errors_of(batch)[0][2]


def test_a_row_that_only_the_store_refuses_does_not_sink_its_chunk(station, path, monkeypatch):
    def refuse(changes):
        for position, change in enumerate(changes):
            if (change.resource["specimen"]["identifier"]["value"]) in ("S002", "S005"):
                yield position, Issue("error", "invalid", "Observation.specimen", "No such bottle.")

    monkeypatch.setattr("fhir.hooks._validators", [*_validators, (frozenset({"Observation"}), refuse)])
    batch = take(path, csv_text([person(n) for n in range(1, 7)]))
    assert told(batch) == (4, 0, 0, 0, 2)
    assert [number for number, _column, _reason in errors_of(batch)] == ["3", "6"]
    assert "No such bottle." in errors_of(batch)[0][2]


def test_a_refusal_that_names_no_row_is_narrowed_down(station, path, monkeypatch):
    def refuse(changes):
        if any(change.resource["specimen"]["identifier"]["value"] == "S004" for change in changes):
            from fhir.outcomes import refuse

            raise refuse(422, "invalid", "Something is wrong.")
        return ()

    monkeypatch.setattr("fhir.hooks._validators", [*_validators, (frozenset({"Observation"}), refuse)])
    batch = take(path, csv_text([person(n) for n in range(1, 7)]))
    assert (told(batch), errors_of(batch)[0][0]) == ((5, 0, 0, 0, 1), "5")


def test_statements_do_not_grow_with_the_chunk(station, path):
    found = []
    for start, count in ((0, 5), (100, 50)):
        path.write_text(csv_text([person(n) for n in range(start + 1, start + count + 1)]))
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
    assert run_batch(batch.pk).state == BatchState.FAILED
    assert not ScreeningResult.objects.exists()


@pytest.mark.parametrize(
    ("module", "works_in", "state"), [(running, "_stage", "reading"), (lanes, "take_chunk", "storing")]
)
@pytest.mark.parametrize("dies_at", ["before the commit", "after the commit"])
def test_a_run_that_is_killed_goes_on_and_counts_nothing_twice(
    station, path, monkeypatch, dies_at, module, works_in, state
):
    _chunks_of(monkeypatch, 2)
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
    _chunks_of(monkeypatch, 2)
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
    _chunks_of(monkeypatch, 7)
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


def test_the_command_tells_what_became_of_the_file(station, path, tmp_path):
    path.write_text(csv_text([person(1), person(2, sex="x")]))
    out, err = StringIO(), StringIO()
    call_command("import_results", path, "--errors", tmp_path / "bad.csv", stdout=out, stderr=err)
    assert "2 rows: 1 new, 0 corrected, 0 unchanged, 0 repeated, 0 set aside, 1 failed" in out.getvalue()
    assert "2 rows read" in err.getvalue()
    assert (tmp_path / "bad.csv").read_text(encoding="utf-8-sig").splitlines()[1].startswith("3,sex,")


def test_the_command_ends_with_2_for_what_it_cannot_read(station, path, tmp_path):
    path.write_text("a,b\n1,2\n")
    for file, reason in ((path, "tiêu đề"), (tmp_path / "none.csv", "no such file")):
        with pytest.raises(CommandError, match=reason) as refused:
            call_command("import_results", file, stdout=StringIO(), stderr=StringIO())
        assert refused.value.returncode == 2


def test_no_personal_data_reaches_the_logs(station, path, caplog):
    take(path, csv_text([row(), row(specimen_id="S2", sex="x")]))
    assert "Import" in caplog.text
    for secret in ("Lan", "000160000001", "0912345678"):
        assert secret not in caplog.text


CELL = st.sampled_from(
    ["", "x", "1", "2024-05-06", "fit", "hpv", "12,5", "01901", "000160000002", "Nữ", "S001", "=1", "\x07", "ỗ"]
)


@given_settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    changes=st.lists(
        st.tuples(st.integers(1, 6), st.dictionaries(st.sampled_from(ENGLISH), CELL, max_size=2)), max_size=8
    )
)
def test_every_row_is_either_kept_or_told(station, path, changes):
    rows = [person(number, **cells) for number, cells in changes]
    batch = take(path, csv_text(rows))
    assert batch.state == BatchState.DONE
    assert batch.processed == len(rows) == sum(told(batch)) + batch.close + batch.nobody
    assert batch.parked == batch.close + batch.nobody
    for one in StagedRow.objects.filter(batch=batch, state="parked"):
        assert UnmatchedResult.objects.filter(pk=one.observation.removeprefix("parked:")).exists()
    assert len(errors_of(batch)) == batch.failed
    assert {int(number) for number, _column, _reason in errors_of(batch)} <= set(range(2, len(rows) + 2))


def test_a_correction_may_name_the_person_by_the_newer_form_of_her_insurance_number(station, tmp_path):
    card = row(citizen_id="GD4010123456789")
    assert told(take(tmp_path / "a.csv", csv_text([card]))) == (1, 0, 0, 0, 0)
    later = row(citizen_id="0123456789", result="30")
    assert told(take(tmp_path / "b.csv", csv_text([later]))) == (0, 1, 0, 0, 0)
    assert Citizen.objects.count() == 1
