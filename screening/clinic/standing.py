"""Where a person stands in each programme, for staff: in words, with the due date and its reason."""

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
from screening.protocol import Eligibility, Protocol, eligible, programmes, protocol_for
from screening.recall.next_dates import with_next_dates


@dataclass(frozen=True, slots=True)
class Standing:
    """One programme. ``episode`` is the newest round, None before the first.

    ``tests`` are (key, name) of what may be entered, the ones that the programme offers this person first. ``result``
    is the Observation that the open round is about. ``main``: she has been in the programme or it is for her now.
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


def standings(citizen: Citizen, results: Iterable[ScreeningResult], *, on: date, facility: str = "") -> list[Standing]:
    """The programmes that are for people of this sex, two queries. ``results`` are hers, newest first.

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
    found = []
    for key in programmes():
        protocol, episode = protocol_for(key, on), latest.get(key)
        answer = eligible(citizen, on, protocol)
        if episode is not None or answer.reason != "sex":
            found.append(_standing(protocol, episode, answer, deciding.get(episode.pk) if episode else None, on=on))
    return found


def _standing(
    protocol: Protocol, episode: Episode | None, answer: Eligibility, result: ScreeningResult | None, *, on: date
) -> Standing:
    kind, word, due_on, reason = _state(protocol, episode, answer, result, on=on)
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
        tests=_tests(protocol, answer),
        result=result.observation_id if result and is_open else "",
        main=episode is not None or answer.eligible,
    )


def _state(
    protocol: Protocol, episode: Episode | None, answer: Eligibility, result: ScreeningResult | None, *, on: date
) -> tuple[str, str, date | None, str]:
    """(kind, word, due date, reason)."""
    if episode is None:
        if not answer.eligible:
            return "none", _("Chưa thuộc diện sàng lọc"), None, _why_not(protocol, answer)
        return (
            "act",
            _("Chưa từng sàng lọc"),
            None,
            _("%(age)d tuổi, thuộc diện của chương trình.") % {"age": answer.age},
        )
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
    if episode.due_on <= on:
        return "act", _("Đến hạn sàng lọc lại"), episode.due_on, ended
    return "good", _("Đã sàng lọc"), episode.due_on, ended


def _why_not(protocol: Protocol, answer: Eligibility) -> str:
    bands = protocol.bands
    if answer.reason == "birth_date":
        return _("Chưa ghi ngày sinh.")
    if answer.reason == "too_young":
        return _("%(age)d tuổi; chương trình dành cho người từ %(min)d tuổi.") % {
            "age": answer.age,
            "min": bands[0].min_age,
        }
    if answer.reason == "too_old":
        return _("%(age)d tuổi; chương trình dành cho người đến %(max)d tuổi.") % {
            "age": answer.age,
            "max": bands[-1].max_age,
        }
    return _("Chương trình không dành cho giới tính này.")


def _tests(protocol: Protocol, answer: Eligibility) -> list[tuple[str, str]]:
    offered = answer.band.tests if answer.band else ()
    keys = [*offered, *(key for key, test in protocol.tests.items() if key not in offered and not test.part_of)]
    return [(key, here(protocol.tests[key].name)) for key in keys]
