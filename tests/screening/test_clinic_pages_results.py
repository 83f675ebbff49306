"""Entering, correcting and taking back results, and moving rounds on, as somebody at the clinic's desk does."""

import json
from datetime import timedelta
from decimal import Decimal

import pytest
from django.test import Client
from django.utils import timezone

from fhir.models import Resource
from healthhub.accounts.actors import Role
from records.models import Facility
from screening.models import Episode, ScreeningResult
from tests.screening.appointment_room import planned
from tests.screening.clinic_room import fit, mark_in, signed_in
from tests.screening.conftest import Sender

pytestmark = pytest.mark.django_db


@pytest.fixture
def doctor(station: Facility) -> Client:
    return signed_in(Role.CLINICIAN, station)


@pytest.fixture
def entry(man: str) -> str:
    """The address of the man's FIT form."""
    return f"/clinic/people/{man}/results/new/?test=fit"


def test_the_reading_is_shown_before_anything_is_saved(doctor: Client, entry: str, man: str) -> None:
    page = doctor.post(entry, fit("34,5", kit="OC-Sensor"))
    assert page.context["preview"].reading == "Dương tính: 34,5 µg/g ≥ ngưỡng 20 µg/g"
    assert page.context["preview"].next_step == "Bước tiếp theo: Nội soi đại tràng, trước ngày 07/07/2024."
    assert ScreeningResult.objects.count() == 0

    page = doctor.post(entry, {**fit("34,5", kit="OC-Sensor"), "mark": mark_in(page.content)})
    assert page.headers["Location"] == f"/clinic/people/{man}/"
    result = ScreeningResult.objects.get()
    assert (result.value, result.unit, result.cutoff, result.kit) == (Decimal("34.5"), "ug/g", 20, "OC-Sensor")
    assert (result.outcome, f"{result.collected_on}", f"{result.resulted_on}") == (
        "positive",
        "2024-05-06",
        "2024-05-08",
    )
    assert "Người tiếp theo" in doctor.get(page.headers["Location"]).content.decode()


def test_a_value_changed_after_the_reading_is_read_again(doctor: Client, entry: str) -> None:
    mark = mark_in(doctor.post(entry, fit("3")).content)
    page = doctor.post(entry, {**fit("30"), "mark": mark})
    assert page.context["preview"].word == "Dương tính"
    assert ScreeningResult.objects.count() == 0


def test_the_live_reading_is_a_fragment_and_saves_nothing(doctor: Client, entry: str) -> None:
    page = doctor.post(entry, fit("3"), headers={"hx-request": "true"})
    mark = mark_in(page.content)
    doctor.post(entry, {**fit("3"), "mark": mark}, headers={"hx-request": "true"})
    assert "<html" not in page.content.decode()
    assert ScreeningResult.objects.count() == 0
    doctor.post(entry, {**fit("3"), "mark": mark})
    assert ScreeningResult.objects.get().outcome == "negative"


def test_the_cutoff_that_was_used_decides(doctor: Client, entry: str) -> None:
    assert doctor.post(entry, fit("12", cutoff="10")).context["preview"].word == "Dương tính"
    assert doctor.post(entry, fit("12")).context["preview"].word == "Âm tính"
    assert doctor.post(entry, fit("90", unit="ng/mL")).context["preview"].word == "Âm tính"


@pytest.mark.parametrize(("value", "cutoff", "warned"), [("300", "1000", 1), ("12", "10", 1), ("12", "15", 0)])
def test_a_cutoff_that_makes_another_result_than_the_protocols_is_pointed_out(
    doctor: Client, entry: str, value: str, cutoff: str, warned: int
) -> None:
    warnings = doctor.post(entry, fit(value, cutoff=cutoff)).context["preview"].warnings
    assert sum("Theo ngưỡng của quy trình:" in text for text in warnings) == warned


def test_a_cutoff_that_hides_a_positive_is_said_to_before_and_after_it_is_saved(doctor: Client, entry: str) -> None:
    told = "Ngưỡng này che mất một kết quả dương tính nên không lưu được."
    page = doctor.post(entry, fit("300", cutoff="1000"))
    assert page.content.decode().count(told) == 1
    page = doctor.post(entry, {**fit("300", cutoff="1000"), "mark": mark_in(page.content)})
    assert [text.startswith(told) for text in page.context["form"].errors["cutoff"]] == [True]
    assert ScreeningResult.objects.count() == 0


@pytest.mark.parametrize(
    ("changed", "field", "error"),
    [
        ({"value": ""}, "value", "Hãy nhập kết quả."),
        ({"value": "nhiều"}, "value", "Phải là một số, ví dụ 12,5."),
        ({"category": "inadequate"}, "category", "Chỉ ghi một trong hai: số đo, hoặc kết quả không có số đo."),
        ({"collected_on": "01/01/1950"}, "collected_on", "Ngày lấy mẫu ở trước ngày sinh."),
        ({"resulted_on": "05/05/2024"}, "resulted_on", "Ngày trả kết quả ở trước ngày lấy mẫu."),
        ({"collected_on": "2024"}, "collected_on", "Ngày phải có dạng ngày/tháng/năm, ví dụ 05/11/2026."),
        ({"cutoff": "0"}, "cutoff", "Ngưỡng phải lớn hơn 0."),
    ],
)
def test_what_is_wrong_stands_beside_its_field(
    doctor: Client, entry: str, changed: dict[str, str], field: str, error: str
) -> None:
    page = doctor.post(entry, fit(**changed))
    assert page.context["form"].errors[field] == [error]
    assert page.context["preview"] is None


def test_a_day_that_has_not_come_is_refused(doctor: Client, entry: str) -> None:
    tomorrow = f"{timezone.localdate() + timedelta(days=1):%d/%m/%Y}"
    page = doctor.post(entry, fit(collected_on=tomorrow, resulted_on=tomorrow))
    assert page.context["form"].errors["collected_on"] == ["Ngày này chưa đến."]


def test_errors_come_in_english_too(doctor: Client, entry: str) -> None:
    doctor.cookies["django_language"] = "en"
    page = doctor.post(entry, fit("1,234"))
    text = page.content.decode()
    assert "Thousand or decimal? Write it without a thousands separator." in text
    assert "Có thể là phần nghìn" not in text


def test_a_coded_result_is_chosen(doctor: Client, woman: str) -> None:
    address = f"/clinic/people/{woman}/results/new/?test=hpv"
    filled = {"category": "hpv16", "collected_on": "06/05/2024", "resulted_on": "08/05/2024", "specimen_id": "M-7"}
    page = doctor.post(address, filled)
    doctor.post(address, {**filled, "mark": mark_in(page.content)})
    result = ScreeningResult.objects.get()
    assert (result.test, result.category, result.specimen_id) == ("hpv", "hpv16", "M-7")


def test_an_unknown_test_is_not_found(doctor: Client, man: str) -> None:
    assert doctor.get(f"/clinic/people/{man}/results/new/?test=xray").status_code == 404


def test_a_second_result_of_the_day_is_pointed_out(doctor: Client, entry: str, send: Sender, man: str) -> None:
    held = send.fit(man, "3", on="2024-05-06")
    page = doctor.post(entry, fit("3"))
    assert [one.observation_id for one in page.context["preview"].same] == [held]


def test_a_specimen_has_one_result_of_a_test(doctor: Client, entry: str, send: Sender, woman: str) -> None:
    send.fit(woman, "3", specimen="M-1")
    page = doctor.post(entry, fit("3", specimen_id="M-1"))
    assert page.context["form"].errors["specimen_id"] == [
        "Mẫu này của cơ sở đã có kết quả xét nghiệm này. Hãy sửa kết quả đó."
    ]


def test_a_result_outside_the_age_band_warns(doctor: Client, entry: str) -> None:
    page = doctor.post(entry, fit("3", collected_on="06/05/1990", resulted_on="08/05/1990"))
    assert page.context["preview"].warnings == ["Người này 30 tuổi, dưới độ tuổi của chương trình."]


def correction(doctor: Client, address: str, **fields: str) -> dict[str, str]:
    """The filled form of a correction, read once."""
    version = doctor.get(address).context["form"].initial["version"]
    filled = {**fit(**fields), "version": str(version)}
    return {**filled, "mark": mark_in(doctor.post(address, filled).content)}


def test_a_correction_is_a_new_version_with_its_reason(doctor: Client, send: Sender, man: str) -> None:
    observation = send.fit(man, "50")
    address = f"/clinic/people/{man}/results/{observation}/correct/"
    assert doctor.get(address).context["form"].initial["value"] == "50"
    page = doctor.post(address, correction(doctor, address, value="5", note="Gõ nhầm"))
    assert page.headers["Location"] == f"/clinic/people/{man}/"
    result = ScreeningResult.objects.get()
    assert (result.observation_id, result.version, result.status) == (observation, 2, "corrected")
    assert (result.value, result.outcome) == (5, "negative")
    assert Episode.objects.get().state == "closed"


def test_a_correction_needs_a_reason(doctor: Client, send: Sender, man: str) -> None:
    observation = send.fit(man, "50")
    address = f"/clinic/people/{man}/results/{observation}/correct/"
    page = doctor.post(address, {**fit("5"), "version": "1"})
    assert list(page.context["form"].errors) == ["note"]


def test_two_corrections_at_once_do_not_run_over_each_other(doctor: Client, send: Sender, man: str) -> None:
    observation = send.fit(man, "50")
    address = f"/clinic/people/{man}/results/{observation}/correct/"
    mine = correction(doctor, address, value="5", note="Gõ nhầm")
    doctor.post(address, correction(doctor, address, value="6", note="Đo lại"))
    page = doctor.post(address, mine)
    assert page.context["form"].non_field_errors() == [
        "Có người vừa sửa kết quả này. Hãy mở lại trang và xem bản mới nhất trước khi sửa."
    ]
    assert ScreeningResult.objects.get().value == 6


def test_a_result_entered_in_error_is_taken_back(doctor: Client, send: Sender, man: str) -> None:
    observation = send.fit(man, "50")
    address = f"/clinic/people/{man}/results/{observation}/withdraw/"
    doctor.get(address)
    assert ScreeningResult.objects.count() == 1
    assert doctor.post(address).context["form"].errors["why"]  # a positive never goes without a reason
    assert ScreeningResult.objects.count() == 1
    doctor.post(address, {"why": "ghi nhầm người"})
    assert ScreeningResult.objects.count() == 0
    kept = json.loads(Resource.objects.get(type="Observation").content)
    assert (kept["status"], kept["note"][-1]) == ("entered-in-error", {"text": "ghi nhầm người"})


def test_a_positive_person_is_referred_and_her_assessment_closes_the_round(
    doctor: Client, send: Sender, man: str
) -> None:
    observation = send.fit(man, "50")
    address = f"/clinic/people/{man}/results/{observation}"
    soon = timezone.localdate() + timedelta(days=9)
    for slip in ("01/01/2020", "31/12/9999"):
        assert doctor.post(f"{address}/refer/", {"due_on": slip}).context["form"].errors["due_on"]
    doctor.post(f"{address}/refer/", {"due_on": f"{soon:%d/%m/%Y}"})
    assert Episode.objects.get().state == "referred"

    page = doctor.post(f"{address}/assess/", {"done_on": "01/05/2024", "finding": "normal"})
    assert page.context["form"].errors["done_on"] == ["Ngày này ở trước ngày lấy mẫu."]
    doctor.post(f"{address}/assess/", {"done_on": f"{timezone.localdate():%d/%m/%Y}", "finding": "normal"})
    episode = Episode.objects.get()
    assert (episode.state, episode.outcome, episode.detail) == ("closed", "assessed", "normal")
    history = doctor.get(f"/clinic/people/{man}/").context["history"]
    titles = [one.title for one in history if one.fact != "result"]
    assert sorted(titles) == ["Giới thiệu: Nội soi đại tràng", "Đã làm: Nội soi đại tràng"]


def test_after_a_referral_the_next_page_books_it_if_a_place_is_free(
    doctor: Client, station: Facility, send: Sender, man: str
) -> None:
    address = f"/clinic/people/{man}/results/{send.fit(man, '50')}/refer/"
    slip = {"due_on": f"{timezone.localdate() + timedelta(days=9):%d/%m/%Y}"}
    assert doctor.post(address, slip).headers["Location"] == f"/clinic/people/{man}/"
    planned(station)
    booking = doctor.post(address, slip).headers["Location"]
    assert booking == f"/clinic/people/{man}/appointments/new/?service=assessment.colorectal.colonoscopy"
    page = doctor.get(booking)
    assert "Đã giới thiệu đi khám" in page.content.decode()
    assert len(page.context["late"][0].slots) == 2


def test_a_referral_offers_the_day_of_the_protocol_unless_it_has_passed(doctor: Client, send: Sender, man: str) -> None:
    address = f"/clinic/people/{man}/results/{send.fit(man, '50')}/refer/"
    today = timezone.localdate()
    for due, offered in ((today, today), (today - timedelta(days=1), None)):
        Episode.objects.update(due_on=due)
        assert doctor.get(address).context["form"]["due_on"].value() == offered


def test_a_negative_result_leads_to_no_referral(doctor: Client, send: Sender, man: str) -> None:
    observation = send.fit(man, "3")
    assert doctor.get(f"/clinic/people/{man}/results/{observation}/refer/").status_code == 404


def test_a_step_is_closed_with_a_coded_reason(doctor: Client, send: Sender, man: str) -> None:
    send.fit(man, "50")
    address = f"/clinic/people/{man}/rounds/{Episode.objects.get().pk}/close/"
    today = f"{timezone.localdate():%d/%m/%Y}"
    assert doctor.post(address, {"on": today}).context["form"].errors["reason"]
    doctor.post(address, {"on": today, "reason": "declined"})
    episode = Episode.objects.get()
    assert (episode.state, episode.detail) == ("closed", "declined")
    assert doctor.get(address).status_code == 404


def test_a_result_that_came_while_the_form_was_open_is_not_closed_with_it(
    doctor: Client, send: Sender, man: str
) -> None:
    send.fit(man, "50", on="2026-05-06")
    address = f"/clinic/people/{man}/rounds/{Episode.objects.get().pk}/close/"
    known = doctor.get(address).context["form"]["known"].value()
    send.fit(man, "300", on="2026-05-20", specimen="B")
    said = {"on": f"{timezone.localdate():%d/%m/%Y}", "reason": "declined"}
    page = doctor.post(address, {**said, "known": known})
    assert page.context["form"].errors["__all__"] == [
        "Người này vừa có kết quả, giấy giới thiệu hoặc lần khám mới. Hãy xem lại hồ sơ rồi đề nghị lại."
    ]
    assert Episode.objects.get().state == "assessment_due"
    doctor.post(address, {**said, "known": doctor.get(address).context["form"]["known"].value()})
    assert Episode.objects.get().state == "closed"


def images(**fields: str) -> dict[str, str]:
    """The form of a mammogram's reading."""
    days = {"collected_on": "06/05/2026", "resulted_on": "08/05/2026"}
    return {"category": "birads_1", "note": "", **days, **fields}


def test_breast_density_is_entered_shown_before_saving_corrected_and_told(
    doctor: Client, woman: str, station: Facility
) -> None:
    second = signed_in(Role.CLINICIAN, station, email="second@station.example")
    readers = {"mammography": doctor, "mammography_second": second}
    for test, reader in readers.items():
        entry = f"/clinic/people/{woman}/results/new/?test={test}"
        page = reader.post(entry, images(component_density="c"))
        shown = page.context["preview"]
        assert shown.reading == "BI-RADS 1: bình thường; Mật độ mô vú: c: đặc không đều"
        assert shown.beside == [
            "Mật độ mô vú c: đặc không đều: nếu kết luận cuối cùng là âm tính, cần Siêu âm vú bổ sung."
        ]
        reader.post(entry, {**images(component_density="c"), "mark": mark_in(page.content)})
    assert shown.next_step == ""  # not "nothing more to do": the ultrasound is
    episode = Episode.objects.get()
    assert (episode.step, f"{episode.due_on}") == ("supplemental_ultrasound", "2026-07-07")

    citizen = signed_in(Role.CITIZEN, patient=woman).get("/me/").content.decode()
    assert "Không thấy dấu hiệu bất thường ở vú của bạn, nhưng mô vú đặc." in citizen
    assert "Bạn cần siêu âm vú trước ngày 07/07/2026." in citizen

    for result in ScreeningResult.objects.all():
        address = f"/clinic/people/{woman}/results/{result.observation_id}/correct/"
        form = readers[result.test].get(address).context["form"]
        assert form["component_density"].value() == "c"
        said = {**images(component_density="b", note="Đọc lại"), "version": f"{result.version}"}
        page = readers[result.test].post(address, said)
        readers[result.test].post(address, {**said, "mark": mark_in(page.content)})
    episode.refresh_from_db()
    assert (episode.state, episode.outcome, f"{episode.due_on}") == ("closed", "negative", "2028-05-06")
    stored = json.loads(Resource.objects.filter(type="Observation").first().content)
    assert [one["valueCodeableConcept"]["text"] for one in stored["component"]] == ["b: mô tuyến rải rác"]
