"""The demo city: the same options give the same city, every test counts once, and it can be about nobody real."""

import hashlib
import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.test import override_settings

from fhir.models import Resource, ResourceVersion
from fhir.store import Draft, check
from fhir.text import parse
from healthhub.accounts.demo import DEMO_USERS
from healthhub.accounts.models import User
from records.identifiers import PROVINCES
from records.models import Citizen, Facility, Membership
from screening.demo import load as loading
from screening.demo import rates
from screening.demo.load import Refused, load, load_slice
from screening.demo.places import UnknownDistricts
from screening.demo.plan import Options, make_plan
from screening.demo.present import made_apart
from screening.models import Episode, ScreeningResult, StatisticsCell

pytestmark = pytest.mark.django_db

TODAY = date(2026, 11, 2)


def options(tests: int = 150, **changes: Any) -> Options:
    return Options(**({"tests": tests, "seed": 1, "districts": ("005", "019", "268"), "today": TODAY} | changes))


@pytest.fixture(autouse=True)
def _letters_apart(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path


def load_here(wanted: Options) -> None:
    assert load(wanted, processes=1) is not None


def stored(**which: Any) -> list[dict[str, Any]]:
    texts = Resource.objects.filter(deleted=False, **which).order_by("type", "id").values_list("content", flat=True)
    return [json.loads(text) for text in texts]


def digest() -> str:
    """Of every stored text, without what the server's clock sets."""
    whole = hashlib.sha256()
    for resource in stored():
        del resource["meta"]["lastUpdated"]
        whole.update(json.dumps(resource, sort_keys=True).encode())
    return whole.hexdigest()


def rolled_back(make: Callable[[], None]) -> str:
    """The digest of what `make` writes, undone afterwards."""
    with transaction.atomic():
        make()
        found = digest()
        transaction.set_rollback(True)
    return found


def test_the_same_options_give_the_same_resources() -> None:
    first = rolled_back(lambda: load_here(options()))
    assert rolled_back(lambda: load_here(options())) == first
    assert rolled_back(lambda: load_here(options(seed=2))) != first


def test_a_load_that_was_broken_off_is_taken_up() -> None:
    def in_two_goes() -> None:
        plan = make_plan(options(), apart=made_apart(150))
        loading._load_directory(plan)
        for part in plan.slices[:7]:
            assert load_slice(part) > 0
        load_here(options())

    assert rolled_back(in_two_goes) == rolled_back(lambda: load_here(options()))


def test_it_is_not_taken_up_with_other_options() -> None:
    loading._load_directory(make_plan(options(), apart=2))
    with pytest.raises(Refused, match="other options"):
        load(options(seed=2), processes=1)


def test_every_test_counts_once_in_the_store_the_results_and_the_statistics(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates, "WITHDRAWN", 0.03)
    monkeypatch.setattr(rates, "CORRECTED", 0.03)
    load_here(options(600))
    kept = Resource.objects.filter(type="Observation", deleted=False)
    stages, smoked = kept.filter(id__endswith="-staging"), kept.filter(id__endswith="-packyears")
    assert (stages.count(), smoked.count()) == (2, 2)
    assert kept.count() == 600 + 2 + 2
    assert ScreeningResult.objects.count() == 600
    assert sum(StatisticsCell.objects.values_list("tested", flat=True)) == 600
    withdrawn = Resource.objects.filter(type="Observation", deleted=True)
    assert withdrawn.exists()
    corrected = {resource["id"] for resource in stored(type="Observation") if resource["status"] == "corrected"}
    assert corrected
    earlier = ResourceVersion.objects.filter(type="Observation")
    assert set(earlier.values_list("id", flat=True)) == corrected | set(withdrawn.values_list("id", flat=True))


def test_everything_is_labelled_and_can_be_about_nobody_real() -> None:
    load_here(options(300))
    resources = stored()
    assert {tag["code"] for resource in resources for tag in resource["meta"]["tag"]} == {"demo"}
    citizens = list(Citizen.objects.all())
    assert {citizen.cccd[:3] for citizen in citizens} == {"000"}
    assert "000" not in PROVINCES
    assert len({citizen.cccd for citizen in citizens}) == len(citizens)
    assert {citizen.insurance_number[3:7] for citizen in citizens if citizen.insurance_number} == {"0000"}
    assert {citizen.phone[:6] for citizen in citizens if citizen.phone} == {"+84240"}
    assert {tuple(citizen.warnings) for citizen in citizens} == {("demo-number",)}  # sex and year agree with the number
    assert {citizen.area.parent.code for citizen in citizens} == {"005", "019", "268"}


def test_every_resource_of_the_city_is_valid_though_the_load_validates_a_sample(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rates, "FIT_POSITIVE", 0.2)
    load_here(options(400))
    drafts = [Draft(parse(text)) for text in Resource.objects.filter(deleted=False).values_list("content", flat=True)]
    assert {draft.type for draft in drafts} >= {"Procedure", "ServiceRequest", "Observation", "Condition"}
    assert [issue for issue in check(drafts) if issue.severity in ("error", "fatal")] == []


def test_facilities_cover_the_districts() -> None:
    load_here(options())
    kinds = dict(Facility.objects.order_by("kind").values_list("code", "kind"))
    assert list(kinds.values()).count("station") == 8 + 10 + 17
    assert list(kinds.values()).count("centre") == 3
    assert list(kinds.values()).count("laboratory") == 1
    assert sorted(kinds) == [f"019{number:02d}" for number in range(1, 40)]
    assert Facility.objects.get(code="01901").name == "Trung tâm Y tế quận Cầu Giấy"


def test_the_sign_ins_are_who_they_say() -> None:
    load_here(options())
    clinic = Facility.objects.get(code="01901")
    found = [
        (one.user.email.partition("@")[0] if one.user else one.client_id, one.role, one.facility, one.patient_id)
        for one in Membership.objects.filter(active=True).select_related("user", "facility").order_by("pk")
    ]
    other = next(facility for who, _, facility, _ in found if who == "doctor" and facility != clinic)
    ward = next(patient for who, _, _, patient in found if who == "guardian")
    assert found == [
        ("clinician", "clinician", clinic, None),
        ("laboratory", "laboratory", clinic, None),
        ("registrar", "registrar", clinic, None),
        ("facility_admin", "facility_admin", clinic, None),
        ("officer", "officer", None, None),
        ("analyst", "analyst", None, None),
        ("admin", "admin", None, None),
        ("auditor", "auditor", None, None),
        ("guardian", "guardian", None, ward),
        ("citizen", "citizen", None, "demo1-citizen"),
        ("doctor", "clinician", clinic, None),
        ("doctor", "clinician", other, None),
        ("demo-clinic", "client", clinic, None),
    ]
    assert {who for who, _, _, _ in found} == {*DEMO_USERS, "demo-clinic"}
    assert Citizen.objects.filter(pk=ward, active=True).exists()
    assert Membership.objects.get(role="guardian").valid_to


def test_the_demo_citizen_waits_for_a_colonoscopy_after_an_older_negative() -> None:
    load_here(options())
    results = ScreeningResult.objects.filter(patient="demo1-citizen").order_by("collected_on")
    assert [(result.test, result.outcome, result.collected_on) for result in results] == [
        ("fit", "negative", date(2017, 10, 17)),
        ("fit", "positive", date(2026, 10, 21)),
    ]
    waiting = Episode.objects.exclude(state="closed").get(patient="demo1-citizen")
    assert (waiting.step, waiting.state, waiting.owner) == ("colonoscopy", "assessment_due", "demo-01901")
    assert waiting.due_on > TODAY
    kinds = set(Resource.objects.filter(patient="demo1-citizen").values_list("type", flat=True))
    assert kinds == {
        "Patient", "Observation", "Encounter", "Condition", "MedicationRequest", "AllergyIntolerance", "Immunization",
    }  # fmt: skip


@override_settings(DEMO=True)
def test_loading_again_does_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("load_demo", tests=60, processes=1, today=TODAY)
    before = digest()
    call_command("load_demo", tests=200, seed=5, processes=1)
    assert digest() == before
    assert "loaded already" in capsys.readouterr().out


def test_it_is_refused_outside_the_demo(settings: Any) -> None:
    settings.DEMO = False
    with pytest.raises(CommandError, match="not for a real deployment"):
        call_command("load_demo", tests=60)
    assert not Resource.objects.exists()
    assert not User.objects.exists()


@override_settings(DEMO=True)
def test_options_that_make_no_sense_are_refused_in_a_sentence() -> None:
    with pytest.raises(CommandError, match="at least 50 tests"):
        call_command("load_demo", tests=10)
    with pytest.raises(CommandError, match="No district of Hanoi had this code in 2017: 999"):
        call_command("load_demo", tests=60, districts="005,999")
    with pytest.raises(UnknownDistricts):
        load(options(districts=("00157",)))


def test_the_number_of_statements_does_not_grow_with_the_slice(django_assert_max_num_queries: Any) -> None:
    part = max(make_plan(options(1500), apart=5).slices, key=lambda part: part.tests)
    assert part.tests > 100
    with django_assert_max_num_queries(60):
        load_slice(part)
    assert connection.in_atomic_block


def test_the_chains_end_where_the_protocol_of_their_days_does() -> None:
    load_here(options(60, seed=3, districts=("005",), today=date(2026, 2, 20)))
    assert list(
        Resource.objects.filter(patient__endswith="-r00101").values_list("type", flat=True).order_by("type")
    ) == [
        "Observation",
        "Patient",
    ]
