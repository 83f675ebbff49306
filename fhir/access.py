"""What an access policy must answer. ``settings.FHIR_ACCESS_POLICY`` names the class that does: the store and the API
know no rule of their own, and without a policy nothing can be read or written."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple, Protocol

from django.conf import settings
from django.http import HttpRequest
from django.utils.module_loading import import_string

from fhir.outcomes import Issue
from healthhub.accounts.actors import Actor
from healthhub.postgresql.wall import Asker


class Condition(NamedTuple):
    """An SQL truth value over the row ``r`` of fhir_resource or fhir_resourceversion, with its parameters."""

    sql: str
    params: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Write:
    """One resource about to be written, as a policy judges it.

    ``patient`` is the person it is about (None for directory resources), ``owner`` the facility that wrote the stored
    version and ``previous_patient`` the person that one is about (both None for a creation). ``resource`` is None for
    a deletion.
    """

    type: str
    id: str
    resource: dict[str, Any] | None
    patient: str | None
    facility: str | None
    owner: str | None
    previous_patient: str | None
    exists: bool
    expression: str


class AccessPolicy(Protocol):
    """The one place that decides who may see or write whose record."""

    def authenticate(self, request: HttpRequest) -> Actor | None:
        """The actor behind a request, or None: then the API answers 401."""

    def require(self, action: str, type: str, *, actor: Actor) -> None:
        """``Refused(403)`` if the actor's token has no scope for an action (one of ``cruds``) on a type."""

    def asker(self, actor: Actor) -> Asker | None:
        """What the second wall is told of who asks; None for HealthHub itself."""

    def readable(self, actor: Actor, *, searching: bool = False) -> Condition:
        """Which rows the actor may read, or find by ``searching``: then only rows of fhir_resource are asked about."""

    def log_readable(self, actor: Actor, *, searching: bool = False) -> Condition | None:
        """Which lines of the access log the actor may read, or find, over audit_accessentry; None if none at all."""

    def shows_version(self, content: str, *, actor: Actor) -> bool:
        """Whether a version, as stored, of a resource that the actor may read today may be shown too."""

    def check_writes(self, writes: Sequence[Write], *, actor: Actor, presented: frozenset[str]) -> list[Issue]:
        """The reasons against writing, empty if allowed.

        ``presented`` holds ids of people who showed their papers, or whose Patient is created in this same batch.
        """

    def record_presented(self, patients: frozenset[str], *, actor: Actor) -> None:
        """Remember that these people presented themselves at the actor's facility."""


@cache
def policy() -> AccessPolicy:
    """The configured policy."""
    return import_string(settings.FHIR_ACCESS_POLICY)()
