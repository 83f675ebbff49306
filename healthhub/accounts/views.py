"""Pages of one's own account: second factors, and what staff must set up at their first sign-in."""

from typing import Any

from allauth.account.adapter import get_adapter as get_account_adapter
from allauth.account.internal.flows.login import record_authentication
from allauth.mfa.adapter import get_adapter
from allauth.mfa.base.views import AuthenticateView, IndexView, ReauthenticateView
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.views import ActivateTOTPView
from allauth.mfa.utils import is_mfa_enabled
from allauth.mfa.webauthn.views import AddWebAuthnView, RemoveWebAuthnView
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse_lazy
from django.utils.safestring import mark_safe
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods
from django.views.generic import FormView

from healthhub.accounts.demo import demo_code
from healthhub.accounts.devices import device_of
from healthhub.accounts.events import Action, tell
from healthhub.accounts.second_factor import has_given_second_factor
from healthhub.accounts.sessions import end_sessions, rename, sessions_of
from healthhub.accounts.staff import is_staff


class Account(IndexView):
    """What protects the account."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """With the ways of the second step, and whether the last one may go."""
        context = super().get_context_data(**kwargs)
        found = context["authenticators"]
        context["app"], context["passkeys"] = found.get("totp"), found.get("webauthn", [])
        context["recovery"] = found.get("recovery_codes")
        context["required"] = is_staff(self.request.user)
        return context


class GiveSecondFactor(AuthenticateView):
    """The second step of signing in: a code, a recovery code or a passkey."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """In the demo with the code that the app would show."""
        context = super().get_context_data(**kwargs)
        user = self.stage.login.user
        context["has_passkey"] = is_mfa_enabled(user, [Authenticator.Type.WEBAUTHN])
        context["has_app"] = is_mfa_enabled(user, [Authenticator.Type.TOTP])
        context["demo_code"] = demo_code(user)
        return context


class ConfirmSecondFactor(ReauthenticateView):
    """The second factor once more."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """In the demo with the code that the app would show."""
        return super().get_context_data(**kwargs) | {"demo_code": demo_code(self.request.user)}


class _SettingUp(FormView):
    """A new second factor was just proven, so this session has it."""

    def form_valid(self, form: Any) -> HttpResponse:
        """Set up, written into the session under a new key (a session that can do more gets another name)."""
        answer: HttpResponse = super().form_valid(form)
        if not has_given_second_factor(self.request):
            record_authentication(self.request, self.request.user, "mfa", type="set-up")
            rename(self.request)
        return answer

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """With whether staff need it to go on."""
        user: Any = self.request.user  # signed in, as its view asks
        first = not has_given_second_factor(self.request) and is_staff(user)
        return super().get_context_data(**kwargs) | {"first": first}


class SetUpApp(_SettingUp, ActivateTOTPView):
    """An app that shows codes."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """The QR code is our own drawing of our own address, so it may stand in the page."""
        context = super().get_context_data(**kwargs)
        return context | {"totp_svg": mark_safe(context["totp_svg"])}


class AddPasskey(_SettingUp, AddWebAuthnView):
    """A passkey or security key."""


class RemovePasskey(RemoveWebAuthnView):
    """Takes a passkey away, but never the last second factor of staff."""

    success_url = reverse_lazy("mfa_index")

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Says at once if it cannot go."""
        if request.user.is_authenticated:
            adapter = get_adapter()
            passkey = self.get_queryset().filter(pk=kwargs["pk"]).first()
            if passkey and not adapter.can_delete_authenticator(passkey):
                said = str(adapter.error_messages["cannot_delete_authenticator"])
                get_account_adapter().add_message(request, messages.ERROR, message=said)
                return redirect("mfa_index")
        answer: HttpResponseBase = super().dispatch(request, *args, **kwargs)
        return answer


@login_required
@require_http_methods(["GET", "POST"])
def sessions(request: HttpRequest) -> HttpResponse:
    """Where the account is signed in; each of it, or all at once, can be ended."""
    user: Any = request.user
    key = request.session.session_key
    if request.method == "POST":
        asked = request.POST.get("end", "")
        if asked == "all":
            end_sessions(user, keep=key)
            get_account_adapter().logout(request)
            return redirect("account_login")
        if asked.isascii() and asked.isdecimal() and end_sessions(user, keep=key, only=int(asked[:18])):
            tell(Action.SIGN_OUT, request, user=user, how="revoked")
            messages.success(request, _("Đã đăng xuất thiết bị đó."))
        return redirect("account_sessions")
    found = [
        {"row": one, "device": device_of(one.user_agent) or _("Thiết bị khác"), "current": one.session_key == key}
        for one in sessions_of(user)
    ]
    return TemplateResponse(request, "usersessions/usersession_list.html", {"sessions": found})
