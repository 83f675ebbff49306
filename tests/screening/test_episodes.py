"""Writing results, referrals and assessments; the worklist; closing with a reason; what the citizen reads."""

from datetime import date, timedelta
from decimal import Decimal
from itertools import count

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from fhir import hooks
from fhir.models import Resource
from fhir.outcomes import Refused
from fhir.text import parse
from healthhub.accounts.actors import SYSTEM
from screening.citizen import state_of
from screening.closings import close_episode
from screening.episodes import explain, worklist
from screening.models import Episode, EpisodeEvent, ScreeningResult
from screening.protocol import NotInterpretable
from screening.results import (
    build_result,
    correct_result,
    enter_result,
    interpret_result,
    record_assessment,
    refer_for_assessment,
    results_of,
    withdraw_result,
)
from tests.screening.conftest import make_patient

pytestmark = pytest.mark.django_db
DAY = date(2024, 5, 6)


@pytest.fixture
def enter(station, clinician, man):
    """Enter a FIT result of the man as the station's clinician; answers the projected result."""

    def enter_(value="25,5", unit="µg/g", **fields):
        fields = {"patient_id": man, "test": "fit", "collected_on": DAY, **fields}
        saved = enter_result(facility=station, actor=clinician, value=value, unit=unit, **fields)
        return ScreeningResult.objects.select_related("episode").get(pk=saved.id)

    return enter_


def stored(name):
    return parse(Resource.objects.get(type="Observation", id=name).content).resource


def test_an_entered_result_is_an_observation_with_unit_cutoff_kit_and_interpretation(enter, station, man):
    result = enter(kit="OC-Sensor", specimen_id="S1", resulted_on=date(2024, 5, 8), note="mẫu thứ hai")
    resource = stored(result.pk)
    assert resource["code"]["coding"][0]["code"] == "27396-1"
    assert resource["valueQuantity"] == {
        "value": Decimal("25.5"),
        "unit": "µg/g",
        "system": "http://unitsofmeasure.org",
        "code": "ug/g",
    }
    assert resource["referenceRange"][0]["high"]["value"] == 20
    assert resource["interpretation"][0]["coding"][0]["code"] == "POS"
    assert resource["device"] == {"display": "OC-Sensor"}
    assert resource["specimen"]["identifier"] == {
        "system": "https://healthhub.example/fhir/sid/specimen/01901",
        "value": "S1",
    }
    assert resource["performer"] == [{"reference": f"Organization/{station.pk}"}]
    assert (resource["effectiveDateTime"], resource["issued"]) == ("2024-05-06", "2024-05-08T00:00:00+07:00")
    assert resource["note"] == [{"text": "mẫu thứ hai"}]
    assert (result.category, result.resulted_on, result.specimen_id) == ("positive", date(2024, 5, 8), "S1")


@pytest.mark.parametrize(
    ("test", "value", "unit", "code", "category"),
    [
        ("fit", "120", "ng/mL", "58453-2", "positive"),
        ("fit", "âm tính", "", "29771-3", "negative"),
        ("hpv", "HPV 16", "", "82675-0", "hpv16"),
        ("cytology", "ASC-US", "", "10524-7", "asc_us"),
        ("via", "-", "", "via", "negative"),
    ],
)
def test_every_kind_of_result_is_stored_and_read_back_as_it_was_shown(enter, woman, test, value, unit, code, category):
    shown = interpret_result(test=test, value=value, unit=unit, collected_on=DAY)
    result = enter(value, unit, test=test, patient_id=woman)
    assert stored(result.pk)["code"]["coding"][0]["code"] == code
    assert (shown.category, result.category, result.explanation) == (category, category, shown.explanation)


def test_every_category_of_every_test_survives_the_way_through_fhir(enter, station):
    from screening.protocol import protocols

    wrong = []
    for protocol in protocols():
        for test in protocol.tests.values():
            for category in test.categories.values():
                person = make_patient(station, name="Trần Thị Hoa", gender="female", born="1970-03-12")
                result = enter(category.words[0], "", test=test.key, patient_id=person)
                if result.category != category.key:
                    wrong.append((test.key, category.key, result.category))
    assert wrong == []


def test_an_unreadable_entry_is_refused_before_anything_is_saved(enter):
    with pytest.raises(NotInterpretable):
        enter("25.5", "mg")
    assert ScreeningResult.objects.count() == 0


def test_a_correction_is_a_new_version_that_keeps_what_it_does_not_own(enter, station, clinician, man):
    result = enter(specimen_id="S1")
    fields = {"patient_id": man, "test": "fit", "collected_on": DAY, "specimen_id": "S1"}
    saved = correct_result(
        observation_id=result.pk, facility=station, actor=clinician, value="5", unit="ug/g", if_match=1, **fields
    )
    assert (saved.version, stored(result.pk)["status"]) == (2, "corrected")
    result.refresh_from_db()
    assert (result.category, result.status) == ("negative", "corrected")
    again = correct_result(
        observation_id=result.pk, facility=station, actor=clinician, value="5", unit="ug/g", **fields
    )
    assert (again.version, again.changed) == (2, False)


def test_building_on_a_previous_resource_keeps_foreign_elements(station, man):
    fields = {"patient_id": man, "facility": station, "test": "fit", "collected_on": DAY, "unit": "ug/g"}
    first = build_result(value="5", **fields) | {"id": "x", "encounter": {"reference": "Encounter/1"}}
    assert build_result(value="5", previous=first, **fields) == first
    second = build_result(value="dương tính", **(fields | {"unit": ""}), previous=first)
    assert (second["id"], second["encounter"], second["status"]) == ("x", {"reference": "Encounter/1"}, "corrected")
    assert "valueQuantity" not in second
    assert "referenceRange" not in second


def test_a_withdrawn_result_no_longer_counts(enter, clinician):
    withdraw_result(observation_id=enter().pk, actor=clinician)
    assert (ScreeningResult.objects.count(), Episode.objects.get().outcome) == (0, "withdrawn")


def test_from_positive_to_assessed(enter, clinician, station):
    result = enter()
    refer_for_assessment(result=result, due_on=date(2024, 6, 1), authored_on=date(2024, 5, 9), actor=clinician)
    episode = Episode.objects.get()
    assert (episode.state, episode.due_on, episode.owner) == ("referred", date(2024, 6, 1), station.pk)
    record_assessment(result=result, done_on=date(2024, 6, 2), finding="normal", actor=clinician)
    episode.refresh_from_db()
    assert (episode.state, episode.outcome, episode.detail, episode.due_on) == (
        "closed",
        "assessed",
        "normal",
        date(2025, 6, 2),
    )


def test_a_negative_leads_to_no_assessment(enter, clinician):
    with pytest.raises(Refused, match="leads to no assessment"):
        refer_for_assessment(result=enter("5"), due_on=date(2024, 6, 1), actor=clinician)


def test_the_worklist_is_ordered_by_due_date_in_one_query(send, station, laboratory):
    for number, value in enumerate(("50", "5", "60")):
        person = make_patient(station, name=f"Lê Văn {number}", gender="male", born="1960-01-01")
        send.fit(person, value, on=f"2024-05-0{9 - number}")
    with CaptureQueriesContext(connection) as captured:
        items = worklist(station.pk, date(2024, 7, 7))
        lines = [(item.episode.patient.full_name, item.step_name["en"], item.days, item.overdue) for item in items]
    assert lines == [("Lê Văn 2", "Colonoscopy", -1, True), ("Lê Văn 0", "Colonoscopy", 1, False)]
    assert (len(captured), worklist(laboratory.pk, DAY)) == (1, [])
    assert [item.result_id for item in items] == list(
        ScreeningResult.objects.filter(outcome="positive").order_by("collected_on").values_list("pk", flat=True)
    )


def test_closing_needs_a_reason_of_the_protocol(enter, clinician):
    episode = enter().episode
    with pytest.raises(Refused, match="declined"):
        close_episode(episode=episode, reason="because", on=DAY, actor=clinician)
    with pytest.raises(Refused, match="before the sample"):
        close_episode(episode=episode, reason="declined", on=date(2024, 5, 1), actor=clinician)
    close_episode(episode=episode, reason="declined", on=date(2024, 5, 20), actor=clinician)
    episode.refresh_from_db()
    assert (episode.state, episode.outcome, episode.detail) == ("closed", "closed", "declined")
    with pytest.raises(Refused, match="closed already"):
        close_episode(episode=episode, reason="declined", on=date(2024, 5, 20), actor=clinician)


def test_a_closure_by_staff_survives_a_rebuild(enter, clinician):
    close_episode(episode=enter().episode, reason="unfit", on=date(2024, 5, 20), actor=clinician, note="suy tim")
    before = [list(model.objects.order_by("pk").values()) for model in (Episode, EpisodeEvent, ScreeningResult)]
    hooks.run_rebuild()
    after = [list(model.objects.order_by("pk").values()) for model in (Episode, EpisodeEvent, ScreeningResult)]
    assert (after, Episode.objects.get().detail) == (before, "unfit")


def test_the_citizen_reads_verdict_meaning_and_what_comes_next(enter):
    text = explain(enter())
    assert text["vi"].verdict == "Có máu ẩn trong mẫu phân của bạn."
    assert "trước ngày 05/07/2024" in text["vi"].next
    assert "before 05/07/2024" in text["en"].next


def test_what_comes_next_follows_the_round(enter, clinician):
    result = enter()
    refer_for_assessment(result=result, due_on=date(2024, 6, 1), authored_on=DAY, actor=clinician)
    fresh = results_of(result.patient_id).get()
    assert "đã được giới thiệu" in explain(fresh)["vi"].next
    assert "01/06/2024" in explain(fresh)["vi"].next
    record_assessment(result=result, done_on=date(2024, 6, 2), actor=clinician)
    assert "đã nội soi" in explain(results_of(result.patient_id).get())["vi"].next


def test_a_negative_names_the_month_of_the_next_test(enter):
    assert "tháng 05/2025" in explain(enter("5"))["vi"].next


def test_a_repeated_sample_makes_the_inadequate_one_history(enter):
    first = enter("không đạt", "")
    assert "trước ngày 05/06/2024" in explain(first)["vi"].next
    enter("5", collected_on=date(2024, 5, 20))
    texts = [explain(result)["en"].next for result in results_of(first.patient_id)]
    assert ["05/2025" in texts[0], "follow the newest one" in texts[1]] == [True, True]


def test_a_negative_after_a_positive_does_not_say_that_all_is_done(enter, clinician):
    positive = enter()
    negative = enter("5", collected_on=date(2024, 5, 20))
    for result in (negative, positive):
        text = explain(results_of(negative.patient_id).get(pk=result.pk))["vi"]
        assert ["nội soi đại tràng" in text.next.casefold(), "05/07/2024" in text.next] == [True, True]
    text = explain(results_of(negative.patient_id).get(pk=negative.pk))["vi"]
    assert text.meaning.startswith("Kết quả này không thay thế")
    refer_for_assessment(result=positive, due_on=date(2024, 6, 1), authored_on=DAY, actor=clinician)
    assert "01/06/2024" in explain(results_of(negative.patient_id).get(pk=negative.pk))["vi"].next


@pytest.mark.parametrize("days", [0, 5])
def test_tests_that_together_lead_to_a_colposcopy_say_so(enter, woman, days):
    enter("ASC-US", "", patient_id=woman, test="cytology")
    enter("HPV 52", "", patient_id=woman, test="hpv", collected_on=DAY + timedelta(days=days))
    results = list(results_of(woman))
    assert {result.episode.step for result in results} == {"colposcopy"}
    assert ["Colposcopy, before" in explain(result)["en"].next for result in results] == [True, True]
    assert "act" in [state_of(result) for result in results]


def test_a_result_that_cannot_be_read_is_told_without_a_verdict(send, man):
    send.fit(man, None, code="29771-3", valueString="??")
    text = explain(results_of(man).get())
    assert (text["en"].verdict, "13/05/2024" in text["en"].next) == ("Your result is being checked.", True)


def test_no_text_is_left_with_a_placeholder(send, woman):
    from screening.protocol import protocols

    days = (date(2024, 1, 1) + timedelta(days=number) for number in count())
    for protocol in protocols():
        for test in protocol.tests.values():
            code = test.codes[-1].coding[1]
            for category in test.categories.values() if code != "via" else ():
                system, value = category.codings[0]
                coded = {"coding": [{"system": system, "code": value}]}
                send.fit(woman, None, on=next(days).isoformat(), code=code, valueCodeableConcept=coded)
    texts = [
        part for result in results_of(woman) for text in explain(result).values() for part in (text.verdict, text.next)
    ]
    assert [text for text in texts if "{" in text or "…" in text] == []
    assert len(texts) > 100


def test_system_writes_for_the_facility_of_the_result(station, man):
    saved = enter_result(
        facility=station, actor=SYSTEM, patient_id=man, test="fit", value="5", unit="ug/g", collected_on=DAY
    )
    assert Resource.objects.get(type="Observation", id=saved.id).facility == station.pk
