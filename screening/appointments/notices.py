"""Telling people about their appointments: what happened is put into the outbox in the transaction that made it so."""

from collections.abc import Sequence

from healthhub.accounts.actors import Actor
from screening.models.appointments import Appointment

MADE, CHANGED, REMINDER = "appointment", "appointment_changed", "appointment_reminder"


def tell(changes: Sequence[tuple[Appointment | None, Appointment]], *, actor: Actor) -> None:
    """(before, after) of appointments just saved: tell those who have a new, another or no longer a time."""
    made = [after for before, after in changes if _made(before, after)]
    changed = [after for before, after in changes if before is not None and _changed(before, after)]
    send(made, MADE, actor=actor)
    send(changed, CHANGED, actor=actor)


def send(appointments: Sequence[Appointment], kind: str, *, actor: Actor) -> None:
    """Queue one message for each of these."""


def _made(before: Appointment | None, after: Appointment) -> bool:
    return after.status == "booked" and (before is None or before.status == "waitlist")


def _changed(before: Appointment, after: Appointment) -> bool:
    if before.status == "booked" and after.status == "booked":
        return before.slot_id != after.slot_id
    return before.status == "booked" and after.status in ("cancelled", "waitlist") and after.reason != "pat-dec"
