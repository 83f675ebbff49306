"""Ten years of a small city: the books balance every night, and nobody with a positive result is lost.

Here every tenth day has its night, so that each weekday comes; ``make simulate`` goes through each night of a city of
200,000.
"""

from datetime import date

import pytest

from screening.models import Balance, Invitation
from screening.recall.simulation import City

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_books_balance_every_night_for_ten_years() -> None:
    city = City(size=300, seed=7, first=date(2016, 11, 7))
    nights = 0
    for night in city.run(10, step=10, recount_every=13):
        nights += 1
        assert night.holds, night
    assert nights == 366
    assert Balance.objects.filter(programme="colorectal", on__gte=date(2026, 1, 1)).exists()
    assert {"responded", "nonresponder", "cancelled"} <= set(Invitation.objects.values_list("state", flat=True))
