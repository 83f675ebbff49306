"""A person as the clinic sees her: banner, screening, results, the rest of the record."""

from dataclasses import replace

from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from records.access import OPENS, can_see
from records.access.emergencies import lasting_opening
from records.identity import identity
from records.profile import Profile, profile
from records.refusals import log_refusal
from records.views.guards import CLINIC, ActingRequest, for_roles
from screening.appointments.days import of_person
from screening.appointments.notes import notes_for
from screening.citizen import screening_codes
from screening.clinic.history import history_of
from screening.clinic.person import result_lines
from screening.clinic.recall import recall_lines
from screening.clinic.standing import standings
from screening.clinic.tracker import tracker
from screening.failsafe.contacts import contacts_of
from screening.models import ScreeningResult
from screening.results import results_of
from screening.smoking import smoking_of
from screening.views.desk import facility_of

SHOWN = 4


@for_roles(*CLINIC)
@require_GET
def person(request: ActingRequest, patient_id: str) -> HttpResponse:
    """Everything on one page; 403 for people whom the facility does not care for. ``profile`` logs the access.

    Who may open a record in an emergency is told how, in the same words whether there is such a person or not; opened
    so it is for reading only.
    """
    facility = facility_of(request)
    try:
        found = profile(patient_id, actor=request.actor, without_codes=screening_codes(), reason=request.path)
    except PermissionDenied as error:
        if request.actor.role not in OPENS:
            raise
        log_refusal(error, request, actor=request.actor, asked={"patient_id": patient_id})
        return render(request, "clinic/person_closed.html", {"patient_id": patient_id}, status=403)
    results = list(results_of(patient_id))
    if patient_id in dict(request.actor.emergencies) and not can_see(request.actor, patient_id):
        return _read_only(request, found, results)
    standing = standings(found.citizen, results, on=timezone.localdate(), facility=facility.pk)
    notes = notes_for([one.episode for one in standing if one.episode is not None and one.action])
    history = history_of(patient_id, contacts_of(patient_id), facility=facility.pk)
    context = {
        "person": identity(found.citizen),
        "standings": standing,
        "others": [one for one in standing if not one.main],
        "notes": list(notes.items()),
        "bookings": of_person(patient_id),
        "results": result_lines(results, actor=request.actor),
        "trackers": [(one.episode.pk, tracker(one.episode, history)) for one in standing if one.episode and one.action],
        "history": history,
        "recall": recall_lines(patient_id, timezone.localdate()),
        "smoking": [one for one in smoking_of(patient_id, actor=request.actor) if not one.withdrawn],
        "here": facility.pk,
        "groups": found.groups,
        "shown": SHOWN,
    }
    return render(request, "clinic/person.html", context)


def _read_only(request: ActingRequest, found: Profile, results: list[ScreeningResult]) -> HttpResponse:
    lines = [replace(line, own=False, step="") for line in result_lines(results, actor=request.actor)]
    context = {
        "person": identity(found.citizen),
        "opening": lasting_opening(found.citizen.pk, actor=request.actor),
        "results": lines,
        "history": history_of(found.citizen.pk, contacts_of(found.citizen.pk), facility=""),
        "groups": found.groups,
        "shown": SHOWN,
    }
    return render(request, "clinic/person_emergency.html", context)
