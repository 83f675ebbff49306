"""Citizens' sign-in at an identity provider (OpenID Connect), such as VNeID, which has seen their identity card.

What counts is what the provider has verified: the citizen number and the birth date, in claims that settings name. Both
must be those of one living person in the register; her account is the one that opens. Nothing of the provider's answer
is kept: no name, no token, no link that would outlive a correction of the register.
"""

from datetime import date
from typing import Any, NoReturn

from allauth.account.internal.flows.login import perform_login, record_authentication
from allauth.account.models import Login
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialLogin
from allauth.socialaccount.providers.openid_connect import views
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST
from requests import RequestException

from healthhub.accounts.events import Action, tell
from healthhub.accounts.models import User
from healthhub.accounts.one_time import account_of_verified


class CitizenAdapter(DefaultSocialAccountAdapter):
    """Finds the person behind a provider's answer, and keeps nothing of it."""

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> NoReturn:
        """Always the last step: in, or told why not. allauth would go on to keep an account of its own."""
        user = _person(sociallogin.account.extra_data)
        if user is None:
            _refuse(request, "unknown")
        record_authentication(request, user, "socialaccount", provider=sociallogin.account.provider)
        where = sociallogin.get_redirect_url(request)
        raise ImmediateHttpResponse(perform_login(request, Login(user=user, redirect_url=where)))

    def on_authentication_error(self, request: HttpRequest, *args: Any, **details: Any) -> None:
        """The provider said no, the citizen left, or an answer was not genuine."""
        _refuse(request, "failed")

    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        """Never: whoever is not in the register has no record to see."""
        return False


@never_cache
@require_POST
def sign_in(request: HttpRequest, provider_id: str) -> HttpResponse:
    """Over to the provider; by a form only, so that no foreign page starts it."""
    try:
        answer: HttpResponse = views.login(request, provider_id)
    except RequestException:
        return _told(request, "unreachable", 503)
    return answer


def _person(answer: dict[str, Any]) -> User | None:
    """The account of whom the provider speaks. Both parts of its answer must speak of the same person (OpenID Connect
    Core 5.3.2); what the ID token says goes before what was fetched."""
    token, fetched = answer.get("id_token") or {}, answer.get("userinfo") or {}
    if not token or (fetched and token.get("sub") != fetched.get("sub")):
        return None
    claims = {**fetched, **token}
    number, born = (claims.get(settings.OIDC_CLAIMS[name]) for name in ("number", "birth_date"))
    if not isinstance(number, str) or not isinstance(born, str):
        return None
    try:
        return account_of_verified(number.strip(), date.fromisoformat(born))
    except ValueError:
        return None


def _refuse(request: HttpRequest, how: str) -> NoReturn:
    tell(Action.REFUSED, request, user=None, how=f"provider-{how}")
    raise ImmediateHttpResponse(_told(request, how, 403))


def _told(request: HttpRequest, how: str, status: int) -> HttpResponse:
    return render(request, "account/provider_refused.html", {"how": how}, status=status)
