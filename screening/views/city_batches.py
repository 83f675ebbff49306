"""One decision about all steps of a filter: shown with its numbers, asked for, confirmed by a second, undone."""

from typing import Any, Final

from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from fhir.outcomes import Refused
from healthhub.accounts.actors import Role
from healthhub.audit.log import record_access
from records.views.guards import ActingRequest, for_roles
from screening.clinic.closed import asked_lines
from screening.clinic.refusals import faults_of
from screening.failsafe import batches as work
from screening.failsafe.batch_pages import batch_lines, said_of, steps_page
from screening.failsafe.batch_work import OPEN
from screening.failsafe.closing import closures_waiting, decide_closure, still_asked
from screening.failsafe.filters import Asked, counts_by_step
from screening.failsafe.people import need_names
from screening.failsafe.scope import scope_of
from screening.forms.bulk import WhyForm
from screening.forms.failsafe import CloseBatchForm, HandOverBatchForm
from screening.models import OpenRound

SHOWN: Final = 50
_TITLES: Final = {
    "hand-over": gettext_lazy("Chuyển cơ sở phụ trách"),
    "close": gettext_lazy("Đề nghị khép lại với lý do"),
}


@for_roles(Role.OFFICER)
@require_http_methods(["GET", "POST"])
def ask(request: ActingRequest, action: str) -> HttpResponse:
    """Show how many it is about, then ask for it; if their number has changed meanwhile, show it again."""
    if action not in _TITLES:
        raise Http404
    scope, today = scope_of(request.actor), timezone.localdate()
    need_names(scope)
    asked = Asked.of(request.GET)
    rounds = asked.rounds(scope, today)
    count = rounds.count()
    form = _form(action, request, rounds, count)
    if form.is_valid() and form.cleaned_data["count"] == count:
        try:
            asking = work.ask_closing if action == "close" else work.ask_hand_over
            batch = asking(rounds, asked=asked.address, actor=request.actor, **form.said())
        except Refused as refused:
            _tell(form, refused)
        else:
            work.begin(batch)
            return redirect("city-batch", batch.pk)
    context = {
        "form": form,
        "title": _TITLES[action],
        "count": count,
        "changed": form.is_bound and form.is_valid() and form.cleaned_data["count"] != count,
        "steps": counts_by_step(rounds),
        "said": said_of(asked.address),
        "closing": action == "close",
        "back": f"{reverse('city-failsafe-people')}?{urlencode(asked.address)}",
    }
    if context["changed"]:
        context["form"] = _form(action, request, rounds, count, anew=True)
    return render(request, "city/batch_ask.html", context)


@for_roles(Role.OFFICER)
@require_GET
def batches(request: ActingRequest) -> HttpResponse:
    """What waits for a second officer, what is being done, what was done."""
    found = batch_lines(work.batches_of(_scope(request))[:SHOWN])
    return render(request, "city/batches.html", {"batches": found, "me": request.actor.id})


@for_roles(Role.OFFICER)
@require_GET
def batch(request: ActingRequest, batch_id: int) -> HttpResponse:
    """One batch: what was asked, how far it is, and what became of each person's step."""
    scope = _scope(request)
    found = get_object_or_404(work.batches_of(scope), pk=batch_id)
    (line,) = batch_lines([found])
    context: dict[str, Any] = {"line": line, "batch": found, "me": request.actor.id}
    if request.headers.get("HX-Request") and found.state in OPEN:
        return render(request, "city/batch_state.html", context)
    page = steps_page(found, request.GET.get("after", ""), scope)
    if page.people:
        record_access(
            actor=request.actor, action="view", patients=page.people, resource_type="Episode", reason=request.path
        )
    context |= {
        "page": page,
        "undo": WhyForm(),
        "first_page": "?" if request.GET.get("after") else "",
        "next_page": f"?after={page.after}" if page.after else "",
    }
    return render(request, "city/batch.html", context)


@for_roles(Role.OFFICER)
@require_POST
def decide(request: ActingRequest, batch_id: int) -> HttpResponse:
    """A second officer confirms a batch, or lets all its steps go on."""
    get_object_or_404(work.batches_of(_scope(request)), pk=batch_id)
    accepted = request.POST.get("answer") == "yes"
    try:
        work.begin(work.decide_batch(batch_id=batch_id, accepted=accepted, actor=request.actor))
    except Refused as refused:
        _warn(request, refused)
    else:
        if not accepted:
            messages.success(request, _("Không khép lại: các bước này tiếp tục được theo dõi."))
    return redirect("city-batch", batch_id)


@for_roles(Role.OFFICER)
@require_POST
def undo(request: ActingRequest, batch_id: int) -> HttpResponse:
    """Take back what a batch has done, with a reason."""
    get_object_or_404(work.batches_of(_scope(request)), pk=batch_id)
    form = WhyForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Hãy ghi lý do hoàn tác."))
        return redirect("city-batch", batch_id)
    try:
        work.begin(work.undo_batch(batch_id=batch_id, why=form.cleaned_data["why"], actor=request.actor))
    except Refused as refused:
        _warn(request, refused)
    return redirect("city-batch", batch_id)


@for_roles(Role.OFFICER)
@require_GET
def closings(request: ActingRequest) -> HttpResponse:
    """Closings of single steps that wait for a second person, in the officer's part of the city."""
    _scope(request)
    lines = asked_lines(still_asked(closures_waiting(request.actor)))
    if people := sorted({line.person.id for line in lines}):
        record_access(actor=request.actor, action="view", patients=people, resource_type="Episode", reason=request.path)
    return render(request, "city/closings.html", {"asked": lines, "me": request.actor.id})


@for_roles(Role.OFFICER)
@require_POST
def decide_closing(request: ActingRequest, request_id: int) -> HttpResponse:
    """The officer is the second person for a station that has none."""
    get_object_or_404(closures_waiting(request.actor), pk=request_id)
    accepted = request.POST.get("answer") == "yes"
    try:
        decide_closure(request_id=request_id, accepted=accepted, actor=request.actor)
    except Refused as refused:
        _warn(request, refused)
    else:
        messages.success(
            request,
            _("Đã xác nhận và khép lại.") if accepted else _("Không khép lại: bước này tiếp tục được theo dõi."),
        )
    return redirect("city-closings")


def _form(
    action: str, request: ActingRequest, rounds: QuerySet[OpenRound], count: int, *, anew: bool = False
) -> CloseBatchForm | HandOverBatchForm:
    data: Any = None
    if request.method == "POST":
        data = request.POST.copy()
        if anew:
            data["count"] = str(count)
    initial = {"count": count}
    if action == "close":
        return CloseBatchForm(data, initial=initial, reasons=work.reasons_of(rounds))
    return HandOverBatchForm(data, initial=initial)


def _scope(request: ActingRequest) -> Any:
    scope = scope_of(request.actor)
    need_names(scope)
    return scope


def _tell(form: Any, refused: Refused) -> None:
    for fault in faults_of(refused):
        form.add_error(None, fault.text)


def _warn(request: ActingRequest, refused: Refused) -> None:
    for fault in faults_of(refused):
        messages.error(request, fault.text)
