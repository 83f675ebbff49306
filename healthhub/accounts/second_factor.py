"""Staff get in with two factors: a password, and a code of an app or a passkey. Nothing switches it off."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from allauth.account.authentication import get_authentication_records
from allauth.mfa.models import Authenticator
from allauth.mfa.utils import is_mfa_enabled
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from healthhub.accounts.staff import is_staff

SECOND_FACTORS = [Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN]
#: What is open to staff who have given a password only: giving the second factor, and leaving.
OPEN = frozenset(
    {
        "mfa_reauthenticate",
        "mfa_reauthenticate_webauthn",
        "account_reauthenticate",
        "account_logout",
        "set_language",
        "healthz",
        "readyz",
    }
)
#: Open besides to those who have none yet. Not to others: whoever knows a password could add a factor of her own.
SET_UP = frozenset({"mfa_activate_totp", "mfa_add_webauthn"})


def has_given_second_factor(request: HttpRequest) -> bool:
    """Whether this session was opened, or confirmed, with a second factor."""
    return any(one["method"] == "mfa" for one in get_authentication_records(request, request.user))


class RequireSecondFactor:
    """Sends staff without a second factor in this session to give it, or first to set it up.

    It looks at the session only: what comes with a bearer token has its own door. A session with a second factor, and
    a request without a session, cost no query.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponse | None:
        """Answers in the view's place, or None."""
        name = request.resolver_match.url_name if request.resolver_match else None
        if name in OPEN or not request.user.is_authenticated or has_given_second_factor(request):
            return None
        if not is_staff(request.user):
            return None
        if not is_mfa_enabled(request.user, SECOND_FACTORS):
            return None if name in SET_UP else redirect("mfa_activate_totp")
        has_code = is_mfa_enabled(request.user, [Authenticator.Type.TOTP])
        page = reverse("mfa_reauthenticate" if has_code else "mfa_reauthenticate_webauthn")
        back = request.get_full_path() if request.method == "GET" else "/"
        return redirect(f"{page}?{urlencode({'next': back})}")
