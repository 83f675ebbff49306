"""One decision for several people: the names are shown and asked about first, then each is done by herself."""

import time
from collections.abc import Sequence
from typing import Any, Final

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_POST

from fhir.outcomes import Refused
from records.views.guards import CLINIC, ActingRequest, for_roles
from screening.clinic.bulk import ACTIONS, Outcome, assign_all, carry_out, reasons_for, selected
from screening.clinic.lines import Line
from screening.clinic.refusals import faults_of
from screening.failsafe.assignments import colleagues, undo_assignments
from screening.forms.bulk import AssignForm, CloseManyForm, ContactForm
from screening.forms.fields import chosen_word
from screening.forms.steps import ReferForm
from screening.views.desk import facility_of

UNDO_SECONDS: Final = 60  # the bar goes after ten; whoever was quick must not be told "too late" by a slow network
_UNDO: Final = "worklist-undo"
_TITLES: Final = {
    "assign": gettext_lazy("Giao việc"),
    "refer": gettext_lazy("Giới thiệu đi khám"),
    "contact": gettext_lazy("Ghi lần liên lạc"),
    "close": gettext_lazy("Khép lại với lý do"),
}


@for_roles(*CLINIC)
@require_POST
def bulk(request: ActingRequest, action: str) -> HttpResponse:
    """Ask with the names, then (``confirmed``) do it; what could not be done is shown with its reason, ticked again."""
    if action not in ACTIONS:
        raise Http404
    facility = facility_of(request).pk
    values = request.POST.getlist("rounds")
    chosen = selected(values, facility=facility, on=timezone.localdate(), actor=request.actor, reason=request.path)
    back = _back(request)
    if not chosen.lines:
        messages.warning(request, _("Hãy chọn ít nhất một người trong danh sách."))
        return redirect(back)
    confirmed = "confirmed" in request.POST
    form = _form(action, request, chosen.lines, facility)
    context: dict[str, Any] = {
        "action": action,
        "title": _TITLES[action],
        "form": form,
        "lines": chosen.lines,
        "gone": chosen.gone,
        "back": back,
    }
    if not confirmed or not form.is_valid():
        return render(request, "clinic/worklist_bulk.html", context)
    if isinstance(form, AssignForm):
        return _assign(request, form, chosen.lines, context)
    fields = form.attempt() if isinstance(form, ContactForm) else form.cleaned_data
    outcomes = carry_out(action, chosen.lines, fields, actor=request.actor)
    return _answer(request, outcomes, context)


@for_roles(*CLINIC)
@require_POST
def undo(request: ActingRequest) -> HttpResponse:
    """Put back what was given away a moment ago."""
    facility_of(request)
    held = request.session.pop(_UNDO, None)
    if not held or time.time() - held["at"] > UNDO_SECONDS:
        messages.warning(request, _("Đã quá lâu để hoàn tác. Bạn vẫn có thể giao lại từng việc."))
    else:
        count = undo_assignments(first=held["first"], last=held["last"], actor=request.actor)
        messages.success(
            request, ngettext("Đã hoàn tác %(count)d việc.", "Đã hoàn tác %(count)d việc.", count) % {"count": count}
        )
    return redirect(_back(request))


def take_undo(request: ActingRequest) -> dict[str, Any] | None:
    """What can still be undone, shown once: the next page has no bar."""
    held = request.session.get(_UNDO)
    if not held or held.get("shown") or time.time() - held["at"] > UNDO_SECONDS:
        return None
    request.session[_UNDO] = {**held, "shown": True}
    return {"count": held["count"], "name": held["name"]}


def _form(action: str, request: ActingRequest, lines: Sequence[Line], facility: str) -> Any:
    data = request.POST if "confirmed" in request.POST else None
    if action == "assign":
        return AssignForm(data, colleagues=colleagues(facility), initial={"assignee": str(request.user.pk)})
    if action == "refer":
        due = [line.due_on for line in lines if line.due_on >= timezone.localdate()]
        return ReferForm(data, initial={"due_on": min(due, default=None)})
    if action == "contact":
        return ContactForm(data)
    return CloseManyForm(data, reasons=reasons_for(lines))


def _assign(request: ActingRequest, form: AssignForm, lines: Sequence[Line], context: dict[str, Any]) -> HttpResponse:
    try:
        made = assign_all(lines, form.user_id(), actor=request.actor)
    except Refused as refused:
        for fault in faults_of(refused):
            form.add_error(None, fault.text)
        return render(request, "clinic/worklist_bulk.html", context)
    remember_given(request, form, made)
    return redirect(context["back"])


def remember_given(request: ActingRequest, form: AssignForm, made: Sequence[int]) -> None:
    """Let what was just given be undone for a moment. A whole list may be thousands: the session keeps its ends."""
    if not made:
        request.session.pop(_UNDO, None)
        return
    name = chosen_word(form, "assignee")
    request.session[_UNDO] = {
        "first": min(made),
        "last": max(made),
        "count": len(made),
        "at": time.time(),
        "name": str(name),
    }


def _answer(request: ActingRequest, outcomes: Sequence[Outcome], context: dict[str, Any]) -> HttpResponse:
    done = sum(not outcome.fault for outcome in outcomes)
    failed = [outcome for outcome in outcomes if outcome.fault]
    words = ngettext("Đã xong cho %(count)d người.", "Đã xong cho %(count)d người.", done) % {"count": done}
    if not failed:
        messages.success(request, words)
        return redirect(context["back"])
    unbound: forms.Form = context["form"]
    shown = {**context, "form": unbound, "lines": [one.line for one in failed], "failed": failed, "done": done}
    return render(request, "clinic/worklist_bulk.html", shown)


def _back(request: ActingRequest) -> str:
    """The list as it was, if the form says so and it is ours."""
    back = request.POST.get("back", "")
    if back.startswith("?"):
        back = f"/clinic/{back}"
    safe = back.startswith("/clinic/") and url_has_allowed_host_and_scheme(back, allowed_hosts=None)
    return back if safe else "/clinic/"
