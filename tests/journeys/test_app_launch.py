"""Apps written with the usual libraries, fhirclient for Python and fhirclient.js, complete a launch."""

import json
import re
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.test import Client
from fhirclient.client import FHIRClient
from fhirclient.models.observation import Observation
from playwright.sync_api import expect
from pytest_django.live_server_helper import LiveServer

from healthhub.accounts.models import User
from healthhub.accounts.oauth.clients import add_client
from healthhub.accounts.oauth.models import Authorisation, Kind
from records.models import Membership
from tests.fhir.conftest import FhirClient, patient, weight
from tests.journeys.app_pages import app_site, begin_at
from tests.journeys.browser import PHONE, browsing, needs_browser

pytestmark = pytest.mark.django_db(transaction=True)

SCOPE = "openid fhirUser launch/patient patient/Patient.read patient/Observation.rs offline_access"


@pytest.fixture
def person(live_clinic: FhirClient) -> str:
    """Somebody whom the clinic has weighed."""
    found = str(live_clinic.post("/Patient", patient()).json()["id"])
    live_clinic.post("/Observation", weight(f"Patient/{found}"))
    return found


@pytest.fixture
def citizen(person: str) -> User:
    user = User.objects.create_user("duc@example.vn", name="Nguyễn Văn Đức")
    Membership.objects.create(user=user, role="citizen", patient_id=person)
    return user


@pytest.fixture
def clinician(live_clinic: FhirClient) -> User:
    user = User.objects.create_user("ha@example.vn", name="BS Hà")
    Membership.objects.create(user=user, role="clinician", facility_id=live_clinic.actor.facility)
    return user


def session_of(user: User) -> str:
    """The cookie of somebody who has signed in."""
    browser = Client()
    browser.force_login(user)
    return browser.cookies[settings.SESSION_COOKIE_NAME].value


def test_an_app_in_python_completes_a_launch(live_server: LiveServer, citizen: User, person: str) -> None:
    back = "https://app.example/back"
    add_client("python", name="Sổ", kind=Kind.CITIZEN, scopes=SCOPE.split(), redirects=[back], public=True)
    app = FHIRClient({"app_id": "python", "api_base": f"{live_server.url}/fhir", "redirect_uri": back, "scope": SCOPE})
    app.prepare()
    window = Client(HTTP_HOST=urlsplit(live_server.url).netloc)
    window.force_login(citizen)
    page = window.get(app.authorize_url)
    boxes = re.findall(r'name="keep"\s[^>]*?value="(\d+)"', page.content.decode())
    answer = window.post(app.authorize_url, {"answer": "allow", "keep": boxes})
    app.handle_callback(answer["Location"])
    assert app.patient_id == person
    assert app.patient.birthDate.isostring == "1965-03-02"
    (found,) = Observation.where({"patient": f"Patient/{person}"}).perform_resources(app.server)
    assert str(found.valueQuantity.value) == "61.5"
    first = app.server.auth.access_token
    app.reauthorize()
    assert app.server.auth.access_token != first
    assert Observation.where({}).perform_resources(app.server)


@pytest.mark.parametrize(
    "how",
    [
        pytest.param("by a citizen from the app", marks=needs_browser),
        pytest.param("by a clinician from the person's page", marks=needs_browser),
    ],
)
def test_an_app_in_a_browser_completes_a_launch(
    how: str, live_server: LiveServer, citizen: User, clinician: User, person: str, live_clinic: FhirClient
) -> None:
    by_citizen = "citizen" in how
    user, scope = (citizen, SCOPE) if by_citizen else (clinician, SCOPE.replace("launch/patient", "launch"))
    pages: dict[str, bytes] = {}
    with app_site("js", scope, pages=pages) as site:
        begin_at(pages, "js", scope, f"{live_server.url}/fhir")
        add_client(
            "js",
            name="Biểu đồ",
            kind=Kind.CITIZEN if by_citizen else Kind.CLINICIAN,
            facility=live_clinic.actor.facility or "",
            scopes=scope.split(),
            redirects=[f"{site}/index.html"],
            launch_url=f"{site}/launch.html",
            public=True,
        )
        session = session_of(user)
        with browsing(live_server.url) as street:
            window = street.window(PHONE)
            window.page.context.add_cookies(
                [{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": live_server.url}]
            )
            if by_citizen:
                window.page.goto(f"{site}/begin.html")
            else:
                window.open(f"/clinic/people/{person}/apps/")
                window.page.get_by_role("button", name="Biểu đồ").click()
            window.page.wait_for_url("**/oauth/authorize?*")
            assert window.faults() == []
            window.page.get_by_role("button", name="Cho phép").click()
            expect(window.page.locator("#told")).not_to_be_empty(timeout=20_000)
            told = json.loads(window.page.inner_text("#told"))
            complaints = window.complaints
    worker = f"Patient/{person}" if by_citizen else f"Practitioner/user-{user.pk}"
    assert told == {
        "patient": person,
        "born": "1965-03-02",
        "observations": 1,
        "user": worker,
        "changed": True,
    }
    assert [line for line in complaints if "favicon" not in line and "404" not in line] == []
    assert Authorisation.objects.get().patient == person
