"""From facts to results, events and rounds, a batch at a time: the same for the live hooks and for the rebuild."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import Any
from uuid import UUID, uuid5

from screening import rows
from screening.facts import Fact
from screening.protocol import EpisodeState, age_on, fold_rounds, protocol_for
from screening.recall.stale import mark_people
from screening.rows import EpisodeRow, EventRow, Key, Person, ResultRow
from screening.statistics.stale import mark_stale

#: Ids of rounds and events are made from what they are about, so that a rebuild gives the same ones.
NAMESPACE = UUID("6f0c2a52-6f5e-5d0e-9a0b-3d1f8d1f7c11")
NOBODY = Person(None, "", None)

Placed = Mapping[tuple[str, str, str], str]  # (patient, programme, source) -> round


@dataclass(frozen=True, slots=True)
class Incoming:
    """One version of a resource and what it says; ``fact`` None takes back whatever an earlier version said.

    ``created`` promises that no earlier version is known. ``recorded_at`` None is the stored version's own time.
    ``area`` is a one-tuple with the area where the person lived when it was recorded, or None for the one of now.
    """

    source_type: str
    source_id: str
    version: int
    patient: str | None
    fact: Fact | None
    created: bool
    actor: str
    recorded_at: datetime | None = None
    area: tuple[int | None] | None = None

    @property
    def source(self) -> str:
        """``Type/id``."""
        return f"{self.source_type}/{self.source_id}"


Added = Sequence[tuple[EventRow, Incoming]]


def apply(incoming: Sequence[Incoming]) -> None:
    """Take in a batch: append events, fold the rounds concerned anew, write what changed, mark statistics stale."""
    held = _held([item for item in incoming if not item.created])
    ours = {item.source for item in incoming if item.fact is not None} | held.keys()
    incoming = [item for item in incoming if item.source in ours]
    if not incoming:
        return
    people = rows.lock_people(
        {item.patient for item in incoming if item.patient} | {row.patient for row in held.values()}
    )
    added = _new_events(incoming, held)
    observations = {item.source_id: item for item in incoming if item.source_type == "Observation"}
    keys = {(row.patient, row.programme) for row in (*held.values(), *(row for row, _ in added))}
    keys |= {(item.patient, item.fact.programme) for item in observations.values() if item.patient and item.fact}
    if keys:
        _refold(keys, added, observations, people)


def add_staff_event(
    *, patient: str, programme: str, id: str, fact: str, occurred_on: date, data: Mapping[str, Any], actor: str
) -> None:
    """Append a decision of staff that no resource carries (a closure with its reason), and fold anew."""
    rows.lock_people([patient])
    row = EventRow(id, patient, programme, None, fact, fact, occurred_on, "staff", id, 1, dict(data))
    _refold({(patient, programme)}, [(row, Incoming("staff", id, 1, patient, None, True, actor))], {}, {})


def take_back_staff_event(*, patient: str, programme: str, source_id: str, note: str, actor: str) -> None:
    """Append that a decision of staff is taken back, and fold anew: what it closed is open again."""
    rows.lock_people([patient])
    held = _held([Incoming("staff", source_id, 1, patient, None, False, actor)])[f"staff/{source_id}"]
    name, version = str(uuid5(NAMESPACE, f"staff/{source_id}/withdrawn")), held.source_version + 1
    data = {**held.data, "note": note}
    row = held._replace(id=name, episode=None, kind="withdrawn", source_version=version, data=data)
    _refold({(patient, programme)}, [(row, Incoming("staff", source_id, version, patient, None, False, actor))], {}, {})


def follow_people(patients: Sequence[str]) -> None:
    """Sex or birth date were put right: so are sex and age of the person's results. Where she lived then stays."""
    changed: list[tuple[str, str, int | None]] = []
    stale: list[rows.Dated] = []
    for row in rows.results_of_people(patients):
        age = _age(row.programme, row.birth_date, row.collected_on)
        if (row.sex, row.age) != (row.sex_now, age):
            changed.append((row.observation, row.sex_now, age))
            stale.append(row)
    rows.set_people(changed)
    _mark_stale(stale)


def _held(updates: Sequence[Incoming]) -> dict[str, EventRow]:
    """The newest event of each source that had one; of two of one version, the one that did not take the fact back."""
    newest: dict[str, EventRow] = {}
    for row in rows.events_from([(item.source_type, item.source_id) for item in updates]):
        known = newest.get(row.source)
        if not known or (row.source_version, not row.withdrawn) > (known.source_version, not known.withdrawn):
            newest[row.source] = row
    return newest


def _new_events(incoming: Sequence[Incoming], held: Mapping[str, EventRow]) -> list[tuple[EventRow, Incoming]]:
    """The events that these versions add to what is known of their sources, version by version."""
    known = dict(held)
    added: list[tuple[EventRow, Incoming]] = []
    for item in incoming:
        old = known.get(item.source)
        for row in _events_of(item, old if old and not old.withdrawn else None):
            added.append((row, item))
            known[item.source] = row
    return added


def _events_of(item: Incoming, old: EventRow | None) -> list[EventRow]:
    """What a version adds to what its source said until then (``old``; None if nothing that stands)."""
    fact = item.fact if item.patient else None
    if fact is None:
        return [_withdrawn(item, old)] if old else []
    patient = item.patient or ""
    if old and (old.patient, old.programme, old.fact) == (patient, fact.programme, fact.fact):
        if (old.occurred_on, old.data) == (fact.occurred_on, fact.data):
            return []
        return [_event(item, "corrected", patient, fact.programme, fact.fact, fact.occurred_on, fact.data)]
    row = _event(item, fact.fact, patient, fact.programme, fact.fact, fact.occurred_on, fact.data)
    return [_withdrawn(item, old), row] if old else [row]


def _withdrawn(item: Incoming, old: EventRow) -> EventRow:
    return _event(item, "withdrawn", old.patient, old.programme, old.fact, old.occurred_on, old.data)


def _event(
    item: Incoming, kind: str, patient: str, programme: str, fact: str, occurred_on: date, data: dict[str, Any]
) -> EventRow:
    name = f"{item.source}/{item.version}/{kind}/{patient}/{programme}"
    return EventRow(
        id=str(uuid5(NAMESPACE, name)),
        patient=patient,
        programme=programme,
        episode=None,
        kind=kind,
        fact=fact,
        occurred_on=occurred_on,
        source_type=item.source_type,
        source_id=item.source_id,
        source_version=item.version,
        data=data,
    )


def _refold(keys: set[Key], added: Added, observations: Mapping[str, Incoming], people: Mapping[str, Person]) -> None:
    stored, before = rows.events_of(keys), rows.results_of(keys)
    events: dict[Key, list[EventRow]] = {key: [] for key in keys}
    for row in (*stored, *(row for row, _ in added)):
        events[row.patient, row.programme].append(row)
    episodes: dict[str, EpisodeRow] = {}
    placed: dict[tuple[str, str, str], str] = {}
    for (patient, programme), history in events.items():
        states, _ = fold_rounds((row.event() for row in history), rules=partial(protocol_for, programme))
        for state in states:
            episode = _episode(patient, programme, state)
            episodes[episode.id] = episode
            placed.update(((patient, programme, event.source), episode.id) for event in state.events)
    known = rows.episodes_of(keys)
    rows.write_episodes([row for row in episodes.values() if known.get(row.id) != row])
    rows.drop_episodes([name for name in known if name not in episodes])
    _write_events(added, stored, placed)
    after = _write_results(observations, before, placed, people)
    _mark_stale({*before.values(), *after.values()})
    mark_people({patient for patient, _ in keys})


def _episode(patient: str, programme: str, state: EpisodeState) -> EpisodeRow:
    return EpisodeRow(
        id=str(uuid5(NAMESPACE, f"{patient}/{programme}/{state.key}")),
        patient_id=patient,
        programme=programme,
        protocol_version=state.protocol_version,
        opened_on=state.opened_on,
        state=state.state,
        step=state.step,
        category=state.category,
        due_on=state.due_on,
        limit_on=state.limit_on,
        owner=state.owner,
        closed_on=state.closed_on,
        outcome=state.outcome,
        detail=state.detail,
    )


def _write_events(added: Added, stored: Sequence[EventRow], placed: Placed) -> None:
    rows.add_events(
        [
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
    )
    now = ((row, placed.get((row.patient, row.programme, row.source))) for row in stored)
    rows.move_events([(row.id, episode) for row, episode in now if episode != row.episode])


def _write_results(
    observations: Mapping[str, Incoming],
    before: Mapping[str, ResultRow],
    placed: Placed,
    people: Mapping[str, Person],
) -> dict[str, ResultRow]:
    """Write the batch's results, drop what was taken back, move others to their round; the results as they are now."""
    after: dict[str, ResultRow] = {}
    moves: list[tuple[str, str | None]] = []
    for name, row in before.items():
        if name not in observations:
            episode = placed.get((row.patient, row.programme, f"Observation/{name}"))
            after[name] = row._replace(episode=episode)
            if episode != row.episode:
                moves.append((name, episode))
    written: list[dict[str, Any]] = []
    for name, item in observations.items():
        if item.fact and item.fact.result and item.patient:
            person = people.get(item.patient, NOBODY)
            row = _result_row(item, item.fact, item.patient, before.get(name), placed, person)
            after[name] = row
            written.append(_result_columns(item, item.fact, item.fact.result, row, person))
    codes = rows.facility_codes({row["facility_id"] for row in written if row["facility_id"]})
    for columns in written:
        columns["facility_code"] = columns["facility_code"] or codes.get(columns["facility_id"], "")
    rows.drop_results([name for name in observations if name not in after])
    rows.move_results(moves)
    rows.write_results(written)
    return after


def _result_row(
    item: Incoming, fact: Fact, patient: str, old: ResultRow | None, placed: Placed, person: Person
) -> ResultRow:
    area = person.area
    if item.area is not None:
        area = item.area[0]
    elif old and old.patient == patient:
        area = old.area  # where the person lived when it was recorded first
    episode = placed.get((patient, fact.programme, item.source))
    return ResultRow(item.source_id, patient, fact.programme, fact.data["test"], fact.occurred_on, area, episode)


def _result_columns(
    item: Incoming, fact: Fact, result: Mapping[str, Any], row: ResultRow, person: Person
) -> dict[str, Any]:
    return {
        **result,
        "observation_id": row.observation,
        "patient_id": row.patient,
        "episode_id": row.episode,
        "area_id": row.area,
        "sex": person.sex,
        "age": _age(fact.programme, person.birth_date, fact.occurred_on),
        "version": item.version,
    }


def _age(programme: str, birth_date: date | None, on: date) -> int | None:
    return age_on(birth_date, on, protocol_for(programme, on).age_counted) if birth_date else None


def _mark_stale(results: Iterable[ResultRow | rows.Dated]) -> None:
    """Tell statistics which cells (area, programme, test, month) must be counted again."""
    mark_stale({(row.area, row.programme, row.test, row.collected_on.replace(day=1)) for row in results})
