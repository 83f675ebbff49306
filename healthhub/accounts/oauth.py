"""OAuth2 for clinics' software: the token endpoint's rules, and who stands behind a bearer token."""

import hashlib
import time
from typing import Any

from django.db import connection
from oauth2_provider.oauth2_validators import OAuth2Validator
from oauthlib.common import Request

from healthhub.accounts.demo import is_refused_demo_client

CACHE_SECONDS = 15
_CACHE_SIZE = 10_000
_clients: dict[bytes, tuple[float, str]] = {}

_FIND_CLIENT = """
SELECT a.client_id, extract(epoch FROM t.expires) FROM oauth2_provider_accesstoken t
JOIN oauth2_provider_application a ON a.id = t.application_id
WHERE t.token_checksum = %s AND t.expires > now()
"""


class TokenValidator(OAuth2Validator):
    """Client credentials as django-oauth-toolkit checks them, less the demo's client outside the demo."""

    def validate_grant_type(
        self, client_id: str, grant_type: str, client: Any, request: Request, *a: Any, **k: Any
    ) -> bool:
        """Whether the client may use this grant."""
        return not is_refused_demo_client(client_id) and bool(
            super().validate_grant_type(client_id, grant_type, client, request, *a, **k)
        )


def client_of_token(token: str) -> str | None:
    """The client id behind a valid bearer token, or None.

    Answers are kept in memory for ``CACHE_SECONDS``, so that signing in costs no query on most requests; a revoked
    token works for at most that long.
    """
    digest = hashlib.sha256(token.encode()).digest()
    now = time.time()
    known = _clients.get(digest)
    if known and known[0] > now:
        return known[1]
    with connection.cursor() as cursor:
        cursor.execute(_FIND_CLIENT, [digest.hex()])
        row = cursor.fetchone()
    if row is None or is_refused_demo_client(row[0]):
        return None
    if len(_clients) >= _CACHE_SIZE:
        _clients.clear()
    _clients[digest] = (min(now + CACHE_SECONDS, float(row[1])), row[0])
    return str(row[0])


def forget_tokens() -> None:
    """Empty this process's memory of tokens, so that a revoked one stops working at once."""
    _clients.clear()
