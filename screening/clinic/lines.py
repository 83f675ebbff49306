"""An open round as a line of a list."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import OuterRef, QuerySet, Subquery
from django.utils import timezone

from healthhub.accounts.models import User
from records.identity import Identity, identity
from records.models import Facility
from screening.appointments.notes import Note, notes_for
from screening.citizen import here
from screening.clinic.steps import next_action, step_name, test_awaited
from screening.clinic.words import due_in_words, due_kind
from screening.failsafe.assignments import with_assignee
from screening.failsafe.levels import level_of, level_on
from screening.marks import with_known
from screening.models import ContactAttempt, Episode, OpenRound, ScreeningResult
from screening.places import as_held, holder_of
from screening.protocol import protocol_for
from screening.protocol.events import DEPARTMENT
from screening.protocol.shapes import Protocol


@dataclass(frozen=True, slots=True)
class Beside:
    """Another open step of the round, with when it is due, in words, and how far it has gone up.

    ``place`` is the facility whose list it is on, "" if it is this one's.
    """

    step: str
    place: str
    due_on: date
    due_words: str
    kind: str
    level: str


@dataclass(frozen=True, slots=True)
class Line:
    """One open round. ``action`` is what to do next (refer, assess, enter, verify), ``test`` the one to enter.

    ``assignee`` is who has it in hand ("" nobody), ``level`` how far it has gone up, ``last_contact`` the newest try.
    ``beside`` are the steps that it waits for as well: one of them may be late while ``step`` is not.
    ``booking`` is the newest appointment for the step, in words; missed or put off it says so.
    ``known`` marks what is known of the round (see ``marks``). ``value`` names the round, its step and that for bulk
    work: a step that has moved on meanwhile, or of which something new is known, is left alone.
    """

    episode: Episode
    person: Identity
    programme: str
    step: str
    due_on: date
    due_words: str
    kind: str
    level: str
    own: bool
    owner: str
    assignee: str
    last_contact: date | None
    result_id: str | None
    action: str
    test: str
    booking: Note | None
    beside: tuple[Beside, ...]
    known: str

    @property
    def value(self) -> str:
        """``<round>:<step>:<known>``."""
        return f"{self.episode.pk}:{self.episode.step}:{self.known}"


def with_details(rounds: QuerySet[OpenRound]) -> QuerySet[Any]:
    """The rounds with all that their lines show."""
    newest = ScreeningResult.objects.filter(episode=OuterRef("episode")).order_by("-collected_on", "observation_id")
    contact = ContactAttempt.objects.filter(patient=OuterRef("patient"), programme=OuterRef("programme"))
    assignee = User.objects.filter(pk=OuterRef("assigned_to"))
    owner = Facility.objects.filter(pk=OuterRef("holder"))
    return (
        with_known(with_assignee(rounds), episode="episode")
        .annotate(
            newest_result=Subquery(newest.values("observation_id")[:1]),
            last_contact=Subquery(contact.order_by("-contacted_at").values("contacted_at")[:1]),
            assignee_name=Subquery(assignee.values("name")[:1]),
            owner_name=Subquery(owner.values("name")[:1]),
        )
        .select_related("episode__patient")
    )


def lines_of(rounds: Sequence[OpenRound], *, on: date, facility: str = "") -> list[Line]:
    """The lines of rounds that ``with_details`` has fetched, each as its place sees it.

    One query more for their appointments, and one if steps of other places are beside.
    """
    seen = as_held(rounds)
    booked, places = notes_for(seen), _places_beside(seen)
    return [_line(episode, on, facility, booked.get(episode.pk), places) for episode in seen]


def _places_beside(seen: Sequence[Any]) -> dict[str, str]:
    others = {holder_of(need, episode) for episode in seen for need in episode.needs[1:]}
    others -= {episode.holder for episode in seen} if len({episode.holder for episode in seen}) == 1 else set()
    return dict(Facility.objects.filter(pk__in=others).values_list("pk", "name")) if others else {}


def _line(episode: Any, on: date, facility: str, booking: Note | None, places: Mapping[str, str]) -> Line:
    protocol = protocol_for(episode.programme, episode.opened_on)
    days = (episode.due_on - on).days
    action = next_action(episode)
    return Line(
        episode=episode,
        person=identity(episode.patient, on=on, with_area=False),
        programme=here(protocol.name),
        step=here(step_name(episode)),
        due_on=episode.due_on,
        due_words=due_in_words(days),
        kind=due_kind(days),
        level=_level(episode, on),
        own=episode.owner not in (DEPARTMENT, "") and episode.owner == facility,
        owner="" if episode.owner == DEPARTMENT else episode.owner_name or "",
        assignee=episode.assignee_name or "",
        last_contact=timezone.localdate(episode.last_contact) if episode.last_contact else None,
        result_id=episode.newest_result,
        action=action,
        test=test_awaited(episode) if action == "enter" else "",
        booking=booking,
        beside=tuple(_beside(need, protocol, on, _place(need, episode, places)) for need in episode.needs[1:]),
        known=episode.known,
    )


def _level(episode: Episode, on: date) -> str:
    """How far the step that the line names has gone up; a round of one step has no other."""
    if not episode.needs:
        return level_of(episode, on)
    return _need_level(episode.needs[0], on)


def _need_level(need: Mapping[str, str], on: date) -> str:
    return level_on(on, *(date.fromisoformat(need[name]) for name in ("due_on", "district_on", "city_on")))


def _place(need: Mapping[str, str], episode: Any, places: Mapping[str, str]) -> str:
    holder = holder_of(need, episode)
    return "" if holder == episode.holder else places.get(holder, holder)


def _beside(need: Mapping[str, str], protocol: Protocol, on: date, place: str) -> Beside:
    due_on, step = date.fromisoformat(need["due_on"]), protocol.steps.get(need["step"])
    days = (due_on - on).days
    name = here(step.name) if step else need["step"]
    return Beside(name, place, due_on, due_in_words(days), due_kind(days), _need_level(need, on))
