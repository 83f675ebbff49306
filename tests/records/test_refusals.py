"""Pages that somebody may not open leave a line, about the person whose record it would have been."""

import pytest
from django.test import Client

from healthhub.accounts.actors import Actor, Role
from healthhub.audit.models import AccessEntry
from tests.records.conftest import Write
from tests.records.test_me import sign_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def person(patient: Write, clinic: Actor) -> str:
    return patient("Nguyễn Văn Đức", by=clinic)


def refusals() -> list[tuple[str | None, str, str]]:
    return list(AccessEntry.objects.filter(action="refused").order_by("id").values_list("patient", "reason", "role"))


def test_somebody_elses_patient(person: str, stranger: Actor) -> None:
    doctor = sign_in(Role.CLINICIAN, facility_id=stranger.facility)
    address = f"/clinic/people/{person}/"
    assert doctor.get(address).status_code in (403, 404)
    assert refusals() == [(person, address, "clinician")]


def test_a_person_who_does_not_exist(stranger: Actor) -> None:
    doctor = sign_in(Role.CLINICIAN, facility_id=stranger.facility)
    doctor.get("/clinic/people/nobody/")
    assert refusals() == [(None, "/clinic/people/nobody/", "clinician")]


def test_another_roles_page(person: str) -> None:
    browser = sign_in(Role.CITIZEN, patient_id=person)
    assert browser.get("/city/").status_code == 403
    assert refusals() == [(None, "/city/", "citizen")]


def test_a_page_of_ones_own_and_a_stranger_to_the_house_leave_none(person: str) -> None:
    assert sign_in(Role.CITIZEN, patient_id=person).get("/me/").status_code == 200
    assert Client().get("/me/").status_code == 302
    assert Client().get("/nowhere/").status_code == 404
    assert refusals() == []


def test_the_address_is_noted(person: str) -> None:
    sign_in(Role.CITIZEN, patient_id=person).get("/me/", REMOTE_ADDR="203.0.113.7")
    looks = AccessEntry.objects.filter(patient=person, action="view")
    assert set(looks.values_list("address", flat=True)) == {"203.0.113.7"}
