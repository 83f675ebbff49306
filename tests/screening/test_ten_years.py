"""Ten years of a small city: the books balance every night, and nobody with a positive result is lost."""

from datetime import date

import pytest

from screening.models import Balance, Invitation
from screening.recall.simulation import City

pytestmark = pytest.mark.django_db


def test_the_books_balance_every_night_for_ten_years() -> None:
    city = City(size=800, seed=7, first=date(2016, 11, 7))
    nights = 0
    for night in city.run(10, step=28, check_every=3):
        nights += 1
        assert night.differences == 0, night
        assert night.lost == [], night.lost
        assert {key: night.eligible.get(key, 0) for key in night.known} == night.known, night
    assert nights == 131
    assert Balance.objects.filter(programme="colorectal", on__gte=date(2026, 1, 1)).exists()
    assert {"responded", "nonresponder", "cancelled"} <= set(Invitation.objects.values_list("state", flat=True))
