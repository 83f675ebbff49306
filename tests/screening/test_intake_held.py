"""What the protocol holds back is told by nothing that the person sees, until she has been told or the wait is over."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from fhir import store
from fhir.models import Resource
from fhir.outcomes import Refused
from fhir.reader import read
from healthhub.accounts.actors import Actor, Role
from healthhub.accounts.models import User
from records.models import Membership
from screening.appointments import booking
from screening.appointments.shapes import Service
from screening.failsafe.contacts import record_contact
from screening.models import EpisodeEvent, ScreeningResult
from screening.models.result import shown_on
from screening.release import programmes_held
from screening.results import refer_for_assessment
from tests.screening.appointment_room import planned, slots_of
from tests.screening.pathway_room import found, held, rebuilt_equally, today

__all__ = ["held"]
pytestmark = pytest.mark.django_db


@pytest.fixture
def browser(woman):
    user = User.objects.create_user("woman@example.vn", name="Trần Thị Hoa")
    Membership.objects.create(user=user, role=Role.CITIZEN.value, patient_id=woman)
    client = Client()
    client.force_login(user)
    return client


SECRETS = ("carcinoma", "tế bào ung thư", "bất thường", "Soi cổ tử cung", "POS", "Dương tính")


def test_nothing_of_a_held_result_leaks_to_the_person(browser, held, woman, clinician, send):
    send.fit(woman, None, on=today().isoformat(), code="82675-0", valueCodeableConcept={"text": "âm tính"})
    refer_for_assessment(result=held, due_on=today() + timedelta(9), actor=clinician)
    citizen = Actor("user:9", "Trần Thị Hoa", Role.CITIZEN, patient=woman)
    assert held.hold_until == today() + timedelta(14)
    assert programmes_held(woman, today()) == {"cervical"}
    assert programmes_held(woman, held.hold_until) == set()
    results = ("/me/", "/me/results/", f"/me/results/{held.pk}/")
    for address in (*results, "/me/record/", "/me/screening/", "/me/access/"):
        page = browser.get(address)
        text = page.content.decode()
        assert (page.status_code, [word for word in SECRETS if word in text]) == (200, []), address
        assert address not in results or "đang được cơ sở y tế xem" in text
    request = Resource.objects.get(type="ServiceRequest")
    for type_, name in (("Observation", held.pk), ("ServiceRequest", request.id)):
        with pytest.raises(Refused) as caught:
            read(type=type_, id=name, actor=citizen)
        assert caught.value.status == 404
        assert read(type=type_, id=name, actor=clinician).id == name


def test_what_may_be_booked_and_what_is_booked_tell_nothing_of_a_held_result(
    browser, held, woman, clinician, send, station
):
    service = Service("assessment", "cervical", held.episode.step)
    session = planned(station, service=service)
    address = f"/me/appointments/new/?service=assessment.cervical.{held.episode.step}"
    page = browser.get("/me/appointments/")
    assert (page.context["wishes"], [word for word in SECRETS if word in page.content.decode()]) == ([], [])
    assert browser.get(address).status_code == 404
    booked = booking.book(patient_id=woman, slot_id=slots_of(session)[0].pk, actor=clinician)
    asked = send.referral(woman, on=today().isoformat(), due=f"{today() + timedelta(9)}", code="392003006")
    for page in (*("/me/", "/me/appointments/", "/me/record/"), address, f"/me/appointments/{booked.id}/cancel/"):
        answer = browser.get(page)
        told = [word for word in SECRETS if word in answer.content.decode()]
        assert (answer.status_code, told) == (200, []), page
    citizen = Actor("user:9", "Trần Thị Hoa", Role.CITIZEN, patient=woman)
    for type_, name in (("Appointment", booked.id), ("ServiceRequest", asked)):
        with pytest.raises(Refused):
            read(type=type_, id=name, actor=citizen)
    tell(held, today(), clinician)
    assert "Soi cổ tử cung" in browser.get("/me/appointments/").content.decode()
    assert read(type="ServiceRequest", id=asked, actor=citizen).id == asked


def tell(result, day, actor):
    """Somebody telephones and tells the result."""
    record_contact(
        patient_id=result.patient_id,
        programme=result.programme,
        episode=result.episode,
        contacted_at=timezone.now() + (day - today()),
        way="phone",
        outcome="told",
        actor=actor,
    )


def test_a_held_result_is_shown_when_the_person_was_told(browser, held, woman, clinician):
    tell(held, today(), clinician)
    shown = found(held.pk)
    assert (shown.released_on, shown.is_shown(today())) == (today(), True)
    assert list(ScreeningResult.objects.filter(shown_on(today()))) == [shown]
    assert "bất thường" in browser.get(f"/me/results/{held.pk}/").content.decode()
    citizen = Actor("user:9", "Trần Thị Hoa", Role.CITIZEN, patient=woman)
    assert read(type="Observation", id=held.pk, actor=citizen).id == held.pk
    told = EpisodeEvent.objects.get(fact="contacted")
    assert (told.programme, told.data["about"], told.data["facility"]) == (
        "",
        [f"Observation/{held.pk}"],
        clinician.facility,
    )
    assert rebuilt_equally()
    store.delete(type="Communication", id=told.source_id, actor=clinician)
    assert found(held.pk).released_on is None


def test_a_held_result_is_shown_after_the_longest_wait(held):
    day = today() + timedelta(14)
    assert (held.is_shown(day - timedelta(1)), held.is_shown(day)) == (False, True)
    assert ScreeningResult.objects.filter(shown_on(day - timedelta(1))).count() == 0
    assert ScreeningResult.objects.filter(shown_on(day)).count() == 1


def test_a_contact_cannot_be_before_the_sample_or_in_the_future(held, clinician):
    for day, why in ((held.collected_on - timedelta(1), "on that day"), (today() + timedelta(1), "in the future")):
        with pytest.raises(Refused, match=why):
            tell(held, day, clinician)
