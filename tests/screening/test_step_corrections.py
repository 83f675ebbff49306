"""What a facility recorded of a step is put right, or taken back, on the person's page; the round moves as if it had
been right from the start, and who acted on the old version is told."""

from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client

from fhir import store
from fhir.models import Resource, ResourceVersion
from fhir.outcomes import Refused
from healthhub.accounts.actors import SYSTEM, Actor, Role
from records.access import presented_at
from records.models import Facility
from screening.correcting import correct_step, find_step, withdraw_step
from screening.models import Episode
from tests.screening.chain_room import MET, REPORTED, SEEN, TESTED, Chain, stored
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


def stands() -> tuple[str, str, str]:
    """Where the round is."""
    episode = Episode.objects.get()
    return episode.state, episode.step, episode.detail


# The form


def test_the_form_of_a_recorded_step_comes_filled_with_what_is_stored(chain: Chain) -> None:
    source = chain.until("staging")
    page = chain.doctor.get(chain.address(source, "correct"))
    text = page.content.decode()
    assert page.status_code == 200
    assert f'value="{SEEN:%d/%m/%Y}"' in text
    assert f'value="{REPORTED:%d/%m/%Y}"' in text
    assert "Biệt hóa vừa</textarea>" in text.replace("\n", "")
    assert page.context["form"]["finding"].value() == "cancer"
    assert page.context["form"]["version"].value() == 1


def test_a_stage_comes_filled_letter_by_letter(chain: Chain) -> None:
    source = chain.until("mdt")
    form = chain.doctor.get(chain.address(source, "correct")).context["form"]
    assert [form[part].value() for part in "tnm"] == ["cT3", "N1a", "M0"]


def test_saving_the_form_as_it_came_writes_nothing_and_says_so(chain: Chain) -> None:
    source = chain.until("staging")
    page = chain.correct(source)
    assert page.context["form"].non_field_errors() == [
        "Chưa có gì khác với bản đang lưu. Hãy sửa điều sai, hoặc quay lại."
    ]
    assert Resource.objects.get(type=source[0], id=source[1]).version == 1


@pytest.mark.parametrize(
    ("changes", "errors"),
    [
        ({"finding": "normal", "reason": ""}, {"reason": ["Trường này là bắt buộc."]}),
        ({"finding": "normal", "reason": "corrected-other"}, {"why": ["Hãy nói rõ lý do."]}),
        ({"done_on": f"{TESTED - timedelta(1):%d/%m/%Y}"}, {"done_on": ["Ngày này ở trước ngày lấy mẫu."]}),
    ],
)
def test_a_wrong_correction_says_why_and_keeps_what_was_typed(
    chain: Chain, changes: dict[str, Any], errors: dict[str, list[str]]
) -> None:
    source = chain.until("staging")
    page = chain.correct(source, note="Tiêu bản số 26-118", **changes)
    assert dict(page.context["form"].errors) == errors
    assert "Tiêu bản số 26-118" in page.content.decode()
    assert stored(source)["status"] == "final"


# What is stored


def test_a_corrected_report_keeps_its_old_version_and_tells_its_reason(chain: Chain) -> None:
    source = chain.until("staging")
    assert chain.correct(source, finding="normal", note="Đọc lại", reason="corrected-reread").status_code == 302
    said = stored(source)
    assert (said["status"], said["conclusion"], said["issued"]) == (
        "corrected",
        "Đọc lại",
        f"{REPORTED}T00:00:00+07:00",
    )
    assert said["conclusionCode"][0]["coding"][0]["code"] == "normal"
    coding = {"system": LOCAL, "code": "corrected-reread", "display": "Images or slides were read again"}
    concept = {"coding": [coding], "text": "Đọc lại phim hoặc tiêu bản"}
    assert said["extension"] == [{"url": REASON, "valueCodeableConcept": concept}]
    old = store.text.parse(ResourceVersion.objects.get(type=source[0], id=source[1]).content).resource
    assert (old["status"], old["conclusion"]) == ("final", "Biệt hóa vừa")
    assert stands() == ("closed", "", "normal")


def test_a_corrected_stage_changes_the_letter_that_was_wrong(chain: Chain) -> None:
    source = chain.until("mdt")
    assert chain.correct(source, t="cT2").status_code == 302
    values = {
        one["code"]["coding"][0]["code"]: one["valueCodeableConcept"]["text"] for one in stored(source)["component"]
    }
    assert values == {"21905-5": "cT2", "21906-3": "N1a", "21907-1": "M0"}
    assert stored(source)["status"] == "corrected"


def test_what_a_facilitys_software_wrote_beside_stays_when_a_page_corrects_it(chain: Chain, send: Sender) -> None:
    outcome = {"coding": [{"system": LOCAL, "code": "lesion-sampled"}]}
    more = {
        "performedPeriod": {"start": f"{SEEN}T08:00:00+07:00", "end": f"{SEEN}T08:40:00+07:00"},
        "bodySite": [{"text": "Đại tràng sigma"}],
        "text": {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">Polyp</div>'},
    }
    resource = {
        "resourceType": "Procedure",
        "status": "completed",
        "code": {"coding": [{"system": "http://snomed.info/sct", "code": "73761001"}]},
        "subject": {"reference": f"Patient/{chain.man}"},
        "outcome": outcome,
    }
    source = "Procedure", store.save(resource | more, actor=SYSTEM, facility=chain.station.pk).id
    assert chain.correct(source, finding="normal").status_code == 302
    said = stored(source)
    assert (said["performedPeriod"], said["bodySite"]) == (more["performedPeriod"], more["bodySite"])
    assert "text" not in said  # it told of the polyp
    assert said["outcome"]["coding"][0]["code"] == "normal"


# The round


def test_a_positive_round_reopened_by_a_withdrawal_stands_on_the_worklist_with_owner_and_due_date(
    chain: Chain,
) -> None:
    before = Episode.objects.get()
    source = chain.record("normal")
    assert (stands(), chain.worklist()) == (("closed", "", "normal"), [])
    assert chain.withdraw(source).status_code == 302
    episode = Episode.objects.get()
    assert (episode.state, episode.step, episode.owner) == ("assessment_due", "colonoscopy", chain.station.pk)
    assert (episode.due_on, episode.needs) == (before.due_on, before.needs)
    assert chain.worklist() == [(chain.man, "colonoscopy")]
    assert stored(source)["status"] == "entered-in-error"
    assert stored(source)["statusReason"]["coding"][0]["code"] == "entered-not-done"


CORRECTIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "a colonoscopy": ("histology", {"finding": "normal"}),
    "a report": ("staging", {"finding": "advanced_adenoma"}),
    "the day of a stage": ("mdt", {"done_on": MET}),
    "a decision": ("treatment", {"finding": "no_treatment"}),
}


@pytest.mark.parametrize(("step", "right"), CORRECTIONS.values(), ids=CORRECTIONS)
def test_a_correction_leaves_the_round_as_if_it_had_been_right_from_the_start(
    chain: Chain, send: Sender, step: str, right: dict[str, Any]
) -> None:
    source = chain.until(step)
    written = {name: f"{value:%d/%m/%Y}" if isinstance(value, date) else value for name, value in right.items()}
    assert chain.correct(source, **written).status_code == 302
    corrected = stands(), Episode.objects.get().needs, Episode.objects.get().due_on
    withdrawn = chain.withdraw(source, version=2)
    assert withdrawn.status_code == 302
    held = find_step(type=source[0], id=source[1], actor=SYSTEM)
    again = chain.record(finding=held.finding, done_on=held.done_on, reported_on=held.reported_on, tnm=held.tnm)
    fresh = stands(), Episode.objects.get().needs, Episode.objects.get().due_on
    swapped = [{**need, "source": need["source"].replace(again[1], source[1])} for need in fresh[1]]
    assert (fresh[0], swapped, fresh[2]) == corrected


def test_the_history_shows_both_versions_with_the_reason(chain: Chain) -> None:
    source = chain.until("histology")
    chain.correct(source, finding="normal", reason="corrected-other", why="Nhầm với ca trước")
    found = chain.doctor.get(f"/clinic/people/{chain.man}/").context["history"]
    entries = [one for one in found if one.fact == "assessed"]
    assert [(one.text, one.undone, one.reason, one.own) for one in entries] == [
        ("Có tổn thương, đã cắt hoặc sinh thiết, chờ giải phẫu bệnh", True, "", False),
        ("Không có tổn thương", False, "Lý do khác: Nhầm với ca trước", True),
    ]


# Two at once


def test_a_stale_correction_is_refused_and_nothing_of_it_is_lost(chain: Chain) -> None:
    source = chain.until("staging")
    opened = chain.shown(source)
    assert chain.correct(source, finding="advanced_adenoma").status_code == 302
    late = opened | {"finding": "normal", "note": "Tiêu bản số 26-118", "reason": "corrected-slip", "why": ""}
    page = chain.doctor.post(chain.address(source, "correct"), late)
    form = page.context["form"]
    assert form.non_field_errors() == [
        "Có người vừa ghi bản mới, hiện ở trên. Điều bạn ghi còn ở dưới: hãy so lại rồi lưu."
    ]
    assert (form["finding"].value(), form["note"].value()) == ("normal", "Tiêu bản số 26-118")
    assert page.context["now"] == "U tuyến hoặc polyp răng cưa tiến triển"
    assert stored(source)["conclusionCode"][0]["coding"][0]["code"] == "advanced-adenoma"
    knowing = late | {"version": form["version"].value()}
    assert chain.doctor.post(chain.address(source, "correct"), knowing).status_code == 302
    assert stored(source)["conclusionCode"][0]["coding"][0]["code"] == "normal"


def test_a_stale_withdrawal_is_refused_and_keeps_its_reason(chain: Chain) -> None:
    source = chain.until("histology")
    chain.correct(source, finding="normal")
    page = chain.withdraw(source, reason="entered-other", why="Người bệnh bỏ về")
    assert page.status_code == 200
    assert "Người bệnh bỏ về" in page.content.decode()
    assert stored(source)["status"] == "completed"


def test_what_was_taken_back_meanwhile_is_not_corrected_back_to_life(chain: Chain) -> None:
    source = chain.until("histology")
    opened = chain.shown(source)
    assert chain.withdraw(source).status_code == 302
    late = opened | {"finding": "normal", "note": "Nội soi lại", "reason": "corrected-slip", "why": ""}
    for version in (1, 2):
        page = chain.doctor.post(chain.address(source, "correct"), late | {"version": version})
        assert "Nội soi lại" in page.content.decode()
        assert page.context["form"].non_field_errors() == [
            "Có người vừa rút lại bước này, nên không sửa được nữa. Nếu đã diễn ra, hãy ghi mới."
        ]
    assert stored(source)["status"] == "entered-in-error"
    assert chain.doctor.get(chain.address(source, "correct")).status_code == 404


# Whose it is


def test_another_facility_sees_no_button_and_is_refused(chain: Chain, hospital: Actor, laboratory: Facility) -> None:
    source = chain.until("staging")
    stranger = signed_in(Role.CLINICIAN, laboratory)
    addresses = [chain.address(source, what) for what in ("correct", "withdraw")]
    page = stranger.get(f"/clinic/people/{chain.man}/").content.decode()
    own = chain.doctor.get(f"/clinic/people/{chain.man}/").content.decode()
    assert [(address in own, address in page) for address in addresses] == [(True, False), (True, False)]
    asked = chain.shown(source) | {"finding": "normal", "reason": "corrected-slip", "why": ""}
    assert [stranger.get(address).status_code for address in addresses] == [404, 404]
    assert stranger.post(addresses[0], asked).status_code == 404
    assert stranger.post(addresses[1], {"version": 1, "reason": "entered-twice"}).status_code == 404
    assert Resource.objects.get(type=source[0], id=source[1]).version == 1


def test_the_store_refuses_another_facility_as_well(chain: Chain, hospital: Actor) -> None:
    source = chain.until("histology")
    step = find_step(type=source[0], id=source[1], actor=hospital)
    with pytest.raises(Refused) as refused:
        withdraw_step(step=step, reason="entered-twice", why="", if_match=1, actor=hospital)
    assert refused.value.status == 403


def test_nobody_reaches_a_step_through_another_persons_page(chain: Chain, woman: str) -> None:
    source = chain.until("histology")
    address = chain.address(source, "withdraw").replace(chain.man, woman)
    assert chain.doctor.post(address, {"version": 1, "reason": "entered-twice"}).status_code == 404
    other = f"/clinic/people/{chain.man}/steps/Observation/{chain.observation}/withdraw/"
    assert chain.doctor.get(other).status_code == 404  # a result has pages of its own
    assert chain.doctor.get(f"/clinic/people/{chain.man}/steps/Patient/{chain.man}/correct/").status_code == 404


@pytest.mark.parametrize("role", [Role.OFFICER, Role.ANALYST])
def test_who_cares_for_nobody_has_no_such_page(chain: Chain, role: Role) -> None:
    source = chain.until("histology")
    assert signed_in(role).post(chain.address(source, "withdraw"), {"version": 1}).status_code == 403


def test_a_correction_with_an_unknown_version_number_is_no_way_round(chain: Chain) -> None:
    source = chain.until("histology")
    step = find_step(type=source[0], id=source[1], actor=chain.actor)
    fields: dict[str, Any] = {"done_on": SEEN, "reported_on": None, "note": "", "tnm": {}}
    with pytest.raises(Refused) as refused:
        correct_step(
            step=step, finding="normal", reason="corrected-slip", why="", if_match=9, actor=chain.actor, **fields
        )
    assert refused.value.status == 412


def test_a_form_without_its_version_is_not_saved(chain: Chain, client: Client) -> None:
    source = chain.until("histology")
    page = chain.withdraw(source, version="")
    assert page.status_code == 200
    assert stored(source)["status"] == "completed"
