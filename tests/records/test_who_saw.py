"""``manage.py who_saw``: what the notice of a breach has to say, within hours."""

import csv
import io
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from healthhub.accounts.actors import Actor, Role
from healthhub.accounts.models import User
from healthhub.audit.log import record_access
from healthhub.audit.models import AccessEntry
from tests.records.conftest import Write

pytestmark = pytest.mark.django_db
CCCD = "001160012345"


@pytest.fixture
def people(patient: Write, clinic: Actor) -> list[str]:
    """Đức and Hoa, whose records a thief with two accounts has looked at."""
    ids = [patient("Nguyễn Văn Đức", by=clinic, cccd=CCCD), patient("Trần Thị Hoa", by=clinic)]
    thief = User.objects.create_user("thief@example.vn", name='=HYPERLINK("http://x")')
    look = Actor(f"user:{thief.pk}", thief.name, Role.CLINICIAN, facility=clinic.facility, address="203.0.113.7")
    record_access(actor=look, action="view", patients=ids, resource_type="Patient", reason="@/clinic/")
    return ids


def said(*options: str) -> tuple[list[dict[str, str]], str]:
    out, told = io.StringIO(), io.StringIO()
    call_command("who_saw", *options, stdout=out, stderr=told)
    return list(csv.DictReader(io.StringIO(out.getvalue()))), told.getvalue()


def test_what_an_account_has_seen(people: list[str], clinic: Actor) -> None:
    lines, told = said("--user=thief@example.vn")
    user = User.objects.get().pk
    assert [(line["patient"], line["patient_name"]) for line in lines] == [
        (people[0], "Nguyễn Văn Đức"),
        (people[1], "Trần Thị Hoa"),
    ]
    known = {name: lines[0][name] for name in ("actor", "role", "facility", "address", "action", "resource_type")}
    assert known == {
        "actor": f"user:{user}",
        "role": "clinician",
        "facility": clinic.facility,
        "address": "203.0.113.7",
        "action": "view",
        "resource_type": "Patient",
    }
    assert told.startswith("2 lines about 2 people by 1 actors, ")
    assert f"       2  user:{user} (=HYPERLINK" in told


def test_no_cell_is_a_formula(people: list[str]) -> None:
    lines, _told = said("--user=thief@example.vn")
    assert (lines[0]["actor_name"], lines[0]["reason"]) == ('\'=HYPERLINK("http://x")', "'@/clinic/")


def test_who_saw_one_person_by_id_or_by_a_number_typed(people: list[str], monkeypatch: Any) -> None:
    by_id = said(f"--citizen={people[0]}")[0]
    assert {line["patient"] for line in by_id} == {people[0]}
    assert "view" in {line["action"] for line in by_id}
    monkeypatch.setattr("builtins.input", lambda prompt: "001 160 012 345")
    by_number = said("--citizen=-")[0]
    assert [line["id"] for line in by_number][: len(by_id)] == [line["id"] for line in by_id]


def test_since_a_day_or_a_time(people: list[str]) -> None:
    tomorrow = timezone.localdate() + timedelta(days=1)
    assert said("--user=thief@example.vn", f"--since={tomorrow}") == ([], "No line of the access log is about this.\n")
    before = (timezone.localtime() - timedelta(minutes=5)).isoformat(timespec="minutes")[:16]
    assert len(said("--user=thief@example.vn", f"--since={before}")[0]) == 2


def test_it_leaves_a_line_that_the_person_reads(people: list[str]) -> None:
    before = AccessEntry.objects.latest("id").pk
    lines, _told = said(f"--citizen={people[0]}", "--user=client:none", "--since=2026-01-01")
    kept = AccessEntry.objects.filter(pk__gt=before).values_list(
        "actor", "action", "resource_type", "patient", "reason"
    )
    assert list(kept) == [("system:who_saw", "export", "AccessLog", people[0], "who_saw since 2026-01-01")]
    assert lines == []


def test_a_file_is_new_and_its_owners_alone(people: list[str], tmp_path: Path) -> None:
    path = tmp_path / "notice.csv"
    assert said("--user=thief@example.vn", f"--out={path}")[0] == []
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_bytes().startswith(b"\xef\xbb\xbfid,at,actor,")
    assert len(path.read_text().splitlines()) == 3
    with pytest.raises(CommandError, match="cannot be made"):
        said("--user=thief@example.vn", f"--out={path}")


@pytest.mark.parametrize(
    "options", [[], ["--user=nobody@example.vn"], ["--citizen=nobody"], ["--since=yesterday"], ["--since=2026-02-30"]]
)
def test_what_it_cannot_understand_is_told(options: list[str]) -> None:
    with pytest.raises(CommandError):
        said(*options)
    assert not AccessEntry.objects.exists()
