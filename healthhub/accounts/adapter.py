"""What allauth asks of us."""

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _


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

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Never: an account without a membership could see nothing anyway."""
        return False
