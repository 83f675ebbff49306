"""Letters: gathered, printed, posted; nobody's letter lies about unnoticed."""

import time
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
import zxingcpp
from django.utils import timezone
from pypdfium2 import PdfDocument
from pytest_django import Settings

from fhir import store
from healthhub.accounts.actors import SYSTEM, Actor
from healthhub.web.fonts import font_file
from records.models import Facility
from screening.messages import Outgoing, queue
from screening.messages.alarms import alarms
from screening.messages.letter_pdf import Letter, write_letters
from screening.messages.letters import gather, mark_posted, mark_printed, print_batch, to_pull
from screening.messages.sending import sweep
from screening.messages.texts import link_of
from screening.models import LetterBatch, Message
from tests.screening.conftest import make_patient


@pytest.fixture(autouse=True)
def _here(settings: Settings, tmp_path: Path) -> Iterator[None]:
    settings.MEDIA_ROOT = tmp_path
    with time_machine.travel("2026-11-23T09:00:00+07:00", tick=True):
        yield


def invited(facility: Facility, count: int = 1, name: str = "Nguyễn Văn Đức") -> list[str]:
    """People with an address only, each with an invitation in the outbox."""
    people = [make_patient(facility, name=name, gender="male", born="1960-03-12") for _ in range(count)]
    rows = [Outgoing(one, "invitation", f"campaign/{one}", facility=facility.pk) for one in people]
    assert queue(rows, actor=SYSTEM) == count
    return people


def printed(facility: Facility, count: int = 1) -> LetterBatch:
    """A batch in its file."""
    invited(facility, count)
    (batch,) = gather()
    assert print_batch(batch)
    return LetterBatch.objects.get(pk=batch)


def die(patient: str) -> None:
    store.save(
        {"resourceType": "Patient", "id": patient, "name": [{"text": "Đức"}], "deceasedBoolean": True}, actor=SYSTEM
    )


def test_letters_are_gathered_by_facility_and_day(station: Facility, laboratory: Facility) -> None:
    invited(station, 2)
    invited(laboratory)
    assert len(gather()) == 2
    assert {(one.facility_id, one.day, one.letters) for one in LetterBatch.objects.all()} == {
        (station.pk, date(2026, 11, 23), 2),
        (laboratory.pk, date(2026, 11, 23), 1),
    }
    batches = set(LetterBatch.objects.values_list("pk", flat=True))
    assert set(gather()) == batches  # nothing new; the same still wait for their file


def test_a_batch_becomes_one_file_with_a_page_for_each_letter(station: Facility, settings: Settings) -> None:
    batch = printed(station, 3)
    content = (Path(settings.MEDIA_ROOT) / batch.file).read_bytes()
    assert content.startswith(b"%PDF-")
    assert content.count(b"/Type /Page\n") == 3
    assert (batch.stage, batch.letters) == ("ready", 3)
    assert sorted(Message.objects.values_list("provider_id", flat=True)) == ["1", "2", "3"]
    assert Message.objects.first().text.startswith("Trạm y tế Dịch Vọng trân trọng mời bạn")
    assert not print_batch(batch.pk)


def test_a_printed_letter_is_read_in_the_window_of_its_envelope_and_by_a_telephone(
    station: Facility, settings: Settings
) -> None:
    batch = printed(station)
    message = Message.objects.get()
    (page,) = PdfDocument(Path(settings.MEDIA_ROOT) / batch.file)
    millimetre = 72 / 25.4
    window = page.get_textpage().get_text_bounded(  # DIN 5008 form B: 20 to 105 from the left, 50.8 to 90 from the top
        left=20 * millimetre, right=105 * millimetre, top=(297 - 50.8) * millimetre, bottom=(297 - 90) * millimetre
    )
    assert " ".join(window.split()) == f"Kính gửi: {message.patient.full_name} {message.address}"
    (code,) = zxingcpp.read_barcodes(page.render(scale=300 / 72).to_pil())
    assert (code.format, code.text) == (zxingcpp.BarcodeFormat.QRCode, link_of(message.token))


def test_only_posting_makes_a_letter_sent(station: Facility, clinician: Actor) -> None:
    batch = printed(station, 2)
    mark_printed(batch=batch, actor=clinician)
    assert {one.state for one in Message.objects.all()} == {"sending"}
    assert sweep() == {}
    assert mark_posted(batch=batch, on=date(2026, 11, 23), actor=clinician) == 2
    assert mark_posted(batch=batch, on=date(2026, 11, 23), actor=clinician) == 0
    sweep()
    assert {(one.state, one.communication != "") for one in Message.objects.all()} == {("sent", True)}


def test_who_dies_before_printing_gets_no_letter_and_who_dies_after_is_pulled(
    station: Facility, clinician: Actor
) -> None:
    early, late, alive = invited(station, 3)
    die(early)
    (number,) = gather()
    print_batch(number)
    batch = LetterBatch.objects.get()
    assert batch.letters == 2
    die(late)
    (pull,) = to_pull(batch)
    assert (pull.page, pull.reason) == (Message.objects.get(patient_id=late).provider_id, "deceased")
    assert mark_posted(batch=batch, on=date(2026, 11, 23), actor=clinician) == 1
    assert LetterBatch.objects.get().pulled == 1
    assert {one.patient_id: one.state for one in Message.objects.all()} == {
        early: "cancelled",
        late: "cancelled",
        alive: "sent",
    }


def test_pain_4_letters_not_sent_are_an_alarm_until_they_are_posted(station: Facility, clinician: Actor) -> None:
    """47,000 women were not written to, and nobody noticed: here a printed pile that lies about, and letters that no
    batch took, are an alarm after three days, for the facility and for the department."""
    batch = printed(station, 2)
    assert alarms() == []
    with time_machine.travel("2026-11-27T09:00:00+07:00"):
        (alarm,) = alarms(facility=station.pk)
        assert alarms() == [alarm]
        assert (alarm.kind, alarm.batch, alarm.count, alarm.since) == ("unposted", batch.pk, 2, date(2026, 11, 23))
        assert alarms(facility="another") == []
        mark_posted(batch=batch, on=date(2026, 11, 27), actor=clinician)
        assert alarms() == []
    invited(station)
    with time_machine.travel("2026-11-28T09:00:00+07:00"):
        assert [(one.kind, one.count) for one in alarms()] == [("ungathered", 1)]


def test_a_channel_that_does_not_send_is_an_alarm_after_a_day(station: Facility, settings: Settings) -> None:
    settings.MESSAGES = settings.MESSAGES | {"sms_url": "http://127.0.0.1:9/"}
    phone = [{"system": "phone", "value": "0912345678"}]
    patient = make_patient(station, name="Đức", gender="male", born="1960-03-12", telecom=phone)
    queue([Outgoing(patient, "invitation", "campaign/1")], actor=SYSTEM)
    sweep()
    assert alarms() == []
    with time_machine.travel("2026-11-24T10:00:00+07:00"):
        sweep()
        assert [(one.kind, one.channel) for one in alarms()] == [("stuck", "sms")]


def test_the_font_has_every_vietnamese_letter() -> None:
    from fontTools.ttLib import TTFont

    letters = set("aàáảãạăằắẳẵặâầấẩẫậđeèéẻẽẹêềếểễệiìíỉĩịoòóỏõọôồốổỗộơờớởỡợuùúủũụưừứửữựyỳýỷỹỵ–“”…/")
    for weight in (400, 600):
        known = {chr(code) for code in TTFont(font_file(weight)).getBestCmap()}
        assert (letters | {letter.upper() for letter in letters}) - known == set()


def test_a_large_batch_takes_milliseconds_a_letter(tmp_path: Path) -> None:
    body = "Trạm y tế trân trọng mời bạn đến khám sàng lọc. " * 15
    letters = (
        Letter(f"HH-{number}", "Trạm y tế", "Nguyễn Thị Tường Vy", "Số 12, ngõ 34, phường Dịch Vọng, Hà Nội",
               date(2026, 11, 23), "vi", "Mời bạn", body, "An invitation.", f"http://localhost:8000/m/{number:016x}")
        for number in range(500)
    )  # fmt: skip
    before = time.perf_counter()
    assert write_letters(letters, tmp_path / "a.pdf") == 500
    assert time.perf_counter() - before < 15  # 1.5 s on a quiet machine; 10,000 letters in half a minute


def test_ten_thousand_waiting_letters_are_gathered_in_few_statements(
    station: Facility, django_assert_max_num_queries: Any
) -> None:
    (patient,) = invited(station)
    queue(
        [Outgoing(patient, "reminder", f"campaign/{number}", facility=station.pk) for number in range(3000)],
        actor=SYSTEM,
    )
    with django_assert_max_num_queries(12):
        gather()
    assert LetterBatch.objects.get().letters == 3001
    assert timezone.now() - Message.objects.latest("id").created_at < timedelta(minutes=1)
