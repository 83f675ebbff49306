"""Who acted on what a result said: they must be told when it is corrected."""

from collections.abc import Iterable
from typing import NamedTuple

from screening.models import Episode, EpisodeEvent, ScreeningResult
from screening.protocol.events import ASSESSED, CLOSED, CONTACTED, HANDED, REFERRED, RESULT

ACTS = (REFERRED, ASSESSED, CLOSED, HANDED, CONTACTED)


class Acted(NamedTuple):
    """A facility ("" if none is known) and the actor of the event by which it acted; ``fact`` says how."""

    facility: str
    actor: str
    fact: str
    source: str


def people_who_acted(about: Episode | ScreeningResult, *, before: int | None = None) -> list[Acted]:
    """Those who referred or were asked, assessed, closed, handed over or told; in order, none twice. One query.

    ``before``: only what was recorded before this version of the result (the correction).
    """
    episode = about.pk if isinstance(about, Episode) else about.episode_id
    rows = list(EpisodeEvent.objects.filter(patient=about.patient_id, programme__in=(about.programme, "")))
    if isinstance(about, ScreeningResult) and before is not None:
        source = ("Observation", about.observation_id)
        corrected = [
            row.recorded_at
            for row in rows
            if (row.source_type, row.source_id) == source and row.source_version >= before
        ]
        rows = [row for row in rows if not corrected or row.recorded_at < min(corrected)]
    return who_acted(rows, episode=str(episode))


def who_acted(events: Iterable[EpisodeEvent], *, episode: str) -> list[Acted]:
    """The same from events alone. What was taken back was acted on all the same."""
    rows = sorted(events, key=lambda row: (row.recorded_at, row.source_id, row.source_version))
    results = {
        f"{row.source_type}/{row.source_id}" for row in rows if row.fact == RESULT and str(row.episode_id) == episode
    }
    found: dict[tuple[str, str, str], Acted] = {}
    for row in rows:
        mine = str(row.episode_id) == episode or bool(results & set(row.data.get("about", ())))
        if row.fact not in ACTS or not mine or row.kind in ("withdrawn", "corrected"):
            continue
        acted = Acted(row.data.get("facility") or "", row.actor, row.fact, f"{row.source_type}/{row.source_id}")
        found.setdefault((acted.facility, acted.actor, acted.fact), acted)
        if row.fact == REFERRED and row.data.get("to"):
            asked = acted._replace(facility=row.data["to"], actor="")
            found.setdefault((asked.facility, asked.actor, asked.fact), asked)
    return list(found.values())
