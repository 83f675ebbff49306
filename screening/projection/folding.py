"""Takes a batch in: events are appended, the rounds concerned folded anew, and what changed is written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any
from uuid import uuid5

from screening.projection import reading, writing
from screening.projection.incoming import NAMESPACE, Added, Incoming, held_of, new_events
from screening.projection.results import age_of, cell_of, results_of
from screening.projection.rounds import Placed, Source, episode_row, releases_of
from screening.projection.shapes import Dated, EpisodeRow, EventRow, Key, Person
from screening.protocol import fold_rounds, protocol_for
from screening.protocol.release import Release
from screening.statistics.stale import mark_stale


@dataclass(frozen=True, slots=True)
class StaffEvent:
    """A decision of staff that no resource carries (a closing with its reason, a handing over)."""

    id: str
    patient: str
    programme: str
    fact: str
    occurred_on: date
    data: Mapping[str, Any]


def apply(incoming: Sequence[Incoming]) -> None:
    """Take in a batch: append events, fold the rounds concerned anew, write what changed, mark statistics stale."""
    held = held_of([item for item in incoming if not item.created])
    ours = {item.source for item in incoming if item.fact is not None} | held.keys()
    incoming = [item for item in incoming if item.source in ours]
    if not incoming:
        return
    people = reading.lock_people(
        {item.patient for item in incoming if item.patient} | {row.patient for row in held.values()}
    )
    added = new_events(incoming, held)
    observations = {item.source_id: item for item in incoming if item.source_type == "Observation"}
    keys = {(row.patient, row.programme) for row in (*held.values(), *(row for row, _ in added))}
    keys |= {(item.patient, item.fact.programme) for item in observations.values() if item.patient and item.fact}
    if keys:
        _refold(keys, added, observations, people)


def add_staff_events(events: Sequence[StaffEvent], *, actor: str) -> None:
    """Append decisions of staff, and fold anew."""
    reading.lock_people([event.patient for event in events])
    added = []
    for event in events:
        item = Incoming("staff", event.id, 1, event.patient, None, True, actor)
        row = EventRow(
            event.id,
            event.patient,
            event.programme,
            None,
            event.fact,
            event.fact,
            event.occurred_on,
            "staff",
            event.id,
            1,
            item.recorded_on,
            dict(event.data),
        )
        added.append((row, item))
    if added:
        _refold({(event.patient, event.programme) for event in events}, added, {}, {})


def take_back_staff_events(sources: Mapping[str, str], *, note: str, actor: str) -> set[str]:
    """Append that decisions of staff (id -> patient) are taken back, and fold anew: what they closed is open again.

    Which of them stood until now, and were taken back.
    """
    reading.lock_people(sources.values())
    held = held_of([Incoming("staff", name, 1, patient, None, False, actor) for name, patient in sources.items()])
    added = []
    for old in held.values():
        if not old.withdrawn:
            name, version = str(uuid5(NAMESPACE, f"staff/{old.source_id}/withdrawn")), old.source_version + 1
            data = {**old.data, "note": note}
            row = old._replace(id=name, episode=None, kind="withdrawn", source_version=version, data=data)
            added.append((row, Incoming("staff", old.source_id, version, old.patient, None, False, actor)))
    if added:
        _refold({(row.patient, row.programme) for row, _ in added}, added, {}, {})
    return {row.source_id for row, _ in added}


def follow_citizens(patients: Sequence[str]) -> None:
    """People's rounds are on the list of the facility that they belong to now, under the area where they live now."""
    writing.follow_citizens(patients)


def follow_people(patients: Sequence[str]) -> None:
    """Sex or birth date were put right: so are sex and age of the person's results. Where she lived then stays."""
    changed: list[tuple[str, str, int | None]] = []
    stale: list[Dated] = []
    for row in reading.results_of_people(patients):
        age = age_of(row.programme, row.birth_date, row.collected_on)
        if (row.sex, row.age) != (row.sex_now, age):
            changed.append((row.observation, row.sex_now, age))
            stale.append(row)
    writing.set_people(changed)
    mark_stale({cell_of(row) for row in stale})


def _refold(keys: set[Key], added: Added, observations: Mapping[str, Incoming], people: Mapping[str, Person]) -> None:
    """``keys`` with programme "" (a fact of the person) stand for all programmes in which she is known."""
    if personal := {patient for patient, programme in keys if not programme}:
        keys = {key for key in keys if key[1]} | reading.programmes_of(personal)
    patients = {patient for patient, _ in keys} | personal
    facts = [item.fact for item in observations.values() if item.fact and item.fact.result]
    facilities = {fact.result["facility_id"] for fact in facts if fact.result and fact.result["facility_id"]}
    stored = reading.known_of(keys | {(patient, "") for patient in patients}, facilities)
    events: dict[Key, list[EventRow]] = {key: [] for key in keys | {(patient, "") for patient in patients}}
    for row in (*stored.events, *(row for row, _ in added)):
        events[row.patient, row.programme].append(row)
    episodes: dict[str, EpisodeRow] = {}
    placed: dict[Source, str] = {}
    releases: dict[Source, Release] = {}
    for patient, programme in keys:
        history = [*events[patient, programme], *events[patient, ""]]
        states, _ = fold_rounds((row.event() for row in history), rules=partial(protocol_for, programme))
        for state in states:
            episode = episode_row(patient, programme, state)
            episodes[episode.id] = episode
            placed.update(((patient, programme, event.source), episode.id) for event in state.events)
        releases |= releases_of(patient, programme, history, states)
    results, gone, moved, after = results_of(observations, stored, placed, releases, people)
    writing.drop_results(gone)  # first: another result may take over the specimen
    writing.drop_episodes([name for name in stored.episodes if name not in episodes])
    writing.write(
        episodes=[row for row in episodes.values() if stored.episodes.get(row.id) != row],
        events=_event_columns(added, placed),
        results=results,
        cells={cell_of(row) for row in (*stored.results.values(), *after)},
        patients=patients,
    )
    writing.move_results(moved)
    now = ((row, placed.get((row.patient, row.programme, row.source))) for row in stored.events)
    writing.move_events([(row.id, episode) for row, episode in now if episode != row.episode])


def _event_columns(added: Added, placed: Placed) -> list[dict[str, Any]]:
    return [
        {
            "id": row.id,
            "patient_id": row.patient,
            "programme": row.programme,
            "episode_id": placed.get((row.patient, row.programme, row.source)),
            "kind": row.kind,
            "fact": row.fact,
            "occurred_on": row.occurred_on,
            "recorded_at": item.recorded_at,
            "source_type": row.source_type,
            "source_id": row.source_id,
            "source_version": row.source_version,
            "data": row.data,
            "actor": item.actor,
        }
        for row, item in added
    ]
