"""Checks the cells of a row: every problem is told at once."""

from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any, Final, TypeVar

from django.utils import timezone
from django.utils.translation import gettext as _

from records.identifiers import LABELS, Malformed, parse_facility_code, parse_phone
from records.models import Facility
from screening.imports.columns import PERSON, REQUIRED, Column
from screening.imports.reading import Cell, SourceRow
from screening.imports.rows import Notice, Problem, Row, Rules, in_language
from screening.imports.values import (
    COLUMN_OF,
    Bad,
    area_of,
    cutoff_of,
    date_of,
    density_of,
    identity_of,
    name_of,
    sex_of,
    specimen_of,
    text_of,
)
from screening.models.imports import ResultFlag
from screening.models.result import Outcome
from screening.protocol import Interpretation, NotInterpretable, current, known_tests, named_test
from screening.protocol.cutoffs import Beside, beside_own
from screening.results import interpret_result, known_test

T = TypeVar("T")
_MEASURE: Final = {Column.UNIT, Column.KIT, Column.CUTOFF}  # by which a value is read
CUTOFF_DIFFERS: Final = "cutoff_differs"  # the matching queue's reason
_QUIET: Final = {"demo-number"}  # warnings that tell an uploader nothing


def flag_of(checked: Row | list[Problem], values: Mapping[Column, Cell]) -> ResultFlag:
    """Whether the row, right or wrong, holds a positive result, or one that nobody can read; an empty one is none."""
    if isinstance(checked, Row):
        return ResultFlag.POSITIVE if checked.outcome == Outcome.POSITIVE else ResultFlag.NONE
    told = {column: str(values.get(column, "")) for column in (Column.RESULT, Column.TEST, Column.UNIT, Column.KIT)}
    if not told[Column.RESULT]:
        return ResultFlag.NONE
    named = named_test(told[Column.TEST]) if told[Column.TEST] else None
    if named is None:
        return ResultFlag.UNREAD
    try:
        cutoff, cutoff_unit = cutoff_of(values[Column.CUTOFF]) if values.get(Column.CUTOFF) else (None, "")
        found = interpret_result(
            test=named[1],
            value=told[Column.RESULT],
            unit=told[Column.UNIT],
            kit=told[Column.KIT],
            cutoff=cutoff,
            cutoff_unit=cutoff_unit,
            collected_on=timezone.localdate(),
        )
    except (NotInterpretable, Bad):
        return ResultFlag.UNREAD
    if beside := _beside_own(named[1], found, timezone.localdate(), told[Column.KIT]) if cutoff is not None else None:
        if beside.own is None:
            return ResultFlag.UNREAD
        found = beside.own if beside.hides else found
    return ResultFlag.POSITIVE if found.outcome == Outcome.POSITIVE else ResultFlag.NONE


def said_of(checked: Row | list[Problem], values: Mapping[Column, Cell]) -> tuple[str, str]:
    """(specimen, test) of a row, right or wrong, as far as it tells them."""
    if isinstance(checked, Row):
        return checked.specimen_id[:100], checked.test
    test = str(values.get(Column.TEST, ""))
    named = named_test(test) if test else None
    return str(values.get(Column.SPECIMEN_ID, ""))[:100], (named[1] if named else test)[:40]


def check_row(source: SourceRow, values: Mapping[Column, Cell], rules: Rules) -> Row | list[Problem]:
    """The row, or everything that is wrong with it."""
    if source.damage:
        return [Problem(None, source.damage)]
    return _Check(source, values, rules).run()


class _Check:
    """Reads the cells of one row in the order in which they need each other, and collects the problems."""

    def __init__(self, source: SourceRow, values: Mapping[Column, Cell], rules: Rules) -> None:
        self.source, self.values, self.rules = source, values, rules
        optional = PERSON if rules.loose else {Column.CITIZEN_ID}
        self.required = frozenset(REQUIRED) - optional
        self.problems: list[Problem] = []
        self.notices: list[Notice] = []
        self.outcome = ""
        self.cutoff: tuple[Decimal | None, str] = (None, "")

    def run(self) -> Row | list[Problem]:
        facility = self.read(Column.FACILITY_CODE, self._facility)
        specimen = self.read(Column.SPECIMEN_ID, specimen_of)
        full_name = self.read(Column.FULL_NAME, name_of)
        collected_on = self.read(Column.COLLECTED_ON, lambda cell: date_of(cell, latest=self.rules.today))
        resulted_on = self.read(Column.RESULTED_ON, lambda cell: self._resulted(cell, collected_on))
        birth_date = self.read(Column.BIRTH_DATE, lambda cell: self._birth(cell, collected_on))
        sex = self.read(Column.SEX, sex_of)
        identity = self.read(Column.CITIZEN_ID, lambda cell: identity_of(cell, sex=sex or "", birth_date=birth_date))
        phone = self.read(Column.PHONE, self._phone)
        area = self.read(Column.AREA_CODE, lambda cell: self._area(cell, collected_on))
        note = self.read(Column.NOTE, lambda cell: text_of(cell, longest=2000))
        test = self.read(Column.TEST, lambda cell: self._test(cell, sex))
        unit = self.read(Column.UNIT, lambda cell: text_of(cell, longest=40))
        kit = self.read(Column.KIT, lambda cell: text_of(cell, longest=100))
        cutoff, cutoff_unit = self.read(Column.CUTOFF, cutoff_of) or (None, "")
        how = {"unit": unit or "", "kit": kit or "", "cutoff": cutoff, "cutoff_unit": cutoff_unit}
        result = self.read(Column.RESULT, lambda cell: self._result(cell, test, collected_on, how))
        density = self.read(Column.DENSITY, lambda cell: self._density(cell, test, collected_on))
        cutoff, cutoff_unit = self.cutoff
        if self.problems:
            order = list(Column)
            return sorted(self.problems, key=lambda problem: order.index(problem.column) if problem.column else -1)
        # without a problem, every required cell was read
        assert facility
        assert specimen
        assert test
        assert collected_on
        assert result
        if identity and identity.repaired:
            self.notices.append(Notice(Column.CITIZEN_ID, _("Đã thêm lại các số 0 ở đầu mà Excel bỏ đi.")))
        self.notices += [
            Notice(Column.CITIZEN_ID, str(LABELS[warning]))
            for warning in (identity.warnings if identity else ())
            if warning not in _QUIET
        ]
        return Row(
            source=self.source,
            facility=facility,
            specimen_id=specimen,
            identity=identity,
            full_name=full_name or "",
            birth_date=birth_date,
            sex=sex or "",
            phone=phone or "",
            area_code=area or "",
            test=test,
            collected_on=collected_on,
            result_text=result,
            unit=unit or "",
            resulted_on=resulted_on,
            note=note or "",
            outcome=self.outcome,
            kit=kit or "",
            cutoff=cutoff,
            cutoff_unit=cutoff_unit,
            density=density or "",
            notices=self.notices,
        )

    def read(self, column: Column, parse: Callable[[Any], T]) -> T | None:
        """The parsed cell; None for an empty or a bad one."""
        cell = self.values.get(column, "")
        if not cell:
            if column in self.required:
                self.problems.append(Problem(column, _("Ô này không được để trống.")))
            return None
        try:
            return parse(cell)
        except Bad as bad:
            self.problems.append(Problem(column, str(bad)))
        except NotInterpretable as fault:
            self.problems.append(Problem(COLUMN_OF[fault.field], in_language(fault.text)))
        return None

    def _facility(self, cell: Any) -> Facility:
        text = text_of(cell, longest=40)
        code = text.zfill(5) if text.isdigit() and len(text) == 4 else text
        try:
            code = parse_facility_code(code).value
        except Malformed as error:
            raise Bad(str(error.label)) from None
        facility = self.rules.facilities.get(code)
        if facility is None:
            raise Bad(_("Không có cơ sở nào mang mã “{value}”.").format(value=text))
        if self.rules.own is not None and facility.organization_id != self.rules.own:
            raise Bad(_("Đây không phải là mã cơ sở của bạn; mỗi cơ sở chỉ tải lên kết quả của mình."))
        if code != text.upper():
            self.notices.append(Notice(Column.FACILITY_CODE, _("Đã thêm lại các số 0 ở đầu mà Excel bỏ đi.")))
        return facility

    def _resulted(self, cell: Any, collected_on: date | None) -> date:
        found = date_of(cell, latest=self.rules.today)
        if collected_on and found < collected_on:
            raise Bad(_("Ngày trả kết quả trước ngày lấy mẫu."))
        return found

    def _birth(self, cell: Any, collected_on: date | None) -> date:
        found = date_of(cell, latest=self.rules.today)
        if collected_on and found >= collected_on:
            raise Bad(_("Ngày sinh không trước ngày lấy mẫu."))
        if collected_on and collected_on.year - found.year > 120:
            raise Bad(_("Người được xét nghiệm hơn 120 tuổi."))
        return found

    def _phone(self, cell: Any) -> str:
        text = text_of(cell, longest=40)
        repaired = text.isdigit() and len(text) == 9
        try:
            found = parse_phone("0" + text if repaired else text).value
        except Malformed as error:
            raise Bad(str(error.label)) from None
        if repaired:
            self.notices.append(Notice(Column.PHONE, _("Đã thêm lại các số 0 ở đầu mà Excel bỏ đi.")))
        return found

    def _area(self, cell: Any, collected_on: date | None) -> str:
        if collected_on is None:  # said already; without the day the code means nothing
            return ""
        code, repaired = area_of(cell, on=collected_on)
        if repaired:
            self.notices.append(Notice(Column.AREA_CODE, _("Đã thêm lại các số 0 ở đầu mà Excel bỏ đi.")))
        return code

    def _test(self, cell: Any, sex: str | None) -> str:
        text = text_of(cell, longest=100)
        found = named_test(text)
        if found is None:
            tests = ", ".join(known_tests())
            raise Bad(_("Không có xét nghiệm “{value}”. Dùng một trong: {tests}.").format(value=text, tests=tests))
        programme, test = found
        if sex and sex not in current(programme).sexes:
            raise Bad(_("Xét nghiệm này không dành cho giới tính đã ghi."))
        return test

    def _result(self, cell: Any, test: str | None, collected_on: date | None, how: dict[str, Any]) -> str:
        text = text_of(cell, longest=200)
        if test and collected_on and not _MEASURE & {problem.column for problem in self.problems}:
            found = interpret_result(test=test, value=text, collected_on=collected_on, **how)
            self.outcome, self.cutoff = found.outcome, (how["cutoff"], how["cutoff_unit"])
            if how["cutoff"] is not None:
                self._compare(_beside_own(test, found, collected_on, how["kit"]))
        return text

    def _density(self, cell: Any, test: str | None, collected_on: date | None) -> str:
        if test is None or collected_on is None:  # said already
            return ""
        return density_of(cell, known_test(test, collected_on)[1])

    def _compare(self, beside: Beside | None) -> None:
        """A laboratory may state a cut-off under which more is positive, not fewer; a machine's range may only confirm
        the protocol's, which then is what the result is read and kept by."""
        if beside and (beside.differs if self.rules.loose else beside.hides):
            self.problems.append(Problem(Column.CUTOFF, in_language(beside.sentence), CUTOFF_DIFFERS))
        elif beside and self.rules.loose:
            self.cutoff = (None, "")


def _beside_own(test: str, found: Interpretation, on: date, kit: str) -> Beside | None:
    return beside_own(known_test(test, on)[1], found, kit=kit)
