"""A citizen's screening results on the own pages: verdict, next step, tracker, details."""

from datetime import date
from typing import Any

import pytest
from django.test import Client

from fhir import store
from healthhub.accounts.actors import SYSTEM, Role
from healthhub.accounts.models import User
from records.models import Membership
from screening.models import ScreeningResult, Standing
from screening.recall.refresh import refresh_noted
from tests.screening.clinic_room import signed_in
from tests.screening.conftest import Sender


@pytest.fixture
def browser(man: str) -> Client:
    """The man, signed in."""
    user = User.objects.create_user("man@example.vn", name="Nguyễn Văn Đức")
    Membership.objects.create(user=user, role=Role.CITIZEN.value, patient_id=man)
    client = Client()
    client.force_login(user)
    return client


def test_without_results_the_page_says_what_will_come(browser: Client) -> None:
    assert "Bạn chưa có kết quả sàng lọc nào" in browser.get("/me/").content.decode()


def test_a_positive_fit_asks_for_a_colonoscopy_by_its_day(browser: Client, man: str, send: Sender) -> None:
    send.fit(man, "48.6", issued="2024-05-08T00:00:00+07:00")
    page = browser.get("/me/").content.decode()
    assert "Việc cần làm bây giờ" in page
    assert "Có máu ẩn trong mẫu phân của bạn." in page
    assert "Nội soi đại tràng: trước 07/07/2024" in page
    # Shown by the screening section, so not once more among the other tests.
    assert browser.get("/me/").context["groups"] == []


def test_a_negative_fit_asks_for_nothing_and_names_the_next_month(browser: Client, man: str, send: Sender) -> None:
    send.fit(man, "3")
    page = browser.get("/me/").content.decode()
    assert "Hiện bạn chưa cần làm gì." in page
    assert "Lần xét nghiệm tiếp theo: tháng 05/2025" in page


def test_the_page_of_a_result_tells_the_steps_done_now_and_next(browser: Client, man: str, send: Sender) -> None:
    result = send.fit(man, "48.6", issued="2024-05-08T00:00:00+07:00")
    send.referral(man, on="2024-05-10", due="2024-06-20")
    steps = _page(browser, result).context["steps"]
    assert [(step.state, step.title, step.when) for step in steps] == [
        ("done", "Đã lấy mẫu", "06/05/2024"),
        ("done", "Đã có kết quả", "08/05/2024"),
        ("done", "Đã giới thiệu đi khám", "10/05/2024"),
        ("now", "Nội soi đại tràng", "trước 20/06/2024"),
        ("next", "Bác sĩ giải thích kết quả và hẹn theo dõi", ""),
    ]


def test_after_the_colonoscopy_nothing_is_asked_any_more(browser: Client, man: str, send: Sender) -> None:
    result = send.fit(man, "48.6")
    send.procedure(man, on="2024-06-01")
    context = _page(browser, result).context
    assert context["card"].kind == "good"
    assert "Đã khám chẩn đoán" in [step.title for step in context["steps"]]
    assert "Hiện bạn chưa cần làm gì." in browser.get("/me/").content.decode()


def test_the_details_keep_value_cutoff_kit_laboratory_and_author(browser: Client, man: str, send: Sender) -> None:
    result = send.fit(man, "48.60", specimen="26-1", device={"display": "OC-Sensor"})
    details = _page(browser, result).context["details"]
    assert (details.value, details.cutoff, details.kit, details.specimen) == (
        "48,6 µg/g",
        "20 µg/g",
        "OC-Sensor",
        "26-1",
    )
    assert details.entered_by == "HealthHub"
    assert details.bar.value > details.bar.cutoff
    assert "Trạm y tế Dịch Vọng" in _page(browser, result).content.decode()


def test_a_correction_shows_what_was_said_before(browser: Client, man: str, send: Sender) -> None:
    result = send.fit(man, "48.6")
    corrected = send.observation(man, "8.6") | {"id": result, "status": "corrected"}
    store.save(corrected, actor=SYSTEM, facility=send.facility.pk)
    answer = _page(browser, result)
    assert [version.value for version in answer.context["details"].earlier] == ["48,6 ug/g"]
    assert "Không phát hiện máu ẩn" in answer.content.decode()


def test_values_over_the_years_are_drawn_and_listed(browser: Client, man: str, send: Sender) -> None:
    send.fit(man, "3", on="2023-05-06")
    assert browser.get("/me/results/").context["trend"] is None
    send.fit(man, "9", on="2024-05-06")
    _title, chart = browser.get("/me/results/").context["trend"]
    assert [(point.label, point.text) for point in chart.points] == [("06/05/2023", "3"), ("06/05/2024", "9")]
    assert chart.limit.text == "ngưỡng 20 µg/g"


def test_english_readers_get_the_protocols_english(browser: Client, man: str, send: Sender) -> None:
    result = send.fit(man, "48.6")
    browser.post("/language/", {"language": "en", "next": "/"})
    assert "There is hidden blood in your stool sample." in _page(browser, result).content.decode()


def _page(browser: Client, result: str) -> Any:
    answer = browser.get(f"/me/results/{result}/")
    assert answer.status_code == 200
    return answer


def test_the_next_date_is_that_of_the_version_in_force_and_of_what_was_put_off(
    browser: Client, man: str, send: Sender
) -> None:
    send.fit(man, "3", on="2026-11-02")
    refresh_noted(date(2026, 11, 23))
    doctor = signed_in(Role.CLINICIAN, send.facility)
    for due_on in (date(2027, 11, 2), date(2028, 11, 2)):  # as a version with twice the interval would count it
        Standing.objects.filter(programme="colorectal").update(due_on=due_on)
        assert f"tháng {due_on:%m/%Y}" in browser.get("/me/").content.decode()
        result = ScreeningResult.objects.get()
        steps = browser.get(f"/me/results/{result.pk}/").context["steps"]
        assert steps[-1].when == f"tháng {due_on:%m/%Y}"
        lines = doctor.get(f"/clinic/people/{man}/").context["standings"]
        assert [line.due_on for line in lines if line.programme == "colorectal"] == [due_on]
