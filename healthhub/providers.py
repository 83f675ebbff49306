"""Settings of the identity provider at which citizens sign in."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

ID = "citizen"
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def openid_connect(issuer: str, env: Mapping[str, str]) -> dict[str, Any]:
    """allauth's settings of the one provider; without an issuer there is none.

    Raises ImproperlyConfigured for an issuer without TLS: the ID token is trusted because of it.
    """
    if not issuer:
        return {"APPS": []}
    parts = urlsplit(issuer)
    if parts.scheme != "https" and parts.hostname not in _LOOPBACK:
        raise ImproperlyConfigured("HEALTHHUB_OIDC_ISSUER must begin with https://")
    app = {
        "provider_id": ID,
        "name": env.get("HEALTHHUB_OIDC_NAME", "VNeID"),
        "client_id": env.get("HEALTHHUB_OIDC_CLIENT_ID", ""),
        "secret": env.get("HEALTHHUB_OIDC_CLIENT_SECRET", ""),
        "settings": {"server_url": issuer},
    }
    scope = env.get("HEALTHHUB_OIDC_SCOPE", "openid profile").split()
    return {"OAUTH_PKCE_ENABLED": True, "SCOPE": scope, "APPS": [app]}


def origins(issuer: str) -> list[str]:
    """Where our sign-in form leads to, for the content policy."""
    parts = urlsplit(issuer)
    return [f"{parts.scheme}://{parts.netloc}"] if issuer else []
