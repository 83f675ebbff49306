"""A rack of tubes entered at once: each row is read by itself, good rows are saved, bad ones stay with their reason.

Saving the same rack twice changes nothing: a tube that holds the same result already counts as saved.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, Final

from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.translation import gettext as _

from fhir.outcomes import Refused
from healthhub.accounts.actors import Actor
from records.identity import Identity, identity
from records.models import Facility
from screening.citizen import here
from screening.clinic.fitting import Sample, warnings
from screening.clinic.refusals import faults_of, hiding_cutoff
from screening.clinic.words import OUTCOME_WORDS
from screening.laboratory.barcodes import is_mistyped
from screening.laboratory.entry import Entry, enter_readings, expired_kit
from screening.laboratory.specimens import Tube, tubes_of
from screening.models import ScreeningResult
from screening.protocol import Interpretation, NotInterpretable
from screening.protocol.cutoffs import beside_own
from screening.results import interpret_result, known_test

EMPTY, READY, BAD, SAVED = "empty", "ready", "bad", "saved"
MOST: Final = 96
_entry = re.compile(r"entry\[(\d+)\]")


@dataclass(frozen=True, slots=True)
class Setting:
    """What holds for the whole rack."""

    test: str
    unit: str
    kit: str
    cutoff: Decimal | None
    collected_on: date
    resulted_on: date


@dataclass(slots=True)
class RackRow:
    """One place of the rack. ``fault_in`` is the cell that is wrong: barcode or value."""

    number: int
    barcode: str
    value: str
    state: str = EMPTY
    fault_in: str = ""
    fault: str = ""
    warnings: list[str] = field(default_factory=list)
    kind: str = ""
    word: str = ""
    reading: str = ""
    person: Identity | None = None
    tube: Tube | None = None
    found: Interpretation | None = None

    def refuse(self, cell: str, fault: str) -> None:
        """Say what is wrong with a cell."""
        self.state, self.fault_in, self.fault = BAD, cell, fault


def read_rack(typed: Sequence[tuple[str, str]], *, setting: Setting, facility: Facility, actor: Actor) -> list[RackRow]:
    """Every row with its person and its reading, or with what is wrong; seven statements whatever their number."""
    rows = [
        RackRow(number, code.strip().upper(), value.strip()) for number, (code, value) in enumerate(typed[:MOST], 1)
    ]
    barcodes = list({row.barcode for row in rows if row.barcode})
    tubes = tubes_of(barcodes, facility=facility, actor=actor)
    held = {
        one.specimen_id: one
        for one in ScreeningResult.objects.filter(facility=facility, specimen_id__in=barcodes, test=setting.test)
    }
    same_day = {
        one.patient_id: one.specimen_id
        for one in ScreeningResult.objects.filter(
            patient__in={tube.person.pk for tube in tubes.values() if tube.person},
            test=setting.test,
            collected_on=setting.collected_on,
        )
    }
    seen: set[str] = set()
    for row in rows:
        if not row.barcode and not row.value:
            continue
        _read(row, tubes.get(row.barcode), setting, held.get(row.barcode))
        if row.barcode in seen and row.barcode:
            row.refuse("barcode", _("Mã này đã có ở hàng trên."))
        seen.add(row.barcode)
        if row.state == READY and row.person and same_day.get(row.person.id, row.barcode) != row.barcode:
            row.warnings.append(_("Người này đã có kết quả cùng xét nghiệm, cùng ngày."))
    _warn(rows, setting)
    return rows


def fields_of(row: RackRow, setting: Setting) -> dict[str, Any]:
    """``results.build_result``'s fields about the result of a row."""
    assert row.found is not None
    measured = row.found.value is not None
    return {
        "test": setting.test,
        "value": row.value,
        "unit": setting.unit if measured else "",
        "kit": _kit(row.tube, setting),
        "cutoff": setting.cutoff if measured else None,
        "cutoff_unit": setting.unit if measured and setting.cutoff is not None else "",
        "collected_on": _collected(row.tube, setting),
        "resulted_on": setting.resulted_on,
        "specimen_id": row.barcode,
    }


def save_rack(rows: Sequence[RackRow], *, setting: Setting, facility: Facility, actor: Actor) -> int:
    """Save the rows that are ready, and say in each what became of it; how many were saved."""
    waiting = [row for row in rows if row.state == READY]
    while waiting:
        entries = [Entry(row.tube, fields_of(row, setting)) for row in waiting if row.tube]
        try:
            enter_readings(entries, facility=facility, actor=actor)
        except Refused as refused:
            waiting = _blame(waiting, refused)
            continue
        for row in waiting:
            row.state = SAVED
        return len(waiting)
    return 0


def mark_of(rows: Sequence[RackRow], setting: Setting) -> str:
    """A digest of what was shown: every row that would be saved with its person and reading."""
    said = [
        (row.barcode, row.value, row.person.id, row.reading, str(_collected(row.tube, setting)))
        for row in rows
        if row.state == READY and row.person
    ]
    return salted_hmac("screening.rack", repr((said, setting))).hexdigest()


def was_shown(mark: str, rows: Sequence[RackRow], setting: Setting) -> bool:
    """Whether exactly these readings were shown before."""
    return constant_time_compare(mark, mark_of(rows, setting))


def _read(row: RackRow, tube: Tube | None, setting: Setting, held: ScreeningResult | None) -> None:
    if not row.barcode:
        return row.refuse("barcode", _("Thiếu mã mẫu."))
    if tube is None or tube.person is None:
        return row.refuse("barcode", _unknown(row.barcode, tube))
    row.tube, row.person = tube, identity(tube.person, with_area=False)
    if tube.test and tube.test != setting.test:
        name = here(known_test(tube.test, setting.collected_on)[1].name)
        return row.refuse("barcode", _("Mẫu này là của xét nghiệm khác: %(test)s.") % {"test": name})
    if not row.value:
        return row.refuse("value", _("Thiếu kết quả."))
    collected = _collected(tube, setting)
    if tube.person.birth_date and collected < tube.person.birth_date:
        return row.refuse("value", _("Ngày lấy mẫu ở trước ngày sinh."))
    if setting.resulted_on < collected:
        return row.refuse("value", _("Ngày trả kết quả ở trước ngày lấy mẫu."))
    try:
        found = interpret_result(
            test=setting.test,
            value=row.value,
            unit=setting.unit,
            kit=_kit(tube, setting),
            cutoff=setting.cutoff,
            cutoff_unit=setting.unit if setting.cutoff is not None else "",
            collected_on=collected,
        )
    except NotInterpretable as fault:
        return row.refuse("value", here(fault.text))
    row.found, row.reading = found, here(found.explanation)
    row.kind, row.word = OUTCOME_WORDS[found.outcome][0], str(OUTCOME_WORDS[found.outcome][1])
    if held is not None:
        if (held.category, held.value) == (found.category, found.value):
            row.state = SAVED
            return None
        return row.refuse("barcode", _("Mẫu này của cơ sở đã có kết quả xét nghiệm này. Hãy sửa kết quả đó."))
    if told := expired_kit(tube, found.outcome, collected):
        return row.refuse("value", told)
    if setting.cutoff is not None:
        beside = beside_own(known_test(setting.test, collected)[1], found, kit=_kit(tube, setting))
        if beside and beside.hides:
            return row.refuse("value", f"{here(beside.sentence)} {hiding_cutoff()}")
        if beside and beside.differs:
            row.warnings.append(here(beside.sentence))
    row.state = READY
    return None


def _warn(rows: Sequence[RackRow], setting: Setting) -> None:
    """Say in each row that is ready what should make one look twice. One statement."""
    tubes = [row.tube for row in rows if row.state == READY and row.tube]
    samples = [Sample(tube.person, _collected(tube, setting)) for tube in tubes if tube.person]
    if not samples:
        return
    programme = known_test(setting.test, setting.collected_on)[0]
    found = warnings(samples, programme=programme, test=setting.test)
    for row in rows:
        if row.state == READY and row.person:
            row.warnings += found.get(row.person.id, [])


def _unknown(barcode: str, tube: Tube | None) -> str:
    if is_mistyped(barcode):
        return _("Mã này gõ sai: ký tự kiểm tra không khớp. Hãy quét lại.")
    if tube is not None and tube.hidden:
        return _("Mã của cơ sở khác, chưa được ghi là gửi đến đây.")
    return _("Chưa ai ghi nhận mã này.")


def _kit(tube: Tube | None, setting: Setting) -> str:
    """The kit that the tube came in; what was set for the rack where that is not known."""
    return tube.kit.lot.kit if tube and tube.kit and tube.kit.lot else setting.kit


def _collected(tube: Tube | None, setting: Setting) -> date:
    return (tube.collected_on if tube else None) or setting.collected_on


def _blame(waiting: Sequence[RackRow], refused: Refused) -> list[RackRow]:
    """Put each reason into its row; the rows that are still ready. All are bad if it cannot be told which one is."""
    by_row: dict[int, list[Any]] = {}
    for issue in refused.issues:
        found = _entry.match(issue.expression)
        by_row.setdefault(int(found[1]) if found else -1, []).append(issue)
    for position, row in enumerate(waiting):
        issues = by_row.get(position) or by_row.get(-1)
        if issues:
            row.refuse("value", faults_of(Refused(refused.status, issues))[0].text)
    return [row for row in waiting if row.state == READY]
