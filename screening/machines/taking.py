"""From a machine's message to the store: through the same checks, registration and writing as a row of a file.

A message is taken as a whole or refused as a whole. A result whose person or test nobody knows is parked in the
matching queue, which is a way of taking it: nothing is dropped.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from healthhub.accounts.actors import Actor, Role
from records.models import Facility
from screening.imports.checking import CUTOFF_DIFFERS, check_row
from screening.imports.columns import Column
from screening.imports.reading import SourceRow
from screening.imports.rows import Row, Rules
from screening.imports.staging import another_person, is_same_person, judge
from screening.imports.stored import find_stored
from screening.imports.storing import ASIDE, SOURCES, raw_fields, store_pairs
from screening.laboratory.matching import park_result
from screening.models import MachineConnection, RowKind, StagedRow
from screening.models.result import Outcome
from screening.results import known_test, withdraw_result

CORRECTION, WITHDRAWN, FINAL, UNOBTAINABLE = "C", "W", "F", "X"
ABNORMAL = frozenset({"A", "AA", "H", "HH", ">", "POS"})  # HL7 table 0078, ASTM's likewise


@dataclass(frozen=True, slots=True)
class Result:
    """One result of a message: its cells, its status (FINAL, CORRECTION, WITHDRAWN,
    UNOBTAINABLE: the sample could not be read), and where it stands ("OBX^2").

    ``test`` None: nobody knows the code; ``code`` is the one that was sent. ``abnormal``: the machine says so itself.
    """

    values: dict[Column, str]
    status: str
    place: str
    code: str
    test: str | None
    abnormal: bool = False


@dataclass(slots=True)
class Taken:
    """What became of a message's results: where one was refused, and why; then nothing was written."""

    stored: int = 0
    unchanged: int = 0
    withdrawn: int = 0
    parked: int = 0
    refused: list[tuple[str, Column | None, str]] = field(default_factory=list)


class _Refused(Exception):
    """Rolls the message back."""


def machine_actor(connection: MachineConnection) -> Actor:
    """Who writes what this machine sends."""
    return Actor(f"machine:{connection.pk}", connection.name, Role.CLIENT, facility=connection.facility)


def take_results(results: Sequence[Result], *, connection: MachineConnection, payload: str, form: str) -> Taken:
    """Store, correct, withdraw or park all of them, or refuse them all. ``payload`` is the message, for the queue."""
    taken = Taken()
    try:
        with transaction.atomic():
            _take(results, taken, connection=connection, payload=payload, form=form)
            if taken.refused:
                raise _Refused
    except _Refused:
        return Taken(refused=taken.refused)
    return taken


def _take(results: Sequence[Result], taken: Taken, *, connection: MachineConnection, payload: str, form: str) -> None:
    facility = Facility.objects.get(pk=connection.facility)
    actor = machine_actor(connection)
    rules = Rules({facility.code or "": facility}, facility.pk, timezone.localdate(), loose=True)
    pairs: list[tuple[Row, StagedRow]] = []
    by_row: dict[int, Result] = {}
    for number, result in enumerate(results, 1):
        if result.test is None or result.status == UNOBTAINABLE:  # somebody must reject the sample, or ask
            reason = "test_unknown" if result.test is None else "value_unreadable"
            _park(_fields(result), result, reason, facility, actor, payload, form)
            taken.parked += 1
            continue
        if connection.tests and result.test not in connection.tests:
            told = _("Máy này không được phép gửi xét nghiệm “{test}”.").format(test=result.test)
            taken.refused.append((result.place, Column.TEST, told))
            continue
        values = {**result.values, Column.FACILITY_CODE: facility.code or "", Column.TEST: result.test}
        if result.status == WITHDRAWN:  # a row has a value, which most senders leave out here: any will do
            word = next(iter(known_test(result.test, timezone.localdate())[1].categories))
            values |= {Column.RESULT: word, Column.UNIT: ""}
        cells = [values.get(column, "") for column in Column]
        checked = check_row(SourceRow(number, cells, cells), values, rules)
        doubtful = result.abnormal and result.status != WITHDRAWN
        if isinstance(checked, Row) and doubtful and checked.outcome == Outcome.NEGATIVE:
            _park(checked.parked(), result, "flag_differs", facility, actor, payload, form)
            taken.parked += 1
        elif isinstance(checked, Row):
            pairs.append((checked, StagedRow(row=number, texts=cells)))
            by_row[number] = result
        elif {problem.code for problem in checked} == {CUTOFF_DIFFERS}:
            _park(_fields(result), result, CUTOFF_DIFFERS, facility, actor, payload, form)
            taken.parked += 1
        else:
            taken.refused += [(result.place, problem.column, problem.reason) for problem in checked]
    pairs = _withdraw(pairs, by_row, taken, actor=actor)
    judge(pairs)
    for row, one in pairs:
        if one.kind == RowKind.CORRECTION and by_row[row.number].status != CORRECTION:
            told = _("Mẫu này đã có kết quả khác. Nếu là sửa, hãy gửi với trạng thái C (OBX-11).")
            taken.refused.append((by_row[row.number].place, Column.RESULT, told))
    if taken.refused:
        return
    pairs = _park_withdrawn(pairs, by_row, taken, facility=facility, actor=actor, payload=payload, form=form)
    before = {row.number: one.kind for row, one in pairs}
    store_pairs([pair for pair in pairs if pair[1].kind != RowKind.ERROR], actor=actor)
    for row, one in pairs:
        if one.kind == RowKind.ERROR and [code for *_told, code in one.problems] == [CUTOFF_DIFFERS]:
            _park(row.parked(), by_row[row.number], CUTOFF_DIFFERS, facility, actor, payload, form)
            taken.parked += 1
        elif one.kind == RowKind.ERROR:
            for column, reason, *_code in one.problems:
                taken.refused.append((by_row[row.number].place, Column(column) if column else None, reason))
        elif one.kind in ASIDE:
            code = one.problems[0][2] if len(one.problems[0]) > 2 else "person_unknown"
            _park(row.parked(), by_row[row.number], code, facility, actor, payload, form)
            taken.parked += 1
        elif one.kind == RowKind.UNCHANGED or before[row.number] == RowKind.UNCHANGED:
            taken.unchanged += 1
        else:
            taken.stored += 1


def _withdraw(
    pairs: Sequence[tuple[Row, StagedRow]], by_row: dict[int, Result], taken: Taken, *, actor: Actor
) -> list[tuple[Row, StagedRow]]:
    """Take back what the machine says was wrong; the other rows."""
    asked = [row for row, _one in pairs if by_row[row.number].status == WITHDRAWN]
    stored = find_stored(asked)
    for row in asked:
        there = stored.get(row.held)
        if there and not is_same_person(row, there):
            taken.refused.append((by_row[row.number].place, Column.CITIZEN_ID, another_person()))
        elif there:
            withdraw_result(observation_id=there.observation_id, actor=actor)
            taken.withdrawn += 1
        else:
            told = _("Không có kết quả nào của mẫu này để rút lại.")
            taken.refused.append((by_row[row.number].place, Column.SPECIMEN_ID, told))
    return [pair for pair in pairs if by_row[pair[0].number].status != WITHDRAWN]


def _park_withdrawn(
    pairs: Sequence[tuple[Row, StagedRow]],
    by_row: dict[int, Result],
    taken: Taken,
    *,
    facility: Facility,
    actor: Actor,
    payload: str,
    form: str,
) -> list[tuple[Row, StagedRow]]:
    """Have somebody decide about results that were taken back and come again, word for word; the other rows."""
    again = {row.number for row, one in pairs if one.kind == RowKind.UNCHANGED and not one.observation}
    for row, _one in pairs:
        if row.number in again:
            _park(row.parked(), by_row[row.number], "withdrawn_before", facility, actor, payload, form)
            taken.parked += 1
    return [pair for pair in pairs if pair[0].number not in again]


def _fields(result: Result) -> dict[str, Any]:
    return raw_fields(result.values) | {"test": result.test or result.code}


def _park(
    fields: dict[str, Any],
    result: Result,
    reason: str,
    facility: Facility,
    actor: Actor,
    payload: str,
    form: str,
) -> None:
    park_result(
        payload=f"{result.place}\n{payload}",
        fields=fields,
        reason=reason,
        source=SOURCES[form],
        facility=facility,
        actor=actor,
    )
