"""Pages on which citizens sign in: the citizen number, then the code that was sent."""

from typing import Any

from allauth.account.internal.flows.login import perform_login, record_authentication
from allauth.account.models import Login
from allauth.core.internal import ratelimit
from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.crypto import salted_hmac
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from healthhub.accounts import one_time
from healthhub.accounts.events import Action, tell
from healthhub.accounts.tasks import send_sign_in_code

RATES = {"ask": "20/m/ip,3/15m/key,10/d/key", "try": "30/m/ip"}
_TOKEN = "citizen_code"


class NumberForm(forms.Form):
    """Whose record."""

    number = forms.RegexField(
        r"^\s*(\d\s*){12}$",
        label=_("Số căn cước"),
        help_text=_("12 chữ số trên thẻ căn cước."),
        max_length=40,
        error_messages={
            "required": _("Hãy nhập số căn cước."),
            "invalid": _("Số căn cước phải có đúng 12 chữ số."),
            "max_length": _("Số căn cước phải có đúng 12 chữ số."),
        },
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off", "class": "nhsuk-input--width-20"}),
    )

    def clean_number(self) -> str:
        """Without spaces."""
        return "".join(str(self.cleaned_data["number"]).split())


class CodeForm(forms.Form):
    """The code that was sent."""

    code = forms.CharField(
        label=_("Mã đăng nhập"),
        max_length=20,
        error_messages={"required": _("Hãy nhập mã trong tin nhắn.")},
        widget=forms.TextInput(
            attrs={"inputmode": "numeric", "autocomplete": "one-time-code", "class": "nhsuk-input--width-10"}
        ),
    )


@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def ask_for_code(request: HttpRequest) -> HttpResponse:
    """The citizen number; what follows is the same whether anybody has it or not."""
    form = NumberForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        number = form.cleaned_data["number"]
        if _may(request, "ask", key=number):
            token = one_time.ask(number)
            request.session[_TOKEN] = token
            send_sign_in_code.delay(token, get_language())
            return redirect("citizen_code")
        tell(Action.REFUSED, request, user=None, how="locked")
        form.add_error(None, _("Bạn đã xin mã nhiều lần. Hãy đợi một lát rồi thử lại."))
    return render(request, "account/citizen.html", {"form": form})


@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def give_code(request: HttpRequest) -> HttpResponse:
    """The code; right, it signs in."""
    token = request.session.get(_TOKEN, "")
    if not token:
        return redirect("citizen_sign_in")
    form = CodeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        user = one_time.redeem(token, form.cleaned_data["code"]) if _may(request, "try") else None
        if user:
            del request.session[_TOKEN]
            record_authentication(request, user, "code")
            answer: HttpResponse = perform_login(request, Login(user=user))
            return answer
        tell(Action.REFUSED, request, user=None, how="code")
        form.add_error("code", _("Mã không đúng hoặc đã hết hạn."))
    context: dict[str, Any] = {"form": form, "over": not one_time.tries_left(token)}
    return render(request, "account/citizen_code.html", context)


def _may(request: HttpRequest, action: str, *, key: str = "") -> bool:
    hidden = salted_hmac("accounts.citizens", key, algorithm="sha256").hexdigest()
    return bool(
        ratelimit.consume(
            request, app="accounts", action=f"citizen-{action}", config={f"citizen-{action}": RATES[action]}, key=hidden
        )
    )
