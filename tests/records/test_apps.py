"""Apps that act for a person: what she is asked, what they get, and how it ends (SMART App Launch)."""

import base64
import hashlib
import json
import re
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import time_machine
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone
from jwcrypto.jwk import JWKSet
from jwcrypto.jwt import JWT
from oauth2_provider.models import AccessToken, Application, RefreshToken

from healthhub.accounts.models import User
from healthhub.accounts.oauth.clients import add_client, revoke_client
from healthhub.accounts.oauth.models import Authorisation, Kind
from healthhub.accounts.oauth.models import Client as Registered
from records.models import Membership
from records.tokens import forget_tokens
from tests.fhir.conftest import FhirClient, make_clinic, patient, weight

pytestmark = pytest.mark.django_db

VERIFIER = "v" * 64
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
BACK = "https://app.example/back"
SCOPES = [
    *("openid", "fhirUser", "launch", "launch/patient", "offline_access", "online_access"),
    *("patient/*.cruds", "user/*.rs"),
]


@dataclass
class App:
    """An app, and the window of the person who opens it."""

    client_id: str
    window: Client

    def address(self, scope: str, **more: str) -> str:
        asked = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": BACK,
            "scope": scope,
            "state": "state-of-the-app",
            "aud": "http://testserver/fhir",
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
        } | more
        return "/oauth/authorize?" + urlencode({name: value for name, value in asked.items() if value})

    def answer(self, scope: str, *, without: tuple[str, ...] = (), **more: str) -> dict[str, str]:
        """Let it have what it asks for, all but the words ``without``; what its address is given."""
        address = self.address(scope, **{k: v for k, v in more.items() if k not in ("person", "answer")})
        sent: dict[str, Any] = {"answer": more.get("answer", "allow")}
        if "person" in more:
            sent["person"] = more["person"]
        page = self.window.post(address, {"person": more["person"]}) if "person" in more else self.window.get(address)
        if page.status_code == 302:
            return given(page)
        boxes = dict(re.findall(r'for="keep-(\d+)">([^<]+)<', page.content.decode()))
        sent["keep"] = [number for number, words in boxes.items() if not any(word in words for word in without)]
        return given(self.window.post(address, sent))

    def swap(self, code: str, **more: str) -> HttpResponse:
        sent = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": BACK,
            "client_id": self.client_id,
            "code_verifier": VERIFIER,
        }
        return Client().post("/oauth/token", sent | more)

    def refresh(self, token: str) -> HttpResponse:
        sent = {"grant_type": "refresh_token", "refresh_token": token, "client_id": self.client_id}
        return Client().post("/oauth/token", sent)

    def token(self, scope: str, **more: Any) -> dict[str, Any]:
        got = self.swap(self.answer(scope, **more)["code"])
        assert got.status_code == 200, got.content
        return dict(got.json())


def given(answer: Any) -> dict[str, str]:
    """What an app is told in its address."""
    assert answer.status_code == 302, answer.content
    assert answer["Location"].startswith(BACK + "?"), answer["Location"]
    found = {name: values[0] for name, values in parse_qs(urlsplit(answer["Location"]).query).items()}
    assert found.pop("state") == "state-of-the-app"
    return found


def fhir(token: str, path: str) -> Any:
    return Client().get(f"/fhir/{path}", headers={"Authorization": f"Bearer {token}"})


def found(answer: Any) -> set[str]:
    assert answer.status_code == 200, answer.content
    return {entry["resource"]["id"] for entry in answer.json().get("entry", [])}


@pytest.fixture
def clinic(db: None) -> FhirClient:
    """A clinic with software of its own."""
    return make_clinic("clinic", "Trạm y tế Dịch Vọng", "01901")


@pytest.fixture
def other_clinic(db: None) -> FhirClient:
    """A clinic that has nothing to do with the first one."""
    return make_clinic("other", "Trạm y tế Mỹ Đình", "01902")


@pytest.fixture
def people(clinic: FhirClient) -> list[str]:
    """Two people whom the clinic cares for, each with a weight."""
    ids = []
    for number in ("001065012345", "001065012346"):
        identifier = [{"system": "http://fhir.hl7.org.vn/core/sid/cccd", "value": number}]
        ids.append(clinic.post("/Patient", patient(identifier=identifier)).json()["id"])
        assert clinic.post("/Observation", weight(f"Patient/{ids[-1]}")).status_code == 201
    return ids


@pytest.fixture
def citizen(people: list[str]) -> App:
    user = User.objects.create_user("hoa@example.vn", name="Hoa")
    Membership.objects.create(user=user, role="citizen", patient_id=people[0])
    add_client("my-app", name="Sổ sức khỏe", kind=Kind.CITIZEN, scopes=SCOPES, redirects=[BACK], public=True)
    window = Client()
    window.force_login(user)
    return App("my-app", window)


@pytest.fixture
def clinician(people: list[str], clinic: FhirClient) -> App:
    user = User.objects.create_user("ha@example.vn", name="BS Hà")
    Membership.objects.create(user=user, role="clinician", facility_id=clinic.actor.facility)
    add_client(
        "growth",
        name="Biểu đồ",
        kind=Kind.CLINICIAN,
        scopes=SCOPES,
        facility=clinic.actor.facility or "",
        redirects=[BACK],
        public=True,
        launch_url="https://app.example/launch",
    )
    window = Client()
    window.force_login(user)
    return App("growth", window)


def test_a_citizen_reads_in_plain_words_what_the_app_wants(citizen: App) -> None:
    asked = "openid launch/patient patient/Observation.rs?category=laboratory patient/Patient.read offline_access"
    page = citizen.window.get(citizen.address(asked))
    words = page.content.decode()
    assert page.status_code == 200
    for line in (
        "Cho phép Sổ sức khỏe?",
        "Xem: kết quả xét nghiệm và chỉ số sức khỏe (chỉ kết quả xét nghiệm)",
        "Xem: họ tên, ngày sinh, giới tính, số giấy tờ và địa chỉ",
        "Tiếp tục được vào trong 90 ngày",
        "Về hồ sơ của chính bạn.",
        "hết hạn sau 90 ngày",
        "app.example",
    ):
        assert line in words
    assert "form-action 'self' https://app.example" in page["Content-Security-Policy"]


def test_the_app_gets_what_was_left_ticked_and_no_more(citizen: App, people: list[str]) -> None:
    got = citizen.token("launch/patient patient/Observation.rs patient/Patient.rs", without=("họ tên",))
    assert (got["scope"], got["patient"]) == ("launch/patient patient/Observation.rs", people[0])
    assert "refresh_token" not in got
    assert len(found(fhir(got["access_token"], "Observation"))) == 1
    refused = fhir(got["access_token"], f"Patient/{people[0]}")
    assert refused.status_code == 403
    assert refused["WWW-Authenticate"].endswith('scope="patient/Patient.r"')
    assert fhir(got["access_token"], f"Observation?patient=Patient/{people[1]}").json().get("entry", []) == []


def test_who_says_no_or_unticks_everything_gives_nothing(citizen: App) -> None:
    assert citizen.answer("patient/Patient.rs", answer="deny")["error"] == "access_denied"
    assert citizen.answer("launch/patient patient/Patient.rs", without=("họ tên",))["error"] == "access_denied"
    assert Authorisation.objects.count() == 0


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"code_challenge": ""}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"aud": "https://elsewhere.example/fhir"}, "invalid_request"),
        ({"aud": ""}, "invalid_request"),
        ({"scope": "system/*.rs"}, "invalid_scope"),
        ({"launch": "made-up"}, "invalid_request"),
        ({"response_type": "token"}, "unauthorized_client"),
    ],
)
def test_a_request_that_is_not_right_is_told_to_the_app(citizen: App, change: dict[str, str], error: str) -> None:
    scope = change.pop("scope", "patient/Patient.rs")
    answer = citizen.window.get(citizen.address(scope, **change))
    location = answer["Location"].replace("#", "?")
    assert parse_qs(urlsplit(location).query)["error"] in ([error], ["unsupported_response_type"], ["invalid_request"])
    assert location.startswith(BACK)


def test_nothing_is_sent_to_an_address_that_was_not_registered(citizen: App) -> None:
    for change in ({"redirect_uri": "https://evil.example/back"}, {"client_id": "nobody"}):
        answer = citizen.window.get(citizen.address("patient/Patient.rs", **change))
        assert answer.status_code == 400
        assert "evil" not in answer.headers.get("Location", "")


def test_a_code_works_once_with_its_verifier_and_a_second_time_ends_everything(citizen: App) -> None:
    code = citizen.answer("patient/Patient.rs offline_access")["code"]
    assert citizen.swap(code, code_verifier="w" * 64).status_code == 400
    assert citizen.swap(code, redirect_uri="https://app.example/other").status_code == 400
    got = citizen.swap(code).json()
    assert fhir(got["access_token"], f"Patient/{got['patient']}").status_code == 200
    assert citizen.swap(code).status_code == 400
    forget_tokens()
    assert fhir(got["access_token"], f"Patient/{got['patient']}").status_code == 401
    assert citizen.refresh(got["refresh_token"]).status_code == 400


def test_refresh_tokens_change_and_an_old_one_ends_the_line(citizen: App) -> None:
    first = citizen.token("launch/patient patient/Patient.rs offline_access")
    second = citizen.refresh(first["refresh_token"]).json()
    assert (second["patient"], second["scope"]) == (first["patient"], first["scope"])
    assert fhir(first["access_token"], "Patient").status_code == 401
    assert fhir(second["access_token"], "Patient").status_code == 200
    assert citizen.refresh(first["refresh_token"]).status_code == 400
    forget_tokens()
    assert fhir(second["access_token"], "Patient").status_code == 401
    assert citizen.refresh(second["refresh_token"]).status_code == 400


def test_a_public_app_need_not_say_its_name_to_refresh_and_one_with_a_secret_must_prove_itself(citizen: App) -> None:
    got = citizen.token("patient/Patient.rs offline_access")
    sent = {"grant_type": "refresh_token", "refresh_token": got["refresh_token"]}
    again = Client().post("/oauth/token", sent)
    assert again.status_code == 200
    Application.objects.filter(client_id="my-app").update(client_type="confidential")
    assert Client().post("/oauth/token", sent | {"refresh_token": again.json()["refresh_token"]}).status_code == 401


def test_an_app_that_was_not_registered_for_it_does_not_stay(citizen: App) -> None:
    Registered.objects.update(scopes="patient/Patient.rs")
    got = citizen.token("patient/Patient.rs offline_access openid")
    assert (got["scope"], "refresh_token" in got, "id_token" in got) == ("patient/Patient.rs", False, False)


def test_online_access_ends_with_the_working_day(citizen: App) -> None:
    with time_machine.travel(timezone.now(), tick=False) as clock:
        got = citizen.token("patient/Patient.rs online_access")
        clock.shift(timedelta(hours=7))
        again = citizen.refresh(got["refresh_token"])
        assert again.status_code == 200
        clock.shift(timedelta(hours=2))
        assert citizen.refresh(again.json()["refresh_token"]).status_code == 400


def test_the_app_learns_who_it_is_in_a_signed_way(citizen: App, people: list[str]) -> None:
    got = citizen.token("openid fhirUser patient/Patient.rs", nonce="once")
    keys = JWKSet.from_json(Client().get("/oauth/keys").content.decode())
    claims = json.loads(JWT(jwt=got["id_token"], key=keys, algs=["RS256"]).claims)
    assert claims["fhirUser"] == f"http://testserver/fhir/Patient/{people[0]}"
    assert (claims["iss"], claims["aud"], claims["nonce"]) == ("http://testserver", "my-app", "once")
    assert claims["exp"] > time.time()


def test_no_token_of_a_person_is_kept_as_it_is(citizen: App) -> None:
    citizen.token("patient/Patient.rs offline_access")
    assert [one.token for model in (AccessToken, RefreshToken) for one in model.objects.filter(user__isnull=False)] == [
        "",
        "",
    ]


def test_a_citizen_takes_back_what_she_let_an_app_do(citizen: App) -> None:
    got = citizen.token("patient/Patient.rs offline_access")
    page = citizen.window.get("/apps/").content.decode()
    assert "Sổ sức khỏe" in page
    (number,) = re.findall(r'name="authorisation" value="(\d+)"', page)
    stranger = User.objects.create_user("other@example.vn")
    Membership.objects.create(user=stranger, role="citizen", patient_id="somebody")
    elsewhere = Client()
    elsewhere.force_login(stranger)
    elsewhere.post("/apps/", {"authorisation": number})
    assert fhir(got["access_token"], "Patient").status_code == 200
    citizen.window.post("/apps/", {"authorisation": number})
    forget_tokens()
    assert fhir(got["access_token"], "Patient").status_code == 401
    assert citizen.refresh(got["refresh_token"]).status_code == 400
    assert "Sổ sức khỏe" not in citizen.window.get("/apps/").content.decode()


@pytest.mark.parametrize("how", ["account", "membership", "client"])
def test_who_is_shut_out_takes_her_apps_along(citizen: App, how: str) -> None:
    got = citizen.token("patient/Patient.rs offline_access")
    if how == "account":
        User.objects.update(is_active=False)
    elif how == "membership":
        Membership.objects.filter(role="citizen").update(active=False)
    else:
        revoke_client("my-app")
    assert fhir(got["access_token"], "Patient").status_code == 401
    if how != "membership":
        assert citizen.refresh(got["refresh_token"]).status_code in (400, 401)


def test_a_clinician_opens_an_app_from_the_persons_page(clinician: App, people: list[str]) -> None:
    page = clinician.window.get(f"/clinic/people/{people[1]}/apps/").content.decode()
    (address,) = re.findall(r'action="(/clinic/people/[^"]+)"', page)
    opened = urlsplit(clinician.window.post(address)["Location"])
    assert f"{opened.scheme}://{opened.netloc}{opened.path}" == "https://app.example/launch"
    told = parse_qs(opened.query)
    assert told["iss"] == ["http://testserver/fhir"]
    (word,) = told["launch"]
    assert people[1] not in word
    scope = "launch fhirUser openid patient/Observation.rs"
    got = clinician.token(scope, launch=word)
    assert got["patient"] == people[1]
    (entry,) = fhir(got["access_token"], "Observation").json()["entry"]
    assert entry["resource"]["subject"]["reference"] == f"Patient/{people[1]}"
    assert clinician.answer(scope, launch=word)["error"] == "invalid_request"  # once only


def test_a_launch_is_for_who_opened_it_and_for_minutes(clinician: App, people: list[str], clinic: FhirClient) -> None:
    page = clinician.window.get(f"/clinic/people/{people[1]}/apps/").content.decode()
    (address,) = re.findall(r'action="(/clinic/people/[^"]+)"', page)
    (word,) = parse_qs(urlsplit(clinician.window.post(address)["Location"]).query)["launch"]
    colleague = User.objects.create_user("colleague@example.vn")
    Membership.objects.create(user=colleague, role="clinician", facility_id=clinic.actor.facility)
    window = Client()
    window.force_login(colleague)
    assert App("growth", window).answer("launch patient/Patient.rs", launch=word)["error"] == "invalid_request"
    assert clinician.answer("launch patient/Patient.rs", launch=word)["code"]


def test_a_clinician_who_starts_from_the_app_chooses_the_person(clinician: App, people: list[str]) -> None:
    scope = "launch/patient patient/Patient.rs"
    page = clinician.window.get(clinician.address(scope)).content.decode()
    assert "Mở Biểu đồ cho ai?" in page
    looked = clinician.window.post(clinician.address(scope), {"find": "Nguyễn Văn Đức"}).content.decode()
    assert set(re.findall(r'name="person" value="([^"]+)"', looked)) == set(people)
    got = clinician.token(scope, person=people[0])
    assert got["patient"] == people[0]
    assert found(fhir(got["access_token"], "Patient")) == {people[0]}


def test_nobody_is_chosen_whom_the_clinician_may_not_see(clinician: App, other_clinic: FhirClient) -> None:
    identifier = [{"system": "http://fhir.hl7.org.vn/core/sid/cccd", "value": "001065012399"}]
    stranger = other_clinic.post("/Patient", patient(identifier=identifier)).json()["id"]
    page = clinician.window.post(
        clinician.address("launch/patient patient/Patient.rs"), {"person": stranger, "answer": "allow"}
    )
    assert "Mở Biểu đồ cho ai?" in page.content.decode()
    assert Authorisation.objects.count() == 0
    assert clinician.window.get(f"/clinic/people/{stranger}/apps/").status_code == 403


def test_an_app_for_clinicians_opens_for_its_facility_and_a_citizens_for_citizens(
    clinician: App, citizen: App, other_clinic: FhirClient
) -> None:
    scope = "user/Patient.rs"
    assert App("growth", citizen.window).window.get(clinician.address(scope)).status_code == 403
    assert clinician.window.get(citizen.address(scope)).status_code == 403
    foreign = User.objects.create_user("foreign@example.vn")
    Membership.objects.create(user=foreign, role="clinician", facility_id=other_clinic.actor.facility)
    window = Client()
    window.force_login(foreign)
    assert window.get(clinician.address(scope)).status_code == 403


def test_scopes_of_a_user_show_what_the_user_may_see(clinician: App, people: list[str]) -> None:
    got = clinician.token("user/Patient.rs")
    assert "patient" not in got
    assert found(fhir(got["access_token"], "Patient")) == set(people)


def test_a_browser_of_another_site_may_read_answers_but_not_pages() -> None:
    there = {"Origin": "https://app.example"}
    asked = there | {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization"}
    before = Client().options("/fhir/Patient", headers=asked)
    assert (before.status_code, before["Access-Control-Allow-Origin"]) == (204, "*")
    assert "Authorization" in before["Access-Control-Allow-Headers"]
    after = Client().get("/fhir/Patient", headers=there)
    assert (after.status_code, after["Access-Control-Allow-Origin"]) == (401, "*")
    assert "Access-Control-Allow-Credentials" not in after
    assert "Access-Control-Allow-Origin" not in Client().get("/", headers=there)
    assert "Access-Control-Allow-Origin" not in Client().get("/oauth/authorize", headers=there)


def test_the_practitioner_of_a_clinician_is_in_the_directory(clinician: App, people: list[str]) -> None:
    got = clinician.token("openid fhirUser user/Practitioner.rs")
    claims = json.loads(base64.urlsafe_b64decode(got["id_token"].split(".")[1] + "=="))
    read = fhir(got["access_token"], claims["fhirUser"].removeprefix("http://testserver/fhir/"))
    assert read.json()["name"] == [{"text": "BS Hà"}]
