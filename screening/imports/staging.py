"""A chunk of rows as read: what each is against what is stored, kept as staged rows. Nothing clinical is written."""

import csv
import io
import json
from collections.abc import Sequence
from typing import Any

import orjson
from django.db import connection
from django.utils.translation import gettext as _

from records.names import fold
from screening.imports.checking import CUTOFF_DIFFERS, check_row, flag_of, said_of
from screening.imports.columns import Column, Header
from screening.imports.differences import differences
from screening.imports.people import Found, identify
from screening.imports.reading import SourceRow
from screening.imports.rows import Problem, Row, Rules, in_language
from screening.imports.stored import STATED, Stored, find_stored, find_withdrawn, resource_of
from screening.imports.values import COLUMN_OF
from screening.models import ImportBatch, RowKind, StagedRow
from screening.protocol import NotInterpretable

_COPY = (
    "COPY screening_stagedrow (batch_id, row, lane, kind, state, texts, problems, notices, differences, candidates, "
    "decision, key, content, patient, observation, specimen, test, flag) FROM STDIN "
    "WITH (FORMAT csv, FORCE_NOT_NULL (decision, patient, observation, specimen, test, flag))"
)
_ABOVE = """
SELECT s.key, s.row, s.content FROM screening_stagedrow s
WHERE s.batch_id = %s AND s.key = ANY(%s::uuid[]) AND s.kind NOT IN ('repeated', 'error')
"""


def stage_rows(sources: Sequence[SourceRow], header: Header, rules: Rules, *, batch: ImportBatch) -> list[StagedRow]:
    """Judge a chunk and keep it, in a constant number of statements; the staged rows (without ids)."""
    staged: list[StagedRow] = []
    rows: list[tuple[Row, StagedRow]] = []
    for source in sources:
        values = header.values(source.cells)
        checked = check_row(source, values, rules)
        one = StagedRow(batch=batch, row=source.number, texts=source.texts, flag=flag_of(checked, values))
        one.specimen, one.test = said_of(checked, values)
        staged.append(one)
        if isinstance(checked, Row):
            one.key, one.content, one.lane = checked.key, checked.content, checked.lane
            one.notices = [[notice.column.value, notice.text] for notice in checked.notices]
            rows.append((checked, one))
        else:
            refuse_row(one, checked)
    rows = _without_repeated(rows, batch)
    judge(rows)
    _copy(staged)
    return staged


def judge(rows: Sequence[tuple[Row, StagedRow]]) -> None:
    """Say of each row what it is, by people and results as they are stored now."""
    stored = find_stored(row for row, _one in rows)
    found = identify([row for row, _one in rows])
    withdrawn = find_withdrawn(
        found[row.number].patient for row, _one in rows if found[row.number].patient and row.held not in stored
    )
    for row, one in rows:
        there = stored.get(row.held)
        who = found[row.number]
        if there and not is_same_person(row, there):
            refuse_row(one, [Problem(Column.CITIZEN_ID, another_person())])
        elif there and (who.patient == there.patient_id or not row.names_person):
            _judge_stored(row, one, there)
        elif who.kind not in (RowKind.NEW, RowKind.MATCHED):
            put_aside(one, who)
        else:
            one.patient = who.patient
            one.kind = who.kind
            if row.held in withdrawn and resource_of(row, who.patient, None, withdrawn[row.held]) is None:
                one.kind = RowKind.UNCHANGED  # and no ``observation``
                one.notices.append(["", str(_("Kết quả y hệt đã được rút lại trước đây, nên không được ghi lại."))])


def is_same_person(row: Row, stored: Stored) -> bool:
    """A specimen never changes hands by a file: that would move somebody's result into another's record."""
    if row.numbers:
        return bool(row.numbers & stored.numbers)
    return (not row.full_name or fold(row.full_name) == stored.folded_name) and (
        row.birth_date is None or row.birth_date == stored.birth_date
    )


def another_person() -> str:
    """Why such a row is refused."""
    return _("Mẫu này đã có kết quả của một người khác. Hãy kiểm tra mã mẫu và số định danh.")


def cannot_be_read(fault: NotInterpretable) -> Problem:
    """Why the row's value goes with neither the stored result's kit nor its cut-off."""
    code = CUTOFF_DIFFERS if fault.field == STATED else ""
    return Problem(COLUMN_OF[fault.field], in_language(fault.text), code)


def refuse_row(one: StagedRow, problems: Sequence[Problem]) -> None:
    """Mark a row as wrong."""
    one.kind, one.key, one.content = RowKind.ERROR, None, None
    one.problems = [
        [problem.column.value if problem.column else "", problem.reason, *([problem.code] if problem.code else [])]
        for problem in problems
    ]


def put_aside(one: StagedRow, who: Found) -> None:
    """Mark a row whose person somebody must choose."""
    one.kind, one.candidates = who.kind, who.candidates
    one.problems = [[who.column.value if who.column else "", str(who.reason), who.code]]


def _judge_stored(row: Row, one: StagedRow, there: Stored) -> None:
    one.patient, one.observation = there.patient_id, there.observation_id
    try:
        resource = resource_of(row, there.patient_id, there, None)
    except NotInterpretable as fault:  # by the kit and cut-off of the stored result
        refuse_row(one, [cannot_be_read(fault)])
        return
    one.kind = RowKind.UNCHANGED if resource is None else RowKind.CORRECTION
    if resource is not None:
        one.differences = differences(there.content, resource)


def _without_repeated(rows: list[tuple[Row, StagedRow]], batch: ImportBatch) -> list[tuple[Row, StagedRow]]:
    """The rows whose facility, specimen and test stand nowhere further up in the file."""
    first: dict[Any, tuple[int, Any]] = {}
    if rows:
        with connection.cursor() as cursor:
            cursor.execute(_ABOVE, [batch.pk, [str(row.key) for row, _one in rows]])
            first = {str(key): (number, content) for key, number, content in cursor.fetchall()}
    alone: list[tuple[Row, StagedRow]] = []
    for row, one in rows:
        number, content = first.setdefault(str(row.key), (row.number, row.content))
        if number == row.number:
            alone.append((row, one))
        elif str(content) == str(row.content):
            one.kind = RowKind.REPEATED
            one.notices = [["", str(_("Dòng lặp lại y hệt một dòng phía trên đã được bỏ qua."))]]
        else:
            text = _("Dòng {number} trong tệp này đã ghi mẫu và xét nghiệm này với nội dung khác.")
            refuse_row(one, [Problem(Column.SPECIMEN_ID, text.format(number=number))])
    return alone


def _json(value: Any) -> str:
    """JSON as PostgreSQL keeps it: NUL and halves of characters, which it does not, as the sign for what is missing."""
    try:
        text = orjson.dumps(value).decode()
    except TypeError:  # half a character
        text = json.dumps(value, ensure_ascii=False).encode("utf-8", "replace").decode()
    return text.replace("\\u0000", "\\ufffd")


def _plain(text: str) -> str:
    """A text as PostgreSQL keeps it, likewise."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def _copy(staged: Sequence[StagedRow]) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    for one in staged:
        lists = (one.texts, one.problems, one.notices, one.differences, one.candidates)
        writer.writerow(
            [
                *(one.batch_id, one.row, one.lane, str(one.kind), str(one.state)),
                *(_json(value) for value in lists),
                *(one.decision, one.key, one.content, one.patient, one.observation),
                *(_plain(one.specimen), _plain(one.test), str(one.flag)),
            ]
        )
    text.seek(0)
    with connection.cursor() as cursor:
        cursor.copy_expert(_COPY, text)
