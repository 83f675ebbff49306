"""What nobody did after the pilot was closed with a reason in the years since, but for a few who were forgotten.

An officer finds those in the failsafe: a few dozen in the whole city, as many as one can work off in an afternoon.
"""

from collections.abc import Collection
from datetime import date, timedelta
from random import Random
from typing import Final

from healthhub.accounts.actors import Actor
from screening.closings import Closing, close_rounds
from screening.demo import rates
from screening.demo.calendar import LAST
from screening.demo.places import Site
from screening.episodes import open_rounds
from screening.failsafe.closing import noted
from screening.models import Episode, EpisodeState
from screening.places import as_held

_PROOF: Final = {
    "done_elsewhere": "Phiếu kết quả của bệnh viện nơi làm, bản sao",
    "moved_away": "Xác nhận của công an phường",
}
_SECOND: Final = {"moved_away": "Trưởng trạm"}


def settle(patients: Collection[str], *, seed: str, actor: Actor) -> None:
    """Close the rounds of these people that are still open; those of the demo clinic are left to ``close_old_work``."""
    rng = Random(f"{seed}:settled")
    rounds = Episode.objects.filter(patient__in=patients).exclude(state=EpisodeState.CLOSED).order_by("patient", "id")
    closings = [
        _closing(episode, rng.choices(list(rates.REASONS), list(rates.REASONS.values()))[0], days=rng.randint(1, 240))
        for episode in rounds
        if rng.random() >= rates.LEFT_OPEN
    ]
    close_rounds(closings, actor=actor)


def close_old_work(clinic: Site, *, actor: Actor) -> None:
    """Close with a reason what the demo clinic still had open from 2017, but for one that was really forgotten.

    Otherwise its worklist of today would begin with pages of people who are nine years overdue.
    """
    reasons = list(rates.REASONS)
    old = as_held(open_rounds(clinic.id).filter(opened_on__lte=LAST))
    closings = [
        _closing(episode, reasons[number % len(reasons)], days=number) for number, episode in enumerate(old) if number
    ]
    close_rounds(closings, actor=actor)


def _closing(episode: Episode, reason: str, *, days: int) -> Closing:
    """``days`` after the step's last day."""
    last: date = episode.limit_on or LAST
    note = noted("", _PROOF.get(reason, ""), second=_SECOND.get(reason, ""))
    return Closing(episode, reason, last + timedelta(days=days), note)
