"""The run of tonight, for the task queue."""

import time

from django.utils import timezone

from screening.models import RecallRun
from screening.recall.run import carry_on, start_run


def tonight() -> RecallRun:
    """Today's run of all programmes, new or as far as it has got."""
    return start_run(timezone.localdate())


def go_on(*, seconds: float) -> bool:
    """Work on today's run for so long; whether something is left.

    It begins the run if nobody has: a night on which the queue stood still is caught up in the morning.
    """
    until = time.monotonic() + seconds
    run = tonight()
    if run.finished_at is None:
        run = carry_on(run, stop=lambda: time.monotonic() > until)
    return run.finished_at is None
