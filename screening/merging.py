"""What screening knows of a person who is merged or unmerged: told again from the stored texts, for both people.

Two open rounds of a programme become one history, by the fold that every round comes from: a positive of either counts,
and its next step stays open with its owner and its day. Runs in the transaction of the merge.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from django.db import connection
from django.db.models import Model

from fhir.merging import Key
from fhir.outcomes import refuse
from records.merging import move_with_person, on_merged
from screening import projection
from screening.failsafe.cancers import derive_cases
from screening.intake import TYPES
from screening.laboratory.projection import answer_orders
from screening.models import (
    Appointment,
    BadContact,
    ContactAttempt,
    Decision,
    EpisodeEvent,
    Invitation,
    Message,
    Notice,
    Order,
    Specimen,
)
from screening.models.appointments import OPEN_STATUSES
from screening.projection.reading import results_of_people
from screening.projection.results import cell_of
from screening.rebuild import versions_of
from screening.recall.stale import mark_people
from screening.statistics.stale import mark_stale

#: Rows made of one resource each, with its type.
_OF_RESOURCES: dict[type[Model], str] = {
    Appointment: "Appointment",
    Decision: "ServiceRequest",
    Order: "ServiceRequest",
    Specimen: "Specimen",
}

move_with_person(Invitation, ContactAttempt, Message, BadContact, Notice)


@on_merged
def move(source: str, target: str, resources: Sequence[Key]) -> None:
    """Give the target what these resources say, and fold the rounds of both anew. Refused (409): see ``_check``."""
    _check(source, target)
    ids: dict[str, list[str]] = defaultdict(list)
    for type_, id_ in resources:
        ids[type_].append(id_)
    projection.lock_people([source, target])
    mark_stale({cell_of(row) for row in results_of_people([source])})
    for model, type_ in _OF_RESOURCES.items():
        model._default_manager.filter(pk__in=ids[type_]).update(patient=target)
    for type_, names in _tell_anew(source, target, ids).items():
        projection.apply(versions_of(type_, names))
    projection.fold_people([source, target])
    answer_orders([source, target])
    derive_cases([source, target])
    mark_people([source, target])


def _check(source: str, target: str) -> None:
    """Nobody is expected twice for the same thing."""
    expected = Appointment.objects.filter(patient__in=[source, target], status__in=OPEN_STATUSES)
    places = expected.values_list("kind", "programme", "step")
    if len(places) != len(set(places)):
        raise refuse(409, "conflict", "Both have an open appointment for the same step: cancel one of them first.")


def _tell_anew(source: str, target: str, ids: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Remove the events of these resources, to be told again of the target; decisions of staff about them move."""
    told: dict[str, list[str]] = defaultdict(list)
    decided = []
    for pk, type_, id_, data in EpisodeEvent.objects.filter(patient=source).values_list(
        "pk", "source_type", "source_id", "data"
    ):
        if type_ == "staff":
            closes = {name for name, *_rest in data.get("closes", ())}
            decided += [pk] if closes & {f"{kind}/{name}" for kind in ids for name in ids[kind]} else []
        elif type_ != "Patient" and id_ in ids[type_] and id_ not in told[type_]:
            told[type_].append(id_)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL healthhub.rebuild = 'on'")  # which a trigger refuses otherwise
        for type_, names in told.items():
            EpisodeEvent.objects.filter(source_type=type_, source_id__in=names).delete()
        EpisodeEvent.objects.filter(pk__in=decided).update(patient=target, episode=None)
        cursor.execute("SET LOCAL healthhub.rebuild = 'off'")
    return {type_: sorted(told[type_]) for type_ in TYPES if type_ in told}
