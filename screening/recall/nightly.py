"""The run of tonight, for the task queue."""

import time
from datetime import date

from django.utils import timezone

from screening.models import RecallRun
from screening.recall.run import carry_on, start_run


def tonight() -> RecallRun:
    """Today's run of all programmes, new or as far as it has got."""
    return start_run(timezone.localdate())


def go_on(*, seconds: float, on: date | None = None) -> bool:
    """Work on the unfinished runs of a day for so long; whether something is left."""
    until = time.monotonic() + seconds
    day = on or timezone.localdate()
    for run in RecallRun.objects.filter(on=day, finished_at__isnull=True).order_by("id"):
        carry_on(run, stop=lambda: time.monotonic() > until)
    return RecallRun.objects.filter(on=day, finished_at__isnull=True).exists()
