"""What every result asks of the database is answered by an index, however many results there are."""

import pytest
from django.db import connection

from screening import intake
from screening.models import ScreeningResult


@pytest.mark.django_db
def test_whether_a_specimen_has_its_result_is_looked_up_in_the_index_of_specimens() -> None:
    one = {"patient_id": "p", "facility_id": "f", "test": "fit", "collected_on": "2024-05-06", "version": 1}
    ScreeningResult.objects.bulk_create(
        ScreeningResult(observation_id=f"o{number}", specimen_id=f"S{number}", **one) for number in range(3000)
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE screening_screeningresult")
        cursor.execute(f"EXPLAIN {intake._HELD}", [[0], ["o"], ["f"], ["S1"], ["fit"]])
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "using screening_result_specimen" in plan, plan
