"""What went wrong in other countries' call and recall, and cannot happen unseen here: one test a pain."""

from datetime import date, timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone

from fhir import store
from fhir.outcomes import Refused
from healthhub.accounts.actors import SYSTEM, Actor
from records.models import Facility
from records.registration import register_citizen
from screening.models import Balance, BalanceDifference, Decision, Invitation, Standing
from screening.protocol import programmes, protocol_for
from screening.protocol.eligibility import age_on
from screening.recall.decisions import cease_screening
from screening.recall.lists import ceased_for_review, fallen_out, unsent
from screening.recall.refresh import refresh_noted, refresh_people
from screening.recall.run import carry_on, start_run
from tests.screening.conftest import Sender, make_facility, make_patient

pytestmark = pytest.mark.django_db
ON = date(2026, 3, 2)  # a Monday, on which every programme has begun


def standings(patient: str) -> dict[str, str]:
    return dict(Standing.objects.filter(patient_id=patient).values_list("programme", "status"))


def condition(patient: str, code: str, **extra: Any) -> dict[str, Any]:
    return {
        "resourceType": "Condition",
        "subject": {"reference": f"Patient/{patient}"},
        "code": {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10", "code": code}]},
    } | extra


def test_pain_1_the_denominator_is_known_and_whoever_is_missing_is_named(station: Facility) -> None:
    people = [make_patient(station, name=f"Người {n}", gender="male", born=f"{1930 + n}-06-15") for n in range(80)]
    carry_on(start_run(ON))
    wanted = sum(age_on(date(1930 + n, 6, 15), ON) >= 40 for n in range(80))
    assert sum(Balance.objects.filter(on=ON, programme="colorectal").values_list("eligible", flat=True)) == wanted
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM records_citizen WHERE patient_id = ANY(%s)", [people[:3]])
    refresh_people(people, ON)
    carry_on(start_run(ON + timedelta(days=1)))
    missing = BalanceDifference.objects.filter(programme="colorectal", kind="missing")
    assert sorted(missing.values_list("patient_id", flat=True)) == sorted(people[:3])


def test_pain_2_whoever_is_registered_has_a_standing_within_seconds_or_is_listed_as_unclear(
    station: Facility, clinician: Actor
) -> None:
    known = register_citizen(
        full_name="Phạm Thị Lan", birth_date=date(1970, 5, 5), sex="female", area_code="00175", actor=clinician
    )
    nowhere = make_patient(station, name="Không rõ nơi ở", gender="male", born="1960-01-01", ward="99999")
    refresh_noted(ON)
    assert standings(known).keys() >= {"colorectal", "cervical", "breast"}
    carry_on(start_run(ON))
    unclear = BalanceDifference.objects.filter(programme="colorectal", kind="unclear")
    assert list(unclear.values_list("patient_id", "detail")) == [(nowhere, "area")]


@pytest.mark.parametrize("on", [date(2024, 2, 28), date(2024, 2, 29), date(2026, 2, 28), date(2026, 3, 1), ON])
def test_pain_3_age_is_counted_as_the_protocol_says_and_in_one_way(station: Facility, on: date) -> None:
    births = [f"{on.year - 40}-{on:%m}-{day:02}" for day in range(1, 29)] + [
        "1984-02-29", "1980-02-29", "1986-03-01", "1986-03-02", "1986-03-03", "1985-12-31", "1986-12-31",
    ]  # fmt: skip
    people = {make_patient(station, name="Người", gender="male", born=born): born for born in births}
    counted = protocol_for("colorectal", on).age_counted
    wanted = {one for one, born in people.items() if age_on(date.fromisoformat(born), on, counted) >= 40}
    run = carry_on(start_run(on, only=["colorectal"]))
    listed = Standing.objects.filter(programme="colorectal").values_list("patient_id", flat=True)
    assert set(listed) == wanted
    assert run.counts["differences"] == 0
    assert sum(Balance.objects.values_list("eligible", flat=True)) == len(wanted)


def test_pain_4_a_planned_invitation_that_was_not_sent_is_an_alarm_and_goes_out_with_the_next_run(man: str) -> None:
    run = start_run(ON)
    while not any(step.startswith("planned colorectal") for step in run.done):
        run = carry_on(run, stop=iter([False, True]).__next__)
    assert [(alarm.programme, alarm.people, alarm.since) for alarm in unsent(ON + timedelta(days=1))] == [
        ("colorectal", 1, ON)
    ]
    carry_on(start_run(ON + timedelta(days=1)))
    assert unsent(ON + timedelta(days=2)) == []
    assert Invitation.objects.get(patient_id=man, programme="colorectal").sent_on == ON + timedelta(days=1)


def test_pain_6_nobody_is_ceased_without_evidence_and_every_ceasing_comes_up_for_review(
    clinician: Actor, woman: str
) -> None:
    review = timezone.localdate() + timedelta(days=200)
    decision = {"patient": woman, "programme": "cervical", "reason": "organ-absent", "actor": clinician}
    with pytest.raises(Refused):
        cease_screening(**decision, evidence="", review_on=review)
    cease_screening(**decision, evidence="Phẫu thuật 2019, giấy ra viện", review_on=review)
    assert not ceased_for_review(review - timedelta(days=1), actor=clinician).exists()
    assert list(ceased_for_review(review, actor=clinician)) == [Decision.objects.get()]
    refresh_noted(ON)
    assert standings(woman)["cervical"] == "ceased"


def test_pain_6_whoever_falls_out_by_a_corrected_birth_date_is_listed_and_comes_back(
    station: Facility, clinician: Actor, man: str
) -> None:
    carry_on(start_run(ON))
    text = {"resourceType": "Patient", "id": man, "name": [{"text": "Nguyễn Văn Đức"}], "gender": "male"}
    address = {
        "text": "Hà Nội",
        "period": {"start": "2010-01-01"},
        "extension": [{"url": settings.FHIR_SYSTEMS["ward"], "valueCoding": {"code": "00175"}}],
    }
    store.save(text | {"birthDate": "1996-03-12", "address": [address]}, actor=SYSTEM)
    refresh_noted(ON)
    assert standings(man) == {}
    assert [one.patient_id for one in fallen_out(ON, actor=clinician)] == [man]
    store.save(text | {"birthDate": "1966-03-12", "address": [address]}, actor=SYSTEM)
    refresh_noted(ON)
    assert standings(man)["colorectal"] == "overdue"
    carry_on(start_run(ON + timedelta(days=1)))
    assert sorted(Invitation.objects.filter(programme="colorectal").values_list("state", flat=True)) == [
        "cancelled",
        "sent",
    ]


def test_pain_6_a_death_that_was_an_error_brings_everything_back(man: str) -> None:
    from fhir.reader import read
    from fhir.text import parse

    carry_on(start_run(ON))
    alive = parse(read(type="Patient", id=man, actor=SYSTEM).content).resource
    store.save(alive | {"deceasedDateTime": "2026-03-01"}, actor=SYSTEM)
    refresh_noted(ON)
    assert standings(man) == {}
    assert set(Invitation.objects.values_list("state", "ended_by")) == {("cancelled", "deceased")}
    store.save(alive, actor=SYSTEM)
    refresh_noted(ON)
    assert standings(man)["colorectal"] == "overdue"


def test_pain_6_a_pregnancy_does_not_end_screening_for_good(woman: str) -> None:
    store.save(condition(woman, "Z34.0", recordedDate="2026-01-10", onsetDateTime="2026-01-10"), actor=SYSTEM)
    refresh_noted(ON)
    assert "cervical" not in standings(woman)
    refresh_people([woman], date(2027, 1, 11))
    assert standings(woman)["cervical"] == "overdue"


def test_pain_9_the_risk_list_calls_those_who_avoid_care(station: Facility, man: str) -> None:
    """A diagnosis that anybody ever recorded is enough: no visit, no claim, no answer to a letter is needed."""
    refresh_noted(ON)
    assert "liver" not in standings(man)
    elsewhere = make_facility("01955", "Bệnh viện khác")
    store.save(condition(man, "B18.1", onsetDateTime="2019-04-01"), actor=SYSTEM, facility=elsewhere.pk)
    refresh_noted(ON)
    assert standings(man)["liver"] == "due"
    carry_on(start_run(ON))
    assert Invitation.objects.get(patient_id=man, programme="liver").state == "sent"
    assert BalanceDifference.objects.filter(programme="liver").count() == 0


def test_pain_9_a_refuted_diagnosis_puts_nobody_at_risk(man: str) -> None:
    refuted = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-ver-status", "code": "refuted"}]}
    store.save(condition(man, "B18.1", verificationStatus=refuted), actor=SYSTEM)
    refresh_noted(ON)
    assert "liver" not in standings(man)


def test_pain_9_a_private_test_counts_and_is_not_done_twice(man: str) -> None:
    """Whoever was tested at a private laboratory is not called for the same test again."""
    private = Sender(make_facility("01944", "Phòng khám tư"))
    private.fit(man, "3", on="2026-02-10")
    carry_on(start_run(ON))
    assert standings(man)["colorectal"] == "screened"
    assert not Invitation.objects.filter(patient_id=man, programme="colorectal").exists()


def test_every_programme_has_its_books(man: str, woman: str) -> None:
    carry_on(start_run(ON))
    begun = {key for key in programmes() if protocol_for(key, ON).valid_from <= ON}
    in_books = set(Balance.objects.filter(on=ON).values_list("programme", flat=True))
    with_people = set(Standing.objects.values_list("programme", flat=True))
    assert with_people <= in_books <= begun
