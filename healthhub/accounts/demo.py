"""The demo's sign-ins: open to everybody who reads the README, hence refused wherever ``settings.DEMO`` is off."""

import time
from typing import Any

from django.conf import settings
from django.core.cache import cache

DEMO_DOMAIN = "demo.healthhub.example"
DEMO_PASSWORD = "demo-healthhub"
DEMO_TOTP_SECRET = "HEALTHHUBDEMOSECRETKEYAB"
DEMO_CLIENT_ID = "demo-clinic"
DEMO_CLIENT_SECRET = "demo-clinic-secret"
DEMO_OF_TWO = "doctor"  # holds two memberships
DEMO_USERS = (
    *("clinician", DEMO_OF_TWO, "laboratory", "registrar", "facility_admin"),
    *("officer", "analyst", "admin", "auditor", "citizen", "guardian"),
)
DEMO_STAFF = frozenset(DEMO_USERS) - {"citizen", "guardian"}


def is_refused_demo_user(email: str) -> bool:
    """True for a demo account outside the demo."""
    return not settings.DEMO and email.lower().endswith("@" + DEMO_DOMAIN)


def is_refused_demo_client(client_id: str) -> bool:
    """True for the demo's software client outside the demo."""
    return not settings.DEMO and client_id == DEMO_CLIENT_ID


def set_up_demo_codes() -> None:
    """Give the demo's staff the published secret; again at every start, under the key that is in force now."""
    from allauth.mfa.models import Authenticator
    from allauth.mfa.utils import encrypt

    from healthhub.accounts.models import User

    for user in User.objects.filter(email__in=[f"{name}@{DEMO_DOMAIN}" for name in DEMO_STAFF]):
        Authenticator.objects.update_or_create(
            user=user, type=Authenticator.Type.TOTP, defaults={"data": {"secret": encrypt(DEMO_TOTP_SECRET)}}
        )


def demo_code(user: Any) -> str:
    """The code that a demo account's app shows now, one that nobody has used; "" for other accounts and elsewhere.

    Many people try the demo at once under one account, and a code works once: so any of the three codes in force.
    """
    name, _, domain = user.email.partition("@")
    if not settings.DEMO or domain != DEMO_DOMAIN or name not in DEMO_STAFF:
        return ""
    from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value

    now = int(time.time()) // 30
    codes = [format_hotp_value(hotp_value(DEMO_TOTP_SECRET, at)) for at in (now, now + 1, now - 1)]
    return next((code for code in codes if not cache.get(f"accounts.totp:{user.pk}:{code}")), codes[0])
