"""Why somebody is still waiting: every day from her positive result until today, with what happened on it and between.

A stretch of more than ``QUIET_DAYS`` in which nobody did anything is said to be just that.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from screening.citizen import here, written
from screening.models import Appointment, ContactAttempt, Episode, EpisodeEvent, Message, OpenRound, ScreeningResult
from screening.protocol import POSITIVE, protocol_for

QUIET_DAYS: Final = 14


@dataclass(frozen=True, slots=True)
class Happening:
    """Something on a day: ``by`` is who, "" if a machine or unknown."""

    day: date
    text: str
    by: str


@dataclass(frozen=True, slots=True)
class Stretch:
    """From one happening to the next (or to today): ``days`` of waiting, ``quiet`` if nothing was done for too long."""

    happening: Happening
    days: int
    quiet: bool


@dataclass(frozen=True, slots=True)
class Wait:
    """One person's whole wait; the days of the stretches add up to ``days``. ``quiet_days`` are those of quiet ones."""

    since: date
    days: int
    stretches: tuple[Stretch, ...]
    quiet_days: int


def waiting_positives(rounds: QuerySet[OpenRound]) -> QuerySet[OpenRound]:
    """Of these open rounds those with a positive result that still wait, longest first. Surveillance is no waiting."""
    positive = ScreeningResult.objects.filter(episode=OuterRef("episode"), outcome=POSITIVE)
    return rounds.exclude(state="surveillance_due").filter(Exists(positive)).order_by("opened_on", "id")


def explain_waits(episodes: Sequence[Episode], on: date) -> dict[Any, Wait]:
    """The wait of each round, by its id; five statements, whatever their number."""
    ids, people = [episode.pk for episode in episodes], [episode.patient_id for episode in episodes]
    happened: dict[Any, list[Happening]] = defaultdict(list)
    of_person: dict[tuple[str, str], Episode] = {(one.patient_id, one.programme): one for one in episodes}
    _add_events(happened, ids)
    for contact in ContactAttempt.objects.filter(patient__in=people):
        if episode := of_person.get((contact.patient_id, contact.programme)):
            text = _("Liên lạc: %(outcome)s") % {"outcome": contact.get_outcome_display()}
            happened[episode.pk].append(Happening(timezone.localdate(contact.contacted_at), text, contact.actor_name))
    for visit in Appointment.objects.filter(patient__in=people, day__isnull=False).select_related("facility"):
        if visit.day and (episode := of_person.get((visit.patient_id, visit.programme))):
            text = _("Lịch hẹn: %(status)s") % {"status": visit.get_status_display()}
            happened[episode.pk].append(Happening(visit.day, text, visit.facility.name if visit.facility else ""))
    for message in Message.objects.filter(patient__in=people):
        if episode := of_person.get((message.patient_id, message.programme)):
            text = f"{message.get_kind_display()}: {message.get_state_display()}"
            happened[episode.pk].append(Happening(timezone.localdate(message.created_at), text, ""))
    return {episode.pk: _wait(episode, happened[episode.pk], on) for episode in episodes}


def _add_events(happened: dict[Any, list[Happening]], ids: Sequence[Any]) -> None:
    newest: dict[tuple[str, str], EpisodeEvent] = {}
    for event in EpisodeEvent.objects.filter(episode__in=ids).order_by("source_version", "recorded_at"):
        newest[event.source_type, event.source_id] = event
    for event in newest.values():
        if event.kind != "withdrawn":
            happened[event.episode_id].append(Happening(event.occurred_on, _said(event), ""))
            resulted = event.data.get("resulted_on")
            if event.fact == "result" and resulted and date.fromisoformat(resulted) > event.occurred_on:
                happened[event.episode_id].append(
                    Happening(date.fromisoformat(resulted), _("Phòng xét nghiệm trả kết quả"), "")
                )


def _said(event: EpisodeEvent) -> str:
    protocol = protocol_for(event.programme, event.occurred_on)
    if event.fact == "result":
        category = protocol.category(event.data["test"], event.data["category"])
        return _("Lấy mẫu: %(result)s") % {"result": here(category.label) if category else _("chưa đọc được")}
    if event.fact == "handed":
        return _("Chuyển cơ sở phụ trách")
    if event.fact == "contacted":
        return _("Đã báo kết quả cho người dân")
    assessment = protocol.assessments.get(event.data.get("assessment", ""))
    name = here(assessment.name) if assessment else ""
    if event.fact == "referred":
        due = event.data.get("due_on")
        until = written(date.fromisoformat(due)) if due else ""
        return (
            _("Giới thiệu %(step)s, hẹn trước %(day)s") % {"step": name, "day": until}
            if until
            else _("Giới thiệu %(step)s") % {"step": name}
        )
    if event.fact == "assessed":
        finding = assessment.findings.get(event.data.get("finding", "")) if assessment else None
        return f"{name}: {here(finding.label)}" if finding else name
    return _("Khép lại một bước với lý do")


def _wait(episode: Episode, happened: Sequence[Happening], on: date) -> Wait:
    days = sorted((one for one in happened if episode.opened_on <= one.day <= on), key=lambda one: one.day)
    if not days or days[0].day > episode.opened_on:
        days = [Happening(episode.opened_on, _("Bắt đầu vòng sàng lọc"), ""), *days]
    ends = [*(one.day for one in days[1:]), on]
    stretches = tuple(
        Stretch(one, (end - one.day).days, (end - one.day).days > QUIET_DAYS)
        for one, end in zip(days, ends, strict=True)
    )
    return Wait(
        since=days[0].day,
        days=(on - days[0].day).days,
        stretches=stretches,
        quiet_days=sum(one.days for one in stretches if one.quiet),
    )
