"""/city/protocols/: the department reads the rules, an officer brings a new version into force."""

import html
from typing import Any

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from healthhub.accounts.actors import Role
from records.models import Facility
from screening.activation import run_asked
from screening.models import ProtocolVersion
from screening.protocol import current, protocols
from tests.screening.clinic_room import signed_in
from tests.screening.conftest import Sender, make_patient
from tests.screening.protocol_drafts import colorectal_text, in_days, older_and_rarer

pytestmark = pytest.mark.django_db


@pytest.fixture
def officer() -> Client:
    return signed_in(Role.OFFICER)


@pytest.fixture
def analyst() -> Client:
    return signed_in(Role.ANALYST)


def upload(client: Client, text: str) -> Any:
    file = SimpleUploadedFile("colorectal.toml", text.encode())
    return client.post("/city/protocols/new/", {"file": file})


def draft_of(client: Client) -> ProtocolVersion:
    answer = upload(client, older_and_rarer(valid_from=in_days(30)))
    version = ProtocolVersion.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, f"/city/protocols/drafts/{version.pk}/")
    return version


def test_the_list_shows_each_programme_with_its_version(analyst: Client) -> None:
    page = analyst.get("/city/protocols/")
    text = page.content.decode()
    assert [row["now"].programme for row in page.context["programmes"]] == [
        "breast",
        "cervical",
        "colorectal",
        "liver",
        "lung",
        "nasopharynx",
        "oral",
        "stomach",
    ]
    assert 'href="/city/protocols/colorectal/2026.1/"' in text
    assert "Chưa có bản dự thảo nào" in text
    assert "Tải lên bản mới" not in text


@pytest.mark.parametrize("protocol", protocols(), ids=lambda one: f"{one.programme}-{one.version}")
def test_every_version_can_be_read_in_both_languages(analyst: Client, protocol: Any) -> None:
    path = f"/city/protocols/{protocol.programme}/{protocol.version}/"
    page = analyst.get(path)
    assert page.status_code == 200
    text = page.content.decode()
    for step in protocol.steps.values():
        assert step.name["vi"] in text
    analyst.cookies[settings.LANGUAGE_COOKIE_NAME] = "en"
    english = html.unescape(analyst.get(path).content.decode())
    for step in protocol.steps.values():
        assert step.name["en"] in english


def test_a_number_shows_its_source_or_that_the_city_sets_it(analyst: Client) -> None:
    page = analyst.get("/city/protocols/colorectal/2026.1/").context["page"]
    steps = {line.name: line for line in page.steps}
    assert (steps["Nội soi đại tràng"].text, steps["Nội soi đại tràng"].origin.city) == ("trong vòng 60 ngày", False)
    assert page.sources[steps["Nội soi đại tràng"].origin.number - 1][0] == "cpac"
    assert steps["Lấy lại mẫu FIT"].origin.city is True
    fit = page.tests[0]
    assert [(line.name, line.text) for line in fit.lines] == [
        ("Dương tính (dương tính)", "Nội soi đại tràng"),
        ("Âm tính (âm tính)", "lần sau sau 12 tháng"),
        ("Mẫu không đạt (chưa đạt)", "Lấy lại mẫu FIT"),
    ]
    assert "1 ng/mL = 0.2 ug/g" in fit.details[7].text


def test_a_version_shows_what_differs_from_the_one_before(analyst: Client) -> None:
    page = analyst.get("/city/protocols/colorectal/2026.1/")
    assert page.context["against"].version == "2017.1"
    assert "Việc “Kết quả giải phẫu bệnh”: thêm" in [one["text"] for one in page.context["differences"]]
    assert analyst.get("/city/protocols/oral/2026.1/").context["differences"] == []


def test_the_file_can_be_taken_as_a_start(analyst: Client) -> None:
    answer = analyst.get("/city/protocols/oral/2026.1.toml")
    assert answer["Content-Disposition"] == 'attachment; filename="oral-2026.1.toml"'
    assert 'programme = "oral"' in answer.content.decode()


@pytest.mark.parametrize("path", ["/city/protocols/toe/1/", "/city/protocols/toe/1.toml", "/city/protocols/drafts/9/"])
def test_what_is_not_there_is_not_found(analyst: Client, path: str) -> None:
    assert analyst.get(path).status_code == 404


def test_only_the_department_reads_and_only_officers_change(
    analyst: Client, officer: Client, station: Facility
) -> None:
    version = draft_of(officer)
    clinician = signed_in(Role.CLINICIAN, station)
    base = f"/city/protocols/drafts/{version.pk}/"
    assert [clinician.get(path).status_code for path in ("/city/protocols/", base)] == [403, 403]
    assert analyst.get(base).status_code == 200
    assert [analyst.post(f"{base}{step}/").status_code for step in ("run", "activate", "withdraw")] == [403] * 3
    assert upload(analyst, colorectal_text()).status_code == 403
    assert "Chỉ cán bộ của Sở được ban hành." in analyst.get(base).content.decode()
    assert version.dry_run_state == ""


def test_every_fault_of_an_upload_is_shown_and_nothing_is_kept(officer: Client) -> None:
    answer = upload(officer, colorectal_text(limit_days__180="limit_days = 18", urgency__55="urgency = 55"))
    assert answer.status_code == 422
    assert answer.context["faults"] == [
        "steps.colonoscopy: within_days (or _months) must be above 0 and not beyond limit_days (or _months)"
    ]
    assert "Bản này có 1 lỗi, chưa được lưu" in answer.content.decode()
    assert upload(officer, "programme =").status_code == 422
    assert officer.post("/city/protocols/new/", {}).status_code == 422
    binary = SimpleUploadedFile("x.toml", b"\xff\xfe\x00")
    assert officer.post("/city/protocols/new/", {"file": binary}).status_code == 422
    assert not ProtocolVersion.objects.exists()


def test_an_officer_dry_runs_and_activates(
    officer: Client,
    send: Sender,
    station: Facility,
    django_capture_on_commit_callbacks: Any,
) -> None:
    for number, born in enumerate(("1960-03-12", "1985-03-12")):
        make_patient(station, name=f"Lê Văn {number}", gender="male", born=born)
    version = draft_of(officer)
    base = f"/city/protocols/drafts/{version.pk}/"
    page = officer.get(base).content.decode()
    assert "lần sau sau (tháng): 12 → 24" in page
    assert "Ban hành được sau khi đã chạy thử đúng bản này." in page

    assert officer.post(f"{base}run/", {"on": ""}).status_code == 302
    assert "Đang chạy thử trên toàn thành phố" in officer.get(base, headers={"HX-Request": "true"}).content.decode()
    run_asked(version_id=version.pk)  # as the worker does; a journey has a real one
    page = officer.get(base)
    figures = {tile["label"]: tile["value"] for tile in page.context["paper"]["tiles"]}
    assert (figures["Trong chương trình, theo bản cũ"], figures["Không còn thuộc"]) == (2, 1)
    assert [row["name"] for row in page.context["paper"]["rows"]] == ["Phường Trung Hoà"]

    refused = officer.post(f"{base}activate/", {"valid_from": f"{in_days(0):%d/%m/%Y}"})
    assert refused.status_code == 422
    assert "Ngày có hiệu lực phải từ" in refused.content.decode()
    assert officer.post(f"{base}activate/", {"valid_from": "soon"}).status_code == 422
    with django_capture_on_commit_callbacks(execute=True):
        done = officer.post(f"{base}activate/", {"valid_from": f"{in_days(30):%d/%m/%Y}"})
    assert done.status_code == 302
    assert current("colorectal").version == "2027.1"
    text = officer.get("/city/protocols/").content.decode()
    assert f"từ {in_days(30):%d/%m/%Y}" in text
    assert officer.get("/city/protocols/colorectal/2027.1/").context["standing"] == "coming"
    assert "Đã ban hành" in officer.get(base).content.decode()

    with django_capture_on_commit_callbacks(execute=True):
        officer.post(f"{base}withdraw/")
    assert current("colorectal").version == "2026.1"
    assert "Đã rút lại" in officer.get(base).content.decode()


def test_a_run_that_failed_says_so(officer: Client) -> None:
    version = draft_of(officer)
    ProtocolVersion.objects.update(dry_run_state="failed")
    assert "Không chạy thử được" in officer.get(f"/city/protocols/drafts/{version.pk}/").content.decode()


def test_the_list_costs_the_same_however_many_drafts(officer: Client, django_assert_num_queries: Any) -> None:
    officer.get("/city/protocols/")
    with django_assert_num_queries(4):
        officer.get("/city/protocols/")
    for number in range(3):
        upload(officer, colorectal_text(version=f"2027.{number}", valid_from=in_days(30 + number)))
    with django_assert_num_queries(4):
        officer.get("/city/protocols/")
