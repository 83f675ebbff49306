"""The examples of docs/fhir, followed from the first page to the last, answer what the pages say."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from django.conf import settings as project
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from fhir import store
from healthhub.accounts.actors import SYSTEM, Role
from healthhub.accounts.demo import DEMO_CLIENT_ID, DEMO_CLIENT_SECRET
from healthhub.accounts.oauth.clients import add_client
from healthhub.accounts.oauth.models import Kind
from records.models import Membership
from screening.planning import publish
from screening.protocol import protocols

DOCS = Path(__file__).resolve().parents[2] / "docs/fhir"
BLOCK = re.compile(r"```(sh|http)\n(.*?)```", re.DOTALL)

pytestmark = pytest.mark.skipif(
    shutil.which("curl") is None or shutil.which("bash") is None, reason="needs curl and bash"
)


@pytest.fixture
def demo_clinic(live_server: LiveServer, settings: Settings) -> None:
    """The demo's clinic and its software, as load_demo makes them."""
    settings.DEMO = True
    code = {"system": project.FHIR_SYSTEMS["facility"], "value": "01901"}
    clinic = {"resourceType": "Organization", "id": "demo-01901", "identifier": [code], "name": "Trung tâm Y tế"}
    store.save(clinic, actor=SYSTEM)
    add_client(
        DEMO_CLIENT_ID, name="Trung tâm Y tế", kind=Kind.SERVICE, scopes=["system/*.cruds"], secret=DEMO_CLIENT_SECRET
    )
    Membership.objects.create(client_id=DEMO_CLIENT_ID, role=Role.CLIENT.value, facility_id="demo-01901")
    publish(protocols())


def test_each_example_answers_what_its_page_says(live_server: LiveServer, demo_clinic: None, tmp_path: Path) -> None:
    pages = re.findall(r"^\d+\. \[.+?\]\((\w+\.md)\)", (DOCS / "README.md").read_text(), re.MULTILINE)
    assert sorted(pages) == sorted(page.name for page in DOCS.glob("*.md") if page.name != "README.md")
    script, expected = ["set -eu"], []
    for page in pages:
        for kind, text in BLOCK.findall((DOCS / page).read_text()):
            if kind == "sh":
                script.append(f"echo; echo '@@ {page}'\n{text}")
            else:
                expected.append((page, text.split()[1]))
    session = "\n".join(script).replace("http://localhost:8000", live_server.url).replace("/tmp/", f"{tmp_path}/")
    run = subprocess.run(["bash", "-c", session], capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 0, run.stderr
    answered = [
        (block.split("\n", 1)[0], found[1])
        for block in run.stdout.split("@@ ")[1:]
        if (found := re.search(r"^HTTP/1.1 (\d+)", block, re.MULTILINE))
    ]
    assert answered == expected, run.stdout
