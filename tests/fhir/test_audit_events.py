"""The access log as AuditEvent: for auditors all of it, for citizens what is about them, for nobody else."""

from datetime import UTC, timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone
from oauth2_provider.models import AccessToken, Application

from fhir.validation import validate
from healthhub.accounts.actors import Actor, Role
from healthhub.audit.log import record_access
from healthhub.audit.models import AccessEntry
from tests.fhir.conftest import FhirClient
from tests.records.apps.app import App, fhir
from tests.records.apps.conftest import citizen, clinician, people  # noqa: F401 - fixtures

pytestmark = pytest.mark.django_db
DOCTOR = Actor("user:7", "BS Mai", Role.CLINICIAN, facility="f1", client="viewer", address="203.0.113.7")


@pytest.fixture
def auditor() -> FhirClient:
    """Software that watches the log, registered as its operator does."""
    call_command("client", "add", "watch", "--name=Giám sát", "--kind=service", "--auditor", "--scope=system/*.rs")
    AccessToken.objects.create(
        application=Application.objects.get(client_id="watch"),
        token="token-of-watch",
        expires=timezone.now() + timedelta(hours=1),
        scope="system/*.rs",
    )
    return FhirClient(Client(), "token-of-watch", Actor("client:watch", "watch", Role.AUDITOR))


def look(patient: str | None = "p1", action: str = "read", **more: Any) -> str:
    record_access(actor=DOCTOR, action=action, patients=[patient], **more)
    return str(AccessEntry.objects.latest("id").pk)


def ids(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [entry["resource"]["id"] for entry in answer.json().get("entry", [])]


def test_a_line_says_who_what_whose_why_and_from_where(auditor: FhirClient) -> None:
    line = look(resource_type="Observation", resource_id="o1", reason="/clinic/people/p1/")
    event = auditor.get(f"/AuditEvent/{line}").json()
    at = AccessEntry.objects.get(pk=line).at.astimezone(UTC).isoformat(timespec="milliseconds")
    own = "https://healthhub.example/fhir"
    coding = "http://terminology.hl7.org/CodeSystem"
    source = {"system": f"{coding}/security-source-type", "code": "4"}
    assert event == {
        "resourceType": "AuditEvent",
        "id": line,
        "type": {"system": f"{coding}/audit-event-type", "code": "rest", "display": "RESTful Operation"},
        "subtype": [
            {"system": "http://hl7.org/fhir/restful-interaction", "code": "read"},
            {"system": f"{own}/CodeSystem/access", "code": "read"},
        ],
        "action": "R",
        "recorded": at,
        "outcome": "0",
        "agent": [
            {
                "role": [{"coding": [{"system": f"{own}/CodeSystem/role", "code": "clinician"}]}],
                "who": {"identifier": {"system": f"{own}/sid/actor", "value": "user:7"}, "display": "BS Mai"},
                "requestor": True,
                "network": {"address": "203.0.113.7", "type": "2"},
            },
            {"who": {"identifier": {"system": f"{own}/sid/actor", "value": "client:viewer"}}, "requestor": False},
            {"who": {"reference": "Organization/f1"}, "requestor": False},
        ],
        "source": {"observer": {"display": "HealthHub"}, "type": [source]},
        "entity": [
            {
                "what": {"reference": "Patient/p1"},
                "type": {"system": f"{coding}/audit-entity-type", "code": "1"},
                "role": {"system": f"{coding}/object-role", "code": "1"},
            },
            {
                "what": {"reference": "Observation/o1"},
                "detail": [{"type": "reason", "valueString": "/clinic/people/p1/"}],
                "role": {"system": f"{coding}/object-role", "code": "4"},
            },
        ],
    }


@pytest.mark.parametrize(
    "line",
    [
        {"action": "read", "resource_type": "Patient", "resource_id": "p1"},
        {"action": "sign-in", "resource_type": "User", "resource_id": "12", "reason": "password+mfa", "patient": None},
        {"action": "sign-in-refused", "patient": None},
        {"action": "refused", "reason": "/clinic/people/p1/"},
        {"action": "search", "resource_type": "Observation"},
        {"action": "confirm", "resource_type": "Episode", "resource_id": "a b", "patient": "not an id"},
    ],
)
def test_every_kind_of_line_is_valid_fhir(line: dict[str, Any], auditor: FhirClient) -> None:
    event = auditor.get(f"/AuditEvent/{look(**line)}").json()
    assert [issue for issue in validate(event) if issue.severity in ("error", "fatal")] == []
    assert event["outcome"] == ("4" if line["action"].endswith("refused") else "0")


def test_reading_the_log_leaves_one_line(auditor: FhirClient) -> None:
    line = look()
    last = AccessEntry.objects.latest("id").pk
    auditor.get(f"/AuditEvent/{line}")
    auditor.get("/AuditEvent?patient=p1")
    auditor.get("/AuditEvent?_count=0")
    auditor.get("/AuditEvent/999999999")
    kept = AccessEntry.objects.filter(pk__gt=last).order_by("id")
    assert list(kept.values_list("actor", "action", "resource_type", "resource_id", "patient")) == [
        ("client:watch", "read", "AuditEvent", line, "p1"),
        ("client:watch", "search", "AuditEvent", "", "p1"),
        ("client:watch", "search", "AuditEvent", "", None),
        ("client:watch", "refused", "AuditEvent", "999999999", None),
    ]


SEARCHES = [
    ("patient=p2", "view"),
    ("patient=Patient/p2", "view"),
    ("entity=Patient/p2", "view"),
    ("entity=Observation/o1", "read"),
    ("agent:identifier=user:9", "sign-in"),
    ("agent=Organization/f9", "sign-in"),
    ("address=198.51.100.9", "sign-in"),
    ("outcome=4", "refused"),
    ("type=rest", "read"),
    ("type=http://dicom.nema.org/resources/ontology/DCM|110114", "sign-in"),
    ("subtype=view", "view"),
    ("subtype=confirm", "confirm"),
    ("subtype=http://hl7.org/fhir/restful-interaction|read", "read"),
    ("action=E&outcome=0&type=110110", "confirm"),
    ("_id={read}", "read"),
    ("date=lt2020-01-01", ""),
    ("date=ge2020-01-01&patient=p2", "view"),
    ("action=U", ""),
]


@pytest.mark.parametrize(("search", "found"), SEARCHES)
def test_the_log_is_searched(search: str, found: str, auditor: FhirClient) -> None:
    lines = {
        "read": look(resource_type="Observation", resource_id="o1"),
        "view": look("p2", "view"),
        "refused": look(None, "refused"),
        "confirm": look(None, "confirm"),
    }
    other = Actor("user:9", "An", Role.OFFICER, facility="f9", address="198.51.100.9")
    record_access(actor=other, action="sign-in", patients=[None])
    lines["sign-in"] = str(AccessEntry.objects.latest("id").pk)
    names = {id_: name for name, id_ in lines.items()}
    answer = auditor.get("/AuditEvent?" + search.format(**lines))
    assert [names[id_] for id_ in ids(answer) if id_ in names] == ([found] if found else [])


def test_pages_go_on_behind_the_last_line_newest_first(auditor: FhirClient) -> None:
    looked = [look() for _ in range(5)]
    page = auditor.get("/AuditEvent?patient=p1&subtype=read&_count=2&_total=accurate")
    found, total = ids(page), page.json()["total"]
    for _number in range(2):
        (following,) = [link["url"] for link in page.json()["link"] if link["relation"] == "next"]
        page = auditor.get(following.removeprefix("http://testserver/fhir"))
        found += ids(page)
    assert (found, total) == (looked[::-1], 5)
    assert [link["relation"] for link in page.json()["link"]] == ["self"]


@pytest.mark.parametrize(
    "search", ["site=1", "agent-name=Mai", "patient:missing=true", "subtype:not=read", "_sort=date"]
)
def test_what_the_log_cannot_be_searched_by_is_told(search: str, auditor: FhirClient) -> None:
    assert auditor.get(f"/AuditEvent?{search}").status_code == 400


@pytest.mark.parametrize("scope", ["launch/patient patient/AuditEvent.rs", "user/AuditEvent.rs"])
def test_a_citizen_reads_through_her_app_what_is_about_her_only(
    scope: str,
    citizen: App,  # noqa: F811
    people: list[str],  # noqa: F811
) -> None:
    mine, others = look(people[0]), look(people[1])
    token = citizen.token(scope)["access_token"]
    found = ids(fhir(token, "AuditEvent?_count=1000"))
    assert mine in found
    assert {AccessEntry.objects.get(pk=one).patient for one in found} == {people[0]}
    assert fhir(token, f"AuditEvent/{mine}").status_code == 200
    assert fhir(token, f"AuditEvent/{others}").status_code == 404
    assert ids(fhir(token, f"AuditEvent?patient={people[1]}")) == []
    assert fhir(token, "Observation").status_code == 403


def test_a_citizen_is_not_told_where_others_sat(citizen: App, people: list[str]) -> None:  # noqa: F811
    line = look(people[0])
    token = citizen.token("launch/patient patient/AuditEvent.rs")["access_token"]
    assert "network" not in fhir(token, f"AuditEvent/{line}").json()["agent"][0]
    assert ids(fhir(token, "AuditEvent?address=203.0.113.7")) == []
    own = ids(fhir(token, "AuditEvent?subtype=search&address=127.0.0.1"))
    assert fhir(token, f"AuditEvent/{own[0]}").json()["agent"][0]["network"]["address"] == "127.0.0.1"


def test_an_app_without_the_scope_is_refused(citizen: App, people: list[str]) -> None:  # noqa: F811
    line = look(people[0])
    token = citizen.token("launch/patient patient/Observation.rs")["access_token"]
    answers = [fhir(token, "AuditEvent"), fhir(token, f"AuditEvent/{line}")]
    assert [answer.status_code for answer in answers] == [403, 403]


def test_clinics_and_clinicians_read_nothing_of_the_log(
    clinic: FhirClient,
    clinician: App,  # noqa: F811
    people: list[str],  # noqa: F811
) -> None:
    line = look(people[0])
    token = clinician.token("launch/patient patient/*.rs", person=people[0])["access_token"]
    answers = [
        *(clinic.get(path) for path in ("/AuditEvent", f"/AuditEvent/{line}", f"/AuditEvent?patient={people[0]}")),
        *(fhir(token, path) for path in ("AuditEvent", f"AuditEvent/{line}")),
    ]
    assert [answer.status_code for answer in answers] == [403] * 5


def test_nobody_writes_the_log(auditor: FhirClient, clinic: FhirClient) -> None:
    event = auditor.get(f"/AuditEvent/{look()}").json()
    for who in (auditor, clinic):
        assert who.post("/AuditEvent", event).status_code == 405
        assert who.put(f"/AuditEvent/{event['id']}", event).status_code == 405
        assert who.delete(f"/AuditEvent/{event['id']}").status_code == 405
        entry = {"resource": event, "request": {"method": "POST", "url": "AuditEvent"}}
        sent = {"resourceType": "Bundle", "type": "transaction", "entry": [entry]}
        assert who.post("", sent).status_code == 400


def test_a_bundle_reads_it_too(auditor: FhirClient, clinic: FhirClient) -> None:
    line = look()
    urls = [f"AuditEvent/{line}", "AuditEvent?patient=p1", f"AuditEvent/{line}/_history"]
    entries = [{"request": {"method": "GET", "url": url}} for url in urls]
    sent = {"resourceType": "Bundle", "type": "batch", "entry": entries}
    told = [[entry["response"]["status"] for entry in who.post("", sent).json()["entry"]] for who in (auditor, clinic)]
    assert told == [["200", "200", "404"], ["403", "403", "404"]]


def test_the_capability_statement_says_what_there_is(clinic: FhirClient) -> None:
    resources = clinic.get("/metadata").json()["rest"][0]["resource"]
    (said,) = [one for one in resources if one["type"] == "AuditEvent"]
    assert [one["code"] for one in said["interaction"]] == ["read", "search-type"]
    assert {"patient", "date", "agent", "entity", "action", "type", "outcome"} <= {
        one["name"] for one in said["searchParam"]
    }


def test_a_page_costs_two_statements(auditor: FhirClient, django_assert_num_queries: Any) -> None:
    for _number in range(20):
        look()
    auditor.get("/AuditEvent")
    with django_assert_num_queries(2):
        assert len(ids(auditor.get("/AuditEvent?patient=p1"))) == 20
