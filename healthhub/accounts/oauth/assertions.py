"""Clients that sign in by a key instead of a secret (``private_key_jwt``).

https://hl7.org/fhir/smart-app-launch/client-confidential-asymmetric.html
"""

import json
import logging
import time
from typing import Any

from django.core.cache import cache
from jwcrypto.common import JWException
from jwcrypto.jwk import JWKSet
from jwcrypto.jwt import JWT
from oauth2_provider.cimd import CIMDError, SafeMetadataFetcher

from healthhub.accounts.oauth.models import Client
from healthhub.accounts.oauth.tokens import checksum

JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ALGORITHMS = ["RS384", "ES384"]
LONGEST = 300  # seconds that an assertion may live
_SKEW = 30
_KEYS_KEPT = 600
_LONGEST_TEXT = 8_000

logger = logging.getLogger(__name__)


def claimed_client(assertion: str) -> str:
    """Which client an assertion says it is of, unproven; empty if it says nothing."""
    try:
        token = JWT()
        token.deserialize(assertion)
        claims = json.loads(token.token.objects["payload"])
        return str(claims.get("sub") or "") if isinstance(claims, dict) else ""
    except (JWException, ValueError, KeyError, TypeError, AttributeError):
        return ""


def is_proven(assertion: str, *, client: Client, audiences: set[str]) -> bool:
    """Whether the assertion is the client's, for this endpoint, fresh, and seen for the first time."""
    if len(assertion) > _LONGEST_TEXT:
        return False
    claims = _signed_claims(assertion, client)
    client_id = client.application.client_id
    if claims is None or claims.get("iss") != client_id or claims.get("sub") != client_id:
        return False
    named, now = claims.get("aud"), time.time()
    expires, name = claims.get("exp"), claims.get("jti")
    if not audiences & set(named if isinstance(named, list) else [named]):
        return False
    if not isinstance(expires, int | float) or not now - _SKEW < expires <= now + LONGEST + _SKEW:
        return False
    if not isinstance(name, str) or not 0 < len(name) <= 255:
        return False
    # Kept in Valkey for as long as the assertion could come again: the second one finds it there, in any process.
    return bool(cache.add(f"oauth:jti:{checksum(client_id + ' ' + name)}", 1, timeout=int(expires - now) + 2 * _SKEW))


def _signed_claims(assertion: str, client: Client) -> dict[str, Any] | None:
    try:
        header = JWT()
        header.deserialize(assertion)
        if header.token.jose_header.get("alg") not in ALGORITHMS:
            return None
        proven = JWT(jwt=assertion, key=_keys(client), algs=ALGORITHMS, expected_type="JWS")
        claims = json.loads(proven.claims)
    except (JWException, ValueError, KeyError, TypeError, AttributeError) as error:
        logger.info("An assertion of client %s is refused: %s", client.application.client_id, type(error).__name__)
        return None
    return claims if isinstance(claims, dict) else None


def _keys(client: Client) -> JWKSet:
    if not client.jwks_url:
        return JWKSet.from_json(json.dumps(client.jwks or {"keys": []}))
    place = f"oauth:jwks:{checksum(client.jwks_url)}"
    known = cache.get(place)
    if known is None:
        known = json.dumps(fetch_keys(client.jwks_url))
        cache.set(place, known, timeout=_KEYS_KEPT)
    return JWKSet.from_json(known)


def fetch_keys(url: str) -> dict[str, Any]:
    """A client's published keys: over https, from a public address that is fixed before connecting, no redirects.

    Raises ``ValueError``.
    """
    try:
        keys, _ = SafeMetadataFetcher().fetch(url)
    except CIMDError as error:
        raise ValueError(f"The keys at {url} cannot be had: {error}") from error
    return dict(keys)
