"""A citizen's own pages: who I am, what my record holds, who has looked."""

from datetime import timedelta
from typing import Final

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from healthhub.accounts.actors import Role
from healthhub.audit.log import record_access
from records.access.emergencies import openings_about
from records.identity import identity
from records.looks import days_of
from records.profile import Profile, profile, who_looked
from records.sections import codes_shown, load_sections
from records.views.guards import ActingRequest, for_roles

SHOWN_AT_HOME: Final = timedelta(days=30)
ICONS = {
    "conditions": "heart",
    "allergies": "alert",
    "medication": "pill",
    "immunizations": "needle",
    "observations": "results",
    "encounters": "calendar",
}


@for_roles(Role.CITIZEN)
def overview(request: ActingRequest) -> HttpResponse:
    """Home: what needs me now, my latest results, the parts of my record, the last who looked."""
    patient = _own(request)
    mine = _profile(request)
    looks = [look for look in who_looked(patient, actor=request.actor, limit=20) if look.actor != request.actor.id]
    context = {
        "me": identity(mine.citizen),
        "sections": load_sections(patient, actor=request.actor),
        "groups": _listed(mine),
        "emergencies": openings_about(patient, since=timezone.now() - SHOWN_AT_HOME),
        "latest_days": days_of(looks[:3], actor=request.actor),
    }
    return render(request, "records/me.html", context)


@for_roles(Role.CITIZEN)
def record(request: ActingRequest) -> HttpResponse:
    """Who I am in full, and the parts of my record with counts."""
    mine = _profile(request)
    return render(request, "records/record.html", {"me": identity(mine.citizen), "groups": _listed(mine)})


@for_roles(Role.CITIZEN)
def record_group(request: ActingRequest, group: str) -> HttpResponse:
    """One part of my record, newest first."""
    mine = _profile(request)
    found = next((one for one in mine.groups if one.key == group), None)
    if found is None:
        raise Http404
    return render(request, "records/record_group.html", {"group": found})


@for_roles(Role.CITIZEN)
def access(request: ActingRequest) -> HttpResponse:
    """Who has looked, by day; my own visits only on demand."""
    patient = _own(request)
    looks = who_looked(patient, actor=request.actor)
    record_access(
        actor=request.actor, action="view", patients=[patient], resource_type="AccessLog", reason=request.path
    )
    everyone = request.GET.get("who") == "all"
    others = [look for look in looks if look.actor != request.actor.id]
    context = {
        "emergencies": openings_about(patient),
        "days": days_of(looks if everyone else others, actor=request.actor),
        "everyone": everyone,
        "count_others": len(others),
        "count_all": len(looks),
    }
    return render(request, "records/access.html", context)


def _own(request: ActingRequest) -> str:
    """The citizen's own Patient. A membership without one has nothing to show."""
    if request.actor.patient is None:
        raise Http404
    return request.actor.patient


def _profile(request: ActingRequest) -> Profile:
    return profile(_own(request), actor=request.actor, without_codes=codes_shown(), reason=request.path)


def _listed(mine: Profile) -> list[dict[str, object]]:
    return [
        {
            "key": group.key,
            "title": group.title,
            "count": f"{len(group.entries)}+" if group.more else str(len(group.entries)),
            "last": next((entry.when for entry in group.entries if entry.when), ""),
            "icon": ICONS.get(group.key, "record"),
        }
        for group in mine.groups
    ]
