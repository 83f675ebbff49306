"""A night that works out only those whom it concerns leaves everybody where a count of everybody would."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from random import Random
from typing import Any

import pytest
from django.conf import settings
from django.db import connection

from fhir import store
from fhir.reader import read
from fhir.text import parse
from healthhub.accounts.actors import SYSTEM
from records.models import Citizen, Facility
from screening.messages.bad_contacts import clear, report
from screening.models import BalanceDifference, CountedPerson, Invitation, StalePerson, Standing, StandingsNight
from screening.protocol import protocol_for
from screening.protocol.eligibility import age_on
from screening.recall import night
from screening.recall.ages import age_runs, birthdays
from screening.recall.reading import CODES, PREFIX
from screening.recall.recount import look_again
from screening.recall.refresh import refresh_people
from screening.recall.run import carry_on, start_run
from tests.screening.conftest import Sender, make_facility, make_patient

pytestmark = pytest.mark.django_db
PROGRAMMES = ("cervical", "colorectal", "liver", "lung")
ON = date(2026, 3, 2)
PREGNANT, HEPATITIS, SMOKED = "Z34.0", "B18.1", "8664-5"


def run(on: date, only: tuple[str, ...] = ("colorectal",)) -> dict[str, int]:
    return carry_on(start_run(on, only=only)).counts


def wrong(on: date, only: tuple[str, ...]) -> dict[str, dict[str, int]]:
    """What a count of everybody finds wrong, by programme."""
    found = {name: look_again(protocol_for(name, on), on, everybody=True) for name in only}
    return {name: {word: n for word, n in counts.items() if word != "again"} for name, counts in found.items()}


class Street:
    """Some people to whom anything happens, written as their clinics would."""

    def __init__(self, seed: int, station: Facility) -> None:
        self.random, self.station, self.send = Random(seed), station, Sender(station)
        self.other = make_facility("01977", "Trạm bên cạnh")
        self.decided: list[dict[str, Any]] = []
        self.results: list[str] = []
        self.people: list[str] = []
        for number in range(24):
            born = date(2024, 10, 1) - timedelta(days=int(365.25 * (18 + number * 2.7)) + self.random.randrange(300))
            self.people.append(self.settle(born if number % 5 else born.replace(year=1984, month=2, day=29)))

    def settle(self, born: date) -> str:
        gender = self.random.choice(["male", "female", "female"])
        return make_patient(self.station, name="Người", gender=gender, born=f"{born}")

    def happen(self, on: date) -> None:
        """One event, at random."""
        what: Callable[[str, date], None] = self.random.choice([
            self.tested, self.tested, self.tested, self.withdrawn, self.examined, self.decide, self.decide, self.undo,
            self.moved, self.died, self.revived, self.reborn, self.fell_ill, self.fell_ill, self.facility, self.contact,
        ])  # fmt: skip
        what(self.random.choice(self.people), on)

    def tested(self, who: str, on: date) -> None:
        day = f"{on - timedelta(days=self.random.randrange(60))}"
        if self.random.random() < 0.5:
            self.results.append(self.send.fit(who, self.random.choice(["5", "5", "300"]), on=day))
            return
        found = {"system": "http://snomed.info/sct", "code": self.random.choice(["10828004", "260385009"])}
        value = {"valueCodeableConcept": {"coding": [found]}}
        self.results.append(self.send.fit(who, None, on=day, code="82675-0", **value))

    def withdrawn(self, _who: str, _on: date) -> None:
        if self.results:
            store.delete(type="Observation", id=self.results.pop(), actor=SYSTEM)

    def examined(self, who: str, on: date) -> None:
        found = self.random.choice(["normal", "advanced-adenoma", "piecemeal-resection", "cin3"])
        outcome = {"coding": [{"system": settings.FHIR_SYSTEMS["screening"], "code": found}]}
        self.send.procedure(who, on=f"{on}", code=self.random.choice(["73761001", "392003006"]), outcome=outcome)

    def decide(self, who: str, on: date) -> None:
        def concept(code: str) -> dict[str, Any]:
            return {"coding": [{"system": settings.FHIR_SYSTEMS["screening"], "code": code}]}

        kind, reason = self.random.choice(
            [("defer", "ill"), ("defer", "away"), ("cease", "not-fit"), ("opt_out", "no-reason")]
        )
        request = {
            "resourceType": "ServiceRequest", "status": "active", "intent": "directive", "doNotPerform": True,
            "category": [concept(CODES[kind])], "code": concept(f"{PREFIX}{self.random.choice(PROGRAMMES[:2])}"),
            "subject": {"reference": f"Patient/{who}"}, "authoredOn": f"{on}", "reasonCode": [concept(reason)],
            "occurrencePeriod": {"end": f"{on + timedelta(days=self.random.randrange(1, 200))}"},
            "note": [{"text": "Giấy ra viện"}],
        }  # fmt: skip
        self.decided.append(request | {"id": store.save(request, actor=SYSTEM).id})

    def undo(self, _who: str, _on: date) -> None:
        if self.decided:
            store.save(self.decided.pop() | {"status": "revoked"}, actor=SYSTEM)

    def moved(self, who: str, _on: date) -> None:
        patient = stored(who)
        patient["address"][0]["extension"][0]["valueCoding"]["code"] = self.random.choice(["00175", "00001", "99999"])
        store.save(patient, actor=SYSTEM)

    def died(self, who: str, on: date) -> None:
        store.save(stored(who) | {"deceasedDateTime": f"{on}"}, actor=SYSTEM)

    def revived(self, who: str, _on: date) -> None:
        store.save({key: value for key, value in stored(who).items() if key != "deceasedDateTime"}, actor=SYSTEM)

    def reborn(self, who: str, _on: date) -> None:
        store.save(stored(who) | {"birthDate": f"{1940 + self.random.randrange(65)}-02-28"}, actor=SYSTEM)

    def fell_ill(self, who: str, on: date) -> None:
        subject = {"subject": {"reference": f"Patient/{who}"}}
        what = self.random.choice([PREGNANT, HEPATITIS, "K74.6", SMOKED, "C53.9"])
        if what == SMOKED:
            quantity = {"value": 25, "code": "{PackYears}", "system": "http://unitsofmeasure.org"}
            self.send.fit(who, None, on=f"{on}", code=SMOKED, valueQuantity=quantity)
            return
        coding = {"system": "http://hl7.org/fhir/sid/icd-10", "code": what}
        day = on - timedelta(days=self.random.choice([0, 300, 360, 700]))
        store.save(
            {"resourceType": "Condition", **subject, "code": {"coding": [coding]}, "onsetDateTime": f"{day}"},
            actor=SYSTEM,
        )

    def facility(self, _who: str, _on: date) -> None:
        area = Citizen.objects.exclude(area=None).values_list("area", flat=True).first()
        one = Facility.objects.filter(pk=self.other.pk)
        one.update(active=not one.get().active, area_id=area)

    def contact(self, who: str, _on: date) -> None:
        if self.random.random() < 0.5:
            clear(patient=who, address="Hà Nội", actor=SYSTEM)
        else:
            report(patient=who, channel="letter", address="Hà Nội", source="staff", reason="moved", actor=SYSTEM)


def stored(who: str) -> dict[str, Any]:
    return parse(read(type="Patient", id=who, actor=SYSTEM).content).resource


@pytest.mark.parametrize("seed", [1, 3])
def test_after_any_days_and_events_everybody_stands_where_a_count_of_everybody_puts_her(
    seed: int, station: Facility
) -> None:
    street = Street(seed, station)
    on, looked, seen = date(2025, 6, 30), 0, set[str]()
    while on < date(2026, 11, 1):
        for _ in range(street.random.randrange(6)):
            street.happen(on)
        counts = run(on, PROGRAMMES)
        looked += counts.get("looked", 0)
        assert not {"wrong", "late", "misread"} & counts.keys(), (on, counts)
        assert counts["differences"] == 0, on
        assert wrong(on, PROGRAMMES) == {name: {} for name in PROGRAMMES}, on
        seen |= set(Standing.objects.values_list("status", flat=True))
        on += timedelta(days=street.random.choice([1, 1, 1, 2, 9, 31]))
    assert looked > 50
    assert len(seen) >= 5, seen


@pytest.mark.parametrize("counted", ["on_day", "birth_year"])
def test_everybody_whose_age_begins_or_ends_something_is_found_by_her_birth_date(counted: str) -> None:
    cervical = replace(protocol_for("cervical", ON), age_counted=counted)
    (low, high), *_ = age_runs(cervical)
    assert high is not None
    nights = [
        (date(2024, 2, 27), date(2024, 2, 29)), (date(2025, 2, 27), date(2025, 3, 1)),
        (date(2025, 12, 30), date(2026, 1, 1)), (date(2026, 1, 1), date(2026, 4, 11)), (ON, ON),
    ]  # fmt: skip
    for after, upto in nights:
        spans = birthdays(cervical, after, upto)
        born = date(1955, 1, 1)
        while born < date(2010, 1, 1):
            was, now = (low <= age_on(born, day, counted) <= high for day in (after, upto))
            if was != now:
                assert any(first <= born <= last for first, last in spans), (born, after, upto)
            born += timedelta(days=1)
    assert birthdays(cervical, ON, ON) == []


def test_a_night_looks_only_at_those_on_whom_time_has_worked(station: Facility, man: str, woman: str) -> None:
    soon = make_patient(station, name="Sắp đến tuổi", gender="male", born="1986-03-04")
    assert run(ON)["looked"] == 2
    assert "looked" not in run(ON + timedelta(days=1))
    assert run(ON + timedelta(days=2))["looked"] == 1
    assert Standing.objects.get(patient_id=soon, programme="colorectal").due_on == date(2026, 3, 4)


def test_a_standing_that_is_wrong_is_found_put_right_and_told_within_four_weeks(man: str, woman: str) -> None:
    run(ON)
    Standing.objects.filter(patient_id=man).update(status="screened", looks_on=None)
    found: dict[str, int] = {}
    for day in range(1, night.SHARES + 2):
        for word, count in run(ON + timedelta(days=day)).items():
            found[word] = found.get(word, 0) + count
    assert found["wrong"] == 1
    assert Standing.objects.get(patient_id=man, programme="colorectal").status == "overdue"
    assert BalanceDifference.objects.get(kind="wrong").patient_id == man
    run(ON + timedelta(days=200))
    assert not BalanceDifference.objects.filter(kind="wrong").exists()


def test_a_text_that_was_read_wrongly_shows_in_the_books_and_is_read_again(man: str, woman: str) -> None:
    run(ON)
    long_ago = "UPDATE fhir_resource SET last_updated = last_updated - interval '1 day' WHERE type = 'Patient'"
    with connection.cursor() as cursor:
        cursor.execute(long_ago)
    CountedPerson.objects.filter(pk=man).update(birth_date=date(2020, 1, 1))
    nights = [run(ON + timedelta(days=day)) for day in range(1, night.SHARES + 2)]
    assert [counts["differences"] for counts in (nights[0], nights[-1])] == [1, 0]
    assert sum(counts.get("misread", 0) for counts in nights) == 1


def test_everybody_is_counted_when_the_rules_change(station: Facility, man: str) -> None:
    run(ON)
    assert not night.must_recount(protocol_for("colorectal", ON), ON)
    Facility.objects.filter(pk=station.pk).update(active=False)
    assert night.must_recount(protocol_for("colorectal", ON), ON)
    run(ON + timedelta(days=1))
    assert not night.must_recount(protocol_for("colorectal", ON), ON + timedelta(days=1))
    older, newer = (protocol_for("colorectal", day) for day in (date(2025, 12, 31), date(2026, 1, 1)))
    assert night.rules_of(older) != night.rules_of(newer)


def test_with_very_many_notes_everybody_is_counted_in_their_place(man: str, woman: str, monkeypatch: Any) -> None:
    run(ON, ())
    StalePerson.objects.create(patient=man)
    assert "looked" not in run(ON + timedelta(days=1), ())
    Standing.objects.filter(patient_id=woman).delete()
    StalePerson.objects.bulk_create(StalePerson(patient=woman) for _ in range(3))
    monkeypatch.setattr(night, "MOST", 2)
    assert run(ON + timedelta(days=2), ())["looked"] > 2
    assert not StalePerson.objects.exists()
    assert Standing.objects.filter(patient_id=woman, programme="cervical").exists()


def test_a_day_that_goes_back_has_everybody_counted(man: str) -> None:
    run(ON)
    later = ON + timedelta(days=300)
    refresh_people([man], later)
    assert night.must_recount(protocol_for("colorectal", ON), ON + timedelta(days=1))
    assert not night.must_recount(protocol_for("colorectal", later), later)
    refresh_people([man], ON - timedelta(days=1))
    assert StandingsNight.objects.get(pk="colorectal").rules == ""


def test_when_she_may_be_called_follows_her_invitations(man: str) -> None:
    run(ON)
    called = Standing.objects.get(patient_id=man, programme="colorectal")
    assert called.call_on == date(9999, 12, 31)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE screening_standing SET call_on = '2026-12-01'")
    assert wrong(ON, ("colorectal",)) == {"colorectal": {"late": 1}}
    assert Invitation.objects.count() == 1
