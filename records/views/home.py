"""The front door: what HealthHub is for those outside, the own room for those signed in."""

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render

from healthhub.accounts.demo import DEMO_DOMAIN, DEMO_PASSWORD, DEMO_USERS
from healthhub.web.context import role_name
from healthhub.web.navigation import ROOMS
from records.views.guards import for_everybody


@for_everybody
def home(request: HttpRequest) -> HttpResponseBase:
    """Send each role to its room; show the rest what this is and where to sign in."""
    actor = getattr(request, "actor", None)
    if actor and actor.role in ROOMS:
        return redirect(f"/{ROOMS[actor.role]}/")
    sign_ins = [(name, f"{name}@{DEMO_DOMAIN}", role_name(name)) for name in DEMO_USERS] if settings.DEMO else []
    return render(
        request, "records/home.html", {"sign_ins": sign_ins, "demo_domain": DEMO_DOMAIN, "demo_password": DEMO_PASSWORD}
    )
