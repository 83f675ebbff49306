"""A batch as its reviewer sees it: how many rows of each kind, and one kind's rows, a page at a time."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Final

from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from healthhub.accounts.actors import Actor
from healthhub.audit.log import record_access
from records.access import visible_to
from records.identity import Identity, identity
from screening.citizen import here
from screening.imports.batches import APPROVABLE
from screening.imports.columns import Column, Header
from screening.imports.differences import heading
from screening.imports.leaving import why_left
from screening.imports.storing import ASIDE
from screening.models import BatchState, ImportBatch, RowKind, RowState, StagedRow
from screening.models.imports import COUNTERS
from screening.results import said_test

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

PAGE: Final = 25
TABS: Final["dict[str, _StrPromise]"] = {
    RowKind.NEW: _("Người mới"),
    RowKind.MATCHED: _("Người đã có hồ sơ"),
    RowKind.CORRECTION: _("Sửa kết quả"),
    RowKind.CLOSE: _("Gần khớp"),
    RowKind.NOBODY: _("Không rõ người"),
    RowKind.ERROR: _("Sai"),
    RowKind.UNCHANGED: _("Đã có"),
    RowKind.REPEATED: _("Lặp lại"),
}
_MEANS: Final["dict[str, _StrPromise]"] = {
    RowKind.NEW: _("Chưa ai có số định danh này: mỗi người được lập một hồ sơ mới."),
    RowKind.MATCHED: _("Số định danh và ngày sinh là của người đã có hồ sơ; kết quả thì chưa có."),
    RowKind.CORRECTION: _("Mẫu đã có kết quả khác: kết quả đang lưu được sửa, bản cũ vẫn đọc được."),
    RowKind.CLOSE: _("Giống một người đã có hồ sơ nhưng chưa chắc: cần người chọn."),
    RowKind.NOBODY: _("Không đủ thông tin để biết là ai."),
    RowKind.ERROR: _("Không lưu được. Hãy sửa trong tệp rồi tải lên lại."),
    RowKind.UNCHANGED: _("Kết quả đang lưu đã ghi đúng như vậy: không có gì thay đổi."),
    RowKind.REPEATED: _("Giống hệt một dòng phía trên trong tệp này."),
}
_BY_STATE: Final = {"kept": RowState.KEPT, "left": RowState.LEFT}
#: Shown of each row, if the file has them, in this order.
_SHOWN: Final[tuple[Column, ...]] = (
    Column.FULL_NAME,
    Column.BIRTH_DATE,
    Column.CITIZEN_ID,
    Column.SPECIMEN_ID,
    Column.TEST,
    Column.COLLECTED_ON,
    Column.RESULT,
    Column.UNIT,
    Column.KIT,
    Column.CUTOFF,
    Column.DENSITY,
)
_RARE: Final = (
    Column.KIT,
    Column.CUTOFF,
    Column.DENSITY,
)  # where all of a page are empty they are left out


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell with what is wrong with it."""

    heading: str
    text: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """A row as the page shows it. ``reasons`` are those that belong to no cell shown."""

    id: int
    row: int
    cells: list[Cell]
    reasons: list[str]
    differences: list[list[str]]
    candidates: list[Identity]
    hidden: int
    decision: str
    state: str
    flag: str = ""
    left: str = ""
    by: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Review:
    """One tab of a batch; ``after`` continues it, 0 at the end."""

    tab: str
    counts: dict[str, int]
    headings: list[str]
    lines: list[Line] = field(default_factory=list)
    after: int = 0

    @property
    def means(self) -> "_StrPromise | str":
        """What its rows are, in a sentence."""
        return _MEANS[RowKind(self.tab)] if self.tab in TABS else ""

    @property
    def leaves(self) -> bool:
        """Whether its rows can be left out, or are."""
        return self.tab in (*APPROVABLE, "left")


def load_review(*, batch: ImportBatch, tab: str, after: int, actor: Actor, reason: str) -> Review:
    """The tab's rows after row ``after``. People shown as candidates are those whom the actor may see; it is logged."""
    counts = {str(kind): getattr(batch, COUNTERS[RowKind(kind)]) for kind in TABS}
    kept = batch.rows.filter(state=RowState.KEPT).count() if batch.kept else 0
    if kept:
        counts["kept"] = kept
    if left := batch.rows.filter(state=RowState.LEFT).count():
        counts["left"] = left
    tab = tab if counts.get(tab) else next((kind for kind, count in counts.items() if count), str(RowKind.NEW))
    rows = batch.rows.filter(row__gt=after).order_by("row")
    rows = rows.filter(state=_BY_STATE[tab]) if tab in _BY_STATE else rows.filter(kind=tab)
    page = list(rows[: PAGE + 1])
    header = Header(tuple(batch.header), {}, (), ()).mapped(batch.columns)
    shown: list[Column] = [column for column in _SHOWN if column in header.places]
    shown = [column for column in shown if column not in _RARE or any(_text(one, header, column) for one in page)]
    wrong = {Column(column) for one in page[:PAGE] for column, *_rest in one.problems if column}
    shown += [column for column in Column if column in wrong and column not in shown and column in header.places]
    people = _people(page[:PAGE], actor=actor, reason=reason) if tab in ASIDE else {}
    lines = [_line(one, header, shown, people) for one in page[:PAGE]]
    headings = [heading(column) for column in shown]
    return Review(tab, counts, headings, lines, page[PAGE - 1].row if len(page) > PAGE else 0)


def line_of(one: StagedRow) -> Line:
    """One row with its file's columns, for a list of rows of many files."""
    header = Header(tuple(one.batch.header), {}, (), ()).mapped(one.batch.columns)
    return _line(one, header, [column for column in _SHOWN if column in header.places], {})


def may_decide(batch: ImportBatch) -> bool:
    """Whether the review is open."""
    return batch.state == BatchState.REVIEW and not batch.cancel_asked


def label_of(tab: str) -> str:
    """A tab's name."""
    if tab in _BY_STATE:
        return _now("Không hoàn tác được") if tab == "kept" else _now("Không lưu")
    return str(TABS[RowKind(tab)])


def _line(one: StagedRow, header: Header, shown: Sequence[Column], people: dict[str, Identity]) -> Line:
    reasons = {column: reason for column, reason, *_code in reversed(one.problems) if column}
    cells = []
    for column in shown:
        text = _text(one, header, column)
        cells.append(Cell(heading(column), _read(column, text), reasons.pop(column.value, "")))
    rest = [f"{heading(Column(column))}: {reason}" for column, reason in reasons.items()]
    rest += [reason for column, reason, *_code in one.problems if not column]
    candidates = [people[patient] for patient in one.candidates if patient in people]
    return Line(
        id=one.pk,
        row=one.row,
        cells=cells,
        reasons=rest,
        differences=one.differences,
        candidates=candidates,
        hidden=len(one.candidates) - len(candidates),
        decision=one.decision,
        state=one.state,
        flag=one.get_flag_display() if one.flag else "",
        left=why_left(one) if one.left_as or one.state == RowState.LEFT else "",
        by=one.left_name,
        at=one.left_at,
    )


def _text(one: StagedRow, header: Header, column: Column) -> str:
    place = header.places[column]
    return str(one.texts[place]) if place < len(one.texts) else ""


def _read(column: Column, text: str) -> str:
    """A cell as its reader says it: a test by its name, where the protocols know it."""
    test = said_test(text) if column is Column.TEST else None
    return here(test.name) if test else text


def _people(page: Sequence[StagedRow], *, actor: Actor, reason: str) -> dict[str, Identity]:
    wanted = {patient for one in page for patient in one.candidates}
    if not wanted:
        return {}
    found = {citizen.pk: citizen for citizen in visible_to(actor).filter(pk__in=wanted)}
    if found:
        record_access(actor=actor, action="find", patients=sorted(found), resource_type="Patient", reason=reason)
    return {patient: identity(citizen, with_area=False) for patient, citizen in found.items()}
