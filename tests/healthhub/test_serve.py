"""What `make demo` starts, and whether the parts fit each other."""

import json
import re
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command

from fhir import store
from healthhub import serve
from healthhub.accounts.actors import SYSTEM
from healthhub.embedded import postgres

ROOT = Path(__file__).resolve().parents[2]
RESERVED = 3 + 10  # PostgreSQL's for superusers; beat, the refreshes of a test run, somebody's manage.py


def argument(command: list[str], name: str) -> int:
    return int(command[command.index(name) + 1])


def test_a_crowd_of_readers_cannot_use_up_the_database_connections(tmp_path: Path) -> None:
    programs = {program.name: list(program.command) for program in serve._programs("127.0.0.1", 8000, tmp_path)}
    web = argument(programs["web"], "--workers") * argument(programs["web"], "--blocking-threads")
    tasks = argument(programs["worker"], "--concurrency")
    assert web + tasks + RESERVED <= int(postgres.OPTIONS["max_connections"])


@pytest.mark.parametrize("port", ["abc", "0", "65536", "-1"])
def test_a_port_that_is_none_is_refused_in_a_sentence(
    port: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PORT", port)
    assert serve.main() == 1
    assert capsys.readouterr().err == f"PORT must be a number from 1 to 65535, not {port}.\n"


def test_the_image_limits_its_web_server_as_the_demo_does(tmp_path: Path) -> None:
    image = json.loads(re.findall(r"^CMD (\[.*\])$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)[-1])
    (demo,) = [list(one.command) for one in serve._programs("127.0.0.1", 8000, tmp_path) if one.name == "web"]
    for name in ("--workers", "--blocking-threads"):
        assert argument(image, name) == argument(demo, name)


@pytest.mark.django_db
def test_the_city_is_built_where_only_protocols_are_and_nowhere_else() -> None:
    assert serve._wants_city()
    call_command("protocol", "publish", stdout=StringIO())
    assert serve._wants_city()
    store.save({"resourceType": "Organization", "name": "Trạm y tế"}, actor=SYSTEM)
    assert not serve._wants_city()
