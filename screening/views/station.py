"""The station: results entered without network. The app's page holds nobody's data, so that a browser may keep it."""

import json
from typing import Any

from django.http import HttpResponse, JsonResponse
from django.middleware.csrf import get_token
from django.shortcuts import render
from django.templatetags.static import static
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_GET, require_POST

from healthhub.accounts.models import User
from records.views.guards import CLINIC, ActingRequest, for_everybody, for_roles
from screening.offline.packing import pack_list
from screening.offline.sync import take_entries
from screening.offline.words import words
from screening.views.desk import facility_of

MOST_ENTRIES = 100  # in one request; the device sends the rest after

ASSETS = (
    *("healthhub.css", "icons/healthhub.svg"),
    *(f"js/station/{name}.js" for name in ("station", "vault", "entry", "sync")),
    *(
        f"fonts/be-vietnam-pro-{part}-{weight}-normal.woff2"
        for part in ("vietnamese", "latin")
        for weight in (400, 600)
    ),
)


@for_roles(*CLINIC)
@require_GET
def station(request: ActingRequest) -> HttpResponse:
    """What the station is for, and the way into it."""
    facility_of(request)
    return render(request, "clinic/station.html")


@for_everybody
@cache_control(no_cache=True)
@require_GET
def app(request: Any) -> HttpResponse:
    """The app's page. It names nobody, not even who is signed in: the device keeps it."""
    return render(request, "clinic/station_app.html", {"words": words()})


@for_everybody
@cache_control(no_cache=True)
@require_GET
def worker(request: Any) -> HttpResponse:
    """The service worker that keeps the app's page and its assets on the device."""
    context = {"kept": json.dumps([reverse("clinic-station-app"), *(static(name) for name in ASSETS)])}
    return render(request, "clinic/station_worker.js", context, content_type="text/javascript; charset=utf-8")


@for_everybody
@cache_control(no_cache=True)
@require_GET
def manifest(request: Any) -> JsonResponse:
    """What makes the page installable."""
    return JsonResponse(
        {
            "id": reverse("clinic-station-app"),
            "name": _("HealthHub – Trạm lưu động"),
            "short_name": _("Trạm"),
            "start_url": reverse("clinic-station-app"),
            "scope": reverse("clinic-station"),
            "display": "standalone",
            "background_color": "#f4f7f8",
            "theme_color": "#00566b",
            "icons": [
                {"src": static("icons/healthhub.svg"), "sizes": "any", "type": "image/svg+xml"},
            ],
        },
        content_type="application/manifest+json",
    )


@for_roles(*CLINIC)
@require_GET
def session(request: ActingRequest) -> JsonResponse:
    """Who is signed in, and the token without which nothing can be sent."""
    facility = facility_of(request)
    who = {"user": request.actor.name, "userId": request.actor.id, "facilityId": facility.pk}
    return JsonResponse({**who, "token": get_token(request)})


@for_roles(*CLINIC)
@require_POST
def pack(request: ActingRequest) -> JsonResponse:
    """Today's people with the forms of their tests; every one of them is in the access log."""
    packed = pack_list(facility=facility_of(request), actor=request.actor, on=timezone.localdate(), reason=request.path)
    return JsonResponse(packed)


@for_roles(*CLINIC)
@require_POST
def sync(request: ActingRequest) -> JsonResponse:
    """Take in what was entered; answers entry by entry. 400 with a sentence for what is no list of entries."""
    facility = facility_of(request)
    try:
        entries = json.loads(request.body)["entries"]
        readable = isinstance(entries, list) and all(isinstance(entry, dict) for entry in entries)
    except (ValueError, KeyError, TypeError, RecursionError):
        readable = False
    if not readable or len(entries) > MOST_ENTRIES:
        return JsonResponse({"error": _("Không đọc được dữ liệu gửi lên.")}, status=400)
    assert isinstance(request.user, User)
    answers = take_entries(entries, user=request.user, facility=facility, actor=request.actor)
    shown = [
        {"id": one.id, "state": one.state, "text": one.text, "held": one.held, "choices": one.choices}
        for one in answers
    ]
    return JsonResponse({"answers": shown})
