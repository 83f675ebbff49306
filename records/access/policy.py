"""The rule as `fhir` asks for it."""

from collections.abc import Sequence

from django.http import HttpRequest

from fhir.access import Condition, Write
from fhir.outcomes import Issue
from healthhub.accounts.actors import Actor
from healthhub.accounts.oauth import client_of_token
from records.access.relations import presented_at
from records.access.rows import readable
from records.access.rule import CARE
from records.access.writes import check_writes
from records.memberships import actor_for_client


class RecordPolicy:
    """HealthHub's `fhir.access.AccessPolicy`."""

    def authenticate(self, request: HttpRequest) -> Actor | None:
        """The client behind a bearer token. A session is no way in: that would open the API to forged requests."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            return None
        client_id = client_of_token(token.strip())
        return actor_for_client(client_id) if client_id else None

    def readable(self, actor: Actor) -> Condition:
        """Which rows `r` of the store the actor may read."""
        return readable(actor)

    def check_writes(self, writes: Sequence[Write], *, actor: Actor, presented: frozenset[str]) -> list[Issue]:
        """Why the actor may not write these; empty if all are allowed."""
        return check_writes(writes, actor=actor, presented=presented)

    def record_presented(self, patients: frozenset[str], *, actor: Actor) -> None:
        """Remember that these people showed their number and birth date at the actor's facility, which may now read."""
        if actor.role in CARE and actor.facility and patients:
            presented_at({(patient, actor.facility) for patient in patients})
