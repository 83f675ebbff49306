"""From a bearer token to the actor that it stands for."""

import time
from dataclasses import replace

from healthhub.accounts.actors import Actor
from healthhub.accounts.oauth.tokens import Token, checksum, find_token
from records.memberships import actor_for_app, actor_for_client

#: A revoked token, client, membership or user is out within this time; until then a request costs no query.
CACHE_SECONDS = 4
_CACHE_SIZE = 10_000
_known: dict[str, tuple[float, Actor]] = {}


def actor_of_token(text: str) -> Actor | None:
    """Whoever acts with this token, narrowed to its scopes; None if it is not valid or was revoked."""
    digest = checksum(text)
    now = time.time()
    known = _known.get(digest)
    if known and known[0] > now:
        return known[1]
    token = find_token(digest)
    actor = _actor(token) if token else None
    if token is None or actor is None:
        _known.pop(digest, None)
        return None
    if len(_known) >= _CACHE_SIZE:
        _known.clear()
    _known[digest] = (min(now + CACHE_SECONDS, token.expires), actor)
    return actor


def _actor(token: Token) -> Actor | None:
    if token.user is None:
        actor = actor_for_client(token.client_id)
        return replace(actor, scopes=token.scopes) if actor else None
    person = actor_for_app(token.membership or 0, user=token.user)
    return replace(person, scopes=token.scopes, client=token.client_id, about=token.about) if person else None


def forget_tokens() -> None:
    """Empty this process's memory, so that what was revoked stops working at once."""
    _known.clear()
