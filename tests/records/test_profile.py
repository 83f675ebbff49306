"""A person's record on a page, and who has looked at it."""

import json
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone, translation

from healthhub.accounts.actors import Actor, Role
from healthhub.accounts.models import User
from healthhub.audit.models import AccessEntry
from records.display import read_entry, read_value, read_when
from records.profile import Profile, profile, who_looked
from tests.records.conftest import Write, glucose

pytestmark = pytest.mark.django_db


@pytest.fixture
def person(patient: Write, clinic: Actor) -> str:
    return patient("Nguyễn Thị Hoa", by=clinic)


def lines(result: Profile) -> dict[str, list[str]]:
    return {group.key: [entry.title for entry in group.entries] for group in result.groups}


def test_the_record_is_grouped_and_newest_first(write: Write, person: str, clinic: Actor) -> None:
    subject = {"subject": {"reference": f"Patient/{person}"}}
    write("Observation", by=clinic, **glucose(person, effectiveDateTime="2016", valueString="cũ"))
    write(
        "Observation",
        by=clinic,
        **glucose(person, effectiveDateTime="2017-05-04", valueQuantity={"value": Decimal("5.50"), "unit": "mmol/L"}),
    )
    write("Condition", by=clinic, code={"text": "Tăng huyết áp"}, onsetDateTime="2015-02", **subject)
    write(
        "MedicationRequest",
        by=clinic,
        status="active",
        intent="order",
        medicationCodeableConcept={"coding": [{"display": "Amlodipine 5 mg"}]},
        **subject,
    )

    with translation.override("vi"):
        result = profile(person, actor=clinic)
        observations = [(entry.when, entry.value, str(entry.status)) for entry in result.groups[-1].entries]
    assert result.citizen.full_name == "Nguyễn Thị Hoa"
    assert lines(result) == {
        "conditions": ["Tăng huyết áp"],
        "medication": ["Amlodipine 5 mg"],
        "observations": ["Glucose", "Glucose"],
    }
    assert observations == [("04/05/2017", "5,50 mmol/L", "kết quả cuối cùng"), ("2016", "cũ", "kết quả cuối cùng")]
    assert {entry.facility for group in result.groups for entry in group.entries} == {"Trạm y tế Hòa Bình"}


def test_what_was_entered_in_error_or_is_shown_elsewhere_is_left_out(write: Write, person: str, clinic: Actor) -> None:
    write("Observation", by=clinic, **glucose(person) | {"status": "entered-in-error"})
    write("Observation", by=clinic, **glucose(person))

    assert lines(profile(person, actor=clinic)) == {"observations": ["Glucose"]}
    assert lines(profile(person, actor=clinic, without_codes=["http://loinc.org|2345-7"])) == {}


def test_the_author_is_named(write: Write, person: str, hoa_binh: str, clinic: Actor) -> None:
    user = User.objects.create_user("bs@healthhub.example", name="Bác sĩ Ánh")
    doctor = Actor(f"user:{user.pk}", user.name, Role.CLINICIAN, facility=hoa_binh)
    write("Observation", by=doctor, **glucose(person))

    assert profile(person, actor=clinic).groups[0].entries[0].author == "Bác sĩ Ánh"


def test_a_stranger_and_a_wrong_id_get_the_same_answer_and_leave_no_view(person: str, stranger: Actor) -> None:
    for id_ in (person, "nobody"):
        with pytest.raises(PermissionDenied):
            profile(id_, actor=stranger)
        with pytest.raises(PermissionDenied):
            who_looked(id_, actor=stranger)
    assert not AccessEntry.objects.filter(action="view").exists()


def test_a_long_record_takes_as_many_statements_as_a_short_one(write: Write, person: str, clinic: Actor) -> None:
    def statements() -> int:
        with CaptureQueriesContext(connection) as queries:
            profile(person, actor=clinic)
        return len(queries)

    write("Observation", by=clinic, **glucose(person))
    short = statements()
    for _ in range(60):
        write("Observation", by=clinic, **glucose(person))

    assert statements() == short
    group = profile(person, actor=clinic).groups[0]
    assert (group.more, 50 <= len(group.entries) < 61) == (True, True)


def test_the_citizen_sees_who_looked_by_day_and_person(person: str, clinic: Actor) -> None:
    citizen = Actor("user:3", "Hoa", Role.CITIZEN, patient=person)
    profile(person, actor=clinic)
    profile(person, actor=clinic)
    profile(person, actor=citizen)

    looks = who_looked(person, actor=citizen)
    assert [(look.day, look.name, look.role, look.facility, look.actions, look.times) for look in looks] == [
        (timezone.localdate(), "Hoa", "citizen", "", ["view"], 1),
        (timezone.localdate(), clinic.name, "client", "Trạm y tế Hòa Bình", ["create", "view"], 3),
    ]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("2017", "2017"),
        ("2017-05", "05/2017"),
        ("2017-05-04", "04/05/2017"),
        ("2017-05-04T23:30:00Z", "05/05/2017"),
        ("2017-05-04T23:30:00.123456789+07:00", "04/05/2017"),
        ({"start": "2017-05-04T08:00:00+07:00"}, "04/05/2017"),
        ({}, ""),
        (None, ""),
    ],
)
def test_dates_are_shown_as_exact_as_they_are_by_vietnams_clock(text: Any, shown: str) -> None:
    assert read_when(text) == shown


@pytest.mark.parametrize(
    ("elements", "shown"),
    [
        ('{"valueQuantity": {"value": 12.500, "comparator": "<", "unit": "ng/mL"}}', "<12,500 ng/mL"),
        ('{"valueCodeableConcept": {"coding": [{"code": "NEG", "display": "Âm tính"}]}}', "Âm tính"),
        ('{"valueBoolean": false}', "không"),
        ('{"valueInteger": 0}', "0"),
        (
            '{"component": [{"code": {"text": "Tâm thu"}, "valueQuantity": {"value": 120, "unit": "mmHg"}}]}',
            "Tâm thu: 120 mmHg",
        ),
        ('{"dataAbsentReason": {"text": "mẫu hỏng"}}', "mẫu hỏng"),
        ("{}", ""),
    ],
)
def test_values_are_shown_with_every_digit(elements: str, shown: str) -> None:
    with translation.override("vi"):
        assert read_value(json.loads(elements, parse_float=Decimal)) == shown


def test_a_bare_resource_still_makes_a_line() -> None:
    entry = read_entry({"resourceType": "Encounter", "id": "e", "status": "finished", "class": {"code": "X"}})

    assert (entry.title, entry.when, entry.value) == ("X", "", "")


def test_a_visit_without_a_type_is_named_by_its_class() -> None:
    visit = {"resourceType": "Encounter", "id": "e", "class": {"code": "AMB", "display": "ambulatory"}}

    assert read_entry(visit).title == "Khám ngoại trú"
