"""What every template may use."""

from django.conf import settings
from django.http import HttpRequest


def site(request: HttpRequest) -> dict[str, object]:
    """``demo``: whether a banner must say that the people shown are invented."""
    return {"demo": settings.DEMO}
