"""Who stands behind a bearer token, and what it is for."""

import hashlib
from dataclasses import dataclass

from django.db import connection

from healthhub.accounts.demo import is_refused_demo_client

# Last use is noted in the same statement, by the minute.
_FIND = """
WITH found AS (
    SELECT a.id AS application, a.client_id, t.scope, extract(epoch FROM t.expires) AS expires, t.user_id,
        z.id AS authorisation, z.membership, z.patient
    FROM oauth2_provider_accesstoken t
    JOIN oauth2_provider_application a ON a.id = t.application_id
    JOIN oauth_client c ON c.application_id = a.id AND c.revoked_at IS NULL
    LEFT JOIN accounts_user u ON u.id = t.user_id AND u.is_active
    LEFT JOIN oauth_authorisation z
        ON z.token = t.token_checksum AND z.user_id = u.id AND z.ended_at IS NULL AND z.until > now()
    WHERE t.token_checksum = %s AND t.expires > now() AND (t.user_id IS NULL OR z.id IS NOT NULL)
), used AS (
    UPDATE oauth_client c SET last_used_at = now() FROM found f
    WHERE c.application_id = f.application AND coalesce(c.last_used_at, '-infinity') < now() - interval '1 minute'
), also AS (
    UPDATE oauth_authorisation z SET last_used_at = now() FROM found f
    WHERE z.id = f.authorisation AND coalesce(z.last_used_at, '-infinity') < now() - interval '1 minute'
)
SELECT client_id, scope, expires, user_id, membership, patient FROM found
"""


@dataclass(frozen=True, slots=True)
class Token:
    """A valid token: a client's own, or one that a user let it have (then with the membership she acted by).

    ``expires`` is seconds since 1970; ``about`` the Patient's id whom an app was opened for.
    """

    client_id: str
    scopes: frozenset[str]
    expires: float
    user: int | None
    membership: int | None
    about: str | None


def checksum(token: str) -> str:
    """How a token is found: the text itself is kept nowhere."""
    return hashlib.sha256(token.encode()).hexdigest()


def find_token(digest: str) -> Token | None:
    """The valid token with this checksum, of a client and a user who are not shut out. One statement."""
    with connection.cursor() as cursor:
        cursor.execute(_FIND, [digest])
        row = cursor.fetchone()
    if row is None or is_refused_demo_client(row[0]):
        return None
    client_id, scope, expires, user, membership, about = row
    return Token(client_id, frozenset(scope.split()), float(expires), user, membership, about or None)
