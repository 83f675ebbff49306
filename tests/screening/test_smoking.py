"""Smoking history brings somebody into the lung programme without any FHIR software: said on the clinic's page."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.test import Client

from fhir.models import Resource, ResourceVersion
from fhir.outcomes import Refused
from healthhub.accounts.actors import Actor, Role
from records.models import Facility
from screening.models import Standing
from screening.protocol import current
from screening.recall.explain import explain_due
from screening.smoking import PACK_YEARS, STOPPED, UNIT, Habit, Smoking, record_smoking, smoking_of, statement_id
from tests.screening.clinic_room import signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("today")]
ON = date(2026, 3, 2)


@pytest.fixture
def today() -> Any:
    with time_machine.travel("2026-03-02T10:00:00+07:00", tick=True):
        yield


@pytest.fixture
def clinic(station: Facility) -> Client:
    return signed_in(Role.CLINICIAN, station)


def say(clinic: Client, man: str, query: str = "", **fields: str) -> Any:
    told = {"habit": "now", "pack_years": "", "stopped": "", "on": "02/03/2026", "seen": ""} | fields
    return clinic.post(f"/clinic/people/{man}/smoking/{query}", told)


def lung(man: str) -> Standing | None:
    return Standing.objects.filter(patient=man, programme="lung").first()


def test_what_is_written_is_what_the_lung_protocol_reads() -> None:
    group = next(one for one in current("lung").risk_groups if one.key == "heavy_smoker")
    assert group.observation is not None
    assert group.stopped is not None
    assert (group.observation.coding[1], group.observation.unit) == (PACK_YEARS, UNIT)
    assert STOPPED in [code for _system, code in group.stopped.codings]


@pytest.mark.parametrize(
    ("fields", "due"),
    [
        ({"habit": "now", "pack_years": "20"}, True),
        ({"habit": "now", "pack_years": "19,5"}, False),
        ({"habit": "stopped", "pack_years": "30", "stopped": "2011"}, True),
        ({"habit": "stopped", "pack_years": "30", "stopped": "2010"}, False),
        ({"habit": "never"}, False),
    ],
)
def test_a_clinic_brings_a_smoker_into_the_lung_programme_by_its_page(
    clinic: Client, man: str, fields: dict[str, str], due: bool
) -> None:
    assert say(clinic, man, **fields).status_code == 302
    standing = lung(man)
    assert (standing is not None) == due
    page = clinic.get(f"/clinic/people/{man}/").content.decode()
    assert ("65 tuổi, thuộc nhóm nguy cơ: Hút thuốc từ 20 bao-năm (ghi từ ngày 02/03/2026)." in page) == due
    if standing is not None:
        assert explain_due(standing)["en"] == (
            "Due 03/2026 because the risk (20 pack-years of smoking or more) has been known since 02/03/2026 and there "
            "has been no screening yet, by protocol 2026.1."
        )


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"habit": ""}, "habit"),
        ({"habit": "now"}, "pack_years"),
        ({"habit": "now", "pack_years": "nhiều"}, "pack_years"),
        ({"habit": "now", "pack_years": "1000"}, "pack_years"),
        ({"habit": "now", "pack_years": "20", "stopped": "2020"}, "stopped"),
        ({"habit": "stopped", "pack_years": "20"}, "stopped"),
        ({"habit": "stopped", "pack_years": "20", "stopped": "2027"}, "stopped"),
        ({"habit": "stopped", "pack_years": "20", "stopped": "1959"}, "stopped"),
        ({"habit": "never", "pack_years": "20"}, "habit"),
        ({"habit": "now", "pack_years": "20", "on": "03/03/2026"}, "on"),
        ({"habit": "withdrawn"}, "habit"),
    ],
)
def test_what_cannot_be_is_said_at_its_field_and_nothing_is_written(
    clinic: Client, man: str, fields: dict[str, str], field: str
) -> None:
    answer = say(clinic, man, **fields)
    assert list(answer.context["form"].errors) == [field]
    assert not Resource.objects.filter(id__startswith="smoking-").exists()


def test_a_correction_keeps_both_versions_and_takes_her_out_again(clinic: Client, man: str, station: Facility) -> None:
    say(clinic, man, pack_years="30")
    assert lung(man) is not None
    again = "?day=2026-03-02"
    form = clinic.get(f"/clinic/people/{man}/smoking/{again}").context["form"]
    assert (form["pack_years"].value(), form["seen"].value()) == ("30", "1.1.1")
    assert list(say(clinic, man, pack_years="3").context["form"].errors) == ["on"]  # not by way of a new one
    assert say(clinic, man, again, pack_years="3", seen="1.1.1").status_code == 302
    assert lung(man) is None
    packs = f"{statement_id(patient=man, facility=station.pk, on=ON)}-packs"
    assert '"value":30' in ResourceVersion.objects.get(id=packs).content
    assert '"value":3,' in Resource.objects.get(id=packs).content
    assert "__all__" in say(clinic, man, again, pack_years="40", seen="1.1.1").context["form"].errors
    assert say(clinic, man, again, pack_years="40", seen="2.2.2").status_code == 302
    assert lung(man) is not None
    assert say(clinic, man, again, habit="withdrawn", seen="3.2.2").status_code == 302
    assert lung(man) is None
    assert clinic.get(f"/clinic/people/{man}/smoking/{again}").status_code == 404
    assert say(clinic, man, pack_years="25").status_code == 302
    assert lung(man) is not None


def test_a_statement_is_changed_by_the_facility_that_made_it(
    clinic: Client, man: str, clinician: Actor, station: Facility, laboratory: Facility
) -> None:
    said = Smoking(Habit.NOW, Decimal("22.5"))
    record_smoking(patient=man, facility=station.pk, said=said, on=ON, actor=clinician)
    (one,) = smoking_of(man, actor=clinician)
    assert (one.said, one.day, one.place, one.seen, one.withdrawn) == (said, ON, station.name, (1, 1, 1), False)
    with pytest.raises(Refused) as refused:
        record_smoking(patient=man, facility=station.pk, said=said, on=ON, actor=clinician)
    assert refused.value.status == 412
    stranger = Actor("user:9", "Bác sĩ Bình", Role.CLINICIAN, facility=laboratory.pk)
    with pytest.raises(Refused) as refused:
        record_smoking(patient=man, facility=station.pk, said=said, on=ON, seen=one.seen, actor=stranger)
    assert refused.value.status == 403
    assert signed_in(Role.CLINICIAN, laboratory).get(f"/clinic/people/{man}/smoking/").status_code == 404
