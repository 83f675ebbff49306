"""Statistics cells follow every write, lose none, and equal a count of the stored resources."""

import json
import os
import subprocess
import sys
import threading
from collections import Counter
from datetime import date
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, connections, transaction

from fhir import hooks, store
from fhir.models import Resource
from healthhub.accounts.actors import SYSTEM
from records.models import Area
from screening.models import StaleCell, StatisticsCell, StatisticsCheck
from screening.protocol import find_test
from screening.statistics import cells
from screening.statistics.report import UNKNOWN, Filters, report, to_dict
from screening.statistics.stale import mark_stale
from tests.screening.conftest import Sender, make_facility, make_patient

pytestmark = pytest.mark.django_db


def counts(**where):
    """(tested, positive, negative, inadequate, unclassified, referred, assessed) over the cells that match."""
    names = ("tested", "positive", "negative", "inadequate", "unclassified", "referred", "assessed")
    found = StatisticsCell.objects.filter(**where).values_list(*names)
    return tuple(map(sum, zip(*found, strict=True))) if found else (0,) * 7


def stored_observations():
    """How many results of each test the store holds, counted from the resources themselves."""
    found = Counter()
    for text in Resource.objects.filter(type="Observation", deleted=False).values_list("content", flat=True):
        resource = json.loads(text)
        match = find_test(resource["code"]["coding"])
        if match and resource["status"] != "entered-in-error":
            found[match.test] += 1
    return dict(found)


def inadequate(send, patient, on="2024-05-06"):
    coding = [{"system": "http://snomed.info/sct", "code": "125154007"}]
    return send.fit(patient, None, code="29771-3", on=on, valueCodeableConcept={"coding": coding})


def test_a_result_is_counted_where_when_and_of_whom(send, man):
    send.fit(man, "25")
    cells.refresh()
    cell = StatisticsCell.objects.select_related("area").get()
    assert (cell.programme, cell.test, cell.month) == ("colorectal", "fit", date(2024, 5, 1))
    assert (cell.area.code, cell.sex, cell.age_band) == ("00175", "male", "60-64")
    assert counts() == (1, 1, 0, 0, 0, 0, 0)


@pytest.mark.parametrize(
    ("born", "band"), [("2004-05-07", "<20"), ("2004-05-06", "20-24"), ("1949-05-07", "70-74"), ("1949-05-06", "75+")]
)
def test_age_bands_change_on_the_birthday(send, station, born, band):
    send.fit(make_patient(station, name="Lê Văn An", gender="male", born=born), "3")
    cells.refresh()
    assert StatisticsCell.objects.get().age_band == band


def test_correction_withdrawal_and_deletion_move_the_counts(send, man):
    name = send.fit(man, "25")
    cells.refresh()
    send_again = send.observation(man, "5") | {"id": name, "status": "corrected"}
    store.save(send_again, actor=SYSTEM)
    cells.refresh()
    assert counts() == (1, 0, 1, 0, 0, 0, 0)
    store.save(send_again | {"status": "entered-in-error"}, actor=SYSTEM)
    cells.refresh()
    assert not StatisticsCell.objects.exists()
    other = send.fit(man, "5")
    store.delete(type="Observation", id=other, actor=SYSTEM)
    cells.refresh()
    assert not StatisticsCell.objects.exists()


def test_a_correction_of_the_day_empties_the_old_month(send, man):
    name = send.fit(man, "5", on="2024-05-06")
    cells.refresh()
    store.save(send.observation(man, "5", on="2024-06-02") | {"id": name, "status": "corrected"}, actor=SYSTEM)
    cells.refresh()
    assert (counts(month="2024-05-01")[0], counts(month="2024-06-01")[0]) == (0, 1)


def test_referral_and_assessment_count_in_the_month_of_the_positive(send, man, woman):
    send.fit(man, "25", on="2024-05-06")
    send.fit(woman, "3", on="2024-05-06")
    referral = send.referral(man, on="2024-06-01", due="2024-07-01")
    send.procedure(man, on="2024-08-10")
    cells.refresh()
    assert counts() == counts(month="2024-05-01") == (2, 1, 1, 0, 0, 1, 1)
    store.delete(type="ServiceRequest", id=referral, actor=SYSTEM)
    cells.refresh()
    assert counts() == (2, 1, 1, 0, 0, 0, 1)


def test_unknown_homes_have_a_bucket_of_their_own(send, station, man):
    elsewhere = [{"use": "home", "text": "Hải Phòng"}]
    stranger = make_patient(station, name="Lê Thị Xa", gender="female", born="1970-01-01", address=elsewhere)
    send.fit(stranger, "3")
    send.fit(man, "3")
    cells.refresh()
    found = {row["area"]: row["tested"] for row in report().districts}
    assert found == {UNKNOWN: 1, "005": 1}
    assert report(Filters(districts=(UNKNOWN,))).tested == 1


def test_refresh_counts_only_what_is_stale_and_twice_does_nothing(send, man):
    send.fit(man, "3")
    assert cells.refresh() == 1
    StatisticsCell.objects.update(tested=9, negative=9)
    assert cells.refresh() == 0
    assert counts()[0] == 9  # not looked at: nothing was stale
    mark_stale({(Area.objects.get(code="00175", valid_to__isnull=False).pk, "colorectal", "fit", date(2024, 5, 1))})
    assert cells.refresh() == 1
    assert counts()[0] == 1


def test_a_refresh_that_breaks_off_leaves_notes_and_cells(send, man, monkeypatch):
    send.fit(man, "3")
    monkeypatch.setattr(cells, "_COUNT_AREAS", "SELECT 1/0")
    with pytest.raises(DatabaseError), transaction.atomic():
        cells.refresh()
    monkeypatch.undo()
    assert StaleCell.objects.exists()
    cells.refresh()
    assert counts()[0] == 1


def test_the_nightly_check_finds_stores_and_mends_differences(send, man, woman, caplog):
    send.fit(man, "25")
    send.fit(woman, "3")
    cells.refresh()
    assert cells.rebuild_and_compare().differences == 0
    StatisticsCell.objects.filter(sex="male").update(tested=5, positive=5)
    StatisticsCell.objects.filter(sex="female").delete()
    check = cells.rebuild_and_compare()
    assert (check.cells, check.differences) == (2, 2)
    by_sex = {detail["sex"]: (detail["kept"], detail["counted"]["tested"]) for detail in check.details}
    assert by_sex["female"] == (None, 1)
    assert (by_sex["male"][0]["tested"], by_sex["male"][1]) == (5, 1)
    assert counts() == (2, 1, 1, 0, 0, 0, 0)
    assert "differed" in caplog.text
    assert StatisticsCheck.objects.count() == 2


def test_a_pending_note_is_no_difference(send, man):
    send.fit(man, "25")
    with connection.cursor() as cursor:
        cursor.execute(cells._COMPARE)
        assert cursor.fetchall() == []


def test_a_full_rebuild_gives_the_same_cells(send, man, woman):
    send.fit(man, "25")
    taken_back = send.referral(man, on="2024-06-01", due="2024-07-01")
    store.delete(type="ServiceRequest", id=taken_back, actor=SYSTEM)
    send.procedure(man, on="2024-06-11")
    inadequate(send, woman)
    cells.refresh()
    names = [field.name for field in StatisticsCell._meta.fields if field.name != "id"]
    before = sorted(StatisticsCell.objects.values_list(*names), key=str)
    hooks.run_rebuild()
    assert sorted(StatisticsCell.objects.values_list(*names), key=str) == before != []
    assert not StaleCell.objects.exists()


def test_the_report_equals_a_count_of_the_stored_resources(send, man, woman):
    send.fit(man, "25", on="2024-05-06")
    send.fit(man, "5", on="2025-05-07")
    inadequate(send, woman)
    withdrawn = send.fit(woman, "5", on="2024-07-01")
    in_error = {"id": withdrawn, "status": "entered-in-error"}
    store.save(send.observation(woman, "5", on="2024-07-01") | in_error, actor=SYSTEM)
    via = {"code": {"coding": [{"system": "https://healthhub.example/fhir/CodeSystem/screening", "code": "via"}]}}
    negative = [{"system": "http://snomed.info/sct", "code": "260385009"}]
    seen = send.observation(woman, None) | via | {"valueCodeableConcept": {"coding": negative}}
    store.save(seen, actor=SYSTEM, facility=send.facility.pk)
    cells.refresh()
    found = report()
    assert {row["test"]: row["tested"] for row in found.totals} == stored_observations() == {"fit": 3, "via": 1}
    assert found.tested == 4
    for table in (found.programmes, found.totals, found.trend, found.districts, found.groups):
        assert sum(row["tested"] for row in table) == 4


def test_filters_narrow_all_tables(send, station, man):
    send.fit(man, "25", on="2024-05-06")
    send.fit(man, "5", on="2025-05-07")
    far = make_patient(station, name="Lê Thị Xa", gender="female", born="1970-01-01", ward="09538")  # Hà Đông
    send.fit(far, "5", on="2024-05-31")
    cells.refresh()
    assert [(f"{row['month']:%m/%Y}", row["tested"]) for row in report().trend] == [("05/2024", 2), ("05/2025", 1)]
    may = Filters("colorectal", date(2024, 5, 20), date(2024, 5, 21))  # whole months
    assert report(may).tested == 2
    assert report(Filters(programme="cervical")).tested == 0
    assert [row["area_name"] for row in report(Filters(districts=("268",))).districts] == ["Quận Hà Đông"]


def test_a_ward_of_the_new_map_stands_for_itself(send, station):
    address = {"use": "home", "period": {"start": "2025-07-02"}, "extension": [
        {"url": "http://fhir.hl7.org.vn/core/StructureDefinition/vn-ext-ward", "valueCoding": {"code": "00166"}}
    ]}  # fmt: skip
    person = make_patient(station, name="Lê An", gender="male", born="1970-01-01", address=[address])
    send.fit(person, "5", on="2025-08-01")
    cells.refresh()
    assert [(row["area"], row["area_kind"]) for row in report().districts] == [("00166", "ward")]


def test_the_command_prints_the_report_itself(send, man):
    send.fit(man, "25")
    out = StringIO()
    call_command("statistics", "--json", "--programme", "colorectal", stdout=out)
    assert json.loads(out.getvalue()) == json.loads(json.dumps(to_dict(report(Filters("colorectal")))))
    assert json.loads(out.getvalue())["tested"] == 1
    table = StringIO()
    call_command("statistics", stdout=table)
    assert "colorectal fit Quận Cầu Giấy" in table.getvalue()


def test_no_pandas_until_a_report_is_made():
    code = (
        "import django, sys; django.setup(); import screening.tasks, screening.imports.batches, "
        "screening.statistics.report, screening.statistics.csvfiles; "
        "sys.exit('pandas' in sys.modules or 'openpyxl' in sys.modules)"
    )
    environment = {"DJANGO_SETTINGS_MODULE": "healthhub.settings", "HEALTHHUB_NO_SERVICES": "1"}
    assert subprocess.run([sys.executable, "-c", code], env=os.environ | environment, check=False).returncode == 0


@pytest.mark.django_db(transaction=True)
def test_a_write_that_commits_around_a_refresh_is_never_lost():
    """Writers commit while refreshes run on another connection; at the end every cell equals a count."""
    from records.areas import load_areas

    load_areas()
    send = Sender(make_facility("01901", "Trạm y tế Dịch Vọng"))
    people = [make_patient(send.facility, name=f"Lê Văn {n}", gender="male", born="1960-01-01") for n in range(6)]
    stop = threading.Event()
    errors = []

    def refreshing():
        try:
            while not stop.is_set():
                cells.refresh()
        except Exception as error:
            errors.append(error)
        finally:
            connections.close_all()

    def writing(patient):
        try:
            for day in range(1, 11):
                send.fit(patient, "25" if day % 2 else "5", on=f"2024-05-{day:02d}")
        except Exception as error:
            errors.append(error)
        finally:
            connections.close_all()

    refresher = threading.Thread(target=refreshing)
    refresher.start()
    writers = [threading.Thread(target=writing, args=[patient]) for patient in people]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    stop.set()
    refresher.join()
    assert errors == []
    cells.refresh()
    assert counts()[:3] == (60, 30, 30)
    assert cells.rebuild_and_compare().differences == 0


@pytest.mark.django_db(transaction=True)
def test_an_uncommitted_write_is_left_to_the_next_refresh():
    from records.areas import load_areas

    load_areas()
    send = Sender(make_facility("01901", "Trạm y tế Dịch Vọng"))
    patient = make_patient(send.facility, name="Lê Văn An", gender="male", born="1960-01-01")
    refreshed = []

    def refresh():
        refreshed.append((cells.refresh(), counts()[0]))
        connections.close_all()

    with transaction.atomic():
        send.fit(patient, "5")
        other = threading.Thread(target=refresh)
        other.start()
        other.join()  # does not wait for the writer, and does not take its note
    assert refreshed == [(0, 0)]
    assert cells.refresh() == 1
    assert counts()[0] == 1
