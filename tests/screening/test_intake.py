"""Intake: a saved resource moves its person's round on, in any order and batch; a rebuild gives the same."""

from datetime import date
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from fhir import hooks, store
from fhir.outcomes import Refused
from fhir.store import Draft
from healthhub.accounts.actors import SYSTEM
from screening import intake
from screening.models import Episode, EpisodeEvent, ScreeningResult
from tests.screening.conftest import make_patient

pytestmark = pytest.mark.django_db


def state_of(patient, programme="colorectal"):
    return [
        (episode.state, episode.step, episode.due_on and episode.due_on.isoformat())
        for episode in Episode.objects.filter(patient_id=patient, programme=programme).order_by("opened_on")
    ]


def kinds_of(patient):
    events = EpisodeEvent.objects.filter(patient_id=patient).order_by("recorded_at", "source_version")
    return [event.kind for event in events]


def rows():
    """All derived rows, as plain values."""
    tables = (
        (ScreeningResult, "observation_id"),
        (Episode, "id"),
        (EpisodeEvent, "id"),
    )
    return {model.__name__: list(model.objects.order_by(key).values()) for model, key in tables}


def test_a_saved_result_is_projected_with_where_and_how_old_the_person_was(send, station, man):
    name = send.fit(man, "25.50", specimen="S1", issued="2024-05-08T10:00:00+07:00", device={"display": "oc sensor"})
    found = ScreeningResult.objects.select_related("area").get(pk=name)
    assert (found.programme, found.test, found.category, found.outcome) == ("colorectal", "fit", "positive", "positive")
    assert (found.value, found.unit, found.cutoff, found.kit) == (Decimal("25.5"), "ug/g", Decimal(20), "OC-Sensor")
    assert (found.collected_on, found.resulted_on) == (date(2024, 5, 6), date(2024, 5, 8))
    assert (found.specimen_id, found.facility_id, found.facility_code) == ("S1", station.pk, "01901")
    assert (found.sex, found.age, found.status, found.version) == ("male", 64, "final", 1)
    assert found.area.code == "00175"
    assert found.explanation["en"] == "Positive: 25.50 µg/g ≥ cut-off 20 µg/g"


def test_a_positive_opens_a_round_with_owner_and_due_date(send, station, man):
    name = send.fit(man, "20", issued="2024-05-08T10:00:00+07:00")
    episode = Episode.objects.get()
    assert state_of(man) == [("assessment_due", "colonoscopy", "2024-07-07")]
    assert (episode.owner, episode.protocol_version, episode.category) == (station.pk, "2017.1", "positive")
    assert ScreeningResult.objects.get(pk=name).episode_id == episode.id


def test_referral_and_assessment_move_the_round_on(send, man):
    send.fit(man, "20")
    send.referral(man, on="2024-05-10", due="2024-06-01")
    assert state_of(man) == [("referred", "colonoscopy", "2024-06-01")]
    send.procedure(man, on="2024-06-02")
    assert state_of(man) == [("closed", "", "2025-06-02")]
    assert kinds_of(man) == ["result", "referred", "assessed"]
    assert set(EpisodeEvent.objects.values_list("episode_id", flat=True)) == {Episode.objects.get().id}


def test_a_revoked_referral_is_taken_back(send, man):
    send.fit(man, "20")
    name = send.referral(man, on="2024-05-10", due="2024-06-01")
    send.referral(man, on="2024-05-10", due="2024-06-01", id=name, status="revoked")
    assert state_of(man) == [("assessment_due", "colonoscopy", "2024-07-05")]
    assert kinds_of(man) == ["result", "referred", "withdrawn"]


def test_a_colonoscopy_that_arrives_before_its_result_counts(send, man):
    send.procedure(man, on="2024-06-02")
    assert (Episode.objects.count(), EpisodeEvent.objects.get().episode_id) == (0, None)
    send.fit(man, "20")
    assert state_of(man) == [("closed", "", "2025-06-02")]


def test_an_older_positive_that_arrives_late_takes_in_the_later_negative(send, man):
    send.fit(man, "5", on="2024-05-06")
    send.fit(man, "50", on="2024-04-01")
    assert state_of(man) == [("assessment_due", "colonoscopy", "2024-05-31")]
    assert {result.episode_id for result in ScreeningResult.objects.all()} == {Episode.objects.get().id}


def test_a_correction_refolds_as_if_it_had_been_right(send, man):
    name = send.fit(man, "50")
    send.fit(man, "5", id=name, status="corrected")
    assert state_of(man) == [("closed", "", "2025-05-06")]
    assert kinds_of(man) == ["result", "corrected"]
    found = ScreeningResult.objects.get()
    assert (found.category, found.status, found.version) == ("negative", "corrected", 2)


def test_a_new_version_that_says_the_same_adds_no_event(send, man):
    name = send.fit(man, "50")
    send.fit(man, "50", id=name, note=[{"text": "đã gọi điện"}])
    assert (kinds_of(man), ScreeningResult.objects.get().version) == (["result"], 2)


def test_a_result_entered_in_error_is_withdrawn(send, man):
    name = send.fit(man, "50")
    send.fit(man, "50", id=name, status="entered-in-error")
    assert (ScreeningResult.objects.count(), kinds_of(man)) == (0, ["result", "withdrawn"])
    assert Episode.objects.get().outcome == "withdrawn"


def test_a_deleted_result_is_withdrawn_and_may_come_back(send, man):
    name = send.fit(man, "50")
    store.delete(type="Observation", id=name, actor=SYSTEM)
    assert (ScreeningResult.objects.count(), Episode.objects.get().outcome) == (0, "withdrawn")
    send.fit(man, "50", id=name)
    assert state_of(man) == [("assessment_due", "colonoscopy", "2024-07-05")]
    assert kinds_of(man) == ["result", "withdrawn", "result"]


def test_a_result_moved_to_another_person_leaves_the_first(send, man, woman):
    name = send.fit(man, "50")
    send.fit(woman, "50", id=name, status="corrected")
    assert [Episode.objects.get(patient_id=man).outcome, state_of(woman)[0][0]] == ["withdrawn", "assessment_due"]
    assert ScreeningResult.objects.get().patient_id == woman
    assert [kinds_of(man), kinds_of(woman)] == [["result", "withdrawn"], ["result"]]


@pytest.mark.parametrize(
    "extra",
    [
        {"valueString": "see report"},
        {"valueCodeableConcept": {"text": "?"}},
        {
            "dataAbsentReason": {
                "coding": [{"system": "http://terminology.hl7.org/CodeSystem/data-absent-reason", "code": "unknown"}]
            }
        },
    ],
)
def test_a_result_that_cannot_be_read_is_kept_and_must_be_verified(send, man, extra):
    send.fit(man, None, code="29771-3", **extra)
    assert [result.outcome for result in ScreeningResult.objects.all()] == ["unclassified"]
    assert state_of(man) == [("to_verify", "verify_result", "2024-05-13")]


def test_a_number_under_a_presence_code_is_accepted_and_must_be_verified(send, man):
    send.fit(man, "3.1900517653795784", unit="ng/mL", code="57905-2")
    assert ScreeningResult.objects.get().outcome == "unclassified"


def test_an_interpretation_alone_is_a_result(send, man):
    flag = {"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation", "code": "NEG"}
    send.fit(man, None, code="29771-3", interpretation=[{"coding": [flag]}])
    assert ScreeningResult.objects.get().category == "negative"


def test_the_day_of_a_moment_is_the_day_in_hanoi(send, man):
    send.fit(man, "5", on="2024-05-06T20:00:00Z")
    assert ScreeningResult.objects.get().collected_on == date(2024, 5, 7)


def test_observations_of_other_kinds_are_none_of_ours(send, man):
    send.fit(man, "5", code="2345-7", unit="mmol/L")
    assert rows() == {"ScreeningResult": [], "Episode": [], "EpisodeEvent": []}


@pytest.mark.parametrize(
    ("changes", "code", "expression"),
    [
        ({"unit": "ng/mL"}, "code-invalid", "Observation.valueQuantity.unit"),
        ({"unit": "ug/L"}, "code-invalid", "Observation.valueQuantity.unit"),
        ({"value": "-1"}, "business-rule", "Observation.value"),
        ({"on": "2999-01-01"}, "value", "Observation.effective"),
        ({"effectiveDateTime": None}, "required", "Observation.effective"),
        ({"subject": None}, "required", "Observation.subject"),
        (
            {
                "interpretation": [
                    {
                        "coding": [
                            {
                                "system": "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation",
                                "code": "NEG",
                            }
                        ]
                    }
                ]
            },
            "business-rule",
            "Observation.interpretation",
        ),
    ],
)
def test_a_result_that_contradicts_its_protocol_is_refused(send, man, changes, code, expression):
    resource = send.observation(man, **({"value": "50"} | changes))
    resource = {name: value for name, value in resource.items() if value is not None}
    with pytest.raises(Refused) as caught:
        store.save(resource, actor=SYSTEM, facility=send.facility.pk)
    assert [(issue.code, issue.expression) for issue in caught.value.issues] == [(code, expression)]
    assert rows() == {"ScreeningResult": [], "Episode": [], "EpisodeEvent": []}


def test_a_second_observation_of_a_specimen_is_a_duplicate_that_names_the_first(send, man):
    name = send.fit(man, "5", specimen="S1")
    with pytest.raises(Refused, match=f"Observation/{name} already holds") as caught:
        send.fit(man, "50", specimen="S1")
    assert (caught.value.status, ScreeningResult.objects.count()) == (409, 1)


def test_a_duplicate_within_a_batch_is_refused(send, man):
    drafts = [Draft.of(send.observation(man, value, specimen="S1"), facility=send.facility.pk) for value in ("5", "50")]
    with pytest.raises(Refused) as caught:
        store.save_many(drafts, actor=SYSTEM)
    assert [issue.code for issue in caught.value.issues] == ["duplicate"]


def test_a_specimen_of_a_withdrawn_result_may_be_used_again(send, man):
    name = send.fit(man, "5", specimen="S1")
    send.fit(man, "5", specimen="S1", id=name, status="entered-in-error")
    send.fit(man, "50", specimen="S1")
    assert ScreeningResult.objects.get().outcome == "positive"


def test_the_number_of_statements_does_not_depend_on_the_batch(send, station):
    def statements(number):
        people = [make_patient(station, name=f"Lê Văn {n}", gender="male", born="1960-01-01") for n in range(number)]
        changes = [
            hooks.Change("Observation", f"batch-{number}-{n}", 1, send.observation(person), person, station.pk)
            for n, person in enumerate(people)
        ]
        with CaptureQueriesContext(connection) as captured:
            assert list(intake.check(changes)) == []
            intake.take(changes, actor=SYSTEM)
        return len(captured)

    assert statements(2) == statements(40)


def test_what_is_none_of_ours_costs_nothing_when_new_and_one_statement_when_changed(send, station, man):
    other = send.observation(man, code="2345-7", unit="g/L")
    new = hooks.Change("Observation", "o", 1, other, man, station.pk)
    changed = hooks.Change("Observation", "o", 2, other, man, station.pk, previous_content="{}")
    counts = []
    for change in (new, changed):
        with CaptureQueriesContext(connection) as captured:
            intake.take([change], actor=SYSTEM)
        counts.append(len(captured))
    assert counts == [0, 1]


def test_a_moved_person_keeps_the_area_of_the_test(send, station, man):
    send.fit(man, "5")
    make_patient(station, name="Nguyễn Văn Đức", gender="male", born="1960-03-12", ward="00592", id=man)
    name = send.fit(man, "5", on="2024-06-06")
    assert [result.area.code for result in ScreeningResult.objects.order_by("collected_on")] == ["00175", "00592"]
    send.fit(man, "6", id=name, on="2024-06-06")
    before = rows()
    hooks.run_rebuild()
    assert rows() == before


def test_a_corrected_birth_date_corrects_the_age_at_the_test(send, station, man):
    send.fit(man, "5")
    make_patient(station, name="Nguyễn Văn Đức", gender="female", born="1970-05-07", id=man)
    found = ScreeningResult.objects.get()
    assert (found.sex, found.age) == ("female", 53)
    before = rows()
    hooks.run_rebuild()
    assert rows() == before


def test_a_rebuild_gives_the_rows_that_the_live_hooks_gave(send, station, man, woman):
    first = send.fit(man, "50", specimen="S1", issued="2024-05-08T10:00:00+07:00")
    send.procedure(man, on="2024-06-02")
    send.fit(man, "5", id=first, specimen="S1", status="corrected")
    gone = send.fit(man, "50", on="2024-07-01")
    store.delete(type="Observation", id=gone, actor=SYSTEM)
    moved = send.fit(man, "50", on="2024-08-01")
    send.fit(woman, "50", id=moved, on="2024-08-01")
    other = send.fit(woman, "50", on="2024-09-01")
    send.fit(woman, "50", id=other, on="2024-09-01", code="2345-7", unit="g/L")
    request = send.referral(woman, on="2024-09-03", due="2024-10-01")
    send.referral(woman, on="2024-09-03", due="2024-10-09", id=request)
    send.fit(woman, None, code="82675-0", valueCodeableConcept={"text": "HPV nguy cơ cao khác"})
    send.fit(woman, None, code="10524-7", valueCodeableConcept={"text": "NILM"})
    before = rows()
    assert [len(table) for table in before.values()] == [4, 5, 14]
    hooks.run_rebuild()
    assert rows() == before


@pytest.mark.parametrize(
    ("value", "cutoff", "category"), [("12", "10", "positive"), ("12", "15", "negative"), ("300", "250", "positive")]
)
def test_a_cutoff_of_ones_own_decides_where_it_hides_nothing(send, man, value, cutoff, category):
    send.fit(man, value, referenceRange=[{"high": {"value": Decimal(cutoff), "unit": "ug/g"}}])
    assert ScreeningResult.objects.get().category == category


@pytest.mark.parametrize("flagged", [{}, {"interpretation": [{"coding": [{"code": "NEG"}]}]}])
def test_a_cutoff_that_makes_a_positive_a_negative_is_refused_with_both_readings(send, man, flagged):
    with pytest.raises(Refused) as caught:
        send.fit(man, "300", referenceRange=[{"high": {"value": Decimal(1000), "unit": "ug/g"}}], **flagged)
    (issue,) = caught.value.issues
    assert (caught.value.status, issue.code, issue.expression) == (
        422,
        "business-rule",
        "Observation.referenceRange[0].high",
    )
    assert "300" in issue.diagnostics
    assert "20" in issue.diagnostics
    assert ScreeningResult.objects.count() == 0
