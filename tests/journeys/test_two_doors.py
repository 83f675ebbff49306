"""One assessment, two doors: the form and a clinic's POST make the same rows. (No file brings assessments.)"""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any, NamedTuple

import pytest
from django.test import Client
from django.utils import timezone

from healthhub.accounts.actors import Role
from healthhub.audit.models import AccessEntry
from records.models import Facility
from screening.models import Episode, EpisodeEvent
from tests.fhir.conftest import FhirClient, make_clinic
from tests.screening.clinic_room import signed_in
from tests.screening.conftest import Sender, make_patient

pytestmark = pytest.mark.django_db
LOCAL = "https://healthhub.example/fhir/CodeSystem/screening"
SNOMED, LOINC = "http://snomed.info/sct", "http://loinc.org"
TODAY = timezone.localdate()
TESTED, SEEN, REPORTED, STAGED, MET = (TODAY - timedelta(days) for days in (60, 40, 35, 30, 20))


class Case(NamedTuple):
    """Somebody with a positive FIT, and who writes what was found: ``write(assessment, finding, on, …)``."""

    patient: str
    observation: str
    facility: str
    clinic: FhirClient
    doctor: Client


Door = Callable[..., None]


def by_form(
    case: Case, assessment: str, finding: str, on: date, *, reported: date | None = None, tnm: str = ""
) -> None:
    """As a clinician: the page of the step, filled in."""
    fields = {
        "done_on": f"{on:%d/%m/%Y}",
        "finding": finding,
        "reported_on": f"{reported:%d/%m/%Y}" if reported else "",
    }
    fields |= {part[0].lower(): part for part in tnm.split()}
    address = f"/clinic/people/{case.patient}/results/{case.observation}/assess/?what={assessment}"
    answer = case.doctor.post(address, fields)
    assert answer.status_code == 302, answer.context["form"].errors


def by_post(
    case: Case, assessment: str, finding: str, on: date, *, reported: date | None = None, tnm: str = ""
) -> None:
    """As a clinic's software: a Procedure, a DiagnosticReport or an Observation."""
    own = {"system": LOCAL, "code": f"colorectal-{assessment}"}
    code = {"system": SNOMED, "code": "73761001"} if assessment == "colonoscopy" else own
    said = {"coding": [{"system": LOCAL, "code": finding.replace("_", "-")}]} if finding else None
    place = {"reference": f"Organization/{case.facility}"}
    kind, elements = "Procedure", {"performedDateTime": f"{on}", "outcome": said, "performer": [{"actor": place}]}
    if reported:
        issued = f"{reported}T00:00:00+07:00"
        kind = "DiagnosticReport"
        elements = {"effectiveDateTime": f"{on}", "issued": issued, "conclusionCode": [said], "performer": [place]}
    if tnm:
        parts = zip(("21905-5", "21906-3", "21907-1"), tnm.split(), strict=True)
        kind = "Observation"
        elements = {
            "effectiveDateTime": f"{on}",
            "performer": [place],
            "component": [
                {"code": {"coding": [{"system": LOINC, "code": part}]}, "valueCodeableConcept": {"text": value}}
                for part, value in parts
            ],
        }
    status = "completed" if kind == "Procedure" else "final"
    about = {"subject": {"reference": f"Patient/{case.patient}"}, "code": {"coding": [code]}}
    resource = {"resourceType": kind, "status": status, **about, **elements}
    answer = case.clinic.post(f"/{kind}", {name: value for name, value in resource.items() if value})
    assert answer.status_code == 201, answer.content


DOORS = pytest.mark.parametrize("door", [by_form, by_post])


@pytest.fixture
def case(db: None) -> Case:
    clinic = make_clinic("clinic", "Trạm y tế Dịch Vọng", "01901")
    station = Facility.objects.get(code="01901")
    patient = make_patient(station, name="Nguyễn Văn Đức", gender="male", born="1960-03-12")
    observation = Sender(station).fit(patient, "50", on=str(TESTED), issued=f"{TESTED}T08:00:00+07:00")
    return Case(patient, observation, station.pk, clinic, signed_in(Role.CLINICIAN, station))


def assessed() -> list[tuple[Any, ...]]:
    """What was found, day by day, without who says so and where it is written."""
    events = EpisodeEvent.objects.filter(fact="assessed").order_by("occurred_on")
    return [(one.programme, one.kind, one.occurred_on, one.source_type, one.source_version, one.data) for one in events]


def found(assessment: str, finding: str, facility: str, **more: Any) -> dict[str, Any]:
    """An event's data."""
    return {"assessment": assessment, "finding": finding, "facility": facility, "resulted_on": None, **more}


@DOORS
def test_an_adenoma_leads_to_surveillance(door: Door, case: Case) -> None:
    door(case, "colonoscopy", "advanced_adenoma", SEEN)
    data = found("colonoscopy", "advanced_adenoma", case.facility)
    assert assessed() == [("colorectal", "assessed", SEEN, "Procedure", 1, data)]
    episode = Episode.objects.get()
    assert (episode.state, episode.step) == ("surveillance_due", "surveillance_colonoscopy")
    assert (episode.due_from, episode.due_rule) == (SEEN, "step:surveillance_colonoscopy")
    assert (episode.due_on.year, episode.due_on.month) == (SEEN.year + 3, SEEN.month)
    assert (episode.owner, episode.outcome, episode.closed_on) == (case.facility, "", None)
    assert AccessEntry.objects.filter(patient=case.patient, resource_type="Procedure", action="create").count() == 1


@DOORS
def test_a_cancer_is_reported_staged_and_decided_about(door: Door, case: Case) -> None:
    door(case, "colonoscopy", "lesion_sampled", SEEN)
    door(case, "histology", "cancer", SEEN, reported=REPORTED)
    door(case, "staging", "", STAGED, tnm="T3 N1a M0")
    door(case, "mdt", "treat_curative" if door is by_post else "treat", MET)
    facility = case.facility
    assert [(one[2], one[3], one[5]) for one in sorted(assessed(), key=lambda one: (one[2], one[3], one[4]))] == [
        (SEEN, "DiagnosticReport", found("histology", "cancer", facility, resulted_on=str(REPORTED))),
        (SEEN, "Procedure", found("colonoscopy", "lesion_sampled", facility)),
        (STAGED, "Observation", found("staging", "unspecified", facility, tnm={"t": "T3", "n": "N1a", "m": "M0"})),
        (MET, "Procedure", found("mdt", "treat", facility)),
    ]
    episode = Episode.objects.get()
    assert (episode.state, episode.step, episode.due_from) == ("treatment_due", "treatment", MET)
    assert (episode.due_on, episode.limit_on) == (MET + timedelta(31), MET + timedelta(62))
    assert [need["step"] for need in episode.needs] == ["treatment"]


@DOORS
def test_neither_door_takes_what_has_not_happened_yet(door: Door, case: Case) -> None:
    with pytest.raises(AssertionError):
        door(case, "colonoscopy", "normal", TODAY + timedelta(2))
    assert assessed() == []
    assert Episode.objects.get().state == "assessment_due"
