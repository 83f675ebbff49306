"""Who a programme is for and where each person stands, by one statement."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import connection, transaction

from fhir import store
from healthhub.accounts.actors import SYSTEM
from records.models import Area, Facility
from screening.messages.bad_contacts import report
from screening.models import Balance, CancerCase, Standing
from screening.paper import run_on_paper
from screening.protocol import protocol_for, protocols
from screening.protocol.eligibility import age_on
from screening.recall.ages import born_between
from screening.recall.balance import balance
from screening.recall.explain import explain_due
from screening.recall.offers import offers_for
from screening.recall.refresh import refresh_noted, refresh_people
from screening.recall.run import carry_on, start_run
from screening.recall.standing import Scope, compute_standings, make_table
from tests.screening.conftest import Sender, make_facility, make_patient

pytestmark = pytest.mark.django_db
ON = date(2026, 3, 2)


def standing(programme: str, on: date, scope: Scope | None = None) -> dict[str, dict[str, Any]]:
    make_table("fresh_standing")
    compute_standings(protocol_for(programme, on), on, into="fresh_standing", scope=scope or Scope())
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM fresh_standing")
        names = [column.name for column in cursor.description]
        return {row[0]: dict(zip(names, row, strict=True)) for row in cursor.fetchall()}


def kept(patient: str, programme: str, on: date) -> Standing:
    refresh_people([patient], on)
    return Standing.objects.get(patient_id=patient, programme=programme)


def condition(patient: str, coding: dict[str, str], **extra: Any) -> None:
    resource = {"resourceType": "Condition", "subject": {"reference": f"Patient/{patient}"}}
    store.save(resource | {"code": {"coding": [coding]}} | extra, actor=SYSTEM)


def test_somebody_never_screened_is_due_since_the_age_or_the_programme_began(man: str, woman: str) -> None:
    found = standing("colorectal", date(2024, 5, 6))
    assert found[man]["status"] == "overdue"
    assert found[man]["due_rule"] == "age:40"
    assert found[man]["due_on"] == min(one.valid_from for one in protocols() if one.programme == "colorectal")
    assert found[woman]["due_on"] == date(2020, 3, 12)


def test_a_negative_test_makes_screened_then_due_then_overdue(send: Sender, man: str) -> None:
    send.fit(man, "5", on="2024-05-06")
    days = (date(2024, 5, 7), date(2025, 5, 5), date(2025, 5, 6), date(2025, 8, 4), date(2025, 8, 5))
    found = [standing("colorectal", day)[man]["status"] for day in days]
    assert found == ["screened", "screened", "due", "due", "overdue"]


def test_an_open_round_is_screened_without_a_date(send: Sender, man: str) -> None:
    send.fit(man, "300", on="2024-05-06")
    found = standing("colorectal", date(2025, 12, 1))[man]
    assert (found["status"], found["due_on"]) == ("screened", None)


@pytest.mark.parametrize("counted", ["on_day", "birth_year"])
def test_the_limits_of_birth_dates_are_the_rule_of_ages(counted: str) -> None:
    for on in (date(2024, 2, 28), date(2024, 2, 29), date(2025, 2, 28), date(2025, 3, 1), date(2025, 12, 31)):
        first, last = born_between(on, 40, 49, counted)
        born = date(1973, 1, 1)
        while born < date(1987, 1, 1):
            assert (first <= born <= last) == (40 <= age_on(born, on, counted) <= 49), (born, on)
            born += timedelta(days=1)


def test_sex_and_age_bands(woman: str, man: str, station: Facility) -> None:
    girl = make_patient(station, name="Em", gender="female", born="2005-03-03")
    old = make_patient(station, name="Cụ", gender="female", born="1960-03-02")
    assert set(standing("cervical", ON)) == {woman}
    assert set(standing("cervical", ON + timedelta(days=1))) == {woman, girl}
    assert old not in standing("cervical", ON)


def test_somebody_without_an_operation_to_show_is_not_excluded(woman: str) -> None:
    removed = {"system": "http://snomed.info/sct", "code": "116140006"}
    procedure = {
        "resourceType": "Procedure",
        "status": "in-progress",
        "subject": {"reference": f"Patient/{woman}"},
        "code": {"coding": [removed]},
        "performedDateTime": "2020-01-01",
    }
    saved = store.save(procedure, actor=SYSTEM)
    assert woman in standing("cervical", ON)
    store.save(procedure | {"id": saved.id, "status": "completed"}, actor=SYSTEM)
    assert woman not in standing("cervical", ON)
    store.delete(type="Procedure", id=saved.id, actor=SYSTEM)
    assert woman in standing("cervical", ON)


def test_icd_10_codes_are_found_below_and_as_a_further_coding(man: str, woman: str) -> None:
    icd = "http://hl7.org/fhir/sid/icd-10"
    condition(man, {"system": icd, "code": "C18.7"})
    both = {"code": {"coding": [{"system": "http://example.org/own", "code": "x"}, {"system": icd, "code": "C20"}]}}
    condition(woman, {}, **both)
    assert standing("colorectal", ON) == {}


@pytest.mark.parametrize(
    ("status", "counts"),
    [
        ("confirmed", True),
        ("unconfirmed", False),
        ("provisional", False),
        ("differential", False),
        ("refuted", False),
        ("entered-in-error", False),
        (None, True),
    ],
)
def test_only_what_nobody_doubts_takes_somebody_out_puts_at_risk_and_is_a_cancer(
    woman: str, status: str | None, counts: bool
) -> None:
    system = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
    said = {"verificationStatus": {"coding": [{"system": system, "code": status}]}} if status else {}
    icd = "http://hl7.org/fhir/sid/icd-10"
    condition(woman, {"system": icd, "code": "C53.9"}, recordedDate="2026-01-10", **said)
    condition(woman, {"system": icd, "code": "K74.6"}, recordedDate="2026-01-10", **said)
    found = (
        woman not in standing("cervical", ON),
        woman in standing("liver", ON),
        CancerCase.objects.filter(programme="cervical").exists(),
    )
    assert found == (counts, counts, counts)
    refresh_noted(ON)
    balance([protocol_for("cervical", ON)], ON)
    (book,) = Balance.objects.filter(programme="cervical")
    assert (book.eligible, book.excluded, book.missing, book.surplus) == (not counts, counts, 0, 0)


def test_pack_years_put_at_risk_from_the_threshold_on(man: str) -> None:
    def smoked(years: int) -> None:
        quantity = {"value": years, "code": "{PackYears}", "system": "http://unitsofmeasure.org"}
        observation = {
            "resourceType": "Observation",
            "status": "final",
            "code": {"coding": [{"system": "http://loinc.org", "code": "8664-5"}]},
            "subject": {"reference": f"Patient/{man}"},
            "effectiveDateTime": "2026-01-05",
            "valueQuantity": quantity,
        }
        store.save(observation, actor=SYSTEM)

    smoked(19)
    assert standing("lung", ON) == {}
    smoked(20)
    found = standing("lung", ON)[man]
    assert (found["status"], found["due_on"], '"heavy_smoker"' in str(found["inputs"])) == (
        "due",
        date(2026, 1, 5),
        True,
    )


def test_who_calls_is_the_own_facility_or_the_nearest(man: str, station: Facility) -> None:
    assert standing("colorectal", ON)[man]["facility_id"] is None
    commune = Area.objects.get(code="00175", valid_to__isnull=False)
    sister = Area.objects.filter(parent=commune.parent).exclude(pk=commune.pk).first()
    near = make_facility("01933", "Trạm bên cạnh")
    Facility.objects.filter(pk=near.pk).update(area=sister)
    assert standing("colorectal", ON)[man]["facility_id"] == near.pk
    Facility.objects.filter(pk=station.pk).update(area=commune)
    assert standing("colorectal", ON)[man]["facility_id"] == station.pk


def test_nobody_can_reach_somebody_without_a_usable_contact(station: Facility, man: str) -> None:
    assert kept(man, "colorectal", ON).status == "overdue"
    report(patient=man, channel="letter", address="Hà Nội", source="staff", reason="wrong_person", actor=SYSTEM)
    assert kept(man, "colorectal", ON).status == "unreachable"


def test_a_scope_gives_the_same_rows_as_everybody(send: Sender, man: str, woman: str) -> None:
    send.fit(man, "5", on="2025-12-01")
    everybody = standing("colorectal", ON)
    assert {**standing("colorectal", ON, Scope(upto=man)), **standing("colorectal", ON, Scope(after=man))} == everybody
    assert standing("colorectal", ON, Scope(patients=[woman])) == {woman: everybody[woman]}


def test_a_date_is_explained_with_its_rule_and_version(send: Sender, man: str) -> None:
    send.fit(man, "5", on="2025-12-01")
    assert explain_due(kept(man, "colorectal", date(2025, 12, 2))) == {
        "vi": "Đến hạn 12/2026 vì FIT (máu ẩn trong phân): âm tính ngày 01/12/2025 + 12 tháng, theo quy trình 2017.1.",
        "en": "Due 12/2026 because FIT (faecal immunochemical test): negative on 01/12/2025 + 12 months, "
        "by protocol 2017.1.",
    }


def test_what_is_due_is_offered_to_whoever_is_here(send: Sender, man: str) -> None:
    refresh_people([man], ON)
    offers = offers_for(man, ON)
    assert "colorectal" in [offer.programme for offer in offers]
    assert {offer.programme for offer in offers if not offer.called} <= {"oral", "stomach", "nasopharynx"}
    send.fit(man, "5", on="2026-03-01")
    refresh_people([man], ON)
    assert "colorectal" not in [offer.programme for offer in offers_for(man, ON)]


def test_ages_by_calendar_year_are_counted_alike_in_both_ways(station: Facility) -> None:
    by_year = replace(protocol_for("colorectal", date(2026, 2, 28)), age_counted="birth_year")
    births = ["1985-12-31", "1986-01-01", "1986-12-31", "1987-01-01", "1984-02-29"]
    people = {make_patient(station, name="Người", gender="male", born=born): born for born in births}
    with transaction.atomic():
        make_table("by_year")
        compute_standings(by_year, date(2026, 2, 28), into="by_year", scope=Scope(patients=list(people)))
        with connection.cursor() as cursor:
            cursor.execute("SELECT patient_id, due_on FROM by_year")
            due = {people[patient]: day for patient, day in cursor.fetchall()}
    wanted = {born for born in births if age_on(date.fromisoformat(born), date(2026, 2, 28), "birth_year") >= 40}
    assert due.keys() == wanted
    assert (due["1986-12-31"], due["1984-02-29"]) == (date(2026, 1, 1), date(2024, 1, 1))


def test_an_open_step_keeps_its_standing_beyond_the_last_age_until_it_is_closed(
    send: Sender, station: Facility
) -> None:
    old = make_patient(station, name="Bà", gender="female", born="1960-05-01")
    found = {"coding": [{"system": "http://snomed.info/sct", "code": "10828004"}]}
    send.fit(old, None, on="2026-04-20", code="82675-0", valueCodeableConcept=found)
    assert max(band.max_age or 0 for band in protocol_for("cervical", ON).bands) == 65
    stands = kept(old, "cervical", date(2026, 6, 1))
    assert (stands.status, stands.due_on, "step" in stands.inputs) == ("screened", None, True)
    carry_on(start_run(date(2026, 6, 1), only=["cervical"]))
    books = Balance.objects.filter(programme="cervical").values_list("eligible", "screened", "surplus")
    assert list(books) == [(1, 1, 0)]
    normal = {"coding": [{"system": settings.FHIR_SYSTEMS["screening"], "code": "normal"}]}
    send.procedure(old, on="2026-06-02", code="392003006", outcome=normal)
    refresh_people([old], date(2026, 6, 3))
    assert not Standing.objects.filter(patient_id=old, programme="cervical").exists()


def test_a_version_with_another_time_of_surveillance_moves_those_under_surveillance(send: Sender, man: str) -> None:
    send.fit(man, "80", on="2026-01-05")
    piecemeal = {"outcome": {"coding": [{"system": settings.FHIR_SYSTEMS["screening"], "code": "piecemeal-resection"}]}}
    send.procedure(man, on="2026-01-20", **piecemeal)
    stands = kept(man, "colorectal", ON)
    assert (stands.status, stands.due_on) == ("screened", date(2026, 7, 20))
    now = protocol_for("colorectal", ON)
    key = stands.due_rule.removeprefix("step:")
    later = replace(now.steps[key], within=replace(now.steps[key].within, months=9))
    found = run_on_paper(replace(now, version="2026.9", steps={**now.steps, key: later}), ON)
    assert (found.total["moved"], found.total["later"], found.total["after"]) == (1, 1, 1)
