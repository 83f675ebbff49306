"""How a version comes into force: who may, in which order, from when; and how processes notice."""

import json
from collections.abc import Callable
from datetime import date, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from fhir.models import Resource
from healthhub.accounts.actors import Actor, Role
from healthhub.accounts.models import User
from healthhub.audit.models import AccessEntry
from records.models import Area, Facility, Membership
from screening import checks, versions
from screening.activation import (
    ActivationRefused,
    activate_protocol,
    ask_dry_run,
    dry_run_protocol,
    earliest_day,
    propose_protocol,
    run_asked,
    withdraw_protocol,
)
from screening.machines.receiving import receive
from screening.models import ProtocolVersion
from screening.protocol import ProtocolError, current, find_test, protocol_for, protocols
from screening.protocol.load import forget, use_activated
from screening.versions import notice_versions
from tests.screening.machine_messages import connection_of, message
from tests.screening.protocol_drafts import colorectal_text, in_days, older_and_rarer

OFFICER = Actor("user:7", "Lê Thị Cán Bộ", Role.OFFICER)


@pytest.fixture
def draft(db: None) -> ProtocolVersion:
    return propose_protocol(text=older_and_rarer(valid_from=in_days(30)), actor=OFFICER)


@pytest.fixture
def commits(django_capture_on_commit_callbacks: Any) -> Any:
    return django_capture_on_commit_callbacks


@pytest.mark.parametrize("role", [Role.ANALYST, Role.CLINICIAN, Role.LABORATORY, Role.CITIZEN, Role.SYSTEM])
def test_only_an_officer_may(draft: ProtocolVersion, role: Role) -> None:
    other = Actor("user:8", "Người khác", role)
    for step in (
        lambda: propose_protocol(text=colorectal_text(version="9"), actor=other),
        lambda: ask_dry_run(version_id=draft.pk, actor=other),
        lambda: activate_protocol(version_id=draft.pk, valid_from=in_days(30), actor=other),
        lambda: withdraw_protocol(version_id=draft.pk, actor=other),
    ):
        with pytest.raises(PermissionDenied):
            step()


def test_an_officer_of_a_district_may_not(draft: ProtocolVersion) -> None:
    user = User.objects.create_user("district@example.vn", name="Lê Thị Cán Bộ")
    district = Area.objects.get(code="005", kind="district", valid_from=date(2008, 8, 1))
    Membership.objects.create(user=user, role=Role.OFFICER.value, area=district)
    with pytest.raises(PermissionDenied):
        dry_run_protocol(version_id=draft.pk, actor=Actor(f"user:{user.pk}", user.name, Role.OFFICER, area=district.pk))


@pytest.mark.django_db
def test_a_faulty_text_is_not_kept_and_every_fault_is_told() -> None:
    text = colorectal_text(limit_days__180="limit_days = 18", within_days__30="within_days = 0")
    with pytest.raises(ProtocolError) as caught:
        propose_protocol(text=text, actor=OFFICER)
    assert [line.split(": ")[1] for line in str(caught.value).splitlines()] == [
        "steps.colonoscopy",
        "steps.repeat_fit",
        "steps.repeat_fit.warn_days",
    ]
    assert not ProtocolVersion.objects.exists()


@pytest.mark.django_db
def test_a_version_or_first_day_that_is_taken_is_refused() -> None:
    with pytest.raises(ProtocolError, match="another file has this version or first day"):
        propose_protocol(text=colorectal_text(version="2017.1"), actor=OFFICER)


def test_the_same_text_is_kept_once_and_another_under_its_version_is_refused(draft: ProtocolVersion) -> None:
    assert propose_protocol(text=draft.text, actor=OFFICER).pk == draft.pk
    with pytest.raises(ProtocolError, match="a draft has this version"):
        propose_protocol(text=draft.text + "\n# another\n", actor=OFFICER)


def test_it_cannot_be_activated_before_a_dry_run_of_exactly_this_text(draft: ProtocolVersion) -> None:
    with pytest.raises(ActivationRefused, match="chạy thử"):
        activate_protocol(version_id=draft.pk, valid_from=in_days(30), actor=OFFICER)
    dry_run_protocol(version_id=draft.pk, actor=OFFICER, on=in_days(30))
    ProtocolVersion.objects.filter(pk=draft.pk).update(text=draft.text + "\n")
    with pytest.raises(ActivationRefused, match="chạy thử"):
        activate_protocol(version_id=draft.pk, valid_from=in_days(30), actor=OFFICER)


def test_a_dry_run_for_another_day_does_not_count(draft: ProtocolVersion) -> None:
    dry_run_protocol(version_id=draft.pk, actor=OFFICER, on=in_days(29))
    with pytest.raises(ActivationRefused, match=f"{in_days(29):%d/%m/%Y}"):
        activate_protocol(version_id=draft.pk, valid_from=in_days(30), actor=OFFICER)


def test_a_dry_run_of_two_weeks_ago_does_not_count(draft: ProtocolVersion) -> None:
    dry_run_protocol(version_id=draft.pk, actor=OFFICER, on=in_days(30))
    ProtocolVersion.objects.filter(pk=draft.pk).update(dry_run_at=timezone.now() - timedelta(days=14, minutes=1))
    with pytest.raises(ActivationRefused, match="quá 14 ngày"):
        activate_protocol(version_id=draft.pk, valid_from=in_days(30), actor=OFFICER)


@pytest.mark.parametrize("days", [-30, 0])
def test_it_takes_effect_tomorrow_at_the_earliest(draft: ProtocolVersion, days: int) -> None:
    dry_run_protocol(version_id=draft.pk, actor=OFFICER)
    with pytest.raises(ActivationRefused, match=f"{earliest_day():%d/%m/%Y}"):
        activate_protocol(version_id=draft.pk, valid_from=in_days(days), actor=OFFICER)


def test_an_activated_version_is_in_force_from_its_day_on_and_published(draft: ProtocolVersion, commits: Any) -> None:
    start = in_days(40)
    dry_run_protocol(version_id=draft.pk, actor=OFFICER, on=start)
    with commits(execute=True):
        activate_protocol(version_id=draft.pk, valid_from=start, actor=OFFICER)
    assert protocol_for("colorectal", start).version == "2027.1"
    assert protocol_for("colorectal", start - timedelta(days=1)).version == "2026.1"
    assert current("colorectal").valid_from == start
    assert current("colorectal").bands[0].min_age == 50
    plan = json.loads(Resource.objects.get(type="PlanDefinition", id="colorectal-2027-1").content)
    assert (plan["status"], plan["date"]) == ("draft", start.isoformat())
    entries = AccessEntry.objects.filter(resource_id="colorectal@2027.1").order_by("id")
    assert [(entry.action, entry.actor, entry.patient) for entry in entries] == [
        (action, "user:7", None) for action in ("propose", "dry-run", "activate")
    ]
    with pytest.raises(ActivationRefused):
        activate_protocol(version_id=draft.pk, valid_from=start, actor=OFFICER)


def test_a_dry_run_against_another_version_than_that_in_force_does_not_count(
    draft: ProtocolVersion, commits: Any
) -> None:
    other = propose_protocol(text=colorectal_text(version="2027.0", valid_from=in_days(20)), actor=OFFICER)
    for version, day in ((draft, in_days(30)), (other, in_days(20))):
        dry_run_protocol(version_id=version.pk, actor=OFFICER, on=day)
    with commits(execute=True):
        activate_protocol(version_id=other.pk, valid_from=in_days(20), actor=OFFICER)
    with pytest.raises(ActivationRefused, match="Hãy chạy thử lại"):
        activate_protocol(version_id=draft.pk, valid_from=in_days(30), actor=OFFICER)
    dry_run_protocol(version_id=draft.pk, actor=OFFICER, on=in_days(30))
    with commits(execute=True):
        activate_protocol(version_id=draft.pk, valid_from=in_days(30), actor=OFFICER)
    assert [one.version for one in protocols() if one.programme == "colorectal"] == [
        "2017.1",
        "2026.1",
        "2027.0",
        "2027.1",
    ]


def test_a_version_not_yet_in_force_can_be_withdrawn(draft: ProtocolVersion, commits: Any) -> None:
    dry_run_protocol(version_id=draft.pk, actor=OFFICER, on=in_days(30))
    with commits(execute=True):
        activate_protocol(version_id=draft.pk, valid_from=in_days(30), actor=OFFICER)
    with commits(execute=True):
        withdraw_protocol(version_id=draft.pk, actor=OFFICER)
    assert current("colorectal").version == "2026.1"
    plan = json.loads(Resource.objects.get(type="PlanDefinition", id="colorectal-2027-1").content)
    assert plan["status"] == "retired"
    again = propose_protocol(text=draft.text, actor=OFFICER)
    assert again.pk != draft.pk


def test_a_version_in_force_can_only_be_replaced(draft: ProtocolVersion) -> None:
    ProtocolVersion.objects.filter(pk=draft.pk).update(
        state="active", valid_from=timezone.localdate(), decided_at=timezone.now()
    )
    with pytest.raises(ActivationRefused, match="bản mới thay thế"):
        withdraw_protocol(version_id=draft.pk, actor=OFFICER)


def test_one_dry_run_at_a_time_and_a_stuck_one_may_be_started_again(draft: ProtocolVersion) -> None:
    ask_dry_run(version_id=draft.pk, actor=OFFICER)
    with pytest.raises(ActivationRefused, match="đang được chạy thử"):
        ask_dry_run(version_id=draft.pk, actor=OFFICER)
    ProtocolVersion.objects.filter(pk=draft.pk).update(dry_run_at=timezone.now() - timedelta(hours=1))
    ask_dry_run(version_id=draft.pk, actor=OFFICER, on=date(2030, 1, 1))
    done = run_asked(version_id=draft.pk)
    assert (done.dry_run_state, done.dry_run["on"], done.dry_run["against"]) == ("done", "2030-01-01", "2026.1")
    assert run_asked(version_id=draft.pk).dry_run == done.dry_run


def activate_elsewhere(draft: ProtocolVersion) -> None:
    """As another process does it."""
    ProtocolVersion.objects.filter(pk=draft.pk).update(state="active", decided_at=timezone.now())


def test_a_process_notices_after_half_a_minute_without_asking_more_often(
    draft: ProtocolVersion, monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any
) -> None:
    monkeypatch.setattr(versions, "_looked_at", None)
    client = Client()
    client.get("/healthz")
    activate_elsewhere(draft)
    with django_assert_num_queries(0):
        notice_versions()
    assert current("colorectal").version == "2026.1"
    assert versions._looked_at is not None
    monkeypatch.setattr(versions, "_looked_at", versions._looked_at - versions.SECONDS)
    client.get("/healthz")
    assert current("colorectal").version == "2027.1"


def import_nothing() -> None:
    with pytest.raises(CommandError):
        call_command("import_results", __file__, stderr=StringIO())


@pytest.mark.parametrize(
    "work",
    [
        import_nothing,
        lambda: call_command("recall", programme=["lung"], stdout=StringIO()),
        lambda: call_command("rebuild", skip_index=True, stdout=StringIO()),
        lambda: call_command("statistics", stdout=StringIO()),
        lambda: call_command("astm_drop"),
        lambda: receive(message(), peer="127.0.0.1"),
    ],
    ids=["import_results", "recall", "rebuild", "statistics", "astm_drop", "mllp"],
)
def test_commands_and_machines_read_by_the_versions_of_the_database(
    draft: ProtocolVersion, station: Facility, monkeypatch: pytest.MonkeyPatch, work: Callable[[], object]
) -> None:
    connection_of(station)
    activate_elsewhere(draft)
    monkeypatch.setattr(versions, "_looked_at", None)
    assert current("colorectal").version == "2026.1"
    work()
    assert current("colorectal").version == "2027.1"


def test_a_version_that_no_longer_goes_with_the_files_is_left_out(
    draft: ProtocolVersion, caplog: pytest.LogCaptureFixture
) -> None:
    bad = ProtocolVersion.objects.create(
        programme="colorectal",
        version="2017.1",
        text=colorectal_text(version="2017.1", valid_from=in_days(50)),
        sha256="",
        valid_from=in_days(50),
        state="active",
        decided_at=timezone.now(),
    )
    activate_elsewhere(draft)
    notice_versions(now=True)
    assert [one.version for one in protocols() if one.programme == "colorectal"] == ["2017.1", "2026.1", "2027.1"]
    assert f"Version {bad.programme} 2017.1 in the database does not go with" in caplog.text


def test_what_was_looked_up_is_looked_up_anew() -> None:
    coding = [{"system": "http://loinc.org", "code": "27396-1"}]
    before = find_test(coding)
    forget()
    use_activated(())
    assert find_test(coding) == before


def test_a_faulty_file_is_found_at_start(monkeypatch: pytest.MonkeyPatch) -> None:
    assert checks.check_protocols() == []

    def faulty() -> None:
        raise ProtocolError("lung.toml: steps.ldct: is wrong\nlung.toml: tests: is wrong")

    monkeypatch.setattr(checks, "protocols", faulty)
    assert [(one.id, one.msg) for one in checks.check_protocols()] == [
        ("screening.E001", "lung.toml: steps.ldct: is wrong"),
        ("screening.E001", "lung.toml: tests: is wrong"),
    ]
