"""The demo clinic's rooms: each has something true in it, whatever the demo's present day is."""

from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from django.db.models import Sum
from django.test import override_settings
from pytest_django import DjangoDbBlocker

from healthhub.accounts.models import User
from records.memberships import actor_for_user
from screening.demo import present
from screening.demo.load import load
from screening.demo.plan import Options
from screening.laboratory.alarms import kits_out, late, unread
from screening.laboratory.candidates import candidates_for
from screening.laboratory.matching import unmatched
from screening.laboratory.releasing import to_tell
from screening.laboratory.verifying import to_verify
from screening.models import (
    Assignment,
    Balance,
    CancerCase,
    ContactAttempt,
    Decision,
    Episode,
    FailsafeRun,
    Invitation,
    KitLot,
    LetterBatch,
    Message,
    RecallRun,
    Standing,
)
from tests.database import taken_back

TODAY = date(2026, 11, 2)
CLINIC = "demo-01901"


@pytest.fixture(scope="module")
def loaded(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """The city, loaded once for all tests here."""
    with django_db_blocker.unblock(), override_settings(MEDIA_ROOT=tmp_path_factory.mktemp("media")), taken_back():
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(present, "recent_count", lambda tests: present.RECENT_TESTS)
            assert load(Options(tests=120, seed=1, districts=("005",), today=TODAY), processes=1)
        yield


@pytest.fixture
def city(loaded: None, db: None) -> None:
    """The city; what a test adds goes with it."""


def open_rounds() -> set[tuple[str, str]]:
    return set(
        Episode.objects.filter(patient__patient_id__contains="-r00")
        .exclude(state="closed")
        .values_list("patient", "step")
    )


def test_the_bench_has_kits_samples_and_results_that_wait(city: None) -> None:
    assert list(KitLot.objects.order_by("expires_on").values_list("lot", flat=True)) == [
        "OC2505-C",
        "OC2602-B",
        "OC2611-A",
    ]
    assert KitLot.objects.filter(expires_on__lt=TODAY).count() == 1
    assert kits_out(CLINIC).count() == 3
    assert unread(CLINIC).count() == 4
    assert [late(found, TODAY).count() for found in (kits_out(CLINIC), unread(CLINIC))] == [1, 1]
    assert [result.test for result in to_verify(CLINIC)] == ["afp"]
    assert [result.test for result in to_tell(CLINIC)] == ["cytology"]


def test_results_of_nobody_have_candidates(city: None) -> None:
    actor = actor_for_user(User.objects.get(email__startswith="laboratory"))
    assert actor
    rows = list(unmatched(CLINIC))
    assert [row.reason for row in rows] == ["specimen_unknown", "person_differs"]
    assert all(candidates_for(row.fields, actor=actor, reason="test") for row in rows)


def test_one_chain_is_complete_and_two_wait_on_the_way(city: None) -> None:
    assert open_rounds() >= {
        ("demo1-01901-r00101", "colonoscopy_after_cancer"),
        ("demo1-01901-r00102", "histology"),
        ("demo1-01901-r00103", "mdt"),
    }
    cases = dict(CancerCase.objects.values_list("patient", "mode"))
    assert cases == {
        "demo1-01901-r00101": "screen_detected",
        "demo1-01901-r00103": "screen_detected",
        "demo1-01901-r00104": "interval",
    }


def test_some_are_not_called_and_one_of_them_is_to_be_looked_at_again(city: None) -> None:
    kinds = dict(Decision.objects.values_list("kind", "review_on"))
    assert kinds == {"defer": None, "cease": TODAY - timedelta(days=4), "opt_out": None}
    assert Standing.objects.get(patient="demo1-01901-r00301", programme="colorectal").status == "deferred"


def test_a_night_was_run(city: None) -> None:
    run = RecallRun.objects.get()
    assert (run.on, run.finished_at is None) == (TODAY, False)
    assert Invitation.objects.filter(state="sent").count() == Message.objects.count() > 0
    balance = Balance.objects.aggregate(*map(Sum, ("eligible", "missing", "surplus", "unclear")))
    assert balance["eligible__sum"] > 0
    assert (balance["missing__sum"], balance["surplus__sum"], balance["unclear__sum"]) == (0, 0, 0)
    assert LetterBatch.objects.filter(facility=CLINIC, stage="ready").exists()
    assert FailsafeRun.objects.get().run_on == TODAY


def test_somebody_has_the_oldest_new_step_in_hand(city: None) -> None:
    taken = Assignment.objects.get()
    assert taken.assignee
    assert taken.assignee.email.startswith("clinician")
    assert ContactAttempt.objects.filter(episode=taken.episode_id).count() == 2
