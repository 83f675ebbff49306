"""The department approves what citizens read; until then messages wait, and a changed text is a draft again."""

from datetime import date, timedelta
from pathlib import Path

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from healthhub.accounts.actors import SYSTEM, Role
from healthhub.audit.models import AccessEntry
from records.models import Area, Facility, Membership
from screening.messages import letters, texts
from screening.messages.alarms import Alarm, alarms
from screening.messages.log import messages_to
from screening.messages.sending import sweep
from screening.models import LetterBatch, Message, MessageKind, TextApproval
from screening.protocol import current, programmes
from screening.wording import MESSAGES, approve, groups, withdraw, wordings
from tests.screening.clinic_room import signed_in
from tests.screening.conftest import Sender, make_patient
from tests.screening.gateway_room import invite, person, states
from tests.screening.local_gateways import Office

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("noon")]


@pytest.fixture
def officer(db: None) -> Client:
    return signed_in(Role.OFFICER)


@pytest.fixture
def in_earnest(settings: Settings) -> None:
    """Not the demo city."""
    settings.DEMO = False


def of(group: str, key: str):
    return next(one for one in wordings(group) if one.key == f"{group}.{key}")


def test_every_text_that_citizens_read_is_in_one_of_the_groups() -> None:
    assert groups() == ["messages", *programmes()]
    assert {one.key for one in wordings(MESSAGES)} == {f"messages.{kind}" for kind in MessageKind.values}
    for name in programmes():
        keys = {one.key for one in wordings(name)}
        assert keys >= {f"{name}.{key}" for key in current(name).wording}
        assert all(text[language] for one in wordings(name) for _part, text in one.parts for language in ("vi", "en"))
    dense = of("breast", "dense")
    assert dense.title == "Chụp X-quang tuyến vú: Mật độ mô vú c: đặc không đều"


@pytest.mark.usefixtures("in_earnest")
def test_a_message_waits_until_its_text_is_approved(station: Facility, sms: Office, officer: Client) -> None:
    patient = person(station)
    invite(patient)
    assert (sweep(), sms.taken) == ({}, [])
    assert states() == [("sms", "queued", "")]
    assert messages_to(patient)[0].reason == "Nội dung chờ Sở Y tế duyệt"
    page = officer.get("/city/texts/")
    assert (page.context["held"].count, page.context["groups"][0]["approved"]) == (1, 0)
    assert "1 thư hoặc tin chưa được gửi" in page.content.decode()

    officer.post("/city/texts/messages/decide/", {"text": [of(MESSAGES, "invitation").sha256]})
    approval = TextApproval.objects.get()
    assert (approval.key, approval.approved_name) == ("messages.invitation", "BS Lê Thị Mai")
    assert sweep() == {"sent": 1}
    assert officer.get("/city/texts/").context["held"] is None


@pytest.mark.usefixtures("in_earnest")
def test_the_start_page_and_the_alarms_tell_what_is_held_and_since_when(station: Facility, officer: Client) -> None:
    assert ("bị giữ lại" in officer.get("/city/").content.decode(), alarms()) == (False, [])
    invite(person(station), 2)
    Message.objects.filter(pk=Message.objects.latest("pk").pk).update(state="sending", claimed_at=timezone.now())
    Message.objects.update(created_at=timezone.now() - timedelta(hours=3))
    told = Alarm("held", None, 2, timezone.localdate(), channel="")
    assert (alarms(), alarms(facility=station.pk)) == ([told], [])
    page = officer.get("/city/").content.decode()
    assert f"2 thư hoặc tin chưa được gửi từ {told.since:%d/%m/%Y}" in page
    assert 'href="/city/texts/messages/"' in page
    assert 'href="/city/texts/messages/"' in officer.get("/city/letters/").content.decode()
    approve([of(MESSAGES, "invitation")], actor=SYSTEM)
    assert ("bị giữ lại" in officer.get("/city/").content.decode(), alarms()) == (False, [])


@pytest.mark.usefixtures("in_earnest")
def test_letters_wait_too(station: Facility) -> None:
    invite(make_patient(station, name="Nguyễn Văn Đức", gender="male", born="1960-03-12"))
    assert (letters.gather(), LetterBatch.objects.count()) == ([], 0)
    approve([of(MESSAGES, "invitation")], actor=SYSTEM)
    assert len(letters.gather()) == 1


@pytest.mark.usefixtures("in_earnest")
def test_a_text_that_was_changed_is_a_draft_again(
    station: Facility, sms: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    approve(wordings(MESSAGES), actor=SYSTEM)
    changed = tmp_path / "texts.toml"
    changed.write_text(texts.FILE.read_text().replace("mời bạn đến khám", "xin mời bạn đến khám", 1))
    monkeypatch.setattr(texts, "FILE", changed)
    texts.texts.cache_clear()
    try:
        invite(person(station))
        assert (sweep(), sms.taken) == ({}, [])
    finally:
        monkeypatch.undo()
        texts.texts.cache_clear()
    assert sweep() == {"sent": 1}  # as it was approved


def test_in_the_demo_city_nothing_waits(station: Facility, sms: Office) -> None:
    invite(person(station))
    assert sweep() == {"sent": 1}


def test_an_officer_approves_what_was_ticked_and_takes_it_back(officer: Client) -> None:
    page = officer.get("/city/texts/breast/")
    assert (page.context["drafts"], page.context["drafts"]) == (len(page.context["lines"]),) * 2
    normal = of("breast", "normal")
    assert "Lần chụp tiếp theo: tháng {next_month}" in page.content.decode()
    page = officer.post("/city/texts/breast/decide/", {"text": [normal.sha256, "0" * 64]}, follow=True)
    assert [str(one) for one in page.context["messages"]] == [
        "Đã duyệt 1 mẫu nội dung.",
        "Có mẫu nội dung đã thay đổi sau khi bạn mở trang. Hãy đọc lại.",
    ]
    assert page.context["lines"][-1]["text"].key == "breast.normal"
    officer.post("/city/texts/breast/decide/", {"text": [normal.sha256]})
    assert TextApproval.objects.count() == 1  # approved once
    officer.post("/city/texts/breast/decide/", {"withdraw": normal.sha256})
    taken = TextApproval.objects.get()
    assert (taken.withdrawn_name, taken.withdrawn_at is not None) == ("BS Lê Thị Mai", True)
    assert approve([normal], actor=SYSTEM) == 1
    assert TextApproval.objects.count() == 2
    assert officer.post("/city/texts/breast/decide/", {}, follow=True).status_code == 200


@pytest.mark.parametrize(("role", "reads", "decides"), [(Role.ANALYST, 200, 403), (Role.CLINICIAN, 403, 403)])
def test_only_officers_approve(role: Role, reads: int, decides: int, station: Facility) -> None:
    client = signed_in(role, station if role is Role.CLINICIAN else None)
    assert client.get("/city/texts/messages/").status_code == reads
    assert client.post("/city/texts/messages/decide/", {"text": ["x"]}).status_code == decides
    assert TextApproval.objects.count() == 0


def test_an_officer_of_a_district_reads_but_does_not_approve(officer: Client) -> None:
    officer.post("/city/texts/breast/decide/", {"text": [of("breast", "normal").sha256]})
    Membership.objects.update(area=Area.objects.get(code="005", kind="district", valid_from=date(2008, 8, 1)))
    assert officer.get("/city/texts/breast/").context["may_approve"] is False
    for said in ({"text": [of("breast", "dense").sha256]}, {"withdraw": of("breast", "normal").sha256}):
        assert officer.post("/city/texts/breast/decide/", said).status_code == 403
    assert TextApproval.objects.get().withdrawn_at is None


def test_who_approves_and_takes_back_is_in_the_access_log(officer: Client) -> None:
    normal = of("breast", "normal")
    for said in ({"text": [normal.sha256]}, {"text": [normal.sha256]}, {"withdraw": normal.sha256}):
        officer.post("/city/texts/breast/decide/", said)
    entries = AccessEntry.objects.filter(resource_type="TextApproval").order_by("id")
    assert list(entries.values_list("action", "resource_id", "role", "patient")) == [
        ("approve", "breast.normal", "officer", None),
        ("withdraw", "breast.normal", "officer", None),
    ]


def test_an_unknown_group_is_no_page(officer: Client) -> None:
    assert officer.get("/city/texts/nothing/").status_code == 404


def test_a_citizen_is_told_whether_the_explanation_is_approved(man: str, send: Sender) -> None:
    result = send.fit(man, "48.6")
    citizen = signed_in(Role.CITIZEN, patient=man)
    address = f"/me/results/{result}/"
    assert "lời giải thích chờ Sở Y tế duyệt" in citizen.get(address).content.decode()
    used = wordings("colorectal")
    assert approve(used, actor=SYSTEM) == len(used)
    assert "lời giải thích chờ Sở Y tế duyệt" not in citizen.get(address).content.decode()
    assert [withdraw(one, actor=SYSTEM) for one in used] == [1] * len(used)
    assert "lời giải thích chờ Sở Y tế duyệt" in citizen.get(address).content.decode()
    assert Message.objects.count() == 0
