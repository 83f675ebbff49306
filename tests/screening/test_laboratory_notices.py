"""A corrected result is told to everyone who acted on the old one, until each of them says that it was seen."""

import pytest
from django.test import Client

from fhir import store
from fhir.text import parse
from healthhub.accounts.actors import SYSTEM, Actor, Role
from records.access import presented_at
from records.models import Facility
from screening.laboratory.notices import notices_for, open_notice_count
from screening.models import Notice, ScreeningResult
from screening.results import correct_result, refer_for_assessment, withdraw_result
from tests.screening.clinic_room import signed_in
from tests.screening.conftest import Sender

pytestmark = pytest.mark.django_db


@pytest.fixture
def hospital(laboratory: Facility, man: str) -> Actor:
    """Somebody at another facility that cares for the man."""
    presented_at({(man, laboratory.pk)})
    return Actor("user:3", "Bác sĩ Bình", Role.CLINICIAN, facility=laboratory.pk)


def correct(station: Facility, man: str, observation: str, value: str) -> None:
    result = ScreeningResult.objects.get(pk=observation)
    correct_result(
        observation_id=observation,
        facility=station,
        actor=Actor("user:1", "Bác sĩ An", Role.CLINICIAN, facility=station.pk),
        patient_id=man,
        test="fit",
        value=value,
        unit="ug/g",
        collected_on=result.collected_on,
        note="nhầm ống",
    )


def test_a_facility_that_referred_is_told(send: Sender, station: Facility, hospital: Actor, man: str) -> None:
    observation = send.fit(man, "48.6")
    refer_for_assessment(
        result=ScreeningResult.objects.get(), due_on=ScreeningResult.objects.get().collected_on, actor=hospital
    )
    correct(station, man, observation, "3")
    assert list(Notice.objects.filter(facility__isnull=False).values_list("facility_id", "text", "version")) == [
        (hospital.facility, "corrected", 2)
    ]
    assert open_notice_count(station.pk) == 0


def test_a_facility_that_was_asked_or_took_the_step_over_is_told(
    send: Sender, station: Facility, laboratory: Facility, clinician: Actor, man: str
) -> None:
    """It may have called the person already, or be preparing her examination, and has written nothing yet."""
    observation = send.fit(man, "48.6")
    result = ScreeningResult.objects.get()
    refer_for_assessment(result=result, due_on=result.collected_on, actor=clinician, to=laboratory.pk)
    correct(station, man, observation, "3")
    assert open_notice_count(laboratory.pk) == 1


def test_the_citizen_is_told_when_she_could_read_it(send: Sender, station: Facility, man: str) -> None:
    observation = send.fit(man, "3")
    correct(station, man, observation, "48.6")
    assert [notice.text for notice in notices_for(man)] == ["corrected"]
    withdraw_result(observation_id=observation, actor=SYSTEM)
    assert [notice.text for notice in notices_for(man)] == ["corrected", "withdrawn"]


def test_a_change_that_means_the_same_tells_nobody(send: Sender, station: Facility, man: str) -> None:
    observation = send.fit(man, "3")
    stored = parse(_content(observation)).resource
    store.save({**stored, "status": "corrected", "note": [{"text": "tên người đọc"}]}, actor=SYSTEM)
    assert Notice.objects.count() == 0


def test_an_undo_of_the_same_hand_tells_nobody(station: Facility, man: str, clinician: Actor, send: Sender) -> None:
    observation = store.save(send.observation(man, "3"), actor=clinician).id
    withdraw_result(observation_id=observation, actor=clinician)
    assert Notice.objects.count() == 0


def test_a_result_given_to_another_person_is_told_to_the_first(send: Sender, man: str, woman: str) -> None:
    observation = send.fit(man, "48.6")
    stored = parse(_content(observation)).resource
    store.save({**stored, "subject": {"reference": f"Patient/{woman}"}}, actor=SYSTEM)
    assert [notice.text for notice in notices_for(man)] == ["moved"]
    assert list(notices_for(woman)) == []


def test_a_notice_stays_above_the_pages_until_somebody_acknowledges_it(
    send: Sender, station: Facility, man: str, clinician: Actor
) -> None:
    observation = send.fit(man, "48.6")
    refer_for_assessment(
        result=ScreeningResult.objects.get(), due_on=ScreeningResult.objects.get().collected_on, actor=clinician
    )
    correct(station, man, observation, "3")
    doctor = signed_in(Role.CLINICIAN, station)
    assert "/clinic/notices/" in doctor.get("/clinic/people/").content.decode()
    page = doctor.get("/clinic/notices/")
    [line] = page.context["lines"]
    assert "48" not in str(line["text"])
    doctor.post(f"/clinic/notices/{line['notice'].pk}/seen/")
    assert "/clinic/notices/" not in doctor.get("/clinic/people/").content.decode()
    notice = Notice.objects.get(facility=station)
    assert (notice.read_at is None, notice.read_by.startswith("user:")) == (False, True)


def test_the_citizen_reads_it_on_her_home_and_acknowledges_it(send: Sender, station: Facility, man: str) -> None:
    correct(station, man, send.fit(man, "3"), "48.6")
    citizen = signed_in(Role.CITIZEN, patient=man)
    assert "Một kết quả của bạn đã được đính chính" in citizen.get("/me/").content.decode()
    citizen.post(f"/me/notices/{notices_for(man).get().pk}/seen/")
    assert list(notices_for(man)) == []


def test_nobody_acknowledges_what_is_told_to_another(
    send: Sender, station: Facility, laboratory: Facility, man: str, woman: str
) -> None:
    correct(station, man, send.fit(man, "3"), "48.6")
    notice = notices_for(man).get()
    strangers: list[tuple[Client, str]] = [
        (signed_in(Role.CITIZEN, patient=woman), f"/me/notices/{notice.pk}/seen/"),
        (signed_in(Role.LABORATORY, laboratory), f"/clinic/notices/{notice.pk}/seen/"),
    ]
    assert [client.post(address).status_code for client, address in strangers] == [404, 404]


def _content(name: str) -> str:
    from fhir.models import Resource

    return Resource.objects.get(type="Observation", id=name).content
