"""The pathway through FHIR resources: reports, stagings, deaths, a second person; events are final."""

from datetime import date, timedelta

import pytest
from django.db import InternalError, ProgrammingError, connection, transaction
from django.test.utils import CaptureQueriesContext

from fhir import hooks, store
from fhir.outcomes import Refused
from healthhub.accounts.actors import SYSTEM, Actor, Role
from screening.assessing import assessments_after
from screening.citizen import card
from screening.closings import close_episode
from screening.models import Episode, EpisodeEvent
from screening.results import confirm_result, enter_result, record_assessment, refer_for_assessment
from tests.screening.conftest import make_facility, make_patient
from tests.screening.pathway_room import COLORECTAL, DAY, found, positive, rebuilt_equally, stored, today
from tests.screening.test_protocol_steps import finding_leading_to

__all__ = ["positive"]
pytestmark = pytest.mark.django_db


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
