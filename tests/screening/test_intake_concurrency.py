"""Two writers of one person's results at the same moment: both count, neither works from half of the events."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection

from fhir.outcomes import Refused
from screening.models import Episode, EpisodeEvent, ScreeningResult


def at_once(*writes):
    """Run each in a thread and connection of its own, all started together; their answers or refusals."""
    start = Barrier(len(writes))

    def run(write):
        try:
            start.wait()
            return write()
        except Refused as refused:
            return refused.issues[0].code
        finally:
            connection.close()

    with ThreadPoolExecutor(len(writes)) as pool:
        return list(pool.map(run, writes))


@pytest.mark.django_db(transaction=True)
def test_results_written_at_the_same_moment_share_one_round(send, man):
    for turn in range(5):
        day = f"202{turn}-05-06"
        at_once(
            lambda day=day: send.fit(man, "50", on=day),
            lambda day=day: send.fit(man, "5", on=day),
            lambda day=day: send.procedure(man, on=day),
        )
    assert (ScreeningResult.objects.count(), EpisodeEvent.objects.count()) == (10, 15)
    assert [episode.outcome for episode in Episode.objects.order_by("opened_on")] == ["assessed"] * 5


@pytest.mark.django_db(transaction=True)
def test_one_specimen_sent_twice_at_the_same_moment_is_one_result(send, man):
    for turn in range(5):
        answers = at_once(*[lambda turn=turn: send.fit(man, "50", specimen=f"S{turn}")] * 2)
        assert [answer for answer in answers if answer in ("duplicate", "conflict")] != []
        assert ScreeningResult.objects.filter(specimen_id=f"S{turn}").count() == 1
