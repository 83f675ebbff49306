"""When the next round is, wherever a page tells it: by the version in force now, and by what was decided since."""

from collections.abc import Iterable
from datetime import date

from screening.models import Episode, EpisodeState, Standing, Status


def with_next_dates(patient: str, episodes: Iterable[Episode | None]) -> None:
    """Give a person's closed rounds, as they are in memory, the date of her standing. One query.

    A round keeps the version by which it began, and the date counted by it; the standing counts anew from it. Who is
    not called any more keeps the round's.
    """
    found = Standing.objects.filter(patient_id=patient, due_on__isnull=False).exclude(status=Status.CEASED)
    dates: dict[str, date | None] = {}
    for inputs, due_on in found.values_list("inputs", "due_on"):
        dates[inputs.get("episode", "")] = due_on
    for episode in episodes:
        if episode is not None and episode.state == EpisodeState.CLOSED:
            episode.due_on = dates.get(str(episode.pk), episode.due_on)
