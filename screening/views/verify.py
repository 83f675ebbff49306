"""Results to verify: those nobody could read, those that wait for a second person, and entries that differ."""

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from fhir.outcomes import Refused
from healthhub.audit.log import record_access
from records.access import visible_to
from records.identity import identity
from records.views.guards import CLINIC, ActingRequest, for_roles
from screening.citizen import here, language
from screening.clinic.keyset import page_after
from screening.clinic.preview import Preview, preview, was_shown
from screening.clinic.refusals import faults_of
from screening.clinic.words import due_in_words, due_kind
from screening.forms.laboratory import test_of
from screening.forms.results import ResultForm
from screening.laboratory.releasing import to_tell, told_too_late
from screening.laboratory.tabs import laboratory_tabs
from screening.laboratory.verifying import (
    confirm_entry,
    differences,
    has_entered,
    settle_difference,
    to_verify,
)
from screening.models import EntryDifference, ScreeningResult
from screening.results import known_test
from screening.views.desk import facility_of

PAGE = 50


@for_roles(*CLINIC)
@require_GET
def queue(request: ActingRequest) -> HttpResponse:
    """What waits, the oldest first; differences on top."""
    facility = facility_of(request)
    people = visible_to(request.actor)
    open_ones = list(differences(facility.pk).filter(patient__in=people)[:PAGE])
    differing = [row.observation_id for row in open_ones]
    after = request.GET.get("after", "")
    waiting = to_verify(facility.pk).filter(patient__in=people).exclude(pk__in=differing)
    rows, rest = page_after(waiting, "collected_on", after, PAGE)
    shown = sorted({row.patient_id for row in rows} | {row.patient_id for row in open_ones})
    if shown:
        record_access(
            actor=request.actor, action="view", patients=shown, resource_type="Observation", reason=request.path
        )
    context = {
        "differences": [_difference(row) for row in open_ones],
        "lines": [_line(row) for row in rows],
        "first_page": "?" if after else "",
        "next_page": f"?{urlencode({'after': rest})}" if rest else "",
        "tabs": laboratory_tabs(facility.pk, "clinic-verify"),
    }
    return render(request, "clinic/bench_verify.html", context)


@for_roles(*CLINIC)
@require_GET
def tell(request: ActingRequest) -> HttpResponse:
    """Who must be told before she reads it herself, and until when that is possible; the overdue ones as a tab."""
    facility = facility_of(request)
    people = visible_to(request.actor)
    everybody = to_tell(facility.pk).filter(patient__in=people)
    overdue = told_too_late(facility.pk).filter(patient__in=people)
    late = request.GET.get("late") == "yes"
    after = request.GET.get("after", "")
    rows, rest = page_after(overdue if late else everybody, "hold_until", after, PAGE)
    if rows:
        shown = sorted({row.patient_id for row in rows})
        record_access(
            actor=request.actor, action="view", patients=shown, resource_type="Observation", reason=request.path
        )
    kinds = (("", _("Tất cả"), everybody), ("yes", _("Quá hạn báo"), overdue))
    context = {
        "lines": [_line(row) | _wait(row) for row in rows],
        "first_page": f"?late={'yes' if late else ''}" if after else "",
        "next_page": f"?{urlencode({'late': 'yes' if late else '', 'after': rest})}" if rest else "",
        "kinds": [
            {"label": label, "href": f"?late={key}", "count": found.count(), "current": late == bool(key)}
            for key, label, found in kinds
        ],
        "tabs": laboratory_tabs(facility.pk, "clinic-tell"),
    }
    return render(request, "clinic/bench_tell.html", context)


@for_roles(*CLINIC)
@require_http_methods(["GET", "POST"])
def second(request: ActingRequest, observation_id: str) -> HttpResponse:
    """The second entry, blind: the page does not show what was entered first, nor who entered it."""
    facility, result = facility_of(request), _result(request, observation_id)
    test = test_of(result.test)
    if result.status != "preliminary" or test is None:
        raise Http404
    if has_entered(observation_id, request.actor):
        messages.error(request, _("Bạn đã nhập kết quả này lần đầu; người khác phải nhập lần thứ hai."))
        return redirect("clinic-verify")
    form = ResultForm(
        request.POST or None,
        test=test,
        citizen=result.patient,
        corrects=None,
        initial={"specimen_id": result.specimen_id, "collected_on": result.collected_on},
    )
    form.fields["specimen_id"].disabled = True
    shown = _shown(form, result)
    if _may_save(request, shown):
        try:
            agree = confirm_entry(result=result, facility=facility, actor=request.actor, fields=form.result_fields())
        except Refused as refused:
            for fault in faults_of(refused):
                form.add_error(None, fault.text)
            shown = None
        else:
            if agree:
                messages.success(request, _("Hai lần nhập giống nhau: kết quả đã được xác nhận."))
            else:
                messages.warning(request, _("Hai lần nhập khác nhau. Hãy xem lại ống mẫu và phiếu rồi quyết định."))
            return redirect("clinic-verify")
    context = {
        "form": form,
        "preview": shown,
        "person": identity(result.patient, with_area=False),
        "title": _("Nhập lần thứ hai: %(test)s") % {"test": here(test.name)},
    }
    return _page(request, context)


@for_roles(*CLINIC)
@require_http_methods(["GET", "POST"])
def settle(request: ActingRequest, difference_id: int) -> HttpResponse:
    """Two entries side by side; what the tube and the paper say is entered again, and that becomes the result."""
    facility = facility_of(request)
    row = get_object_or_404(EntryDifference, pk=difference_id, facility=facility, settled_at__isnull=True)
    result = _result(request, row.observation_id)
    test = test_of(result.test)
    if test is None:
        raise Http404
    if has_entered(row.observation_id, request.actor):
        messages.error(request, _("Bạn đã nhập kết quả này lần đầu; người khác phải quyết định bản nào đúng."))
        return redirect("clinic-verify")
    form = ResultForm(
        request.POST or None,
        test=test,
        citizen=result.patient,
        initial={"specimen_id": result.specimen_id, "collected_on": result.collected_on},
    )
    form.fields["specimen_id"].disabled = True
    form.fields["note"].required = True
    form.fields["note"].label = _("Vì sao bản này đúng")
    shown = _shown(form, result)
    if _may_save(request, shown):
        try:
            settle_difference(difference=row, facility=facility, actor=request.actor, fields=form.result_fields())
        except Refused as refused:
            for fault in faults_of(refused):
                form.add_error(None, fault.text)
            shown = None
        else:
            messages.success(request, _("Đã quyết định. Cả hai lần nhập vẫn được lưu."))
            return redirect("clinic-verify")
    context = {
        "form": form,
        "preview": shown,
        "person": identity(result.patient, with_area=False),
        "difference": _difference(row),
        "title": _("Hai lần nhập khác nhau: %(test)s") % {"test": here(test.name)},
    }
    return _page(request, context)


def _shown(form: ResultForm, result: ScreeningResult) -> Preview | None:
    """What the filled form means; None if there is nothing to show or something to mend."""
    if not (form.is_bound and form.is_valid() and form.found):
        return None
    return preview(
        citizen=result.patient,
        programme=known_test(form.test.key, timezone.localdate())[0],
        found=form.found,
        fields=form.result_fields(),
        without=result.observation_id,
    )


def _may_save(request: ActingRequest, shown: Preview | None) -> bool:
    """The values are those that were shown with their reading, and somebody pressed the button."""
    return shown is not None and not _is_live(request) and was_shown(request.POST.get("mark", ""), shown)


def _is_live(request: ActingRequest) -> bool:
    return bool(request.headers.get("HX-Request"))


def _page(request: ActingRequest, context: dict[str, Any]) -> HttpResponse:
    return render(request, "clinic/result_preview.html" if _is_live(request) else "clinic/bench_second.html", context)


def _result(request: ActingRequest, observation_id: str) -> ScreeningResult:
    """A result of the own facility, about somebody whom one may see; the access is logged."""
    found = ScreeningResult.objects.filter(
        pk=observation_id, facility=request.actor.facility, patient__in=visible_to(request.actor)
    ).select_related("patient")
    result = found.first()
    if result is None:
        raise Http404
    record_access(
        actor=request.actor,
        action="view",
        patients=[result.patient_id],
        resource_type="Observation",
        resource_id=observation_id,
        reason=request.path,
    )
    return result


def _line(row: ScreeningResult) -> dict[str, Any]:
    test = test_of(row.test)
    days = (timezone.localdate() - (row.resulted_on or row.collected_on)).days
    return {
        "result": row,
        "person": identity(row.patient, with_area=False),
        "test": here(test.name) if test else row.test,
        "second": row.status == "preliminary",
        "reading": "" if row.status == "preliminary" else row.explanation.get(language(), ""),
        "days": days,
    }


def _wait(row: ScreeningResult) -> dict[str, Any]:
    assert row.hold_until is not None
    days = (row.hold_until - timezone.localdate()).days
    return {"due_words": due_in_words(days), "kind": due_kind(days)}


def _difference(row: EntryDifference) -> dict[str, Any]:
    test = test_of(row.test)
    return {
        "row": row,
        "person": identity(row.patient, with_area=False),
        "test": here(test.name) if test else row.test,
        "first": row.first.get(language(), ""),
        "second": row.second.get(language(), ""),
    }
