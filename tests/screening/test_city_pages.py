"""The department's overview: the report's own figures, whichever way they are asked for."""

import csv
import io
from datetime import date

import pytest
from django.test import Client

from healthhub.accounts.actors import Role
from healthhub.audit.models import AccessEntry
from records.models import Facility
from screening.overview import figures
from screening.statistics import cells
from screening.statistics.csvfiles import to_csv
from screening.statistics.report import Filters, report
from screening.trend import trend_chart
from tests.screening.clinic_room import signed_in
from tests.screening.conftest import Sender, make_patient

pytestmark = pytest.mark.django_db


@pytest.fixture
def officer() -> Client:
    return signed_in(Role.OFFICER)


@pytest.fixture
def results(send: Sender, station: Facility, woman: str) -> None:
    """FIT of two months in two districts, and one HPV."""
    values = [("2024-05-06", "50", "00175"), ("2024-05-07", "3", "00175"), ("2024-07-01", "3", "09568")]
    for number, (day, value, ward) in enumerate(values):
        person = make_patient(station, name=f"Lê Văn {number}", gender="male", born="1960-03-12", ward=ward)
        send.fit(person, value, on=day)
    send.fit(woman, None, on="2024-05-06", code="82675-0", valueString="Âm tính")
    cells.refresh()


def test_only_the_department_enters(station: Facility, man: str) -> None:
    outside = [signed_in(Role.CLINICIAN, station), signed_in(Role.CITIZEN, patient=man)]
    paths = ("/city/", "/city/districts.csv")
    assert [client.get(path).status_code for client in outside for path in paths] == [403] * 4
    assert signed_in(Role.ANALYST).get("/city/").status_code == 200


def test_the_page_shows_the_reports_figures(officer: Client, results: None) -> None:
    page = officer.get("/city/?test=fit")
    whole = report(Filters(programme="colorectal"))
    found = page.context["found"]
    assert found.total == whole.totals[0]
    assert [line.row for line in found.districts] == sorted(whole.districts, key=lambda row: row["area_name"])
    assert [line.row for line in found.months] == whole.trend
    assert (found.total["tested"], found.total["positive"]) == (3, 1)
    assert found.shares["positivity"].text == "33,3%"
    assert found.shares["positivity"].interval_text == "6,1–79,2%"
    assert "Mọi kết quả đã lưu đều được tính." in page.content.decode()


def test_months_and_test_narrow_all_figures(officer: Client, results: None) -> None:
    found = officer.get("/city/?test=fit&first=2024-06&last=2024-08").context["found"]
    assert (found.total["tested"], len(found.districts), len(found.months)) == (1, 1, 1)
    assert officer.get("/city/?test=hpv").context["found"].total["tested"] == 1


def test_the_file_holds_what_the_page_shows(officer: Client, results: None) -> None:
    answer = officer.get("/city/districts.csv?test=fit&first=2024-05&last=2024-05")
    asked = figures(test="fit", first=date(2024, 5, 1), last=date(2024, 5, 1))
    assert answer.content == to_csv(asked, "districts")
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    shown = officer.get("/city/?test=fit&first=2024-05&last=2024-05").context["found"].districts
    assert [(row["Quận, huyện"], row["Đã xét nghiệm"], row["Dương tính"]) for row in rows] == [
        (line.row["area_name"], str(line.row["tested"]), str(line.row["positive"])) for line in shown
    ]


def test_the_table_is_sorted_by_what_the_address_says(officer: Client, results: None) -> None:
    def tested(address: str) -> list[int]:
        return [line.row["tested"] for line in officer.get(address).context["found"].districts]

    assert tested("/city/?sort=tested&order=down") == [2, 1]
    assert tested("/city/?sort=tested&order=up") == [1, 2]


def test_changes_still_to_be_counted_are_told(officer: Client, results: None, send: Sender, man: str) -> None:
    send.fit(man, "3", on="2024-05-06")
    page = officer.get("/city/")
    assert page.context["found"].report.pending == 1
    assert "sẽ được tính vào trong vòng một phút" in page.content.decode()


def test_the_look_is_logged_and_names_no_patient(officer: Client, results: None) -> None:
    before = set(AccessEntry.objects.values_list("pk", flat=True))
    officer.get("/city/")
    officer.get("/city/districts.csv")
    entries = AccessEntry.objects.exclude(pk__in=before).order_by("pk")
    assert [(entry.action, entry.resource_type, entry.patient) for entry in entries] == [
        ("view", "Statistics", None),
        ("export", "Statistics", None),
    ]


def test_nothing_to_show_says_so(officer: Client) -> None:
    assert "Chưa có xét nghiệm nào trong khoảng này" in officer.get("/city/").content.decode()


@pytest.mark.parametrize("query", ["first=hôm-qua", "test=xray", "first=2024-08&last=2024-05"])
def test_a_filter_that_cannot_be_read_is_told(officer: Client, results: None, query: str) -> None:
    page = officer.get(f"/city/?{query}")
    assert page.status_code == 200
    assert page.context["form"].errors


def test_an_unknown_table_is_not_found(officer: Client) -> None:
    assert officer.get("/city/people.csv").status_code == 404


def row(month: date, tested: int, positive: int) -> dict[str, object]:
    share = positive / tested
    return {"month": month, "tested": tested, "positivity": share, "positivity_low": 0.0, "positivity_high": 1.0}


def test_a_silent_month_is_nought_and_a_long_silence_a_break() -> None:
    chart = trend_chart([row(date(2017, 3, 1), 4, 1), row(date(2017, 5, 1), 8, 1), row(date(2026, 10, 1), 2, 1)])
    assert chart
    assert [mark.bar_height > 0 for mark in chart.marks] == [True, False, True, True]
    assert [mark.point is None for mark in chart.marks] == [False, True, False, False]
    assert len(chart.breaks) == 1
    assert chart.silences == [(date(2017, 6, 1), date(2026, 9, 1))]
    assert chart.marks[2].x < chart.breaks[0] < chart.marks[3].x


def test_the_page_says_which_months_it_shows(officer: Client, results: None) -> None:
    months = [line.row["month"] for line in officer.get("/city/").context["found"].months]
    page = officer.get("/city/").content.decode()
    assert f"từ tháng {months[0]:%m/%Y} đến tháng {months[-1]:%m/%Y} (tất cả các tháng)." in page
    narrowed = officer.get("/city/?first=2024-06&last=2024-08")
    (only,) = narrowed.context["found"].months
    month = f"{only.row['month']:%m/%Y}"
    assert f"từ tháng {month} đến tháng {month}." in narrowed.content.decode()
