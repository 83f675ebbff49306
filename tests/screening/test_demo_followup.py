"""What became of the demo city's people: followed up, closed with a reason, or open these days."""

from collections.abc import Iterator
from datetime import date

import pytest
from django.test import override_settings
from pytest_django import DjangoDbBlocker

from screening.demo import rates
from screening.demo.load import load
from screening.demo.plan import Options
from screening.episodes import worklist
from screening.models import Episode, EpisodeEvent
from tests.database import taken_back

TODAY = date(2026, 11, 2)


@pytest.fixture(scope="module")
def loaded(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """A city large enough for shares, loaded once for all tests here."""
    with django_db_blocker.unblock(), override_settings(MEDIA_ROOT=tmp_path_factory.mktemp("media")), taken_back():
        assert load(Options(tests=2000, seed=1, districts=("005", "019", "268"), today=TODAY), processes=1)
        yield


@pytest.fixture
def city(loaded: None, db: None) -> None:
    """The city; what a test adds goes with it."""


def test_what_nobody_did_in_2017_was_closed_with_a_reason_but_for_a_few(city: None) -> None:
    """Or the failsafe would begin with a thousand people who are nine years overdue."""
    old = Episode.objects.filter(opened_on__year=2017)
    positives = old.filter(results__outcome="positive").distinct().count()
    assert positives > 100
    assert 1 <= old.exclude(state="closed").count() <= positives * 0.05
    closed = old.filter(outcome="closed")
    assert set(closed.values_list("detail", flat=True)) == set(rates.REASONS)
    said = EpisodeEvent.objects.filter(fact="closed")
    assert all(one.data["note"] for one in said if one.data["reason"] in ("done_elsewhere", "moved_away"))
    assessed = old.filter(outcome="assessed").count()
    assert assessed / positives == pytest.approx(rates.ASSESSED, abs=0.12)


def test_the_demo_clinics_worklist_is_about_today(city: None) -> None:
    days = [item.days for item in worklist("demo-01901", TODAY)]
    assert len([day for day in days if day < -1000]) == 1  # one of 2017 was forgotten
    now = [day for day in days if day >= -1000]
    assert [day for day in now if day < 14] == [-6, -5, 3, 4, 6]  # overdue, due these days
    assert 53 in now  # the demo citizen
    closed = Episode.objects.filter(owner="demo-01901", outcome="closed")
    assert closed.exists()
    assert {episode.closed_on.year for episode in closed if episode.closed_on} <= {2017, 2018, 2021}
