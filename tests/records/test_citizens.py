"""Finding people among those one may see."""

from datetime import date

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from healthhub.accounts.actors import SYSTEM, Actor, Role
from healthhub.audit.models import AccessEntry
from records.citizens import find, find_presented
from records.identifiers import demo_cccd
from records.models import Citizen
from tests.records.conftest import Write

pytestmark = pytest.mark.django_db

NAMES = ["Nguyễn Văn Đức", "Nguyễn Văn Dục", "Nguyễn Đức Văn", "Trần Thị Hoà", "Phạm Hòa", "Lê Hoàng Anh"]


@pytest.fixture
def people(patient: Write, clinic: Actor) -> dict[str, str]:
    """Name -> id of six people of the clinic, born 1960-03-12 … 1965-03-12, with demo CCCDs 0 … 5."""
    return {
        name: patient(
            name,
            by=clinic,
            born=f"{1960 + n}-03-12",
            cccd=demo_cccd(n, birth_year=1960 + n),
            telecom=[{"system": "phone", "value": f"091234567{n}"}],
        )
        for n, name in enumerate(NAMES)
    }


def found(query: str, actor: Actor) -> list[str]:
    return [citizen.full_name for citizen in find(query, actor=actor).citizens]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("nguyen van duc", ["Nguyễn Văn Dục", "Nguyễn Văn Đức", "Nguyễn Đức Văn"]),
        ("Nguyễn Văn Đức", ["Nguyễn Văn Đức", "Nguyễn Đức Văn", "Nguyễn Văn Dục"]),
        ("dục", ["Nguyễn Văn Dục", "Nguyễn Văn Đức", "Nguyễn Đức Văn"]),
        ("DUC nguyen", ["Nguyễn Văn Dục", "Nguyễn Văn Đức", "Nguyễn Đức Văn"]),
        ("hoa", ["Lê Hoàng Anh", "Phạm Hòa", "Trần Thị Hoà"]),
        ("hòa", ["Phạm Hòa", "Trần Thị Hoà", "Lê Hoàng Anh"]),
        ("oang", []),
        ("%", []),
        ("", []),
        ("   ", []),
    ],
)
def test_names_are_found_with_and_without_diacritics(
    people: dict[str, str], clinic: Actor, query: str, names: list[str]
) -> None:
    assert found(query, clinic) == names


@pytest.mark.parametrize(
    "query",
    [
        demo_cccd(3, birth_year=1963),
        "000 063 000 003",
        "0912345673",
        "+84 912 345 673",
        "12/03/1963",
        "1963-03-12",
        "hoa 1963",
        "12/3/1963 tran",
    ],
)
def test_people_are_found_by_number_or_birth_date(people: dict[str, str], clinic: Actor, query: str) -> None:
    assert found(query, clinic) == ["Trần Thị Hoà"]


@pytest.mark.parametrize("query", ["000063000", "00006300000", "091234567", "13/03/1963", "hoa 1960"])
def test_a_number_or_date_must_match_whole(people: dict[str, str], clinic: Actor, query: str) -> None:
    assert found(query, clinic) == []


def test_only_people_the_actor_may_see_are_found(people: dict[str, str], stranger: Actor) -> None:
    officer = Actor("user:1", "Cán bộ", Role.OFFICER)
    citizen = Actor("user:2", "Hoà", Role.CITIZEN, patient=people["Trần Thị Hoà"])
    for query in ("nguyen", "hoa", demo_cccd(3, birth_year=1963), "0912345673", "12/03/1963"):
        assert found(query, stranger) == []
        assert found(query, officer) == []
        assert found(query, citizen) in ([], ["Trần Thị Hoà"])


def test_pages_follow_each_other_without_gaps_or_doubles(people: dict[str, str], patient: Write, clinic: Actor) -> None:
    for _ in range(3):
        patient("Nguyễn Văn Đức", by=clinic)
    whole = [citizen.pk for citizen in find("Nguyễn Đức", actor=clinic).citizens]
    pages: list[str] = []
    page = find("Nguyễn Đức", actor=clinic, limit=2)
    while page.after:
        pages += [citizen.pk for citizen in page.citizens]
        page = find("Nguyễn Đức", actor=clinic, limit=2, after=page.after)
    pages += [citizen.pk for citizen in page.citizens]

    assert len(whole) == 6
    assert pages == whole


def test_a_page_is_one_statement_and_a_line_for_each_person_in_the_log(people: dict[str, str], clinic: Actor) -> None:
    with CaptureQueriesContext(connection) as queries:
        page = find("nguyen", actor=clinic)
        assert [citizen.area and citizen.facility for citizen in page.citizens] == [None] * 3
    assert len(queries) == 2
    log = AccessEntry.objects.filter(action="find").values_list("patient", "actor", "reason")
    assert sorted(log) == sorted((citizen.pk, clinic.id, "") for citizen in page.citizens)


def test_somebody_at_the_desk_is_recognised_by_number_and_birth_date_together(people: dict[str, str]) -> None:
    number = demo_cccd(3, birth_year=1963)

    match = find_presented(number=number, birth_date=date(1963, 3, 12))
    assert match is not None
    assert (match.pk, match.full_name) == (people["Trần Thị Hoà"], "Trần Thị Hoà")
    assert find_presented(number=number, birth_date=date(1963, 3, 13)) is None
    assert find_presented(number="", birth_date=date(1963, 3, 12)) is None


def test_two_different_people_under_one_number_are_nobody(people: dict[str, str], patient: Write) -> None:
    number = demo_cccd(3, birth_year=1963)
    patient("Trần Thị Lan", by=SYSTEM, born="1963-03-12", cccd=number)

    assert find_presented(number=number, birth_date=date(1963, 3, 12)) is None
    assert Citizen.objects.filter(cccd=number).count() == 2
