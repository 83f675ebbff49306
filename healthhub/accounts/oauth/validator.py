"""The token endpoint's rules, where they are narrower than django-oauth-toolkit's."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.utils import timezone
from django.utils.module_loading import import_string
from oauth2_provider.models import Application, RefreshToken
from oauth2_provider.oauth2_validators import OAuth2Validator
from oauthlib.oauth2.rfc6749 import errors

from healthhub.accounts.demo import is_refused_demo_client
from healthhub.accounts.oauth.assertions import JWT_BEARER, claimed_client, is_proven
from healthhub.accounts.oauth.clients import end_authorisations
from healthhub.accounts.oauth.models import Authorisation, Client, Kind
from healthhub.accounts.oauth.scopes import BadScope, is_data, normalised, parse
from healthhub.accounts.oauth.tokens import checksum

#: Scopes that are about no resource, and what kinds of clients may have them.
CONTEXT_SCOPES = frozenset(
    ["openid", "fhirUser", "profile", "launch", "launch/patient", "launch/encounter", "offline_access", "online_access"]
)
LEVELS = {Kind.SERVICE: {"system"}, Kind.CLINICIAN: {"patient", "user"}, Kind.CITIZEN: {"patient", "user"}}


def origin(headers: Any) -> str:
    """The address of this server as the client called it, from the headers that the toolkit hands on."""
    scheme = "https" if headers.get("X_DJANGO_OAUTH_TOOLKIT_SECURE") else "http"
    return f"{scheme}://{headers.get('HTTP_HOST') or headers.get('SERVER_NAME', '')}"


def granted(client: Client, asked: list[str]) -> list[str]:
    """Of the scopes asked for, those that this client may have; in version 2's form."""
    policy = import_string(settings.FHIR_ACCESS_POLICY)()
    registered = set(client.scopes.split())
    held = [parse(one) for one in registered if is_data(one)]
    found: list[str] = []
    for text in asked:
        if not is_data(text):
            found += [text] if client.kind != Kind.SERVICE and text in CONTEXT_SCOPES & registered else []
            continue
        try:
            scope = parse(text)
        except BadScope:
            continue
        known = scope.level in LEVELS[Kind(client.kind)] and policy.knows_scope(scope)
        if known and any(one.level == scope.level and one.covers(scope) for one in held):
            found.append(text)
    return normalised(found)


class TokenValidator(OAuth2Validator):
    """django-oauth-toolkit's rules, less what a client was not registered for, plus what a person has let it do."""

    # what id tokens tell, by the scope that asks for it
    oidc_claim_scope = {"sub": "openid", "fhirUser": "fhirUser", "profile": "profile"}

    def _load_application(self, client_id: str, request: Any) -> Any:
        application = super()._load_application(client_id, request)
        if application is None or is_refused_demo_client(client_id):
            request.client = None
            return None
        client = Client.objects.filter(application=application, revoked_at=None).first()
        if client is None:
            request.client = None
            return None
        application.client = client
        return application

    def client_authentication_required(self, request: Any, *args: Any, **kwargs: Any) -> bool:
        """Whether the client has to prove itself here."""
        if _sent(request, "client_assertion"):
            return True
        if request.grant_type == "refresh_token" and not request.client_id:
            request.client_id = _public_owner(request.refresh_token or "")
        return bool(super().client_authentication_required(request, *args, **kwargs))

    def authenticate_client(self, request: Any, *args: Any, **kwargs: Any) -> bool:
        """By key, by secret, or during a change of secrets by the former one."""
        if _sent(request, "client_assertion") or _sent(request, "client_assertion_type"):
            return self._by_key(request)
        ways = (self._authenticate_basic_auth, self._authenticate_request_body)
        return any(self._by_secret(request, way) for way in ways)

    def _by_secret(self, request: Any, way: Callable[[Any], bool]) -> bool:
        proven = bool(way(request))
        application = request.client
        if application is None:
            return False
        client = application.client
        if client.jwks or client.jwks_url:
            return False  # whoever has a key does not come with a secret
        if proven or not client.former_secret or client.former_secret_until <= timezone.now():
            return proven
        application.client_secret = client.former_secret  # this request's own copy of the row, saved by nobody
        return bool(way(request))

    def _by_key(self, request: Any) -> bool:
        assertion = _sent(request, "client_assertion")
        name = claimed_client(assertion)
        if _sent(request, "client_assertion_type") != JWT_BEARER or (request.client_id and request.client_id != name):
            return False
        application = self._load_application(name, request) if name else None
        if application is None or not (application.client.jwks or application.client.jwks_url):
            return False
        request.client_id = name
        audiences = {f"{base}/oauth/token" for base in (origin(request.headers), settings.PUBLIC_URL)}
        return is_proven(assertion, client=application.client, audiences=audiences)

    def validate_grant_type(
        self, client_id: str, grant_type: str, client: Any, request: Any, *args: Any, **kwargs: Any
    ) -> bool:
        """Whether the client may use this grant."""
        return not is_refused_demo_client(client_id) and bool(
            super().validate_grant_type(client_id, grant_type, client, request, *args, **kwargs)
        )

    def get_default_scopes(self, client_id: str, request: Any, *args: Any, **kwargs: Any) -> list[str]:
        """All that a service was registered for; an app has to say what it wants."""
        client = request.client.client
        return client.scopes.split() if client.kind == Kind.SERVICE else []

    def validate_scopes(
        self, client_id: str, scopes: list[str], client: Any, request: Any, *args: Any, **kwargs: Any
    ) -> bool:
        """Leave out what the client may not have, as SMART lets a server do; False if nothing is left."""
        scopes[:] = granted(client.client, scopes)
        return bool(scopes)

    def validate_code(self, client_id: str, code: str, client: Any, request: Any, *args: Any, **kwargs: Any) -> bool:
        """Whether the code is fresh. One that comes a second time was stolen: what the first gave is taken back."""
        found = Authorisation.objects.filter(code=checksum(code), application=client).first()
        if found and found.token:
            end_authorisations([found.pk])
            return False
        if not super().validate_code(client_id, code, client, request, *args, **kwargs):
            return False
        request.authorisation = found if found and _alive(found) else None
        return request.authorisation is not None

    def validate_refresh_token(self, refresh_token: str, client: Any, request: Any, *args: Any, **kwargs: Any) -> bool:
        """Whether the token is the newest of its line, and what the person let the app do still stands."""
        if not super().validate_refresh_token(refresh_token, client, request, *args, **kwargs):
            return False
        found = Authorisation.objects.filter(family=request.refresh_token_instance.token_family).first()
        request.authorisation = found if found and _alive(found) else None
        return request.authorisation is not None

    def _save_bearer_token(self, token: Any, request: Any, *args: Any, **kwargs: Any) -> None:
        authorisation: Authorisation | None = getattr(request, "authorisation", None)
        if request.grant_type == "client_credentials":
            super()._save_bearer_token(token, request, *args, **kwargs)
            return
        if authorisation is None:
            raise errors.InvalidGrantError(request=request)
        if not {"offline_access", "online_access"} & set(token["scope"].split()):
            token.pop("refresh_token", None)
        super()._save_bearer_token(token, request, *args, **kwargs)
        authorisation.token = checksum(token["access_token"])
        if refresh := token.get("refresh_token"):
            authorisation.family = RefreshToken.objects.get(token_checksum=checksum(refresh), revoked=None).token_family
        authorisation.save(update_fields=["token", "family"])
        token |= launch_context(authorisation)

    def revoke_token(self, token: str, token_type_hint: str, request: Any, *args: Any, **kwargs: Any) -> None:
        """Revoke a token of the client's, and with it all of the same authorisation."""
        digest, own = checksum(token), {"application": request.client}
        families = RefreshToken.objects.filter(token_checksum=digest, **own).values("token_family")
        lines = Authorisation.objects.filter(family__in=families, **own) | Authorisation.objects.filter(
            token=digest, **own
        )
        ids = list(lines.values_list("pk", flat=True))
        super().revoke_token(token, token_type_hint, request, *args, **kwargs)
        end_authorisations(ids)

    def get_oidc_issuer_endpoint(self, request: Any) -> str:
        """The address of this server."""
        return origin(request.headers)

    def get_additional_claims(self, request: Any) -> dict[str, Any]:
        """``fhirUser``, and the same as ``profile`` for apps of SMART 1."""
        authorisation: Authorisation | None = getattr(request, "authorisation", None)
        if authorisation is None or not authorisation.fhir_user:
            return {}
        address = f"{origin(request.headers)}/fhir/{authorisation.fhir_user}"
        return {"fhirUser": address, "profile": address}


def launch_context(authorisation: Authorisation) -> dict[str, Any]:
    """What an app learns with its token about whom it was opened for."""
    found: dict[str, Any] = {}
    if authorisation.patient:
        found["patient"] = authorisation.patient
        found["need_patient_banner"] = True
    if authorisation.encounter:
        found["encounter"] = authorisation.encounter
    return found


def _public_owner(refresh_token: str) -> str | None:
    """The public app that a refresh token was given to: RFC 6749 does not make it say its name (fhirclient.js)."""
    owners = RefreshToken.objects.filter(
        token_checksum=checksum(refresh_token), application__client_type=Application.CLIENT_PUBLIC
    )
    return owners.values_list("application__client_id", flat=True).first()


def _sent(request: Any, name: str) -> str:
    """A parameter that oauthlib does not know by itself."""
    return str(getattr(request, name, None) or "")


def _alive(authorisation: Authorisation) -> bool:
    return (
        authorisation.ended_at is None and authorisation.until > timezone.now() and bool(authorisation.user.is_active)
    )
