"""Writes the resources of the people about whom something has changed. Set-based, safe to run twice, and killed half
way it leaves its notes for the next run."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from time import monotonic
from typing import Any, Final

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from fhir.store import Draft, save_many
from fhir.text import parse
from healthhub.accounts.actors import system_actor
from screening.marks import with_known
from screening.models import Decision, Episode, EpisodeState, Standing
from screening.protocol import Protocol, programmes, protocol_for
from screening.protocol.events import DEPARTMENT
from screening.publishing.closings import closing_drafts, is_closing
from screening.publishing.custody import custody_drafts
from screening.publishing.kits import kit_drafts
from screening.publishing.lots import publish_lots
from screening.publishing.resources import Pathway, care_plan, ended_task, episode_of_care, task
from screening.publishing.steps import ENDED, Awaited, awaited

PUBLISHER: Final = system_actor("pathway")
PEOPLE: Final = 500  # in one transaction
TAKEN_UP: Final = ("received", "accepted", "in-progress", "on-hold", "ready")  # the owner's own word; it stays

_TAKE = """
WITH taken AS (
    DELETE FROM screening_unpublishedperson
    WHERE id IN (SELECT id FROM screening_unpublishedperson ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED)
    RETURNING patient
) SELECT DISTINCT patient FROM taken ORDER BY patient
"""
_TASKS = """
SELECT content FROM fhir_resource WHERE type = 'Task' AND patient = ANY(%s) AND NOT deleted AND content LIKE %s
"""


def publish_noted(*, seconds: float = 30) -> int:
    """Write the lots of kits, then the resources of the people noted, for about so long; how many people. Two sweeps
    take different ones."""
    until, published = monotonic() + seconds, 0
    publish_lots(actor=PUBLISHER)
    while monotonic() < until:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute(_TAKE, [PEOPLE])
                people = [row[0] for row in cursor.fetchall()]
            if not people:
                return published
            publish(people, on=timezone.localdate())
        published += len(people)
    return published


def publish(patients: Sequence[str], *, on: date) -> None:
    """Write EpisodeOfCare, CarePlan, Tasks, kits and custody of these people; what says the same stays as it is."""
    drafts = kit_drafts(patients) + custody_drafts(patients)
    stored = _stored_tasks(patients)
    waiting: dict[tuple[str, str, str], str] = {}
    rounds: dict[str, Episode] = {}
    for pathway in _pathways(patients, on):
        rounds |= {str(one.pk): one for one in pathway.rounds}
        steps = [(one.task(stored), one) for one in (awaited(pathway.open) if pathway.open else ())]
        drafts += [Draft.of(episode_of_care(pathway)), Draft.of(care_plan(pathway, [name for name, _ in steps]))]
        drafts += [_task(pathway, name, one, stored.get(name, {})) for name, one in steps]
        waiting |= {one.key: name for name, one in steps}
    drafts += closing_drafts(patients, waiting)
    current = set(waiting.values())
    for name, resource in stored.items():
        if name not in current and resource["status"] not in ENDED:
            episode = rounds.get(resource["identifier"][0]["value"])
            drafts.append(Draft.of(ended_task(resource, episode, _protocol_of(episode, on))))
    if drafts:
        save_many(drafts, actor=PUBLISHER)


def _task(pathway: Pathway, name: str, waits: Awaited, stored: dict[str, Any]) -> Draft:
    step = protocol_for(waits.episode.programme, waits.episode.opened_on).steps[waits.need["step"]]
    owner = waits.need["owner"]
    resource = _merged(task(pathway, name, waits, step), stored)
    draft = Draft.of(resource, facility=None if owner == DEPARTMENT else owner)
    draft.handed = True
    return draft


def _merged(resource: dict[str, Any], stored: dict[str, Any]) -> dict[str, Any]:
    """The Task with what its owner wrote on it; that a former owner took it up says nothing of this one."""
    taken = stored.get("status") in TAKEN_UP and stored.get("owner") == resource.get("owner")
    if taken and resource["status"] == "requested":
        resource["status"] = stored["status"]
    if note := stored.get("note"):
        resource["note"] = note
    return resource


def _stored_tasks(patients: Sequence[str]) -> dict[str, dict[str, Any]]:
    with connection.cursor() as cursor:
        cursor.execute(_TASKS, [list(patients), f"%{settings.FHIR_SYSTEMS['round']}%"])
        found = [parse(text).resource for (text,) in cursor]
    return {resource["id"]: resource for resource in found if not is_closing(resource)}


def _pathways(patients: Sequence[str], on: date) -> list[Pathway]:
    """The programmes in which these people have a round or a decision; four statements."""
    rounds: dict[tuple[str, str], list[Episode]] = defaultdict(list)
    for episode in Episode.objects.filter(patient__in=patients).order_by("opened_on", "id"):
        rounds[episode.patient_id, episode.programme].append(episode)
    standings = {(one.patient_id, one.programme): one for one in Standing.objects.filter(patient__in=patients)}
    decisions = {
        (one.patient_id, one.programme): one
        for one in Decision.objects.filter(patient__in=patients).order_by("made_on", "request_id")
    }
    waiting = [one.pk for found in rounds.values() for one in found if one.state != EpisodeState.CLOSED]
    marks = with_known(Episode.objects.filter(pk__in=waiting)).values_list("pk", "known")
    known = {str(pk): mark for pk, mark in marks}
    ours = set(programmes())
    return [
        Pathway(
            patient=key[0],
            protocol=protocol_for(key[1], on),
            rounds=rounds.get(key, []),
            standing=standings.get(key),
            decision=decisions.get(key),
            known=known,
        )
        for key in sorted(rounds.keys() | decisions.keys())
        if key[1] in ours
    ]


def _protocol_of(episode: Episode | None, on: date) -> Protocol:
    return protocol_for(episode.programme, episode.opened_on) if episode else protocol_for(programmes()[0], on)
