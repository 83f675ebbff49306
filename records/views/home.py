"""The front door: what HealthHub is for those outside, the own room for those signed in."""

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from healthhub.accounts.demo import DEMO_DOMAIN, DEMO_OF_TWO, DEMO_PASSWORD, DEMO_USERS
from healthhub.web.context import role_name
from healthhub.web.navigation import links_for
from records.views.guards import for_everybody


@for_everybody
def home(request: HttpRequest) -> HttpResponseBase:
    """Send each role to its first page, who must choose one to the choice; show the rest what this is."""
    actor = getattr(request, "actor", None)
    if actor is None and getattr(request, "held", None):
        return redirect("roles")
    pages = links_for(actor.role, path=request.path) if actor else []
    if pages:
        return redirect(pages[0].href)
    names = {name: role_name(name) for name in DEMO_USERS} | {DEMO_OF_TWO: _("Bác sĩ làm ở hai cơ sở")}
    sign_ins = [(name, f"{name}@{DEMO_DOMAIN}", label) for name, label in names.items()] if settings.DEMO else []
    return render(
        request, "records/home.html", {"sign_ins": sign_ins, "demo_domain": DEMO_DOMAIN, "demo_password": DEMO_PASSWORD}
    )
