"""From facts to results, events and rounds, a batch at a time: the same for the live hooks and for the rebuild."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial
from typing import Any
from uuid import UUID, uuid5

from screening import rows
from screening.elements import ZONE, Fact
from screening.protocol import EpisodeState, age_on, fold_rounds, protocol_for
from screening.protocol.events import DIED, RESULT, effective
from screening.protocol.release import Release, Version, assessed_on, release, told_of
from screening.rows import EpisodeRow, EventRow, Key, Person, ResultRow
from screening.statistics.stale import mark_stale

#: Ids of rounds and events are made from what they are about, so that a rebuild gives the same ones.
NAMESPACE = UUID("6f0c2a52-6f5e-5d0e-9a0b-3d1f8d1f7c11")
NOBODY = Person(None, "", None)

Source = tuple[str, str, str]  # (patient, programme, source)
Placed = Mapping[Source, str]  # -> round
Releases = Mapping[Source, Release]
UNKNOWN = Release(None, None)


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

    @property
    def recorded_on(self) -> date:
        """The day in Hanoi on which it was saved."""
        return (self.recorded_at or datetime.now(UTC)).astimezone(ZONE).date()


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
    item = Incoming("staff", id, 1, patient, None, True, actor)
    row = EventRow(id, patient, programme, None, fact, fact, occurred_on, "staff", id, 1, item.recorded_on, dict(data))
    _refold({(patient, programme)}, [(row, item)], {}, {})


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
    mark_stale({_cell(row) for row in stale})


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
        undated = fact.fact == DIED or fact.data.get("dated") is False  # the day of the first version stays
        if old.data == fact.data and (undated or old.occurred_on == fact.occurred_on):
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
        recorded_on=item.recorded_on,
        data=data,
    )


def _refold(keys: set[Key], added: Added, observations: Mapping[str, Incoming], people: Mapping[str, Person]) -> None:
    """``keys`` with programme "" (a fact of the person) stand for all programmes in which she is known."""
    if personal := {patient for patient, programme in keys if not programme}:
        keys = {key for key in keys if key[1]} | rows.programmes_of(personal)
    patients = {patient for patient, _ in keys} | personal
    facts = [item.fact for item in observations.values() if item.fact and item.fact.result]
    facilities = {fact.result["facility_id"] for fact in facts if fact.result and fact.result["facility_id"]}
    stored = rows.known_of(keys | {(patient, "") for patient in patients}, facilities)
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
            episode = _episode(patient, programme, state)
            episodes[episode.id] = episode
            placed.update(((patient, programme, event.source), episode.id) for event in state.events)
        releases |= _releases(patient, programme, history, states)
    results, gone, moved, after = _results(observations, stored, placed, releases, people)
    rows.drop_results(gone)  # first: another result may take over the specimen
    rows.drop_episodes([name for name in stored.episodes if name not in episodes])
    rows.write(
        episodes=[row for row in episodes.values() if stored.episodes.get(row.id) != row],
        events=_event_columns(added, placed),
        results=results,
        cells={_cell(row) for row in (*stored.results.values(), *after)},
        patients=patients,
    )
    rows.move_results(moved)
    now = ((row, placed.get((row.patient, row.programme, row.source))) for row in stored.events)
    rows.move_events([(row.id, episode) for row, episode in now if episode != row.episode])


def _releases(
    patient: str, programme: str, history: Sequence[EventRow], states: Sequence[EpisodeState]
) -> dict[Source, Release]:
    """When the person may see each of her results."""
    told = told_of(effective(row.event() for row in history))
    versions: dict[str, list[Version]] = {}
    for row in sorted(history, key=lambda row: (row.source_version, not row.withdrawn)):
        if row.fact == RESULT:
            versions.setdefault(row.source, []).append(Version(row.event(), row.recorded_on))
    found = {}
    for state in states:
        assessed = assessed_on(state.events)
        for event in state.events:
            if event.fact == RESULT:
                rules = protocol_for(programme, event.occurred_on)
                found[patient, programme, event.source] = release(
                    rules, versions[event.source], told=told.get(event.source, ()), assessed=assessed
                )
    return found


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
        due_from=state.due_from,
        due_rule=state.due_rule,
        warn_on=state.warn_on,
        limit_on=state.limit_on,
        owner=state.owner,
        closed_on=state.closed_on,
        outcome=state.outcome,
        detail=state.detail,
        needs=[{name: str(value) for name, value in need._asdict().items()} for need in state.needs],
        first_due_on=min((need.due_on for need in state.needs), default=None),
        district_on=min((need.district_on for need in state.needs), default=None),
        city_on=min((need.city_on for need in state.needs), default=None),
    )


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


def _results(
    observations: Mapping[str, Incoming],
    stored: rows.Known,
    placed: Placed,
    releases: Releases,
    people: Mapping[str, Person],
) -> tuple[list[dict[str, Any]], list[str], list[rows.Move], list[ResultRow]]:
    """(columns of the batch's results, Observations whose result is gone, moves of others, all as they are now)."""
    after: dict[str, ResultRow] = {}
    moves: list[rows.Move] = []
    for name, row in stored.results.items():
        if name not in observations:
            key = (row.patient, row.programme, f"Observation/{name}")
            after[name] = row._replace(episode=placed.get(key), **releases.get(key, UNKNOWN)._asdict())
            if after[name] != row:
                moves.append((name, after[name].episode, after[name].released_on, after[name].hold_until))
    written: list[dict[str, Any]] = []
    for name, item in observations.items():
        if item.fact and item.fact.result and item.patient:
            person = people.get(item.patient, NOBODY)
            row = _result_row(item, item.fact, item.patient, stored.results.get(name), placed, releases, person)
            after[name] = row
            columns = _result_columns(item, item.fact, item.fact.result, row, person)
            code = stored.codes.get(columns["facility_id"] or "", "")
            written.append(columns | {"facility_code": columns["facility_code"] or code})
    return written, [name for name in observations if name not in after], moves, list(after.values())


def _result_row(
    item: Incoming,
    fact: Fact,
    patient: str,
    old: ResultRow | None,
    placed: Placed,
    releases: Releases,
    person: Person,
) -> ResultRow:
    area = person.area
    if item.area is not None:
        area = item.area[0]
    elif old and old.patient == patient:
        area = old.area  # where the person lived when it was recorded first
    key = (patient, fact.programme, item.source)
    return ResultRow(
        item.source_id,
        patient,
        fact.programme,
        fact.data["test"],
        fact.occurred_on,
        area,
        placed.get(key),
        *releases.get(key, UNKNOWN),
    )


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
        "released_on": row.released_on,
        "hold_until": row.hold_until,
    }


def _age(programme: str, birth_date: date | None, on: date) -> int | None:
    return age_on(birth_date, on, protocol_for(programme, on).age_counted) if birth_date else None


def _cell(row: ResultRow | rows.Dated) -> rows.Cell:
    """What statistics must count again because of a result."""
    return (row.area, row.programme, row.test, row.collected_on.replace(day=1))
