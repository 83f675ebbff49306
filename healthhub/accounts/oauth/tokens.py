"""Who stands behind a bearer token, and what it is for."""

import hashlib
from dataclasses import dataclass

from django.db import connection

from healthhub.accounts.demo import is_refused_demo_client

_FIND = """
SELECT a.client_id, t.scope, extract(epoch FROM t.expires) FROM oauth2_provider_accesstoken t
JOIN oauth2_provider_application a ON a.id = t.application_id
WHERE t.token_checksum = %s AND t.expires > now() AND t.user_id IS NULL
"""


@dataclass(frozen=True, slots=True)
class Token:
    """A valid token. ``expires`` is seconds since 1970."""

    client_id: str
    scopes: frozenset[str]
    expires: float


def checksum(token: str) -> str:
    """How a token is found: the text itself is kept nowhere."""
    return hashlib.sha256(token.encode()).hexdigest()


def find_token(digest: str) -> Token | None:
    """The valid token with this checksum. One query."""
    with connection.cursor() as cursor:
        cursor.execute(_FIND, [digest])
        row = cursor.fetchone()
    if row is None or is_refused_demo_client(row[0]):
        return None
    client_id, scope, expires = row
    return Token(client_id, frozenset(scope.split()), float(expires))
