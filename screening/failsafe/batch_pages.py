"""Batches of steps as an officer reads them: what was asked, how far it is, whom it is about."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from django.db.models import Count
from django.utils.translation import gettext as _

from records.identity import Identity, identity
from records.models import Area, Citizen, Facility
from screening.citizen import here
from screening.failsafe.figures import UNKNOWN
from screening.failsafe.levels import LEVEL_NAMES
from screening.failsafe.scope import Scope
from screening.models import BatchedStep, BatchedStepState, Episode, StepBatch, StepBatchKind
from screening.protocol import current, programmes
from screening.protocol.events import DEPARTMENT

PAGE: Final = 50


@dataclass(frozen=True, slots=True)
class BatchLine:
    """``said`` is the filter in words, ``what`` the decision; ``done``, ``skipped`` and ``undone`` of its ``total``."""

    batch: StepBatch
    said: str
    what: str
    done: int
    skipped: int
    undone: int
    waiting: int

    @property
    def percent(self) -> int:
        """How far the work is: what was done, or what of it was taken back again."""
        total = self.batch.total or 1
        if self.batch.state == "undoing":
            return 100 * (total - self.done) // total
        return 100 * (total - self.waiting) // total


@dataclass(frozen=True, slots=True)
class StepLine:
    """One person's step of a batch, and what became of it. ``person`` is None if she lives in another part of the city
    than the reader answers for."""

    person: Identity | None
    step: str
    state: str
    why: str


@dataclass(frozen=True, slots=True)
class StepsPage:
    """A page of a batch's steps; ``people`` are those named on it, ``after`` continues it, "" at the end."""

    lines: list[StepLine]
    people: list[str]
    after: str


def batch_lines(batches: Iterable[StepBatch]) -> list[BatchLine]:
    """The batches with their counts and what they asked for, in three statements more."""
    found = list(batches)
    counts: dict[int, dict[str, int]] = defaultdict(dict)
    steps = BatchedStep.objects.filter(batch__in=found).order_by().values_list("batch", "state")
    for key, state, count in steps.annotate(count=Count("pk")):
        counts[key][state] = count
    said = _said([one.asked for one in found])
    return [
        BatchLine(
            batch=one,
            said=words,
            what=_what(one),
            done=counts[one.pk].get(BatchedStepState.DONE, 0),
            skipped=counts[one.pk].get(BatchedStepState.SKIPPED, 0),
            undone=counts[one.pk].get(BatchedStepState.UNDONE, 0),
            waiting=counts[one.pk].get(BatchedStepState.WAITING, 0),
        )
        for one, words in zip(found, said, strict=True)
    ]


def steps_page(batch: StepBatch, after: str, scope: Scope) -> StepsPage:
    """A page of the steps, in the order in which they were frozen: most pressing first does not matter any more."""
    steps = batch.steps.order_by("id")
    if after.isascii() and after.isdigit():
        steps = steps.filter(pk__gt=int(after[:18]))
    found = list(steps[: PAGE + 1])
    shown = found[:PAGE]
    named = _within(scope, shown)
    known = Citizen.objects.in_bulk({step.patient_id for step in shown if step.episode_id in named})
    return StepsPage(
        [_step_line(step, known, named=step.episode_id in named) for step in shown],
        sorted(known),
        str(shown[-1].pk) if len(found) > PAGE else "",
    )


def _within(scope: Scope, steps: Sequence[BatchedStep]) -> set[UUID]:
    """The rounds of those who live in this part of the city now."""
    names = {step.episode_id for step in steps}
    if scope.areas is None:
        return names
    return set(Episode.objects.filter(pk__in=names, area__in=scope.areas).values_list("pk", flat=True))


def said_of(asked: Mapping[str, str]) -> str:
    """A filter in words; what is not named in it is everything."""
    (said,) = _said([asked])
    return said


def _said(filters: Sequence[Mapping[str, str]]) -> list[str]:
    """Filters in words, with the facilities and places of all of them looked up at once."""
    facilities = Facility.objects.in_bulk({one["facility"] for one in filters if one.get("facility")})
    places = Area.objects.in_bulk({int(one["area"]) for one in filters if one.get("area", UNKNOWN) != UNKNOWN})
    return [_in_words(one, facilities, places) for one in filters]


def _in_words(asked: Mapping[str, str], facilities: Mapping[str, Facility], places: Mapping[int, Area]) -> str:
    known = set(programmes())
    level = asked.get("level", "")
    words = {"open": _("đang mở"), "late": _("quá hạn"), **{key: str(name) for key, name in LEVEL_NAMES.items()}}
    programme, step = asked.get("programme", ""), asked.get("step", "")
    parts = [words.get(level, ""), here(current(programme).name) if programme in known else programme]
    if step:
        names = [current(key).steps[step].name for key in sorted(known) if step in current(key).steps]
        parts.append(here(names[0]) if names else step)
    if facility := asked.get("facility", ""):
        named = facilities.get(facility)
        parts.append(_("Sở Y tế") if facility == DEPARTMENT else named.name if named else facility)
    if area := asked.get("area", ""):
        place = places.get(int(area)) if area != UNKNOWN else None
        parts.append(place.name if place else _("Chưa rõ nơi ở"))
    if year := asked.get("year", ""):
        parts.append(_("mở năm %(year)s") % {"year": year})
    return ", ".join(part for part in parts if part)


def _what(batch: StepBatch) -> str:
    if batch.kind == StepBatchKind.HAND_OVER:
        return _("Chuyển sang %(facility)s") % {"facility": batch.target.name if batch.target else ""}
    for key in programmes():
        if reason := current(key).reasons.get(batch.reason):
            return _("Khép lại: %(reason)s") % {"reason": here(reason.label)}
    return batch.reason


def _step_line(step: BatchedStep, known: Mapping[str, Citizen], *, named: bool) -> StepLine:
    names = [current(key).steps[step.step].name for key in programmes() if step.step in current(key).steps]
    faults = {
        "gone": _("đã sang bước khác, đã khép lại hoặc đã được mở lại riêng"),
        "changed": _("có kết quả, giấy giới thiệu hoặc lần khám mới sau khi đề nghị"),
        "elsewhere": _("nay ở ngoài khu vực của cán bộ quyết định"),
        "error": _("có lỗi khi làm; hãy xử lý riêng người này"),
        "day": _("ngày khép lại ở trước ngày lấy mẫu hoặc khám"),
        "reason": _("quy trình của vòng này không có lý do đó"),
    }
    citizen = known.get(step.patient_id, Citizen(patient_id=step.patient_id))
    person = identity(citizen, with_area=False) if named else None
    label = str(BatchedStepState(step.state).label)
    return StepLine(person, here(names[0]) if names else step.step, label, faults.get(step.why, ""))
