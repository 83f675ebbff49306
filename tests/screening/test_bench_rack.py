"""A rack of tubes on one page: good rows are saved, bad ones stay with their reason, nothing happens twice."""

from collections.abc import Sequence

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from healthhub.accounts.actors import Actor, Role
from records.models import Facility
from screening.models import Kit, ScreeningResult
from tests.screening.clinic_room import mark_in, signed_in
from tests.screening.conftest import make_patient
from tests.screening.test_bench import arrive
from tests.screening.test_laboratory_specimens import make_lot

pytestmark = pytest.mark.django_db
RACK = "/clinic/bench/rack/"


@pytest.fixture
def technician(station: Facility) -> Client:
    return signed_in(Role.LABORATORY, station)


def people(station: Facility, clinician: Actor, count: int) -> list[Kit]:
    lot = make_lot(station, quantity=100)
    names = [f"Nguyễn Văn {chr(65 + number)}" for number in range(count)]
    return [
        arrive(make_patient(station, name=name, gender="male", born=f"196{number % 10}-03-12"), station, clinician, lot)
        for number, name in enumerate(names)
    ]


def filled(rows: Sequence[tuple[str, str]], **changed: str) -> dict[str, str]:
    today = f"{timezone.localdate():%d/%m/%Y}"
    top = {"test": "fit", "unit": "ug/g", "kit": "", "cutoff": "", "collected_on": today, "resulted_on": today}
    cells = {}
    for number, (code, value) in enumerate(rows, 1):
        cells |= {f"barcode-{number}": code, f"value-{number}": value}
    return {**top, "size": "24", **cells, **changed}


def test_good_rows_are_saved_and_bad_ones_stay_with_their_reason(
    technician: Client, station: Facility, clinician: Actor
) -> None:
    first, second, third = people(station, clinician, 3)
    rows = [(first.barcode, "3"), (second.barcode, "nhiều"), ("NOBODY", "5"), (third.barcode, "48,6")]
    page = technician.post(RACK, filled(rows))
    assert [(row.state, row.fault_in) for row in page.context["rows"][:5]] == [
        ("ready", ""),
        ("bad", "value"),
        ("bad", "barcode"),
        ("ready", ""),
        ("empty", ""),
    ]
    assert ScreeningResult.objects.count() == 0
    page = technician.post(RACK, filled(rows, mark=mark_in(page.content)))
    assert page.context["saved"] == 2
    assert sorted(ScreeningResult.objects.values_list("specimen_id", "outcome")) == sorted(
        [(first.barcode, "negative"), (third.barcode, "positive")]
    )
    kept = [(row.barcode, row.value, row.state) for row in page.context["rows"][:4]]
    assert kept[1:3] == [(second.barcode, "nhiều", "bad"), ("NOBODY", "5", "bad")]


def test_a_rack_sent_twice_is_saved_once(technician: Client, station: Facility, clinician: Actor) -> None:
    rows = [(kit.barcode, "3") for kit in people(station, clinician, 2)]
    mark = mark_in(technician.post(RACK, filled(rows)).content)
    technician.post(RACK, filled(rows, mark=mark))
    page = technician.post(RACK, filled(rows, mark=mark))
    assert [row.state for row in page.context["rows"][:2]] == ["saved", "saved"]
    assert ScreeningResult.objects.count() == 2


def test_what_was_not_shown_is_not_saved(technician: Client, station: Facility, clinician: Actor) -> None:
    [kit] = people(station, clinician, 1)
    mark = mark_in(technician.post(RACK, filled([(kit.barcode, "3")])).content)
    page = technician.post(RACK, filled([(kit.barcode, "30")], mark=mark))
    assert (page.context["saved"], ScreeningResult.objects.count()) == (0, 0)
    assert page.context["rows"][0].word == "Dương tính"


def test_the_cutoff_of_the_rack_decides(technician: Client, station: Facility, clinician: Actor) -> None:
    [kit] = people(station, clinician, 1)
    words = [
        technician.post(RACK, filled([(kit.barcode, "12")], cutoff=cutoff)).context["rows"][0].word
        for cutoff in ("", "10")
    ]
    assert words == ["Âm tính", "Dương tính"]


@pytest.mark.parametrize(
    ("value", "cutoff", "state", "told"),
    [("300", "1000", "bad", 1), ("12", "10", "ready", 1), ("12", "15", "ready", 0), ("300", "", "ready", 0)],
)
def test_the_preview_says_what_the_cutoff_of_the_rack_does_to_each_tube(
    technician: Client, station: Facility, clinician: Actor, value: str, cutoff: str, state: str, told: int
) -> None:
    hidden, harmless = people(station, clinician, 2)
    page = technician.post(RACK, filled([(hidden.barcode, value), (harmless.barcode, "3")], cutoff=cutoff))
    rows = page.context["rows"][:2]
    assert [row.state for row in rows] == [state, "ready"]
    assert page.content.decode().count("Theo ngưỡng của quy trình:") == told
    assert page.content.decode().count("che mất một kết quả dương tính") == (state == "bad")


def test_words_are_read_like_numbers(technician: Client, station: Facility, clinician: Actor) -> None:
    kits = people(station, clinician, 3)
    rows = list(zip([kit.barcode for kit in kits], ["âm tính", "+", "mẫu hỏng"], strict=True))
    page = technician.post(RACK, filled(rows))
    assert [row.word for row in page.context["rows"][:3]] == ["Âm tính", "Dương tính", "Mẫu không đạt"]


def test_a_pasted_list_fills_the_rack(technician: Client, station: Facility, clinician: Actor) -> None:
    first, second = people(station, clinician, 2)
    page = technician.post(RACK, filled([], pasted=f"{first.barcode}\t3\n{second.barcode};48,6\n"))
    assert [(row.barcode, row.value, row.state) for row in page.context["rows"][:2]] == [
        (first.barcode, "3", "ready"),
        (second.barcode, "48,6", "ready"),
    ]


def test_a_tube_of_another_test_is_refused(technician: Client, station: Facility, clinician: Actor, woman: str) -> None:
    kit = arrive(woman, station, clinician, test="hpv")
    page = technician.post(RACK, filled([(kit.barcode, "3")]))
    assert page.context["rows"][0].fault == "Mẫu này là của xét nghiệm khác: HPV nguy cơ cao."


def test_one_tube_in_two_rows_is_refused(technician: Client, station: Facility, clinician: Actor) -> None:
    [kit] = people(station, clinician, 1)
    page = technician.post(RACK, filled([(kit.barcode, "3"), (kit.barcode, "30")]))
    assert [row.state for row in page.context["rows"][:2]] == ["ready", "bad"]


def test_statements_do_not_grow_with_the_rack(technician: Client, station: Facility, clinician: Actor) -> None:
    kits = people(station, clinician, 8)
    counts = []
    for size in (2, 8):
        with CaptureQueriesContext(connection) as queries:
            technician.post(RACK, filled([(kit.barcode, "3") for kit in kits[:size]]))
        counts.append(len(queries))
    assert counts[0] == counts[1]
