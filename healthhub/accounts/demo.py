"""The demo's sign-ins: open to everybody who reads the README, hence refused wherever ``settings.DEMO`` is off."""

from django.conf import settings

DEMO_DOMAIN = "demo.healthhub.example"
DEMO_PASSWORD = "demo-healthhub"
DEMO_CLIENT_ID = "demo-clinic"
DEMO_CLIENT_SECRET = "demo-clinic-secret"
DEMO_USERS = ("clinician", "laboratory", "officer", "analyst", "citizen")


def is_refused_demo_user(email: str) -> bool:
    """True for a demo account outside the demo."""
    return not settings.DEMO and email.lower().endswith("@" + DEMO_DOMAIN)


def is_refused_demo_client(client_id: str) -> bool:
    """True for the demo's software client outside the demo."""
    return not settings.DEMO and client_id == DEMO_CLIENT_ID
