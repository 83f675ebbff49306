"""A citizen takes a copy of her record home: all of hers, nothing of others, nothing that is held back."""

import json
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone, translation
from fhir.resources.R4B.bundle import Bundle
from pypdfium2 import PdfDocument

from fhir import store
from healthhub.accounts.actors import SYSTEM, Actor, Role
from healthhub.audit.log import entries_about
from records.models import Facility
from records.rights import copies
from tests.records.conftest import Write, glucose
from tests.records.test_me import sign_in

CCCD = "001160012345"


@pytest.fixture
def duc(patient: Write, clinic: Actor) -> str:
    return patient("Nguyễn Văn Đức", by=clinic, cccd=CCCD, gender="male")


@pytest.fixture
def record(duc: str, write: Write, patient: Write, clinic: Actor, stranger: Actor) -> dict[str, str]:
    """Ids of what two facilities wrote about him, of what was taken back, and of somebody else's."""
    hoa = patient("Trần Thị Hoa", by=clinic)
    ids = {
        "sugar": write("Observation", by=clinic, **glucose(duc, valueString="5,5", effectiveDateTime="2017-05-04")),
        "condition": write(
            "Condition", by=clinic, code={"text": "Tăng huyết áp"}, subject={"reference": f"Patient/{duc}"},
            onsetDateTime="2015-02",
        ),
        "wrong": write("Observation", by=clinic, **glucose(duc, valueString="99,9") | {"status": "entered-in-error"}),
        "tube": write("Specimen", by=clinic, subject={"reference": f"Patient/{duc}"}),
        "gone": write("Observation", by=clinic, **glucose(duc, valueString="7,7")),
        "hers": write("Observation", by=clinic, **glucose(hoa, valueString="6,6")),
    }  # fmt: skip
    store.delete(type="Observation", id=ids["gone"], actor=SYSTEM)
    return ids


def take(browser: Client, format: str) -> bytes:
    answer = browser.post("/me/download/", {"format": format})
    assert answer.status_code == 200
    return b"".join(answer.streaming_content) if answer.streaming else answer.content  # type: ignore[attr-defined]


def test_the_fhir_copy_holds_every_resource_as_it_was_stored(duc: str, record: dict[str, str]) -> None:
    sent = take(sign_in(Role.CITIZEN, patient_id=duc), "fhir")
    bundle = json.loads(sent, parse_float=Decimal)
    Bundle.model_validate_json(sent)
    assert bundle["type"] == "collection"
    assert {entry["fullUrl"].split("/fhir/")[1] for entry in bundle["entry"]} == {
        f"Patient/{duc}",
        f"Observation/{record['sugar']}",
        f"Observation/{record['wrong']}",
        f"Condition/{record['condition']}",
        f"Specimen/{record['tube']}",
    }
    stored = {entry["resource"]["id"]: entry["resource"] for entry in bundle["entry"]}
    assert stored[record["sugar"]]["valueString"] == "5,5"
    assert stored[duc]["identifier"][0]["value"] == CCCD


def test_the_printed_copy_can_be_read(duc: str, record: dict[str, str], hoa_binh: str) -> None:
    browser = sign_in(Role.CITIZEN, patient_id=duc)
    with translation.override("vi"):
        pages = PdfDocument(take(browser, "pdf"))
    text = " ".join(" ".join(page.get_textpage().get_text_range().split()) for page in pages)
    assert text.startswith("Bản sao hồ sơ sức khỏe của Nguyễn Văn Đức Ngày sinh: 12/03/1960")
    place = Facility.objects.get(pk=hoa_binh).name
    for line in (
        f"Số định danh: {CCCD}",
        f"Tăng huyết áp 02/2015 · {place}",
        f"Glucose: 5,5 04/05/2017 · kết quả cuối cùng · {place}",
        "Specimen 1",
    ):
        assert line in text
    for other in ("99,9", "7,7", "6,6", "Hoa "):
        assert other not in text


def test_a_copy_is_taken_by_its_owner_alone_and_noted(duc: str, record: dict[str, str], hoa_binh: str) -> None:
    clinician = sign_in(Role.CLINICIAN, facility=Facility.objects.get(pk=hoa_binh))
    assert [clinician.get("/me/download/").status_code, clinician.post("/me/download/").status_code] == [403, 403]
    assert entries_about(duc).filter(action="export").count() == 0
    browser = sign_in(Role.CITIZEN, patient_id=duc)
    assert browser.get("/me/download/").status_code == 200
    assert browser.post("/me/download/", {"format": "exe"}).status_code == 400
    assert entries_about(duc).filter(action="export").count() == 0
    take(browser, "fhir")
    take(browser, "pdf")
    noted = entries_about(duc).filter(action="export")
    assert [(one.role, one.resource_type, one.reason) for one in noted] == [("citizen", "Patient", "/me/download/")] * 2


def test_a_copy_is_not_kept_on_the_way_and_names_nobody(duc: str) -> None:
    answer = sign_in(Role.CITIZEN, patient_id=duc).post("/me/download/", {"format": "fhir"})
    assert "no-store" in answer["Cache-Control"].split(", ")
    assert answer["Content-Disposition"] == f'attachment; filename="ho-so-suc-khoe-{timezone.localdate()}.json"'


def test_a_long_record_is_copied_whole_a_part_at_a_time(
    duc: str, clinic: Actor, monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any
) -> None:
    monkeypatch.setattr(copies, "CHUNK", 10)
    written = {
        store.save({"resourceType": "Observation", **glucose(duc, valueString=str(number))}, actor=clinic).id
        for number in range(34)
    }
    me = Actor("user:1", "Đức", Role.CITIZEN, patient=duc)
    with django_assert_num_queries(1 + 4):  # the log; four parts of at most ten
        found: dict[str, Any] = json.loads("".join(copies.copy_as_fhir(actor=me, reason="")))
    assert {entry["resource"]["id"] for entry in found["entry"]} == {duc, *written}
