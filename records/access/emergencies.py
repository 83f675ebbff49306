"""Opening a record in an emergency ("break-glass"), and looking at that afterwards.

It is refused for those who have died: nobody's life depends on the record any more. It lets the opener read, for a set
time; each opening is counted, told to the person by whoever registers with ``tell_of_openings``, and reviewed.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils import timezone

from healthhub.accounts.actors import Actor
from healthhub.audit.log import EMERGENCY, record_access
from healthhub.postgresql.wall import unwalled
from records.access.rule import OPENS, REVIEWS
from records.models import Citizen, EmergencyAccess, EmergencyReason, Outcome

Tell = Callable[[EmergencyAccess, Actor], None]
_tellers: list[Tell] = []
_A_DAY = timedelta(days=1)


class NotOpened(Exception):
    """Why a record was not opened: "unknown" (nobody, or somebody who has died), or "too-many" in 24 hours."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def tell_of_openings(fn: Tell) -> None:
    """Let an app tell the person whose record is opened: ``fn(opening, actor)`` runs in the same transaction."""
    _tellers.append(fn)


def openings_of(actor: Actor, *, now: datetime | None = None) -> int:
    """How many records the actor has opened in the last 24 hours."""
    since = (now or timezone.now()) - _A_DAY
    return EmergencyAccess.objects.filter(user_id=user_of(actor), opened_at__gt=since).count()


def lasting_opening(patient: str, *, actor: Actor) -> EmergencyAccess | None:
    """The opening by which the actor reads this record now."""
    here = {"user_id": user_of(actor), "role": actor.role.value, "facility_id": actor.facility}
    return EmergencyAccess.objects.lasting().filter(**here, patient_id=patient).first()


def openings_about(patient: str, *, since: datetime | None = None) -> list[EmergencyAccess]:
    """The times when this person's record was opened, newest first, 50 at most: for her own eyes."""
    about = EmergencyAccess.objects.filter(patient_id=patient).select_related("facility").order_by("-opened_at")
    return list((about.filter(opened_at__gte=since) if since else about)[:50])


@unwalled()
def open_record(*, patient: str, reason: str, told: str, actor: Actor) -> EmergencyAccess:
    """Let the actor read this record for `EMERGENCY_HOURS`, starting now. What lasts already is answered as it is.

    Raises PermissionDenied for whoever may not at all (a role, an app, somebody without a facility), `NotOpened` else,
    which is logged too. ``reason`` is an `EmergencyReason`, ``told`` the actor's own words.
    """
    if actor.role not in OPENS or not actor.facility or actor.client or not told.strip():
        raise PermissionDenied
    code = ""
    with transaction.atomic():
        # one opening at a time for each user, or two windows would both be the last one allowed
        get_user_model().objects.select_for_update().get(pk=user_of(actor))
        held = lasting_opening(patient, actor=actor)
        if held is not None:
            return held
        citizen = Citizen.objects.filter(pk=patient, active=True, deceased=False).first()
        if citizen is None:
            code = "unknown"
        elif openings_of(actor) >= settings.EMERGENCIES_A_DAY:
            code = "too-many"
        else:
            return _open(citizen, EmergencyReason(reason), told.strip(), actor)
    known = Citizen.objects.filter(pk=patient).values_list("pk", flat=True).first()
    record_access(actor=actor, action="emergency-refused", patients=[known], resource_type="Patient", reason=code)
    raise NotOpened(code)


def _open(citizen: Citizen, reason: EmergencyReason, told: str, actor: Actor) -> EmergencyAccess:
    now = timezone.now()
    opening = EmergencyAccess.objects.create(
        patient=citizen,
        user_id=user_of(actor),
        name=actor.name,
        role=actor.role.value,
        facility_id=actor.facility or "",
        reason=reason.value,
        told=told,
        opened_at=now,
        until=now + timedelta(hours=settings.EMERGENCY_HOURS),
    )
    _log(opening, "emergency", actor)
    for fn in _tellers:
        fn(opening, actor)
    return opening


def end_opening(*, opening: EmergencyAccess, actor: Actor) -> None:
    """Close the record before its time. Only the opener; one that is over stays as it is."""
    if opening.user_id != user_of(actor):
        raise PermissionDenied
    if EmergencyAccess.objects.lasting().filter(pk=opening.pk).update(ended_at=timezone.now()):
        _log(opening, "emergency-end", actor)


def review_opening(*, opening: EmergencyAccess, outcome: str, note: str, actor: Actor) -> bool:
    """Say whether it was justified, and why one thinks so; False if somebody has said so already.

    Raises PermissionDenied for whoever does not review, and for the opener herself, under whichever role.
    """
    if actor.role not in REVIEWS or opening.user_id == user_of(actor) or not note.strip():
        raise PermissionDenied
    said = {"outcome": Outcome(outcome).value, "note": note.strip(), "reviewed_at": timezone.now()}
    by = {"reviewed_by": actor.id, "reviewer_name": actor.name}
    with transaction.atomic():
        done = EmergencyAccess.objects.filter(pk=opening.pk, outcome="").update(**said, **by)
        if done:
            _log(opening, "emergency-review", actor, reason=opening.reason)  # which is no look under it
    return bool(done)


def user_of(actor: Actor) -> int:
    """The key of the signed-in user behind the actor; 0 for software and for HealthHub itself."""
    kind, _, number = actor.id.partition(":")
    return int(number) if kind == "user" and number.isdecimal() else 0


def _log(opening: EmergencyAccess, action: str, actor: Actor, reason: str = "") -> None:
    record_access(
        actor=actor,
        action=action,
        patients=[opening.patient_id],
        resource_type="Patient",
        resource_id=opening.patient_id,
        reason=reason or f"{EMERGENCY}{opening.reason}",
    )
