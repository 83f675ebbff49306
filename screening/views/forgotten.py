"""Who has been forgotten longest, and what the nightly checks found: for the department, and for each clinic."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from records.views.guards import CITY, CLINIC, ActingRequest, for_roles
from screening.clinic.worklist import rounds_of
from screening.failsafe.figures import rounds_in
from screening.failsafe.people import alarms_in, alarms_of_clinic, longest_waiting
from screening.failsafe.scope import scope_of
from screening.models import FailsafeRun
from screening.views.desk import facility_of


@for_roles(*CITY)
@require_GET
def forgotten(request: ActingRequest) -> HttpResponse:
    """What the checks found, and the positives who have waited longest; analysts see counts only."""
    scope, today = scope_of(request.actor), timezone.localdate()
    waiting: list[Any] = []
    if scope.names:
        rounds = rounds_in(scope, today, level="open")
        waiting = longest_waiting(rounds, today, actor=request.actor, reason=request.path)
    context = {
        "scope": scope,
        "alarms": alarms_in(scope, actor=request.actor, reason=request.path),
        "waiting": waiting,
        "run": FailsafeRun.objects.filter(finished_at__isnull=False).order_by("-id").first(),
        "today": today,
    }
    return render(request, "city/forgotten.html", context)


@for_roles(*CLINIC)
@require_GET
def forgotten_here(request: ActingRequest) -> HttpResponse:
    """The clinic's own longest-waiting positives, and what the checks found among its people."""
    facility, today = facility_of(request).pk, timezone.localdate()
    waiting = longest_waiting(
        rounds_of(facility, request.actor), today, actor=request.actor, reason=request.path, facility=facility
    )
    context = {
        "clinic": True,
        "alarms": alarms_of_clinic(request.actor, reason=request.path),
        "waiting": waiting,
        "run": FailsafeRun.objects.filter(finished_at__isnull=False).order_by("-id").first(),
        "today": today,
    }
    return render(request, "city/forgotten.html", context)
