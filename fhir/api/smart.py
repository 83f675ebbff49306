"""What apps may rely on (https://hl7.org/fhir/smart-app-launch/conformance.html); nobody needs to sign in for it."""

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse

CAPABILITIES = (
    "launch-ehr",
    "launch-standalone",
    "client-public",
    "client-confidential-symmetric",
    "client-confidential-asymmetric",
    "sso-openid-connect",
    "context-banner",
    "context-ehr-patient",
    "context-standalone-patient",
    "permission-offline",
    "permission-online",
    "permission-patient",
    "permission-user",
    "permission-v1",
    "permission-v2",
)


def endpoints(request: HttpRequest) -> dict[str, str]:
    """The addresses of sign-in, as the client addressed this server."""
    return {
        name: request.build_absolute_uri(f"/oauth/{name}") for name in ("authorize", "token", "revoke", "introspect")
    }


def configuration(request: HttpRequest) -> HttpResponse:
    """The document at ``.well-known/smart-configuration``."""
    known: dict[str, Any] = {
        "issuer": request.build_absolute_uri("/").rstrip("/"),
        "management_endpoint": request.build_absolute_uri("/apps/"),
        "jwks_uri": request.build_absolute_uri("/oauth/keys"),
        **{
            f"{name}_endpoint": endpoints(request)[place]
            for name, place in (
                ("authorization", "authorize"),
                ("token", "token"),
                ("revocation", "revoke"),
                ("introspection", "introspect"),
            )
        },
        "grant_types_supported": ["authorization_code", "client_credentials", "refresh_token"],
        "response_types_supported": ["code"],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": ["RS384", "ES384"],
        "scopes_supported": [
            *("openid", "fhirUser", "launch", "launch/patient", "offline_access", "online_access"),
            *("patient/*.cruds", "user/*.cruds", "system/*.cruds"),
        ],
        "capabilities": list(CAPABILITIES),
    }
    return JsonResponse(known)
