"""Telling a person that her record was opened in an emergency: that it was, and nothing of what is in it."""

from healthhub.accounts.actors import Actor
from records.access.emergencies import tell_of_openings
from records.models import EmergencyAccess
from screening.messages.outbox import Outgoing, queue
from screening.models.messages import MessageKind


def _tell(opening: EmergencyAccess, actor: Actor) -> None:
    """By the person's own facility: the one that opened it could tell what has happened to her."""
    row = Outgoing(opening.patient_id, MessageKind.RECORD_OPENED, f"EmergencyAccess/{opening.pk}")
    queue([row], actor=actor)


tell_of_openings(_tell)
