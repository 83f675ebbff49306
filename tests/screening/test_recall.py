"""A night's call and recall: who is invited, reminded, and noted as not answering; runs that are killed or repeated."""

from dataclasses import replace
from datetime import date, time, timedelta
from io import StringIO

import pytest
from django.conf import settings
from django.core.management import call_command
from django.utils import timezone

from fhir import store
from fhir.reader import read
from fhir.text import parse
from healthhub.accounts.actors import SYSTEM, Actor
from records.access import can_see
from records.models import Area, CareRelation, Citizen, Facility
from screening.appointments import booking
from screening.messages.sending import held_back
from screening.models import Capacity, Invitation, InvitationKind, Message, RecallRun, Standing
from screening.protocol import protocol_for
from screening.recall.invitations import attach, plan
from screening.recall.lists import nonresponders
from screening.recall.nightly import go_on
from screening.recall.refresh import refresh_noted, refresh_people
from screening.recall.run import carry_on, start_run
from screening.recall.telling import give_up, remind
from tests.screening.appointment_room import CHECK, FIT, planned, slots_of
from tests.screening.conftest import Sender, make_patient

pytestmark = pytest.mark.django_db

MONDAY = date(2024, 5, 6)
PHONE = {"telecom": [{"system": "phone", "value": "0912345678"}]}


def night(on: date) -> RecallRun:
    return carry_on(start_run(on, only=["colorectal"]))


def invitation(patient: str) -> Invitation:
    return Invitation.objects.get(patient_id=patient, programme="colorectal")


def test_somebody_due_is_invited_once(man: str) -> None:
    night(MONDAY)
    night(MONDAY)
    night(MONDAY + timedelta(days=1))
    found = invitation(man)
    assert (found.state, found.sent_on, found.kind) == ("sent", MONDAY, "call")
    assert Message.objects.filter(patient_id=man).count() == 1


def test_reminded_once_then_noted_as_not_answering_then_called_again_a_year_later(man: str) -> None:
    night(MONDAY)
    for days, state in ((41, "sent"), (42, "reminded"), (90, "reminded"), (125, "reminded"), (126, "nonresponder")):
        night(MONDAY + timedelta(days=days))
        assert invitation(man).state == state, days
    assert [message.kind for message in Message.objects.filter(patient_id=man).order_by("id")] == [
        "invitation",
        "reminder",
        "nonresponse",
    ]
    night(date(2025, 3, 24))
    assert Invitation.objects.filter(patient_id=man).count() == 1
    night(date(2025, 3, 25))
    assert list(Invitation.objects.filter(patient_id=man).values_list("due_on", flat=True).order_by("due_on")) == [
        Standing.objects.get(patient_id=man, programme="colorectal").due_on,
        date(2025, 5, 6),
    ]


def test_a_result_answers_the_invitation_and_stops_reminders(send: Sender, man: str) -> None:
    night(MONDAY)
    send.fit(man, "5", on="2024-05-20")
    refresh_noted(date(2024, 5, 21))
    assert (invitation(man).state, invitation(man).ended_on) == ("responded", date(2024, 5, 20))
    night(MONDAY + timedelta(days=42))
    assert invitation(man).reminders == 0


def test_a_withdrawn_result_is_no_answer(send: Sender, man: str) -> None:
    night(MONDAY)
    id_ = send.fit(man, "5", on="2024-05-20")
    refresh_noted(date(2024, 5, 21))
    store.delete(type="Observation", id=id_, actor=SYSTEM)
    refresh_noted(date(2024, 5, 22))
    assert invitation(man).state == "sent"


def test_places_of_a_day_go_to_the_longest_overdue(station: Facility) -> None:
    people = [
        make_patient(station, name=f"Người {year}", gender="male", born=f"{year}-01-02") for year in (1981, 1980, 1982)
    ]
    Capacity.objects.create(facility_id=None, programme="colorectal", weekday=0, places=1)
    Capacity.objects.create(facility_id=None, programme="colorectal", weekday=1, places=1)
    night(MONDAY)
    assert [Invitation.objects.filter(patient_id=person).count() for person in people] == [0, 1, 0]
    night(MONDAY + timedelta(days=1))
    assert [Invitation.objects.filter(patient_id=person).count() for person in people] == [1, 1, 0]


def test_nobody_is_invited_on_a_weekend_by_default(man: str) -> None:
    night(date(2024, 5, 5))
    assert not Invitation.objects.exists()


def test_a_killed_run_goes_on_where_it_was(man: str, woman: str) -> None:
    run = start_run(MONDAY, only=["colorectal"])
    asked = iter([False, False, False, True])
    run = carry_on(run, stop=lambda: next(asked))
    assert (len(run.done), run.finished_at) == (2, None)
    run = carry_on(start_run(MONDAY, only=["colorectal"]))
    assert run.percent == 100
    assert run.finished_at is not None
    assert Invitation.objects.count() == 2


def test_the_queue_catches_up_a_night_that_was_missed(man: str) -> None:
    assert not go_on(seconds=60)
    assert RecallRun.objects.get().percent == 100
    assert not go_on(seconds=60)
    assert RecallRun.objects.count() == 1


def test_the_command_says_what_it_did_and_a_second_run_does_nothing(man: str) -> None:
    said = StringIO()
    call_command("recall", on=MONDAY, programme=["colorectal"], stdout=said)
    assert "planned 1" in said.getvalue()
    call_command("recall", on=MONDAY, programme=["colorectal"], stdout=StringIO())
    assert Invitation.objects.count() == 1


def test_whoever_comes_by_herself_is_noted_and_her_result_is_the_answer(send: Sender, man: str) -> None:
    attach(
        patient=man,
        programme="colorectal",
        kind=InvitationKind.ANNUAL_CHECK,
        on=MONDAY,
        facility=send.facility.pk,
        actor=SYSTEM,
    )
    night(MONDAY)
    assert (invitation(man).kind, Message.objects.count()) == ("annual_check", 0)
    send.fit(man, "5", on="2024-05-06")
    refresh_noted(MONDAY)
    assert invitation(man).state == "responded"


def test_an_opportunistic_programme_calls_nobody(man: str) -> None:
    carry_on(start_run(date(2026, 3, 2), only=["stomach"]))
    assert Standing.objects.get(patient_id=man, programme="stomach").status == "due"
    assert not Invitation.objects.exists()


def test_who_moves_is_called_from_where_she_now_lives(station: Facility, man: str) -> None:
    refresh_noted(MONDAY)
    assert Standing.objects.get(patient_id=man, programme="colorectal").facility_id is None
    there = Area.objects.get(code="00001", valid_to__isnull=False)
    Facility.objects.filter(pk=station.pk).update(area=there)
    moved = parse(read(type="Patient", id=man, actor=SYSTEM).content).resource
    moved["address"][0]["extension"][0]["valueCoding"]["code"] = "00001"
    store.save(moved, actor=SYSTEM)
    refresh_noted(MONDAY)
    assert Citizen.objects.get(pk=man).area_id == there.pk
    found = Standing.objects.get(patient_id=man, programme="colorectal")
    assert (found.area_id, found.facility_id) == (there.pk, station.pk)


def test_whoever_answered_is_called_again_when_her_own_next_date_comes_not_an_interval_after_the_call(
    send: Sender, man: str
) -> None:
    monday = date(2026, 3, 2)
    night(monday)
    send.fit(man, "80", on="2026-03-03")
    piecemeal = {"outcome": {"coding": [{"system": settings.FHIR_SYSTEMS["screening"], "code": "piecemeal-resection"}]}}
    send.procedure(man, on="2026-03-10", **piecemeal)
    refresh_noted(date(2026, 3, 11))
    standing = Standing.objects.get(patient_id=man, programme="colorectal")
    assert (standing.status, standing.due_on) == ("screened", date(2026, 9, 10))
    night(date(2026, 7, 29))
    assert Invitation.objects.filter(patient_id=man).count() == 1
    night(date(2026, 7, 30))
    assert Invitation.objects.filter(patient_id=man).latest("due_on").due_on == date(2026, 9, 10)


def test_whoever_comes_to_her_surveillance_has_answered_its_invitation(send: Sender, man: str) -> None:
    def colonoscopy(on: str, found: str) -> str:
        outcome = {"coding": [{"system": settings.FHIR_SYSTEMS["screening"], "code": found}]}
        return send.procedure(man, on=on, outcome=outcome)

    night(date(2026, 1, 5))
    send.fit(man, "80", on="2026-01-06")
    colonoscopy("2026-01-20", "piecemeal-resection")
    night(date(2026, 6, 8))
    assert [(one.due_on, one.state) for one in Invitation.objects.order_by("due_on")][1:] == [
        (date(2026, 7, 20), "sent")
    ]
    done = colonoscopy("2026-07-14", "advanced-adenoma")
    refresh_noted(date(2026, 7, 15))
    answered = Invitation.objects.latest("due_on")
    assert (answered.state, answered.ended_on) == ("responded", date(2026, 7, 14))
    store.delete(type="Procedure", id=done, actor=SYSTEM)
    refresh_noted(date(2026, 7, 16))
    assert Invitation.objects.latest("due_on").state == "sent"


def test_who_has_booked_or_waits_for_a_place_is_neither_reminded_nor_said_to_be_silent(
    station: Facility, clinician: Actor, man: str
) -> None:
    sent = timezone.localdate() - timedelta(days=126)
    refresh_noted(sent)
    Capacity.objects.create(facility_id=None, programme="colorectal", day=sent, places=1)
    plan(protocol_for("colorectal", sent), sent)
    Invitation.objects.update(state="sent", sent_on=sent)
    held = booking.book(patient_id=man, slot_id=slots_of(planned(station, service=FIT))[0].pk, actor=clinician)
    assert remind(protocol_for("colorectal", sent), timezone.localdate()) == 0
    assert give_up(protocol_for("colorectal", sent), timezone.localdate()) == 0
    booking.cancel(appointment_id=held.id, actor=clinician)
    assert remind(protocol_for("colorectal", sent), timezone.localdate()) == 1
    booking.wait(patient_id=man, facility=station, service=FIT, actor=clinician)
    message = Message.objects.get(kind="reminder")
    assert held_back([message.pk]) == {message.pk: "not_needed"}


def test_the_yearly_check_is_attached_to_what_she_is_due_for(station: Facility, clinician: Actor, man: str) -> None:
    today = timezone.localdate()
    refresh_noted(today)
    session = planned(station, service=CHECK, days=0, starts=time(0), ends=time(23, 50), minutes=1430)
    booking.walk_in(patient_id=man, slot_id=slots_of(session)[0].pk, actor=clinician)
    found = Invitation.objects.filter(patient_id=man)
    assert set(found.values_list("kind", "state", "due_on")) == {("annual_check", "sent", today)}
    due = Standing.objects.filter(patient_id=man, status__in=("due", "overdue", "unreachable"))
    assert set(found.values_list("programme", flat=True)) == set(due.values_list("programme", flat=True))
    for weekday in range(7):
        Capacity.objects.create(facility_id=None, programme="colorectal", weekday=weekday, places=5)
    night(today)
    night(today + timedelta(days=41))
    assert Message.objects.exclude(kind="appointment").count() == 0
    night(today + timedelta(days=42))  # nothing came of it: she is called
    night(today + timedelta(days=126))
    states = Invitation.objects.filter(programme="colorectal").order_by("id").values_list("kind", "state")
    assert list(states) == [("annual_check", "nonresponder"), ("call", "reminded")]
    assert Message.objects.filter(kind="nonresponse").count() == 0


def test_whoever_books_without_a_call_has_referred_herself(station: Facility, clinician: Actor, man: str) -> None:
    slot, other = slots_of(planned(station, service=FIT))
    booking.book(patient_id=man, slot_id=slot.pk, actor=clinician)
    booking.book(patient_id=man, slot_id=other.pk, actor=clinician)
    assert (invitation(man).kind, invitation(man).state) == ("self_referral", "sent")


def test_whoever_books_after_a_call_answers_that_call(station: Facility, clinician: Actor, man: str) -> None:
    night(MONDAY)
    booking.book(patient_id=man, slot_id=slots_of(planned(station, service=FIT))[0].pk, actor=clinician)
    assert invitation(man).kind == "call"


def test_a_silent_person_is_listed_once_whatever_else_she_is_due_for(
    station: Facility, clinician: Actor, man: str
) -> None:
    night(MONDAY)
    refresh_people([man], timezone.localdate())
    Invitation.objects.update(state="nonresponder", ended_on=MONDAY)
    Standing.objects.filter(patient_id=man).update(facility_id=station.pk, status="overdue")
    assert Standing.objects.filter(patient_id=man).count() > 1
    assert [one.patient_id for one in nonresponders(station.pk, actor=clinician)] == [man]
    Invitation.objects.update(facility_id=None)
    Standing.objects.filter(programme="colorectal").update(facility_id=None)
    assert not nonresponders(station.pk, actor=clinician).exists()


def test_whoever_is_called_is_seen_by_the_clinic_that_calls_her_and_by_no_other(
    station: Facility, laboratory: Facility, clinician: Actor, man: str
) -> None:
    CareRelation.objects.all().delete()
    elsewhere = replace(clinician, facility=laboratory.pk)
    assert not can_see(clinician, man)
    Citizen.objects.filter(pk=man).update(facility_id=station.pk)
    Capacity.objects.create(facility=station, programme="colorectal", weekday=MONDAY.weekday(), places=5)
    night(MONDAY)
    assert Invitation.objects.get(patient_id=man).facility_id == station.pk
    assert can_see(clinician, man)
    Invitation.objects.update(state="nonresponder", ended_on=MONDAY)
    Standing.objects.update(status="overdue")
    assert [one.patient_id for one in nonresponders(station.pk, actor=clinician)] == [man]
    Standing.objects.update(facility_id=laboratory.pk)  # she has moved
    assert [one.patient_id for one in nonresponders(station.pk, actor=clinician)] == [man]
    assert not nonresponders(laboratory.pk, actor=elsewhere).exists()
