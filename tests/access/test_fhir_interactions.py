"""Every interaction of the FHIR API, every role, every relation to the person: allowed as stated here, else refused.

A role that never gets a token is tried all the same: the answer is the rule's and not the door's.
"""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client

from fhir import store
from fhir.models import Resource
from healthhub.accounts.actors import Actor, Role
from records.access import RecordPolicy
from records.models import Consent
from tests.records.conftest import Write, glucose

pytestmark = pytest.mark.django_db

CARED = {"wrote", "presented", "consented", "deceased"}
KINDS = (*sorted(CARED), "withdrawn", "other", "own", "emergency")
_CARE = (Role.CLINICIAN, Role.LABORATORY, Role.CLIENT)
#: Whose results a role reads, and whose name.
READS: dict[Role, set[str]] = {
    **dict.fromkeys(_CARE, CARED),
    Role.CLINICIAN: CARED | {"emergency"},
    Role.CITIZEN: {"own"},
    Role.GUARDIAN: {"own"},
}
NAMES = {**READS, Role.REGISTRAR: CARED}
#: About whom a role writes results, and whose it changes: what its own facility wrote.
WRITES: dict[Role, set[str]] = dict.fromkeys(_CARE, CARED)
CHANGES: dict[Role, set[str]] = {role: {"wrote", "deceased"} for role in _CARE}
ROLES = sorted(set(Role) - {Role.SYSTEM})


@pytest.fixture
def people(patient: Write, write: Write, clinic: Actor, stranger: Actor) -> dict[str, str]:
    """Ids of people, by what connects them with the first facility or with the actor; each has a result like hers."""
    found = {}
    for kind in KINDS:
        by = clinic if kind in ("wrote", "deceased") else stranger
        found[kind] = patient(f"Nguyễn Thị {kind}", by=by, gender="female", deceasedBoolean=kind == "deceased")
        result = glucose(found[kind], valueString=f"leak-{kind}")
        store.save({"resourceType": "Observation", "id": f"of-{kind}", **result}, actor=by)
    RecordPolicy().record_presented(frozenset({found["presented"]}), actor=clinic)
    now = datetime.now(UTC)
    for kind, over in (("consented", None), ("withdrawn", now)):
        Consent.objects.create(patient_id=found[kind], facility_id=clinic.facility, granted_at=now, withdrawn_at=over)
    return found


class Api:
    """The API as one actor meets it."""

    def __init__(self, role: Role, clinic: Actor, people: dict[str, str], patch: pytest.MonkeyPatch) -> None:
        opened = ((people["emergency"], "unconscious"),) if role is Role.CLINICIAN else ()
        actor = Actor("user:1", "Ai đó", role, facility=clinic.facility, patient=people["own"], emergencies=opened)
        patch.setattr(RecordPolicy, "authenticate", lambda _self, _request: actor)
        self.http = Client()

    def send(self, method: str, path: str, body: Any = "") -> Any:
        """The answer to a request."""
        return self.http.generic(
            method, f"/fhir/{path}", json.dumps(body) if body else "", content_type="application/fhir+json"
        )

    def ids(self, method: str, path: str, form: str = "") -> set[str]:
        """What a search finds."""
        kind = "application/x-www-form-urlencoded"
        answer = self.http.generic(method, f"/fhir/{path}", form, content_type=kind)
        assert answer.status_code == 200, answer.content
        return {entry["resource"]["id"] for entry in answer.json().get("entry", ())}


@pytest.fixture(params=ROLES)
def role(request: pytest.FixtureRequest) -> Role:
    return Role(request.param)


@pytest.fixture
def api(role: Role, clinic: Actor, people: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Api:
    return Api(role, clinic, people, monkeypatch)


@pytest.mark.parametrize("path", ["Observation/of-{kind}", "Observation/of-{kind}/_history/1", "Patient/{person}"])
def test_a_read_answers_as_if_there_were_nothing_but_for_whom_it_is_allowed(
    path: str, role: Role, api: Api, people: dict[str, str]
) -> None:
    allowed = (NAMES if path.startswith("Patient") else READS).get(role, set())
    for kind in KINDS:
        answer = api.send("GET", path.format(kind=kind, person=people[kind]))
        nothing = api.send("GET", path.format(kind="none", person="none"))
        if kind in allowed:
            assert answer.status_code == 200
        else:
            assert answer.status_code == nothing.status_code == 404
            hidden, missing = (
                one.content.decode().replace(people[kind], "none").replace(f"of-{kind}", "of-none")
                for one in (answer, nothing)
            )
            assert hidden == missing


def test_a_history_is_that_of_a_readable_thing(role: Role, api: Api) -> None:
    seen = {kind for kind in KINDS if api.send("GET", f"Observation/of-{kind}/_history").status_code == 200}
    assert seen == READS.get(role, set())


def test_searches_and_counts_find_only_what_may_be_read(role: Role, api: Api, people: dict[str, str]) -> None:
    named = {"of-" + kind: kind for kind in KINDS}
    allowed = READS.get(role, set())
    listed = allowed - {"emergency"}
    whole = {named[one] for one in api.ids("GET", "Observation?_count=100")}
    posted = {named[one] for one in api.ids("POST", "Observation/_search", "code=http://loinc.org|2345-7&_count=100")}
    # Somebody opened in an emergency is read; whether a list without her name holds her, the rule for reading says.
    assert listed <= whole == posted <= allowed
    total = api.send("GET", "Observation?_summary=count&_total=accurate").json()["total"]
    assert total == len(whole)
    for kind in KINDS:
        of_her = api.ids("GET", f"Observation?patient={people[kind]}")
        assert of_her == ({f"of-{kind}"} if kind in allowed else set())
        by_id = api.ids("GET", f"Observation?_id=of-{kind}")
        assert by_id == ({f"of-{kind}"} if kind in allowed else set())
    names = {kind for kind in KINDS if api.ids("GET", f"Patient?_id={people[kind]}")}
    assert names - {"emergency"} == NAMES.get(role, set()) - {"emergency"}


def test_writing_changing_and_deleting(role: Role, api: Api, people: dict[str, str]) -> None:
    def stored() -> list[tuple[str, int, bool]]:
        return sorted(Resource.objects.filter(type="Observation").values_list("id", "version", "deleted"))

    written, changed, gone = set(), set(), set()
    for kind in KINDS:
        before = stored()
        result = {"resourceType": "Observation", **glucose(people[kind], valueString="mới")}
        if api.send("POST", "Observation", result).status_code == 201:
            written.add(kind)
        else:
            assert stored() == before
    for kind in KINDS:
        before = stored()
        result = {"resourceType": "Observation", "id": f"of-{kind}", **glucose(people[kind], valueString="khác")}
        if api.send("PUT", f"Observation/of-{kind}", result).status_code == 200:
            changed.add(kind)
        else:
            assert stored() == before
    for kind in KINDS:
        before = stored()
        if api.send("DELETE", f"Observation/of-{kind}").status_code in (200, 204):
            gone.add(kind)
        else:
            assert stored() == before
    assert (written, changed, gone) == tuple(table.get(role, set()) for table in (WRITES, CHANGES, CHANGES))


@pytest.mark.parametrize("kind", ["batch", "transaction"])
def test_an_entry_of_a_bundle_is_allowed_what_a_request_would_be(
    kind: str, role: Role, api: Api, people: dict[str, str]
) -> None:
    allowed = set()
    for whose in KINDS:
        result = {"resourceType": "Observation", **glucose(people[whose])}
        entry = {"resource": result, "request": {"method": "POST", "url": "Observation"}}
        answer = api.send("POST", "", {"resourceType": "Bundle", "type": kind, "entry": [entry]})
        before = Resource.objects.filter(type="Observation", patient=people[whose]).count()
        if answer.status_code == 200 and answer.json()["entry"][0]["response"]["status"].startswith("201"):
            allowed.add(whose)
        else:
            assert before == 1
    assert allowed == WRITES.get(role, set())


def test_moving_a_result_to_another_person_needs_both(clinic: Actor, people: dict[str, str], monkeypatch: Any) -> None:
    api = Api(Role.CLINICIAN, clinic, people, monkeypatch)
    stolen = {"resourceType": "Observation", "id": "of-other", **glucose(people["wrote"])}
    given = {"resourceType": "Observation", "id": "of-wrote", **glucose(people["other"])}
    assert api.send("PUT", "Observation/of-other", stolen).status_code == 403
    assert api.send("PUT", "Observation/of-wrote", given).status_code == 403
    assert {one.patient for one in Resource.objects.filter(id__in=("of-other", "of-wrote"))} == {
        people["other"],
        people["wrote"],
    }


def test_each_interaction_that_the_api_offers_is_tried_here(people: dict[str, str]) -> None:
    """A new one comes with a line in this file."""
    said = Client().get("/fhir/metadata").json()["rest"][0]
    offered = {one["code"] for resource in said["resource"] for one in resource["interaction"]}
    assert offered == {"read", "vread", "update", "delete", "history-instance", "create", "search-type"}
    assert {one["code"] for one in said["interaction"]} == {"transaction", "batch"}
    operations = {one["name"] for resource in said["resource"] for one in resource.get("operation", ())}
    assert operations | {one["name"] for one in said.get("operation", ())} == set()
