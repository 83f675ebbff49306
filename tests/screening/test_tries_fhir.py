"""Tries to reach somebody that a clinic's software sends stand where those of the page stand."""

from datetime import datetime
from typing import Any

import pytest
from django.utils import timezone

from healthhub.accounts.actors import Role
from records.models import Facility
from screening.models import ContactAttempt, Episode, EpisodeEvent
from tests.fhir.conftest import FhirClient, make_clinic
from tests.screening.clinic_room import signed_in
from tests.screening.conftest import Sender, make_patient

pytestmark = pytest.mark.django_db
LOCAL = "https://healthhub.example/fhir/CodeSystem/screening"
MODE = "http://terminology.hl7.org/CodeSystem/v3-ParticipationMode"


@pytest.fixture
def software(db: None) -> FhirClient:
    """A clinic's software."""
    return make_clinic("clinic", "Trạm y tế Dịch Vọng", "01901")


@pytest.fixture
def send(software: FhirClient) -> Sender:
    return Sender(Facility.objects.get(code="01901"))


@pytest.fixture
def man(send: Sender) -> str:
    """A man with a positive test."""
    patient = make_patient(send.facility, name="Nguyễn Văn Đức", gender="male", born="1960-03-12")
    send.fit(patient, "48.6", on="2024-05-06")
    return patient


def coded(code: str, system: str = LOCAL) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code}]}


def tried(man: str, outcome: str = "no_answer", **elements: Any) -> dict[str, Any]:
    """A telephone call that nobody answered."""
    return {
        "resourceType": "Communication",
        "status": "not-done",
        "statusReason": coded(f"contact-{outcome}"),
        "subject": {"reference": f"Patient/{man}"},
        "topic": coded("programme-colorectal"),
        "medium": [coded("PHONE", MODE)],
        "sent": "2024-05-20T09:30:00+07:00",
        "note": [{"text": "Gọi lại sau 17 giờ"}],
        **elements,
    }


def test_a_try_is_kept_as_the_pages_keep_it_and_tells_nothing(software: FhirClient, send: Sender, man: str) -> None:
    assert software.post("/Communication", tried(man)).status_code == 201
    one = ContactAttempt.objects.get()
    assert (one.patient_id, one.programme, one.way, one.outcome, one.note, one.step) == (
        man,
        "colorectal",
        "phone",
        "no_answer",
        "Gọi lại sau 17 giờ",
        "colonoscopy",
    )
    assert (one.episode_id, one.actor, one.facility_id) == (Episode.objects.get().pk, "client:clinic", send.facility.pk)
    assert one.contacted_at == datetime.fromisoformat("2024-05-20T09:30:00+07:00")
    assert not EpisodeEvent.objects.filter(fact="contacted").exists()
    page = signed_in(Role.CLINICIAN, send.facility).get(f"/clinic/people/{man}/contact/colorectal/")
    assert [shown.pk for shown in page.context["contacts"]] == [one.pk]


@pytest.mark.parametrize(
    ("outcome", "status"), [("wrong_number", "not-done"), ("left_message", "not-done"), ("declined", "completed")]
)
@pytest.mark.parametrize(
    ("medium", "way"),
    [(coded("FACE", MODE), "in_person"), (coded("way-visit"), "visit"), (coded("MAILWRIT", MODE), "letter")],
)
def test_every_outcome_and_way(
    software: FhirClient, man: str, outcome: str, status: str, medium: dict[str, Any], way: str
) -> None:
    answer = software.post("/Communication", tried(man, outcome, status=status, medium=[medium]))
    assert answer.status_code == 201, answer.content
    assert ContactAttempt.objects.values_list("outcome", "way").get() == (outcome, way)
    assert not EpisodeEvent.objects.filter(fact="contacted").exists()


@pytest.mark.parametrize(
    ("change", "expression"),
    [
        ({"status": "completed"}, "Communication.status"),
        ({"statusReason": coded("contact-told"), "status": "completed"}, "Communication.statusReason"),
        ({"statusReason": coded("contact-?")}, "Communication.statusReason"),
        ({"about": [{"reference": "Observation/x"}]}, "Communication.about"),
        ({"topic": coded("programme-?")}, "Communication.topic"),
        ({"topic": []}, "Communication.topic"),
        ({"medium": []}, "Communication.medium"),
        ({"sent": "2024-05-20"}, "Communication.sent"),
        ({"sent": "2999-05-20T09:30:00+07:00"}, "Communication.sent"),
        ({"note": [{"text": "x" * 2001}]}, "Communication.note"),
    ],
)
def test_what_says_too_little_is_refused(
    software: FhirClient, man: str, change: dict[str, Any], expression: str
) -> None:
    body = {name: value for name, value in {**tried(man), **change}.items() if value != []}
    refused = software.post("/Communication", body)
    assert (refused.status_code, refused.json()["issue"][0]["expression"]) == (422, [expression])
    assert not ContactAttempt.objects.exists()


def test_a_try_that_was_kept_stays(software: FhirClient, man: str) -> None:
    name = software.post("/Communication", tried(man)).json()["id"]
    changed = software.put(f"/Communication/{name}", {**tried(man, "wrong_number"), "id": name})
    hidden = {**tried(man), "id": name, "status": "entered-in-error"}
    del hidden["statusReason"]
    assert (changed.status_code, software.put(f"/Communication/{name}", hidden).status_code) == (422, 422)
    assert software.delete(f"/Communication/{name}").status_code == 422
    assert ContactAttempt.objects.values_list("outcome", flat=True).get() == "no_answer"


def test_a_try_about_an_invitation_has_no_round(software: FhirClient, send: Sender) -> None:
    well = make_patient(send.facility, name="Lê Văn Nam", gender="male", born="1962-03-12")
    now = timezone.localtime().isoformat(timespec="seconds")
    assert software.post("/Communication", tried(well, sent=now)).status_code == 201
    assert ContactAttempt.objects.values_list("patient", "episode", "programme").get() == (well, None, "colorectal")
