"""What all pages share: the front door, sign-in, languages, errors, the content policy."""

import re
from pathlib import Path
from typing import Any

import pytest
from django.test import Client, override_settings

from healthhub.accounts.demo import DEMO_USERS
from healthhub.accounts.models import User
from healthhub.web.charts import cutoff_bar, interval, line_chart

pytestmark = pytest.mark.django_db
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def browser() -> Client:
    return Client(raise_request_exception=False)


@override_settings(DEMO=True)
def test_the_front_door_offers_the_demo_sign_ins(browser: Client) -> None:
    page = browser.get("/").content.decode()
    offered = re.findall(r'name="login"\s+value="([a-z_]+)@demo\.healthhub\.example"', page)
    assert offered == [*DEMO_USERS]
    assert "Dữ liệu mô phỏng" in page


@override_settings(DEMO=False)
def test_outside_the_demo_nothing_speaks_of_it(browser: Client) -> None:
    page = browser.get("/").content.decode()
    assert "demo-healthhub" not in page
    assert "Dữ liệu mô phỏng" not in page


def test_the_language_cookie_is_kept_from_scripts_and_other_sites(browser: Client) -> None:
    cookie = browser.post("/language/", {"language": "en", "next": "/"}).cookies["django_language"]
    assert (cookie.value, cookie["httponly"], cookie["samesite"]) == ("en", True, "Lax")


def test_pages_are_vietnamese_whatever_the_browser_prefers(browser: Client) -> None:
    answer = browser.get("/", headers={"accept-language": "en-US,en"})
    assert answer.headers["Content-Language"] == "vi"
    assert '<html lang="vi"' in answer.content.decode()


def test_the_language_is_switched_and_remembered(browser: Client) -> None:
    answer = browser.post("/language/", {"language": "en", "next": "/accounts/login/"})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/accounts/login/")
    assert '<html lang="en"' in browser.get("/accounts/login/").content.decode()


def test_a_wrong_password_is_told_in_words(browser: Client) -> None:
    User.objects.create_user("an@station.example", "a long password", name="An")
    answer = browser.post("/accounts/login/", {"login": "an@station.example", "password": "another password"})
    assert "Email hoặc mật khẩu không đúng." in answer.content.decode()


def test_signing_in_leads_home_and_out_again(browser: Client) -> None:
    User.objects.create_user("an@station.example", "a long password", name="An")
    signed_in = browser.post("/accounts/login/", {"login": "an@station.example", "password": "a long password"})
    assert (signed_in.status_code, signed_in.headers["Location"]) == (302, "/")
    # An account without a membership has no room, and is told so.
    assert "Tài khoản của bạn chưa có vai trò" in browser.get("/").content.decode()
    assert browser.post("/accounts/logout/").headers["Location"] == "/"
    assert "Đăng nhập" in browser.get("/").content.decode()


def test_a_forgotten_password_is_set_anew_by_the_link_in_the_letter(browser: Client, mailoutbox: list[Any]) -> None:
    User.objects.create_user("an@station.example", "a long password", name="An")
    browser.post("/accounts/password/reset/", {"email": "an@station.example"})
    link = re.search(r"https?://\S+(/accounts/password/reset/key/\S+)", mailoutbox[0].body)
    assert link is not None
    assert "Đặt mật khẩu mới cho HealthHub" in mailoutbox[0].subject
    form = browser.get(link[1]).headers["Location"]
    new = "quả chuối xanh 2026"
    assert browser.post(form, {"password1": new, "password2": new}).status_code == 302
    assert browser.login(username="an@station.example", email="an@station.example", password=new)


def test_a_password_is_changed_by_its_owner(browser: Client) -> None:
    browser.force_login(User.objects.create_user("an@station.example", "a long password", name="An"))
    new = "quả chuối xanh 2026"
    wrong = browser.post("/accounts/password/change/", {"oldpassword": "x", "password1": new, "password2": new})
    assert "Hãy nhập mật khẩu hiện tại." in wrong.content.decode()
    fields = {"oldpassword": "a long password", "password1": new, "password2": new}
    assert browser.post("/accounts/password/change/", fields).status_code == 302
    assert User.objects.get().check_password(new)


def test_nobody_renames_an_account(browser: Client) -> None:
    browser.force_login(User.objects.create_user("an@station.example", "a long password", name="An"))
    assert browser.get("/accounts/email/").status_code == 404


def test_nobody_signs_up(browser: Client) -> None:
    assert "Không tự đăng ký được" in browser.get("/accounts/signup/").content.decode()


def test_a_missing_page_says_so_in_our_own_words(browser: Client) -> None:
    answer = browser.get("/nothing-here/")
    assert (answer.status_code, "Không tìm thấy trang" in answer.content.decode()) == (404, True)


def test_a_form_without_its_token_is_refused_in_words() -> None:
    answer = Client(enforce_csrf_checks=True).post("/accounts/login/", {"login": "a@b.vn", "password": "x"})
    assert (answer.status_code, "Trang đã mở quá lâu" in answer.content.decode()) == (403, True)


def test_a_crash_shows_a_page_and_no_detail(browser: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("records.views.home.DEMO_USERS", None)
    with override_settings(DEMO=True):
        answer = browser.get("/")
    page = answer.content.decode()
    assert (answer.status_code, "Hệ thống gặp lỗi" in page, "TypeError" in page) == (500, True, False)


def test_scripts_and_styles_come_from_here_only(browser: Client) -> None:
    answer = browser.get("/")
    policy = answer.headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "script-src 'self'" in policy
    page = answer.content.decode()
    assert re.findall(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=|https?://(?!www\.w3\.org)", page) == []


def test_no_template_carries_inline_style_or_script() -> None:
    faulty = [
        path.relative_to(ROOT).as_posix()
        for app in ("healthhub", "records", "screening")
        for path in (ROOT / app).rglob("templates/**/*.html")
        if re.search(r"<style|\sstyle=|\son(click|load|change|submit)=|<script(?![^>]*\bsrc=)", path.read_text())
    ]
    assert faulty == []


def test_a_chart_starts_at_nought_and_keeps_its_limit_in_view() -> None:
    chart = line_chart([("2023", 5.0), ("2024", 10.0)], limit=20.0, limit_text="ngưỡng 20")
    assert chart is not None
    assert [tick.text for tick in chart.ticks] == ["0", "5", "10", "15", "20"]
    assert chart.ticks[0].y == chart.bottom
    assert chart.limit is not None
    assert chart.limit.y == chart.ticks[-1].y
    assert [point.text for point in chart.points] == ["5", "10"]
    assert line_chart([]) is None


def test_bars_place_their_figures_between_their_ends() -> None:
    assert (interval(low=4, point=5, high=12, top=10).low, interval(low=4, point=5, high=12, top=10).high) == (
        40.0,
        100.0,
    )
    bar = cutoff_bar(value=48.6, cutoff=20, value_text="48,6", cutoff_text="20")
    assert bar.value > bar.cutoff
    assert bar.cutoff + bar.above == 100
