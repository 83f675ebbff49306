"""The people behind a figure, page by page, for an officer of that part of the city; each look is logged for each."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet

from healthhub.accounts.actors import Actor
from healthhub.audit.log import record_access
from records.access import visible_to
from records.identity import Identity, identity
from records.models import Citizen
from screening.clinic.lines import Line, lines_of, with_details
from screening.failsafe.checks import CHECKS, Check
from screening.failsafe.reviews import alarms, reviews_of
from screening.failsafe.scope import Scope
from screening.failsafe.waiting import Wait, explain_waits, waiting_positives
from screening.models import AlarmReview, FailsafeAlarm, OpenRound

PAGE: Final = 25


@dataclass(frozen=True, slots=True)
class People:
    """A page of rounds; ``after`` continues it, "" at the end."""

    lines: list[Line]
    after: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """Somebody who waits, and why."""

    line: Line
    wait: Wait


@dataclass(frozen=True, slots=True)
class Alarm:
    """What a check found, with the names that the actor may see; ``settled`` of it were looked at, and say why."""

    key: str
    title: str
    remedy: str
    count: int
    people: list[tuple[Identity, FailsafeAlarm]]
    reviewable: bool
    settled: int
    reviews: list[tuple[Identity, AlarmReview]]


def page_of(rounds: QuerySet[OpenRound], on: date, *, after: str, actor: Actor, reason: str) -> People:
    """A page of these rounds, in order of due date."""
    day, _dot, key = after.partition(".")
    try:
        due_on, pk = date.fromisoformat(day), int(key[:18])
        rounds = rounds.filter(Q(first_due_on__gt=due_on) | Q(first_due_on=due_on, pk__gt=pk))
    except ValueError:
        pass
    found = list(with_details(rounds)[: PAGE + 1])
    shown = found[:PAGE]
    _log(shown, actor, reason)
    last = shown[-1] if len(found) > PAGE else None
    return People(lines_of(shown, on=on), f"{last.first_due_on:%Y-%m-%d}.{last.pk}" if last else "")


def longest_waiting(
    rounds: QuerySet[OpenRound], on: date, *, actor: Actor, reason: str, facility: str = "", limit: int = 20
) -> list[Waiting]:
    """The positives who have waited longest, with their every day explained."""
    found = list(with_details(waiting_positives(rounds))[:limit])
    _log(found, actor, reason)
    waits = explain_waits([one.episode for one in found], on)
    return [Waiting(line, waits[line.episode.pk]) for line in lines_of(found, on=on, facility=facility)]


def alarms_in(scope: Scope, *, actor: Actor, reason: str, limit: int = 20) -> list[Alarm]:
    """What the last run found in that part of the city; the names only if the scope has them."""
    people = Citizen.objects.all()
    if scope.areas is not None:
        people = people.filter(area__in=scope.areas)
    return _alarms(
        people if scope.areas is not None else None, names=scope.names, actor=actor, reason=reason, limit=limit
    )


def alarms_of_clinic(actor: Actor, *, reason: str, limit: int = 20) -> list[Alarm]:
    """What the last run found among the people of the actor's facility."""
    return [
        alarm
        for alarm in _alarms(visible_to(actor), names=True, actor=actor, reason=reason, limit=limit)
        if alarm.count or alarm.settled
    ]


def _alarms(people: QuerySet[Citizen] | None, *, names: bool, actor: Actor, reason: str, limit: int) -> list[Alarm]:
    standing = alarms()
    if people is not None:
        standing = standing.filter(patient_id__in=people.values("pk"))
    counts = Counter(standing.values_list("check_name", "reviewed"))
    shown: dict[str, list[Any]] = {}
    if names:
        for check in {check for check, _reviewed in counts}:
            found = standing.filter(check_name=check).order_by("since", "id")
            shown[check] = [*found.filter(reviewed=False)[:limit], *found.filter(reviewed=True)[:limit]]
    flat = [one for held in shown.values() for one in held]
    known = Citizen.objects.in_bulk({one.patient_id for one in flat})
    if known:
        record_access(actor=actor, action="view", patients=sorted(known), resource_type="Episode", reason=reason)
    said = reviews_of([one for one in flat if one.reviewed])
    return [_alarm(check, counts, shown.get(check.key, []), known, said) for check in CHECKS]


def _alarm(
    check: Check,
    counts: Mapping[tuple[str, bool], int],
    found: Sequence[Any],
    known: Mapping[str, Citizen],
    said: Mapping[int, AlarmReview],
) -> Alarm:
    nobody = Citizen(patient_id="")
    people = [(identity(known.get(one.patient_id, nobody), with_area=False), one) for one in found]
    return Alarm(
        check.key,
        str(check.title),
        str(check.remedy),
        counts.get((check.key, False), 0),
        [(person, one) for person, one in people if not one.reviewed],
        check.reviewable,
        counts.get((check.key, True), 0),
        [(person, said[one.pk]) for person, one in people if one.reviewed and one.pk in said],
    )


def need_names(scope: Scope) -> None:
    """Only officers see who is behind a figure."""
    if not scope.names:
        raise PermissionDenied


def _log(rounds: Sequence[Any], actor: Actor, reason: str) -> None:
    if rounds:
        people = sorted({episode.patient_id for episode in rounds})
        record_access(actor=actor, action="view", patients=people, resource_type="Episode", reason=reason)
