"""The clinic's first page: what is to be done, most pressing first, and the person beside it."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from records.identity import identity
from records.views.guards import CLINIC, ActingRequest, for_roles
from screening.clinic import worklist as lists
from screening.clinic.lines import lines_of, with_details
from screening.clinic.person import result_lines
from screening.clinic.worklist import NOBODY, TABS, Filters, load_worklist
from screening.failsafe.assignments import colleagues
from screening.failsafe.contacts import contacts_of
from screening.failsafe.handover import mark_read, reminders_for
from screening.failsafe.levels import LEVEL_NAMES
from screening.results import results_of
from screening.views.bulk import take_undo
from screening.views.desk import facility_of, person_of

PARTS = ("programme", "step", "level", "assigned", "area")


@for_roles(*CLINIC)
@require_GET
def worklist(request: ActingRequest) -> HttpResponse:
    """Tabs with counts; the tab, the filters and the page are in the address."""
    facility, today = facility_of(request).pk, timezone.localdate()
    choices = filter_choices(request, facility)
    filters = asked_filters(request, choices)
    found = load_worklist(
        facility=facility,
        on=today,
        tab=request.GET.get("tab", ""),
        filters=filters,
        after=request.GET.get("after", ""),
        user_id=request.user.pk or 0,
        actor=request.actor,
        reason=request.path,
    )
    if not filters.any:
        choices["area"] = lists.area_choices(found.areas)
    query = request.GET.copy()
    query.pop("after", None)
    query["tab"] = found.tab
    first = query.urlencode()
    query["after"] = found.after
    context = {
        "worklist": found,
        "tabs": _tabs(request, found),
        "filters": filters,
        "choices": choices,
        "first_page": f"?{first}" if request.GET.get("after") else "",
        "next_page": f"?{query.urlencode()}" if found.after else "",
        "back": f"?{first}",
        "total": found.counts[found.tab],
        "level_names": LEVEL_NAMES,
        "reminders": reminders_for(facility),
        "undo": take_undo(request),
    }
    return render(request, "clinic/worklist.html", context)


@for_roles(*CLINIC)
@require_GET
def preview(request: ActingRequest, patient_id: str) -> HttpResponse:
    """A person in brief, to stand beside the list: a piece of a page."""
    facility = facility_of(request)
    citizen, today = person_of(request, patient_id), timezone.localdate()
    rounds = with_details(lists.rounds_of(facility.pk, request.actor).filter(patient=patient_id))
    context = {
        "person": identity(citizen, on=today),
        "lines": lines_of(list(rounds), on=today, facility=facility.pk),
        "results": result_lines(list(results_of(patient_id)[:3]), actor=request.actor),
        "contacts": contacts_of(patient_id)[:3],
    }
    return render(request, "clinic/worklist_preview.html", context)


@for_roles(*CLINIC)
@require_POST
def read_reminder(request: ActingRequest, reminder_id: int) -> HttpResponse:
    """The facility has read what the department asks."""
    facility_of(request)
    mark_read(reminder_id=reminder_id, actor=request.actor)
    return redirect("clinic")


def filter_choices(request: ActingRequest, facility: str) -> dict[str, list[tuple[str, str]]]:
    """What the list can be narrowed to; where people live only if the address narrows it (the list itself knows it)."""
    programmes = lists.programme_choices()
    programme = request.GET.get("programme", "")
    narrowed = any(request.GET.get(name) for name in PARTS)
    people = [(str(pk), name) for pk, name in colleagues(facility)]
    return {
        "programme": programmes,
        "step": lists.step_choices(programme if programme in dict(programmes) else ""),
        "level": [(key, str(name)) for key, name in LEVEL_NAMES.items()],
        "assigned": [(NOBODY, _("Chưa giao cho ai")), *people],
        "area": lists.area_choices(lists.areas_lived_in(facility)) if narrowed else [],
    }


def asked_filters(request: ActingRequest, choices: dict[str, list[tuple[str, str]]]) -> Filters:
    """What the address asks for, as far as it can be chosen."""
    asked = {name: request.GET.get(name, "") for name in PARTS}
    return Filters(**{name: value if value in dict(choices[name]) else "" for name, value in asked.items()})


def _tabs(request: ActingRequest, found: lists.Worklist) -> list[dict[str, Any]]:
    query = request.GET.copy()
    query.pop("after", None)
    tabs = []
    for key, label in TABS.items():
        query["tab"] = key
        href = f"?{query.urlencode()}"
        if key == "unmatched":
            try:
                href = reverse("clinic-matching")
            except NoReverseMatch:
                continue
        tabs.append({"label": label, "href": href, "count": found.counts[key], "current": key == found.tab})
    return tabs
