"""Entering results by scan: barcode, Enter; value, Enter; the next. A second Enter only if the reading was not seen.

The last reading can be undone until the next one is saved. What the session keeps of it is its id.
"""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from fhir.outcomes import Refused
from healthhub.audit.log import record_access
from records.identity import identity
from records.models import Facility
from records.views.guards import CLINIC, ActingRequest, for_roles
from screening.citizen import here
from screening.clinic.person import result_lines
from screening.clinic.preview import Preview, preview, was_shown
from screening.clinic.refusals import faults_of
from screening.components import PREFIX
from screening.forms.laboratory import BenchForm, ScanForm, TestForm, test_of
from screening.laboratory.barcodes import is_mistyped
from screening.laboratory.entry import Entry, enter_readings, needs_second, undo_reading
from screening.laboratory.specimens import Tube, tubes_of
from screening.laboratory.tabs import laboratory_tabs
from screening.models import ScreeningResult
from screening.results import known_test
from screening.views.desk import facility_of

_LAST = "bench_last"  # the Observation that the bench saved last
_AGAIN = "bench_again"  # the barcode whose reading was just undone
_COUNT = "bench_count"  # how many this series has


@for_roles(*CLINIC)
@require_http_methods(["GET", "POST"])
def bench(request: ActingRequest) -> HttpResponse:
    """The scan field; after a scan the person with the few fields of her test; then the scan field again."""
    facility = facility_of(request)
    if request.method == "GET":
        again = request.session.pop(_AGAIN, "")
        return _scanned(request, facility, again) if again else _page(request, facility, {"scan": ScanForm()})
    if "scan" in request.POST:
        form = ScanForm(request.POST)
        if not form.is_valid():
            return _page(request, facility, {"scan": form})
        return _scanned(request, facility, form.cleaned_data["scan"])
    return _entered(request, facility)


@for_roles(*CLINIC)
@require_POST
def undo(request: ActingRequest) -> HttpResponse:
    """Take back the last reading, and open its tube again."""
    facility = facility_of(request)
    last = request.session.pop(_LAST, "")
    result = ScreeningResult.objects.filter(pk=last, facility=facility).first() if last else None
    if result is None or request.POST.get("result") != last:
        messages.error(request, _("Không còn gì để hoàn tác. Hãy sửa kết quả trong hồ sơ của người đó."))
        return redirect("clinic-bench")
    try:
        undo_reading(result=result, actor=request.actor)
    except Refused as refused:
        for fault in faults_of(refused):
            messages.error(request, fault.text)
    else:
        request.session[_AGAIN] = result.specimen_id
        request.session[_COUNT] = max(0, request.session.get(_COUNT, 1) - 1)
        messages.success(request, _("Đã hoàn tác. Kết quả vẫn nằm trong lịch sử là nhập nhầm."))
    return redirect("clinic-bench")


@for_roles(*CLINIC)
@require_GET
def end(request: ActingRequest) -> HttpResponse:
    """Begin a new series: the count from nothing, nothing to undo."""
    facility_of(request)
    for name in (_LAST, _AGAIN, _COUNT):
        request.session.pop(name, None)
    return redirect("clinic-bench")


def _scanned(request: ActingRequest, facility: Facility, barcode: str) -> HttpResponse:
    tube = tubes_of([barcode], facility=facility, actor=request.actor)[barcode]
    if tube.person is None:
        form = ScanForm({"scan": barcode})
        form.is_valid()
        form.add_error("scan", _why_unknown(tube))
        return _page(request, facility, {"scan": form, "unknown": barcode, "mistyped": is_mistyped(barcode)})
    held = _held(tube, facility)
    if held is not None:
        lines = result_lines([held], actor=request.actor)
        return _page(request, facility, {"scan": ScanForm(), "tube": tube, "held": lines[0]})
    test = test_of(request.POST.get("test") or tube.test)
    if test is None:
        return _page(request, facility, {"tube": tube, "choose": TestForm()})
    return _page(request, facility, {"tube": tube, "form": BenchForm(test=test, tube=tube)})


def _entered(request: ActingRequest, facility: Facility) -> HttpResponse:
    barcode = request.POST.get("specimen_id", "")
    tube = tubes_of([barcode], facility=facility, actor=request.actor)[barcode]
    test = test_of(request.POST.get("test", ""))
    if tube.person is None or test is None:
        return _scanned(request, facility, barcode)
    form = BenchForm(request.POST, test=test, tube=tube)
    shown = _preview(form, tube, facility)
    live = bool(request.headers.get("HX-Request"))
    if shown and not live and was_shown(request.POST.get("mark", ""), shown):
        try:
            [saved] = enter_readings([Entry(tube, form.result_fields())], facility=facility, actor=request.actor)
        except Refused as refused:
            for fault in faults_of(refused):
                form.add_error(fault.field if fault.field in form.fields else None, fault.text)
            shown = None
        else:
            request.session[_LAST] = saved.id
            request.session[_COUNT] = request.session.get(_COUNT, 0) + 1
            return redirect("clinic-bench")
    if live:
        return render(request, "clinic/result_preview.html", {"form": form, "preview": shown})
    return _page(request, facility, {"tube": tube, "form": form, "preview": shown})


def _preview(form: BenchForm, tube: Tube, facility: Facility) -> Preview | None:
    if not form.is_valid() or form.check_specimen(facility) or form.found is None or tube.person is None:
        return None
    programme = known_test(form.test.key, timezone.localdate())[0]
    return preview(citizen=tube.person, programme=programme, found=form.found, fields=form.result_fields())


def _page(request: ActingRequest, facility: Facility, context: dict[str, Any]) -> HttpResponse:
    tube: Tube | None = context.get("tube")
    if tube and tube.person:
        record_access(
            actor=request.actor, action="view", patients=[tube.person.pk], resource_type="Specimen", reason=request.path
        )
        context["person"] = identity(tube.person, with_area=False)
    form: BenchForm | None = context.get("form")
    if form:
        context |= {"test_name": here(form.test.name), "second": needs_second(form.test.key)}
        context["more"] = [form[name] for name in ("resulted_on", "kit", "cutoff", "note") if name in form.fields]
        beside = [name for name in form.fields if name.startswith(PREFIX)]
        few = ("value", "unit", "category", *beside, "collected_on")
        context["few"] = [form[name] for name in few if name in form.fields]
    last = request.session.get(_LAST)
    result = ScreeningResult.objects.filter(pk=last, facility=facility).select_related("facility", "episode").first()
    context |= {
        "last": result_lines([result], actor=request.actor)[0] if result else None,
        "count": request.session.get(_COUNT, 0),
        "tabs": laboratory_tabs(facility.pk, "clinic-bench"),
    }
    return render(request, "clinic/bench.html", context)


def _held(tube: Tube, facility: Facility) -> ScreeningResult | None:
    found = ScreeningResult.objects.filter(facility=facility, specimen_id=tube.barcode)
    found = found.filter(test=tube.test) if tube.test else found
    return found.select_related("facility", "episode").first()


def _why_unknown(tube: Tube) -> str:
    if is_mistyped(tube.barcode):
        return _("Mã này gõ sai: ký tự kiểm tra không khớp. Hãy quét lại.")
    if tube.hidden:
        return _("Mã của cơ sở khác, chưa được ghi là gửi đến đây. Hãy hỏi nơi gửi.")
    return _("Chưa ai ghi nhận mã này.")
