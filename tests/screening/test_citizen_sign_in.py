"""Citizens sign in by their number and a code: what it opens, for how long, and what it tells strangers."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache, caches
from django.test import Client
from django.utils import timezone

from healthhub.accounts import one_time
from healthhub.accounts.actors import Role
from healthhub.accounts.models import User
from healthhub.accounts.tasks import send_sign_in_code
from healthhub.audit.models import AccessEntry
from records.models import Citizen, Facility, Membership
from screening.models import BadContact
from tests.screening.conftest import make_facility, make_patient

pytestmark = pytest.mark.django_db
NUMBER, STRANGER = "000160000001", "000160000999"
PHONE = "+84912345678"
ASK, GIVE = "/accounts/citizen/", "/accounts/citizen/code/"


@pytest.fixture
def facility() -> Facility:
    return make_facility("01901", "Trạm y tế Dịch Vọng")


@pytest.fixture
def duc(facility: Facility) -> str:
    return person(facility, "Nguyễn Văn Đức", NUMBER, PHONE)


@pytest.fixture(autouse=True)
def outbox(settings: Any, tmp_path: Path) -> Path:
    """What left the house, by a gateway that writes into files."""
    settings.VAR_DIR = tmp_path
    return tmp_path / "outbox"


def person(facility: Facility, name: str, number: str, phone: str = "", mail: str = "") -> str:
    telecom = [{"system": "phone", "value": phone}] if phone else []
    telecom += [{"system": "email", "value": mail}] if mail else []
    identifier = [{"system": "http://fhir.hl7.org.vn/core/sid/cccd", "value": number}]
    return make_patient(facility, name=name, gender="male", born="1960-03-12", identifier=identifier, telecom=telecom)


def sent(outbox: Path) -> list[tuple[str, str, str]]:
    """Channel, address and code of each message."""
    found = []
    for path in sorted(outbox.glob("*.jsonl")):
        for line in path.read_text().splitlines():
            said = json.loads(line)
            code = re.search(r"\b\d{6}\b", said["text"])
            assert code
            found.append((path.name.split("-")[0], said["to"], code[0]))
    return found


def ask(number: str = NUMBER, browser: Client | None = None, *, address: str = "10.0.0.1") -> tuple[Client, Any]:
    """Ask for a code, and let the worker do its task; the browser and the page's answer."""
    browser = browser or Client(REMOTE_ADDR=address)
    answer = browser.post(ASK, {"number": number})
    if answer.status_code == 302:
        send_sign_in_code(browser.session["citizen_code"], "vi")
    return browser, answer


def give(browser: Client, code: str) -> Any:
    return browser.post(GIVE, {"code": code})


def is_in(browser: Client) -> bool:
    return "_auth_user_id" in browser.session


def test_the_code_opens_ones_own_record_and_makes_the_account_once(duc: str, outbox: Path) -> None:
    browser, answer = ask("000 160 000 001")
    assert answer.headers["Location"] == GIVE
    ((channel, address, code),) = sent(outbox)
    assert (channel, address) == ("sms", PHONE)
    assert give(browser, f" {code[:3]} {code[3:]}").headers["Location"] == "/"
    assert browser.get("/").headers["Location"] == "/me/"
    assert "Nguyễn Văn Đức" in browser.get("/me/").content.decode()
    member = Membership.objects.get(user__isnull=False)
    assert (member.role, member.patient_id) == (Role.CITIZEN, duc)
    assert "citizens.invalid" not in browser.get("/accounts/2fa/").content.decode()

    again, _answer = ask()
    give(again, sent(outbox)[1][2])
    assert is_in(again)
    assert User.objects.count() == 1
    lines = AccessEntry.objects.filter(patient=duc, action="sign-in").values_list("reason", flat=True)
    assert list(lines) == ["code", "code"]


def test_a_code_works_once_in_its_own_browser(duc: str, outbox: Path) -> None:
    browser, _answer = ask()
    ((_channel, _address, code),) = sent(outbox)
    other, _answer = ask(STRANGER)
    give(other, code)
    assert not is_in(other)
    token = browser.session["citizen_code"]
    assert [bool(one_time.redeem(token, code)), bool(one_time.redeem(token, code))] == [True, False]


def test_five_wrong_codes_end_it_and_so_do_five_minutes(duc: str, outbox: Path) -> None:
    browser, _answer = ask()
    code = sent(outbox)[0][2]
    wrong = f"{(int(code) + 1) % 10**6:06}"
    pages = [give(browser, wrong).content.decode() for _number in range(5)]
    assert ["Mã không đúng hoặc đã hết hạn" in page for page in pages] == [True] * 4 + [False]
    assert "Mã này không dùng được nữa" in pages[4]
    give(browser, code)
    assert not is_in(browser)

    browser, _answer = ask()
    code = sent(outbox)[1][2]
    key = one_time._key(browser.session["citizen_code"])
    valkey: Any = caches["default"]
    assert 290 < valkey._cache.get_client().ttl(valkey.make_key(key)) <= 300
    cache.touch(key, 0)
    give(browser, code)
    assert not is_in(browser)


def test_a_stranger_learns_nothing(duc: str, outbox: Path) -> None:
    seen = []
    for number in (NUMBER, STRANGER):
        browser, answer = ask(number)
        pages = [answer, browser.get(GIVE), *(give(browser, "000000") for _number in range(6))]
        seen.append([re.sub(r'csrf\S+ value="\w+"', "", page.content.decode()) for page in pages])
    assert seen[0] == seen[1]
    assert len(sent(outbox)) == 1


def test_the_page_asks_the_register_nothing(duc: str, django_assert_num_queries: Any) -> None:
    asked = []
    for number in (NUMBER, STRANGER):
        browser = Client()
        browser.get(ASK)
        with django_assert_num_queries(4) as queries:  # the session: looked for, made
            browser.post(ASK, {"number": number})
        asked.append(re.sub(r"'[^']*'|s\d+_x\d+", "?", " ".join(one["sql"] for one in queries)))
    assert "records_" not in asked[0]
    assert asked[0] == asked[1]


@pytest.mark.parametrize("why", ["deceased", "inactive", "two", "shared", "wrong", "none", "closed"])
def test_nobody_gets_in_who_cannot_be_told_apart_or_reached(
    duc: str, facility: Facility, outbox: Path, why: str
) -> None:
    citizen = Citizen.objects.filter(pk=duc)
    if why == "deceased":
        citizen.update(deceased=True)
    elif why == "inactive":
        citizen.update(active=False)
    elif why == "two":
        person(facility, "Nguyễn Văn Đức", NUMBER, "+84912345679")
    elif why == "shared":
        person(facility, "Trần Thị Hoa", "000165000002", PHONE)
    elif why == "wrong":
        BadContact.objects.create(
            patient_id=duc, channel="sms", address=PHONE, source="recipient", reason="x", reported_at=timezone.now()
        )
    elif why == "none":
        citizen.update(phone="")
    else:
        user = User.objects.create_user("duc@example.vn", is_active=False)
        Membership.objects.create(user=user, role=Role.CITIZEN.value, patient_id=duc)
    browser, answer = ask()
    assert answer.headers["Location"] == GIVE
    codes = sent(outbox)
    if why == "closed":
        give(browser, codes[0][2])
    else:
        assert codes == []
    assert not is_in(browser)


def test_a_mailbox_is_used_where_there_is_no_telephone(facility: Facility, outbox: Path) -> None:
    person(facility, "Lê Văn Bình", NUMBER, mail="binh@example.vn")
    ask()
    assert [way[:2] for way in sent(outbox)] == [("email", "binh@example.vn")]


def test_codes_are_asked_for_three_times_in_a_quarter_of_an_hour(duc: str, outbox: Path) -> None:
    for number in (NUMBER, STRANGER):
        answers = [ask(number, address=f"10.0.{one}.1")[1] for one in range(4)]
        assert [answer.status_code for answer in answers] == [302, 302, 302, 200]
        assert "Bạn đã xin mã nhiều lần" in answers[3].content.decode()
    assert len(sent(outbox)) == 3


def test_a_task_that_runs_twice_sends_once(duc: str, outbox: Path) -> None:
    browser, _answer = ask()
    send_sign_in_code(browser.session["citizen_code"], "vi")
    assert len(sent(outbox)) == 1


def test_neither_number_nor_code_lie_readable_in_the_cache(duc: str, outbox: Path) -> None:
    browser = Client()
    browser.post(ASK, {"number": NUMBER})
    token = browser.session["citizen_code"]
    assert NUMBER not in str(cache.get(one_time._key(token)))
    send_sign_in_code(token, "vi")
    kept = cache.get(one_time._key(token))
    assert set(kept) == {"patient", "hash"}
    assert sent(outbox)[0][2] not in str(kept)


@pytest.mark.parametrize("number", ["", "123", "00016000000a", "0001600000011"])
def test_what_is_no_citizen_number_is_told(number: str) -> None:
    page = Client().post(ASK, {"number": number}).content.decode()
    assert "Số căn cước phải có đúng 12 chữ số" in page or "Hãy nhập số căn cước" in page


def test_staff_give_their_second_factor_on_this_way_too(duc: str, outbox: Path) -> None:
    user = User.objects.create_user("duc@example.vn", "a long password")
    Membership.objects.create(user=user, role=Role.CITIZEN.value, patient_id=duc, active=True)
    browser, _answer = ask()
    give(browser, sent(outbox)[0][2])
    assert browser.get("/").headers["Location"] == "/me/"
    Membership.objects.update(role=Role.OFFICER.value)
    assert browser.get("/").headers["Location"] == "/accounts/2fa/totp/activate/"
