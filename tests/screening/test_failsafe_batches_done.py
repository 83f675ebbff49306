"""What a decision about many did is traceable person by person, undone whole, and goes on after a kill."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from fhir.outcomes import Refused
from healthhub.accounts.actors import Actor
from healthhub.accounts.models import User
from healthhub.audit.models import AccessEntry
from screening.closings import Closing, close_rounds
from screening.failsafe import batch_work
from screening.failsafe.batch_work import forgotten_batches, work_on
from screening.failsafe.batches import decide_batch, undo_batch
from screening.failsafe.closing import reopen_round
from screening.models import BatchedStep, Episode, EpisodeEvent, StepBatch
from screening.rebuild import rebuild
from tests.screening.batch_room import (
    CLOSED,
    ON,
    OPEN,
    PROOF,
    acting,
    an,
    backlog,
    binh,
    client_of,
    closing,
    finish,
    states,
)
from tests.screening.conftest import Sender

__all__ = ["an", "backlog", "binh"]
pytestmark = pytest.mark.django_db


# Every person stays traceable


def test_each_person_keeps_who_when_why_and_the_proof(backlog: list[str], an: User, binh: User) -> None:
    batch = closing(an, note="Đã gọi ba lần")
    decide_batch(batch_id=batch.pk, accepted=True, actor=acting(binh))
    finish(batch)
    assert BatchedStep.objects.filter(batch=batch, state="done").values("patient_id").distinct().count() == 30
    event = EpisodeEvent.objects.get(fact="closed", patient=backlog[7])
    assert (event.actor, event.occurred_on, event.data["reason"]) == (f"user:{binh.pk}", ON, "unreachable")
    told = f"Đã gọi ba lần\nBằng chứng: {PROOF}\nNgười đề nghị: Cán bộ An\nNgười xác nhận: Cán bộ Bình"
    assert event.data["note"] == told
    seen = AccessEntry.objects.filter(patient=backlog[7], resource_type="Episode").order_by("at")
    assert list(seen.values_list("actor_name", "action")) == [("Cán bộ An", "select"), ("Cán bộ Bình", "update")]


def test_a_later_result_opens_the_round_again(backlog: list[str], an: User, binh: User, send: Sender) -> None:
    batch = closing(an)
    decide_batch(batch_id=batch.pk, accepted=True, actor=acting(binh))
    finish(batch)
    send.fit(backlog[0], "80", on="2024-10-20", specimen="D1")
    assert Episode.objects.filter(patient=backlog[0]).latest("opened_on").state == "assessment_due"


def test_what_has_moved_on_meanwhile_is_left_alone_and_says_so(
    backlog: list[str], an: User, binh: User, send: Sender
) -> None:
    batch = closing(an)
    send.procedure(backlog[0], on="2024-09-01", outcome=_found("normal"))
    send.procedure(backlog[1], on="2024-09-01", outcome=_found("advanced-adenoma"))  # under surveillance now
    decide_batch(batch_id=batch.pk, accepted=True, actor=acting(binh))
    finish(batch)
    assert Episode.objects.get(patient=backlog[0]).outcome == "assessed"
    assert Episode.objects.get(patient=backlog[1]).step == "surveillance_colonoscopy"
    skipped = BatchedStep.objects.filter(batch=batch, state="skipped").order_by("id").values_list("patient_id", "why")
    assert set(skipped) == {(backlog[0], "gone"), (backlog[1], "gone")}
    page = client_of(an).get(f"/city/failsafe/batches/{batch.pk}/")
    assert (page.context["line"].done, page.context["line"].skipped) == (28, 2)


def test_what_neither_of_the_two_has_seen_is_not_closed(backlog: list[str], an: User, binh: User, send: Sender) -> None:
    """A new positive, a referral, a second sample of the same day: the step is the same, what is known is not."""
    batch = closing(an)
    send.fit(backlog[0], "300", on="2024-09-20", specimen="E1")
    send.referral(backlog[1], on="2024-09-20", due="2024-10-20")
    send.fit(backlog[2], "90", on="2024-05-06", specimen="E2")
    assert set(Episode.objects.values_list("step", flat=True)) == {"colonoscopy"}
    decide_batch(batch_id=batch.pk, accepted=True, actor=acting(binh))
    finish(batch)
    skipped = BatchedStep.objects.filter(batch=batch, state="skipped").values_list("patient_id", "why")
    assert set(skipped) == {(one, "changed") for one in backlog[:3]}
    assert Episode.objects.exclude(state="closed").count() == 3
    page = client_of(an).get(f"/city/failsafe/batches/{batch.pk}/")
    assert page.content.decode().count("có kết quả, giấy giới thiệu hoặc lần khám mới sau khi đề nghị") == 3


# Undoing, and going on after a kill


def test_undoing_gives_back_exactly_what_was(backlog: list[str], an: User, binh: User, clinician: Actor) -> None:
    before = {one.pk: (one.step, one.due_on, one.owner, one.needs) for one in Episode.objects.all()}
    batch = closing(an)
    decide_batch(batch_id=batch.pk, accepted=True, actor=acting(binh))
    finish(batch)
    reopen_round(episode=Episode.objects.get(patient=backlog[3]), why="Người nhà gọi lại", actor=clinician)
    with pytest.raises(Refused):
        undo_batch(batch_id=batch.pk, why=" ", actor=acting(an))
    client_of(an).post(f"/city/failsafe/batches/{batch.pk}/undo/", {"why": "Nhầm danh sách"})
    finish(batch)
    assert (batch.state, batch.undone_by_name) == ("undone", "Cán bộ An")
    assert {one.pk: (one.step, one.due_on, one.owner, one.needs) for one in Episode.objects.all()} == before
    assert BatchedStep.objects.filter(batch=batch, state="skipped").get().patient_id == backlog[3]
    rebuild()
    assert states() == OPEN


def test_a_worker_killed_between_chunks_loses_nothing_and_doubles_nothing(
    backlog: list[str], an: User, binh: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch_work, "CHUNK", 7)
    batch = closing(an)
    decide_batch(batch_id=batch.pk, accepted=True, actor=acting(binh))
    found = work_on(batch.pk, seconds=0)
    assert found
    assert (found.state, Episode.objects.filter(state="closed").count()) == ("queued", 7)
    assert forgotten_batches() == []  # somebody is at it
    StepBatch.objects.update(worked_at=timezone.now() - timedelta(minutes=2))
    assert forgotten_batches() == [batch.pk]
    finish(batch)
    assert (batch.state, EpisodeEvent.objects.filter(fact="closed").count(), states()) == ("done", 30, CLOSED)


def test_one_step_that_cannot_be_done_holds_up_nobody_else(
    backlog: list[str], an: User, binh: User, caplog: pytest.LogCaptureFixture
) -> None:
    """Data that a later version of ours cannot read, here a result without its category, is ours to mend."""
    batch = closing(an)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE screening_episodeevent DISABLE TRIGGER USER")
        cursor.execute("UPDATE screening_episodeevent SET data = data - 'category' WHERE patient_id = %s", [backlog[3]])
        cursor.execute("ALTER TABLE screening_episodeevent ENABLE TRIGGER USER")
    decide_batch(batch_id=batch.pk, accepted=True, actor=acting(binh))
    finish(batch)
    assert (batch.state, batch.steps.filter(state="done").count()) == ("done", 29)
    assert [(one.patient_id, one.why) for one in batch.steps.filter(state="skipped")] == [(backlog[3], "error")]
    assert [one.getMessage() for one in caplog.records if "failed" in one.getMessage()] == [
        f"Step {batch.steps.get(state='skipped').pk} of batch {batch.pk} failed: KeyError"
    ]
    assert "có lỗi khi làm" in client_of(an).get(f"/city/failsafe/batches/{batch.pk}/").content.decode()


def test_many_are_closed_in_as_many_statements_as_one(backlog: list[str], clinician: Actor) -> None:
    def cost(rounds: list[Episode]) -> int:
        with CaptureQueriesContext(connection) as queries:
            answers = close_rounds([Closing(one, "declined", ON) for one in rounds], actor=clinician)
        assert all(answer.event for answer in answers)
        return len(queries)

    rounds = list(Episode.objects.all())
    one = cost(rounds[:1])
    assert cost(rounds[1:29]) == one


def _found(finding: str) -> dict[str, Any]:
    local = "https://healthhub.example/fhir/CodeSystem/screening"
    return {"coding": [{"system": local, "code": finding}]}
