"""What a person wishes about messages."""

from datetime import timedelta

from django.db.models import QuerySet
from django.utils import timezone

from healthhub.accounts.actors import Actor
from screening.messages.bad_contacts import report
from screening.models.messages import Message, MessagePreference, MessageState


def preference_of(patient: str) -> MessagePreference:
    """Her wishes; unsaved defaults if she has said nothing."""
    found = MessagePreference.objects.filter(pk=patient).first()
    return found or MessagePreference(patient_id=patient)


def set_preference(
    *, patient: str, language: str, channel: str, zalo: bool, no_messages: bool, actor: Actor
) -> MessagePreference:
    """Keep her wishes; they hold from the next message on, and for those still waiting."""
    values = {"language": language, "channel": channel, "zalo": zalo, "no_messages": no_messages}
    kept, _new = MessagePreference.objects.update_or_create(
        pk=patient, defaults={**values, "changed_by": actor.id[:128]}
    )
    return kept


def mark_opened(*, patient: str, token: str) -> bool:
    """She followed the link of a message to her; False if it is no message of hers."""
    mine = _by_token(token).filter(patient_id=patient)
    mine.filter(opened_at__isnull=True).update(opened_at=timezone.now())
    return mine.exists()


def report_not_me(*, token: str, actor: Actor) -> None:
    """Whoever got a message says that it was not meant for them. Silent about whether there is such a message.

    Only what was sent can be reported, and only for four weeks: a link from an old pile of paper says nothing.
    """
    since = timezone.now() - timedelta(days=28)
    message = _by_token(token).filter(state=MessageState.SENT, sent_at__gt=since).first()
    if message is not None:
        report(
            patient=message.patient_id,
            channel=message.channel,
            address=message.address,
            source="recipient",
            reason="not_me",
            actor=actor,
        )


def _by_token(token: str) -> QuerySet[Message]:
    return Message.objects.filter(token=token)
