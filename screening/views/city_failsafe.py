"""Nobody is lost: the department's failsafe in numbers, and the people behind them."""

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.db.models import F
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods

from fhir.outcomes import Refused
from healthhub.accounts.actors import Role
from healthhub.audit.log import record_access
from records.identity import identity
from records.models import Facility
from records.views.guards import CITY, ActingRequest, for_roles
from screening.citizen import here
from screening.clinic.refusals import faults_of
from screening.clinic.steps import step_name
from screening.clinic.words import days_in_words
from screening.failsafe.batches import decisions_waiting
from screening.failsafe.cancer_rates import cancer_rates
from screening.failsafe.figures import failsafe_figures, overdue_of, rounds_in
from screening.failsafe.filters import Asked, choices
from screening.failsafe.handover import hand_over, remind
from screening.failsafe.levels import LEVEL_NAMES
from screening.failsafe.people import need_names, page_of
from screening.failsafe.scope import scope_of
from screening.forms.failsafe import HandOverForm, RemindForm
from screening.models import FailsafeRun
from screening.places import as_held


@for_roles(*CITY)
@require_GET
def failsafe(request: ActingRequest) -> HttpResponse:
    """Open, late and escalated steps of the actor's part of the city, in numbers."""
    scope, today = scope_of(request.actor), timezone.localdate()
    record_access(actor=request.actor, action="view", patients=[None], resource_type="Statistics", reason=request.path)
    figures = failsafe_figures(scope, today)
    context = {
        "scope": scope,
        "figures": figures,
        "tiles": [
            {"label": _("Đang mở"), "count": figures.total.open, "level": "open"},
            {"label": _("Quá hạn"), "count": figures.total.overdue, "level": "late"},
            {"label": _("Đã báo quận, huyện"), "count": figures.total.district, "level": "district"},
            {"label": _("Đã báo thành phố"), "count": figures.total.city, "level": "city"},
        ],
        "longest": days_in_words(figures.total.longest),
        "tables": [
            ("programme", _("Theo chương trình"), figures.programmes),
            ("facility", _("Theo cơ sở phụ trách"), figures.facilities[:100]),
            ("area", _("Theo nơi ở"), figures.areas),
            ("year", _("Theo năm mở vòng"), figures.years),
        ],
        "waiting": decisions_waiting(request.actor) if scope.names else 0,
        "cancers": cancer_rates(today),
        "today": today,
        "run": FailsafeRun.objects.filter(finished_at__isnull=False).order_by("-id").first(),
    }
    return render(request, "city/failsafe.html", context)


@for_roles(Role.OFFICER)
@require_GET
def people(request: ActingRequest) -> HttpResponse:
    """The people behind a figure, narrowed as the address says, and what can be done with all of them."""
    scope, today = scope_of(request.actor), timezone.localdate()
    need_names(scope)
    asked = Asked.of(request.GET)
    rounds, after = asked.rounds(scope, today), request.GET.get("after", "")
    found = page_of(rounds, today, after=after, actor=request.actor, reason=request.path)
    shown = asked.address
    context = {
        "people": found,
        "count": rounds.count(),
        "asked": asked,
        "choices": choices(scope),
        "query": urlencode(shown),
        "first_page": f"?{urlencode(shown)}" if after else "",
        "next_page": f"?{urlencode({**shown, 'after': found.after})}" if found.after else "",
        "facility": Facility.objects.filter(pk=asked.facility).first() if asked.facility else None,
        "levels": [
            {"label": label, "href": f"?{urlencode({**shown, 'level': key})}", "current": key == asked.level}
            for key, label in (("open", _("Đang mở")), ("late", _("Quá hạn")), *LEVEL_NAMES.items())
        ],
    }
    return render(request, "city/failsafe_people.html", context)


@for_roles(Role.OFFICER)
@require_http_methods(["GET", "POST"])
def handover(request: ActingRequest, episode_id: str) -> HttpResponse:
    """Give an open step to another facility."""
    scope, today = scope_of(request.actor), timezone.localdate()
    need_names(scope)
    at = request.GET.get("at") or F("episode__holder")
    places = rounds_in(scope, today, level="open").filter(episode__id=episode_id, holder=at)
    (episode,) = as_held([get_object_or_404(places.select_related("episode__patient"))])
    record_access(
        actor=request.actor,
        action="view",
        patients=[episode.patient_id],
        resource_type="Episode",
        resource_id=str(episode.pk),
        reason=request.path,
    )
    form = HandOverForm(request.POST or None)
    if form.is_valid():
        try:
            hand_over(
                episode=episode,
                facility=form.cleaned_data["facility"],
                reason=form.cleaned_data["reason"],
                on=today,
                actor=request.actor,
            )
        except Refused as refused:
            _tell(form, refused)
        else:
            messages.success(request, _("Đã chuyển. Việc này giờ ở danh sách của cơ sở mới."))
            return redirect("city-failsafe")
    context = {
        "form": form,
        "person": identity(episode.patient, with_area=False),
        "title": _("Chuyển cơ sở phụ trách: %(step)s") % {"step": here(step_name(episode))},
        "button": _("Chuyển sang cơ sở này"),
        "back": "/city/failsafe/people/",
    }
    return render(request, "city/failsafe_form.html", context)


@for_roles(Role.OFFICER)
@require_http_methods(["GET", "POST"])
def reminder(request: ActingRequest, facility_id: str) -> HttpResponse:
    """Remind a facility of what is late with it."""
    scope, today = scope_of(request.actor), timezone.localdate()
    need_names(scope)
    facility = get_object_or_404(Facility, pk=facility_id)
    overdue = overdue_of(facility.pk, today)
    form = RemindForm(request.POST or None)
    if form.is_valid():
        try:
            remind(facility=facility, overdue=overdue, text=form.cleaned_data["text"], actor=request.actor)
        except Refused as refused:
            _tell(form, refused)
        else:
            messages.success(request, _("Đã nhắc. Lời nhắc đứng đầu danh sách của cơ sở cho đến khi có người đọc."))
            return redirect("city-failsafe")
    context = {
        "form": form,
        "title": _("Nhắc %(facility)s") % {"facility": facility.name},
        "lead": ngettext("%(count)d việc quá hạn ở cơ sở này.", "%(count)d việc quá hạn ở cơ sở này.", overdue)
        % {"count": overdue},
        "button": _("Gửi lời nhắc"),
        "back": "/city/failsafe/",
    }
    return render(request, "city/failsafe_form.html", context)


def _tell(form: Any, refused: Refused) -> None:
    for fault in faults_of(refused):
        form.add_error(None, fault.text)
