"""Protocols as FHIR: a clinic's software finds, reads and follows them."""

import json

import pytest
from django.test import Client

from fhir import store
from fhir.models import Resource
from fhir.outcomes import Refused
from screening.planning import plan_id, publish, resources, status_on
from screening.protocol import current, protocol_for, protocols
from tests.fhir.conftest import FhirClient, make_clinic
from tests.screening.protocol_drafts import NEXT_YEAR

pytestmark = pytest.mark.django_db


@pytest.fixture
def clinic() -> FhirClient:
    publish(protocols())
    return make_clinic("clinic-a", "Phòng khám A", "01F01")


def entries(clinic: FhirClient, query: str) -> list[dict]:
    answer = clinic.get(query)
    assert answer.status_code == 200, answer.content
    return [entry["resource"] for entry in json.loads(answer.content).get("entry", [])]


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("/PlanDefinition?name=Colorectal&_sort=date", ["colorectal-2017-1", "colorectal-2026-1"]),
        ("/PlanDefinition?name=Colorectal&status=active", ["colorectal-2026-1"]),
        ("/PlanDefinition?name=CervicalScreening&version=2019.1", ["cervical-2019-1"]),
        ("/PlanDefinition?date=lt2017", ["colorectal-2017-1"]),
        (
            "/PlanDefinition?url=https://healthhub.example/fhir/PlanDefinition/colorectal&version=2026.1",
            ["colorectal-2026-1"],
        ),
        ("/PlanDefinition?name=Toe", []),
    ],
)
def test_plans_are_found_by_name_version_status_and_date(clinic: FhirClient, query: str, ids: list[str]) -> None:
    assert [found["id"] for found in entries(clinic, query)] == ids


def test_a_plan_says_what_a_dense_breast_asks_for(clinic: FhirClient) -> None:
    plan = json.loads(clinic.get("/PlanDefinition/breast-2026-1").content)
    actions = {action["id"]: action for action in plan["action"]}
    dense = [one for one in actions["test-mammography"]["action"] if one["id"].startswith("component-")]
    assert [one["id"] for one in dense] == ["component-mammography-density-c", "component-mammography-density-d"]
    assert dense[0]["relatedAction"] == [{"actionId": "step-supplemental-ultrasound", "relationship": "before-start"}]
    assert "code = 'breast-density'" in dense[0]["condition"][0]["expression"]["expression"]
    assert "code = '129718006'" in dense[0]["condition"][0]["expression"]["expression"]
    assert "step-supplemental-ultrasound" in actions


def test_a_plan_says_what_a_positive_leads_to_and_by_when(clinic: FhirClient) -> None:
    plan = json.loads(clinic.get("/PlanDefinition/colorectal-2026-1").content)
    actions = {action["id"]: action for action in plan["action"]}
    positive = next(one for one in actions["test-fit"]["action"] if one["id"] == "result-fit-positive")
    assert positive["relatedAction"] == [{"actionId": "step-colonoscopy", "relationship": "before-start"}]
    step = actions["step-colonoscopy"]
    assert step["timingDuration"] == {
        "value": 60,
        "unit": "ngày",
        "system": "http://unitsofmeasure.org",
        "code": "d",
    }
    assert "at the latest 180 days" in step["textEquivalent"]
    after = {one["id"]: one for one in step["action"]}["finding-colonoscopy-advanced-adenoma"]
    assert after["relatedAction"][0]["actionId"] == "step-surveillance-colonoscopy"
    assert plan["useContext"][0]["valueRange"]["low"]["value"] == 40


def test_every_related_action_and_definition_is_there(clinic: FhirClient) -> None:
    urls = {
        f"{one['url']}|{one['version']}"
        for row in Resource.objects.filter(type="ActivityDefinition")
        for one in [json.loads(row.content)]
    }
    for row in Resource.objects.filter(type="PlanDefinition"):
        plan = json.loads(row.content)
        ids = {action["id"] for action in plan["action"]}
        inner = [one for action in plan["action"] for one in action.get("action", [])]
        assert {link["actionId"] for one in inner for link in one.get("relatedAction", [])} <= ids
        assert {one["definitionCanonical"] for one in plan["action"] if "definitionCanonical" in one} <= urls


def test_an_activity_carries_the_codes_that_a_result_or_referral_carries(clinic: FhirClient) -> None:
    (found,) = entries(clinic, "/ActivityDefinition?name=ColorectalColonoscopy&version=2026.1")
    assert found["code"]["coding"][0] == {"system": "http://snomed.info/sct", "code": "73761001"}


def test_status_follows_the_day() -> None:
    first, second = protocol_for("colorectal", NEXT_YEAR.replace(year=2020)), current("colorectal")
    assert [status_on(first, day, protocols()) for day in (first.valid_from, second.valid_from)] == [
        "active",
        "retired",
    ]
    assert status_on(second, NEXT_YEAR.replace(year=2025), protocols()) == "draft"
    assert resources(first, "retired", protocols())[-1]["effectivePeriod"] == {
        "start": "2016-11-01",
        "end": "2025-12-31",
    }


def test_publishing_again_changes_nothing() -> None:
    publish(protocols())
    assert {saved.changed for saved in publish(protocols())} == {False}


def test_a_clinic_may_not_change_a_plan(clinic: FhirClient) -> None:
    plan = resources(current("oral"), "active")[-1]
    assert clinic.put(f"/PlanDefinition/{plan_id(current('oral'))}", plan | {"status": "retired"}).status_code == 403
    with pytest.raises(Refused):
        store.save(plan | {"status": "retired"}, actor=clinic.actor)


def test_nobody_reads_them_without_a_token() -> None:
    publish(protocols())
    assert Client().get("/fhir/PlanDefinition/oral-2026-1").status_code == 401
