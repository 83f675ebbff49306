"""From the colonoscopy to the treatment by the pages: report, staging, decision; what is stored, what comes next."""

from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from fhir import store
from fhir.models import Resource
from healthhub.accounts.actors import SYSTEM, Role
from records.models import Facility
from screening.models import Episode, EpisodeEvent
from tests.screening.clinic_room import signed_in
from tests.screening.conftest import Sender

pytestmark = pytest.mark.django_db
LOCAL = "https://healthhub.example/fhir/CodeSystem/screening"
TODAY = timezone.localdate()
TESTED, SEEN, REPORTED, STAGED, MET = (TODAY - timedelta(days) for days in (60, 40, 35, 30, 20))


class Chain:
    """A doctor who fills the form of each step for one man."""

    def __init__(self, doctor: Client, station: Facility, man: str, send: Sender) -> None:
        self.doctor, self.station, self.man = doctor, station, man
        self.observation = send.fit(man, "50", on=str(TESTED), issued=f"{TESTED}T08:00:00+07:00")

    def post(self, what: str = "", **fields: Any) -> Any:
        """The form of an assessment; days are written as people do."""
        written = {name: f"{value:%d/%m/%Y}" if isinstance(value, date) else value for name, value in fields.items()}
        address = f"/clinic/people/{self.man}/results/{self.observation}/assess/"
        return self.doctor.post(f"{address}?what={what}" if what else address, written)

    def save(self, what: str = "", **fields: Any) -> None:
        answer = self.post(what, **fields)
        assert answer.status_code == 302, answer.context["form"].errors

    def until(self, step: str) -> "Chain":
        """Everything before a step, in order."""
        forms: list[tuple[str, dict[str, Any]]] = [
            ("histology", {"done_on": SEEN, "finding": "lesion_sampled"}),
            ("staging", {"done_on": SEEN, "reported_on": REPORTED, "finding": "cancer"}),
            ("mdt", {"done_on": STAGED, "t": "T3", "n": "N1a", "m": "M0"}),
            ("treatment", {"done_on": MET, "finding": "treat"}),
        ]
        for then, fields in forms:
            self.save(**fields)
            assert step_now() == then
            if then == step:
                break
        return self

    def said(self) -> list[str]:
        """What the person's page says that was done, oldest first."""
        history = self.doctor.get(f"/clinic/people/{self.man}/").context["history"]
        return [f"{one.title}: {one.text}" for one in reversed(history) if one.fact == "assessed"]


@pytest.fixture
def chain(station: Facility, man: str, send: Sender) -> Chain:
    return Chain(signed_in(Role.CLINICIAN, station), station, man, send)


def step_now() -> str:
    return Episode.objects.get().step


def stored(kind: str) -> dict[str, Any]:
    """The newest resource of a kind that the forms wrote, without what the server sets."""
    row = Resource.objects.filter(type=kind).order_by("-last_updated").first()
    assert row
    found = store.text.parse(row.content).resource
    return {name: value for name, value in found.items() if name not in ("id", "meta")}


def local(code: str, display: str, text: str) -> dict[str, Any]:
    return {"coding": [{"system": LOCAL, "code": code, "display": display}], "text": text}


def about(chain: Chain) -> dict[str, Any]:
    return {"subject": {"reference": f"Patient/{chain.man}"}}


# The pathologist's report


def test_a_report_is_stored_with_both_of_its_days_and_leads_on(chain: Chain) -> None:
    chain.until("histology").save(done_on=SEEN, reported_on=REPORTED, finding="cancer", note="Biệt hóa vừa")
    assert stored("DiagnosticReport") == {
        "resourceType": "DiagnosticReport",
        **about(chain),
        "status": "final",
        "code": local("colorectal-histology", "Colorectal histology", "Giải phẫu bệnh đại trực tràng"),
        "effectiveDateTime": str(SEEN),
        "issued": f"{REPORTED}T00:00:00+07:00",
        "performer": [{"reference": f"Organization/{chain.station.pk}"}],
        "conclusion": "Biệt hóa vừa",
        "conclusionCode": [local("cancer", "Cancer", "Ung thư")],
    }
    episode = Episode.objects.get()
    assert (episode.state, episode.step, episode.due_from) == ("decision_due", "staging", REPORTED)
    assert (episode.due_on, episode.owner) == (REPORTED + timedelta(14), chain.station.pk)
    assert "Đã làm: Giải phẫu bệnh đại trực tràng: Ung thư" in chain.said()


def test_inadequate_tissue_leaves_the_report_due(chain: Chain) -> None:
    chain.until("histology").save(done_on=SEEN, reported_on=REPORTED, finding="inadequate")
    assert Episode.objects.get().state == "assessment_due"
    assert step_now() == "histology"
    chain.save(done_on=STAGED, finding="advanced_adenoma")
    assert step_now() == "surveillance_colonoscopy"


@pytest.mark.parametrize(
    ("fields", "errors"),
    [
        ({"finding": ""}, {"finding": ["Trường này là bắt buộc."]}),
        ({"finding": "polyp"}, None),
        ({"reported_on": SEEN - timedelta(1)}, {"reported_on": ["Ngày trả lời phải từ ngày khám đến hôm nay."]}),
        ({"reported_on": TODAY + timedelta(1)}, {"reported_on": ["Ngày trả lời phải từ ngày khám đến hôm nay."]}),
        ({"done_on": TODAY + timedelta(1)}, {"done_on": ["Ngày này chưa đến."]}),
        ({"done_on": TESTED - timedelta(1)}, {"done_on": ["Ngày này ở trước ngày lấy mẫu."]}),
        ({"done_on": "31/02/2026"}, {"done_on": ["Ngày phải có dạng ngày/tháng/năm, ví dụ 05/11/2026."]}),
    ],
)
def test_a_wrong_report_says_why_and_keeps_what_was_typed(
    chain: Chain, fields: dict[str, Any], errors: dict[str, list[str]] | None
) -> None:
    chain.until("histology")
    good = {"done_on": SEEN, "reported_on": REPORTED, "finding": "cancer", "note": "Tiêu bản số 26-118"}
    page = chain.post(**good | fields)
    form = page.context["form"]
    assert dict(form.errors) == errors if errors else list(form.errors) == ["finding"]
    text = page.content.decode()
    assert page.status_code == 200
    assert "Tiêu bản số 26-118" in text
    assert f'value="{(good | fields)["reported_on"]:%d/%m/%Y}"' in text
    assert 'class="nhsuk-error-summary' in text
    assert not Resource.objects.filter(type="DiagnosticReport").exists()
    assert step_now() == "histology"


# T, N and M


def test_a_stage_is_stored_as_it_was_written_and_leads_to_the_team(chain: Chain) -> None:
    chain.until("staging").save(done_on=STAGED, t="cT3", n="1a", m="M0", note="CT ngực, bụng")
    loinc = "http://loinc.org"
    assert stored("Observation") == {
        "resourceType": "Observation",
        **about(chain),
        "status": "final",
        "code": local("colorectal-staging", "Stage (TNM)", "Giai đoạn bệnh (TNM)"),
        "effectiveDateTime": str(STAGED),
        "performer": [{"reference": f"Organization/{chain.station.pk}"}],
        "component": [
            {
                "code": {"coding": [{"system": loinc, "code": code, "display": f"c{part} category"}]},
                "valueCodeableConcept": {"coding": [{"system": LOCAL, "code": value}], "text": value},
            }
            for code, part, value in (("21905-5", "T", "cT3"), ("21906-3", "N", "N1a"), ("21907-1", "M", "M0"))
        ],
        "note": [{"text": "CT ngực, bụng"}],
    }
    assert EpisodeEvent.objects.get(data__assessment="staging").data["tnm"] == {"t": "cT3", "n": "N1a", "m": "M0"}
    assert (Episode.objects.get().state, step_now()) == ("decision_due", "mdt")
    assert chain.said()[-1] == "Đã làm: Giai đoạn bệnh (TNM): Đã ghi giai đoạn cT3 N1a M0"


@pytest.mark.parametrize(
    ("fields", "errors"),
    [
        ({"t": "T5"}, {"t": ["Chưa đúng cách ghi T."]}),
        ({"t": "3", "n": "N4", "m": "M2"}, {"n": ["Chưa đúng cách ghi N."], "m": ["Chưa đúng cách ghi M."]}),
        ({"t": "", "n": "", "m": ""}, {"t": ["Hãy ghi ít nhất T, N hoặc M."]}),
        ({"done_on": ""}, {"done_on": ["Hãy nhập ngày."]}),
    ],
)
def test_a_wrong_stage_says_which_letter_and_keeps_what_was_typed(
    chain: Chain, fields: dict[str, Any], errors: dict[str, list[str]]
) -> None:
    chain.until("staging")
    given = {"done_on": STAGED, "t": "T3", "n": "N1a", "m": "M0", "note": "CT ngực"} | fields
    page = chain.post(**given)
    assert dict(page.context["form"].errors) == errors
    text = page.content.decode()
    kept = [f'value="{given[part]}"' for part in ("t", "n", "m") if given[part]]
    assert all(value in text for value in kept)
    assert "CT ngực" in text
    assert step_now() == "staging"
    assert EpisodeEvent.objects.filter(data__assessment="staging").count() == 0


# The team's decision


@pytest.mark.parametrize(
    ("finding", "code", "then"),
    [
        ("treat", "treat-curative", ("treatment_due", "treatment", "")),
        ("treat_palliative", "treat-palliative", ("treatment_due", "treatment", "")),
        ("no_treatment", "no-treatment", ("closed", "", "no_treatment")),
        ("no_cancer", "no-cancer", ("closed", "", "no_cancer")),
        ("unspecified", None, ("decision_due", "mdt", "")),
    ],
)
def test_each_decision_leads_where_the_protocol_says(
    chain: Chain, finding: str, code: str | None, then: tuple[str, str, str]
) -> None:
    chain.until("mdt").save(done_on=MET, finding=finding)
    meeting = stored("Procedure")
    assert meeting["code"]["coding"][0]["code"] == "colorectal-mdt"
    assert (meeting["status"], meeting["performedDateTime"]) == ("completed", str(MET))
    assert meeting["reasonReference"] == [{"reference": f"Observation/{chain.observation}"}]
    assert (meeting["outcome"]["coding"][0]["code"] if code else meeting.get("outcome")) == code
    episode = Episode.objects.get()
    assert (episode.state, episode.step, episode.detail) == then


def test_a_decision_needs_to_be_one_and_of_a_day_that_has_come(chain: Chain) -> None:
    chain.until("mdt")
    page = chain.post(done_on=TODAY + timedelta(1), note="Hội chẩn lần 1")
    assert dict(page.context["form"].errors) == {
        "done_on": ["Ngày này chưa đến."],
        "finding": ["Trường này là bắt buộc."],
    }
    assert "Hội chẩn lần 1" in page.content.decode()
    assert step_now() == "mdt"


def test_a_treatment_ends_in_surveillance_not_in_silence(chain: Chain) -> None:
    chain.until("treatment").save(done_on=TODAY, finding="surgery")
    episode = Episode.objects.get()
    assert (episode.state, episode.step) == ("surveillance_due", "colonoscopy_after_cancer")
    assert (episode.due_on.year, episode.due_on.month) == (TODAY.year + 1, TODAY.month)


# Corrections: by any door the same state as if it had been right from the start


CORRECTIONS = {
    "another conclusion": (
        ("staging", "DiagnosticReport"),
        {"status": "corrected", "conclusionCode": [{"coding": [{"system": LOCAL, "code": "normal"}]}]},
        ("closed", "", "normal", "corrected"),
    ),
    "no meeting at all": (
        ("treatment", "Procedure"),
        {"status": "entered-in-error"},
        ("decision_due", "mdt", "", "withdrawn"),
    ),
}


@pytest.mark.parametrize(("where", "right", "then"), CORRECTIONS.values(), ids=CORRECTIONS)
def test_a_correction_moves_the_round_to_where_it_belongs(
    chain: Chain, where: tuple[str, str], right: dict[str, Any], then: tuple[str, str, str, str]
) -> None:
    step, kind = where
    chain.until(step)
    row = Resource.objects.filter(type=kind).order_by("-last_updated").first()
    assert row
    store.save(store.text.parse(row.content).resource | right, actor=SYSTEM)
    episode, event = Episode.objects.get(), EpisodeEvent.objects.filter(source_id=row.id).latest("source_version")
    assert (episode.state, episode.step, episode.detail, event.kind) == then
    assert event.source_version == 2
