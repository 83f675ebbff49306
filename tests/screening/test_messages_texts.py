"""No result and no disease can be in a message, whatever is in the record; what an SMS costs; where links lead."""

import re
from dataclasses import replace

import pytest
from pytest_django import Settings

from healthhub.accounts.actors import SYSTEM
from screening.messages.discretion import discreet, is_discreet
from screening.messages.outbox import Outgoing, queue
from screening.messages.segments import size, without_diacritics
from screening.messages.sending import claim, parcel_of
from screening.messages.texts import LANGUAGES, texts
from screening.models import EmailAddress, Message, MessageKind, MessagePreference, ScreeningResult
from screening.protocol import protocols
from tests.screening.conftest import Sender, make_facility, make_patient

HOSTILE = [
    "Dương tính",
    "Bệnh viện Ung bướu Hà Nội",
    "Bệnh viện K",
    "Kết quả: nghi ngờ ung thư",
    "Hanoi Cancer Hospital",
    "Phòng khám http://evil.example/x",
    "www.evil.example",
    "a@evil.example",
    "{link.__class__}",
    "Trạm\ny tế\x00",
]


def label_phrases() -> set[str]:
    """The labels of results and findings of every programme, in both languages."""
    return {
        label.lower()
        for protocol in protocols()
        for labels in (
            *(category.label for test in protocol.tests.values() for category in test.categories.values()),
            *(finding.label for one in protocol.assessments.values() for finding in one.findings.values()),
        )
        for label in labels.values()
    }


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("channel", ["zalo", "sms", "email"])
def test_no_word_of_any_result_is_in_any_message(
    db: None, send: Sender, language: str, channel: str, settings: Settings
) -> None:
    clinic = make_facility("01977", "Bệnh viện Ung bướu Dương tính")
    phone = [{"system": "phone", "value": "0912345678"}]
    patient = make_patient(clinic, name="Dương Tính", gender="male", born="1960-03-12", telecom=phone)
    EmailAddress.objects.create(patient_id=patient, address="duong.tinh@example.vn")
    MessagePreference.objects.create(patient_id=patient, language=language, channel=channel, zalo=channel == "zalo")
    send.fit(patient, "480")
    assert ScreeningResult.objects.get().outcome == "positive"
    programmes = sorted({protocol.programme for protocol in protocols()})
    rows = [
        Outgoing(
            patient,
            kind,
            f"x/{kind}/{programme}/{number}",
            programme=programme,
            facility=clinic.pk,
            data={"date": "2026-12-01", "time": "08:30", "place": place},
        )
        for kind in MessageKind.values
        for programme in programmes
        for number, place in enumerate(HOSTILE)
    ]
    assert queue(rows, actor=SYSTEM) == len(rows)
    claimed = claim(channel, len(rows))
    assert len(claimed) == len(rows)
    phrases, said = label_phrases(), set()
    for message in claimed:
        parcel, _template = parcel_of(message, clinic.name)
        for text in (parcel.short, parcel.subject, parcel.body, *parcel.fields.values()):
            link = f"http://localhost:8000/m/{message.token}"
            assert {found.rstrip(".,") for found in re.findall(r"\w+://\S+", text)} <= {link}
            bare = text.replace(link, "").lower()
            assert is_discreet(bare), bare
            assert not [phrase for phrase in phrases if phrase in bare]
            assert "http" not in bare
            assert "evil" not in bare
            said.add(text.replace(link, "LINK"))
    # And it is the same for everybody: nothing of the record or the programme has a way into a text.
    Message.objects.all().delete()
    other = make_patient(clinic, name="Lê Ba", gender="female", born="1990-01-01", telecom=phone)
    EmailAddress.objects.create(patient_id=other, address="ba@example.vn")
    MessagePreference.objects.create(patient_id=other, language=language, channel=channel, zalo=channel == "zalo")
    queue([replace(row, patient=other, programme="", about=row.about + "/b") for row in rows], actor=SYSTEM)
    told = set()
    for message in claim(channel, len(rows)):
        parcel, _template = parcel_of(message, clinic.name)
        for text in (parcel.short, parcel.subject, parcel.body, *parcel.fields.values()):
            told.add(text.replace(f"http://localhost:8000/m/{message.token}", "LINK"))
    assert told == said


@pytest.mark.parametrize("name", [name for name in HOSTILE if "Trạm" not in name and "{" not in name])
def test_a_name_that_tells_too_much_is_replaced(name: str) -> None:
    assert discreet(name, "vi") == "Cơ sở y tế của bạn"


def test_a_plain_name_stays_and_a_long_one_is_cut() -> None:
    assert discreet("Trạm\ny tế\x00 Dịch Vọng", "vi") == "Trạm y tế Dịch Vọng"
    assert len(discreet("Trung tâm y tế " * 20, "vi")) == 60
    assert discreet("", "en") == "Hanoi Department of Health"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a" * 160, ("GSM-7", 160, 1)),
        ("a" * 161, ("GSM-7", 161, 2)),
        ("€" * 80, ("GSM-7", 160, 1)),
        ("ạ" * 70, ("UCS-2", 70, 1)),
        ("ạ" * 71, ("UCS-2", 71, 2)),
        ("ạ" * 135, ("UCS-2", 135, 3)),
        ("😀" * 35, ("UCS-2", 70, 1)),
    ],
)
def test_the_size_of_an_sms(text: str, expected: tuple[str, int, int]) -> None:
    found = size(text)
    assert (found.encoding, found.units, found.segments) == expected


def test_without_diacritics_everything_is_gsm() -> None:
    assert without_diacritics("Đặng Thị Tường Vy, ngõ 34 – …") == "Dang Thi Tuong Vy, ngo 34 – ..."
    assert size(without_diacritics("Mời bạn đến khám sàng lọc ở Dịch Vọng Hậu")).encoding == "GSM-7"


@pytest.mark.parametrize("kind", MessageKind.values)
def test_an_sms_costs_at_most_three_parts_in_vietnamese_and_two_without_diacritics(kind: str) -> None:
    fields = {
        "facility": "Trạm y tế phường Dịch Vọng Hậu",
        "when": " lúc 08:30 ngày 01/12/2026",
        "where": " tại Trạm y tế phường Dịch Vọng Hậu",
        "link": "https://suckhoe.hanoi.gov.vn/m/0123456789abcdef",
    }
    text = texts()[kind, "vi"].short.format(**fields)
    assert size(text).segments <= 3
    assert size(without_diacritics(text)).segments <= 2


def test_every_kind_has_both_languages_and_a_version() -> None:
    assert set(texts()) == {(kind, language) for kind in MessageKind.values for language in LANGUAGES}
    assert all(text.version >= 1 for text in texts().values())
