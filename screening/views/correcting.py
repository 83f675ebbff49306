"""Putting right or taking back what the own facility recorded of a step. A form that was overtaken is shown again."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from fhir.outcomes import Refused
from records.identity import identity
from records.views.guards import CLINIC, ActingRequest, for_roles
from screening.citizen import here
from screening.clinic.refusals import faults_of
from screening.correcting import StepRecord, correct_step, find_step, withdraw_step
from screening.forms.correcting import CorrectStepForm, WithdrawStepForm
from screening.views.desk import facility_of, person_of


@for_roles(*CLINIC)
@require_http_methods(["GET", "POST"])
def correct(request: ActingRequest, patient_id: str, kind: str, source_id: str) -> HttpResponse:
    """The step's own form as it was filled; the old version stays readable."""
    step, context = _page(request, patient_id, kind, source_id)
    form = CorrectStepForm(request.POST or None, step=step)
    if form.is_valid():
        said = {name: form.cleaned_data[name] for name in ("reason", "why")} | form.corrected()
        try:
            correct_step(step=step, if_match=form.cleaned_data["version"], actor=request.actor, **said)
        except Refused as refused:
            step = _own_step(request, patient_id, kind, source_id)
            form = CorrectStepForm(_renewed(request.POST, step), step=step)
            _tell(form, refused)
        else:
            messages.success(request, _("Đã sửa. Bản trước vẫn được giữ lại, và ai đã làm theo nó đều được báo."))
            return redirect("clinic-person", patient_id)
    context |= {"form": form, "step": step, "title": _("Sửa: %(step)s") % {"step": here(step.rule.name)}}
    return render(request, "clinic/step_correct.html", context | {"now": _now(step), "following": form.following})


@for_roles(*CLINIC)
@require_http_methods(["GET", "POST"])
def withdraw(request: ActingRequest, patient_id: str, kind: str, source_id: str) -> HttpResponse:
    """Mark what was recorded as entered in error, with a coded reason."""
    step, context = _page(request, patient_id, kind, source_id)
    form = WithdrawStepForm(request.POST or None, step=step)
    if form.is_valid():
        said = {name: form.cleaned_data[name] for name in ("reason", "why")}
        try:
            withdraw_step(step=step, if_match=form.cleaned_data["version"], actor=request.actor, **said)
        except Refused as refused:
            step = _own_step(request, patient_id, kind, source_id)
            form = WithdrawStepForm(_renewed(request.POST, step), step=step)
            _tell(form, refused)
        else:
            messages.success(
                request,
                _("Đã rút lại, và ai đã làm theo nó đều được báo. Hãy xem việc tiếp theo."),
            )
            return redirect("clinic-person", patient_id)
    context |= {"form": form, "step": step, "title": _("Rút lại: %(step)s") % {"step": here(step.rule.name)}}
    return render(request, "clinic/step_withdraw.html", context | {"now": _now(step)})


def _page(request: ActingRequest, patient_id: str, kind: str, source_id: str) -> tuple[StepRecord, dict[str, Any]]:
    facility_of(request)
    citizen = person_of(request, patient_id)
    step = _own_step(request, patient_id, kind, source_id)
    if step.withdrawn and request.method == "GET":
        raise Http404
    return step, {"person": identity(citizen, with_area=False)}


def _own_step(request: ActingRequest, patient_id: str, kind: str, source_id: str) -> StepRecord:
    """Of this person, written by the own facility; 404 for all others, whether they exist or not."""
    try:
        step = find_step(type=kind, id=source_id, actor=request.actor)
    except Refused:
        raise Http404 from None
    if (step.patient, step.facility) != (patient_id, request.actor.facility):
        raise Http404
    return step


def _renewed(posted: QueryDict, step: StepRecord) -> QueryDict:
    """What was typed, over the version of now: whoever has read that may save it."""
    data = posted.copy()
    data["version"] = str(step.version)
    return data


def _tell(form: Any, refused: Refused) -> None:
    """The reasons of a refusal over the form, and nothing else: what was typed had no fault of its own."""
    form.errors.clear()
    if refused.status == 412:
        told = _("Có người vừa ghi bản mới, hiện ở trên. Điều bạn ghi còn ở dưới: hãy so lại rồi lưu.")
        form.add_error(None, told)
    elif any(issue.expression == "withdrawn" for issue in refused.issues):
        form.add_error(None, _("Có người vừa rút lại bước này, nên không sửa được nữa. Nếu đã diễn ra, hãy ghi mới."))
    else:
        for fault in faults_of(refused):
            form.add_error(None, fault.text)


def _now(step: StepRecord) -> str:
    """What is stored, in a line."""
    finding = step.rule.findings.get(step.finding)
    said = [here(finding.label) if finding else "", *(step.tnm.get(part, "") for part in ("t", "n", "m"))]
    return " ".join(filter(None, said))
