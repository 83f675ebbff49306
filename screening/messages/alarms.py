"""Messages that do not get out of the house, for the people who must act: no letter lies about unnoticed."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final

from django.conf import settings
from django.db import connection
from django.db.models import Count, Min, QuerySet
from django.utils import timezone

from screening.messages.approval import sendable_kinds
from screening.models.messages import BatchStage, LetterBatch, Message, MessageState

STUCK_AFTER: Final = timedelta(days=1)
PAUSED: Final = timedelta(hours=7)  # what waits longer was queued for a later day
_WAITING = """
SELECT facility_id, channel, count(*), min(next_try_at) FROM screening_message
WHERE state = 'queued' AND (
    (channel = 'letter' AND next_try_at < %s) OR (channel <> 'letter' AND created_at < %s AND next_try_at < %s)
) AND (%s OR facility_id = %s) GROUP BY facility_id, channel ORDER BY min(next_try_at)
"""


@dataclass(frozen=True, slots=True)
class Alarm:
    """``kind``: "unposted" (a printed batch), "ungathered" (letters in no batch), "stuck" (a channel that does not
    send) or "held" (texts that are not approved). ``facility`` is None for the department's own; ``since`` the day on
    which it should have gone."""

    kind: str
    facility: str | None
    count: int
    since: date
    batch: int | None = None
    channel: str = "letter"


def alarms(*, facility: str | None = None) -> list[Alarm]:
    """All alarms, or those of one facility, the oldest first. What is held for want of an approved text is told to the
    department alone, which approves. Four statements at most."""
    today = timezone.localdate()
    last = today - timedelta(days=int(settings.MESSAGES["letters_alarm_days"]))
    batches = LetterBatch.objects.exclude(stage=BatchStage.POSTED).filter(day__lt=last)
    if facility is not None:
        batches = batches.filter(facility_id=facility)
    found = [Alarm("unposted", one.facility_id, one.letters, one.day, batch=one.pk) for one in batches.order_by("day")]
    stuck = timezone.now() - STUCK_AFTER
    with connection.cursor() as cursor:
        midnight = timezone.make_aware(datetime.combine(last, time()))
        cursor.execute(_WAITING, [midnight, stuck, timezone.now() + PAUSED, facility is None, facility])
        for sender, channel, count, since in cursor.fetchall():
            kind = "ungathered" if channel == "letter" else "stuck"
            found.append(Alarm(kind, sender, count, timezone.localdate(since), channel=channel))
    if facility is None and (one := held()):
        found.append(one)
    return sorted(found, key=lambda alarm: alarm.since)


def held() -> Alarm | None:
    """How many messages, letters too, wait for their text to be approved, and since when the first of them does.

    One that was being sent when its approval was withdrawn is held too: nobody takes it up again.
    """
    waiting = waiting_for_approval().aggregate(count=Count("pk"), since=Min("created_at"))
    if not waiting["count"]:
        return None
    return Alarm("held", None, waiting["count"], timezone.localdate(waiting["since"]), channel="")


def waiting_for_approval() -> QuerySet[Message]:
    """The messages that are held."""
    unsent = Message.objects.filter(state__in=(MessageState.QUEUED, MessageState.SENDING))
    return unsent.exclude(kind__in=sendable_kinds())
