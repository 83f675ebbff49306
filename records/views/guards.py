"""Who may open a page. Every view of HealthHub carries its policy, and a test fails for one that does not."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Concatenate, ParamSpec, cast

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.functional import SimpleLazyObject
from django.views.decorators.cache import never_cache

from healthhub.accounts.actors import Actor, Role
from records.memberships import actor_for_user
from records.models import Facility

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]

CLINIC = (Role.CLINICIAN, Role.LABORATORY)
CITY = (Role.OFFICER, Role.ANALYST)


class ActingRequest(HttpRequest):
    """A request that a guard has let through."""

    actor: Actor
    facility_name: str


@dataclass(frozen=True, slots=True)
class Policy:
    """For whom a view is: these roles; with none, everybody, signed in or not."""

    roles: frozenset[Role]


def for_roles(*roles: Role) -> Callable[[Callable[Concatenate[ActingRequest, P], HttpResponseBase]], View[P]]:
    """Let only these roles in, as ``request.actor``; others are told so (403), strangers are asked to sign in.

    The page is never cached by the browser: after signing out, "back" must not show somebody's record.
    """
    policy = Policy(frozenset(roles))

    def guard(view: Callable[Concatenate[ActingRequest, P], HttpResponseBase]) -> View[P]:
        @wraps(view)
        def guarded(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            if not request.user.is_authenticated:
                return redirect_to_login(request.get_full_path())
            actor = identify(request)
            if actor is None or actor.role not in policy.roles:
                raise PermissionDenied
            return view(request, *args, **kwargs)  # type: ignore[arg-type]

        wrapped = never_cache(guarded)
        wrapped.policy = policy  # type: ignore[attr-defined]
        return cast("View[P]", wrapped)

    return guard


def for_everybody(view: View[P]) -> View[P]:
    """Mark a view that shows nobody's data; whoever is signed in is in ``request.actor``, else that is None."""

    @wraps(view)
    def open_view(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        identify(request)
        return view(request, *args, **kwargs)

    open_view.policy = Policy(frozenset())  # type: ignore[attr-defined]
    return cast("View[P]", open_view)


def identify(request: HttpRequest) -> Actor | None:
    """Find who acts and keep it on the request, for the view and for the page's head."""
    actor = actor_for_user(request.user)
    request.actor = actor  # type: ignore[attr-defined]
    facility = actor.facility if actor else None
    request.facility_name = SimpleLazyObject(lambda: _facility_name(facility)) if facility else ""  # type: ignore[attr-defined]
    return actor


def _facility_name(facility: str) -> str:
    return Facility.objects.filter(pk=facility).values_list("name", flat=True).first() or ""
