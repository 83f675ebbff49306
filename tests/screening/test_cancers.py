"""Cancers after screening: worked examples of how a diagnosis is read, and of the rates in bands of months."""

from datetime import date
from typing import Any

import pytest

from fhir import store
from healthhub.accounts.actors import SYSTEM
from records.models import Facility
from screening.failsafe.cancer_rates import cancer_rates
from screening.failsafe.cancers import months_between, rebuild_cases
from screening.models import CancerCase
from tests.screening.conftest import Sender, make_patient

pytestmark = pytest.mark.django_db


def diagnose(send: Sender, patient: str, on: str, *, code: str = "C18.7", **extra: Any) -> str:
    resource = {
        "resourceType": "Condition",
        "code": {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10", "code": code}]},
        "subject": {"reference": f"Patient/{patient}"},
        "onsetDateTime": on,
    }
    return store.save(resource | extra, actor=SYSTEM, facility=send.facility.pk).id


def case() -> tuple[str, str, int | None]:
    found = CancerCase.objects.get()
    return found.programme, found.mode, found.months_since


@pytest.mark.parametrize(
    ("on", "mode", "months"),
    [
        ("2024-06-06", "interval", 1),
        ("2025-05-05", "interval", 11),
        ("2025-05-06", "lapsed", 12),
        ("2027-04-30", "lapsed", 35),
    ],
)
def test_a_cancer_after_a_negative_is_an_interval_cancer_while_the_interval_runs(
    send: Sender, man: str, on: str, mode: str, months: int
) -> None:
    send.fit(man, "3", on="2024-05-06")
    diagnose(send, man, on)
    assert case() == ("colorectal", mode, months)


def test_a_cancer_after_a_positive_is_found_by_screening(send: Sender, man: str) -> None:
    send.fit(man, "3", on="2023-05-06")
    send.fit(man, "50", on="2024-05-06")
    diagnose(send, man, "2024-07-01")
    assert case() == ("colorectal", "screen_detected", 13)


def test_a_positive_that_nobody_followed_for_years_found_nothing(send: Sender, man: str) -> None:
    send.fit(man, "50", on="2020-05-06")
    diagnose(send, man, "2024-07-01")
    assert case() == ("colorectal", "not_followed", None)


def test_a_cancer_without_any_screening(send: Sender, man: str) -> None:
    diagnose(send, man, "2024-07-01", code="c20")
    assert case() == ("colorectal", "non_participant", None)


@pytest.mark.parametrize("code", ["C18", "C18.7", "C189", "C19", "C20"])
def test_codes_are_read_by_their_beginning(send: Sender, man: str, code: str) -> None:
    diagnose(send, man, "2024-07-01", code=code)
    assert CancerCase.objects.get().icd10 == code


@pytest.mark.parametrize("code", ["D12.6", "K63.5", "C1", "Z12.1"])
def test_other_diagnoses_are_no_case(send: Sender, man: str, code: str) -> None:
    diagnose(send, man, "2024-07-01", code=code)
    assert CancerCase.objects.count() == 0


def test_a_diagnosis_that_is_refuted_is_no_case(send: Sender, man: str) -> None:
    status = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
    refuted = {"coding": [{"system": status, "code": "refuted"}]}
    name = diagnose(send, man, "2024-07-01")
    assert CancerCase.objects.count() == 1
    diagnose(send, man, "2024-07-01", id=name, verificationStatus=refuted)
    assert CancerCase.objects.count() == 0


def test_two_conditions_of_one_cancer_are_one_case_from_the_first(send: Sender, man: str) -> None:
    diagnose(send, man, "2024-09-01")
    diagnose(send, man, "2024-07-01", code="C20")
    assert CancerCase.objects.get().diagnosed_on == date(2024, 7, 1)


def test_a_result_that_comes_late_changes_what_screening_said(send: Sender, man: str) -> None:
    diagnose(send, man, "2024-07-01")
    observation = send.fit(man, "3", on="2024-05-06")
    assert case() == ("colorectal", "interval", 1)
    send.fit(man, "50", on="2024-05-06", id=observation, status="corrected")
    assert case() == ("colorectal", "screen_detected", None)


def test_a_rebuild_gives_the_same_cases(send: Sender, man: str, woman: str) -> None:
    send.fit(man, "3", on="2024-05-06")
    diagnose(send, man, "2024-07-01")
    diagnose(send, woman, "2024-07-01")
    before = sorted(CancerCase.objects.values_list("patient", "mode", "diagnosed_on", "months_since", "last_negative"))
    rebuild_cases()
    after = CancerCase.objects.values_list("patient", "mode", "diagnosed_on", "months_since", "last_negative")
    assert sorted(after) == before


@pytest.mark.parametrize(
    ("first", "last", "months"),
    [
        (date(2024, 5, 6), date(2025, 5, 6), 12),
        (date(2024, 5, 6), date(2025, 5, 5), 11),
        (date(2024, 2, 29), date(2025, 2, 28), 12),
        (date(2024, 5, 31), date(2024, 6, 30), 1),
    ],
)
def test_months_are_counted_when_they_are_over(first: date, last: date, months: int) -> None:
    assert months_between(first, last) == months


def test_the_rate_of_each_band_is_that_of_screens_old_enough_for_it(send: Sender, station: Facility) -> None:
    """Ten screens three years old, of whom one had a cancer after 5 months and one after 30; ten of a year and a half
    ago, of whom one had a cancer after 13: 2 cancers... of 20 screens in the first band, by hand below."""
    people = [make_patient(station, name=f"Người {n}", gender="male", born="1960-03-12") for n in range(20)]
    for person in people[:10]:
        send.fit(person, "3", on="2021-01-10")
    for person in people[10:]:
        send.fit(person, "3", on="2022-08-10")
    diagnose(send, people[0], "2021-06-15")  # 5 months after
    diagnose(send, people[1], "2023-07-15")  # 30 months after
    diagnose(send, people[10], "2023-09-15")  # 13 months after, but those screens are not two years old yet
    (rates,) = [one for one in cancer_rates(date(2024, 2, 1)) if one.programme == "colorectal"]
    assert [(band.cancers, band.screens, band.per_thousand) for band in rates.bands] == [
        (1, 20, 50.0),
        (0, 10, 0.0),
        (1, 10, 100.0),
    ]
    assert (rates.cases, rates.interval) == (3, 1)


def test_a_band_without_screens_old_enough_is_not_calculable(send: Sender, man: str) -> None:
    send.fit(man, "3", on="2024-01-10")
    (rates,) = [one for one in cancer_rates(date(2025, 2, 1)) if one.programme == "colorectal"]
    assert [band.per_thousand for band in rates.bands] == [0.0, None, None]
