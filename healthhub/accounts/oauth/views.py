"""The addresses that software talks to: tokens, their revocation and what they are for, and our public keys."""

import json
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_POST, require_safe
from oauth2_provider.models import AccessToken
from oauth2_provider.oauth2_backends import get_oauthlib_core
from oauth2_provider.settings import oauth2_settings
from oauth2_provider.utils import jwk_from_pem
from oauthlib.common import Request

from healthhub.accounts.oauth.limits import WINDOW, is_too_often, note_failure
from healthhub.accounts.oauth.models import Authorisation
from healthhub.accounts.oauth.tokens import checksum, find_token
from healthhub.accounts.oauth.validator import launch_context

_SECRETS = ("client_secret", "client_assertion", "code", "code_verifier", "refresh_token", "token")


@csrf_exempt
@require_POST
@sensitive_post_parameters(*_SECRETS)
@sensitive_variables()
def token(request: HttpRequest) -> HttpResponse:
    """Give a token (RFC 6749)."""
    if is_too_often(request):
        return _too_often()
    _, headers, body, status = get_oauthlib_core().create_token_response(request)
    if status == 401:
        note_failure(request)
    return _answer(body, status, headers)


@csrf_exempt
@require_POST
@sensitive_post_parameters(*_SECRETS)
def revoke(request: HttpRequest) -> HttpResponse:
    """Take a token back (RFC 7009)."""
    if is_too_often(request):
        return _too_often()
    _, headers, body, status = get_oauthlib_core().create_revocation_response(request)
    if status == 401:
        note_failure(request)
    return _answer(body or "", status, headers)


@csrf_exempt
@require_POST
@sensitive_post_parameters(*_SECRETS)
def introspect(request: HttpRequest) -> HttpResponse:
    """Tell a client that has proved itself what a token of its own is for (RFC 7662, with SMART's members)."""
    if is_too_often(request):
        return _too_often()
    core = get_oauthlib_core()
    uri, method, body, headers = core._extract_params(request)
    call = Request(uri, method, body, headers)
    proven = core.server.request_validator.authenticate_client(call)
    asking: Any = call.client
    if not proven or asking.client_type != "confidential":
        note_failure(request)
        return _answer(json.dumps({"error": "invalid_client"}), 401, {"WWW-Authenticate": 'Basic realm="HealthHub"'})
    return _answer(json.dumps(_told(request, asking.client_id)), 200, {})


def _told(request: HttpRequest, client_id: str) -> dict[str, object]:
    digest = checksum(request.POST.get("token", ""))
    found = find_token(digest)
    if found is None or found.client_id != client_id:
        return {"active": False}
    answer: dict[str, object] = {
        "active": True,
        "client_id": found.client_id,
        "scope": AccessToken.objects.get(token_checksum=digest).scope,
        "token_type": "Bearer",
        "exp": int(found.expires),
        "iss": request.build_absolute_uri("/").rstrip("/"),
    }
    authorisation = Authorisation.objects.filter(token=digest).first()
    if authorisation:
        answer |= launch_context(authorisation) | {"sub": str(authorisation.user_id)}
        if authorisation.fhir_user:
            answer["fhirUser"] = request.build_absolute_uri(f"/fhir/{authorisation.fhir_user}")
    return answer


@require_safe
def keys(request: HttpRequest) -> HttpResponse:
    """The keys that id tokens are signed with."""
    found = []
    for pem in (oauth2_settings.OIDC_RSA_PRIVATE_KEY, *oauth2_settings.OIDC_RSA_PRIVATE_KEYS_INACTIVE):
        key = jwk_from_pem(pem)
        found.append(json.loads(key.export_public()) | {"alg": "RS256", "use": "sig", "kid": key.thumbprint()})
    return JsonResponse({"keys": found}, headers={"Cache-Control": "public, max-age=3600"})


def _answer(body: str, status: int, headers: dict[str, str]) -> HttpResponse:
    answer = HttpResponse(body, status=status, headers=headers | {"Content-Type": "application/json"})
    answer["Cache-Control"] = "no-store"
    answer["Pragma"] = "no-cache"
    return answer


def _too_often() -> HttpResponse:
    body = json.dumps({"error": "temporarily_unavailable", "error_description": "Too many requests. Try again later."})
    return _answer(body, 429, {"Retry-After": str(WINDOW)})
