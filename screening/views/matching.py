"""The queue of results without a person or an order: candidates, a match with its reading shown first, a rejection."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from fhir.access import policy
from fhir.outcomes import Refused
from healthhub.audit.log import record_access
from records.citizens import find_presented
from records.identity import identity
from records.models import Facility
from records.views.guards import CLINIC, ActingRequest, for_roles
from screening.citizen import here
from screening.clinic.preview import preview, was_shown
from screening.clinic.refusals import faults_of
from screening.forms.laboratory import NotMatchedForm, TestForm, test_of
from screening.forms.matching import ParkForm, as_written, fill, shown_fields
from screening.forms.people import PresentForm
from screening.forms.results import ResultForm
from screening.laboratory.candidates import candidates_for
from screening.laboratory.matching import (
    LATE,
    REASONS,
    REJECTIONS,
    SOURCES,
    match_result,
    park_result,
    queue_of,
    reject_result,
    unmatched,
)
from screening.laboratory.tabs import laboratory_tabs
from screening.models import UnmatchedResult, UnmatchedState
from screening.results import known_test, said_test
from screening.views.desk import facility_of, person_of

PAGE = 25


@for_roles(*CLINIC)
@require_GET
def queue(request: ActingRequest) -> HttpResponse:
    """The open ones of the facility, the oldest first."""
    facility = facility_of(request)
    found = unmatched(facility.pk)
    after = request.GET.get("after", "")
    if after.isdecimal() and len(after) < 19:
        found = found.filter(pk__gt=int(after)).order_by("pk")
    rows = list(found[: PAGE + 1])
    _log(request)
    context = {
        "rows": [_line(row) for row in rows[:PAGE]],
        "queue": queue_of(facility.pk),
        "next_page": f"?after={rows[PAGE - 1].pk}" if len(rows) > PAGE else "",
        "first_page": "?" if after else "",
        "tabs": laboratory_tabs(facility.pk, "clinic-matching"),
    }
    return render(request, "clinic/matching.html", context)


@for_roles(*CLINIC)
@require_http_methods(["GET", "POST"])
def new(request: ActingRequest) -> HttpResponse:
    """Put a result of the bench into the queue, when nobody knows whose tube it is."""
    facility = facility_of(request)
    form = ParkForm(request.POST or None, initial={"specimen_id": request.GET.get("code", "")})
    if form.is_valid():
        park_result(
            payload=form.payload(),
            fields=form.fields_known(),
            reason="specimen_unknown",
            source="bench",
            facility=facility,
            actor=request.actor,
        )
        messages.success(request, _("Đã đưa vào hàng chờ khớp người. Kết quả không bị mất."))
        return redirect("clinic-matching")
    return render(
        request, "clinic/matching_new.html", {"form": form, "tabs": laboratory_tabs(facility.pk, "clinic-matching")}
    )


@for_roles(*CLINIC)
@require_http_methods(["GET", "POST"])
def one(request: ActingRequest, unmatched_id: int) -> HttpResponse:
    """One of them: what arrived, who it may be, somebody who presents herself, or a rejection."""
    facility = facility_of(request)
    row = _own(facility, unmatched_id)
    rejecting = request.method == "POST" and "rejected_as" in request.POST
    presenting = request.method == "POST" and "number" in request.POST
    reject = NotMatchedForm(request.POST if rejecting or (request.POST and not presenting) else None)
    present = PresentForm(request.POST if presenting else None, initial=_papers(row))
    present.fields["number"].widget.attrs.pop("autofocus", None)
    if request.method == "POST" and not presenting and reject.is_valid():
        try:
            settled = reject_result(unmatched=row, actor=request.actor, **reject.cleaned_data)
        except Refused as refused:
            for fault in faults_of(refused):
                messages.error(request, fault.text)
        else:
            done, asked = (
                _("Đã loại kết quả này với lý do. Nó vẫn được lưu."),
                _("Đã ghi lý do. Đây có thể là kết quả dương tính, nên vẫn ở hàng chờ đến khi có người thứ hai xem."),
            )
            messages.success(request, done if settled else asked)
        return redirect("clinic-matching")
    if presenting and present.is_valid():
        known = find_presented(**present.cleaned_data)
        if known is not None and request.POST.get("confirmed") == "yes":
            policy().record_presented(frozenset({known.pk}), actor=request.actor)
            return redirect("clinic-matching-person", row.pk, known.pk)
        if known is None:
            present.add_error("number", _("Chưa có hồ sơ nào với số và ngày sinh này. Hãy đăng ký người này trước."))
        else:
            record_access(
                actor=request.actor, action="find", patients=[known.pk], resource_type="Patient", reason=request.path
            )
    else:
        known = None
    _log(request, row)
    context = {
        "row": _line(row),
        "fields": shown_fields(row),
        "payload": row.payload,
        "candidates": candidates_for(row.fields, actor=request.actor, reason=request.path),
        "present": present,
        "known": known,
        "reject": reject,
        "open": row.state == UnmatchedState.OPEN,
        "asked_by_me": row.asked_by == request.actor.id,
    }
    return render(request, "clinic/matching_one.html", context)


@for_roles(*CLINIC)
@require_http_methods(["GET", "POST"])
def person(request: ActingRequest, unmatched_id: int, patient_id: str) -> HttpResponse:
    """The result as this person's: filled in as it came, read by the protocol, saved when that was seen."""
    facility, citizen = facility_of(request), person_of(request, patient_id)
    row = _own(facility, unmatched_id)
    asked = request.GET.get("test", "")
    test = test_of(asked) or said_test(row.fields.get("test", ""))
    context: dict[str, Any] = {
        "row": _line(row),
        "fields": shown_fields(row),
        "person": identity(citizen, with_area=False),
    }
    if test is None:
        return render(request, "clinic/matching_person.html", context | {"choose": TestForm()})
    form = ResultForm(request.POST or None, test=test, citizen=citizen, initial=fill(row.fields, test))
    shown = None
    if form.is_bound and form.is_valid() and not form.check_specimen(facility) and form.found:
        programme = known_test(test.key, timezone.localdate())[0]
        shown = preview(citizen=citizen, programme=programme, found=form.found, fields=form.result_fields())
    live = bool(request.headers.get("HX-Request"))
    if shown and not live and was_shown(request.POST.get("mark", ""), shown):
        try:
            match_result(
                unmatched=row,
                patient_id=patient_id,
                facility=facility,
                actor=request.actor,
                fields=form.result_fields(),
            )
        except Refused as refused:
            for fault in faults_of(refused):
                form.add_error(fault.field if fault.field in form.fields else None, fault.text)
            shown = None
        else:
            messages.success(request, _("Đã khớp và lưu kết quả."))
            return redirect("clinic-matching")
    context |= {"form": form, "preview": shown, "test_name": here(test.name)}
    return render(request, "clinic/result_preview.html" if live else "clinic/matching_person.html", context)


def _own(facility: Facility, unmatched_id: int) -> UnmatchedResult:
    return get_object_or_404(UnmatchedResult, pk=unmatched_id, facility=facility)


def _line(row: UnmatchedResult) -> dict[str, Any]:
    waited = timezone.now() - row.parked_at
    return {
        "row": row,
        "name": row.fields.get("full_name", ""),
        "birth": as_written(row, "birth_date"),
        "specimen": row.fields.get("specimen_id", ""),
        "test": as_written(row, "test"),
        "value": " ".join(part for part in (row.fields.get("value", ""), row.fields.get("unit", "")) if part),
        "reason": REASONS.get(row.reason, row.reason),
        "asked": REJECTIONS.get(row.rejected_as, "") if row.asked_by else "",
        "source": SOURCES.get(row.source, row.source),
        "days": waited.days,
        "late": waited > LATE,
    }


def _papers(row: UnmatchedResult) -> dict[str, str]:
    number = row.fields.get("cccd") or row.fields.get("insurance_number", "")
    return {"number": number, "birth_date": row.fields.get("birth_date", "")}


def _log(request: ActingRequest, row: UnmatchedResult | None = None) -> None:
    """Nobody is known yet whose log could hold it, but who looked at the queue is kept."""
    record_access(
        actor=request.actor,
        action="view",
        patients=[None],
        resource_type="UnmatchedResult",
        resource_id=str(row.pk) if row else "",
        reason=request.path,
    )
