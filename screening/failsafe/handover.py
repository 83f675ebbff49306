"""The department gives an open step to another facility, and reminds facilities of what is late with them."""

from datetime import date

from django.db import transaction
from django.utils import timezone

from fhir.ids import new_id
from fhir.outcomes import refuse
from healthhub.accounts.actors import Actor
from healthhub.audit.log import record_access
from records.access import handed_to
from records.models import Facility
from screening import projection
from screening.models import Episode, EpisodeState, FacilityReminder
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
    with transaction.atomic():
        held = Episode.objects.filter(pk=episode.pk, step=episode.step).exclude(state=EpisodeState.CLOSED)
        if not held.exclude(owner=facility.pk).exists():
            raise refuse(409, "conflict", "The step is closed, or that facility has it already.", "episode")
        said = handing_over(episode, facility=facility, reason=reason, on=on)
        projection.add_staff_events([said], actor=actor.id)
        handed_to({(episode.patient_id, facility.pk)})
        record_access(
            actor=actor,
            action="hand over",
            patients=[episode.patient_id],
            resource_type="Episode",
            resource_id=str(episode.pk),
            reason=facility.name,
        )


def handing_over(episode: Episode, *, facility: Facility, reason: str, on: date) -> StaffEvent:
    """The decision that the step which is open now is the facility's."""
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
