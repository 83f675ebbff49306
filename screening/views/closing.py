"""Steps that were closed for a reason: what waits for a second person, and the list to review, with a way back."""

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from fhir.outcomes import Refused
from healthhub.audit.log import record_access
from records.identity import identity
from records.views.guards import CLINIC, ActingRequest, for_roles
from screening.citizen import here
from screening.clinic.closed import asked_lines, closed_lines
from screening.clinic.refusals import faults_of
from screening.failsafe.closing import closures_waiting, decide_closure, reopen_round, still_asked
from screening.forms.bulk import WhyForm
from screening.models import Episode
from screening.protocol import protocol_for
from screening.views.desk import facility_of, person_of


@for_roles(*CLINIC)
@require_GET
def closed(request: ActingRequest) -> HttpResponse:
    """What waits for a second person first, then what was closed within the year, newest first."""
    facility, today = facility_of(request).pk, timezone.localdate()
    asked = asked_lines(still_asked(closures_waiting(request.actor)))
    page = closed_lines(facility, today, actor=request.actor, after=request.GET.get("after", ""))
    if people := sorted({line.person.id for line in (*asked, *page.lines)}):
        record_access(actor=request.actor, action="view", patients=people, resource_type="Episode", reason=request.path)
    context = {
        "asked": asked,
        "lines": page.lines,
        "next_page": f"?after={page.after}" if page.after else "",
        "first_page": "?" if request.GET.get("after") else "",
        "me": request.actor.id,
        "facility": facility,
    }
    return render(request, "clinic/steps_closed.html", context)


@for_roles(*CLINIC)
@require_POST
def decide(request: ActingRequest, request_id: int) -> HttpResponse:
    """A second person confirms a closing, or lets the step go on."""
    facility_of(request)
    get_object_or_404(closures_waiting(request.actor), pk=request_id)
    accepted = request.POST.get("answer") == "yes"
    try:
        decide_closure(request_id=request_id, accepted=accepted, actor=request.actor)
    except Refused as refused:
        for fault in faults_of(refused):
            messages.error(request, fault.text)
    else:
        messages.success(
            request,
            _("Đã xác nhận và khép lại.") if accepted else _("Không khép lại: bước này tiếp tục được theo dõi."),
        )
    return redirect("clinic-closed")


@for_roles(*CLINIC)
@require_http_methods(["GET", "POST"])
def reopen(request: ActingRequest, patient_id: str, episode_id: str) -> HttpResponse:
    """Open again what was closed for a reason: what one ``closing`` of the round closed, or all of it."""
    facility_of(request)
    citizen = person_of(request, patient_id)
    episode = get_object_or_404(Episode, pk=episode_id, patient=patient_id)
    closing = request.GET.get("closing", "")
    if not any(step["closing"] and closing in ("", step["closing"]) for step in episode.waived):
        raise Http404
    form = WhyForm(request.POST or None)
    if form.is_valid():
        try:
            reopen_round(episode=episode, why=form.cleaned_data["why"], actor=request.actor, closing=closing)
        except Refused as refused:
            for fault in faults_of(refused):
                form.add_error(None, fault.text)
        else:
            messages.success(request, _("Đã mở lại. Bước này trở lại danh sách việc cần làm với hạn cũ."))
            return redirect("clinic-person", patient_id)
    context = {
        "form": form,
        "person": identity(citizen, with_area=False),
        "title": _("Mở lại: %(programme)s")
        % {"programme": here(protocol_for(episode.programme, episode.opened_on).name)},
        "button": _("Mở lại"),
    }
    return render(request, "clinic/step.html", context)
