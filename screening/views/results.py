"""Entering a result, correcting one, taking one back. Nothing is saved before its reading was on the screen."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from fhir.outcomes import Refused
from records.identity import identity
from records.models import Citizen, Facility
from records.views.guards import CLINIC, ActingRequest, for_roles
from screening.citizen import here
from screening.clinic.person import result_lines
from screening.clinic.preview import Preview, preview, was_shown
from screening.clinic.refusals import faults_of
from screening.clinic.standing import standings
from screening.components import PREFIX, stored_components
from screening.forms.bulk import WhyForm
from screening.forms.results import ResultForm
from screening.models import ScreeningResult
from screening.results import correct_result, enter_result, known_test, results_of, withdraw_result
from screening.views.desk import facility_of, person_of, result_of


@for_roles(*CLINIC)
@require_http_methods(["GET", "POST"])
def new(request: ActingRequest, patient_id: str) -> HttpResponse:
    """The form of the test that the address names; without one, which tests there are."""
    facility, citizen = facility_of(request), person_of(request, patient_id)
    key = request.GET.get("test", "")
    if not key:
        offered = standings(citizen, results_of(patient_id), on=timezone.localdate())
        return render(
            request, "clinic/choose_test.html", {"person": identity(citizen, with_area=False), "standings": offered}
        )
    programme, test = _known(key)
    form = ResultForm(request.POST or None, test=test, citizen=citizen)
    shown = _preview(form, citizen, facility, programme)
    if shown and _may_save(request, shown):
        try:
            enter_result(facility=facility, actor=request.actor, patient_id=patient_id, **form.result_fields())
        except Refused as refused:
            _tell(form, refused)
            shown = None
        else:
            messages.success(request, _saved(_("Đã lưu kết quả %(test)s.") % {"test": here(test.name)}))
            return redirect("clinic-person", patient_id)
    return _page(request, form, shown, citizen, title=_("Nhập kết quả %(test)s") % {"test": here(test.name)})


@for_roles(*CLINIC)
@require_http_methods(["GET", "POST"])
def correct(request: ActingRequest, patient_id: str, observation_id: str) -> HttpResponse:
    """A new version of a result of the own facility; the old one stays readable."""
    facility, citizen = facility_of(request), person_of(request, patient_id)
    result = _own_result(facility, patient_id, observation_id)
    programme, test = _known(result.test)
    held = {PREFIX + key: value for key, value in stored_components(observation_id, test).items()}
    form = ResultForm(request.POST or None, test=test, citizen=citizen, corrects=result, initial=held)
    shown = _preview(form, citizen, facility, programme)
    if shown and _may_save(request, shown):
        try:
            correct_result(
                observation_id=observation_id,
                facility=facility,
                actor=request.actor,
                if_match=form.cleaned_data["version"],
                patient_id=patient_id,
                **form.result_fields(),
            )
        except Refused as refused:
            _tell(form, refused)
            shown = None
        else:
            messages.success(request, _saved(_("Đã sửa kết quả. Bản trước vẫn được giữ lại.")))
            return redirect("clinic-person", patient_id)
    title = _("Sửa kết quả %(test)s") % {"test": here(test.name)}
    return _page(request, form, shown, citizen, title=title, corrects=result)


@for_roles(*CLINIC)
@require_http_methods(["GET", "POST"])
def withdraw(request: ActingRequest, patient_id: str, observation_id: str) -> HttpResponse:
    """Mark a result of the own facility as entered in error, with the reason."""
    facility, citizen = facility_of(request), person_of(request, patient_id)
    result = _own_result(facility, patient_id, observation_id)
    form = WhyForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            withdraw_result(observation_id=observation_id, actor=request.actor, why=form.cleaned_data["why"])
        except Refused as refused:
            for fault in faults_of(refused):
                messages.error(request, fault.text)
        else:
            messages.success(request, _("Đã rút kết quả. Nó không còn được tính, nhưng vẫn nằm trong lịch sử."))
        return redirect("clinic-person", patient_id)
    line = result_lines([result], actor=request.actor)[0]
    context = {"person": identity(citizen, with_area=False), "line": line, "form": form}
    return render(request, "clinic/withdraw.html", context)


def _known(key: str) -> Any:
    try:
        return known_test(key, timezone.localdate())
    except KeyError:
        raise Http404 from None


def _own_result(facility: Facility, patient_id: str, observation_id: str) -> ScreeningResult:
    result = result_of(patient_id, observation_id)
    if result.facility_id != facility.pk:
        raise Http404
    return result


def _preview(form: ResultForm, citizen: Citizen, facility: Facility, programme: str) -> Preview | None:
    """What the filled form means; None if there is nothing to show or something to mend."""
    if not form.is_bound or not form.is_valid() or form.check_specimen(facility) or form.found is None:
        return None
    without = form.corrects.observation_id if form.corrects else ""
    return preview(citizen=citizen, programme=programme, found=form.found, fields=form.result_fields(), without=without)


def _may_save(request: ActingRequest, shown: Preview) -> bool:
    """The values are those that were shown with their reading, and somebody pressed the button."""
    return not request.headers.get("HX-Request") and was_shown(request.POST.get("mark", ""), shown)


def _tell(form: ResultForm, refused: Refused) -> None:
    for fault in faults_of(refused):
        form.add_error(fault.field if fault.field in form.fields else None, fault.text)


def _page(
    request: ActingRequest,
    form: ResultForm,
    shown: Preview | None,
    citizen: Citizen,
    *,
    title: str,
    corrects: Any = None,
) -> HttpResponse:
    context: dict[str, Any] = {
        "form": form,
        "preview": shown,
        "person": identity(citizen, with_area=False),
        "title": title,
    }
    if corrects:
        context["corrects"] = result_lines([corrects], actor=request.actor)[0]
    if request.headers.get("HX-Request"):
        return render(request, "clinic/result_preview.html", context)
    return render(request, "clinic/result_form.html", context)


def _saved(text: str) -> str:
    """The banner with the way to the next person. It names nobody: messages travel in a cookie."""
    return format_html('{} <a href="{}">{}</a>', text, reverse("clinic-people"), _("Người tiếp theo"))
