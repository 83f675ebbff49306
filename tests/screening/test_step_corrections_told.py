"""Who acted on what a step found is told when it is put right or taken back, as with results; nobody else is."""

from datetime import timedelta

import pytest

from fhir import store
from healthhub.accounts.actors import SYSTEM, Actor, Role
from records.access import presented_at
from records.models import Facility
from screening.appointments.booking import wait
from screening.appointments.shapes import Service
from screening.correcting import find_step, withdraw_step
from screening.laboratory.notices import notices_for, open_notice_count
from screening.models import Notice, ScreeningResult
from screening.results import refer_for_assessment
from tests.screening.chain_room import REPORTED, SEEN, TESTED, Chain
from tests.screening.clinic_room import signed_in
from tests.screening.conftest import Sender

pytestmark = pytest.mark.django_db
LOCAL = "https://healthhub.example/fhir/CodeSystem/screening"
REASON = "http://hl7.org/fhir/StructureDefinition/event-statusReason"


@pytest.fixture
def chain(station: Facility, man: str, send: Sender) -> Chain:
    return Chain(station, man, send)


@pytest.fixture
def hospital(laboratory: Facility, man: str) -> Actor:
    """Somebody at another facility that cares for the man."""
    presented_at({(man, laboratory.pk)})
    return Actor("user:3", "Bác sĩ Bình", Role.CLINICIAN, facility=laboratory.pk)


def notices() -> list[tuple[str | None, str]]:
    return list(Notice.objects.order_by("facility_id").values_list("facility_id", "text"))


def test_the_facility_that_took_the_next_step_is_told(chain: Chain, hospital: Actor) -> None:
    source = chain.until("histology")
    chain.record("cancer", reported_on=REPORTED, actor=hospital)
    chain.correct(source, finding="unspecified", done_on=f"{SEEN - timedelta(1):%d/%m/%Y}")
    assert notices() == [(hospital.facility, "step_corrected"), (None, "step_corrected")]


def test_the_facility_that_asked_for_the_examination_is_told(
    chain: Chain, hospital: Actor, laboratory: Facility
) -> None:
    refer_for_assessment(
        result=ScreeningResult.objects.get(), due_on=SEEN, authored_on=TESTED, actor=chain.actor, to=laboratory.pk
    )
    source = chain.record("normal", actor=hospital)
    step = find_step(type=source[0], id=source[1], actor=hospital)
    withdraw_step(step=step, reason="entered-wrong-person", why="", if_match=1, actor=hospital)
    assert notices() == [(chain.station.pk, "step_withdrawn"), (None, "step_withdrawn")]
    assert open_notice_count(chain.station.pk) == 1


def test_the_facility_that_expects_the_person_is_told(chain: Chain, laboratory: Facility) -> None:
    source = chain.record("normal")
    service = Service("assessment", "colorectal", "colonoscopy")
    wait(patient_id=chain.man, facility=laboratory, service=service, actor=SYSTEM)
    chain.correct(source, finding="lesion_sampled")
    assert (laboratory.pk, "step_corrected") in notices()


def test_the_citizen_reads_that_a_finding_changed_and_not_what_it_was(chain: Chain, man: str) -> None:
    source = chain.until("staging")
    chain.correct(source, finding="normal")
    assert [one.text for one in notices_for(man)] == ["step_corrected"]
    page = signed_in(Role.CITIZEN, patient=man).get("/me/").content.decode()
    assert "Một kết luận khám của bạn đã được đính chính" in page


def test_words_beside_a_finding_tell_nobody(chain: Chain) -> None:
    source = chain.until("staging")
    chain.correct(source, note="Tên người đọc")
    assert notices() == []


def test_a_slip_taken_back_at_once_tells_nobody(chain: Chain) -> None:
    source = chain.record("normal")
    step = find_step(type=source[0], id=source[1], actor=chain.actor)
    withdraw_step(step=step, reason="entered-twice", why="", if_match=1, actor=chain.actor)
    assert notices() == []


def test_a_result_and_a_finding_of_one_id_are_told_apart(chain: Chain, send: Sender, laboratory: Facility) -> None:
    """Software chooses ids of its own: each type has its own numbers."""
    for kind in ("Procedure", "DiagnosticReport"):
        day = {"performedDateTime": str(SEEN)} if kind == "Procedure" else {"effectiveDateTime": str(SEEN)}
        coded = {"coding": [{"system": LOCAL, "code": "normal"}]}
        said = {"outcome": coded} if kind == "Procedure" else {"conclusionCode": [coded]}
        resource = {
            "resourceType": kind,
            "id": "7",
            "status": "completed" if kind == "Procedure" else "final",
            "code": {"coding": [{"system": "http://snomed.info/sct", "code": "73761001"}]},
            "subject": {"reference": f"Patient/{chain.man}"},
            **day,
            **said,
        }
        store.save(resource, actor=SYSTEM, facility=chain.station.pk)
        store.save(resource | {"status": "entered-in-error"}, actor=chain.actor)
    assert set(Notice.objects.filter(facility=None).values_list("source_type", "source_id", "version")) == {
        ("Procedure", "7", 2),
        ("DiagnosticReport", "7", 2),
    }
