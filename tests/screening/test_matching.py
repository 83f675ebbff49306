"""Results that match no person or no order wait in a queue, and leave it only matched or rejected with a reason."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from fhir.outcomes import Refused
from healthhub.accounts.actors import SYSTEM, Actor
from records.models import Facility
from screening.laboratory.matching import match_result, park_result, queue_of, reject_result, unmatched, unmatched_count
from screening.models import ScreeningResult, UnmatchedResult
from tests.screening.conftest import Sender

pytestmark = pytest.mark.django_db

FIT = {"test": "fit", "value": "48,6", "unit": "ug/g", "collected_on": "2024-05-06", "full_name": "Nguyen Van Duc"}


def park(facility: Facility, **changed: str) -> UnmatchedResult:
    return park_result(
        payload="OBX|1|NM|27396-1||48.6|ug/g",
        fields={**FIT, **changed},
        reason="person_unknown",
        source="hl7v2",
        facility=facility,
        actor=SYSTEM,
    )


def test_a_parked_result_waits_at_its_own_facility(station: Facility, laboratory: Facility) -> None:
    row = park(station)
    assert (row.state, row.payload, row.fields["value"]) == ("open", "OBX|1|NM|27396-1||48.6|ug/g", "48,6")
    assert [unmatched_count(facility.pk) for facility in (station, laboratory)] == [1, 0]
    assert queue_of(station.pk).late is False
    assert queue_of(laboratory.pk).oldest is None


def test_the_same_message_sent_twice_is_one_row(station: Facility, laboratory: Facility) -> None:
    assert park(station).pk == park(station).pk
    assert park(station, value="50").pk != park(station).pk
    assert park(laboratory).pk != park(station).pk


def test_a_message_sent_again_does_not_reopen_what_was_settled(station: Facility, clinician: Actor) -> None:
    for person in (clinician, replace(clinician, id="user:2")):
        reject_result(unmatched=park(station), rejected_as="control", actor=person)
    assert (park(station).state, unmatched_count(station.pk)) == ("rejected", 0)


def test_what_was_to_be_sent_again_is_open_when_it_comes(station: Facility, clinician: Actor) -> None:
    row = park(station, value="3")
    assert reject_result(unmatched=row, rejected_as="sent_again", actor=clinician)
    assert unmatched_count(station.pk) == 0
    assert (park(station, value="3").state, unmatched_count(station.pk)) == ("open", 1)


@pytest.mark.parametrize("wrong", [{"reason": "bored"}, {"source": "pigeon"}, {"fields": {"colour": "red"}}])
def test_what_the_queue_does_not_know_is_a_programming_error(station: Facility, wrong: dict[str, object]) -> None:
    good = {"payload": "", "fields": FIT, "reason": "other", "source": "file", "facility": station, "actor": SYSTEM}
    with pytest.raises(ValueError, match="queue knows no"):
        park_result(**{**good, **wrong})  # type: ignore[arg-type]


def test_a_match_saves_the_observation_and_settles_the_row(station: Facility, clinician: Actor, man: str) -> None:
    row = park(station)
    fields = {"test": "fit", "value": "48,6", "unit": "ug/g", "collected_on": date(2024, 5, 6)}
    saved = match_result(unmatched=row, patient_id=man, facility=station, actor=clinician, fields=fields)
    row.refresh_from_db()
    result = ScreeningResult.objects.get()
    assert (row.state, row.observation_id, row.settled_by) == ("matched", saved, "user:1")
    assert (result.observation_id, result.patient_id, result.value) == (saved, man, Decimal("48.6"))
    with pytest.raises(Refused) as refused:
        match_result(unmatched=row, patient_id=man, facility=station, actor=clinician, fields=fields)
    assert refused.value.status == 409
    assert ScreeningResult.objects.count() == 1


def test_a_match_that_the_store_refuses_leaves_the_row_open(
    station: Facility, clinician: Actor, man: str, send: Sender
) -> None:
    send.fit(man, "3", specimen="M-1")
    row = park(station)
    fields = {"test": "fit", "value": "9", "unit": "ug/g", "collected_on": date(2024, 5, 6), "specimen_id": "M-1"}
    with pytest.raises(Refused):
        match_result(unmatched=row, patient_id=man, facility=station, actor=clinician, fields=fields)
    assert [one.pk for one in unmatched(station.pk)] == [row.pk]


def test_a_rejection_needs_a_coded_reason(station: Facility, clinician: Actor) -> None:
    row = park(station)
    with pytest.raises(Refused) as refused:
        reject_result(unmatched=row, rejected_as="because", actor=clinician)
    assert refused.value.status == 422
    reject_result(unmatched=row, rejected_as="control", actor=clinician, note="QC lot 7")
    row.refresh_from_db()
    assert (row.rejected_as, row.note) == ("control", "QC lot 7")


@pytest.mark.parametrize(
    "changed",
    [{"value": "48,6"}, {"value": "~"}, {"value": "3", "unit": "g/dL"}, {"value": "3", "test": "tea"}, {"cutoff": "x"}],
)
def test_what_may_be_positive_leaves_the_queue_by_two_people_only(
    station: Facility, clinician: Actor, changed: dict[str, str]
) -> None:
    row = park(station, **changed)
    for _ in range(2):
        assert not reject_result(unmatched=row, rejected_as="control", actor=clinician)
    assert [one.pk for one in unmatched(station.pk)] == [row.pk]
    assert reject_result(unmatched=row, rejected_as="not_ours", actor=replace(clinician, id="user:2"))
    row.refresh_from_db()
    assert (row.state, row.rejected_as, row.asked_by, row.settled_by) == ("rejected", "not_ours", "user:1", "user:2")


def test_a_plain_negative_leaves_the_queue_by_one_person(station: Facility, clinician: Actor) -> None:
    row = park(station, value="3")
    assert reject_result(unmatched=row, rejected_as="control", actor=clinician)
    row.refresh_from_db()
    assert (row.state, row.asked_by) == ("rejected", "")
