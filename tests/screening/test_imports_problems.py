"""Bad rows of a file are told with their reason, and never hold back the good ones."""

import csv
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from hypothesis import HealthCheck, given
from hypothesis import settings as given_settings
from hypothesis import strategies as st

from fhir.hooks import _validators
from fhir.outcomes import Issue
from screening.imports.batches import (
    notice_texts,
)
from screening.models import (
    BatchState,
    StagedRow,
    UnmatchedResult,
)
from tests.screening.importing import (
    ENGLISH,
    HEADINGS,
    chunks_of,
    csv_text,
    errors_file,
    errors_of,
    observations,
    person,
    row,
    take,
    told,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path / "media"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "results.csv"


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
    chunks_of(monkeypatch, 2)
    rows = [person(1), person(1), person(2), person(1), person(2, result="30"), person(3)]
    batch = take(path, csv_text(rows))
    assert told(batch) == (3, 0, 0, 2, 1)
    assert errors_of(batch) == [
        ["6", "specimen_id", "specimen_id: Dòng 4 trong tệp này đã ghi mẫu và xét nghiệm này với nội dung khác."]
    ]
    assert notice_texts(batch) == ["Dòng lặp lại y hệt một dòng phía trên đã được bỏ qua. (2 dòng, đầu tiên là dòng 3)"]


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


def test_the_command_tells_what_became_of_the_file(station, path, tmp_path):
    path.write_text(csv_text([person(1), person(2, sex="x")]))
    out, err = StringIO(), StringIO()
    call_command("import_results", path, "--errors", tmp_path / "bad.csv", stdout=out, stderr=err)
    assert "2 rows: 1 new, 0 matched, 0 corrected, 0 unchanged, 0 repeated, 0 set aside, 1 failed" in out.getvalue()
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
