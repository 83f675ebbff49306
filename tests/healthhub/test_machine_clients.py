"""Software that signs in by itself: secrets, keys, what its tokens are for, and shutting it out."""

import base64
import json
import time
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from jwcrypto.jwk import JWK
from jwcrypto.jwt import JWT
from oauth2_provider.models import AccessToken, Application

from fhir import store
from healthhub.accounts.oauth import limits
from healthhub.accounts.oauth.assertions import JWT_BEARER, fetch_keys
from healthhub.accounts.oauth.clients import add_client, revoke_client, rotate_secret
from healthhub.accounts.oauth.models import Client as Registered
from healthhub.accounts.oauth.models import Kind
from healthhub.accounts.oauth.tokens import checksum
from records.models import Membership
from records.tokens import forget_tokens
from tests.fhir.conftest import TESTER

pytestmark = pytest.mark.django_db

SCOPES = ["system/Patient.rs", "system/Organization.cruds"]
NAME = "his"


@pytest.fixture
def facility() -> str:
    system = "http://fhir.hl7.org.vn/core/sid/ma-cskcb"
    return store.save(
        {"resourceType": "Organization", "name": "Trạm", "identifier": [{"system": system, "value": "01901"}]},
        actor=TESTER,
    ).id


@pytest.fixture
def secret(facility: str) -> str:
    """The secret of a facility's software."""
    given = add_client(NAME, name="HIS", kind=Kind.SERVICE, scopes=SCOPES, facility=facility)
    Membership.objects.create(client_id=NAME, role="client", facility_id=facility)
    return given


Sign = Callable[..., str]


@pytest.fixture(params=["RS384", "ES384"])
def sign(request: pytest.FixtureRequest, facility: str) -> Sign:
    """Software that signs in by a key: makes its assertions."""
    kind: dict[str, Any] = {"kty": "RSA", "size": 2048} if request.param == "RS384" else {"kty": "EC", "crv": "P-384"}
    own = JWK.generate(kid="one", **kind)
    keys = {"keys": [json.loads(own.export_public())]}
    add_client(NAME, name="HIS", kind=Kind.SERVICE, scopes=SCOPES, facility=facility, jwks=keys)
    Membership.objects.create(client_id=NAME, role="client", facility_id=facility)

    def make(*, key: JWK = own, algorithm: str = request.param, **more: Any) -> str:
        claims = {
            "iss": NAME,
            "sub": NAME,
            "aud": "http://testserver/oauth/token",
            "exp": int(time.time()) + 240,
            "jti": uuid4().hex,
        }
        token = JWT(header={"alg": algorithm, "kid": "one", "typ": "JWT"}, claims=claims | more)
        token.make_signed_token(key)
        return str(token.serialize())

    return make


def basic(secret: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{NAME}:{secret}".encode()).decode()}


def ask(secret: str, **more: str) -> HttpResponse:
    return Client().post("/oauth/token", {"grant_type": "client_credentials", **more}, headers=basic(secret))


def ask_by_key(assertion: str, **more: str) -> HttpResponse:
    sent = {"grant_type": "client_credentials", "client_assertion_type": JWT_BEARER, "client_assertion": assertion}
    return Client().post("/oauth/token", sent | more)


def token_of(answer: HttpResponse) -> str:
    assert answer.status_code == 200, answer.content
    return str(json.loads(answer.content)["access_token"])


def search(token: str, type_: str = "Patient") -> int:
    return Client().get(f"/fhir/{type_}", headers={"Authorization": f"Bearer {token}"}).status_code


def test_a_token_is_for_what_was_registered_or_for_less(secret: str) -> None:
    everything, less = ask(secret).json(), ask(secret, scope="system/Organization.read system/Observation.rs").json()
    assert everything["scope"].split() == SCOPES
    assert less["scope"] == "system/Organization.rs"
    assert "refresh_token" not in everything
    assert [search(less["access_token"], type_) for type_ in ("Organization", "Patient")] == [200, 403]


@pytest.mark.parametrize(
    "scope",
    [
        "system/Observation.rs",
        "system/*.rs",
        "system/Patient.cruds",
        "user/Patient.rs",
        "patient/Patient.rs",
        "offline_access",
        "system/Patient.rs?nonsense=1",
        "nonsense",
    ],
)
def test_a_token_for_nothing_that_was_registered_is_not_given(secret: str, scope: str) -> None:
    answer = ask(secret, scope=scope)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_scope")


def test_no_token_is_kept_as_it_is(secret: str) -> None:
    token = token_of(ask(secret))
    kept = AccessToken.objects.get()
    assert (kept.token, kept.token_checksum) == ("", checksum(token))
    assert Application.objects.get().client_secret != secret


def test_two_secrets_work_while_they_are_changed(secret: str) -> None:
    with time_machine.travel(timezone.now(), tick=False) as clock:
        new = rotate_secret(NAME, window=timedelta(hours=1))
        assert [ask(one).status_code for one in (secret, new, "another")] == [200, 200, 401]
        clock.shift(timedelta(hours=1, seconds=1))
        assert [ask(one).status_code for one in (secret, new)] == [401, 200]


def test_a_revoked_client_gets_nothing_and_its_tokens_open_nothing(secret: str) -> None:
    token = token_of(ask(secret))
    assert search(token) == 200
    revoke_client(NAME)
    forget_tokens()
    assert search(token) == 401
    assert ask(secret).status_code == 401


def test_a_revoked_client_is_out_within_five_seconds_and_meanwhile_costs_no_query(secret: str) -> None:
    token = token_of(ask(secret))
    assert search(token) == 200
    with CaptureQueriesContext(connection) as queries:
        search(token)
    assert [one["sql"] for one in queries if "oauth" in one["sql"] or "membership" in one["sql"]] == []
    revoke_client(NAME)
    began = time.monotonic()
    while search(token) != 401:
        assert time.monotonic() - began < 5
        time.sleep(0.1)


def test_a_membership_that_ends_takes_the_software_out(secret: str) -> None:
    token = token_of(ask(secret))
    Membership.objects.filter(client_id=NAME).update(active=False)
    assert search(token) == 401


def test_last_use_is_noted(secret: str) -> None:
    assert Registered.objects.get().last_used_at is None
    search(token_of(ask(secret)))
    used = Registered.objects.get().last_used_at
    assert used
    assert timezone.now() - used < timedelta(seconds=30)


def test_software_learns_what_its_own_token_is_for(secret: str) -> None:
    token = token_of(ask(secret, scope="system/Patient.rs"))
    told = Client().post("/oauth/introspect", {"token": token}, headers=basic(secret)).json()
    assert {**told, "exp": 0} == {
        "active": True,
        "client_id": NAME,
        "scope": "system/Patient.rs",
        "token_type": "Bearer",
        "iss": "http://testserver",
        "exp": 0,
    }
    assert Client().post("/oauth/introspect", {"token": "no"}, headers=basic(secret)).json() == {"active": False}
    assert Client().post("/oauth/introspect", {"token": token}).status_code == 401
    other = add_client("other", name="Other", kind=Kind.SERVICE, scopes=SCOPES)
    sent = {"token": token, "client_id": "other", "client_secret": other}
    assert Client().post("/oauth/introspect", sent).json() == {"active": False}


def test_software_takes_its_own_token_back(secret: str) -> None:
    token = token_of(ask(secret))
    other = add_client("other", name="Other", kind=Kind.SERVICE, scopes=SCOPES)
    sent = {"token": token, "client_id": "other", "client_secret": other}
    assert Client().post("/oauth/revoke", sent).status_code == 200
    assert search(token) == 200
    assert Client().post("/oauth/revoke", {"token": token}, headers=basic("wrong")).status_code == 401
    assert Client().post("/oauth/revoke", {"token": token}, headers=basic(secret)).status_code == 200
    forget_tokens()
    assert search(token) == 401


def test_guessing_secrets_is_stopped_for_who_guesses(secret: str) -> None:
    assert {ask("guess").status_code for _ in range(limits.FAILURES)} == {401}
    stopped = ask(secret)
    assert (stopped.status_code, stopped["Retry-After"]) == (429, "300")
    elsewhere = Client(REMOTE_ADDR="10.0.0.9")
    sent = {"grant_type": "client_credentials"}
    assert elsewhere.post("/oauth/token", sent, headers=basic(secret)).status_code == 200


def test_a_key_signs_in_once_for_each_assertion(sign: Sign) -> None:
    assertion = sign()
    assert search(token_of(ask_by_key(assertion, scope="system/Patient.rs"))) == 200
    assert ask_by_key(assertion).status_code == 401
    assert ask_by_key(sign()).status_code == 200


def test_an_assertion_that_is_not_right_is_refused(sign: Sign) -> None:
    now = int(time.time())
    wrong = [
        sign(aud="https://elsewhere.example/oauth/token"),
        sign(iss="other"),
        sign(sub="other"),
        sign(exp=now - 60),
        sign(exp=now + 3600),
        sign(exp="soon"),
        sign(jti=""),
        sign(jti=7),
        sign(key=JWK.generate(kty="RSA", size=2048, kid="one"), algorithm="RS384"),
        sign(key=JWK.generate(kty="EC", crv="P-256", kid="one"), algorithm="ES256"),
        sign(key=JWK.generate(kty="oct", size=256, kid="one"), algorithm="HS256"),
        sign()[:-6] + "AAAAAA",
        "nonsense",
        "a.b.c",
    ]
    assert [ask_by_key(one).status_code for one in wrong] == [401] * len(wrong)
    assert ask_by_key(sign(), client_assertion_type="urn:other").status_code == 401


def test_who_has_a_key_does_not_come_with_a_secret(sign: Sign) -> None:
    Application.objects.filter(client_id=NAME).update(client_secret="plain")
    assert ask("plain").status_code == 401


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/keys",
        "https://127.0.0.1/keys",
        "https://localhost/keys",
        "https://[::1]/keys",
        "https://169.254.169.254/latest/meta-data",
        "https://10.0.0.1/keys",
        "file:///etc/passwd",
    ],
)
def test_keys_are_fetched_from_public_addresses_over_https_only(url: str) -> None:
    with pytest.raises(ValueError, match="cannot be had"):
        fetch_keys(url)


def test_apps_find_out_where_to_sign_in() -> None:
    found = Client().get("/fhir/.well-known/smart-configuration").json()
    assert found["token_endpoint"] == "http://testserver/oauth/token"
    assert found["token_endpoint_auth_signing_alg_values_supported"] == ["RS384", "ES384"]
    (rest,) = Client().get("/fhir/metadata").json()["rest"]
    (uris,) = rest["security"]["extension"]
    assert {"url": "token", "valueUri": found["token_endpoint"]} in uris["extension"]


def command(*words: str) -> str:
    out = StringIO()
    call_command("client", *words, stdout=out)
    return out.getvalue()


def test_the_command_registers_changes_lists_and_revokes(facility: str) -> None:
    told = command("add", NAME, "--name", "HIS", "--kind", "service", "--facility", "01901", "--scope", SCOPES[0])
    secret = told.rpartition(": ")[2].strip()
    assert search(token_of(ask(secret))) == 200
    new = command("rotate", NAME, "--hours", "0").rpartition(": ")[2].strip()
    assert [ask(one).status_code for one in (secret, new)] == [401, 200]
    line = command("list").strip().split("\t")
    assert [line[0], line[1], line[2], line[4]] == [NAME, "service", "open", "Trạm"]
    command("revoke", NAME)
    assert ask(new).status_code == 401
    assert command("list").split("\t")[2] == "revoked"


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["rotate", "nobody"], "no client nobody"),
        (["add", "a", "--name", "A", "--kind", "service", "--scope", "system/*.rs"], "Name the facility"),
        (["add", "a", "--name", "A", "--kind", "citizen", "--scope", "patient/*.rs"], "--redirect"),
        (
            ["add", "a", "--name", "A", "--kind", "citizen", "--scope", "patient/*.sr", "--redirect", "https://a.vn/"],
            "in this order",
        ),
        (
            ["add", "a", "--name", "A", "--kind", "citizen", "--scope", "patient/No.rs", "--redirect", "https://a.vn/"],
            "knows no such scope",
        ),
        (
            ["add", "a", "--name", "A", "--kind", "citizen", "--scope", "everything", "--redirect", "https://a.vn/"],
            "knows no such scope",
        ),
        (
            ["add", "a", "--name", "A", "--kind", "citizen", "--scope", "patient/*.rs", "--redirect", "http://a.vn/"],
            "https",
        ),
    ],
)
def test_the_command_says_what_is_wrong(words: list[str], problem: str) -> None:
    with pytest.raises(CommandError, match=problem):
        command(*words)
