"""Registering people: the one who is known, a new one, or a clear reason why not."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from fhir import store
from fhir.models import Resource
from fhir.outcomes import Refused
from healthhub.accounts.actors import SYSTEM, Actor, Role
from healthhub.audit.models import AccessEntry
from records.access import can_see
from records.citizens import find
from records.identifiers import demo_cccd
from records.models import CareRelation, Citizen
from records.registration import MESSAGES, Registration, RegistrationError, names_agree, register_citizen, register_many
from tests.records.conftest import glucose

pytestmark = pytest.mark.django_db

CCCD = demo_cccd(1, sex="female", birth_year=1960)
HOA: dict[str, Any] = {
    "full_name": "Nguyễn Thị Hoa",
    "birth_date": date(1960, 3, 12),
    "sex": "female",
    "cccd": CCCD,
    "insurance_number": "GD4010123456789",
    "phone": "0912 345 678",
    "area_code": "00004",
    "address_line": "Số 1 phố Mới",
}


def code_of(result: str | RegistrationError) -> tuple[str, str]:
    assert isinstance(result, RegistrationError)
    return result.code, result.field


def test_a_new_person_is_kept_as_a_fhir_patient(clinic: Actor, hoa_binh: str) -> None:
    id_ = register_citizen(**HOA, actor=clinic)

    patient = json.loads(Resource.objects.get(type="Patient").content)
    del patient["meta"]
    assert patient == {
        "resourceType": "Patient",
        "id": id_,
        "identifier": [
            {"system": "http://fhir.hl7.org.vn/core/sid/cccd", "value": CCCD},
            {"system": "http://fhir.hl7.org.vn/core/sid/bhyt", "value": "GD4010123456789"},
        ],
        "name": [{"use": "official", "text": "Nguyễn Thị Hoa", "family": "Nguyễn", "given": ["Thị", "Hoa"]}],
        "telecom": [{"system": "phone", "value": "+84912345678"}],
        "gender": "female",
        "birthDate": "1960-03-12",
        "address": [
            {
                "use": "home",
                "text": "Số 1 phố Mới, Phường Ba Đình, Hà Nội",
                "extension": [
                    {
                        "url": "http://fhir.hl7.org.vn/core/StructureDefinition/vn-ext-ward",
                        "valueCoding": {"code": "00004", "display": "Phường Ba Đình"},
                    }
                ],
                "city": "Hà Nội",
                "line": ["Số 1 phố Mới"],
            }
        ],
        "managingOrganization": {"reference": f"Organization/{hoa_binh}"},
    }
    assert can_see(clinic, id_)


def test_an_address_seen_in_2017_is_one_of_the_map_of_2017(clinic: Actor) -> None:
    register_many([Registration(**HOA, seen_on=date(2017, 5, 4))], actor=clinic)

    citizen = Citizen.objects.select_related("area__parent").get()
    assert citizen.area is not None
    assert (citizen.area.name, citizen.area.valid_from) == ("Phường Trúc Bạch", date(2008, 8, 1))
    assert citizen.address_text == "Số 1 phố Mới, Phường Trúc Bạch, Quận Ba Đình, Hà Nội"


@pytest.mark.parametrize(
    "known",
    [
        {},
        {"insurance_number": ""},
        {"cccd": "", "full_name": "NGUYEN THI HOA"},
        {"full_name": "Nguyễn Thị Hoà"},
        {"full_name": "Nguyen Thi Hao"},
        {"full_name": "Hoa"},
    ],
)
def test_a_known_person_who_presents_herself_is_found_and_may_be_read(
    clinic: Actor, stranger: Actor, known: dict[str, Any]
) -> None:
    id_ = register_citizen(**HOA, actor=clinic)
    assert not can_see(stranger, id_)

    assert register_citizen(**HOA | known, actor=stranger) == id_
    assert Resource.objects.filter(type="Patient").count() == 1
    assert can_see(stranger, id_)
    assert list(CareRelation.objects.filter(basis="presented").values_list("patient", "facility")) == [
        (id_, stranger.facility)
    ]
    assert store.save({"resourceType": "Observation", **glucose(id_)}, actor=stranger).created
    assert AccessEntry.objects.filter(patient=id_, actor=stranger.id, action="register").count() == 1


@pytest.mark.parametrize(
    ("other", "problem"),
    [
        ({"birth_date": date(1961, 3, 12)}, ("birth-date-conflict", "birth_date")),
        ({"full_name": "Trần Văn Bình"}, ("name-conflict", "full_name")),
    ],
)
def test_another_person_under_the_same_number_is_never_merged(
    clinic: Actor, stranger: Actor, other: dict[str, Any], problem: tuple[str, str]
) -> None:
    id_ = register_citizen(**HOA, actor=clinic)

    with pytest.raises(RegistrationError) as error:
        register_citizen(**HOA | other, actor=stranger)
    assert code_of(error.value) == problem
    assert Resource.objects.filter(type="Patient").count() == 1
    assert not can_see(stranger, id_)
    assert AccessEntry.objects.filter(patient=id_, actor=stranger.id, action="register-conflict").exists()


def test_numbers_of_two_people_are_no_person(clinic: Actor) -> None:
    register_citizen(**HOA | {"insurance_number": ""}, actor=clinic)
    register_citizen(**HOA | {"cccd": "", "birth_date": date(1970, 1, 1), "full_name": "Lê Lan"}, actor=clinic)

    with pytest.raises(RegistrationError) as error:
        register_citizen(**HOA, actor=clinic)
    assert error.value.code == "two-people"


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ({"full_name": " "}, ("name-missing", "full_name")),
        ({"birth_date": date(1899, 12, 31)}, ("birth-date", "birth_date")),
        ({"birth_date": date(2999, 1, 1)}, ("birth-date", "birth_date")),
        ({"sex": "nữ"}, ("sex", "sex")),
        ({"cccd": "123"}, ("cccd-shape", "cccd")),
        ({"insurance_number": "123"}, ("insurance-shape", "insurance_number")),
        ({"phone": "123"}, ("phone-shape", "phone")),
        ({"area_code": "99999"}, ("area-unknown", "area_code")),
        ({"facility": "other"}, ("facility-not-own", "facility")),
    ],
)
def test_bad_rows_are_told_by_field_and_do_not_hold_back_good_ones(
    clinic: Actor, wrong: dict[str, Any], problem: tuple[str, str]
) -> None:
    bad, good = register_many([Registration(**HOA | wrong), Registration(**HOA)], actor=clinic)

    assert code_of(bad) == problem
    assert problem[0] in MESSAGES
    assert (Citizen.objects.get().pk, True) == good


def test_one_person_in_several_rows_of_a_file_is_registered_once(clinic: Actor) -> None:
    other = {"cccd": demo_cccd(2), "insurance_number": ""}
    rows = [
        Registration(**HOA),
        Registration(**HOA | other),
        Registration(**HOA | {"cccd": ""}),
        Registration(**HOA | {"birth_date": date(1961, 1, 1)}),
    ]
    first, second, again, conflict = register_many(rows, actor=clinic)

    assert (first.new, second.new, again) == (True, True, (first.patient_id, False))
    assert first.patient_id != second.patient_id
    assert code_of(conflict) == ("birth-date-conflict", "birth_date")
    assert Citizen.objects.count() == 2
    known = [(one.patient_id, False) for one in (first, second, first)]
    assert register_many(rows[:3], actor=clinic) == known
    assert Citizen.objects.count() == 2


def test_cards_old_and_new_of_one_social_insurance_number_are_one_persons(clinic: Actor) -> None:
    numbers = ("GD4010123456789", "0123456789", "HT3010123456789", "HT3010123456780")
    rows = [Registration("Nguyễn Thị Hoa", date(1960, 3, 12), "female", insurance_number=number) for number in numbers]
    first, *others = register_many(rows[:1], actor=clinic) + register_many(rows[1:], actor=clinic)
    assert [other.patient_id == first.patient_id for other in others] == [True, True, False]
    [other] = register_many([replace(rows[1], birth_date=date(1961, 3, 12))], actor=clinic)
    assert code_of(other) == ("birth-date-conflict", "birth_date")
    assert [len(find(number, actor=clinic).citizens) for number in numbers] == [1, 1, 1, 1]


def test_people_without_numbers_are_not_guessed_to_be_the_same(clinic: Actor) -> None:
    row = Registration(**HOA | {"cccd": "", "insurance_number": ""})

    assert len({one.patient_id for one in register_many([row, row], actor=clinic)}) == 2


def test_the_systems_own_import_registers_for_each_rows_facility(
    hoa_binh: str, thang_long: str, stranger: Actor
) -> None:
    first = register_many([Registration(**HOA, facility=hoa_binh)], actor=SYSTEM)
    again = register_many([Registration(**HOA, facility=thang_long)], actor=SYSTEM)

    assert first[0].patient_id == again[0].patient_id
    assert Resource.objects.get(type="Patient").facility == hoa_binh
    assert sorted(CareRelation.objects.values_list("facility", "basis")) == sorted(
        [(hoa_binh, "wrote"), (thang_long, "presented")]
    )


@pytest.mark.parametrize("role", [Role.OFFICER, Role.ANALYST, Role.CITIZEN])
def test_others_than_care_register_nobody(clinic: Actor, hoa_binh: str, role: Role) -> None:
    register_citizen(**HOA, actor=clinic)

    with pytest.raises(Refused) as refused:
        register_citizen(**HOA, actor=Actor("user:1", "?", role, facility=hoa_binh))
    assert refused.value.status == 403


def test_a_batch_takes_as_many_statements_as_one(clinic: Actor) -> None:
    def statements(start: int, count: int) -> int:
        rows = [
            Registration(**HOA | {"cccd": demo_cccd(n), "insurance_number": ""}) for n in range(start, start + count)
        ]
        with CaptureQueriesContext(connection) as queries:
            register_many(rows + rows[:1], actor=clinic)
        return len(queries)

    statements(0, 1)
    assert statements(100, 40) == statements(10, 1)


@pytest.mark.parametrize(
    ("one", "other", "agree"),
    [
        ("Nguyễn Thị Hoa", "nguyen thi hoa", True),
        ("Nguyễn Thị Hoa", "Hoa", True),
        ("Nguyễn Thị Thanh", "Nguyễn Thị Thành", True),
        ("Nguyễn Thị Hoa", "Nguyen Thi Hao", True),
        ("Nguyễn Thị Hoa", "Trần Văn Bình", False),
        ("Nguyễn Thị Hoa", "", True),
    ],
)
def test_names_agree_if_they_can_be_one_persons(one: str, other: str, agree: bool) -> None:
    assert names_agree(one, other) is agree


@pytest.mark.django_db(transaction=True)
def test_two_desks_at_the_same_moment_register_one_person(clinic: Actor, stranger: Actor) -> None:
    def register(actor: Actor) -> str:
        try:
            return register_citizen(**HOA | {"area_code": ""}, actor=actor)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as desks:
        ids = set(desks.map(register, [clinic, stranger, clinic, stranger]))
    assert len(ids) == 1
    assert Citizen.objects.count() == 1
