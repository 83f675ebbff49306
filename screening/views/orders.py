"""Ordering a test for somebody, giving her the kit or tube, and printing what goes with it."""

from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from fhir.outcomes import Refused
from healthhub.audit.log import record_access
from records.access import visible_to
from records.identity import identity
from records.models import Facility
from records.views.guards import CLINIC, ActingRequest, for_roles
from screening.citizen import here
from screening.clinic.refusals import faults_of
from screening.forms.laboratory import OrderForm, test_choices, test_of
from screening.laboratory.barcodes import bars_of
from screening.laboratory.custody import custody_of
from screening.laboratory.instructions import how_to
from screening.laboratory.orders import cancel_order, issue_kit, lots_of, place_order
from screening.laboratory.specimens import collect
from screening.models import Kit, Order
from screening.views.desk import facility_of, person_of

MOST = 60  # labels on one sheet of paper, and more than anybody issues at once
PAPERS = ("sheet", "roll", "slip")


@for_roles(*CLINIC)
@require_http_methods(["GET", "POST"])
def orders(request: ActingRequest, patient_id: str) -> HttpResponse:
    """The person's orders with where their samples are; a form for another order."""
    facility, citizen = facility_of(request), person_of(request, patient_id)
    lots = [lot for lot in lots_of(facility.pk) if lot.expires_on >= timezone.localdate()]
    initial = {"test": request.GET.get("test", ""), "lot": lots[0].pk if len(lots) == 1 else ""}
    form = OrderForm(request.POST or None, facility=facility, lots=lots, tests=test_choices(), initial=initial)
    if form.is_valid():
        try:
            kit = _order(form.cleaned_data, patient_id, facility, request)
        except Refused as refused:
            for fault in faults_of(refused):
                form.add_error(None, _("Xét nghiệm này đang có một chỉ định chưa có kết quả.")
                               if refused.status == 409 else fault.text)  # fmt: skip
        else:
            messages.success(request, _("Đã chỉ định. Hãy in nhãn dán ống mẫu và phiếu hướng dẫn."))
            return redirect(f"{reverse('clinic-labels')}?paper=slip&code={kit.barcode}")
    context = {
        "form": form,
        "person": identity(citizen, with_area=False),
        "orders": _lines(patient_id),
        "soon": [lot for lot in lots if (lot.expires_on - timezone.localdate()).days < 30],
    }
    return render(request, "clinic/orders.html", context)


@for_roles(*CLINIC)
@require_POST
def cancel(request: ActingRequest, patient_id: str, order_id: str) -> HttpResponse:
    """Take back an order of the own facility."""
    facility = facility_of(request)
    person_of(request, patient_id)
    order = get_object_or_404(Order, pk=order_id, patient_id=patient_id, facility=facility)
    try:
        cancel_order(order=order, actor=request.actor)
    except Refused as refused:
        for fault in faults_of(refused):
            messages.error(request, fault.text)
    else:
        messages.success(request, _("Đã rút chỉ định. Nó vẫn nằm trong lịch sử."))
    return redirect("clinic-orders", patient_id)


@for_roles(*CLINIC)
@require_GET
def labels(request: ActingRequest) -> HttpResponse:
    """Barcodes to print: a sheet of labels, a label roll, or slips with how to take the sample."""
    facility_of(request)
    codes = [code for code in dict.fromkeys(request.GET.getlist("code")) if "\x00" not in code][:MOST]
    paper = request.GET.get("paper", "sheet")
    people = visible_to(request.actor)
    found = Kit.objects.filter(barcode__in=codes, patient__in=people).select_related("patient", "lot", "facility")
    kits = sorted(found, key=lambda kit: codes.index(kit.barcode))
    if not kits or paper not in PAPERS:
        raise Http404
    record_access(
        actor=request.actor,
        action="print",
        patients=sorted({kit.patient_id for kit in kits}),
        resource_type="Specimen",
        reason=request.path,
    )
    query = "&".join(f"code={kit.barcode}" for kit in kits)
    names = {"sheet": _("Tờ nhãn A4"), "roll": _("Cuộn nhãn"), "slip": _("Phiếu hướng dẫn")}
    context = {
        "paper": paper,
        "labels": [_label(kit) for kit in kits],
        "papers": [
            {"label": names[key], "href": f"?paper={key}&{query}", "count": None, "current": key == paper}
            for key in PAPERS
        ],
    }
    return render(request, "clinic/labels.html", context)


def _order(data: dict[str, Any], patient_id: str, facility: Facility, request: ActingRequest) -> Kit:
    with transaction.atomic():
        performer = Facility.objects.get(pk=data["performer"])
        order = place_order(
            patient_id=patient_id, test=data["test"], facility=facility, actor=request.actor, performer=performer
        )
        kit = issue_kit(
            order=Order.objects.get(pk=order), facility=facility, actor=request.actor, lot=data["lot"] or None
        )
        if data["collected"]:
            collect(kit=kit, facility=facility, actor=request.actor)
    return kit


def _lines(patient_id: str) -> list[dict[str, Any]]:
    found = list(
        Order.objects.filter(patient_id=patient_id)
        .select_related("facility", "performer")
        .order_by("-authored_on", "-pk")[:50]
    )
    kits: dict[str, list[Kit]] = {}
    for kit in Kit.objects.filter(patient_id=patient_id).select_related("lot"):
        kits.setdefault(kit.order_id, []).append(kit)
    custody = custody_of([kit.barcode for held in kits.values() for kit in held])
    states = {
        "active": ("wait", _("Đang chờ kết quả")),
        "revoked": ("none", _("Đã rút")),
        "entered-in-error": ("none", _("Nhập nhầm")),
    }
    lines = []
    for order in found:
        test = test_of(order.test)
        kind, word = states.get(order.status, ("none", order.status))
        if order.result_id:
            kind, word = "good", _("Đã có kết quả")
        lines.append(
            {
                "order": order,
                "test": here(test.name) if test else order.test,
                "kind": kind,
                "word": word,
                "open": order.status == "active" and not order.result_id,
                "kits": [{"kit": kit, "custody": custody.get(kit.barcode, [])} for kit in kits.get(order.pk, ())],
            }
        )
    return lines


def _label(kit: Kit) -> dict[str, Any]:
    test = test_of(kit.test)
    return {
        "kit": kit,
        "person": identity(kit.patient, with_area=False),
        "test": here(test.name) if test else kit.test,
        "bars": bars_of(kit.barcode),
        "steps": how_to(kit.test),
    }
