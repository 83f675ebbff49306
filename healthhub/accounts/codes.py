"""One-time codes of an app (RFC 6238), each taken once.

allauth forgets a used code after one period of 30 s, but takes the codes of the neighbouring periods too, so that a
clock may be slow: such a code would work twice.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from allauth.core import context
from allauth.mfa import app_settings
from allauth.mfa.adapter import get_adapter
from allauth.mfa.base.forms import AuthenticateForm, ReauthenticateForm
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.forms import ActivateTOTPForm
from allauth.mfa.webauthn.forms import AuthenticateWebAuthnForm
from django import forms
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from healthhub.accounts.events import Action, tell


def use_once(user: AbstractBaseUser, code: str) -> None:
    """Take a correct code; ValidationError if it was taken before, by whichever process."""
    lifetime = app_settings.TOTP_PERIOD * (2 * app_settings.TOTP_TOLERANCE + 1)
    digits = "".join(code.split())
    if not cache.add(f"accounts.totp:{user.pk}:{digits}", 1, timeout=lifetime):
        raise get_adapter().validation_error("incorrect_code")


@contextmanager
def _told(user: Any) -> Iterator[None]:
    try:
        yield
    except ValidationError as error:
        locked = error.code == "too_many_login_attempts"
        tell(Action.REFUSED, context.request, user=user, how="locked" if locked else "second-factor")
        raise


class _CodeForm(forms.Form):
    """The words and the keyboard of a field for a code."""

    user: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["code"]
        field.label = _("Mã xác minh")
        field.widget.attrs |= {
            "autocomplete": "one-time-code",
            "inputmode": "numeric",
            "class": "nhsuk-input--width-10",
        }


class GiveCode(_CodeForm, AuthenticateForm):
    """The second step of signing in."""

    def clean_code(self) -> str:
        """Correct, and not used before; what is not, is told."""
        with _told(self.user):
            code: str = super().clean_code()
            if self.authenticator.type == Authenticator.Type.TOTP:
                use_once(self.user, code)
        return code


class GivePasskey(AuthenticateWebAuthnForm):
    """The second step of signing in, by a passkey."""

    def clean_credential(self) -> Authenticator:
        """The owner's; what is not, is told."""
        with _told(self.user):
            return super().clean_credential()


class ConfirmCode(GiveCode, ReauthenticateForm):
    """A second factor given again, before something delicate."""


class SetUpCode(_CodeForm, ActivateTOTPForm):
    """The first code of a new app."""

    def clean_code(self) -> str:
        """Correct; and it opens nothing else afterwards."""
        code: str = super().clean_code()
        use_once(self.user, code)
        return code
