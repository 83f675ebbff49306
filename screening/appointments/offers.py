"""Free places for a person: which services are offered to her, and where and when."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Final

from django.db.models import F, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from healthhub.accounts.actors import Actor, Role
from records.models import Citizen, Facility
from screening.appointments.shapes import Service
from screening.citizen import here
from screening.models import Episode, EpisodeState, Standing, Status
from screening.models.appointments import OPEN_STATUSES, Appointment, OpenTo, Session, SessionKind, Slot
from screening.protocol import Protocol, current, eligible, programmes, protocol_for
from screening.release import programmes_held

AHEAD: Final = timedelta(days=120)
EARLY: Final = timedelta(days=30)
"""Somebody whose next round is due later than that is not offered a place yet."""
SHOWN: Final = 400


@dataclass(frozen=True, slots=True)
class Offer:
    """The free places of one session. `late`: the day is after the due date of what they are for."""

    session: Session
    slots: list[Slot]
    late: bool


@dataclass(frozen=True, slots=True)
class Wish:
    """A service that may be booked for somebody: `due_on` of the step, `held` the open appointment, `facilities`
    where it is offered to the actor."""

    service: Service
    name: str
    due_on: date | None
    held: Appointment | None
    facilities: list[Facility]


def service_name(service: Service, *, hidden: bool = False) -> str:
    """A service in the reader's language; of a ``hidden`` one the programme only, for a step tells the result."""
    if service.kind == SessionKind.ANNUAL_CHECK:
        return str(SessionKind.ANNUAL_CHECK.label)
    if service.programme not in programmes():
        return service.programme
    protocol = current(service.programme)
    if service.kind == SessionKind.ASSESSMENT and service.step in protocol.steps and not hidden:
        return here(protocol.steps[service.step].name)
    return here(protocol.name)


def bookable_services() -> list[tuple[Service, str]]:
    """Every service that a session may be for, with its name: what a facility chooses from."""
    found = [Service(SessionKind.ANNUAL_CHECK.value)]
    for key in programmes():
        found.append(Service(SessionKind.SCREENING.value, key))
        steps = current(key).steps.values()
        found += [Service(SessionKind.ASSESSMENT.value, key, step.key) for step in steps if step.assessment]
    return [(service, service_name(service)) for service in found]


def free_slots(service: Service, *, actor: Actor, now: datetime | None = None) -> QuerySet[Slot]:
    """Free places of a service, soonest first, that the actor may book."""
    now = now or timezone.now()
    return (
        Slot.objects.filter(
            _open_to(actor),
            open=True,
            taken__lt=F("places"),
            starts_at__gt=now,
            starts_at__lt=now + AHEAD,
            session__active=True,
            session__kind=service.kind,
            session__programme=service.programme,
            session__step=service.step,
        )
        .select_related("session__facility")
        .order_by("starts_at", "pk")
    )


def offers(
    service: Service, *, actor: Actor, due_on: date | None = None, facility: str = "", limit: int = SHOWN
) -> list[Offer]:
    """Free places by session, soonest first, so those before the due date come first; late ones are marked."""
    found = free_slots(service, actor=actor)
    if facility:
        found = found.filter(session__facility_id=facility)
    slots = sorted(found[:limit], key=lambda slot: (slot.session.day, slot.session_id, slot.starts_at))
    return [
        Offer(here_and_now[0].session, here_and_now, due_on is not None and here_and_now[0].session.day > due_on)
        for here_and_now in (list(group) for _key, group in groupby(slots, key=lambda slot: slot.session_id))
    ]


def wishes(citizen: Citizen, *, actor: Actor, on: date) -> list[Wish]:
    """What may be booked for somebody now: steps that wait, programmes that are due, a yearly check. Six queries.

    Nothing that she was taken out of (ceased, deferred), and nothing long before it is due. To a person whose result
    is held back nothing is offered that would tell what it says.
    """
    hidden = programmes_held(citizen.pk, on) if actor.role is Role.CITIZEN else frozenset[str]()
    wanted: list[tuple[Service, date | None]] = []
    newest: dict[str, Episode] = {}
    for episode in Episode.objects.filter(patient_id=citizen.pk).order_by("opened_on", "id"):
        newest[episode.programme] = episode
    stands = {one.programme: one for one in Standing.objects.filter(patient_id=citizen.pk)}
    for key in programmes():
        latest, protocol = newest.get(key), protocol_for(key, on)
        if latest is not None and latest.state != EpisodeState.CLOSED:
            step = protocol_for(key, latest.opened_on).steps.get(latest.step)
            service = Service(SessionKind.ASSESSMENT.value, key, latest.step)
            wanted.append(
                (service if step and step.assessment else Service(SessionKind.SCREENING.value, key), latest.due_on)
            )
        elif _is_due(stands.get(key), citizen, protocol, on):
            due_on = stands[key].due_on if key in stands else None
            wanted.append((Service(SessionKind.SCREENING.value, key), due_on))
    wanted.append((Service(SessionKind.ANNUAL_CHECK.value), None))
    held = {
        Service(one.kind, one.programme, one.step): one
        for one in Appointment.objects.filter(patient_id=citizen.pk, status__in=OPEN_STATUSES).select_related(
            "facility"
        )
    }
    where = _where([service for service, _due in wanted], actor, on)
    return [
        Wish(
            service,
            service_name(service, hidden=service.programme in hidden),
            None if service.programme in hidden else due_on,
            held.get(service),
            where.get(service, []),
        )
        for service, due_on in wanted
        if service in held or (where.get(service) and service.programme not in hidden)
    ]


def service_of_episode(episode: Episode) -> Service:
    """What to book for an open round: the assessment that it waits for, else a visit for the test."""
    step = protocol_for(episode.programme, episode.opened_on).steps.get(episode.step)
    if step is not None and step.assessment:
        return Service(SessionKind.ASSESSMENT.value, episode.programme, episode.step)
    return Service(SessionKind.SCREENING.value, episode.programme)


def due_of(patient_id: str, service: Service) -> date | None:
    """When what the appointment is for is due: of the person's open round; None if nothing waits."""
    rounds = Episode.objects.filter(patient_id=patient_id, programme=service.programme)
    if service.step:
        rounds = rounds.filter(step=service.step)
    episode = rounds.exclude(state=EpisodeState.CLOSED).order_by("due_on").first()
    return episode.due_on if episode else None


def late_warning(day: date, due_on: date | None) -> str:
    """What to say of a day after the due date; "" if it is none. The due date stays where it is."""
    if due_on is None or day <= due_on:
        return ""
    return _("Buổi này sau hạn %(due)s. Hạn không đổi: người này vẫn được tính là quá hạn cho đến khi khám xong.") % {
        "due": f"{due_on:%d/%m/%Y}"
    }


def _is_due(standing: Standing | None, citizen: Citizen, protocol: Protocol, on: date) -> bool:
    """Whether a first test of the programme is wanted of her about now; by her age alone until that is worked out."""
    if standing is None:
        return not protocol.requires_risk_group and eligible(citizen, on, protocol).eligible
    if standing.status in (Status.CEASED, Status.DEFERRED):
        return False
    return standing.due_on is not None and standing.due_on <= on + EARLY


def _where(services: Sequence[Service], actor: Actor, on: date) -> dict[Service, list[Facility]]:
    """Facilities with coming sessions of these services that the actor may book, full ones too: there one waits."""
    sessions = Session.objects.filter(
        _open_to(actor, ""), active=True, day__gt=on, kind__in={service.kind for service in services}
    )
    rows = sessions.values_list("kind", "programme", "step", "facility_id").distinct()
    wanted = [(Service(kind, programme, step), facility) for kind, programme, step, facility in rows]
    facilities = Facility.objects.in_bulk([facility for service, facility in wanted if service in services])
    found: dict[Service, list[Facility]] = {}
    for service, facility in wanted:
        if service in services and facility in facilities:
            found.setdefault(service, []).append(facilities[facility])
    return {service: sorted(places, key=lambda place: place.name) for service, places in found.items()}


def _open_to(actor: Actor, prefix: str = "session__") -> Q:
    if actor.is_system:
        return Q()
    if actor.role is Role.CITIZEN:
        return Q(**{f"{prefix}open_to": OpenTo.CITIZENS})
    return Q(**{f"{prefix}open_to__in": (OpenTo.CITIZENS, OpenTo.STAFF)}) | Q(
        **{f"{prefix}facility_id": actor.facility}
    )
