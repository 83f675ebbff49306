"""Whoever comes without having been called: to the yearly check, or because she asked for it herself. What she is
offered is noted as an invitation, so that her result counts as its answer and nobody calls her meanwhile."""

from collections.abc import Sequence

from django.utils import timezone

from healthhub.accounts.actors import Actor
from screening.models import InvitationKind
from screening.models.appointments import OPEN_STATUSES, Appointment, SessionKind
from screening.protocol import programmes
from screening.recall.invitations import attach
from screening.recall.offers import offers_for

ARRIVED = "arrived"


def note_offers(changes: Sequence[tuple[Appointment | None, Appointment]], *, actor: Actor) -> None:
    """(before, after) of appointments just saved. A few queries for each arrival at a yearly check, one for each visit
    that was booked for a screening."""
    today = timezone.localdate()
    for before, after in changes:
        was = before.status if before else ""
        if after.kind == SessionKind.ANNUAL_CHECK and after.status == ARRIVED != was:
            kind, wanted = InvitationKind.ANNUAL_CHECK, [one.programme for one in offers_for(after.patient_id, today)]
        elif after.kind == SessionKind.SCREENING and not was and after.status in (*OPEN_STATUSES, ARRIVED):
            kind, wanted = InvitationKind.SELF_REFERRAL, [after.programme]
        else:
            continue
        for programme in wanted:
            if programme in programmes():
                attach(
                    patient=after.patient_id,
                    programme=programme,
                    kind=kind,
                    on=today,
                    facility=after.facility_id,
                    actor=actor,
                )
