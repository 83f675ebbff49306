"""What allauth asks of us."""

import time
from typing import Any

from allauth.account import app_settings
from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.authentication import get_authentication_records
from allauth.core import context
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from healthhub.accounts.events import Action, tell
from healthhub.accounts.models import User


class AccountAdapter(DefaultAccountAdapter):
    """Accounts are given by a facility or the department; nobody signs up by themselves."""

    # allauth has no Vietnamese catalogue, so what a person may meet on our pages is said here.
    error_messages = DefaultAccountAdapter.error_messages | {
        "account_inactive": _("Tài khoản này đang bị khóa."),
        "email_password_mismatch": _("Email hoặc mật khẩu không đúng."),
        "enter_current_password": _("Hãy nhập mật khẩu hiện tại."),
        "incorrect_password": _("Mật khẩu không đúng."),
        "invalid_login": _("Không đăng nhập được."),
        "invalid_password_reset": _("Liên kết đặt mật khẩu không còn dùng được."),
        "rate_limited": _("Bạn thao tác quá nhanh. Hãy đợi một lát rồi thử lại."),
        "too_many_login_attempts": _("Sai quá nhiều lần. Hãy thử lại sau ít phút."),
        "unknown_email": _("Không có tài khoản nào dùng email này."),
    }

    said = {
        "mfa/messages/recovery_codes_generated.txt": _("Đã tạo mã dự phòng mới."),
        "mfa/messages/totp_activated.txt": _("Đã thiết lập ứng dụng tạo mã."),
        "mfa/messages/totp_deactivated.txt": _("Đã bỏ ứng dụng tạo mã."),
        "mfa/messages/webauthn_added.txt": _("Đã thêm khóa truy cập."),
        "mfa/messages/webauthn_removed.txt": _("Đã bỏ khóa truy cập."),
        "account/messages/password_changed.txt": _("Đã đổi mật khẩu."),
        "account/messages/password_set.txt": _("Đã đổi mật khẩu."),
    }

    def add_message(
        self,
        request: HttpRequest,
        level: int,
        message_template: str | None = None,
        message_context: dict[str, Any] | None = None,
        extra_tags: str = "",
        message: str | None = None,
    ) -> None:
        """In our words or not at all."""
        text = message or self.said.get(message_template or "")
        if text:
            messages.add_message(request, level, str(text), extra_tags=extra_tags)

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Counts the try; a locked account or address is told so, whether the account exists or not."""
        try:
            super().pre_authenticate(request, **credentials)
        except ValidationError:
            tell(Action.REFUSED, request, user=_named(credentials), how="locked")
            raise

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        """A wrong password, or an account that is not there."""
        tell(Action.REFUSED, request, user=_named(credentials), how="password")

    def respond_user_inactive(self, request: HttpRequest, user: User) -> HttpResponse:
        """The password was right, but the account is closed."""
        tell(Action.REFUSED, request, user=user, how="inactive")
        answer: HttpResponse = super().respond_user_inactive(request, user)
        return answer

    def login(self, request: HttpRequest, user: User) -> None:
        """In, after all steps."""
        super().login(request, user)
        ways = [one["method"] for one in get_authentication_records(request, user)]
        tell(Action.SIGN_IN, request, user=user, how="+".join(dict.fromkeys(ways)))

    def logout(self, request: HttpRequest) -> None:
        """Out, by one's own will."""
        if request.user.is_authenticated:
            tell(Action.SIGN_OUT, request, user=request.user, how="own")
        super().logout(request)

    def is_reauthentication_required(self, *, app: str, **kwargs: Any) -> bool:
        """Whoever has just signed in need not do so again, as at the first sign-in, which sets up a second factor."""
        request = context.request
        records = get_authentication_records(request, request.user)
        fresh = records and time.time() - records[-1]["at"] < app_settings.REAUTHENTICATION_TIMEOUT
        return not fresh and super().is_reauthentication_required(app=app, **kwargs)

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Never: an account without a membership could see nothing anyway."""
        return False


def _named(credentials: dict[str, Any]) -> User | None:
    email = str(credentials.get("email") or credentials.get("username") or "")
    return User.objects.filter(email=email.lower()).first()
