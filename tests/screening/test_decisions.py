"""Deferring, opting out, ceasing, undoing: by staff, by the citizen, by a clinic's software; and what cannot be."""

from datetime import date, timedelta
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone

from fhir import store
from fhir.hooks import run_rebuild
from fhir.outcomes import Refused
from healthhub.accounts.actors import SYSTEM, Actor, Role
from records.models import Facility
from screening.models import Decision, Standing
from screening.recall.decisions import cease_screening, defer_screening, opt_out, undo_decision
from screening.recall.refresh import refresh_noted
from tests.screening.conftest import make_facility

pytestmark = pytest.mark.django_db
TODAY = timezone.localdate()
SOON, YEAR = TODAY + timedelta(days=60), TODAY + timedelta(days=365)


def status(patient: str, on: date = TODAY) -> tuple[str, date | None]:
    refresh_noted(on)
    found = Standing.objects.get(patient_id=patient, programme="colorectal")
    return found.status, found.due_on


def request(patient: str, kind: str, **changes: Any) -> dict[str, Any]:
    def concept(code: str) -> dict[str, Any]:
        return {"coding": [{"system": settings.FHIR_SYSTEMS["screening"], "code": code}]}

    return {
        "resourceType": "ServiceRequest",
        "status": "active",
        "intent": "directive",
        "doNotPerform": True,
        "category": [concept(f"decision-{kind}")],
        "code": concept("programme-colorectal"),
        "subject": {"reference": f"Patient/{patient}"},
        "authoredOn": f"{TODAY}",
        "reasonCode": [concept("organ-absent" if kind == "cease" else "pregnant")],
        "occurrencePeriod": {"end": f"{YEAR}"},
        "note": [{"text": "Giấy ra viện 12/2023"}],
    } | changes


def citizen(patient: str) -> Actor:
    return Actor("user:7", "Nguyễn Văn Đức", Role.CITIZEN, patient=patient)


def test_a_deferral_moves_the_date_and_ends_by_itself(clinician: Actor, man: str) -> None:
    before = status(man)[1]
    defer_screening(patient=man, programme="colorectal", reason="ill", until=SOON, actor=clinician)
    assert status(man) == ("deferred", SOON)
    Standing.objects.all().delete()
    from screening.recall.refresh import refresh_people

    refresh_people([man], SOON)
    found = Standing.objects.get(patient_id=man, programme="colorectal")
    assert (found.status, found.due_on, found.due_rule) == ("due", SOON, "deferral")
    assert before is not None
    assert found.inputs["first_on"] == f"{before}"


def test_undoing_brings_back_what_was(clinician: Actor, man: str) -> None:
    before = status(man)
    cease_screening(
        patient=man, programme="colorectal", reason="organ-absent", evidence="Giấy mổ", review_on=YEAR, actor=clinician
    )
    assert status(man)[0] == "ceased"
    undo_decision(decision=Decision.objects.get(), actor=clinician, note="Nhầm người")
    assert status(man) == before
    assert Decision.objects.get().undone


def test_nobody_is_ceased_without_evidence(clinician: Actor, man: str) -> None:
    with pytest.raises(Refused) as refused:
        cease_screening(
            patient=man, programme="colorectal", reason="organ-absent", evidence=" ", review_on=YEAR, actor=clinician
        )
    assert [issue.expression for issue in refused.value.issues] == ["ServiceRequest.note"]


@pytest.mark.parametrize(
    ("changes", "expression"),
    [
        ({"note": []}, "ServiceRequest.note"),
        ({"occurrencePeriod": {}}, "ServiceRequest.occurrencePeriod.end"),
        ({"occurrencePeriod": {"end": "2001-01-01"}}, "ServiceRequest.occurrencePeriod.end"),
        ({"occurrencePeriod": {"end": "2099-01-01"}}, "ServiceRequest.occurrencePeriod.end"),
        ({"reasonCode": []}, "ServiceRequest.reasonCode"),
        ({"category": []}, "ServiceRequest.category"),
        ({"authoredOn": "2099-01-01"}, "ServiceRequest.authoredOn"),
    ],
)
def test_a_post_is_held_to_the_same_rules(man: str, changes: dict[str, Any], expression: str) -> None:
    resource = {key: value for key, value in request(man, "cease", **changes).items() if value}
    with pytest.raises(Refused) as refused:
        store.save(resource, actor=SYSTEM)
    assert expression in [issue.expression for issue in refused.value.issues]


def test_a_post_does_what_the_page_does(station: Facility, man: str) -> None:
    store.save(request(man, "cease"), actor=SYSTEM, facility=station.pk)
    found = Decision.objects.get()
    assert (found.kind, found.reason, found.evidence, found.review_on, found.facility_id) == (
        "cease",
        "organ-absent",
        "Giấy ra viện 12/2023",
        YEAR,
        station.pk,
    )
    assert status(man)[0] == "ceased"


def test_the_citizen_defers_and_opts_out_for_herself_only(man: str, woman: str) -> None:
    opt_out(patient=man, programme="colorectal", reason="not-wanted", actor=citizen(man))
    assert status(man)[0] == "ceased"
    assert Decision.objects.get().by_citizen
    undo_decision(decision=Decision.objects.get(), actor=citizen(man))
    assert status(man)[0] == "overdue"
    with pytest.raises(Refused):
        defer_screening(patient=woman, programme="colorectal", reason="later", until=SOON, actor=citizen(man))


def test_the_citizen_neither_ceases_nor_undoes_what_was_ceased(clinician: Actor, man: str) -> None:
    evidence = {"reason": "organ-absent", "evidence": "Giấy mổ", "review_on": YEAR}
    with pytest.raises(Refused):
        cease_screening(patient=man, programme="colorectal", **evidence, actor=citizen(man))
    cease_screening(patient=man, programme="colorectal", **evidence, actor=clinician)
    with pytest.raises(Refused):
        undo_decision(decision=Decision.objects.get(), actor=citizen(man))


def test_a_facility_that_does_not_care_for_her_decides_nothing(man: str) -> None:
    other = make_facility("01977", "Nơi khác")
    stranger = Actor("user:9", "Bác sĩ lạ", Role.CLINICIAN, facility=other.pk)
    with pytest.raises(Refused):
        opt_out(patient=man, programme="colorectal", reason="no-reason", actor=stranger)


def test_a_rebuild_gives_the_same_decisions(clinician: Actor, man: str) -> None:
    defer_screening(patient=man, programme="colorectal", reason="away", until=SOON, actor=clinician)
    before = list(Decision.objects.values())
    run_rebuild()
    assert list(Decision.objects.values()) == before
    assert status(man)[0] == "deferred"


def test_a_decision_entered_in_error_was_never_made(man: str) -> None:
    saved = store.save(request(man, "defer"), actor=SYSTEM)
    assert status(man)[0] == "deferred"
    store.save(request(man, "defer", id=saved.id, status="entered-in-error"), actor=SYSTEM)
    assert not Decision.objects.exists()
    assert status(man)[0] == "overdue"
