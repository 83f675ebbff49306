"""The department gives an open step to another facility, and reminds facilities of what is late with them."""

from collections.abc import Mapping, Sequence
from datetime import date
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from fhir.ids import new_id
from fhir.outcomes import refuse
from healthhub.accounts.actors import Actor
from healthhub.audit.log import record_access
from healthhub.postgresql.wall import unwalled
from records.access import handed_to, no_longer_handed
from records.models import Facility
from screening import projection
from screening.models import Episode, EpisodeEvent, EpisodeState, EventKind, FacilityReminder
from screening.places import waiting_at
from screening.projection import StaffEvent
from screening.protocol.events import HANDED


def hand_over(*, episode: Episode, facility: Facility, reason: str, on: date, actor: Actor) -> None:
    """Make another facility the owner of the step that is open now, and let it see the person. Appended, never changed.

    The caller has checked that the round is in the actor's part of the city. Refused: 422 without a reason or to a
    facility that is not registered, 409 if the step is closed or that facility's already.
    """
    if not reason.strip():
        raise refuse(422, "required", "Say why the step is handed over.", "reason")
    if not facility.active or facility.code is None:
        raise refuse(422, "business-rule", "The step can only go to a registered facility.", "facility")
    if not any(hand_over_rounds(episodes=[episode], facility=facility, reason=reason, on=on, actor=actor).values()):
        raise refuse(409, "conflict", "The step is closed, or that facility has it already.", "episode")


@unwalled()
def hand_over_rounds(
    *, episodes: Sequence[Episode], facility: Facility, reason: str, on: date, actor: Actor
) -> dict[tuple[UUID, str], str]:
    """Make another facility the owner of many open steps, in one transaction and a constant number of statements.

    ``episodes`` are as their places see them (``places.as_held``). The event that was written for each, by round and
    place; "" for one that is closed, has moved on or is that facility's already.
    """
    with transaction.atomic():
        projection.lock_people([episode.patient_id for episode in episodes])
        names = [episode.pk for episode in episodes]
        held = Episode.objects.filter(pk__in=names).exclude(state=EpisodeState.CLOSED).select_related("patient")
        rounds = {one.pk: one for one in held}
        now = [waiting_at(rounds[one.pk], one.step, one.holder) for one in episodes if one.pk in rounds]
        chosen = [one for one in now if one is not None and one.owner != facility.pk]
        events = {(one.pk, one.holder): _handing_over(one, facility=facility, reason=reason, on=on) for one in chosen}
        projection.add_staff_events(list(events.values()), actor=actor.id)
        handed_to({(episode.patient_id, facility.pk) for episode in chosen})
        record_access(
            actor=actor,
            action="hand over",
            patients=sorted({episode.patient_id for episode in chosen}),
            resource_type="Episode",
            resource_id=str(chosen[0].pk) if len(chosen) == 1 else "",
            reason=facility.name,
        )
    keys = [(episode.pk, episode.holder) for episode in episodes]
    return {key: events[key].id if key in events else "" for key in keys}


def take_back_hand_overs(sources: Mapping[str, str], *, note: str, actor: str) -> set[str]:
    """Take back handings over (event -> patient): the owner is who it was, and what it let a facility read ends.

    A facility still reads whom another handing over that stands gave it, and whom it may read for another reason. Which
    of them stood until now.
    """
    with transaction.atomic():
        taken_back = projection.take_back_staff_events(sources, note=note, actor=actor)
        people = {sources[event] for event in taken_back}
        newest: dict[str, EpisodeEvent] = {}
        for event in EpisodeEvent.objects.filter(patient__in=people, fact=HANDED).order_by("source_version"):
            newest[event.source_id] = event
        given: dict[bool, set[tuple[str, str]]] = {True: set(), False: set()}
        for name, event in newest.items():
            stands = event.kind != EventKind.WITHDRAWN
            if stands or name in taken_back:
                given[stands].add((event.patient_id, event.data["facility"]))
        no_longer_handed(given[False] - given[True])
    return taken_back


def _handing_over(episode: Episode, *, facility: Facility, reason: str, on: date) -> StaffEvent:
    return StaffEvent(
        id=new_id(),
        patient=episode.patient_id,
        programme=episode.programme,
        fact=HANDED,
        occurred_on=max(on, episode.opened_on),
        data={"step": episode.step, "facility": facility.pk, "from": episode.owner, "note": reason},
    )


def remind(*, facility: Facility, overdue: int, actor: Actor, text: str = "") -> FacilityReminder:
    """Put a note on the facility's worklist; one a day is enough (409)."""
    today = timezone.localdate()
    if FacilityReminder.objects.filter(facility=facility, made_at__date=today, read_at__isnull=True).exists():
        raise refuse(409, "conflict", "This facility was reminded today and has not read it yet.", "facility")
    return FacilityReminder.objects.create(
        facility=facility, overdue=overdue, text=text, actor=actor.id, actor_name=actor.name
    )


def reminders_for(facility: str) -> list[FacilityReminder]:
    """What the facility has not read yet, oldest first."""
    return list(FacilityReminder.objects.filter(facility=facility, read_at__isnull=True).order_by("made_at"))


def mark_read(*, reminder_id: int, actor: Actor) -> None:
    """The facility has read it."""
    unread = FacilityReminder.objects.filter(pk=reminder_id, facility=actor.facility, read_at__isnull=True)
    unread.update(read_at=timezone.now(), read_by=actor.id, read_by_name=actor.name)
