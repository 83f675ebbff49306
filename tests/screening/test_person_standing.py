"""The clinic's page of a person says what call and recall say, with the true reason: at risk, too young, excluded."""

from datetime import date
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from fhir import store
from healthhub.accounts.actors import SYSTEM, Role
from records.models import Citizen, Facility
from screening.clinic.standing import Standing as Shown
from screening.clinic.standing import standings
from screening.models import Standing
from screening.recall.explain import explain_due
from screening.recall.refresh import refresh_people
from tests.screening.clinic_room import signed_in
from tests.screening.conftest import Sender, make_patient

pytestmark = pytest.mark.django_db
ON = date(2026, 6, 2)
ICD10 = "http://hl7.org/fhir/sid/icd-10"
SNOMED = "http://snomed.info/sct"
LOCAL = "https://healthhub.vn/fhir/CodeSystem/screening"


def record(patient: str, kind: str, system: str, code: str, **extra: Any) -> None:
    resource = {"resourceType": kind, "subject": {"reference": f"Patient/{patient}"}}
    store.save(resource | {"code": {"coding": [{"system": system, "code": code}]}} | extra, actor=SYSTEM)


def packs(patient: str, amount: int, on: str = "2026-01-05") -> None:
    quantity = {"value": amount, "code": "{PackYears}", "system": "http://unitsofmeasure.org"}
    record(patient, "Observation", "http://loinc.org", "8664-5", status="final", effectiveDateTime=on,
           valueQuantity=quantity)  # fmt: skip


def shown(patient: str, programme: str, on: date = ON) -> Shown:
    refresh_people([patient], on)
    found = standings(Citizen.objects.get(pk=patient), [], on=on)
    return next(one for one in found if one.programme == programme)


def said(patient: str, programme: str, on: date = ON) -> tuple[str, str, bool]:
    one = shown(patient, programme, on)
    return one.word, one.reason, one.main


def test_somebody_at_risk_of_the_liver_is_told_her_group_and_since_when(man: str) -> None:
    record(man, "Condition", ICD10, "B18.1", onsetDateTime="2026-05-01")
    assert said(man, "liver") == (
        "Chưa từng sàng lọc",
        "66 tuổi, thuộc nhóm nguy cơ: Viêm gan B mạn tính (ghi từ ngày 01/05/2026).",
        True,
    )
    assert explain_due(Standing.objects.get(patient=man, programme="liver")) == {
        "vi": "Đến hạn 05/2026 vì thuộc nhóm nguy cơ (viêm gan B mạn tính) từ ngày 01/05/2026 và chưa từng sàng lọc, "
        "theo quy trình 2026.1.",
        "en": "Due 05/2026 because the risk (chronic hepatitis B) has been known since 01/05/2026 and there has been "
        "no screening yet, by protocol 2026.1.",
    }


def test_a_heavy_smoker_is_at_risk_and_another_is_told_what_is_missing(man: str, station: Facility) -> None:
    packs(man, 30)
    assert said(man, "lung")[1:] == (
        "66 tuổi, thuộc nhóm nguy cơ: Hút thuốc từ 20 bao-năm (ghi từ ngày 05/01/2026).",
        True,
    )
    light = make_patient(station, name="Người hút ít", gender="male", born="1960-03-12")
    packs(light, 12)
    assert said(light, "lung") == (
        "Chưa thuộc diện sàng lọc",
        "Hồ sơ chưa ghi nhóm nguy cơ nào: Hút thuốc từ 20 bao-năm.",
        False,
    )


def test_at_risk_but_not_of_the_groups_age(station: Facility) -> None:
    young = make_patient(station, name="Em", gender="male", born="1995-03-12")
    record(young, "Condition", ICD10, "B18.1", onsetDateTime="2020-01-01")
    assert said(young, "liver")[1] == (
        "31 tuổi; chương trình dành cho người từ 40 tuổi. Nhóm nguy cơ: Viêm gan B mạn tính (ghi từ ngày 01/01/2020)."
    )
    record(young, "Condition", ICD10, "K74.6", onsetDateTime="2026-03-01")
    assert said(young, "liver")[0] == "Chưa từng sàng lọc"


def test_whoever_is_excluded_is_told_why_since_when_and_by_what(woman: str) -> None:
    record(woman, "Procedure", SNOMED, "116140006", status="completed", performedDateTime="2020-05-01")
    assert said(woman, "cervical") == (
        "Không mời: có lý do loại trừ",
        "Không còn cổ tử cung, theo thủ thuật ghi từ ngày 01/05/2020.",
        True,
    )
    assert not Standing.objects.filter(patient=woman, programme="cervical").exists()


def test_a_round_of_before_promises_no_date_to_whom_nobody_will_call(send: Sender, woman: str) -> None:
    send.fit(woman, "5", on="2026-01-06")
    assert shown(woman, "colorectal").due_on == date(2027, 1, 6)
    record(woman, "Condition", ICD10, "C18.7", onsetDateTime="2026-03-01")
    one = shown(woman, "colorectal")
    assert (one.word, one.due_on) == ("Không còn thuộc diện sàng lọc", None)
    assert one.reason.startswith("Đã được chẩn đoán ung thư đại trực tràng, theo chẩn đoán ghi từ ngày 01/03/2026.")


@pytest.mark.parametrize("code", ["B18.1", "B18.2", "K74.6"])
def test_the_page_and_the_recall_agree_on_whom_a_programme_is_for(man: str, woman: str, code: str) -> None:
    record(man, "Condition", ICD10, code, onsetDateTime="2019-04-01")
    for patient in (man, woman):
        refresh_people([patient], ON)
        stored = set(Standing.objects.filter(patient=patient).values_list("programme", flat=True))
        assert {one.programme for one in standings(Citizen.objects.get(pk=patient), [], on=ON) if one.main} == stored


def test_the_page_asks_for_the_facts_once(man: str, station: Facility) -> None:
    packs(man, 30)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        standings(Citizen.objects.get(pk=man), [], on=ON)
    assert sum("exclusion" in query["sql"] for query in queries) == 1
    page = signed_in(Role.CLINICIAN, station).get(f"/clinic/people/{man}/").content.decode()
    assert "thuộc nhóm nguy cơ: Hút thuốc từ 20 bao-năm" in page
