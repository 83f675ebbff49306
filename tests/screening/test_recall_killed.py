"""A night's run whose process is killed outright, again and again, ends as one that nobody disturbed."""

import os
import signal
import subprocess
import sys
import time
from datetime import date
from typing import Any

import pytest
from django.conf import settings
from django.db import transaction

from records.models import Facility
from screening.models import Balance, Invitation, Message, RecallRun, Standing
from screening.recall.run import carry_on, start_run
from tests.screening.conftest import Sender, make_patient

pytestmark = pytest.mark.django_db(transaction=True)
ON = date(2026, 3, 2)


STANDING = ("patient_id", "programme", "status", "due_on", "due_rule", "looks_on", "call_on")
INVITATION = ("patient_id", "programme", "due_on", "kind", "state", "planned_on", "sent_on")


def rows() -> list[list[tuple[Any, ...]]]:
    """All that a night leaves, without numbers and times."""
    books = ("programme", "area_id", "eligible", "screened", "due", "overdue", "missing", "surplus", "unclear")
    return [
        sorted(found, key=repr)
        for found in (
            Standing.objects.values_list(*STANDING),
            Invitation.objects.values_list(*INVITATION),
            Message.objects.values_list("patient_id", "programme", "kind", "channel", "state"),
            Balance.objects.values_list(*books),
        )
    ]


def killed_after(steps: int) -> bool:
    """Start a process on the run, and kill it when so many steps are done; False if it was done before."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.screening.recall_process", f"{ON}"],
        cwd=settings.BASE_DIR,
        env={**os.environ, "HEALTHHUB_TEST_DATABASE": settings.DATABASES["default"]["NAME"]},
    )
    try:
        while process.poll() is None:
            run = RecallRun.objects.filter(on=ON).first()
            if run is not None and len(run.done) >= steps:
                process.kill()
            time.sleep(0.01)
    finally:
        process.kill()
    return process.wait() == -signal.SIGKILL


def test_a_run_killed_again_and_again_ends_as_one_that_nobody_disturbed(station: Facility, send: Sender) -> None:
    for number in range(30):
        born = date(1940 + 2 * number, 5, 5)
        one = make_patient(station, name="Người", gender=["male", "female"][number % 2], born=f"{born}")
        if number % 3 == 0:
            send.fit(one, "5", on="2025-03-20")
    with transaction.atomic():
        carry_on(start_run(ON))
        undisturbed = rows()
        transaction.set_rollback(True)
    assert not RecallRun.objects.exists()
    assert [killed_after(steps) for steps in (4, 25)] == [True, True]
    run = RecallRun.objects.get(on=ON)
    assert 25 <= len(run.done) < len(run.steps)
    run = carry_on(run)
    assert run.percent == 100
    assert rows() == undisturbed
    carry_on(start_run(ON))
    assert rows() == undisturbed
    assert all(undisturbed)
