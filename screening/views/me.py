"""A citizen's screening results: all of them, and one in full."""

from collections.abc import Mapping
from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from healthhub.accounts.actors import Actor, Role
from healthhub.audit.log import record_access
from records.identity import written_birth
from records.models import Citizen
from records.sections import Section, register_section
from records.views.guards import ActingRequest, for_roles
from screening.citizen import ACT, card, newest_of_each_programme, screening_codes, tracker, trend
from screening.laboratory.awaited import awaited_by
from screening.models import ScreeningResult
from screening.recall.next_dates import with_next_dates
from screening.release import held_back
from screening.result_details import details
from screening.results import results_of


@for_roles(Role.CITIZEN)
def results(request: ActingRequest) -> HttpResponse:
    """All my results, newest first, and the course of the measured ones."""
    mine = _mine(request)
    held = held_back(mine, timezone.localdate())
    record_access(
        actor=request.actor,
        action="view",
        patients=[request.actor.patient],
        resource_type="Observation",
        reason=request.path,
    )
    cards = [card(one, held=one.pk in held) for one in mine]
    shown = [one for one in mine if one.pk not in held]
    context = {"cards": cards, "trend": trend(shown), "waiting": awaited_by(request.actor.patient or "")}
    return render(request, "screening/me_results.html", context)


@for_roles(Role.CITIZEN)
def result(request: ActingRequest, observation_id: str) -> HttpResponse:
    """One of my results: verdict, meaning, next step, tracker, and the details folded."""
    mine = _mine(request)
    found = next((one for one in mine if one.observation_id == observation_id), None)
    if found is None:
        raise Http404
    record_access(
        actor=request.actor,
        action="view",
        patients=[found.patient_id],
        resource_type="Observation",
        resource_id=observation_id,
        reason=request.path,
    )
    person = Citizen.objects.get(pk=found.patient_id)
    held = found.pk in held_back(mine, timezone.localdate())
    context = {
        "card": card(found, held=held),
        "steps": tracker(found, held=held),
        "details": None if held else details(found),
        "name": person.full_name,
        "birth": written_birth(person),
    }
    return render(request, "screening/me_result.html", context)


def home_section(patient: str, actor: Actor) -> Mapping[str, Any]:
    """For the citizen's home: what needs a step now, and the newest result of each programme."""
    mine = _results(patient)
    held = held_back(mine, timezone.localdate())
    cards = [card(one, held=one.pk in held) for one in newest_of_each_programme(mine)]
    return {
        "now": [one for one in cards if one.kind == ACT],
        "others": [one for one in cards if one.kind != ACT],
        "waiting": awaited_by(patient),
    }


def register() -> None:
    """Put the section on the citizen's home; called when the addresses are read."""
    register_section(Section("screening/me_section.html", home_section, order=10, codes=screening_codes))


def _mine(request: ActingRequest) -> list[ScreeningResult]:
    if request.actor.patient is None:
        raise Http404
    return _results(request.actor.patient)


def _results(patient: str) -> list[ScreeningResult]:
    found = list(results_of(patient))
    with_next_dates(patient, (one.episode for one in found))
    return found
