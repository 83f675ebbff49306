"""Where a person stands in each programme, for staff: in words, with the due date and its reason.

Whether a programme is for her is answered from the same evidence as her standing in call and recall (``recall.known``).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from django.utils.translation import gettext as _

from records.models import Citizen
from screening.citizen import here, written
from screening.clinic.steps import next_action, step_name, test_awaited
from screening.clinic.tracker import due_reason
from screening.clinic.words import due_in_words, due_kind
from screening.models import Episode, EpisodeState, ScreeningResult
from screening.places import seen_from
from screening.protocol import Eligibility, Protocol, programmes, protocol_for
from screening.recall.known import Stand, facts_of, stand
from screening.recall.next_dates import with_next_dates


@dataclass(frozen=True, slots=True)
class Standing:
    """One programme. ``episode`` is the newest round, None before the first.

    ``tests`` are (key, name) of what may be entered, the ones that the programme offers this person first. ``result``
    is the Observation that the open round is about. ``main``: she has been in the programme, or it is for her now
    or would be, were she not ``excluded`` by a recorded fact.
    """

    programme: str
    name: str
    kind: str
    word: str
    due_on: date | None
    due_words: str
    reason: str
    episode: Episode | None
    action: str
    test: str
    tests: list[tuple[str, str]]
    result: str
    main: bool
    excluded: bool


def standings(citizen: Citizen, results: Iterable[ScreeningResult], *, on: date, facility: str = "") -> list[Standing]:
    """The programmes that are for people of this sex, three queries. ``results`` are hers, newest first.

    An open round stands as ``facility`` sees it, if it holds a step of it.
    """
    deciding: dict[UUID, ScreeningResult] = {}
    sources: dict[str, ScreeningResult] = {}
    for result in results:
        episode = result.episode
        if episode and (episode.pk not in deciding or deciding[episode.pk].category != episode.category):
            deciding[episode.pk] = result
        sources[f"Observation/{result.observation_id}"] = result
    latest: dict[str, Episode] = {}
    for episode in Episode.objects.filter(patient_id=citizen.pk).select_related("patient").order_by("opened_on", "id"):
        latest[episode.programme] = episode
    with_next_dates(citizen.pk, latest.values())
    latest = {programme: seen_from(episode, facility) for programme, episode in latest.items()}
    for episode in latest.values():
        if episode.needs and episode.needs[0]["source"] in sources:
            deciding[episode.pk] = sources[episode.needs[0]["source"]]
    protocols = [protocol_for(key, on) for key in programmes()]
    facts, found = facts_of(citizen.pk, protocols, on), []
    for protocol in protocols:
        episode = latest.get(protocol.programme)
        her = stand(citizen, on, protocol, facts[protocol.programme])
        if episode is not None or her.answer.reason != "sex":
            found.append(_standing(protocol, episode, her, deciding.get(episode.pk) if episode else None, on=on))
    return found


def _standing(
    protocol: Protocol, episode: Episode | None, her: Stand, result: ScreeningResult | None, *, on: date
) -> Standing:
    kind, word, due_on, reason = _state(protocol, episode, her, on=on)
    days = (due_on - on).days if due_on else None
    is_open = episode is not None and episode.state != EpisodeState.CLOSED
    action = next_action(episode) if episode and is_open else ""
    return Standing(
        programme=protocol.programme,
        name=here(protocol.name),
        kind=kind,
        word=word,
        due_on=due_on,
        due_words=due_in_words(days) if days is not None and (is_open or days <= 0) else "",
        reason=reason,
        episode=episode,
        action=action,
        test=test_awaited(episode) if episode and action == "enter" else "",
        tests=_tests(protocol, her.answer),
        result=result.observation_id if result and is_open else "",
        main=episode is not None or her.answer.eligible or her.answer.reason == "excluded",
        excluded=her.answer.reason == "excluded",
    )


def _state(protocol: Protocol, episode: Episode | None, her: Stand, *, on: date) -> tuple[str, str, date | None, str]:
    """(kind, word, due date, reason)."""
    if episode is None:
        if her.answer.reason == "excluded":
            return "none", _("Không mời: có lý do loại trừ"), None, why_excluded(protocol, her)
        if not her.answer.eligible:
            return "none", _("Chưa thuộc diện sàng lọc"), None, _why_not(protocol, her)
        return "act", _("Chưa từng sàng lọc"), None, _why(protocol, her)
    if episode.state != EpisodeState.CLOSED:
        assert episode.due_on is not None
        reason = due_reason(episode)
        kind = due_kind((episode.due_on - on).days)
        step = here(step_name(episode))
        if episode.state == EpisodeState.REFERRED:
            return kind, _("Đã giới thiệu: %(step)s") % {"step": step}, episode.due_on, reason
        return kind, step, episode.due_on, reason
    ended = _("Vòng gần nhất kết thúc ngày %(day)s.") % {"day": written(episode.closed_on)} if episode.closed_on else ""
    if episode.due_on is None:
        return "none", _("Không hẹn lại"), None, ended
    if not her.answer.eligible:
        why = why_excluded(protocol, her) if her.answer.reason == "excluded" else _why_not(protocol, her)
        return "none", _("Không còn thuộc diện sàng lọc"), None, f"{why} {ended}".rstrip()
    if episode.due_on <= on:
        return "act", _("Đến hạn sàng lọc lại"), episode.due_on, ended
    return "good", _("Đã sàng lọc"), episode.due_on, ended


def why_excluded(protocol: Protocol, her: Stand) -> str:
    """By which facts, since when."""
    names = {item.key: here(item.name) for item in protocol.exclusions}
    kinds = {"Condition": _("chẩn đoán"), "Procedure": _("thủ thuật")}
    said = (
        _("%(why)s, theo %(source)s ghi từ ngày %(day)s.")
        % {"why": names[one.key], "source": kinds[one.source.partition("/")[0]], "day": written(one.since)}
        for one in her.exclusions
    )
    return " ".join(said)


def _why(protocol: Protocol, her: Stand) -> str:
    if not her.answer.risk:
        return _("%(age)d tuổi, thuộc diện của chương trình.") % {"age": her.answer.age}
    return _("%(age)d tuổi, thuộc nhóm nguy cơ: %(risks)s.") % {"age": her.answer.age, "risks": _risks(protocol, her)}


def _risks(protocol: Protocol, her: Stand) -> str:
    names = {group.key: here(group.name) for group in protocol.risk_groups}
    since = _("%(risk)s (ghi từ ngày %(day)s)")
    return ", ".join(since % {"risk": names[one.key], "day": written(one.since)} for one in her.risks)


def _why_not(protocol: Protocol, her: Stand) -> str:
    answer = her.answer
    if answer.reason == "risk_group":
        names = dict.fromkeys(here(group.name) for group in protocol.risk_groups)
        return _("Hồ sơ chưa ghi nhóm nguy cơ nào: %(risks)s.") % {"risks": ", ".join(names)}
    if answer.reason in ("too_young", "too_old"):
        return _of_age(protocol, her)
    return {
        "sex": _("Chương trình không dành cho giới tính này."),
        "birth_date": _("Chưa ghi ngày sinh."),
        "residence": _("Hồ sơ chưa ghi nơi ở tại Hà Nội."),
    }[answer.reason]


def _of_age(protocol: Protocol, her: Stand) -> str:
    held = {one.key for one in her.risks}
    groups = [group for group in protocol.risk_groups if group.key in held]
    low, high = protocol.bands[0].min_age, protocol.bands[-1].max_age
    lows = [low if group.min_age is None else group.min_age for group in groups]
    highs = [high if group.max_age is None else group.max_age for group in groups]
    if not protocol.requires_risk_group:
        lows, highs = [*lows, low], [*highs, high]
    age = {"age": her.answer.age, "min": min(lows), "max": max((one for one in highs if one is not None), default=0)}
    said = (
        _("%(age)d tuổi; chương trình dành cho người từ %(min)d tuổi.")
        if her.answer.reason == "too_young"
        else _("%(age)d tuổi; chương trình dành cho người đến %(max)d tuổi.")
    ) % age
    return f"{said} {_('Nhóm nguy cơ: %(risks)s.') % {'risks': _risks(protocol, her)}}" if groups else said


def _tests(protocol: Protocol, answer: Eligibility) -> list[tuple[str, str]]:
    offered = answer.band.tests if answer.band else ()
    keys = [*offered, *(key for key, test in protocol.tests.items() if key not in offered and not test.part_of)]
    return [(key, here(protocol.tests[key].name)) for key in keys]
