"""What every result asks of the database is answered by an index, however many results there are."""

import pytest
from django.db import connection

from screening import intake


@pytest.mark.django_db
def test_whether_a_specimen_has_its_result_is_looked_up_in_the_index_of_specimens() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(f"EXPLAIN {intake._HELD}", [[0], ["o"], ["f"], ["S1"], ["fit"]])
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "using screening_result_specimen" in plan, plan
