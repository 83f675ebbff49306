"""Tubes that come and go: received and sent by scan, rejected with a reason; what is late; lots of kits."""

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.db.models import Count, QuerySet
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods

from fhir.outcomes import Refused
from healthhub.audit.log import record_access
from records.access import visible_to
from records.identity import identity
from records.models import Facility
from records.views.guards import CLINIC, ActingRequest, for_roles
from screening.citizen import here
from screening.clinic.keyset import page_after
from screening.clinic.refusals import faults_of
from screening.clinic.words import due_in_words, due_kind
from screening.forms.laboratory import LotForm, RejectForm, ScansForm, SendForm, test_of
from screening.laboratory.alarms import KINDS, alarm_counts, kits_out, late, unanswered, unread
from screening.laboratory.custody import custody_of
from screening.laboratory.orders import lots_of
from screening.laboratory.specimens import (
    RECEIVED,
    accept_again,
    dispose,
    receive,
    reject_specimen,
    send_on,
    tubes_of,
)
from screening.laboratory.tabs import laboratory_tabs
from screening.models import CustodyKind
from screening.views.desk import facility_of

PAGE = 50
SHOWN = 20  # receipts kept in view


@for_roles(*CLINIC)
@require_http_methods(["GET", "POST"])
def receipt(request: ActingRequest) -> HttpResponse:
    """Log tubes that arrive, one scan or many; what became of each stands below, the cursor is in the field again."""
    facility = facility_of(request)
    form = ScansForm(request.POST or None)
    receipts = []
    if form.is_valid():
        receipts = receive(
            form.cleaned_data["scans"],
            facility=facility,
            actor=request.actor,
            collected_on=form.cleaned_data["collected_on"],
        )
        _log(request, [one.person.pk for one in receipts if one.person])
        form = ScansForm(initial={"collected_on": form.cleaned_data["collected_on"]})
    lines = [
        {
            "receipt": one,
            "person": identity(one.person, with_area=False) if one.person else None,
            "test": _test_name(one.test),
            "kind": "good" if one.state in RECEIVED else "urgent",
        }
        for one in receipts
    ]
    good = sum(one.state in RECEIVED for one in receipts)
    context = {
        "form": form,
        "lines": lines,
        "good": good,
        "bad": len(receipts) - good,
        "tabs": laboratory_tabs(facility.pk, "clinic-receive"),
    }
    return render(request, "clinic/specimen_receive.html", context)


@for_roles(*CLINIC)
@require_http_methods(["GET", "POST"])
def send(request: ActingRequest) -> HttpResponse:
    """Log that tubes go to another facility, which can receive and read them from then on."""
    facility = facility_of(request)
    form = SendForm(request.POST or None, facility=facility)
    if form.is_valid():
        to = Facility.objects.get(pk=form.cleaned_data["to"])
        sent, unknown = send_on(form.cleaned_data["scans"], facility=facility, to=to, actor=request.actor)
        _log(request, [tube.person.pk for tube in sent if tube.person])
        if sent:
            told = ngettext("Đã ghi gửi %(count)d mẫu.", "Đã ghi gửi %(count)d mẫu.", len(sent)) % {"count": len(sent)}
            messages.success(request, told)
        if unknown:
            form.add_error("scans", _("Chưa ai ghi nhận các mã này: %(codes)s") % {"codes": ", ".join(unknown[:20])})
        else:
            return redirect("clinic-send")
    return render(request, "clinic/specimen_send.html", {"form": form})


@for_roles(*CLINIC)
@require_http_methods(["GET", "POST"])
def reject(request: ActingRequest, barcode: str) -> HttpResponse:
    """Refuse a sample with a coded reason: the person is asked for another one."""
    facility = facility_of(request)
    tube = tubes_of([barcode], facility=facility, actor=request.actor)[barcode]
    if tube.person is None:
        raise Http404
    _log(request, [tube.person.pk])
    form = RejectForm(request.POST or None)
    if form.is_valid():
        try:
            reject_specimen(tube=tube, facility=facility, actor=request.actor, **form.cleaned_data)
        except Refused as refused:
            for fault in faults_of(refused):
                form.add_error(None, fault.text)
        else:
            if tube.test:
                messages.success(request, _("Đã từ chối mẫu. Việc lấy lại mẫu đã được mở cho người này."))
            else:
                told = _("Đã từ chối mẫu. Không rõ mẫu của xét nghiệm nào, nên hãy tự chỉ định lại cho người này.")
                messages.warning(request, told)
            return redirect("clinic-bench")
    context = {
        "form": form,
        "tube": tube,
        "person": identity(tube.person, with_area=False),
        "test": _test_name(tube.test),
        "custody": custody_of([barcode]).get(barcode, []),
    }
    return render(request, "clinic/specimen_reject.html", context)


@for_roles(*CLINIC)
@require_http_methods(["GET", "POST"])
def tube(request: ActingRequest, barcode: str) -> HttpResponse:
    """Whose hands a sample was in; a rejection is taken back here, and a tube that is done with is disposed of."""
    facility = facility_of(request)
    found = tubes_of([barcode], facility=facility, actor=request.actor)[barcode]
    specimen = found.specimen
    if found.person is None or specimen is None or specimen.facility_id != facility.pk:
        raise Http404
    _log(request, [found.person.pk])
    action = request.POST.get("action", "")
    if action in ("accept", "dispose"):
        try:
            if action == "accept":
                accept_again(specimen=specimen, facility=facility, actor=request.actor)
            else:
                dispose(tube=found, facility=facility, actor=request.actor)
        except Refused as refused:
            for fault in faults_of(refused):
                messages.error(request, fault.text)
        else:
            told = _("Đã nhận lại mẫu; nó chờ được đọc.") if action == "accept" else _("Đã ghi là mẫu đã hủy.")
            messages.success(request, told)
        return redirect("clinic-tube", barcode)
    events = custody_of([barcode]).get(barcode, [])
    gone = any(event.kind == CustodyKind.DISPOSED for event in events)
    context = {
        "tube": found,
        "person": identity(found.person, with_area=False),
        "test": _test_name(found.test),
        "custody": events,
        "may_accept": not gone and specimen.status == "unsatisfactory",
        "may_dispose": not gone and (specimen.status != "available" or bool(specimen.result_id)),
    }
    return render(request, "clinic/specimen_tube.html", context)


@for_roles(*CLINIC)
@require_GET
def overdue(request: ActingRequest) -> HttpResponse:
    """Samples logged but not read, orders without a result, kits that did not come back: the longest-waiting first."""
    facility = facility_of(request)
    counts = alarm_counts(facility.pk)
    kind = request.GET.get("kind", "")
    if kind not in KINDS:
        kind = next((key for key in KINDS if counts[key]), "unread")
    everything = request.GET.get("all") == "yes"
    found = {"unread": unread, "orders": unanswered, "kits": kits_out}[kind](facility.pk)
    found = found.filter(patient__in=visible_to(request.actor)).select_related("patient")
    after = request.GET.get("after", "")
    shown: QuerySet[Any] = found if everything else late(found)
    rows, rest = page_after(shown, "due_on", after, PAGE)
    _log(request, [row.patient_id for row in rows])
    today = timezone.localdate()
    lines = []
    for row in rows:
        days = (row.due_on - today).days if row.due_on else 0
        lines.append(
            {
                "person": identity(row.patient, with_area=False),
                "code": getattr(row, "barcode", ""),
                "test": _test_name(row.test),
                "since": getattr(row, "issued_on", None)
                or getattr(row, "authored_on", None)
                or timezone.localdate(row.received_at),
                "due_words": due_in_words(days),
                "kind": due_kind(days),
            }
        )
    asked = {"kind": kind, "all": "yes" if everything else ""}
    context = {
        "kind": kind,
        "kinds": [
            {"label": label, "href": f"?kind={key}", "count": counts[key], "current": key == kind}
            for key, label in KINDS.items()
        ],
        "lines": lines,
        "first_page": f"?{urlencode(asked)}" if after else "",
        "next_page": f"?{urlencode({**asked, 'after': rest})}" if rest else "",
        "everything": everything,
        "tabs": laboratory_tabs(facility.pk, "clinic-specimens"),
    }
    return render(request, "clinic/specimens.html", context)


@for_roles(*CLINIC)
@require_http_methods(["GET", "POST"])
def kits(request: ActingRequest) -> HttpResponse:
    """The lots of the facility with their last day and how many are left; a form for a new one."""
    facility = facility_of(request)
    form = LotForm(request.POST or None, facility=facility)
    if form.is_valid():
        lot = form.save(commit=False)
        lot.facility, lot.added_by = facility, request.actor.id
        lot.save()
        messages.success(request, _("Đã nhập lô kit."))
        return redirect("clinic-kits")
    today = timezone.localdate()
    lots = lots_of(facility.pk).annotate(given=Count("kits"))[:200]
    context = {
        "form": form,
        "lots": [_lot(lot, (lot.expires_on - today).days) for lot in lots],
        "tabs": laboratory_tabs(facility.pk, "clinic-kits"),
    }
    return render(request, "clinic/specimen_kits.html", context)


def _lot(lot: Any, days: int) -> dict[str, Any]:
    """A KitLot with ``given``, the kits that were handed out of it."""
    kind = "urgent" if days < 0 else "act" if days < 30 else "good"
    word = _("Đã hết hạn") if days < 0 else _("Sắp hết hạn") if days < 30 else _("Còn hạn")
    return {
        "lot": lot,
        "left": lot.quantity - lot.given,
        "test": _test_name(lot.test),
        "kind": kind,
        "word": word,
    }


def _test_name(key: str) -> str:
    test = test_of(key)
    return here(test.name) if test else ""


def _log(request: ActingRequest, people: list[str]) -> None:
    if people:
        record_access(
            actor=request.actor,
            action="view",
            patients=sorted(set(people)),
            resource_type="Specimen",
            reason=request.path,
        )
