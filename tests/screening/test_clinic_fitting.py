"""What should make one look twice before a result is saved; nothing of it forbids saving."""

from datetime import date
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from fhir import store
from healthhub.accounts.actors import SYSTEM, Actor, Role
from records.models import Citizen, Facility
from screening.clinic.fitting import Sample, warnings
from screening.models import Standing
from screening.recall.decisions import cease_screening
from screening.recall.refresh import refresh_people
from tests.screening.clinic_room import fit, mark_in, signed_in
from tests.screening.conftest import Sender, make_patient

pytestmark = pytest.mark.django_db
ON = date(2026, 3, 2)
SNOMED = "http://snomed.info/sct"
ICD10 = "http://hl7.org/fhir/sid/icd-10"


def told(patient: str, test: str, programme: str, on: date = ON, **options: Any) -> list[str]:
    sample = Sample(Citizen.objects.get(pk=patient), on)
    return warnings([sample], programme=programme, test=test, **options).get(patient, [])


def having(patient: str, kind: str, system: str, code: str, **extra: Any) -> None:
    resource = {"resourceType": kind, "subject": {"reference": f"Patient/{patient}"}}
    store.save(resource | {"code": {"coding": [{"system": system, "code": code}]}} | extra, actor=SYSTEM)


def test_nothing_is_said_of_whom_the_result_fits(man: str, woman: str) -> None:
    assert told(man, "fit", "colorectal") == []
    assert told(woman, "hpv", "cervical") == []


def test_an_organ_that_was_removed_and_a_pregnancy_while_it_lasts(woman: str) -> None:
    having(woman, "Condition", ICD10, "Z34.1", onsetDateTime="2025-10-01")
    assert told(woman, "hpv", "cervical") == [
        "Không thuộc diện sàng lọc: Đang mang thai, hẹn lại sau sinh, ghi từ ngày 01/10/2025."
    ]
    assert told(woman, "hpv", "cervical", date(2026, 10, 2)) == []
    having(woman, "Procedure", SNOMED, "116140006", status="completed", performedDateTime="2020-05-01")
    assert told(woman, "hpv", "cervical", date(2026, 10, 2)) == [
        "Không thuộc diện sàng lọc: Không còn cổ tử cung, ghi từ ngày 01/05/2020."
    ]


def test_a_programme_for_people_at_risk_asks_for_a_recorded_risk(man: str) -> None:
    assert told(man, "afp", "liver") == ["Hồ sơ chưa ghi nhóm nguy cơ nào của chương trình này."]
    having(man, "Condition", ICD10, "B18.1", onsetDateTime="2019-01-01")
    assert told(man, "afp", "liver") == []


def test_sex_age_and_home(man: str, station: Facility) -> None:
    assert told(man, "hpv", "cervical") == ["Chương trình này không dành cho giới tính đã ghi trong hồ sơ."]
    young = make_patient(station, name="Em", gender="male", born="2005-03-03")
    assert told(young, "fit", "colorectal") == ["Người này 20 tuổi, dưới độ tuổi của chương trình."]
    guest = make_patient(station, name="Khách", gender="male", born="1960-03-03", ward="99999")
    assert told(guest, "fit", "colorectal") == [
        "Hồ sơ chưa ghi nơi ở tại Hà Nội; chương trình dành cho người sống ở đây."
    ]


def test_too_early_is_told_with_the_recalls_own_reason(send: Sender, man: str) -> None:
    send.fit(man, "3", on="2026-02-02")
    refresh_people([man], ON)
    assert told(man, "fit", "colorectal") == [
        "Chưa đến hạn. Đến hạn 02/2027 vì FIT (máu ẩn trong phân): âm tính ngày 02/02/2026 + 12 tháng, "
        "theo quy trình 2026.1."
    ]
    assert told(man, "fit", "colorectal", date(2026, 12, 22)) == []  # the invitation goes out by then
    assert told(man, "fit", "colorectal", correcting=True) == []
    assert told(man, "fit", "colorectal", date(2026, 2, 2)) == []  # tests of one day count together
    Standing.objects.all().delete()
    assert told(man, "fit", "colorectal") == ["Chưa đến hạn: lần sàng lọc sau là 02/2027."]


def test_an_open_round_is_told_unless_the_result_is_what_it_waits_for(send: Sender, man: str, woman: str) -> None:
    send.fit(man, "300", on="2026-02-02")
    assert told(man, "fit", "colorectal") == [
        "Vòng sàng lọc trước còn mở: Nội soi đại tràng, trước ngày 03/04/2026. Kết quả này không thay thế việc đó."
    ]
    positive = {"coding": [{"system": SNOMED, "code": "720005005"}]}
    send.fit(woman, None, on="2026-02-02", code="71431-1", valueCodeableConcept=positive)  # waits for a cytology
    assert told(woman, "cytology", "cervical") == []
    [said] = told(woman, "hpv", "cervical")
    assert said.startswith("Vòng sàng lọc trước còn mở: ")


def test_whom_nobody_calls_any_more_is_named_with_the_reason(man: str, clinician: Actor) -> None:
    cease_screening(
        patient=man,
        programme="colorectal",
        reason="under-care",
        evidence="Giấy ra viện",
        review_on=date(2030, 1, 1),
        actor=clinician,
    )
    refresh_people([man], ON)
    [said] = told(man, "fit", "colorectal")
    assert said.startswith("Ngừng mời (đang điều trị hoặc theo dõi bệnh này), quyết định ngày ")


def test_a_rack_asks_once_however_many_people(station: Facility) -> None:
    people = [
        Citizen.objects.get(pk=make_patient(station, name=f"Người {n}", gender="male", born="2005-03-03"))
        for n in range(12)
    ]

    def queries(count: int) -> int:
        with CaptureQueriesContext(
            connection,
        ) as captured:
            found = warnings([Sample(one, ON) for one in people[:count]], programme="liver", test="afp")
        assert len(found) == count
        return len(captured)

    assert (queries(1), queries(12)) == (1, 1)


def test_a_warning_is_shown_and_saving_goes_on(woman: str, station: Facility) -> None:
    having(woman, "Condition", ICD10, "C18.7", onsetDateTime="2019-01-01")
    doctor: Client = signed_in(Role.CLINICIAN, station)
    address = f"/clinic/people/{woman}/results/new/?test=fit"
    said = fit(collected_on="06/05/2026", resulted_on="06/05/2026")
    page = doctor.post(address, said)
    assert page.context["preview"].warnings == [
        "Không thuộc diện sàng lọc: Đã được chẩn đoán ung thư đại trực tràng, ghi từ ngày 01/01/2019."
    ]
    assert doctor.post(address, {**said, "mark": mark_in(page.content)}).status_code == 302
