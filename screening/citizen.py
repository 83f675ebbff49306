"""Screening as a citizen reads it: one card a result, the tracker of its round, the course of its values."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Final
from uuid import UUID

from django.utils.formats import number_format
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from healthhub.web.charts import LineChart, line_chart
from screening.episodes import Explanation, explain
from screening.models import Episode, EpisodeEvent, EpisodeState, ScreeningResult
from screening.protocol import NEGATIVE, POSITIVE, UNCLASSIFIED, Protocol, protocol_for, protocols
from screening.protocol.beside import value_leading_to
from screening.protocol.shapes import PROCEDURE, Text

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

GOOD, ACT, WAIT, NONE = "good", "act", "wait", "none"
WORDS: Final["dict[str, _StrPromise]"] = {
    GOOD: gettext_lazy("Chưa cần làm gì thêm"),
    ACT: gettext_lazy("Cần bước tiếp theo"),
    WAIT: gettext_lazy("Đang kiểm tra lại"),
    NONE: gettext_lazy("Đã có kết quả mới hơn"),
}


@dataclass(frozen=True, slots=True)
class ResultCard:
    """A result with its verdict. ``kind`` is the state's colour and shape, ``word`` its word, ``label`` the category.

    ``due_on`` is when the round's open step is due, or the next round begins; None if neither is known.
    """

    id: str
    programme: str
    test: str
    label: str
    kind: str
    word: "_StrPromise | str"
    collected_on: date
    facility: str
    due_on: date | None
    step: str
    text: Explanation


@dataclass(frozen=True, slots=True)
class Step:
    """A step of the tracker: done, now or next."""

    state: str
    title: str
    when: str = ""
    text: str = ""


def card(result: ScreeningResult, *, held: bool = False) -> ResultCard:
    """The card of a result; reads its ``episode`` and ``facility``, so select them with it.

    One that is ``held`` back (``release.held_back``) says that it is there, and nothing of what it says.
    """
    protocol = protocol_for(result.programme, result.collected_on)
    test = protocol.tests.get(result.test)
    category = protocol.category(result.test, result.category)
    if held:
        return _waiting_card(result, here(protocol.name), here(test.name) if test else result.test)
    kind = state_of(result)
    episode = result.episode
    step = protocol.steps.get(episode.step) if episode and kind in (ACT, WAIT) else None
    closed = episode is not None and episode.state == EpisodeState.CLOSED
    done = closed and result.outcome != NEGATIVE and kind == GOOD
    return ResultCard(
        id=result.observation_id,
        programme=here(protocol.name),
        test=here(test.name) if test else result.test,
        label=here(category.label) if category else _("Chưa đọc được"),
        kind=kind,
        word=_word(result, kind, done),
        collected_on=result.collected_on,
        facility=result.facility.name if result.facility else "",
        due_on=episode.due_on if episode and kind != NONE else None,
        step=here(step.name) if step else "",
        text=explain(result)[language()],
    )


def _waiting_card(result: ScreeningResult, programme: str, test: str) -> ResultCard:
    until = result.hold_until
    return ResultCard(
        id=result.observation_id,
        programme=programme,
        test=test,
        label=_("Đang chờ"),
        kind=WAIT,
        word=_("Cơ sở y tế sẽ liên hệ với bạn"),
        collected_on=result.collected_on,
        facility=result.facility.name if result.facility else "",
        due_on=None,
        step="",
        text=Explanation(
            _("Kết quả của bạn đang được cơ sở y tế xem."),
            _("Nhân viên y tế muốn nói chuyện với bạn trước khi kết quả hiện ở đây."),
            _("Cơ sở y tế sẽ liên hệ với bạn. Chậm nhất ngày %(day)s kết quả sẽ hiện ở đây.") % {"day": written(until)}
            if until
            else _("Khi kết quả được xác nhận, kết quả sẽ hiện ở đây."),
        ),
    )


def state_of(result: ScreeningResult) -> str:
    """What a result asks of the person now: nothing, a step, patience, or nothing any more."""
    episode = result.episode
    if episode is None:
        return GOOD if result.outcome == NEGATIVE else NONE
    if episode.state == EpisodeState.CLOSED:
        if result.outcome == NEGATIVE and episode.outcome == NEGATIVE:
            return GOOD
        return GOOD if episode.outcome == "assessed" else NONE
    if episode.state == EpisodeState.TO_VERIFY or result.outcome == UNCLASSIFIED:
        return WAIT
    protocol = protocol_for(result.programme, result.collected_on)
    category = protocol.category(result.test, result.category)
    step = protocol.steps.get(category.leads_to or "") if category else None
    if step is not None and (step.key == episode.step or (referred(episode) and step.assessment is not None)):
        return ACT
    if result.outcome == NEGATIVE and value_leading_to(protocol.tests.get(result.test), episode.step):
        return ACT  # what was reported beside it asks for more
    if result.outcome == POSITIVE and episode.needs and not episode.needs[0]["source"].startswith("Observation/"):
        return GOOD if watched(episode) else ACT  # what an assessment found leads on
    # two tests taken together may lead to what neither leads to alone: the round's state is about one of them
    return ACT if result.outcome == POSITIVE and result.category == episode.category else NONE


def _word(result: ScreeningResult, kind: str, done: bool) -> "_StrPromise | str":
    if done:
        return _("Đã xong bước tiếp theo")
    if kind == GOOD and result.outcome == POSITIVE and result.episode and watched(result.episode):
        return _("Đang được theo dõi định kỳ")
    return _without_step(result) if kind == NONE else WORDS[kind]


def _without_step(result: ScreeningResult) -> "_StrPromise | str":
    """The word for a result that asks for nothing itself: history, or a negative beside one that does."""
    if result.episode is None or result.episode.state != EpisodeState.CLOSED:
        return _("Vẫn còn việc khác cần làm") if result.episode and result.outcome == NEGATIVE else WORDS[NONE]
    return _("Đã khép lại")


def watched(episode: Episode) -> bool:
    """Whether nothing is to be done but to come again on a later day."""
    return episode.state == EpisodeState.SURVEILLANCE_DUE


def referred(episode: Episode) -> bool:
    """Whether the person has been sent to the assessment and it is still to come."""
    return episode.state == EpisodeState.REFERRED


def newest_of_each_programme(results: Sequence[ScreeningResult]) -> list[ScreeningResult]:
    """From results in order, newest first: the one of each programme's newest round that asks for most."""
    weight = {ACT: 0, WAIT: 1, GOOD: 2, NONE: 3}
    newest: dict[str, ScreeningResult] = {}
    for result in results:
        held = newest.setdefault(result.programme, result)
        if held.episode_id and held.episode_id == result.episode_id:
            newest[result.programme] = min(held, result, key=lambda one: weight[state_of(one)])
    return sorted(newest.values(), key=lambda result: weight[state_of(result)])


def tracker(result: ScreeningResult, *, held: bool = False) -> list[Step]:
    """Done, now, next of the round that a result belongs to; nothing of it while it is ``held`` back. One query."""
    opened = result.episode.opened_on if result.episode else result.collected_on
    protocol = protocol_for(result.programme, opened)  # the round keeps the version of its first day
    steps = [Step("done", _("Đã lấy mẫu"), written(result.collected_on))]
    if held:
        return [*steps, Step("now", _("Cơ sở y tế xem kết quả và liên hệ với bạn"))]
    steps.append(Step("done", _("Đã có kết quả"), written(result.resulted_on) if result.resulted_on else ""))
    episode = result.episode
    if episode is None:
        return steps
    steps += _events(episode.pk, protocol)
    if episode.state != EpisodeState.CLOSED:
        waits = protocol.steps[episode.step]
        assert episode.due_on is not None
        steps.append(Step("now", here(waits.name), _("trước %(day)s") % {"day": written(episode.due_on)}))
        if waits.assessment:
            steps.append(Step("next", _("Bác sĩ giải thích kết quả và hẹn theo dõi")))
    elif episode.due_on:
        month = f"{episode.due_on:%m/%Y}"
        steps.append(Step("next", _("Lần sàng lọc tiếp theo"), _("tháng %(month)s") % {"month": month}))
    return steps


def trend(results: Sequence[ScreeningResult]) -> tuple[str, LineChart] | None:
    """The course of measured values of the test measured most lately, if it was measured twice or more in one unit."""
    measured = [result for result in results if result.value is not None]
    if not measured:
        return None
    last = measured[0]
    series = [result for result in measured if (result.test, result.unit) == (last.test, last.unit)][::-1]
    test = protocol_for(last.programme, last.collected_on).tests.get(last.test)
    if len(series) < 2 or test is None:
        return None
    unit = test.units[last.unit].display if last.unit in test.units else last.unit
    same_cutoff = len({result.cutoff for result in series}) == 1 and last.cutoff is not None
    chart = line_chart(
        [(written(result.collected_on), float(result.value or 0)) for result in series],
        digits=0 if all((result.value or Decimal()) % 1 == 0 for result in series) else 1,
        limit=float(last.cutoff) if same_cutoff and last.cutoff is not None else None,
        limit_text=_("ngưỡng %(value)s") % {"value": amount(last.cutoff, unit)} if same_cutoff else "",
    )
    return (f"{here(test.name)} ({unit})", chart) if chart else None


def screening_codes() -> set[str]:
    """The main codes (``system|code``) of screening results, referrals and assessments in every protocol."""
    return {
        f"{coding[0]}|{coding[1]}"
        for protocol in protocols()
        for coding in (
            *(code.coding for test in protocol.tests.values() for code in test.codes),
            *(coding for one in protocol.assessments.values() for coding in one.codings),
        )
    }


def here(text: Text) -> str:
    """A protocol's text in the reader's language."""
    return text.get(language()) or text["vi"]


def language() -> str:
    """The reader's language, one of those that protocols are written in."""
    return "en" if (get_language() or "vi").startswith("en") else "vi"


def written(day: date) -> str:
    """dd/mm/yyyy."""
    return f"{day:%d/%m/%Y}"


def amount(value: Decimal | None, unit: str, comparator: str = "") -> str:
    """A measured value with its unit, every digit that matters, "" for None."""
    if value is None:
        return ""
    exact = value.normalize()
    digits = max(0, -int(exact.as_tuple().exponent))
    return f"{comparator}{number_format(exact, digits)} {unit}".strip()


def _events(episode: UUID, protocol: Protocol) -> list[Step]:
    """What staff have done in the round since its results, oldest first, without what was taken back."""
    events = list(EpisodeEvent.objects.filter(episode_id=episode).order_by("occurred_on", "recorded_at"))
    withdrawn = {(event.source_type, event.source_id) for event in events if event.kind == "withdrawn"}
    titles = {
        "referred": _("Đã giới thiệu đi khám"),
        "assessed": _("Đã khám chẩn đoán"),
        "closed": _("Đã khép lại bước này"),
    }

    def title(event: EpisodeEvent) -> str:
        rule = protocol.assessments.get(event.data.get("assessment", ""))
        return (
            f"{here(rule.name)}: {_('đã làm')}"
            if rule and rule.kind != PROCEDURE and event.fact == "assessed"
            else titles[event.fact]
        )

    latest = {
        (event.source_type, event.source_id): event
        for event in events
        if event.fact in titles and (event.source_type, event.source_id) not in withdrawn
    }
    return [Step("done", title(event), written(event.occurred_on)) for event in latest.values()]
