"""The rule as `fhir` asks for it."""

from collections.abc import Sequence
from dataclasses import replace

from django.http import HttpRequest

from fhir.access import Condition, Write
from fhir.outcomes import Issue
from healthhub.accounts.actors import Actor
from healthhub.accounts.addresses import address_of
from healthhub.accounts.oauth.scopes import BadScope, Scope
from healthhub.postgresql.wall import Asker
from records.access import scopes
from records.access.relations import presented_at
from records.access.rows import log_lines, readable
from records.access.rule import REGISTERS
from records.access.wall import asker
from records.access.writes import check_writes
from records.tokens import actor_of_token


class RecordPolicy:
    """HealthHub's `fhir.access.AccessPolicy`."""

    def authenticate(self, request: HttpRequest) -> Actor | None:
        """The client behind a bearer token. A session is no way in: that would open the API to forged requests."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            return None
        actor = actor_of_token(token.strip())
        return replace(actor, address=address_of(request)) if actor else None

    def knows_scope(self, scope: Scope) -> bool:
        """Whether a token can be for this: the type is kept, and the search can narrow it."""
        try:
            scopes.wanted(scope)
        except BadScope:
            return False
        return True

    def require(self, action: str, type: str, *, actor: Actor) -> None:
        """`Refused` (403) if the actor's token has no scope for the action on resources of this type."""
        scopes.require(action, type, actor=actor)

    def asker(self, actor: Actor) -> Asker | None:
        """What the second wall is told of who asks."""
        return asker(actor)

    def readable(self, actor: Actor, *, searching: bool = False) -> Condition:
        """Which rows `r` of the store the actor may read: what the rule lets it, and what its token is for."""
        rule = readable(actor)
        narrower = scopes.rows(actor, searching=searching)
        return Condition(f"(({rule.sql}) AND {narrower.sql})", (*rule.params, *narrower.params)) if narrower else rule

    def log_readable(self, actor: Actor, *, searching: bool = False) -> Condition | None:
        """Which lines of the access log the actor may read: what the rule lets it, and what its token is for."""
        return scopes.log_lines(log_lines(actor, searching=searching), actor, searching=searching)

    def shows_version(self, content: str, *, actor: Actor) -> bool:
        """Whether the token's scopes let this version of a readable resource be shown."""
        return scopes.shows(content, actor=actor)

    def check_writes(self, writes: Sequence[Write], *, actor: Actor, presented: frozenset[str]) -> list[Issue]:
        """Why the actor may not write these; empty if all are allowed."""
        beyond = scopes.check_writes(writes, actor=actor)
        return beyond or check_writes(writes, actor=actor, presented=presented)

    def record_presented(self, patients: frozenset[str], *, actor: Actor) -> None:
        """Remember that these people showed their number and birth date at the actor's facility, which may now read."""
        if actor.role in REGISTERS and actor.facility and patients:
            presented_at({(patient, actor.facility) for patient in patients})
