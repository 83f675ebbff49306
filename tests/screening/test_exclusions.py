"""Whoever is excluded by a recorded fact stands on a list until somebody has reviewed it; nobody is silently gone."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from fhir import store
from fhir.outcomes import Refused
from healthhub.accounts.actors import SYSTEM, Actor, Role
from records.models import Area, Citizen, Facility
from screening.models import Balance, Standing
from screening.protocol import current, protocol_for
from screening.recall.balance import balance
from screening.recall.exclusions import OPEN, REVIEWED, excluded_people, withdraw_exclusion
from screening.recall.refresh import refresh_noted
from tests.screening.clinic_room import signed_in
from tests.screening.conftest import make_patient

pytestmark = pytest.mark.django_db
TODAY = timezone.localdate()
LIST = "/clinic/recall/excluded/cervical/"


@pytest.fixture
def gone(station: Facility, woman: str) -> tuple[str, str]:
    """A woman and the Condition that says that she has no cervix, as any clinic's software may post it."""
    system, code = next(one for item in current("cervical").exclusions for one in item.codings if one[1] == "no-cervix")
    condition = {
        "resourceType": "Condition",
        "code": {"coding": [{"system": system, "code": code}]},
        "subject": {"reference": f"Patient/{woman}"},
        "recordedDate": "2026-01-10",
        "onsetDateTime": "2026-01-10",
        "clinicalStatus": {
            "coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "active"}]
        },
    }
    saved = store.save(condition, actor=SYSTEM, facility=station.pk)
    refresh_noted(TODAY)
    return woman, f"Condition/{saved.id}"


def listed(state: str, actor: Actor | None = None) -> list[str]:
    return [one.pk for one in excluded_people(protocol_for("cervical", TODAY), TODAY, state=state, actor=actor)]


def called(patient: str) -> bool:
    return Standing.objects.filter(patient_id=patient, programme="cervical").exists()


def test_pain_6_whoever_is_excluded_is_listed_with_the_source_until_it_is_reviewed(
    gone: tuple[str, str], station: Facility, laboratory: Facility, clinician: Actor
) -> None:
    woman, _source = gone
    assert (called(woman), listed(OPEN, clinician), listed(OPEN), listed(REVIEWED)) == (False, [woman], [woman], [])
    clinic = signed_in(Role.CLINICIAN, station)
    page = clinic.get(LIST).content.decode()
    assert "Không còn cổ tử cung, theo chẩn đoán ghi từ ngày 10/01/2026." in page
    assert station.name in page
    assert "Trần Thị Hoa" not in signed_in(Role.CLINICIAN, laboratory).get(LIST).content.decode()
    review = TODAY + timedelta(days=300)
    sent = {"reason": "organ-absent", "ends_on": f"{review:%d/%m/%Y}", "evidence": "Giấy ra viện 2019"}
    assert clinic.post(f"/clinic/people/{woman}/screening/cervical/cease/", sent).status_code == 302
    assert (listed(OPEN), listed(REVIEWED, clinician)) == ([], [woman])
    assert "Giấy ra viện 2019" in clinic.get(f"{LIST}?state=reviewed").content.decode()


def test_the_city_sees_as_many_as_its_books_say_and_no_names(gone: tuple[str, str]) -> None:
    balance([protocol_for("cervical", TODAY)], TODAY)
    (book,) = Balance.objects.filter(programme="cervical")
    assert book.excluded == len(listed(OPEN)) == 1
    officer = signed_in(Role.OFFICER)
    page = officer.get("/city/recall/cervical/excluded/").content.decode()
    assert gone[0] in page
    assert "Trần Thị Hoa" not in page
    assert "/city/recall/cervical/excluded/" in officer.get("/city/recall/?programme=cervical").content.decode()


def test_what_was_recorded_by_mistake_is_withdrawn_with_a_reason_and_she_is_called_again(
    gone: tuple[str, str], station: Facility, clinician: Actor, laboratory: Facility
) -> None:
    woman, source = gone
    for actor, note in ((clinician, " "), (Actor("user:9", "X", Role.CLINICIAN, facility=laboratory.pk), "Nhầm")):
        with pytest.raises(Refused):
            withdraw_exclusion(patient=woman, source=source, note=note, actor=actor)
    clinic = signed_in(Role.CLINICIAN, station)
    address = f"/clinic/people/{woman}/excluded/cervical/withdraw/"
    assert address in clinic.get(f"/clinic/people/{woman}/").content.decode()
    assert clinic.post(address, {"note": ""}).status_code == 200
    assert not called(woman)
    assert clinic.post(address, {"note": "Ghi nhầm người, bệnh án số 12"}).status_code == 302
    assert (called(woman), listed(OPEN)) == (True, [])
    assert clinic.get(address).status_code == 404


def test_only_those_are_listed_for_whom_the_programme_would_be(gone: tuple[str, str], station: Facility) -> None:
    old = make_patient(station, name="Cụ", gender="female", born="1935-01-01")
    system, code = current("cervical").exclusions[0].codings[0]
    fact = {"resourceType": "Condition", "code": {"coding": [{"system": system, "code": code}]}}
    store.save(fact | {"subject": {"reference": f"Patient/{old}"}}, actor=SYSTEM)
    assert listed(OPEN) == [gone[0]]


def test_the_list_goes_on_after_the_last_line_and_asks_no_query_per_person(
    gone: tuple[str, str], station: Facility, monkeypatch: pytest.MonkeyPatch, django_assert_max_num_queries: Any
) -> None:
    monkeypatch.setattr("screening.views.exclusions.PAGE", 4)
    system, code = current("cervical").exclusions[0].codings[0]
    for number in range(5):
        patient = make_patient(station, name=f"Người {number}", gender="female", born="1980-01-01")
        fact = {"resourceType": "Condition", "code": {"coding": [{"system": system, "code": code}]}}
        store.save(fact | {"subject": {"reference": f"Patient/{patient}"}}, actor=SYSTEM)
    clinic = signed_in(Role.CLINICIAN, station)
    with django_assert_max_num_queries(14):
        first = clinic.get(LIST).context
    second = clinic.get(LIST + first["next"]).context
    seen = [line["patient"].pk for page in (first, second) for line in page["lines"]]
    assert (len(first["lines"]), seen, second["next"]) == (4, sorted(listed(OPEN)), "")


def test_the_city_narrows_the_list_to_a_place_and_keeps_it_from_page_to_page(
    gone: tuple[str, str], station: Facility, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("screening.views.exclusions.PAGE", 1)
    system, code = current("cervical").exclusions[0].codings[0]
    here, elsewhere = Citizen.objects.get(pk=gone[0]).area, Area.objects.filter(kind="ward").order_by("-name")[0]
    assert here is not None
    others = []
    for _number in range(2):
        other = make_patient(station, name="Lê Thị Lan", gender="female", born="1980-03-12")
        fact = {"resourceType": "Condition", "code": {"coding": [{"system": system, "code": code}]}}
        store.save(fact | {"subject": {"reference": f"Patient/{other}"}}, actor=SYSTEM)
        others.append(other)
    Citizen.objects.filter(pk__in=others).update(area=elsewhere)
    officer, page = signed_in(Role.OFFICER), "/city/recall/cervical/excluded/"

    def numbers(query: str) -> tuple[list[str], str]:
        context = officer.get(f"{page}{query}").context
        return [line["patient"].pk for line in context["lines"]], context["next"]

    assert {value for value, _name in officer.get(page).context["areas"]} == {str(here.pk), str(elsewhere.pk)}
    assert numbers(f"?area={here.pk}") == ([gone[0]], "")
    (first,), after = numbers(f"?area={elsewhere.pk}")
    assert f"area={elsewhere.pk}" in after
    (second,), end = numbers(after)
    assert (sorted([first, second]), end) == (sorted(others), "")
    tabs = officer.get(f"{page}?area={here.pk}").context["tabs"]
    assert [tab["href"] for tab in tabs] == [f"?state={state}&area={here.pk}" for state in (OPEN, REVIEWED)]
    assert numbers(f"?state={REVIEWED}&area={here.pk}") == ([], "")  # not those of all places
    assert len(numbers("?area=x")[0]) == len(numbers("?area=999999999")[0]) == 1
    assert signed_in(Role.CLINICIAN, station).get(f"{LIST}?area={elsewhere.pk}").context["area"] == ""
