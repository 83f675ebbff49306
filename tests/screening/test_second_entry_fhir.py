"""The protocol's second entry over FHIR: only a person makes it, and not of her own first entry."""

from typing import Any

import pytest

from healthhub.accounts.actors import Actor, Role
from records.models import Facility
from screening.laboratory.verifying import has_entered
from screening.models import Episode, ScreeningResult
from screening.results import confirm_result
from tests.fhir.conftest import FhirClient, make_clinic
from tests.screening.conftest import Sender, make_patient
from tests.screening.test_closings_fhir import acting_for, another

pytestmark = pytest.mark.django_db


@pytest.fixture
def software(db: None) -> FhirClient:
    """A laboratory's software."""
    return make_clinic("clinic", "Trung tâm Y tế", "01901")


@pytest.fixture
def second(software: FhirClient) -> FhirClient:
    """Other software of the same laboratory."""
    return another("clinic-2", software)


@pytest.fixture
def send(software: FhirClient) -> Sender:
    return Sender(Facility.objects.get(code="01901"))


@pytest.fixture
def man(send: Sender) -> str:
    return make_patient(send.facility, name="Nguyễn Văn Đức", gender="male", born="1960-03-12")


def entered(software: FhirClient, send: Sender, man: str, **extra: Any) -> str:
    """A first entry of AFP, which the protocol wants twice."""
    afp = send.observation(man, "250", on="2026-05-06", unit="ng/mL", code="1834-1", specimen="A", status="preliminary")
    answer = software.post("/Observation", {**afp, **extra})
    assert answer.status_code == 201, answer.content
    return str(answer.json()["id"])


def put(client: FhirClient, name: str, **elements: Any) -> tuple[int, str]:
    """(status, where or "") of a new version."""
    stored = client.get(f"/Observation/{name}").json() | elements
    answer = client.put(f"/Observation/{name}", stored)
    return answer.status_code, answer.json()["issue"][0]["expression"][0] if answer.status_code >= 400 else ""


def standing() -> tuple[str, str]:
    return ScreeningResult.objects.get().status, Episode.objects.get().step


def test_no_software_confirms_an_entry(software: FhirClient, second: FhirClient, send: Sender, man: str) -> None:
    name = entered(software, send, man)
    assert standing() == ("preliminary", "verify_result")
    assert put(software, name, status="final") == (403, "Observation.status")
    assert put(second, name, status="final") == (403, "Observation.status")
    assert standing() == ("preliminary", "verify_result")


def test_by_an_app_nobody_confirms_her_own_entry_and_a_colleague_does(
    software: FhirClient, send: Sender, man: str
) -> None:
    """Also what she entered on the page is her own: an app is the person whom it acts for."""
    first, colleague = acting_for("an@example.vn", send.facility), acting_for("ha@example.vn", send.facility)
    name = entered(first, send, man)
    assert put(first, name, status="final") == (403, "Observation.status")
    assert has_entered(name, first.actor)  # so the page refuses her too
    assert not has_entered(name, colleague.actor)
    assert put(colleague, name, status="final") == (200, "")
    assert standing()[0] == "final"
    assert standing()[1] != "verify_result"


@pytest.mark.parametrize("between", ["entered-in-error", "cancelled", "registered"])
def test_nor_by_a_detour(software: FhirClient, send: Sender, man: str, between: str) -> None:
    name = entered(software, send, man)
    assert put(software, name, status=between) == (200, "")
    for status in ("final", "corrected", "amended"):
        assert put(software, name, status=status) == (403, "Observation.status")
    assert not ScreeningResult.objects.exclude(status="preliminary").exists()


def test_nor_by_another_code(software: FhirClient, send: Sender, man: str) -> None:
    """A test of single entry made of it, and final in the same version."""
    name = entered(software, send, man)
    fit = {"code": {"coding": [{"system": "http://loinc.org", "code": "27396-1"}]}}
    value = {"value": 5, "unit": "µg/g", "system": "http://unitsofmeasure.org", "code": "ug/g"}
    assert put(software, name, status="final", valueQuantity=value, **fit) == (403, "Observation.status")


def test_a_second_entry_that_differs_chooses_nothing(software: FhirClient, send: Sender, man: str) -> None:
    second = acting_for("ha@example.vn", send.facility)
    name = entered(software, send, man)
    other = {"value": 25, "unit": "ng/mL", "system": "http://unitsofmeasure.org", "code": "ng/mL"}
    assert put(second, name, status="final", valueQuantity=other) == (409, "Observation.value")
    assert put(second, name, status="final", effectiveDateTime="2026-05-07") == (409, "Observation.value")
    assert standing() == ("preliminary", "verify_result")
    same = {**other, "value": 250, "unit": "nanogram/mL"}  # another way to write the same
    assert put(second, name, status="final", valueQuantity=same) == (200, "")


def test_a_person_on_the_page_confirms_what_software_entered(software: FhirClient, send: Sender, man: str) -> None:
    name = entered(software, send, man)
    confirm_result(observation_id=name, actor=Actor("user:7", "Lê Thu Hà", Role.LABORATORY, facility=send.facility.pk))
    assert ScreeningResult.objects.get().status == "final"


def test_a_test_of_single_entry_and_a_result_that_was_final_are_their_laboratorys(
    software: FhirClient, send: Sender, man: str
) -> None:
    first = software.post("/Observation", send.observation(man, "5", on="2026-05-06", status="preliminary")).json()[
        "id"
    ]
    assert put(software, first, status="final") == (200, "")
    afp = entered(software, send, man, status="final")
    corrected = {"value": 25, "unit": "ng/mL", "system": "http://unitsofmeasure.org", "code": "ng/mL"}
    assert put(software, afp, status="corrected", valueQuantity=corrected) == (200, "")
