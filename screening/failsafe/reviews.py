"""What a check found and somebody has looked at: it no longer stands, until the facts are others than she saw."""

from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from fhir.outcomes import refuse
from healthhub.accounts.actors import Actor
from healthhub.audit.log import record_access
from screening.failsafe.checks import CHECKS
from screening.models import AlarmReview, FailsafeAlarm

REVIEWABLE = frozenset(check.key for check in CHECKS if check.reviewable)


def alarms() -> QuerySet[Any]:
    """All that the last run found, each with ``reviewed``: whether somebody has looked at just these facts."""
    same = AlarmReview.objects.filter(
        check_name=OuterRef("check_name"), subject=OuterRef("subject"), facts=OuterRef("facts")
    )
    return FailsafeAlarm.objects.filter(gone_on__isnull=True).annotate(reviewed=Exists(same))


def review_alarm(*, alarm: FailsafeAlarm, why: str, actor: Actor) -> AlarmReview:
    """Say why nobody is lost here. The caller has checked that the person is of the actor's part of the city.

    Refused: 422 without a reason, 409 for what only a repair can end, or what is gone or reviewed already.
    """
    if not why.strip():
        raise refuse(422, "required", "Say what you found when you looked.", "why")
    with transaction.atomic():
        standing = FailsafeAlarm.objects.select_for_update().filter(pk=alarm.pk, gone_on__isnull=True).first()
        if standing is None or standing.check_name not in REVIEWABLE:
            raise refuse(409, "conflict", "Only what a person must judge can be settled by a review.", "alarm")
        if alarms().filter(pk=alarm.pk, reviewed=True).exists():
            raise refuse(409, "conflict", "Somebody has reviewed this already.", "alarm")
        made = AlarmReview.objects.create(
            check_name=standing.check_name,
            subject=standing.subject,
            facts=standing.facts,
            patient_id=standing.patient_id,
            why=why,
            actor=actor.id,
            actor_name=actor.name,
        )
        record_access(
            actor=actor,
            action="review",
            patients=[standing.patient_id],
            resource_type="Episode",
            resource_id=standing.subject.partition("/")[2],
            reason=standing.check_name,
        )
    return made


def reviews_of(found: Sequence[FailsafeAlarm]) -> dict[int, AlarmReview]:
    """The newest review of the facts of each alarm, by its id."""
    said: dict[tuple[str, str, str], AlarmReview] = {}
    for review in AlarmReview.objects.filter(subject__in=[one.subject for one in found]).order_by("id"):
        said[review.check_name, review.subject, review.facts] = review
    keyed = {one.pk: said.get((one.check_name, one.subject, one.facts)) for one in found}
    return {key: review for key, review in keyed.items() if review is not None}
