"""A worker that is killed in the middle of a file loses nothing and does nothing twice."""

import time
from collections import Counter
from io import BytesIO

import pytest
from pytest_django.live_server_helper import LiveServer

from fhir.models import Resource, ResourceVersion
from healthhub.accounts.actors import Role
from healthhub.accounts.models import User
from healthhub.audit.models import AccessEntry
from records.memberships import actor_for_user
from records.models import Citizen, Membership
from screening.imports.batches import approve_batch
from screening.imports.uploads import send, upload
from screening.models import BatchState, ImportBatch, ScreeningResult, StagedRow
from screening.statistics.report import report
from tests.journeys.celery_programs import CeleryPrograms, wait_for
from tests.screening.conftest import make_facility
from tests.screening.importing import csv_text, person

ROWS = 2500


@pytest.fixture
def batch(live_server: LiveServer, celery_programs: CeleryPrograms) -> ImportBatch:
    """An uploaded file, every hundredth row of which is bad."""
    station = make_facility("01901", "Trạm y tế Dịch Vọng")
    user = User.objects.create_user("viet@example.vn", name="KTV Phạm Quốc Việt")
    Membership.objects.create(user=user, role=Role.LABORATORY.value, facility=station)
    actor = actor_for_user(user)
    assert actor
    rows = [person(number, result="nhiều" if number % 100 == 0 else "12,5") for number in range(1, ROWS + 1)]
    return upload(file=BytesIO(csv_text(rows).encode()), filename="tháng 5.csv", uploader=user, actor=actor)


def test_every_row_is_there_once_although_the_worker_was_killed_while_reading_and_while_storing(
    batch: ImportBatch, celery_programs: CeleryPrograms
) -> None:
    celery_programs.start("worker", "beat")
    begun = wait_for(lambda: ImportBatch.objects.filter(pk=batch.pk, processed__gt=0).first(), seconds=180, every=0.02)
    assert begun, celery_programs.said()
    time.sleep(0.1)  # into the next chunk, which is then half done
    celery_programs.kill("worker")
    batch.refresh_from_db()
    assert batch.state == BatchState.READING
    assert 0 < batch.processed < ROWS
    assert StagedRow.objects.filter(batch=batch).count() == batch.processed
    assert not ScreeningResult.objects.exists(), "nobody has approved anything"

    celery_programs.start("worker")
    read = wait_for(lambda: ImportBatch.objects.filter(pk=batch.pk, state=BatchState.REVIEW).first(), seconds=180)
    assert read, celery_programs.said()
    good = ROWS - ROWS // 100
    assert (read.processed, read.new, read.failed) == (ROWS, good, ROWS // 100)
    assert StagedRow.objects.filter(batch=batch).count() == ROWS

    assert read.uploader
    actor = actor_for_user(read.uploader)
    assert actor
    approve_batch(batch=read, kinds=["new"], approver=read.uploader, actor=actor)
    send(read)
    begun = wait_for(lambda: ImportBatch.objects.filter(pk=batch.pk, handled__gt=0).first(), seconds=180, every=0.02)
    assert begun, celery_programs.said()
    time.sleep(0.2)
    celery_programs.kill("worker")
    batch.refresh_from_db()
    assert batch.state == BatchState.STORING
    assert 0 < batch.handled < ROWS
    assert ScreeningResult.objects.count() == batch.stored

    celery_programs.start("worker")
    done = wait_for(lambda: ImportBatch.objects.filter(pk=batch.pk, state=BatchState.DONE).first(), seconds=180)
    assert done, celery_programs.said()
    assert (done.stored, done.new, done.failed) == (good, good, ROWS // 100)
    assert (done.corrected, done.unchanged, done.repeated, done.close, done.nobody) == (0, 0, 0, 0, 0)
    specimens = Counter(ScreeningResult.objects.values_list("specimen_id", flat=True))
    assert specimens == Counter(f"S{number:03d}" for number in range(1, ROWS + 1) if number % 100)
    assert Citizen.objects.count() == good
    assert Resource.objects.filter(type="Observation").count() == good
    assert not ResourceVersion.objects.exists(), "nothing was written a second time"
    assert AccessEntry.objects.filter(resource_type="Observation", action="create").count() == good
    counted = wait_for(lambda: ((found := report()).pending == 0 and found) or None, seconds=180)
    assert counted, celery_programs.said()
    assert counted.tested == good
