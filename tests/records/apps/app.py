"""An app as its maker would write it: what it asks for in its address, and what it gets for a code."""

import base64
import hashlib
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from django.http import HttpResponse
from django.test import Client

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
