"""What allauth asks of us about second factors."""

import segno
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from django.contrib.auth.base_user import AbstractBaseUser
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from healthhub.accounts import encryption
from healthhub.accounts.second_factor import SECOND_FACTORS
from healthhub.accounts.staff import is_staff

PURPOSE = "second-factor"


class SecondFactorAdapter(DefaultMFAAdapter):
    """Secrets encrypted at rest, our own words, and staff never without a second factor."""

    error_messages = DefaultMFAAdapter.error_messages | {
        "cannot_delete_authenticator": gettext_lazy(
            "Đây là bước xác minh cuối cùng của bạn. Hãy thêm cách khác trước khi bỏ cách này."
        ),
        "cannot_generate_recovery_codes": gettext_lazy("Hãy thiết lập xác minh hai bước trước khi tạo mã dự phòng."),
        "incorrect_code": gettext_lazy("Mã không đúng hoặc đã dùng rồi. Hãy đợi mã mới rồi nhập lại."),
    }

    def encrypt(self, text: str) -> str:
        """As it is stored."""
        return encryption.encrypt(text, purpose=PURPOSE)

    def decrypt(self, encrypted_text: str) -> str:
        """Counterpart of ``encrypt``."""
        return encryption.decrypt(encrypted_text, purpose=PURPOSE)

    def get_totp_issuer(self) -> str:
        """The name under which an app lists the account."""
        return "HealthHub"

    def build_totp_svg(self, url: str) -> str:
        """The QR code as SVG without style or script, to stand in the page itself."""
        return segno.make(url, error="m", micro=False).svg_inline(scale=5, border=4, dark="#1b2a30", light="#ffffff")

    def can_delete_authenticator(self, authenticator: Authenticator) -> bool:
        """Not the last one of staff."""
        if not is_staff(authenticator.user):
            return True
        others = Authenticator.objects.filter(user=authenticator.user, type__in=SECOND_FACTORS)
        return others.exclude(pk=authenticator.pk).exists()

    def generate_authenticator_name(self, user: AbstractBaseUser, type: Authenticator.Type) -> str:
        """A passkey's name until its owner gives another."""
        count = Authenticator.objects.filter(user_id=user.pk, type=type).count()
        return _("Khóa %(number)d") % {"number": count + 1}
