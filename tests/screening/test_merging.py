"""Two people who are one: nothing is lost by saying so, and taking it back gives the state before."""

import random

import pytest
from django.core.exceptions import PermissionDenied

from fhir import store
from fhir.models import Resource, ResourceVersion
from fhir.outcomes import Refused
from fhir.search import fetch_page, parse
from fhir.search.plan import EVERYBODY
from healthhub.accounts.actors import SYSTEM, Actor, Role
from records.merging import ask_to_merge, merge_people, unmerge_people, written_since
from records.models import CareRelation, Citizen, Consent, PersonMerge
from records.profile import profile, who_looked
from screening.closings import close_episode
from screening.models import CancerCase, Episode, EpisodeEvent, OpenRound, Order, ScreeningResult, Specimen
from screening.rebuild import rebuild
from tests.screening.conftest import make_patient

DERIVED = (ScreeningResult, Episode, EpisodeEvent, CancerCase, Order, Specimen, CareRelation, Consent, Citizen)


@pytest.fixture
def registrar(station):
    return Actor("user:7", "Lê Thị Mai", Role.REGISTRAR, facility=station.pk)


@pytest.fixture
def colleague(station):
    return Actor("user:8", "Phạm Văn Nam", Role.REGISTRAR, facility=station.pk)


@pytest.fixture
def double(station):
    """The man, registered a second time."""
    return make_patient(station, name="Nguyễn Văn Đức", gender="male", born="1960-03-12")


@pytest.fixture
def merge(man, double, registrar, colleague):
    def make():
        asked = ask_to_merge(kept=man, duplicate=double, reason="Cùng CCCD", actor=registrar)
        return merge_people(merge=asked, actor=colleague)

    return make


def rows():
    """All that is derived, but for surrogate keys, and for the texts' own columns."""
    found = {
        model.__name__: sorted(
            repr(sorted((name, value) for name, value in row.items() if name != "id" or model is Episode))
            for row in model.objects.values()
        )
        for model in DERIVED
    }
    places = OpenRound.objects.order_by("episode", "holder").values_list("episode", "holder", "patient", "step")
    lying = (
        Resource.objects.exclude(type="Patient").order_by("type", "id").values_list("type", "id", "patient", "tokens")
    )
    old = ResourceVersion.objects.exclude(type="Patient").order_by("type", "id", "version")
    return found | {
        "places": list(places),
        "lying": list(lying.values_list("type", "id", "patient", "tokens")),
        "old": list(old.values_list("type", "id", "version", "patient")),
    }


def test_a_positive_of_the_duplicate_is_an_open_round_of_the_kept_person(send, man, double, merge):
    send.fit(double, "30")
    send.fit(man, "5", on="2023-05-06")
    merge()
    (open_round,) = Episode.objects.exclude(state="closed")
    assert (open_round.patient_id, open_round.needs[0]["step"] != "") == (man, True)
    assert set(OpenRound.objects.values_list("patient", flat=True)) == {man}
    assert not Citizen.objects.get(pk=double).active


def test_two_rounds_become_one_history_by_which_a_colonoscopy_ends_the_wait(send, man, double, merge):
    send.fit(double, "30")
    send.procedure(man, on="2024-06-01")
    assert Episode.objects.exclude(state="closed").exists()
    merge()
    assert not Episode.objects.filter(patient=double).exists()
    assert EpisodeEvent.objects.filter(patient=man, fact="assessed").exists()


def test_either_id_finds_everything_and_new_results_of_the_old_id_are_the_kept_persons(send, man, double, merge):
    first, second = send.fit(double), send.fit(man, "5", on="2023-01-02")
    merge()
    third = send.fit(double, "44", on="2025-02-03")
    for person in (man, double):
        found = fetch_page(parse("Observation", [("subject", f"Patient/{person}")]), EVERYBODY)
        assert {row.id for row in found.rows} == {first, second, third}
    assert ScreeningResult.objects.get(pk=third).patient_id == man
    assert Episode.objects.exclude(state="closed").get(places__isnull=False, patient=man)


def test_the_patients_tell_of_each_other_and_texts_stay_as_they_came(send, man, double, merge):
    name = send.fit(double)
    before = Resource.objects.get(type="Observation", id=name).content
    merge()
    assert Resource.objects.get(type="Observation", id=name).content == before
    told = Resource.objects.get(type="Patient", id=double).content
    assert f'"link":[{{"other":{{"reference":"Patient/{man}"}},"type":"replaced-by"}}]' in told
    assert '"type":"replaces"' in Resource.objects.get(type="Patient", id=man).content


def test_a_person_reads_who_looked_at_her_under_either_id(send, man, double, merge, clinician):
    profile(double, actor=clinician)
    merge()
    citizen = Actor("user:20", "Nguyễn Văn Đức", Role.CITIZEN, patient=man)
    assert [look.actions for look in who_looked(man, actor=citizen) if look.actor == clinician.id] == [["view"]]


def test_nobody_confirms_her_own_word_nor_merges_strangers(man, double, registrar, laboratory):
    asked = ask_to_merge(kept=man, duplicate=double, reason="Cùng CCCD", actor=registrar)
    with pytest.raises(PermissionDenied):
        merge_people(merge=asked, actor=registrar)
    stranger = Actor("user:9", "Ngô Văn Tám", Role.REGISTRAR, facility=laboratory.pk)
    with pytest.raises(PermissionDenied):
        merge_people(merge=asked, actor=stranger)
    with pytest.raises(Refused) as again:
        ask_to_merge(kept=double, duplicate=man, reason="Ngược lại", actor=registrar)
    assert again.value.status == 409
    assert Citizen.objects.get(pk=double).active


def test_a_merged_patient_cannot_be_taken_up_again_by_a_write(man, double, merge):
    merge()
    with pytest.raises(Refused) as refused:
        store.save({"resourceType": "Patient", "id": double, "birthDate": "1960-03-12"}, actor=SYSTEM)
    assert refused.value.status == 422


def test_what_came_since_goes_to_the_id_its_text_names_and_is_listed(send, man, double, merge, colleague):
    merged = merge()
    new, own = send.fit(double, "44"), send.fit(man, "5")
    assert set(written_since(merged)) == {("Observation", new), ("Observation", own)}
    unmerge_people(merge=merged, reason="Hai anh em", actor=colleague)
    assert {row.pk: row.patient_id for row in ScreeningResult.objects.all()} == {new: double, own: man}
    assert Citizen.objects.get(pk=double).active
    assert PersonMerge.objects.get().undone_by == colleague.id


@pytest.mark.parametrize("seed", range(4))
def test_merging_and_unmerging_changes_nothing_that_is_derived(
    send, man, double, laboratory, clinician, merge, colleague, seed
):
    chance = random.Random(seed)
    for number in range(12):
        person, day = chance.choice([man, double]), f"20{chance.randrange(22, 27)}-0{chance.randrange(1, 10)}-15"
        kind = chance.randrange(4)
        if kind < 2:
            name = send.fit(person, chance.choice(["5", "30"]), on=day)
            if chance.random() < 0.3:
                corrected = {**send.observation(person, "7", on=day), "id": name}
                store.save(corrected, actor=SYSTEM, facility=send.facility.pk)
        elif kind == 2:
            send.procedure(person, on=day)
        else:
            send.referral(person, on=day, due=day)
        if number == 7:
            for episode in Episode.objects.exclude(state="closed")[:1]:
                on = max(event.occurred_on for event in episode.events.all())
                close_episode(episode=episode, reason="declined", on=on, actor=clinician)
    positives = ScreeningResult.objects.filter(outcome="positive").count()
    before = rows()
    merged = merge()
    assert ScreeningResult.objects.filter(outcome="positive", patient=man).count() == positives
    together = rows()
    rebuild()
    assert rows() == together
    unmerge_people(merge=merged, reason="Hai anh em", actor=colleague)
    assert rows() == before
