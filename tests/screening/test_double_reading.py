"""Images are read by two people, and by a third where they differ: at the desk, over FHIR and in files."""

from typing import Any

import pytest
from django.test import Client

from healthhub.accounts.actors import Role
from records.models import Facility
from screening.models import Episode, ScreeningResult
from tests.fhir.conftest import FhirClient, make_clinic
from tests.screening.clinic_room import mark_in, signed_in
from tests.screening.conftest import make_patient

pytestmark = pytest.mark.django_db

FIRST, SECOND, THIRD = "mammography", "mammography_second", "mammography_arbitration"
TOLD = ["Bạn đã đọc phim này. Lần đọc này phải do một bác sĩ khác thực hiện."]
CODES = {
    FIRST: ("http://loinc.org", "24606-6"),
    SECOND: ("https://healthhub.example/fhir/CodeSystem/screening", "mammography-second-reading"),
    THIRD: ("https://healthhub.example/fhir/CodeSystem/screening", "mammography-arbitration"),
}


def at_the_desk(doctor: Client, woman: str, test: str, category: str) -> list[str]:
    """What is wrong, nothing if it was saved."""
    address = f"/clinic/people/{woman}/results/new/?test={test}"
    said = {"category": category, "note": "", "collected_on": "06/05/2026", "resulted_on": "08/05/2026"}
    page = doctor.post(address, {**said, "mark": mark_in(doctor.post(address, said).content)})
    return [] if page.status_code == 302 else list(page.context["form"].errors["__all__"])


@pytest.fixture
def doctors(station: Facility) -> list[Client]:
    return [signed_in(Role.CLINICIAN, station, email=f"doctor{number}@station.example") for number in range(3)]


def test_nobody_reads_an_image_twice(doctors: list[Client], woman: str) -> None:
    an, binh, chi = doctors
    assert at_the_desk(an, woman, FIRST, "birads_1") == []
    assert at_the_desk(an, woman, SECOND, "birads_1") == TOLD
    assert (ScreeningResult.objects.count(), Episode.objects.get().step) == (1, "second_reading")
    assert at_the_desk(binh, woman, SECOND, "birads_4") == []
    assert Episode.objects.get().step == "arbitration"
    assert [at_the_desk(one, woman, THIRD, "birads_1") for one in (an, binh)] == [TOLD, TOLD]
    assert Episode.objects.get().step == "arbitration"
    assert at_the_desk(chi, woman, THIRD, "birads_1") == []
    assert (Episode.objects.get().state, Episode.objects.get().outcome) == ("closed", "negative")


def test_also_when_the_second_reading_came_first(doctors: list[Client], woman: str) -> None:
    an, binh, _chi = doctors
    assert at_the_desk(an, woman, SECOND, "birads_1") == []
    assert at_the_desk(an, woman, FIRST, "birads_1") == TOLD
    assert at_the_desk(binh, woman, FIRST, "birads_1") == []
    assert Episode.objects.get().state == "closed"


def test_images_that_must_be_taken_again_were_not_read(doctors: list[Client], woman: str) -> None:
    an, binh, _chi = doctors
    assert at_the_desk(an, woman, FIRST, "inadequate") == []
    assert at_the_desk(binh, woman, FIRST, "birads_1") == []
    assert at_the_desk(an, woman, SECOND, "birads_1") == []
    assert Episode.objects.get().state == "closed"


@pytest.fixture
def software(db: None) -> FhirClient:
    return make_clinic("clinic", "Trung tâm Y tế", "01901")


def reading(woman: str, test: str, facility: str, *readers: str) -> dict[str, Any]:
    system, code = CODES[test]
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": system, "code": code}]},
        "subject": {"reference": f"Patient/{woman}"},
        "effectiveDateTime": "2026-05-06",
        "performer": [{"reference": one} for one in (f"Organization/{facility}", *readers)],
        "valueCodeableConcept": {"coding": [{"system": "http://snomed.info/sct", "code": "397140005"}]},
    }


def test_software_names_who_read(software: FhirClient) -> None:
    facility = Facility.objects.get(code="01901")
    woman = make_patient(facility, name="Nguyễn Thị Lan", gender="female", born="1970-03-12")
    doctors = []
    for name in ("An", "Bình"):
        doctors.append("Practitioner/" + software.post("/Practitioner", _practitioner(name)).json()["id"])
    an, binh = doctors
    assert software.post("/Observation", reading(woman, FIRST, facility.pk, an)).status_code == 201
    for readers in ((an,), ()):  # the same doctor, and nobody knows who
        refused = software.post("/Observation", reading(woman, SECOND, facility.pk, *readers))
        issue = refused.json()["issue"][0]
        assert (refused.status_code, issue["code"], issue["expression"]) == (
            403,
            "forbidden",
            ["Observation.performer"],
        )
    assert Episode.objects.get().step == "second_reading"
    assert software.post("/Observation", reading(woman, SECOND, facility.pk, binh)).status_code == 201
    assert Episode.objects.get().state == "closed"


def _practitioner(name: str) -> dict[str, Any]:
    return {"resourceType": "Practitioner", "name": [{"text": name}]}
