"""The pathway through FHIR resources: reports, stagings, contacts, deaths; what is held back; events are final."""

from datetime import date, timedelta

import pytest
from django.db import InternalError, ProgrammingError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from fhir import hooks, store
from fhir.models import Resource
from fhir.outcomes import Refused
from fhir.reader import read
from fhir.text import parse
from healthhub.accounts.actors import SYSTEM, Actor, Role
from healthhub.accounts.models import User
from records.models import Membership
from screening.appointments import booking
from screening.appointments.shapes import Service
from screening.assessing import assessments_after
from screening.citizen import card
from screening.closings import close_episode
from screening.failsafe.contacts import record_contact
from screening.models import Episode, EpisodeEvent, ScreeningResult
from screening.models.result import shown_on
from screening.protocol import current
from screening.release import programmes_held
from screening.results import confirm_result, enter_result, record_assessment, refer_for_assessment
from tests.screening.appointment_room import planned, slots_of
from tests.screening.conftest import make_facility, make_patient
from tests.screening.test_intake import rows
from tests.screening.test_protocol_steps import finding_leading_to

pytestmark = pytest.mark.django_db
DAY = date(2026, 5, 6)
COLORECTAL = current("colorectal")


def today():
    return timezone.localdate()


@pytest.fixture
def positive(send, man):
    """The projected result of a man with a positive FIT."""
    return found(send.fit(man, "50", on=DAY.isoformat()))


@pytest.fixture
def held(send, woman):
    """A result that the protocol holds back: cells that look like cancer, reported today."""
    day = today().isoformat()
    name = send.fit(woman, None, on=day, code="10524-7", valueCodeableConcept={"text": "carcinoma"})
    return found(name)


def found(name):
    return ScreeningResult.objects.select_related("episode").get(pk=name)


def stored(type_, name):
    return parse(Resource.objects.get(type=type_, id=name).content).resource


def rebuilt_equally():
    before = rows()
    hooks.run_rebuild()
    return rows() == before


def test_the_whole_chain_from_fit_to_surveillance_by_every_kind_of_resource(positive, clinician):
    took_sample, _ = finding_leading_to(COLORECTAL, "colonoscopy", "assessment_due")
    record_assessment(result=positive, done_on=DAY + timedelta(20), finding=took_sample, actor=clinician)
    waiting = found(positive.pk)
    assert (card(waiting).kind, card(waiting).due_on) == ("act", waiting.episode.due_on)
    assert assessments_after(waiting.episode)[0].key == "histology"
    cancer, _ = finding_leading_to(COLORECTAL, "histology", "decision_due")
    report = record_assessment(
        result=waiting, done_on=DAY + timedelta(21), reported_on=DAY + timedelta(25), finding=cancer, actor=clinician
    )
    assert (report.type, stored("DiagnosticReport", report.id)["conclusionCode"][0]["coding"][0]["code"]) != ("", "")
    episode = Episode.objects.get()
    assert (episode.due_from, episode.due_rule) == (DAY + timedelta(25), f"step:{episode.step}")
    staged = record_assessment(
        result=found(positive.pk),
        done_on=DAY + timedelta(30),
        finding=next(iter(COLORECTAL.assessments["staging"].findings)),
        assessment="staging",
        tnm={"t": "T2", "n": "N0", "m": "M0"},
        actor=clinician,
    )
    assert staged.type == "Observation"
    tnm = EpisodeEvent.objects.get(source_id=staged.id).data["tnm"]
    assert tnm == {"t": "T2", "n": "N0", "m": "M0"}
    for assessment, days in (("mdt", 40), ("treatment", 60)):
        record_assessment(
            result=found(positive.pk),
            done_on=DAY + timedelta(days),
            assessment=assessment,
            finding=leading(assessment),
            actor=clinician,
        )
    episode.refresh_from_db()
    assert (episode.state, [need["state"] for need in episode.needs]) == ("surveillance_due", ["surveillance_due"])
    shown = card(found(positive.pk))
    assert (shown.kind, str(shown.word), shown.due_on) == ("good", "Đang được theo dõi định kỳ", episode.due_on)
    assert episode.warn_on < episode.due_on <= episode.limit_on
    assert rebuilt_equally()


def leading(assessment):
    """A finding of the assessment that leads on."""
    return next(key for key, finding in COLORECTAL.assessments[assessment].findings.items() if finding.leads_to)


@pytest.mark.parametrize("status", ["preliminary", "entered-in-error", "cancelled", "registered"])
def test_a_report_counts_only_when_it_is_final(positive, clinician, status):
    saved = record_assessment(
        result=positive, done_on=DAY + timedelta(9), assessment="histology", finding="unspecified", actor=clinician
    )
    assert EpisodeEvent.objects.filter(source_id=saved.id, kind="assessed").count() == 1
    store.save(stored("DiagnosticReport", saved.id) | {"status": status}, actor=clinician)
    assert EpisodeEvent.objects.filter(source_id=saved.id).order_by("source_version").last().kind == "withdrawn"


def test_an_observation_that_is_neither_test_nor_staging_is_none_of_ours(send, man):
    send.fit(man, "5", code="21908-9", unit="1")
    assert EpisodeEvent.objects.count() == 0


def test_a_death_ends_everything_and_its_correction_brings_it_back(send, station, positive, man):
    facts = {"name": "Nguyễn Văn Đức", "gender": "male", "born": "1960-03-12", "id": man}
    make_patient(station, deceasedDateTime="2026-05-20", **facts)
    episode = Episode.objects.get()
    assert (episode.state, episode.detail, episode.due_on) == ("closed", "deceased", None)
    event = EpisodeEvent.objects.get(fact="died")
    assert (event.programme, event.episode_id, event.occurred_on) == ("", None, date(2026, 5, 20))
    assert rebuilt_equally()
    make_patient(station, **facts)
    episode.refresh_from_db()
    assert (episode.state, episode.step) == ("assessment_due", "colonoscopy")
    assert rebuilt_equally()


def test_somebody_who_died_on_an_unknown_day_died_when_it_was_first_recorded(station, positive, man):
    facts = {"name": "Nguyễn Văn Đức", "gender": "male", "born": "1960-03-12", "id": man}
    make_patient(station, deceasedBoolean=True, **facts)
    make_patient(station, deceasedBoolean=True, active=True, **facts)
    assert [event.occurred_on for event in EpisodeEvent.objects.filter(fact="died")] == [today()]
    assert Episode.objects.get().detail == "deceased"


def test_people_who_live_cost_no_event(station, man):
    make_patient(station, name="Nguyễn Văn Đức", gender="male", born="1960-03-13", id=man)
    assert EpisodeEvent.objects.count() == 0


# --- what is held back ---


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


# --- a second person ---


def test_a_preliminary_result_is_made_final_by_somebody_else(send, man, clinician, station):
    name = enter_result(
        facility=station, actor=clinician, patient_id=man, test="fit", value="50", unit="ug/g", collected_on=DAY
    ).id
    store.save(stored("Observation", name) | {"status": "preliminary"}, actor=clinician)
    assert [Episode.objects.get().step, found(name).is_shown(today())] == ["verify_result", False]
    with pytest.raises(Refused) as caught:
        confirm_result(observation_id=name, actor=clinician)
    assert caught.value.status == 403
    other = Actor("user:2", "Bác sĩ Bình", Role.CLINICIAN, facility=station.pk)
    confirm_result(observation_id=name, actor=other)
    assert [Episode.objects.get().step, found(name).status] == ["colonoscopy", "final"]
    with pytest.raises(Refused) as caught:
        confirm_result(observation_id=name, actor=other)
    assert caught.value.status == 409
    assert rebuilt_equally()


def test_a_test_of_double_entry_is_preliminary_when_one_person_entered_it(clinician, station, man):
    saved = enter_result(
        facility=station, actor=clinician, patient_id=man, test="afp", value="500", unit="ng/mL", collected_on=DAY
    )
    assert (found(saved.id).status, Episode.objects.get().step) == ("preliminary", "verify_result")


# --- events are final ---


def test_a_closing_names_findings_too_and_cannot_be_before_them(positive, clinician):
    key, _ = finding_leading_to(COLORECTAL, "colonoscopy", "assessment_due")
    record_assessment(result=positive, done_on=DAY + timedelta(20), finding=key, actor=clinician)
    with pytest.raises(Refused, match="before the sample or the examination"):
        close_episode(episode=Episode.objects.get(), reason="declined", on=DAY + timedelta(5), actor=clinician)
    close_episode(episode=Episode.objects.get(), reason="declined", on=DAY + timedelta(25), actor=clinician)
    assert (Episode.objects.get().outcome, Episode.objects.get().detail) == ("closed", "declined")


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM screening_episodeevent",
        "UPDATE screening_episodeevent SET data = '{}'",
        "UPDATE screening_episodeevent SET kind = 'withdrawn'",
        "UPDATE screening_episodeevent SET episode_id = NULL, occurred_on = '2020-01-01'",
    ],
)
def test_the_database_refuses_to_change_or_remove_an_event(positive, change):
    refused = pytest.raises((InternalError, ProgrammingError), match="appended only")
    with refused, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(change)
    assert EpisodeEvent.objects.get().kind == "result"


def test_the_round_of_an_event_may_be_set_anew(positive):
    assert EpisodeEvent.objects.update(episode=None) == 1


def test_a_result_costs_three_statements_more_than_the_store_itself(send, man):
    from screening import intake

    change = hooks.Change("Observation", "o", 1, send.observation(man, "50"), man, send.facility.pk)
    with CaptureQueriesContext(connection) as captured:
        intake.take([change], actor=SYSTEM)
    assert len(captured) == 3


def test_a_person_with_facilities_of_another_name_owns_the_step(positive, clinician):
    other = make_facility("01909", "Bệnh viện K")
    refer_for_assessment(result=positive, due_on=DAY + timedelta(30), authored_on=DAY, actor=clinician, to=other.pk)
    owner = Episode.objects.get().owner
    rule = COLORECTAL.steps["colonoscopy"].owner
    assert owner == (other.pk if rule == "referred_facility" else clinician.facility)


def test_nobodys_record_is_put_away_while_a_step_is_open(positive, man, clinician):
    away = stored("Patient", man) | {"active": False}
    for write in (
        lambda: store.save(away, actor=clinician),
        lambda: store.delete(type="Patient", id=man, actor=SYSTEM),
    ):
        with pytest.raises(Refused, match="screening step of Patient"):
            write()
    store.save(away | {"deceasedDateTime": "2026-05-20"}, actor=SYSTEM)
    assert Episode.objects.get().detail == "deceased"


def test_a_double_is_put_away_when_its_results_have_moved(send, station, man):
    other = make_patient(station, name="Nguyễn Văn Đức", gender="male", born="1960-03-12")
    name = send.fit(other, "80", on="2026-03-02")
    store.save(stored("Observation", name) | {"subject": {"reference": f"Patient/{man}"}}, actor=SYSTEM)
    store.save(stored("Patient", other) | {"active": False}, actor=SYSTEM)
    assert list(Episode.objects.exclude(state="closed").values_list("patient_id", flat=True)) == [man]
