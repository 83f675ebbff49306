"""Stored resources as rows of people and facilities; live rows and rebuilt ones are the same."""

from datetime import date
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext

from fhir import store
from fhir.outcomes import Refused
from healthhub.accounts.actors import SYSTEM, Actor
from records.identifiers import demo_cccd
from records.models import CareRelation, Citizen, Facility, Practitioner
from records.projections import rebuild
from tests.records.conftest import Write, glucose

pytestmark = pytest.mark.django_db

SYSTEMS = settings.FHIR_SYSTEMS


def ward(code: str, **address: Any) -> dict[str, Any]:
    return {"extension": [{"url": SYSTEMS["ward"], "valueCoding": {"code": code}}], **address}


def test_a_patient_becomes_a_citizen(write: Write, clinic: Actor, hoa_binh: str) -> None:
    id_ = write(
        "Patient",
        by=clinic,
        identifier=[
            {"system": SYSTEMS["cccd"], "value": "001 060 000 001"},
            {"system": SYSTEMS["bhyt"], "value": "gd4010123456789"},
        ],
        name=[
            {"use": "old", "text": "Nguyễn Văn Cũ"},
            {"use": "official", "text": "Nguyễn Văn  Đức", "family": "Nguyễn", "given": ["Văn", "Đức"]},
        ],
        telecom=[{"system": "email", "value": "a@b.vn"}, {"system": "phone", "value": "0912 345 678"}],
        gender="male",
        birthDate="1960-03-12",
        address=[
            ward("00004", use="home", line=["Số 1"], city="Hà Nội", period={"start": "2017-05-04"}),
            {"use": "work", "text": "Nơi khác"},
        ],
        managingOrganization={"reference": f"Organization/{hoa_binh}"},
    )

    citizen = Citizen.objects.select_related("area__parent", "facility").get()
    assert citizen.patient_id == id_
    assert (citizen.full_name, citizen.family, citizen.given) == ("Nguyễn Văn Đức", "Nguyễn", "Văn Đức")
    assert (citizen.folded_name, citizen.birth_date, citizen.birth_precision, citizen.sex) == (
        "nguyen van duc",
        date(1960, 3, 12),
        "day",
        "male",
    )
    assert (citizen.cccd, citizen.insurance_number, citizen.phone) == (
        "001060000001",
        "GD4010123456789",
        "+84912345678",
    )
    assert citizen.address_text == "Số 1, Hà Nội"
    assert citizen.area is not None
    assert citizen.area.parent is not None
    assert (citizen.area.name, citizen.area.parent.name) == ("Phường Trúc Bạch", "Quận Ba Đình")
    assert citizen.facility is not None
    assert citizen.facility.name == "Trạm y tế Hòa Bình"
    assert (citizen.active, citizen.deceased, citizen.warnings) == (True, False, [])


def test_without_a_day_the_address_is_read_by_the_map_of_today(patient: Write) -> None:
    patient("Nguyễn Văn Đức", by=SYSTEM, address=[ward("00004")])

    assert Citizen.objects.values_list("area__name").get() == ("Phường Ba Đình",)


@pytest.mark.parametrize(
    ("text", "born", "precision"),
    [("1960", date(1960, 1, 1), "year"), ("1960-03", date(1960, 3, 1), "month"), (None, None, "")],
)
def test_a_birth_date_is_as_exact_as_it_was_given(write: Write, text: str | None, born: date, precision: str) -> None:
    write("Patient", by=SYSTEM, **({"birthDate": text} if text else {"gender": "other"}))

    assert Citizen.objects.values_list("birth_date", "birth_precision").get() == (born, precision)


def test_contradictions_are_kept_as_warnings_and_block_nothing(patient: Write) -> None:
    patient("Nguyễn Thị Hoa", by=SYSTEM, cccd=demo_cccd(1, sex="male", birth_year=1961), gender="female")

    assert Citizen.objects.get().warnings == ["demo-number", "cccd-sex", "cccd-birth-year"]


def test_a_malformed_cccd_is_refused_where_it_stands(patient: Write) -> None:
    with pytest.raises(Refused) as refused:
        patient("Nguyễn Thị Hoa", by=SYSTEM, cccd="00116000000")

    assert refused.value.status == 422
    assert [issue.expression for issue in refused.value.issues] == ["Patient.identifier[0].value"]
    assert not Citizen.objects.exists()


def test_a_facility_code_belongs_to_one_organization(hoa_binh: str, write: Write) -> None:
    with pytest.raises(Refused) as refused:
        write("Organization", by=SYSTEM, identifier=[{"system": SYSTEMS["facility"], "value": "01901"}])

    assert refused.value.status == 409
    assert list(Facility.objects.values_list("organization_id", "code")) == [(hoa_binh, "01901")]


def test_a_deleted_patient_stays_as_an_inactive_citizen(patient: Write, clinic: Actor) -> None:
    id_ = patient("Nguyễn Văn Đức", by=clinic)
    store.delete(type="Patient", id=id_, actor=clinic)

    citizen = Citizen.objects.get()
    assert (citizen.active, citizen.full_name) == (False, "Nguyễn Văn Đức")


def test_a_deleted_organization_gives_its_code_free(hoa_binh: str, write: Write) -> None:
    store.delete(type="Organization", id=hoa_binh, actor=SYSTEM)
    write("Organization", by=SYSTEM, identifier=[{"system": SYSTEMS["facility"], "value": "01901"}], name="Mới")

    assert sorted(Facility.objects.values_list("name", "code", "active")) == [
        ("Mới", "01901", True),
        ("Trạm y tế Hòa Bình", None, False),
    ]


def test_whoever_writes_about_a_person_cares_for_her(patient: Write, clinic: Actor, hoa_binh: str) -> None:
    id_ = patient("Nguyễn Văn Đức", by=clinic)

    care = CareRelation.objects.get()
    assert (care.patient_id, care.facility_id, care.basis) == (id_, hoa_binh, "wrote")


def test_a_batch_takes_as_many_statements_as_one(clinic: Actor) -> None:
    def people(count: int) -> int:
        drafts = [store.Draft.of({"resourceType": "Patient", "name": [{"text": f"Trần {n}"}]}) for n in range(count)]
        with CaptureQueriesContext(connection) as queries:
            store.save_many(drafts, actor=clinic)
        return len(queries)

    people(1)
    assert people(50) == people(1)


def test_rebuilt_rows_equal_the_live_ones(
    patient: Write, write: Write, clinic: Actor, stranger: Actor, thang_long: str
) -> None:
    kept = patient("Nguyễn Văn Đức", by=clinic, address=[ward("00004", period={"start": "2017-05-04"})])
    gone = patient("Trần Thị Hoa", by=stranger, cccd=demo_cccd(7))
    write("Observation", by=clinic, **glucose(kept))
    write("Practitioner", by=clinic, name=[{"family": "Lê", "given": ["Thị", "Ánh"]}])
    left = write("Practitioner", by=stranger, name=[{"text": "Đỗ Văn Đi"}])
    store.delete(type="Practitioner", id=left, actor=stranger)
    store.delete(type="Patient", id=gone, actor=stranger)
    store.save({"resourceType": "Patient", "id": kept, "name": [{"text": "Nguyễn Văn Đức Anh"}]}, actor=clinic)

    def rows() -> list[list[dict[str, Any]]]:
        return [list(model.objects.order_by("pk").values()) for model in (Citizen, Facility, Practitioner)] + [
            list(CareRelation.objects.order_by("patient", "facility").values("patient", "facility", "basis", "since"))
        ]

    live = rows()
    Citizen.objects.update(full_name="?")
    CareRelation.objects.all().delete()
    Facility.objects.filter(pk=thang_long).delete()
    rebuild()
    assert rows() == live
    assert [row["name"] for row in live[2]] == ["Lê Thị Ánh"]


def test_a_rebuild_keeps_who_presented_herself(patient: Write, clinic: Actor, thang_long: str) -> None:
    id_ = patient("Nguyễn Văn Đức", by=clinic)
    CareRelation.objects.create(patient_id=id_, facility_id=thang_long, basis="presented", since="2017-05-04T00:00:00Z")
    rebuild()
    assert sorted(CareRelation.objects.values_list("basis", flat=True)) == ["presented", "wrote"]
