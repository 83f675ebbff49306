"""Giving all work of a tab and its filters to one person, not only a page of it: its number is shown first."""

from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from fhir.outcomes import Refused
from records.views.guards import CLINIC, ActingRequest, for_roles
from screening.clinic.bulk import assign_whole
from screening.clinic.refusals import faults_of
from screening.clinic.worklist import ROUNDS, TABS, rounds_on
from screening.failsafe.assignments import colleagues
from screening.failsafe.filters import counts_by_step
from screening.forms.bulk import AssignAllForm
from screening.views.bulk import remember_given
from screening.views.desk import facility_of
from screening.views.worklist import asked_filters, filter_choices


@for_roles(*CLINIC)
@require_http_methods(["GET", "POST"])
def assign_all(request: ActingRequest) -> HttpResponse:
    """Show how many there are, then give them; if their number has changed meanwhile, show it again."""
    facility, tab = facility_of(request).pk, request.GET.get("tab", "")
    if tab not in ROUNDS:
        raise Http404
    filters = asked_filters(request, filter_choices(request, facility))
    rounds = rounds_on(
        tab,
        facility=facility,
        on=timezone.localdate(),
        filters=filters,
        user_id=request.user.pk or 0,
        actor=request.actor,
    )
    count, back = rounds.count(), f"{reverse('clinic')}?{request.GET.urlencode()}"
    form = _form(request, facility, count)
    valid = form.is_valid()
    changed = valid and form.cleaned_data["count"] != count
    if valid and not changed:
        try:
            made = assign_whole(rounds, form.user_id(), actor=request.actor)
        except Refused as refused:
            for fault in faults_of(refused):
                form.add_error(None, fault.text)
        else:
            remember_given(request, form, made)
            return redirect(back)
    context = {
        "form": _form(request, facility, count, anew=True) if changed else form,
        "title": _("Giao việc"),
        "said": TABS[tab],
        "count": count,
        "changed": changed,
        "steps": counts_by_step(rounds),
        "back": back,
    }
    return render(request, "city/batch_ask.html", context)


def _form(request: ActingRequest, facility: str, count: int, *, anew: bool = False) -> AssignAllForm:
    data: Any = request.POST.copy() if request.method == "POST" else None
    if anew and data is not None:
        data["count"] = str(count)
    return AssignAllForm(
        data, colleagues=colleagues(facility), initial={"assignee": str(request.user.pk), "count": count}
    )
