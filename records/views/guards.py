"""Who may open a page. Every view of HealthHub carries its policy, and a test fails for one that does not."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import wraps
from typing import Any, Concatenate, ParamSpec, cast
from urllib.parse import urlencode

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.response import SimpleTemplateResponse
from django.urls import reverse
from django.views.decorators.cache import never_cache

from healthhub.accounts.actors import Actor, Role
from healthhub.accounts.addresses import address_of
from healthhub.postgresql.wall import walled
from records.access.table import Action, What, Whose, roles_with
from records.access.wall import asker
from records.memberships import Held, chosen_of, held_by
from records.refusals import log_refusal

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]

# Whose rooms they are, by the table; software has no pages, and HealthHub itself needs none.
CLINIC = roles_with(Action.WRITE, What.RECORD, Whose.CARED_FOR) - {Role.CLIENT}
CITY = roles_with(Action.READ, What.FIGURES, Whose.ALL) - {Role.SYSTEM}


class ActingRequest(HttpRequest):
    """A request that a guard has let through; ``held`` is all that the user may act as, `actor` among it."""

    actor: Actor
    held: list[Held]
    place: str


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
            acting = cast("ActingRequest", request)
            if actor is None and acting.held and request.method == "GET":
                return redirect(f"{reverse('roles')}?{urlencode({'next': request.get_full_path()})}")
            try:
                if actor is None or actor.role not in policy.roles:
                    raise PermissionDenied
                with walled(asker(actor)):
                    return view(acting, *args, **kwargs)
            except (PermissionDenied, Http404) as error:
                if actor:
                    log_refusal(error, request, actor=actor, asked=kwargs)
                raise

        return cast("View[P]", _carrying(policy, never_cache(guarded)))

    return guard


def for_everybody(view: View[P]) -> View[P]:
    """Mark a view that shows nobody's data; whoever is signed in is in ``request.actor``, else that is None."""

    @wraps(view)
    def open_view(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        with walled(asker(identify(request))):
            return view(request, *args, **kwargs)

    return cast("View[P]", _carrying(Policy(frozenset()), open_view))


def for_signed_in(view: Callable[Concatenate[ActingRequest, P], HttpResponseBase]) -> View[P]:
    """Let every account in, whatever its role: for pages about the account itself. ``request.actor`` may be None."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if not request.user.is_authenticated:
            return redirect_to_login(request.get_full_path())
        with walled(asker(identify(request))):
            return view(cast("ActingRequest", request), *args, **kwargs)

    everybody = Policy(frozenset(Role) - {Role.CLIENT, Role.SYSTEM})
    return cast("View[P]", _carrying(everybody, never_cache(guarded)))


class ShowWhoActs:
    """Finds who acts for pages that no guard of ours has seen (sign-in and account pages), for their head."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_template_response(self, request: HttpRequest, response: SimpleTemplateResponse) -> HttpResponseBase:
        """Called before a page of a class-based view is drawn; our own views draw theirs at once."""
        if not hasattr(request, "actor"):
            identify(request)
        return response


def identify(request: HttpRequest) -> Actor | None:
    """Find who acts and keep it on the request, for the view and for the page's head."""
    held = held_by(request.user)
    chosen = chosen_of(request, held)
    actor = replace(chosen.actor, address=address_of(request)) if chosen else None
    vars(request).update(actor=actor, held=held, place=chosen.place if chosen else "")
    return actor


def _carrying(policy: Policy, view: Any) -> Any:
    """The view with its policy as ``view.policy``, where the test that asks every view for one looks."""
    vars(view).update(policy=policy)
    return view
