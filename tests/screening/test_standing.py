"""Who a programme is for and where each person stands, by one statement."""

from datetime import date

import pytest
from django.db import connection

from screening.protocol import protocol_for
from screening.recall.standing import compute_standings, make_table
from tests.screening.conftest import Sender

pytestmark = pytest.mark.django_db


def standing(programme: str, on: date) -> dict[str, dict]:
    make_table("fresh_standing")
    compute_standings(protocol_for(programme, on), on, into="fresh_standing")
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM fresh_standing")
        names = [column.name for column in cursor.description]
        return {row[0]: dict(zip(names, row, strict=True)) for row in cursor.fetchall()}


def test_somebody_never_screened_is_due_since_the_age_or_the_programme_began(man: str, woman: str) -> None:
    found = standing("colorectal", date(2024, 5, 6))
    assert found[man]["status"] == "overdue"
    assert found[man]["due_rule"] == "age:40"
    assert found[woman]["due_on"] == date(2020, 3, 12)


def test_a_negative_test_makes_screened_then_due_then_overdue(send: Sender, man: str) -> None:
    send.fit(man, "5", on="2024-05-06")
    assert [
        standing("colorectal", day)[man]["status"]
        for day in (date(2024, 5, 7), date(2025, 5, 5), date(2025, 5, 6), date(2025, 8, 4), date(2025, 8, 5))
    ] == ["screened", "screened", "due", "due", "overdue"]
