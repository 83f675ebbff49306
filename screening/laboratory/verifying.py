"""Results that somebody must look at before they count: not readable, or waiting for a second person's entry."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from fhir.models import Resource, ResourceVersion
from fhir.outcomes import refuse
from fhir.reader import read
from fhir.store import save
from fhir.text import parse
from healthhub.accounts.actors import Actor
from records.models import Facility
from screening.models import EntryDifference, ScreeningResult
from screening.protocol import UNCLASSIFIED
from screening.results import build_result, confirm_result, interpret_result

_COMPARED = (
    *("code", "effectiveDateTime", "specimen", "device"),
    *("valueQuantity", "valueCodeableConcept", "referenceRange"),
)


def to_verify(facility: str) -> QuerySet[ScreeningResult]:
    """Results of the facility that are preliminary or could not be classified, the oldest first."""
    waiting = Q(status="preliminary") | Q(outcome=UNCLASSIFIED)
    found = ScreeningResult.objects.filter(waiting, facility=facility)
    return found.select_related("patient").order_by("collected_on", "pk")


def to_verify_count(facility: str) -> int:
    """How many results wait for a second person, or for somebody to read them."""
    return to_verify(facility).count()


def has_entered(observation_id: str, actor: Actor) -> bool:
    """Whether the actor wrote any version of the result: then somebody else must confirm it."""
    mine = {"type": "Observation", "id": observation_id, "author": actor.id}
    return Resource.objects.filter(**mine).exists() or ResourceVersion.objects.filter(**mine).exists()


def confirm_entry(*, result: ScreeningResult, facility: Facility, actor: Actor, fields: Mapping[str, Any]) -> bool:
    """The second entry of a preliminary result, made without seeing the first. True if both agree: it is final now.

    If they differ nothing is chosen: the result stays preliminary and an EntryDifference is kept for somebody to
    settle. Refused: 409 if it is no longer preliminary or a difference is open, 403 to whoever entered it first.
    """
    with transaction.atomic():
        stored = _preliminary(result, actor)
        if has_entered(result.observation_id, actor):
            raise refuse(403, "forbidden", "Whoever entered a result cannot confirm it.", "Observation")
        if EntryDifference.objects.filter(observation_id=result.pk, settled_at__isnull=True).exists():
            raise refuse(409, "conflict", "The two entries of this result differ already.", "Observation")
        second = build_result(patient_id=result.patient_id, facility=facility, **fields)
        if all(stored.get(name) == second.get(name) for name in _COMPARED):
            confirm_result(observation_id=result.observation_id, actor=actor)
            return True
        asked = ("test", "value", "unit", "kit", "cutoff", "cutoff_unit", "collected_on")
        reading = interpret_result(**{name: fields[name] for name in asked if name in fields})
        EntryDifference.objects.create(
            observation_id=result.pk,
            patient_id=result.patient_id,
            facility=facility,
            test=result.test,
            first=result.explanation | {"collected_on": result.collected_on.isoformat()},
            second=dict(reading.explanation) | {"collected_on": fields["collected_on"].isoformat()},
            second_fields={name: str(value) for name, value in fields.items() if value not in (None, "")},
            second_by=actor.id,
            second_name=actor.name,
            found_at=timezone.now(),
        )
    return False


def differences(facility: str) -> QuerySet[EntryDifference]:
    """The open differences of a facility, the oldest first; none of a result that was withdrawn or is final by now."""
    waiting = ScreeningResult.objects.filter(pk=OuterRef("observation_id"), status="preliminary")
    found = EntryDifference.objects.filter(Exists(waiting), facility=facility, settled_at__isnull=True)
    return found.select_related("patient").order_by("found_at", "pk")


def settle_difference(
    *, difference: EntryDifference, facility: Facility, actor: Actor, fields: Mapping[str, Any]
) -> None:
    """Make final what somebody found to be right after looking at tube and paper again; both entries stay on record.

    Refused: 403 to whoever made the first entry, who would be confirming it; 409 if somebody else has settled it.
    """
    with transaction.atomic():
        if has_entered(difference.observation_id, actor):
            raise refuse(403, "forbidden", "Whoever entered a result cannot settle a difference.", "Observation")
        row = EntryDifference.objects.select_for_update().get(pk=difference.pk)
        if row.settled_at is not None:
            raise refuse(409, "conflict", "Somebody has settled this difference already.", "difference")
        result = ScreeningResult.objects.get(pk=row.observation_id)
        stored = _preliminary(result, actor)
        right = build_result(patient_id=result.patient_id, facility=facility, **fields)
        own = {name: value for name, value in stored.items() if name not in (*_COMPARED, "interpretation", "issued")}
        save({**own, **right, "status": "final"}, actor=actor)
        row.settled_at, row.settled_by = timezone.now(), actor.id
        row.save(update_fields=["settled_at", "settled_by"])


def _preliminary(result: ScreeningResult, actor: Actor) -> dict[str, Any]:
    stored = parse(read(type="Observation", id=result.observation_id, actor=actor).content).resource
    if stored.get("status") != "preliminary":
        raise refuse(409, "conflict", "The result is no longer preliminary.", "Observation.status")
    return stored
