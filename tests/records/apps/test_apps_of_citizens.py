"""Apps that act for a person: what she is asked, what they get, and how it ends (SMART App Launch)."""

import json
import re
import time
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine
from django.test import Client
from django.utils import timezone
from jwcrypto.jwk import JWKSet
from jwcrypto.jwt import JWT
from oauth2_provider.models import AccessToken, Application, RefreshToken

from healthhub.accounts.models import User
from healthhub.accounts.oauth.clients import revoke_client
from healthhub.accounts.oauth.models import Authorisation
from healthhub.accounts.oauth.models import Client as Registered
from records.models import Membership
from records.tokens import forget_tokens
from tests.records.apps.app import BACK, App, fhir, found

pytestmark = pytest.mark.django_db


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
