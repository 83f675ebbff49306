"""Folded rounds as rows, and when the person may see each result of them."""

from collections.abc import Mapping, Sequence
from uuid import uuid5

from screening.projection.incoming import NAMESPACE
from screening.projection.shapes import EpisodeRow, EventRow
from screening.protocol import EpisodeState, protocol_for
from screening.protocol.events import RESULT, OpenStep, WaivedStep, effective
from screening.protocol.release import Release, Version, assessed_on, release, told_of

Source = tuple[str, str, str]  # (patient, programme, source)
Placed = Mapping[Source, str]  # -> round
Releases = Mapping[Source, Release]


def episode_row(patient: str, programme: str, state: EpisodeState) -> EpisodeRow:
    """The round as it is stored."""
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
        needs=_texts(state.needs),
        waived=_texts(state.waived),
        first_due_on=min((need.due_on for need in state.needs), default=None),
        district_on=min((need.district_on for need in state.needs), default=None),
        city_on=min((need.city_on for need in state.needs), default=None),
        waived_on=max((step.on for step in state.waived), default=None),
    )


def _texts(steps: Sequence[OpenStep | WaivedStep]) -> list[dict[str, str]]:
    return [{name: str(value) for name, value in step._asdict().items()} for step in steps]


def releases_of(
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
